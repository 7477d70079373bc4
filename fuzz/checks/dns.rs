//! An arbitrary question to the sandbox's name server.

use skilldeck::sandbox::linux::fuzzing;

pub(crate) fn check(data: &[u8]) {
    let Some(answer) = fuzzing::answer(data) else { return };
    assert!(answer.len() >= 17 && answer.len() <= data.len() + 16);
    assert_eq!(answer[..2], data[..2]);
    assert!(answer[2] & 0x80 != 0, "an answer says that it is one");
}
