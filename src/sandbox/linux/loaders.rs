//! Loaders that cannot be started by themselves.
//!
//! To start a program the kernel opens its dynamic loader too, and asks the same right of it as of the program
//! (`open_exec`, Landlock's EXECUTE), so the loader has to be granted. But a loader is a program as well: given the path
//! of any readable file it runs that, whatever Landlock says of the file. The kernel can be held to tell the two uses
//! apart: of a program it reads the `PT_INTERP` header, of a loader it does not (`load_elf_binary`, fs/binfmt_elf.c).
//! So the view shows, in place of each loader, a copy that asks for a loader of its own, which can never be there:
//! started for a program it works as always, started directly it is refused with EACCES by the kernel.
//!
//! [`super::init`] puts the copies into the view; [`crate::run::prepare()`] asks whether a loader can be sealed.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use nix::mount::{MsFlags, mount};

/// What a sealed loader asks for: a device, which is never a program.
const NEVER: &[u8] = b"/dev/null\0";
/// Larger files are no loaders; the copies lie in the small file system of the view's root.
const LARGEST: u64 = 2 * 1024 * 1024;

/// Whether the view can show a sealed copy of the loader at `path`.
pub fn can_seal(path: &Path) -> bool {
    read(path).is_ok_and(|loader| sealed(loader).is_some())
}

/// Put a sealed copy in place of each loader of the plan. A loader that cannot be sealed stays as it is: the plan was made
/// with that known, and tells it.
pub(super) fn seal(loaders: &[std::path::PathBuf]) -> io::Result<()> {
    for (number, path) in loaders.iter().enumerate() {
        let Some(copy) = read(path).ok().and_then(sealed) else { continue };
        let place = format!("/.loader{number}");
        OpenOptions::new().write(true).create_new(true).mode(0o755).open(&place)?.write_all(&copy)?;
        // The mask of the one who started us may have taken bits off.
        fs::set_permissions(&place, std::os::unix::fs::PermissionsExt::from_mode(0o755))?;
        mount(Some(Path::new(&place)), path, None::<&str>, MsFlags::MS_BIND, None::<&str>)?;
        let flags = MsFlags::MS_REMOUNT
            | MsFlags::MS_BIND
            | MsFlags::MS_RDONLY
            | MsFlags::MS_NOSUID
            | MsFlags::MS_NODEV;
        mount(None::<&str>, path, None::<&str>, flags, None::<&str>)?;
    }
    Ok(())
}

fn read(path: &Path) -> io::Result<Vec<u8>> {
    let data = path.metadata()?;
    if !data.is_file() || data.len() > LARGEST {
        return Err(io::ErrorKind::InvalidData.into());
    }
    fs::read(path)
}

/// The loader with a `PT_INTERP` header, made of one that nothing reads at run time: elf(5).
fn sealed(mut file: Vec<u8>) -> Option<Vec<u8>> {
    const PT_INTERP: u32 = 3;
    const PT_NOTE: u32 = 4;
    const PT_GNU_STACK: u32 = 0x6474_e551;
    const HEADER: usize = 56;
    // 64 bits, little-endian.
    if file.get(..6)? != b"\x7fELF\x02\x01" {
        return None;
    }
    let number = |file: &[u8], at: usize, size: usize| -> Option<u64> {
        Some(
            file.get(at..at.checked_add(size)?)?
                .iter()
                .rev()
                .fold(0, |sum, byte| sum << 8 | u64::from(*byte)),
        )
    };
    let table = usize::try_from(number(&file, 32, 8)?).ok()?;
    let count = usize::try_from(number(&file, 56, 2)?).ok()?;
    if number(&file, 54, 2)? != HEADER as u64 || count > 64 {
        return None;
    }
    let kind = |n: usize| number(&file, table.checked_add(n * HEADER)?, 4);
    let spare = [PT_NOTE, PT_GNU_STACK]
        .into_iter()
        .find_map(|wanted| (0..count).find(|n| kind(*n) == Some(u64::from(wanted))))?;
    let at = table.checked_add(spare * HEADER)?;
    let (offset, size) = (file.len() as u64, NEVER.len() as u64);
    let header = file.get_mut(at..at.checked_add(HEADER)?)?;
    header[..4].copy_from_slice(&PT_INTERP.to_le_bytes());
    header[8..16].copy_from_slice(&offset.to_le_bytes());
    header[32..40].copy_from_slice(&size.to_le_bytes());
    header[40..48].copy_from_slice(&size.to_le_bytes());
    file.extend_from_slice(NEVER);
    Some(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cut_and_hostile_files_are_not_sealed() {
        let mut file = vec![0xff; 300];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        assert_eq!(sealed(file.clone()), None);
        for length in 0..64 {
            assert_eq!(sealed(file[..length].to_vec()), None);
        }
    }

    #[test]
    fn a_spare_header_becomes_the_request() {
        let mut file = vec![0; 64 + 56];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32] = 64;
        file[54] = 56;
        file[56] = 1;
        file[64] = 4;
        let sealed = sealed(file).unwrap();
        assert_eq!(sealed[64], 3);
        assert_eq!(&sealed[120..], NEVER);
        assert_eq!((sealed[72], sealed[96]), (120, 10));
    }
}
