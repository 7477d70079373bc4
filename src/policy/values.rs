//! Single values of a policy file: times, sizes, paths, hosts, programs, variables.
//!
//! Each parser takes the text as written and gives the value, or what is wrong and what to write instead.

use std::net::IpAddr;
use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use super::load::Places;
use super::model::{Host, NetRule, RunRule};
use super::programs;

/// Why a value is refused, and what to do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Bad {
    pub(crate) message: String,
    pub(crate) help: String,
}

fn bad<T>(message: impl Into<String>, help: impl Into<String>) -> Result<T, Bad> {
    Err(Bad { message: message.into(), help: help.into() })
}

/// `30s`, `500ms`, `1m`, `2h`; a bare number is seconds.
pub(super) fn duration(text: &str) -> Result<Duration, Bad> {
    const HELP: &str = "write a number and a unit, such as 500ms, 30s, 2m or 1h";
    let (number, unit) = split_unit(text);
    let scale = match unit {
        "ms" => 0.001,
        "s" | "" => 1.0,
        "m" | "min" => 60.0,
        "h" => 3600.0,
        _ => return bad(format!("`{text}` is not a time"), HELP),
    };
    let Ok(value) = number.parse::<f64>() else { return bad(format!("`{text}` is not a time"), HELP) };
    match Duration::try_from_secs_f64(value * scale) {
        Ok(time) if time.as_millis() == 0 => bad("a time limit of zero lets nothing run", HELP),
        Ok(time) if time > Duration::from_hours(30 * 24) => {
            bad(format!("`{text}` is longer than 30 days"), "write a shorter time")
        }
        Ok(time) => Ok(time),
        Err(_) => bad(format!("`{text}` is not a time"), HELP),
    }
}

/// `256MiB`, `10MB`, `64KiB`; a bare number is bytes.
pub(crate) fn size(text: &str) -> Result<u64, Bad> {
    const HELP: &str = "write a number and a unit, such as 64KiB, 10MB or 1GiB";
    let (number, unit) = split_unit(text);
    let scale: u64 = match unit.to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "kb" => 1000,
        "kib" => 1 << 10,
        "mb" => 1_000_000,
        "mib" => 1 << 20,
        "gb" => 1_000_000_000,
        "gib" => 1 << 30,
        "tb" => 1_000_000_000_000,
        "tib" => 1 << 40,
        short @ ("k" | "m" | "g" | "t") => {
            let unit = short.to_ascii_uppercase();
            return bad(
                format!("`{text}` could mean two sizes"),
                format!("write {number}{unit}iB (1024) or {number}{unit}B (1000)"),
            );
        }
        _ => return bad(format!("`{text}` is not a size"), HELP),
    };
    let bytes = if let Ok(whole) = number.parse::<u64>() {
        whole.checked_mul(scale)
    } else if let Ok(part) = number.parse::<f64>() {
        Some((part * scale as f64) as u64)
    } else {
        return bad(format!("`{text}` is not a size"), HELP);
    };
    match bytes {
        Some(0) => bad("a size limit of zero lets nothing run", HELP),
        Some(bytes) if bytes <= 1 << 50 => Ok(bytes),
        _ => bad(format!("`{text}` is too large"), "write at most 1024TiB"),
    }
}

/// A plain number from 1 on.
pub(super) fn number(text: &str) -> Result<u64, Bad> {
    match text.parse::<u64>() {
        Ok(n @ 1..=1_048_576) => Ok(n),
        _ => bad(format!("`{text}` is not a number from 1 to 1048576"), "write a whole number, such as 32"),
    }
}

fn split_unit(text: &str) -> (&str, &str) {
    let at = text.find(|c: char| !(c.is_ascii_digit() || c == '.')).unwrap_or(text.len());
    (&text[..at], text[at..].trim_start())
}

/// Kernel interfaces that no grant opens: what is safe of them is in the base view already.
const NEVER: [&str; 3] = ["/proc", "/sys", "/dev"];

