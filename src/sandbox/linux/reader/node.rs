//! The lines of a script that Node runs, out of V8's stack and heap.
//!
//! Node exports what a debugger needs to know of V8's layout (`v8dbg_*`); without those constants nothing is read. The
//! C++ functions between the call and the script are unwound by their tables, V8's own frames hang together by the
//! frame pointer. A frame of V8's interpreter holds function, bytecode and the offset in it; the function leads to its
//! script, the bytecode to a table of source positions, if V8 was told to keep one from the start. Every object is
//! believed only with the type that it has to have. Frames of compiled code have no offset: there only the file is
//! known. A call that libuv makes on a thread of its pool has no script on its stack, so nothing is said of it.

use std::collections::HashMap;
use std::path::PathBuf;

use super::unwind::{Modules, Walk};
use super::{Frame, MOST_FRAMES, Thread, program};
use crate::sandbox::linux::tracee::{self, read_memory, read_number};

const MOST_OPEN: usize = 64;
const MOST_WALKED: usize = 2048;
/// Longest source, name and table of positions that are read.
const MAX_SOURCE: usize = 8 * 1024 * 1024;
const MAX_NAME: usize = 4096;
const MAX_TABLE: usize = 4 * 1024 * 1024;

#[derive(Default)]
pub(super) struct Readers {
    /// By image; `None`: this Node does not tell its layout.
    open: HashMap<u64, Option<Layout>>,
}

impl Readers {
    pub(super) fn read(&mut self, thread: &Thread, modules: &mut Modules) -> Option<Vec<Frame>> {
        if self.open.len() >= MOST_OPEN {
            self.open.clear();
        }
        if thread.image == 0 {
            self.open.remove(&0);
        }
        let mut walk = Walk::new(thread, modules);
        let layout = self.open.entry(thread.image).or_insert_with(|| Layout::read(thread)).as_ref()?;
        let mut script = Script { process: thread.process, layout };
        let mut frames = Vec::new();
        for _ in 0..MOST_WALKED {
            if walk.step().is_some() {
                continue;
            }
            let builtin = walk.is_in_file();
            let Some(fp) = walk.at.fp.filter(|_| builtin || walk.is_generated()) else { break };
            script.follow_fork(thread.process, fp);
            if frames.len() < MOST_FRAMES {
                frames.extend(script.frame(fp, builtin));
            }
            if walk.step_by_frame_pointer().is_none() {
                break;
            }
        }
        walk.is_sound().then_some(frames)
    }
}

/// Where V8 keeps what. Offsets are those in an object, numbers of types those in its map.
#[derive(Debug)]
struct Layout {
    fp_context: i32,
    fp_function: i32,
    fp_bytecode_array: i32,
    fp_bytecode_offset: i32,
    map_type: i32,
    function_shared: i32,
    shared_name: i32,
    shared_script: i32,
    /// Of the bytecode that belongs to a function; newer versions keep it elsewhere.
    shared_data: Option<(i32, i32)>,
    script_name: i32,
    script_source: i32,
    bytecode_data: i32,
    /// Of the table in bytecode, and the table's type.
    positions: (i32, i32),
    string_length: i32,
    string_chars: i32,
    cons_first: i32,
    cons_second: i32,
    thin_actual: i32,
    type_shared: i32,
    type_script: i32,
    type_bytecode: i32,
    type_code: i32,
}

