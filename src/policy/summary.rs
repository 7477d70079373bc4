//! A policy for readers: as JSON for the report, as a digest, and in plain words for the screen and for approval.

use std::path::Path;
use std::time::Duration;

use serde_json::{Map, Value as Json, json};

use super::model::{Deny, Grant, Host, NetRule, Origin, Permission, Policy, RunRule};
use crate::sandbox::plan::Limits;

/// One thing that a policy allows or refuses, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sentence {
    /// `None` for a limit.
    pub permission: Option<Permission>,
    /// A refusal that beats the grants.
    pub deny: bool,
    pub text: String,
    /// A grant or denial as it is written in its file; empty for a limit.
    pub written: String,
    pub origin: Origin,
}

impl Policy {
    /// The permissions in force, values resolved: `{"read": ["/…"], …, "deny": {…}}`.
    pub fn permissions_json(&self) -> Json {
        let mut map = lists(&self.read, &self.write, &self.net, &self.run, &self.env);
        let Deny { read, write, net, run, env } = &self.deny;
        let mut deny = lists(read, write, net, run, env);
        deny.retain(|_, list| list.as_array().is_some_and(|list| !list.is_empty()));
        if !deny.is_empty() {
            map.insert("deny".to_owned(), Json::Object(deny));
        }
        Json::Object(map)
    }

    /// The limits in force: times in milliseconds, sizes in bytes.
    pub fn limits_json(&self) -> Json {
        let Limits { wall, cpu, memory, file_size, scratch, open_files, processes, output } = self.limits;
        json!({
            "wall_ms": wall.as_millis() as u64,
            "cpu_ms": cpu.as_millis() as u64,
            "memory": memory,
            "file_size": file_size,
            "scratch": scratch,
            "open_files": open_files,
            "processes": processes,
            "output": output,
        })
    }

    /// BLAKE3 of the effective permissions and limits: two policies that allow the same have the same digest,
    /// however they are written.
    pub fn digest(&self) -> String {
        let mut permissions = self.permissions_json();
        sort(&mut permissions);
        let canonical = format!("skilldeck policy 1\n{permissions}\n{}\n", self.limits_json());
        blake3::hash(canonical.as_bytes()).to_hex().to_string()
    }

    /// What goes beyond the built-in default, in plain words, denials first: what somebody approves.
    pub fn describe(&self) -> Vec<Sentence> {
        let mut said = Vec::new();
        let deny = &self.deny;
        say(&mut said, Permission::Read, true, &deny.read, |g| format!("never read {}", path(g)));
        say(&mut said, Permission::Write, true, &deny.write, |g| format!("never write {}", path(g)));
        say(&mut said, Permission::Net, true, &deny.net, |g| format!("never connect to {}", net(&g.value)));
        say(&mut said, Permission::Run, true, &deny.run, |g| format!("never start {}", run(g)));
        say(&mut said, Permission::Env, true, &deny.env, |g| format!("never see the variable {}", g.value));
        say(&mut said, Permission::Read, false, &self.read, |g| format!("read {}", path(g)));
        say(&mut said, Permission::Write, false, &self.write, |g| {
            let verb = if g.value.exists() { "change and delete in" } else { "make and change" };
            format!("{verb} {}", path(g))
        });
        say(&mut said, Permission::Net, false, &self.net, |g| format!("connect to {}", net(&g.value)));
        say(&mut said, Permission::Run, false, &self.run, |g| format!("start {}", run(g)));
        say(&mut said, Permission::Env, false, &self.env, |g| format!("see the variable {}", g.value));
        let normal = Limits::default();
        for (name, origin) in &self.limit_origins {
            if let Some(text) = limit(name, &self.limits, &normal) {
                let (written, origin) = (String::new(), origin.clone());
                said.push(Sentence { permission: None, deny: false, text, written, origin });
            }
        }
        said
    }
}

fn say<T>(
    said: &mut Vec<Sentence>,
    permission: Permission,
    deny: bool,
    grants: &[Grant<T>],
    text: impl Fn(&Grant<T>) -> String,
) {
    said.extend(grants.iter().map(|grant| Sentence {
        permission: Some(permission),
        deny,
        text: text(grant),
        written: grant.written.clone(),
        origin: grant.origin.clone(),
    }));
}

/// The path as written, and where it really leads when a link or `..` hides that.
fn path(grant: &Grant<std::path::PathBuf>) -> String {
    let real = grant.value.canonicalize().unwrap_or_else(|_| grant.value.clone());
    let plain = grant.written.trim_start_matches("./").trim_end_matches('/');
    if real.ends_with(plain) && !grant.written.contains("..") {
        grant.written.clone()
    } else {
        format!("{} ({})", grant.written, real.display())
    }
}

