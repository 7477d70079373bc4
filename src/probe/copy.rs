//! The skill that the probe runs: its entry is a copy of this program.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use anyhow::Context as _;

use super::canaries::VARIABLE;

/// The temporary skill: this program as its native entry.
pub(super) fn write_skill(folder: &Path) -> anyhow::Result<()> {
    let about = "---\nname: skill\ndescription: Holds the probe's own program.\n---\n";
    fs::write(folder.join("SKILL.md"), about)?;
    fs::write(folder.join("policy.yaml"), format!("permissions: {{env: [{VARIABLE}]}}\n"))?;
    let program = folder.join("scripts/probe");
    let mut image = fs::read("/proc/self/exe").context("the program cannot copy itself into its skill")?;
    without_sections(&mut image);
    fs::write(&program, image)?;
    fs::set_permissions(&program, fs::Permissions::from_mode(0o755))?;
    Ok(())
}

/// Take the table of sections out of the image, and what follows the last loaded byte: elf(5). Lines of this program's own
/// source are nothing to report, and reading them would take longer than the attacks.
fn without_sections(image: &mut Vec<u8>) {
    let number = |image: &[u8], at: usize, size: usize| {
        let bytes = image.get(at..at + size).unwrap_or_default();
        bytes.iter().rev().fold(0_usize, |sum, byte| sum << 8 | usize::from(*byte))
    };
    if image.get(..6) != Some(b"\x7fELF\x02\x01") {
        return;
    }
    let (table, size, count) = (number(image, 32, 8), number(image, 54, 2), number(image, 56, 2));
    let end = |at: usize| number(image, at + 8, 8).saturating_add(number(image, at + 32, 8));
    let last = (0..count).map(|one| end(table + one * size)).max().unwrap_or(image.len());
    image[40..48].fill(0);
    image[60..64].fill(0);
    image.truncate(last.max(table + count * size));
}