/// A path: relative to `folder`, absolute, below `~` or below `${workspace}`.
pub(super) fn path(text: &str, folder: &Path, places: &Places) -> Result<PathBuf, Bad> {
    if text.contains(['*', '?']) {
        return bad(
            format!("`{text}` is a pattern; patterns are not expanded"),
            "grant the folder, or name each file",
        );
    }
    let joined = if let Some(rest) = below(text, "${workspace}") {
        places.workspace.join(rest)
    } else if let Some(rest) = below(text, "~") {
        match &places.home {
            Some(home) => home.join(rest),
            None => return bad("`~` has no meaning: HOME is not set", "write the absolute path"),
        }
    } else if text.starts_with('~') {
        return bad(format!("`{text}`: the homes of others are not looked up"), "write the absolute path");
    } else if text.contains("${") {
        return bad(
            format!("`{text}`: only ${{workspace}} is known"),
            "write ${workspace} or the path itself",
        );
    } else {
        folder.join(text)
    };
    let path = normalise(&joined);
    if path.parent().is_none() {
        return bad("the whole file system cannot be granted", "grant the folders that are needed");
    }
    if let Some(never) = NEVER.into_iter().find(|never| path.starts_with(never)) {
        return bad(
            format!("{never} cannot be granted"),
            "a run has a small /proc and /dev of its own; /sys is never shown",
        );
    }
    Ok(path)
}

fn below<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let rest = text.strip_prefix(prefix)?;
    if rest.is_empty() { Some(rest) } else { rest.strip_prefix('/').map(|rest| rest.trim_start_matches('/')) }
}

/// Take `.` and `..` out without looking at the file system.
pub(crate) fn normalise(path: &Path) -> PathBuf {
    let mut clean = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => {
                clean.pop();
            }
            Component::CurDir => {}
            part => clean.push(part),
        }
    }
    clean
}

/// `host`, `host:443`, `host:80,443`, `10.0.0.0/8:443`, `[::1]:443`, `*.example.org`.
pub(super) fn net(text: &str) -> Result<NetRule, Bad> {
    const HELP: &str = "write host:port, such as api.github.com:443";
    if let Some((scheme, rest)) = text.split_once("://") {
        let host = rest.split(['/', ':']).next().unwrap_or(rest);
        let port = if scheme == "http" { 80 } else { 443 };
        return bad(
            format!("`{text}` is an address of a page, not of a host"),
            format!("write {host}:{port}"),
        );
    }
    let (host, ports) = split_ports(text);
    let ports = match ports {
        None => Vec::new(),
        Some(list) => {
            match list.split(',').map(|port| port.trim().parse::<u16>()).collect::<Result<Vec<_>, _>>() {
                Ok(ports) if !ports.contains(&0) => ports,
                _ => return bad(format!("`{list}` is not a port from 1 to 65535"), HELP),
            }
        }
    };
    if let Some((address, length)) = network(host) {
        let longest = if address.is_ipv4() { 32 } else { 128 };
        return match length.map_or(Ok(longest), str::parse) {
            Ok(length) if length <= longest => Ok(NetRule { host: Host::Net(address, length), ports }),
            _ => bad(format!("`{text}`: the prefix does not fit the address"), "write 10.0.0.0/8"),
        };
    }
    let name = host.trim_end_matches('.').to_ascii_lowercase();
    if name != "*" && !is_host_name(name.strip_prefix("*.").unwrap_or(&name)) {
        return bad(format!("`{text}` is not a host"), HELP);
    }
    Ok(NetRule { host: Host::Name(name), ports })
}

/// One host and one port, as a question names them.
pub(crate) fn destination(text: &str) -> Result<NetRule, String> {
    let rule = net(text).map_err(|Bad { message, help }| format!("{message}; {help}"))?;
    let one_host = match &rule.host {
        Host::Name(name) => !name.contains('*'),
        Host::Net(address, length) => *length == if address.is_ipv4() { 32 } else { 128 },
    };
    if rule.ports.len() == 1 && one_host {
        return Ok(rule);
    }
    Err(format!("`{text}` is not one host and one port; write host:port, such as api.github.com:443"))
}