fn net(rule: &NetRule) -> String {
    let host = match &rule.host {
        Host::Name(name) if name == "*" => "every host".to_owned(),
        Host::Name(name) => match name.strip_prefix("*.") {
            Some(parent) => format!("every host below {parent}"),
            None => name.clone(),
        },
        Host::Net(address, length) if is_single(*address, *length) => address.to_string(),
        Host::Net(address, length) => format!("the network {address}/{length}"),
    };
    match rule.ports.as_slice() {
        [] => format!("{host}, every port"),
        [port] => format!("{host}, port {port}"),
        ports => {
            let ports: Vec<String> = ports.iter().map(u16::to_string).collect();
            format!("{host}, ports {}", ports.join(" and "))
        }
    }
}

fn run(grant: &Grant<RunRule>) -> String {
    match &grant.value {
        RunRule::Program(name) => name.clone(),
        RunRule::Path(_) => grant.written.clone(),
        RunRule::Group(group) => format!("the {}", group.trim_start_matches('@')),
    }
}

/// A limit that differs from the built-in one.
fn limit(name: &str, limits: &Limits, normal: &Limits) -> Option<String> {
    let (ours, usual) = (limit_words(name, limits), limit_words(name, normal));
    (ours != usual).then_some(ours)
}

/// A limit in words, by its name in the policy file.
pub(super) fn limit_words(name: &str, limits: &Limits) -> String {
    match name {
        "wall" => format!("run for up to {}", time(limits.wall)),
        "cpu" => format!("use up to {} of processor time", time(limits.cpu)),
        "memory" => format!("use up to {} of memory", size(limits.memory)),
        "file_size" => format!("write files of up to {}", size(limits.file_size)),
        "scratch" => format!("keep up to {} of scratch files", size(limits.scratch)),
        "open_files" => format!("have up to {} files open", limits.open_files),
        "processes" => format!("have up to {} processes", limits.processes),
        _ => format!("print up to {}", size(limits.output)),
    }
}

/// `30s`, `1m`, `1m30s`, `500ms`.
pub fn time(time: Duration) -> String {
    let millis = time.as_millis();
    let (minutes, seconds) = (millis / 60_000, millis % 60_000);
    match (minutes, seconds) {
        (0, ms) if ms % 1000 != 0 && ms < 1000 => format!("{ms}ms"),
        (0, ms) if ms % 1000 != 0 => format!("{:.1}s", ms as f64 / 1000.0),
        (0, ms) => format!("{}s", ms / 1000),
        (minutes, 0) => format!("{minutes}m"),
        (minutes, ms) => format!("{minutes}m{}s", ms / 1000),
    }
}

/// `256MiB`, `1.5KiB`, `10 bytes`.
pub fn size(bytes: u64) -> String {
    let (unit, name) = match bytes {
        0..1024 => return format!("{bytes} bytes"),
        1024..0x10_0000 => (1_u64 << 10, "KiB"),
        0x10_0000..0x4000_0000 => (1 << 20, "MiB"),
        _ => (1 << 30, "GiB"),
    };
    if bytes.is_multiple_of(unit) {
        format!("{}{name}", bytes / unit)
    } else {
        format!("{:.1}{name}", bytes as f64 / unit as f64)
    }
}

fn lists(
    read: &[Grant<std::path::PathBuf>],
    write: &[Grant<std::path::PathBuf>],
    net: &[Grant<NetRule>],
    run: &[Grant<RunRule>],
    env: &[Grant<String>],
) -> Map<String, Json> {
    let paths = |list: &[Grant<std::path::PathBuf>]| -> Json {
        list.iter().map(|g| Json::String(text(&g.value))).collect()
    };
    let mut map = Map::new();
    map.insert("read".to_owned(), paths(read));
    map.insert("write".to_owned(), paths(write));
    map.insert("net".to_owned(), net.iter().map(|g| Json::String(g.value.to_string())).collect());
    let program = |rule: &RunRule| match rule {
        RunRule::Program(name) | RunRule::Group(name) => name.clone(),
        RunRule::Path(path) => text(path),
    };
    map.insert("run".to_owned(), run.iter().map(|g| Json::String(program(&g.value))).collect());
    map.insert("env".to_owned(), env.iter().map(|g| Json::String(g.value.clone())).collect());
    map
}

fn text(path: &Path) -> String {
    path.to_string_lossy().into_owned()
}

fn sort(value: &mut Json) {
    match value {
        Json::Array(items) => {
            items.sort_by_key(Json::to_string);
            items.dedup();
        }
        Json::Object(map) => map.values_mut().for_each(sort),
        _ => {}
    }
}

fn is_single(address: std::net::IpAddr, length: u8) -> bool {
    length == if address.is_ipv4() { 32 } else { 128 }
}

impl std::fmt::Display for NetRule {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.host {
            Host::Name(name) => f.write_str(name)?,
            Host::Net(address, length) if !is_single(*address, *length) => write!(f, "{address}/{length}")?,
            Host::Net(address, _) if address.is_ipv6() && !self.ports.is_empty() => write!(f, "[{address}]")?,
            Host::Net(address, _) => write!(f, "{address}")?,
        }
        for (n, port) in self.ports.iter().enumerate() {
            write!(f, "{}{port}", if n == 0 { ':' } else { ',' })?;
        }
        Ok(())
    }
}
