//! The lines of a native program, out of its debug information; at least its functions, when it has symbols.

use std::borrow::Cow;
use std::collections::HashMap;
use std::rc::Rc;

use addr2line::Context;
use gimli::{Dwarf, EndianSlice, LittleEndian, SectionId};
use object::{Object, ObjectSection, ObjectSymbol, SymbolKind};

use super::program::Elf;
use super::unwind::{Module, Modules, Walk};
use super::{Frame, MOST_FRAMES, Thread};

/// More debug information than this takes longer to read than a waiting call has time.
const MAX_DEBUG: u64 = 48 * 1024 * 1024;
const MAX_SYMBOLS: usize = 1_000_000;

/// Names that are kept of one file.
const MOST_NAMES: usize = 10_000;

/// The frames of a thread in files outside the system's own folders.
pub(super) fn read(thread: &Thread, modules: &mut Modules) -> Option<Vec<Frame>> {
    let mut walk = Walk::new(thread, modules);
    if walk.maps.iter().all(|map| !map.executable || map.inode == 0 || is_system(&map.name)) {
        return None;
    }
    let mut places: Vec<(Rc<Module>, u64)> = Vec::new();
    loop {
        let address = walk.instruction();
        if places.len() < MOST_FRAMES
            && let Some(module) = walk.module(address).filter(|module| !is_system(&module.name))
        {
            let address = address.wrapping_sub(module.bias);
            places.push((module, address));
        }
        if walk.step().is_none() {
            break;
        }
    }
    walk.is_sound().then_some(())?;
    let mut frames = Vec::new();
    for (module, address) in &places {
        if !module.named.borrow().contains_key(address) {
            let of_module = places.iter().filter(|(other, _)| Rc::ptr_eq(other, module));
            let named = name(module, &of_module.map(|(_, address)| *address).collect::<Vec<_>>());
            let mut known = module.named.borrow_mut();
            if known.len() >= MOST_NAMES {
                known.clear();
            }
            known.extend(named.unwrap_or_default());
            known.entry(*address).or_default();
        }
        frames.extend(module.named.borrow().get(address).into_iter().flatten().cloned());
    }
    frames.retain(|frame| frame.function != "_start");
    Some(frames)
}

/// Nobody reading a skill's report wants to know the functions of the C library.
fn is_system(name: &str) -> bool {
    ["/usr/", "/lib", "/bin/", "/sbin/", "/opt/", "/nix/"].iter().any(|folder| name.starts_with(folder))
}

/// What debug information and symbols say of these addresses.
fn name(module: &Module, addresses: &[u64]) -> Option<Vec<(u64, Vec<Frame>)>> {
    let elf = Elf::parse(&*module.bytes).ok()?;
    let debug: u64 =
        elf.sections().filter(|section| is_debug(section.name())).map(|section| section.size()).sum();
    let mut sections: HashMap<SectionId, Cow<'_, [u8]>> = HashMap::new();
    let mut load = |id: SectionId| -> Result<(), gimli::Error> {
        let data = elf.section_by_name(id.name()).and_then(|section| section.uncompressed_data().ok());
        let mut data = data.unwrap_or_default();
        if data.len() as u64 > MAX_DEBUG {
            data = Cow::default();
        }
        sections.insert(id, data);
        Ok(())
    };
    let mut context = None;
    if (1..=MAX_DEBUG).contains(&debug) && Dwarf::load(&mut load).is_ok() {
        let section = |id: SectionId| -> Result<_, gimli::Error> {
            Ok(EndianSlice::new(sections.get(&id).map_or(&[][..], |data| data), LittleEndian))
        };
        context = Dwarf::load(section).ok().and_then(|dwarf| Context::from_dwarf(dwarf).ok());
    }
    let symbols = symbols(&elf);
    let found =
        addresses.iter().map(|address| context.as_ref().map_or_else(Vec::new, |c| lines(c, *address)));
    let found: Vec<Vec<Frame>> = found.collect();
    // Where some functions have lines, those without are of a library that was linked in.
    let with_lines = found.iter().any(|frames| !frames.is_empty());
    let named = addresses.iter().zip(found).filter(|(_, frames)| !with_lines || !frames.is_empty());
    let named = named.map(|(address, mut frames)| {
        frames.extend(symbol(&symbols, *address).map(|function| Frame {
            file: module.name.clone().into(),
            line: 0,
            function: demangled(function),
        }));
        (*address, frames)
    });
    Some(named.collect())
}

fn is_debug(name: Result<&str, object::Error>) -> bool {
    name.is_ok_and(|name| name.starts_with(".debug_") || name.starts_with(".zdebug_"))
}

/// Functions that were inlined there, innermost first, and the one that they were inlined into.
fn lines(context: &Context<EndianSlice<'_, LittleEndian>>, address: u64) -> Vec<Frame> {
    let mut found = Vec::new();
    let Ok(mut frames) = context.find_frames(address).skip_all_loads() else { return found };
    while let Ok(Some(frame)) = frames.next() {
        let location = frame.location.and_then(|location| Some((location.file?.to_owned(), location.line?)));
        let function = frame.function.and_then(|name| name.raw_name().ok().map(|name| demangled(&name)));
        if let Some((file, line)) = location {
            found.push(Frame { file: file.into(), line, function: function.unwrap_or_default() });
        }
        if found.len() >= MOST_FRAMES {
            break;
        }
    }
    found
}

/// Beginning, size and name of every function, by beginning.
fn symbols<'a>(elf: &Elf<'a>) -> Vec<(u64, u64, &'a str)> {
    let all = elf.symbols().chain(elf.dynamic_symbols()).take(MAX_SYMBOLS);
    let functions = all.filter(|symbol| symbol.kind() == SymbolKind::Text && symbol.size() > 0);
    let named = functions.filter_map(|symbol| Some((symbol.address(), symbol.size(), symbol.name().ok()?)));
    let mut found: Vec<_> = named.collect();
    found.sort_unstable();
    found
}

fn symbol<'a>(symbols: &[(u64, u64, &'a str)], address: u64) -> Option<&'a str> {
    let after = symbols.partition_point(|(begin, _, _)| *begin <= address);
    let (begin, size, name) = symbols.get(after.checked_sub(1)?)?;
    (address - begin < *size).then_some(*name)
}

fn demangled(name: &str) -> String {
    addr2line::demangle_auto(name.into(), None).into_owned()
}
