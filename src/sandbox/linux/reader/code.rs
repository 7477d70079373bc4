//! The few instructions of x86-64 that a walk over a stack has to understand.

/// How far a function moves the stack pointer below its frame pointer.
pub(super) fn frame_size(code: &[u8]) -> Option<u64> {
    let code = code.strip_prefix(&[0xf3, 0x0f, 0x1e, 0xfa]).unwrap_or(code);
    let code = code.strip_prefix(&[0x55])?;
    let mut code =
        code.strip_prefix(&[0x48, 0x89, 0xe5]).or_else(|| code.strip_prefix(&[0x48, 0x8b, 0xec]))?;
    let mut size = 0;
    loop {
        code = match code {
            [0x50..=0x57, rest @ ..] | [0x41, 0x50..=0x57, rest @ ..] => rest,
            [0x48, 0x83, 0xec, less, ..] => return (*less < 0x80).then(|| size + u64::from(*less)),
            [0x48, 0x81, 0xec, a, b, c, d, ..] => {
                return Some(size + u64::from(u32::from_le_bytes([*a, *b, *c, *d])));
            }
            _ => return Some(size),
        };
        size += 8;
    }
}

/// What a call that lies before a return address calls.
#[derive(Debug, PartialEq)]
pub(super) enum Called {
    Function(u64),
    /// What a register or memory held.
    Any,
}

pub(super) fn called(before: &[u8], back: u64) -> Option<Called> {
    if before.len() == 7 && before[2] == 0xe8 {
        return Some(Called::Function(relative(back, &before[3..])));
    }
    // ff /2, of two to seven bytes.
    let indirect = (2..=before.len()).any(|length| {
        let call = &before[before.len() - length..];
        let call = if call[0] & 0xf0 == 0x40 { &call[1..] } else { call };
        call.len() >= 2 && call[0] == 0xff && call[1] & 0x38 == 0x10
    });
    indirect.then_some(Called::Any)
}

pub(super) fn relative(behind: u64, distance: &[u8]) -> u64 {
    let distance = distance.try_into().map_or(0, i32::from_le_bytes);
    behind.wrapping_add_signed(distance.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn first_instructions_tell_the_size_of_a_frame() {
        let plain = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x20, 0xc3];
        assert_eq!(frame_size(&plain), Some(0x20));
        let marked =
            [0xf3, 0x0f, 0x1e, 0xfa, 0x55, 0x48, 0x89, 0xe5, 0x41, 0x54, 0x53, 0x48, 0x81, 0xec, 0, 1, 0, 0];
        assert_eq!(frame_size(&marked), Some(0x110));
        assert_eq!(frame_size(&[0x53, 0x48, 0x83, 0xec, 0x20]), None, "it keeps no frame pointer");
        assert_eq!(frame_size(&[0x55, 0x48]), None);
    }

    #[test]
    fn return_addresses_lie_behind_calls() {
        let direct = [0x90, 0x90, 0xe8, 0xfb, 0xff, 0xff, 0xff];
        assert_eq!(called(&direct, 0x1005), Some(Called::Function(0x1000)));
        for indirect in
            [[0x90, 0x90, 0x90, 0x90, 0x90, 0xff, 0xd0], [0x90, 0x90, 0x90, 0x90, 0x41, 0xff, 0xd4]]
        {
            assert_eq!(called(&indirect, 9), Some(Called::Any));
        }
        assert_eq!(called(&[0x90, 0xff, 0x15, 1, 2, 3, 4], 9), Some(Called::Any));
        assert_eq!(called(&[0x90; 7], 9), None);
    }
}
