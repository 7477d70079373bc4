//! Walks the native stack of a thread that waits in a call, without stopping it.
//!
//! Known at the call are only program counter and stack pointer (proc_pid_syscall(5)); the rest comes from the tables
//! that compilers write for exceptions (`.eh_frame`), as far as functions on the way have saved it. A function whose
//! frame hangs on a register that nobody saved is worked out from its first instructions, and believed only when the
//! return address found so lies behind a call, of this very function where the call names one.

use std::cell::RefCell;
use std::collections::HashMap;
use std::fs::File;
use std::ops::Range;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::rc::Rc;

use gimli::{
    BaseAddresses, CfaRule, EhFrame, EhFrameHdr, EndianSlice, LittleEndian, Register, RegisterRule,
    UnwindContext, UnwindSection, UnwindTableRow, X86_64,
};
use memmap2::Mmap;
use nix::fcntl::{AT_FDCWD, OFlag, OpenHow, ResolveFlag, openat2};
use object::{Object, ObjectSection};

use super::code::{Called, called, frame_size, relative};
use super::program::{self, Elf, MAX_FILE, bias};
use super::{Frame, Mapping, Thread, index_at};
use crate::sandbox::linux::tracee::{read_memory, read_number};

type Slice<'a> = EndianSlice<'a, LittleEndian>;

/// Steps from the call to the outermost function.
const MOST_STEPS: usize = 1024;
const MOST_MODULES: usize = 128;
const MOST_CALLS: usize = 500_000;

/// How a function is left at one place, and where it begins.
type Row = (UnwindTableRow<usize>, u64);

/// Where a thread is in one function: registers that nobody has saved are not known.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Registers {
    pub pc: u64,
    pub sp: u64,
    pub fp: Option<u64>,
    others: [Option<u64>; 5],
}

/// rbx and r12 to r15: a function has to leave them, rbp and rsp as they were.
const PRESERVED: [Register; 5] = [X86_64::RBX, X86_64::R12, X86_64::R13, X86_64::R14, X86_64::R15];

/// Files that have been opened, by program, inode and place in memory: reading them takes longer than a walk.
#[derive(Default)]
pub(super) struct Modules {
    open: HashMap<(u64, u64, u64), Option<Rc<Module>>>,
    bytes: usize,
    /// Whether an address of a program lies behind a call of a function.
    calls: HashMap<(u64, u64, u64), bool>,
}

impl Modules {
    fn get(&mut self, image: u64, process: i32, map: &Mapping, maps: &[Mapping]) -> Option<Rc<Module>> {
        /// What all of them together may take of the address space.
        const MOST_BYTES: usize = 512 * 1024 * 1024;
        let start = maps.iter().find(|other| other.inode == map.inode)?.start;
        let key = (image, map.inode, start);
        if let Some(module) = self.open.get(&key).filter(|_| image != 0) {
            return module.clone();
        }
        if self.open.len() >= MOST_MODULES || self.bytes > MOST_BYTES {
            (self.open, self.bytes, self.calls) = (HashMap::new(), 0, HashMap::new());
        }
        let module = Module::open(process, map, maps).map(Rc::new);
        self.bytes += module.as_ref().map_or(0, |module| module.bytes.len());
        self.open.insert(key, module.clone());
        module
    }
}

/// A mapped file.
pub(super) struct Module {
    pub bytes: Mmap,
    pub name: String,
    pub bias: u64,
    /// What addresses of the file are called, once that has been found out.
    pub named: RefCell<HashMap<u64, Vec<Frame>>>,
    /// What the tables say of addresses that have been asked for.
    rows: RefCell<HashMap<u64, Option<Rc<Row>>>>,
    /// `.eh_frame` and its index: place in the file, and address.
    frames: (Range<usize>, u64),
    index: (Range<usize>, u64),
}

/// The stack of one thread at one moment.
pub(super) struct Walk<'a> {
    process: i32,
    image: u64,
    pub maps: Rc<[Mapping]>,
    modules: &'a mut Modules,
    pub at: Registers,
    /// The first step is at the call itself, all others behind one.
    first: bool,
    steps: usize,
    /// A frame was found by looking through the stack, which can hold what earlier calls have left there.
    guessed: bool,
    /// The walk has come to where the thread began.
    ended: bool,
}