/// What a variable can do to the run that is passed it, when it can change which code runs.
pub(crate) fn dangerous_variable(name: &str) -> Option<&'static str> {
    let loads =
        "it names code that programs load before their own: what it points at runs in the sandbox too";
    match name {
        "LD_PRELOAD" | "LD_AUDIT" | "LD_LIBRARY_PATH" | "PYTHONPATH" | "PYTHONSTARTUP" | "PYTHONHOME"
        | "PYTHONINSPECT" | "NODE_OPTIONS" | "NODE_PATH" | "BASH_ENV" | "ENV" | "PERL5LIB" | "PERL5OPT"
        | "RUBYLIB" | "RUBYOPT" | "GIT_SSH_COMMAND" | "GIT_EXTERNAL_DIFF" => Some(loads),
        "PATH" => Some("it replaces the run's own search path: names of programs may lead to nothing inside"),
        "HOME" | "TMPDIR" => {
            Some("it leads to a folder outside, which is not there inside unless it is granted")
        }
        _ => None,
    }
}

/// The name of a variable, as a question names it.
pub(crate) fn variable_name(text: &str) -> Result<String, String> {
    variable(text).map_err(|Bad { message, help }| format!("{message}; {help}"))
}

/// The part before the port, and the port. An IPv6 address without brackets has no port.
fn split_ports(text: &str) -> (&str, Option<&str>) {
    if let Some(rest) = text.strip_prefix('[')
        && let Some((host, after)) = rest.split_once(']')
    {
        return (host, after.strip_prefix(':').or(if after.is_empty() { None } else { Some(after) }));
    }
    match text.rsplit_once(':') {
        Some((host, ports)) if !host.contains(':') => (host, Some(ports)),
        _ => (text, None),
    }
}

/// An address, and the prefix length written behind it.
fn network(host: &str) -> Option<(IpAddr, Option<&str>)> {
    let (address, length) = match host.split_once('/') {
        Some((address, length)) => (address, Some(length)),
        None => (host, None),
    };
    Some((address.parse().ok()?, length))
}

fn is_host_name(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
            && !label.starts_with('-')
    };
    (1..=253).contains(&name.len()) && name.split('.').all(label)
}

/// `git`, `/opt/tool/bin/tool`, `./scripts/helper.sh`, `@coreutils`.
pub(super) fn run(text: &str, folder: &Path, places: &Places) -> Result<RunRule, Bad> {
    if let Some(group) = text.strip_prefix('@') {
        return match programs::group(group) {
            Some(_) => Ok(RunRule::Group(text.to_owned())),
            None => bad(format!("no group of programs is called `{text}`"), "there is @coreutils"),
        };
    }
    if text.contains('/') || text.starts_with('~') {
        return Ok(RunRule::Path(path(text, folder, places)?));
    }
    if text.is_empty() || text.contains(char::is_whitespace) || text.contains(['*', '?', '$', ';', '|', '&'])
    {
        return bad(
            format!("`{text}` is not the name of a program"),
            "write the name only, without arguments, such as git",
        );
    }
    Ok(RunRule::Program(text.to_owned()))
}