impl Layout {
    fn read(thread: &Thread) -> Option<Self> {
        let found = program::symbols(thread, |name| name.starts_with("v8dbg_"))?;
        let maybe = |name: &str| {
            let address = found.get(&format!("v8dbg_{name}"))?;
            read_memory(thread.process, *address, 4).ok()?.try_into().ok().map(i32::from_ne_bytes)
        };
        let field = |class: &str, field: &str| {
            // The name ends with the field's type, which changes with versions.
            let start = format!("v8dbg_class_{class}__{field}__");
            let name = found.keys().find(|name| name.starts_with(&start))?;
            maybe(name.strip_prefix("v8dbg_")?)
        };
        // Before V8 9.5 tables of positions began otherwise.
        maybe("frametype_BaselineFrame")?;
        let bytecode_data = field("BytecodeArray", "data")?;
        // Where the table is, is not among the constants: known are these two forms of bytecode.
        let positions = match (bytecode_data, field("BytecodeArray", "wrapper")) {
            (54, None) => (32, maybe("type_ByteArray__BYTE_ARRAY_TYPE")?),
            (64, Some(16)) => (24, maybe("type_TrustedByteArray__TRUSTED_BYTE_ARRAY_TYPE")?),
            _ => return None,
        };
        Some(Self {
            fp_context: maybe("off_fp_context_or_frame_type")?,
            fp_function: maybe("off_fp_function")?,
            fp_bytecode_array: maybe("off_fp_bytecode_array")?,
            fp_bytecode_offset: maybe("off_fp_bytecode_offset")?,
            map_type: field("Map", "instance_type")?,
            function_shared: field("JSFunction", "shared")?,
            shared_name: field("SharedFunctionInfo", "name_or_scope_info")?,
            shared_script: field("SharedFunctionInfo", "script")
                .or_else(|| field("SharedFunctionInfo", "script_or_debug_info"))?,
            shared_data: field("SharedFunctionInfo", "function_data")
                .zip(field("Code", "bytecode_or_interpreter_data")),
            script_name: field("Script", "name")?,
            script_source: field("Script", "source")?,
            bytecode_data,
            positions,
            string_length: field("String", "length")?,
            string_chars: field("SeqOneByteString", "chars")?,
            cons_first: field("ConsString", "first")?,
            cons_second: field("ConsString", "second")?,
            thin_actual: field("ThinString", "actual")?,
            type_shared: maybe("type_SharedFunctionInfo__SHARED_FUNCTION_INFO_TYPE")?,
            type_script: maybe("type_Script__SCRIPT_TYPE")?,
            type_bytecode: maybe("type_BytecodeArray__BYTECODE_ARRAY_TYPE")?,
            type_code: maybe("type_Code__CODE_TYPE")?,
        })
    }
}

/// Reads objects of one process. Pointers to objects are odd, small integers have their value in the upper half.
struct Script<'a> {
    process: i32,
    layout: &'a Layout,
}