impl<'a> Walk<'a> {
    pub(super) fn new(thread: &Thread, modules: &'a mut Modules) -> Self {
        Self {
            process: thread.process,
            image: thread.image,
            maps: Rc::clone(&thread.maps),
            modules,
            at: Registers { pc: thread.pc, sp: thread.sp, ..Registers::default() },
            first: true,
            steps: 0,
            guessed: false,
            ended: false,
        }
    }

    /// An address within the instruction that the function is at.
    pub(super) fn instruction(&self) -> u64 {
        if self.first { self.at.pc } else { self.at.pc.wrapping_sub(1) }
    }

    /// The file that the code at an address comes from.
    pub(super) fn module(&mut self, address: u64) -> Option<Rc<Module>> {
        let map = &self.maps[index_at(&self.maps, address)?];
        if !map.executable || map.inode == 0 {
            return None;
        }
        self.modules.get(self.image, self.process, map, &self.maps)
    }

    /// Whether what was found can be believed: a walk that went wrong somewhere does not end where the thread began.
    pub(super) fn is_sound(&self) -> bool {
        self.ended || !self.guessed
    }

    /// Whether the function's code comes from a file.
    pub(super) fn is_in_file(&mut self) -> bool {
        let address = self.instruction();
        self.module(address).is_some()
    }

    /// Whether the function's code was made at run time.
    pub(super) fn is_generated(&self) -> bool {
        let map = index_at(&self.maps, self.instruction()).map(|index| &self.maps[index]);
        map.is_some_and(|map| map.executable && map.inode == 0)
    }

    /// Go on to the calling function. `None` at the end, and where the way is lost.
    pub(super) fn step(&mut self) -> Option<()> {
        self.steps += 1;
        let address = self.instruction();
        let module = self.module(address)?;
        let Some(found) = module.row(address.wrapping_sub(module.bias)) else { return self.leave_stub() };
        let (row, begin) = (&found.0, found.1.wrapping_add(module.bias));
        let cfa = match *row.cfa() {
            CfaRule::RegisterAndOffset { register, offset } => {
                let base = match self.register(register) {
                    Some(base) => base,
                    None if register == X86_64::RBP && offset == 16 => self.frame_by_code(begin)?,
                    None => return None,
                };
                base.wrapping_add_signed(offset)
            }
            CfaRule::Expression(_) => return None,
        };
        let saved = |register: Register, now: Option<u64>| match row.register(register) {
            Some(RegisterRule::Offset(offset)) => read_number(self.process, cfa.wrapping_add_signed(offset)),
            None | Some(RegisterRule::SameValue) => now,
            Some(_) => None,
        };
        let pc = match row.register(X86_64::RA) {
            Some(RegisterRule::Offset(offset)) => read_number(self.process, cfa.wrapping_add_signed(offset))?,
            Some(RegisterRule::Undefined) => {
                self.ended = true;
                return None;
            }
            _ => return None,
        };
        let mut others = self.at.others;
        for (value, register) in others.iter_mut().zip(PRESERVED) {
            *value = saved(register, *value);
        }
        let fp = saved(X86_64::RBP, self.at.fp);
        self.go(Registers { pc, sp: cfa, fp, others })
    }

    /// The few instructions around some calls (`clone`) are in no table, and have nothing on the stack.
    fn leave_stub(&mut self) -> Option<()> {
        const LONGEST: u64 = 256;
        let back = read_number(self.process, self.at.sp).filter(|_| self.first)?;
        let before = read_memory(self.process, back.checked_sub(7)?, 7).ok()?;
        let Some(Called::Function(target)) = called(&before, back) else { return None };
        let inside = self.at.pc.checked_sub(target).is_some_and(|distance| distance < LONGEST);
        inside.then_some(())?;
        self.go(Registers { pc: back, sp: self.at.sp + 8, ..Registers::default() })
    }

