//! Ways in for the fuzz targets (`fuzz/`) and for the test that replays their corpus: what reads a caller's memory,
//! with this process as the caller and memory that ends where a page ends.

use super::notify::Call;
use super::{calls, describe, names, network, tracee};

/// Bytes that the made-up caller has; behind them nothing is mapped.
const ROOM: usize = 2 * 4096;

/// Memory of the made-up caller.
struct Memory(*mut u8);

impl Memory {
    fn new() -> Option<Self> {
        // SAFETY: a fresh mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                std::ptr::null_mut(),
                ROOM + 4096,
                libc::PROT_NONE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS,
                -1,
                0,
            )
        };
        if start == libc::MAP_FAILED {
            return None;
        }
        // SAFETY: the first pages of the mapping just made.
        unsafe { libc::mprotect(start, ROOM, libc::PROT_READ | libc::PROT_WRITE) };
        Some(Self(start.cast()))
    }

    /// Put `image` at the end of the memory; its address.
    fn put(&self, image: &[u8]) -> u64 {
        let at = ROOM - image.len();
        // SAFETY: `image` is at most ROOM long, which is what is writable there.
        unsafe { std::ptr::copy_nonoverlapping(image.as_ptr(), self.0.add(at), image.len()) };
        self.0 as u64 + at as u64
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        // SAFETY: the mapping made by `new`; nothing points into it any more.
        unsafe { libc::munmap(self.0.cast(), ROOM + 4096) };
    }
}

/// Decode a call made of `data`: number (2 bytes), which arguments and which words of the memory are pointers into it
/// (2 bytes), six arguments (48 bytes), the rest is memory. All that would be told about it, as one text.
pub fn decode(data: &[u8]) -> Option<String> {
    let (head, memory) = data.split_at_checked(52)?;
    let mut image = memory[..memory.len().min(ROOM)].to_vec();
    let memory = Memory::new()?;
    let base = memory.0 as u64 + (ROOM - image.len()) as u64;
    let span = image.len() as u64 + 16;
    let word = |bytes: &[u8]| bytes.try_into().map_or(0, u64::from_le_bytes);
    for (n, bytes) in image.as_chunks_mut::<8>().0.iter_mut().enumerate().take(8) {
        if head[3] >> n & 1 == 1 {
            *bytes = base.wrapping_add(word(bytes) % span).to_ne_bytes();
        }
    }
    memory.put(&image);
    let mut args = [0; 6];
    for (n, arg) in args.iter_mut().enumerate() {
        let value = word(&head[4 + 8 * n..12 + 8 * n]);
        *arg = if head[2] >> n & 1 == 1 { base.wrapping_add(value % span) } else { value };
    }
    let number = i64::from(i16::from_le_bytes([head[0], head[1]]));
    let call = Call { id: 0, tid: nix::unistd::gettid().as_raw(), number, args };
    let uses = calls::paths(&call);
    let address = network::address_argument(&call).unwrap_or_default();
    Some(format!(
        "{} {uses:?} {} {:?} {:?} {:?}",
        describe::call(&call),
        calls::sets_ids(&call),
        network::destinations(&call),
        network::destination_of(&call, &address),
        tracee::read_strings(call.tid, args[1]),
    ))
}

/// What the sandbox's name server answers.
pub fn answer(question: &[u8]) -> Option<Vec<u8>> {
    names::Names::default().answer(question)
}
