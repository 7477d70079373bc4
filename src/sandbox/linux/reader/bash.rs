//! The lines of a script that bash runs, out of its own variables.
//!
//! bash exports its symbols. `line_number` is the line of the command that it carries out, and of every command around
//! it the arrays behind `BASH_SOURCE`, `FUNCNAME` and `BASH_LINENO` have file, function and line, as `caller` prints
//! them. A child that was forked for a command has them as they were at the fork, so they are its own until it becomes
//! another program. In some places bash counts otherwise than one would, so whoever knows the script checks the line.

use std::collections::HashMap;

use super::{Frame, MOST_FRAMES, Thread};
use crate::sandbox::linux::tracee::{read_memory, read_number, read_string};

const MOST_OPEN: usize = 256;
/// Longest value that is read, and most variables and elements that are gone through.
const LONGEST: usize = 4096;
const MOST_BUCKETS: u64 = 65_536;
const MOST_VARIABLES: usize = 20_000;
const MOST_ELEMENTS: u64 = 10_000;

#[derive(Default)]
pub(super) struct Readers {
    /// By image; `None`: the file does not say where anything is.
    open: HashMap<u64, Option<Shell>>,
}

/// Addresses of one bash, the same in everything that is forked from it.
#[derive(Debug, Clone, Copy)]
struct Shell {
    line_number: u64,
    global_variables: u64,
}

impl Readers {
    pub(super) fn read(&mut self, thread: &Thread) -> Option<Vec<Frame>> {
        if self.open.len() >= MOST_OPEN {
            self.open.clear();
        }
        if thread.image == 0 {
            self.open.remove(&0);
        }
        let shell = (*self.open.entry(thread.image).or_insert_with(|| Shell::find(thread)))?;
        shell.stack(thread.process)
    }
}

impl Shell {
    fn find(thread: &Thread) -> Option<Self> {
        let found =
            super::program::symbols(thread, |name| matches!(name, "line_number" | "global_variables"))?;
        Some(Self {
            line_number: *found.get("line_number")?,
            global_variables: *found.get("global_variables")?,
        })
    }

    fn stack(self, process: i32) -> Option<Vec<Frame>> {
        let arrays = self.arrays(process)?;
        let [sources, functions, lines] = ["BASH_SOURCE", "FUNCNAME", "BASH_LINENO"]
            .map(|name| arrays.get(name).and_then(|array| elements(process, *array)));
        let (sources, functions, lines) = (sources?, functions?, lines?);
        let number =
            read_memory(process, self.line_number, 4).ok()?.try_into().ok().map(i32::from_ne_bytes)?;
        let own_lines = std::iter::once(Some(number)).chain(lines.iter().map(|line| line.parse().ok()));
        let stack = sources.into_iter().zip(functions).zip(own_lines);
        let frames = stack.map_while(|((file, function), line)| {
            let line = u32::try_from(line?).ok().filter(|line| *line > 0)?;
            let function = if function == "main" { String::new() } else { function };
            Some(Frame { file: file.into(), line, function })
        });
        Some(frames.take(MOST_FRAMES).collect())
    }

    /// The arrays with upper-case names that begin as ours do, by name: `global_variables->table`, a hash table of
    /// `SHELL_VAR`.
    fn arrays(self, process: i32) -> Option<HashMap<String, u64>> {
        const TABLE: u64 = 32;
        let context = read_number(process, self.global_variables)?;
        let table = read_number(process, context.checked_add(TABLE)?)?;
        let buckets = read_number(process, table)?;
        let count = read_number(process, table.checked_add(8)?)? & 0xffff_ffff;
        if count == 0 || count > MOST_BUCKETS {
            return None;
        }
        let heads = read_memory(process, buckets, count as usize * 8).ok()?;
        let mut found = HashMap::new();
        let mut left = MOST_VARIABLES;
        for head in heads.chunks_exact(8) {
            let mut entry = u64::from_ne_bytes(head.try_into().ok()?);
            while entry != 0 && left > 0 {
                left -= 1;
                let [next, name, variable] = numbers(process, entry)?;
                let name = String::from_utf8(read_string(process, name, LONGEST).ok()?).unwrap_or_default();
                if matches!(name.as_str(), "BASH_SOURCE" | "FUNCNAME" | "BASH_LINENO") {
                    let [_, value] = numbers(process, variable)?;
                    found.insert(name, value);
                }
                entry = next;
            }
        }
        Some(found)
    }
}

fn numbers<const N: usize>(process: i32, address: u64) -> Option<[u64; N]> {
    let bytes = read_memory(process, address, N * 8).ok()?;
    let mut numbers = [0; N];
    if bytes.len() != N * 8 {
        return None;
    }
    for (number, bytes) in numbers.iter_mut().zip(bytes.chunks_exact(8)) {
        *number = u64::from_ne_bytes(bytes.try_into().ok()?);
    }
    Some(numbers)
}

/// The values of an array, which is a ring of elements. Before bash 5.1 a type stands in front of the numbers; which
/// one it is shows in whether the ring has as many elements as it should.
fn elements(process: i32, array: u64) -> Option<Vec<String>> {
    let [a, b, c, d] = numbers(process, array)?;
    let _ = a;
    ring(process, c, b).or_else(|| ring(process, d, c))
}

fn ring(process: i32, head: u64, count: u64) -> Option<Vec<String>> {
    if count > MOST_ELEMENTS {
        return None;
    }
    let mut values = Vec::new();
    let [_, _, mut element] = numbers::<3>(process, head)?;
    for index in 0..count {
        let [number, value, next] = numbers(process, element)?;
        if element == head || number != index {
            return None;
        }
        let text = read_string(process, value, LONGEST).ok()?;
        values.push(String::from_utf8_lossy(&text).into_owned());
        element = next;
    }
    (element == head).then_some(values)
}
