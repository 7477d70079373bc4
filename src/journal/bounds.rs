//! How much the journal keeps: by default, or as the table `[journal]` of the user's `config.toml` says.

use std::time::Duration;

use crate::policy;
use crate::user::{ConfigError, Settings};

/// See the module.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bounds {
    pub age: Duration,
    pub runs: usize,
    pub bytes: u64,
}

impl Default for Bounds {
    fn default() -> Self {
        Self { age: days(30), runs: 1000, bytes: 256 << 20 }
    }
}

const fn days(days: u32) -> Duration {
    Duration::from_secs(days as u64 * 24 * 60 * 60)
}

impl Bounds {
    /// As the user wants them.
    pub(super) fn read(settings: &Settings) -> Result<Self, ConfigError> {
        const SIZE: &str = "write a size such as \"256MiB\"";
        let mut bounds = Self::default();
        let Some(table) = settings.table("journal", &["days", "runs", "bytes"])? else { return Ok(bounds) };
        if let Some(setting) = table.get("days") {
            bounds.age = days(setting.number(1..=36_500)?);
        }
        if let Some(setting) = table.get("runs") {
            bounds.runs = setting.number(1..=1_000_000)? as usize;
        }
        if let Some(setting) = table.get("bytes") {
            bounds.bytes =
                policy::size(setting.text(SIZE)?).map_err(|bad| setting.error(bad.message, bad.help))?;
        }
        Ok(bounds)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn read(text: &str) -> Result<Bounds, String> {
        let settings = Settings::parse(text, Path::new("config.toml"));
        settings.and_then(|settings| Bounds::read(&settings)).map_err(|error| error.to_string())
    }

    #[test]
    fn each_bound_can_be_set() {
        assert_eq!(read(""), Ok(Bounds::default()));
        assert_eq!(
            read("[journal]\ndays = 7\nruns = 50\nbytes = \"16MiB\""),
            Ok(Bounds { age: Duration::from_hours(7 * 24), runs: 50, bytes: 16 << 20 })
        );
        assert_eq!(read("[journal]\nruns = 5"), Ok(Bounds { runs: 5, ..Bounds::default() }));
        let problem = read("[journal]\nbytes = \"16M\"").unwrap_err();
        assert!(problem.starts_with("config.toml:2:9: `16M` could mean two sizes; write 16MiB"), "{problem}");
        assert!(read("[journal]\nbytes = 16").unwrap_err().contains("such as \"256MiB\""));
        assert!(read("[journal]\nage = 3").unwrap_err().contains("unknown setting `age`; there is days"));
    }
}