impl Script<'_> {
    /// V8 keeps its heap from a child that is forked: there, the parent's is read, as long as it stands in the same
    /// functions, waiting for the child to start its program.
    fn follow_fork(&mut self, process: i32, fp: u64) {
        const COMPARED: usize = 512;
        let function = |process| Script { process, layout: self.layout }.slot(fp, self.layout.fp_function);
        let Some(object) = function(process).filter(|object| object & 3 == 1) else { return };
        if self.process != process || read_number(process, object - 1).is_some() {
            return;
        }
        let stack = |process| read_memory(process, fp, COMPARED).ok();
        if let Some(parent) = tracee::ids(process).map(|ids| ids.parent)
            && stack(parent).is_some_and(|parents| Some(parents) == stack(process))
        {
            self.process = parent;
        }
    }

    /// The line that a frame of V8 stands at, when it is one of a script's function.
    fn frame(&self, fp: u64, builtin: bool) -> Option<Frame> {
        let layout = self.layout;
        // Frames of V8's own have a number where those of functions have their context.
        self.slot(fp, layout.fp_context).filter(|context| context & 3 == 1)?;
        let function = self.slot(fp, layout.fp_function)?;
        let shared = self.field(function, layout.function_shared)?;
        if self.kind(shared)? != layout.type_shared {
            return None;
        }
        let script = self.field(shared, layout.shared_script)?;
        if self.kind(script)? != layout.type_script {
            return None;
        }
        let file = file_of(&self.text(self.field(script, layout.script_name)?, MAX_NAME)?)?;
        let name = self.field(shared, layout.shared_name).and_then(|name| self.text(name, MAX_NAME));
        let line =
            if builtin { self.position(fp, shared).and_then(|at| self.line(script, at)) } else { None };
        // Compiled code has no offset; a builtin that is in this place has no line at all.
        (line.is_some() || !builtin).then_some(())?;
        Some(Frame { file, line: line.unwrap_or(0), function: name.unwrap_or_default() })
    }

    /// The position in the source that an interpreted frame is at.
    fn position(&self, fp: u64, shared: u64) -> Option<usize> {
        let layout = self.layout;
        let bytecode = self.slot(fp, layout.fp_bytecode_array)?;
        let offset = self.slot(fp, layout.fp_bytecode_offset)?;
        if self.kind(bytecode)? != layout.type_bytecode || offset & 0xffff_ffff != 0 {
            return None;
        }
        if let Some((data, of_code)) = layout.shared_data {
            let data = self.field(shared, data)?;
            let of_code = || {
                (self.kind(data)? == layout.type_code).then_some(())?;
                self.field(data, of_code)
            };
            (data == bytecode || of_code() == Some(bytecode)).then_some(())?;
        }
        // The offset counts from the tagged pointer.
        let offset = (offset >> 32).checked_sub(u64::try_from(layout.bytecode_data).ok()? - 1)?;
        let table = self.field(bytecode, layout.positions.0)?;
        if self.kind(table)? != layout.positions.1 {
            return None;
        }
        let length = usize::try_from(self.field(table, 8)? >> 32).ok()?;
        let table = read_memory(self.process, (table - 1).checked_add(16)?, length.min(MAX_TABLE)).ok()?;
        position_at(&table, offset)
    }

    /// Line of a position, counted in the source as V8 has it.
    fn line(&self, script: u64, position: usize) -> Option<u32> {
        let source = self.units(self.field(script, self.layout.script_source)?, MAX_SOURCE)?;
        line_of(&source, position)
    }

    fn slot(&self, fp: u64, offset: i32) -> Option<u64> {
        read_number(self.process, fp.checked_add_signed(offset.into())?)
    }

    fn field(&self, object: u64, offset: i32) -> Option<u64> {
        (object & 3 == 1).then_some(())?;
        read_number(self.process, (object - 1).checked_add_signed(offset.into())?)
    }

    /// What kind of object it is: the number in its map.
    fn kind(&self, object: u64) -> Option<i32> {
        let map = self.field(object, 0).filter(|map| map & 3 == 1)?;
        let address = (map - 1).checked_add_signed(self.layout.map_type.into())?;
        let bytes = read_memory(self.process, address, 2).ok()?;
        Some(u16::from_ne_bytes(bytes.try_into().ok()?).into())
    }

    fn text(&self, string: u64, most: usize) -> Option<String> {
        Some(String::from_utf16_lossy(&self.units(string, most)?))
    }

    /// A string, whichever way it is kept.
    fn units(&self, string: u64, most: usize) -> Option<Vec<u16>> {
        const NOT_A_STRING: i32 = !0x7f;
        const KIND: i32 = 7;
        const ONE_BYTE: i32 = 8;
        const NOT_CACHED: i32 = 16;
        const EXTERNAL_DATA: i32 = 24;
        let layout = self.layout;
        let mut string = string;
        for _ in 0..4 {
            let kind = self.kind(string).filter(|kind| kind & NOT_A_STRING == 0)?;
            let length = self.length(string)?;
            let start = match kind & KIND {
                0 => (string - 1).checked_add_signed(layout.string_chars.into())?,
                1 if self.length(self.field(string, layout.cons_second)?)? == 0 => {
                    string = self.field(string, layout.cons_first)?;
                    continue;
                }
                2 if kind & NOT_CACHED == 0 => self.field(string, EXTERNAL_DATA)?,
                5 => {
                    string = self.field(string, layout.thin_actual)?;
                    continue;
                }
                _ => return None,
            };
            if length > most {
                return None;
            }
            let width = if kind & ONE_BYTE == 0 { 2 } else { 1 };
            let bytes = read_memory(self.process, start, length * width).ok()?;
            if bytes.len() != length * width {
                return None;
            }
            return Some(match width {
                1 => bytes.into_iter().map(u16::from).collect(),
                _ => bytes.chunks_exact(2).map(|pair| u16::from_ne_bytes([pair[0], pair[1]])).collect(),
            });
        }
        None
    }

    fn length(&self, string: u64) -> Option<usize> {
        let bytes = self.field(string, self.layout.string_length)?;
        usize::try_from(bytes & 0xffff_ffff).ok()
    }
}

