//! A system call with arbitrary number, arguments and memory: decoded for the report as if a program waited in it.

use skilldeck::sandbox::linux::fuzzing;

pub(crate) fn check(data: &[u8]) {
    let Some(told) = fuzzing::decode(data) else { return };
    assert!(!told.chars().any(char::is_control), "{told:?}");
    // Two paths of 4096 bytes, escaped, twice, and an argument vector.
    assert!(told.len() < 1_000_000, "{}", told.len());
}
