//! A binary search by call number in front of a filter: seccompiler asks for one number after the other, which costs every
//! call that is not allowed by its number alone, and the kernel at loading time, when it tries all numbers.

use std::collections::BTreeMap;
use std::io;

use seccompiler::{BpfProgram, sock_filter};

/// What the number alone says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Verdict {
    /// The filter's return value: seccomp(2).
    Return(u32),
    /// The program behind the index decides.
    Ask,
}

/// The codes of the few instructions in use: linux/bpf_common.h.
const LOAD: u16 = 0x20;
const RETURN: u16 = 0x06;
const JUMP: u16 = 0x05;
const JUMP_IF_EQUAL: u16 = 0x15;
const JUMP_IF_AT_LEAST: u16 = 0x35;
/// Places in struct seccomp_data.
const NUMBER: u32 = 0;
const ARCHITECTURE: u32 = 4;

/// Put an index in front of `program`. Numbers that `verdicts` does not hold get `otherwise`; calls of another
/// architecture are the program's.
pub(super) fn before(
    program: BpfProgram,
    architecture: u32,
    verdicts: &BTreeMap<u32, Verdict>,
    otherwise: Verdict,
) -> io::Result<BpfProgram> {
    let mut index = vec![
        step(LOAD, 0, 0, ARCHITECTURE),
        // Behind the jump to the program.
        step(JUMP_IF_EQUAL, 1, 0, architecture),
        step(JUMP, 0, 0, TO_THE_PROGRAM),
        step(LOAD, 0, 0, NUMBER),
    ];
    search(&ranges(verdicts, otherwise), &mut index)?;
    let length = index.len();
    for (place, instruction) in index.iter_mut().enumerate() {
        if instruction.code == JUMP {
            instruction.k = (length - place - 1) as u32;
        }
    }
    index.extend(program);
    Ok(index)
}

/// Filled in when it is known how far that is.
const TO_THE_PROGRAM: u32 = 0;

fn step(code: u16, jt: u8, jf: u8, k: u32) -> sock_filter {
    sock_filter { code, jt, jf, k }
}

/// The first number of each stretch with one verdict.
fn ranges(verdicts: &BTreeMap<u32, Verdict>, otherwise: Verdict) -> Vec<(u32, Verdict)> {
    let mut ranges = vec![(0, otherwise)];
    let mut add = |from: u32, verdict: Verdict| match ranges.last_mut() {
        Some(last) if last.0 == from => last.1 = verdict,
        Some(last) if last.1 == verdict => {}
        _ => ranges.push((from, verdict)),
    };
    for (number, verdict) in verdicts {
        add(*number, *verdict);
        if !verdicts.contains_key(&(number + 1)) {
            add(number + 1, otherwise);
        }
    }
    ranges
}

fn search(ranges: &[(u32, Verdict)], index: &mut BpfProgram) -> io::Result<()> {
    if let [(_, verdict)] = ranges {
        index.push(match verdict {
            Verdict::Return(value) => step(RETURN, 0, 0, *value),
            Verdict::Ask => step(JUMP, 0, 0, TO_THE_PROGRAM),
        });
        return Ok(());
    }
    let (low, high) = ranges.split_at(ranges.len() / 2);
    let mut below = Vec::new();
    search(low, &mut below)?;
    let over = u8::try_from(below.len()).map_err(|_| io::Error::other("too many calls for one filter"))?;
    index.push(step(JUMP_IF_AT_LEAST, over, 0, high[0].0));
    index.extend(below);
    search(high, index)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NATIVE: u32 = 0xc000_003e;
    const PROGRAM: u32 = 77;

    /// What a filter of these few instructions returns: the kernel's own reading, in short.
    fn run(program: &[sock_filter], architecture: u32, number: u32) -> u32 {
        let (mut place, mut loaded) = (0, 0);
        loop {
            let sock_filter { code, jt, jf, k } = program[place].clone();
            place += 1;
            match code {
                LOAD => loaded = if k == NUMBER { number } else { architecture },
                RETURN => return k,
                JUMP => place += k as usize,
                JUMP_IF_EQUAL => place += usize::from(if loaded == k { jt } else { jf }),
                JUMP_IF_AT_LEAST => place += usize::from(if loaded >= k { jt } else { jf }),
                other => panic!("{other:#x}"),
            }
        }
    }

    #[test]
    fn every_number_gets_its_own_verdict() {
        let verdict = |number: u32| match number % 7 {
            0 | 1 => Some(Verdict::Return(number % 2 + 1)),
            3 => Some(Verdict::Ask),
            _ => None,
        };
        let verdicts: BTreeMap<u32, Verdict> =
            (0..300).filter_map(|number| Some((number, verdict(number)?))).collect();
        let program = vec![step(RETURN, 0, 0, PROGRAM)];
        let whole = before(program, NATIVE, &verdicts, Verdict::Return(9)).unwrap();
        for number in (0..400).chain([0x4000_0000, u32::MAX]) {
            let expected = match verdict(number).filter(|_| number < 300) {
                Some(Verdict::Return(value)) => value,
                Some(Verdict::Ask) => PROGRAM,
                None => 9,
            };
            assert_eq!(run(&whole, NATIVE, number), expected, "{number}");
            assert_eq!(run(&whole, 3, number), PROGRAM, "{number}");
        }
    }
}