    /// Go on along the frame pointer, through code that no table describes but that is known to keep one.
    pub(super) fn step_by_frame_pointer(&mut self) -> Option<()> {
        self.steps += 1;
        let fp = self.at.fp?;
        let (above, pc) = (read_number(self.process, fp)?, read_number(self.process, fp.checked_add(8)?)?);
        self.go(Registers { pc, sp: fp.checked_add(16)?, fp: Some(above), others: [None; 5] })
    }

    /// A caller's frame lies above, and not too far.
    fn go(&mut self, next: Registers) -> Option<()> {
        if next.sp <= self.at.sp || self.steps > MOST_STEPS || next.pc == 0 {
            return None;
        }
        self.at = next;
        self.first = false;
        Some(())
    }

    fn register(&self, register: Register) -> Option<u64> {
        match register {
            X86_64::RSP => Some(self.at.sp),
            X86_64::RBP => self.at.fp,
            _ => self.at.others[PRESERVED.iter().position(|other| *other == register)?],
        }
    }

    /// The frame pointer of the function that begins there, which hangs its frame on it. When the function begins with
    /// `push rbp; mov rbp, rsp`, pushes and a subtraction, its code says how far below the stack pointer is. Else
    /// there must be just one return address on the stack that lies behind a call of this function.
    fn frame_by_code(&mut self, begin: u64) -> Option<u64> {
        /// How much of the stack is looked through.
        const WINDOW: usize = 64 * 1024;
        let code = read_memory(self.process, begin, 64).ok()?;
        let by_code = frame_size(&code).and_then(|size| self.at.sp.checked_add(size));
        if let Some(fp) = by_code
            && let Some(back) = read_number(self.process, fp.checked_add(8)?)
            && self.is_behind_call(back, begin, true)
        {
            return Some(fp);
        }
        let stack = &self.maps[index_at(&self.maps, self.at.sp)?];
        let length = usize::try_from(stack.end - self.at.sp).ok()?.min(WINDOW);
        let words = read_memory(self.process, self.at.sp, length).ok()?;
        let addresses =
            words.chunks_exact(8).map(|word| u64::from_le_bytes(word.try_into().unwrap_or_default()));
        let mut known = std::mem::take(&mut self.modules.calls);
        let code = self.maps.iter().filter(|map| map.executable);
        let (first, last) = (code.clone().map(|map| map.start).min()?, code.map(|map| map.end).max()?);
        let within = addresses.enumerate().skip(1).filter(|(_, back)| (first..last).contains(back));
        let mut backs = within.filter(|(_, back)| {
            let look = || self.is_behind_call(*back, begin, false);
            if self.image == 0 {
                look()
            } else {
                *known.entry((self.image, *back, begin)).or_insert_with(look)
            }
        });
        let found = backs.next();
        let only = backs.next().is_none();
        if known.len() <= MOST_CALLS {
            self.modules.calls = known;
        }
        let (index, _) = found.filter(|_| only)?;
        self.guessed = true;
        Some(self.at.sp + 8 * (index as u64 - 1))
    }

    /// Whether a return address lies behind a call of `function`, or, if that may be, of an address out of a register
    /// or of memory.
    fn is_behind_call(&self, back: u64, function: u64, any: bool) -> bool {
        let Some(map) = index_at(&self.maps, back).map(|index| &self.maps[index]) else { return false };
        if !map.executable || back - map.start < 7 {
            return false;
        }
        match read_memory(self.process, back - 7, 7).ok().and_then(|before| called(&before, back)) {
            Some(Called::Function(target)) => self.leads_to(target, function, 3),
            Some(Called::Any) => any,
            _ => false,
        }
    }