/// The name of an environment variable.
pub(super) fn variable(text: &str) -> Result<String, Bad> {
    let mut bytes = text.bytes();
    let first = bytes.next().is_some_and(|b| b.is_ascii_alphabetic() || b == b'_');
    if first && bytes.all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return Ok(text.to_owned());
    }
    if text.contains('=') {
        return bad(format!("`{text}` sets a value"), "write the name only; the value is the caller's");
    }
    bad(format!("`{text}` is not the name of a variable"), "name each variable, such as GITHUB_TOKEN")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places() -> Places {
        Places { workspace: "/w".into(), home: Some("/home/ada".into()) }
    }

    #[test]
    fn times_and_sizes() {
        assert_eq!(duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(duration("1.5s"), Ok(Duration::from_millis(1500)));
        assert_eq!(duration("2 m"), Ok(Duration::from_mins(2)));
        assert_eq!(duration("7"), Ok(Duration::from_secs(7)));
        for wrong in ["", "s", "-1s", "0", "1y", "1e99h", "nan", "90d", "9999999h"] {
            assert!(duration(wrong).is_err(), "{wrong}");
        }
        assert_eq!(size("256MiB"), Ok(256 << 20));
        assert_eq!(size("10MB"), Ok(10_000_000));
        assert_eq!(size("0.5 KiB"), Ok(512));
        assert_eq!(size("4096"), Ok(4096));
        for wrong in ["", "MiB", "0", "0.1B", "99999999TiB", "18446744073709551615KB", "1XB", "..MB"] {
            assert!(size(wrong).is_err(), "{wrong}");
        }
        assert!(size("10M").unwrap_err().help.contains("10MiB"));
    }

    #[test]
    fn paths() {
        let path = |text| path(text, Path::new("/w/.skills/a"), &places());
        assert_eq!(path("./out"), Ok("/w/.skills/a/out".into()));
        assert_eq!(path("../b/../c"), Ok("/w/.skills/c".into()));
        assert_eq!(path("~/x"), Ok("/home/ada/x".into()));
        assert_eq!(path("${workspace}"), Ok("/w".into()));
        assert_eq!(path("${workspace}//x"), Ok("/w/x".into()));
        for wrong in ["/", "/../..", "/proc/1", "/dev", "/etc/../sys/x", "~bob/x", "${HOME}/x", "*.txt"] {
            assert!(path(wrong).is_err(), "{wrong}");
        }
        // The start of a name is not a variable.
        assert!(path("${workspace}x").is_err());
    }

    #[test]
    fn hosts() {
        let rule = net("API.github.com:443").unwrap();
        assert!(rule.covers("api.GitHub.com.", Some(443)));
        assert!(!rule.covers("api.github.com", Some(80)));
        assert!(!rule.covers("evil-api.github.com", Some(443)));
        let rule = net("*.example.org").unwrap();
        assert!(rule.covers("a.b.example.org", Some(1)));
        assert!(!rule.covers("example.org", Some(1)));
        assert!(!rule.covers("notexample.org", Some(1)));
        let rule = net("10.0.0.0/8:80,443").unwrap();
        assert!(rule.covers("10.9.9.9", Some(443)));
        assert!(!rule.covers("11.0.0.1", Some(443)));
        assert!(!rule.covers("10.9.9.9", Some(22)));
        assert!(net("0.0.0.0/0").unwrap().covers("1.2.3.4", None));
        assert!(net("[2001:db8::1]:443").unwrap().covers("2001:db8::1", Some(443)));
        assert!(net("::1").unwrap().covers("::1", Some(5)));
        for wrong in
            ["", ":80", "a b", "host:0", "host:99999", "host:x", "10.0.0.0/33", "-a.b", "ä.de", "a..b"]
        {
            assert!(net(wrong).is_err(), "{wrong}");
        }
        assert_eq!(net("https://api.github.com/x").unwrap_err().help, "write api.github.com:443");
    }

    #[test]
    fn programs_and_variables() {
        let run = |text| run(text, Path::new("/w/a"), &places());
        assert_eq!(run("git"), Ok(RunRule::Program("git".into())));
        assert_eq!(run("./x.sh"), Ok(RunRule::Path("/w/a/x.sh".into())));
        assert_eq!(run("@coreutils"), Ok(RunRule::Group("@coreutils".into())));
        assert!(run("@everything").is_err());
        assert!(run("git log").is_err());
        assert_eq!(variable("A_1"), Ok("A_1".into()));
        for wrong in ["", "1A", "A=b", "AWS_*", "A B"] {
            assert!(variable(wrong).is_err(), "{wrong}");
        }
    }
}
