//! The program file of a process: where it lies in memory, and what its symbols say.

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::MetadataExt;

use memmap2::Mmap;
use object::read::elf::{ElfFile64, FileHeader, ProgramHeader};
use object::{LittleEndian, Object, ObjectSymbol, elf};

use super::{Mapping, Thread};

/// Largest program file that is looked into, and most symbols of it.
pub(super) const MAX_FILE: u64 = 512 * 1024 * 1024;
const MAX_SYMBOLS: usize = 2_000_000;

pub(super) type Elf<'a> = ElfFile64<'a, LittleEndian, &'a [u8]>;

/// The bytes of a file, read where they are looked at.
pub(super) fn map(file: &File) -> Option<Mmap> {
    // SAFETY: the bytes are only read as numbers and names that are checked. Whoever makes the file shorter meanwhile
    // ends this process by a signal, which is made to be ended.
    unsafe { Mmap::map(file) }.ok()
}

/// Open what a process runs: its own file, whatever has happened to the path since.
pub(super) fn open(thread: &Thread) -> Option<(File, u64)> {
    let file = File::open(format!("/proc/{}/exe", thread.process)).ok()?;
    let metadata = file.metadata().ok()?;
    (metadata.is_file() && metadata.len() <= MAX_FILE).then_some((file, metadata.ino()))
}

/// What has to be added to an address of the file to find it in memory.
pub(super) fn bias(elf: &Elf<'_>, maps: &[Mapping], inode: u64) -> Option<u64> {
    let map = maps.iter().find(|map| map.inode == inode && map.name.starts_with('/'))?;
    let endian = elf.endian();
    let headers = elf.elf_header().program_headers(endian, elf.data()).ok()?;
    let page = |address: u64| address & !0xfff;
    let segment = headers.iter().find(|header| {
        header.p_type(endian) == elf::PT_LOAD && page(header.p_offset(endian)) == map.offset
    })?;
    Some(map.start.wrapping_sub(page(segment.p_vaddr(endian))))
}

/// Addresses in the process of the exported symbols that are wanted.
pub(super) fn symbols(thread: &Thread, is_wanted: impl Fn(&str) -> bool) -> Option<HashMap<String, u64>> {
    let (file, inode) = open(thread)?;
    let bytes = map(&file)?;
    let elf = Elf::parse(&*bytes).ok()?;
    let bias = bias(&elf, &thread.maps, inode)?;
    let mut found = HashMap::new();
    for symbol in elf.dynamic_symbols().take(MAX_SYMBOLS).filter(ObjectSymbol::is_definition) {
        if let Ok(name) = symbol.name()
            && is_wanted(name)
        {
            found.insert(name.to_owned(), symbol.address().wrapping_add(bias));
        }
    }
    Some(found)
}
