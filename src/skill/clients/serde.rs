//! What clients see that read front matter with `serde_yaml`: asked of that very library, within bounds.

use ::serde::de::DeserializeOwned;

/// Most brackets that may be open at once. The library's time grows with the square of their number, and it has no bound of
/// its own while it scans.
const MAX_OPEN: usize = 1000;

/// Read a front matter, or the library's message.
pub(super) fn read<T: DeserializeOwned>(yaml: &str) -> Result<T, String> {
    if most_open(yaml) > MAX_OPEN {
        return Err(format!("more than {MAX_OPEN} brackets are open"));
    }
    serde_yaml::from_str(yaml).map_err(|error| error.to_string())
}

fn most_open(yaml: &str) -> usize {
    let depths = yaml.bytes().scan(0_usize, |open, byte| {
        match byte {
            b'[' | b'{' => *open += 1,
            b']' | b'}' => *open = open.saturating_sub(1),
            _ => {}
        }
        Some(*open)
    });
    depths.max().unwrap_or(0)
}
