//! An arbitrary question to the sandbox's name server.

use skilldeck::sandbox::linux::fuzzing;

pub(crate) fn check(data: &[u8]) {
    let Some(answer) = fuzzing::answer(data) else { return };
    // What is no question gets a header that says so; a question comes back with its answer.
    let is_error = answer[3] & 0x0f != 0;
    assert!(if is_error { answer.len() == 12 } else { (17..=data.len() + 16).contains(&answer.len()) });
    assert_eq!(answer[..2], data[..2]);
    assert!(answer[2] & 0x80 != 0, "an answer says that it is one");
}