    /// Whether code at `target` is the function, or jumps there: an entry of a linkage table, a call at the very end.
    fn leads_to(&self, target: u64, function: u64, left: u32) -> bool {
        if target == function {
            return true;
        }
        let Ok(code) = read_memory(self.process, target, 32) else { return false };
        let plain = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(&code);
        let plain = plain.strip_prefix(&[0xf2]).unwrap_or(plain);
        if let [0xff, 0x25, a, b, c, d, rest @ ..] = plain {
            let behind = target.wrapping_add((code.len() - rest.len()) as u64);
            let entry = behind.wrapping_add_signed(i32::from_le_bytes([*a, *b, *c, *d]).into());
            let next = read_number(self.process, entry).filter(|_| left > 0);
            return next.is_some_and(|next| self.leads_to(next, function, left - 1));
        }
        let is_code =
            |address| index_at(&self.maps, address).is_some_and(|index| self.maps[index].executable);
        code.windows(5).enumerate().filter(|(_, jump)| jump[0] == 0xe9).any(|(at, jump)| {
            let next = relative(target.wrapping_add(at as u64 + 5), &jump[1..]);
            next == function || (left > 0 && is_code(next) && self.leads_to(next, function, left - 1))
        })
    }
}

impl Module {
    fn open(process: i32, map: &Mapping, maps: &[Mapping]) -> Option<Self> {
        // As the process sees it; the file has to be the one that is mapped.
        let root = format!("/proc/{process}/root");
        let root =
            openat2(AT_FDCWD, Path::new(&root), OpenHow::new().flags(OFlag::O_PATH | OFlag::O_CLOEXEC))
                .ok()?;
        let how = OpenHow::new().flags(OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC);
        let how = how.resolve(ResolveFlag::RESOLVE_IN_ROOT | ResolveFlag::RESOLVE_NO_MAGICLINKS);
        let file = File::from(openat2(root.as_fd(), Path::new(&map.name), how).ok()?);
        let metadata = file.metadata().ok()?;
        if !metadata.is_file() || metadata.len() > MAX_FILE || metadata.ino() != map.inode {
            return None;
        }
        let bytes = program::map(&file)?;
        let elf = Elf::parse(&*bytes).ok()?;
        let bias = bias(&elf, maps, map.inode)?;
        let section = |name: &str| {
            let section = elf.section_by_name(name)?;
            let (start, length) = section.file_range()?;
            let start = usize::try_from(start).ok()?;
            let end = start.checked_add(usize::try_from(length).ok()?)?;
            (end <= bytes.len()).then_some((start..end, section.address()))
        };
        let frames = section(".eh_frame")?;
        let index = section(".eh_frame_hdr").unwrap_or_default();
        Some(Self {
            name: map.name.clone(),
            bias,
            named: RefCell::default(),
            rows: RefCell::default(),
            frames,
            index,
            bytes,
        })
    }

    /// How to get out of the function at an address of the file, and where it begins.
    fn row(&self, address: u64) -> Option<Rc<Row>> {
        const MOST_ROWS: usize = 10_000;
        let known = self.rows.borrow().get(&address).cloned();
        known.unwrap_or_else(|| {
            let row = self.find_row(address).map(Rc::new);
            let mut rows = self.rows.borrow_mut();
            if rows.len() >= MOST_ROWS {
                rows.clear();
            }
            rows.insert(address, row.clone());
            row
        })
    }

    fn find_row(&self, address: u64) -> Option<Row> {
        let (frames_at, index_at) = (self.frames.1, self.index.1);
        let frames: EhFrame<Slice<'_>> = EhFrame::new(self.bytes.get(self.frames.0.clone())?, LittleEndian);
        let index = self.bytes.get(self.index.0.clone())?;
        let bases = BaseAddresses::default().set_eh_frame(frames_at).set_eh_frame_hdr(index_at);
        let fde = if index.is_empty() {
            frames.fde_for_address(&bases, address, EhFrame::cie_from_offset).ok()?
        } else {
            let index = EhFrameHdr::new(index, LittleEndian).parse(&bases, 8).ok()?;
            index.table()?.fde_for_address(&frames, &bases, address, EhFrame::cie_from_offset).ok()?
        };
        let mut context = UnwindContext::new();
        let row = fde.unwind_info_for_address(&frames, &bases, &mut context, address).ok()?;
        Some((row.clone(), fde.initial_address()))
    }
}