/// The file of a script: a path, or an address for modules. Node's own parts have other names.
fn file_of(name: &str) -> Option<PathBuf> {
    let Some(address) = name.strip_prefix("file://") else {
        return name.starts_with('/').then(|| name.into());
    };
    let address = address.split(['?', '#']).next()?;
    let mut bytes = Vec::new();
    let mut rest = address.bytes();
    while let Some(byte) = rest.next() {
        bytes.push(if byte == b'%' {
            let digits = [rest.next()?, rest.next()?];
            u8::from_str_radix(std::str::from_utf8(&digits).ok()?, 16).ok()?
        } else {
            byte
        });
    }
    Some(String::from_utf8(bytes).ok()?.into())
}

/// The last position at or before an offset. Each entry is two numbers: how much further the bytecode is (as its
/// complement where no statement begins), and how much further the source. The function itself is entered at -1.
fn position_at(table: &[u8], offset: u64) -> Option<usize> {
    let (mut at, mut code, mut source) = (0, -1_i64, 0_i64);
    let mut found = None;
    while at < table.len() {
        let (step, position) = (number(table, &mut at)?, number(table, &mut at)?);
        code = code.checked_add(if step < 0 { -(step + 1) } else { step })?;
        source = source.checked_add(position)?;
        if code > i64::try_from(offset).ok()? {
            break;
        }
        found = Some(source);
    }
    // The lowest bit says that the position is in another file, the next thirty hold the position and one.
    let found = found.filter(|source| source & 1 == 0)?;
    usize::try_from(((found >> 1) & 0x3fff_ffff) - 1).ok()
}

/// Seven bits a byte, lowest first, the sign in the lowest bit.
fn number(table: &[u8], at: &mut usize) -> Option<i64> {
    let (mut value, mut shift) = (0_u64, 0);
    loop {
        let byte = *table.get(*at)?;
        *at += 1;
        if shift > 63 {
            return None;
        }
        value |= u64::from(byte & 0x7f) << shift;
        shift += 7;
        if byte & 0x80 == 0 {
            return Some((value >> 1) as i64 ^ -((value & 1) as i64));
        }
    }
}

fn line_of(source: &[u16], position: usize) -> Option<u32> {
    const RETURN: u16 = b'\r' as u16;
    const NEWLINE: u16 = b'\n' as u16;
    let before = source.get(..position)?;
    let ends = (0..before.len()).filter(|at| match before[*at] {
        NEWLINE | 0x2028 | 0x2029 => true,
        RETURN => source.get(at + 1) != Some(&NEWLINE),
        _ => false,
    });
    u32::try_from(ends.count() + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions_are_found_by_offset() {
        // Offsets 0 (of a statement), 3 and 10; positions 5, 20 and 12 (as kept: twice the position and one more).
        let mut table = Vec::new();
        let mut add = |value: i64| {
            let mut bits = ((value << 1) ^ (value >> 63)) as u64;
            loop {
                table.push((bits & 0x7f) as u8 | if bits > 0x7f { 0x80 } else { 0 });
                bits >>= 7;
                if bits == 0 {
                    break;
                }
            }
        };
        for value in [1, 12, -(3 + 1), 30, -(7 + 1), -16] {
            add(value);
        }
        let at = |offset| position_at(&table, offset);
        assert_eq!([at(0), at(2), at(3), at(9), at(10), at(99)].map(Option::unwrap), [5, 5, 20, 20, 12, 12]);
        assert_eq!(position_at(&[0x80; 20], 1), None);
        assert_eq!(position_at(&[], 1), None);
    }

    #[test]
    fn lines_end_as_in_the_language() {
        let source: Vec<u16> = "a\nb\r\nc\rd\u{2028}e".encode_utf16().collect();
        let lines: Vec<Option<u32>> = [0, 2, 5, 7, 9, 99].map(|at| line_of(&source, at)).into();
        assert_eq!(lines, [Some(1), Some(2), Some(3), Some(4), Some(5), None]);
    }

    #[test]
    fn only_files_are_named() {
        assert_eq!(file_of("file:///a%20b/c.mjs?x=1"), Some("/a b/c.mjs".into()));
        assert_eq!(file_of("/a/b.js"), Some("/a/b.js".into()));
        for other in ["node:fs", "evalmachine.<anonymous>", "file:///%zz", "data:text/javascript,1"] {
            assert_eq!(file_of(other), None, "{other}");
        }
    }
}
