//! The grant that comes nearest to what is refused, and what keeps it from covering that.

use std::path::{Path, PathBuf};

use super::Closest;
use crate::policy::decide::Scope;
use crate::policy::{Grant, Host, NetRule, Origin, Permission, RunRule, destination, programs};
use crate::skill::text::distance;

pub(super) fn find(scope: &Scope<'_>, permission: Permission, target: &str) -> Option<Closest> {
    let policy = scope.policy;
    match permission {
        Permission::Read => path(scope, Permission::Read, &policy.read, Path::new(target))
            .or_else(|| path(scope, Permission::Write, &policy.write, Path::new(target))),
        Permission::Write => read_only(scope, Path::new(target))
            .or_else(|| path(scope, Permission::Write, &policy.write, Path::new(target))),
        Permission::Net => net(scope, target),
        Permission::Run => run(scope, Path::new(target)),
        Permission::Env => env(scope, target),
    }
}

fn closest<T>(scope: &Scope<'_>, permission: Permission, grant: &Grant<T>, reason: String) -> Closest {
    let origin = match &grant.origin {
        origin @ Origin::File { .. } => scope.place(origin),
        origin => origin.to_string(),
    };
    Closest { permission: permission.name(), written: grant.written.clone(), origin, reason }
}

/// Granted for reading, asked for writing.
fn read_only(scope: &Scope<'_>, target: &Path) -> Option<Closest> {
    let holds = |grant: &&Grant<PathBuf>| target.starts_with(&grant.value);
    let grant =
        scope.policy.read.iter().filter(holds).max_by_key(|grant| grant.value.components().count())?;
    Some(closest(scope, Permission::Read, grant, "reading is granted, writing is not".to_owned()))
}

/// The grant with the longest way in common, when that is more than a top-level folder.
fn path(
    scope: &Scope<'_>,
    permission: Permission,
    grants: &[Grant<PathBuf>],
    target: &Path,
) -> Option<Closest> {
    let shared = |grant: &Grant<PathBuf>| {
        grant.value.components().zip(target.components()).take_while(|(one, other)| one == other).count()
    };
    let grant = grants.iter().max_by_key(|grant| shared(grant))?;
    let common: PathBuf = target.components().take(shared(grant)).collect();
    let reason = if target.starts_with(&grant.value) {
        "a denial inside of it is stronger".to_owned()
    } else if grant.value.starts_with(target) {
        "only what is granted inside of this folder can be reached, not the folder".to_owned()
    } else if common.components().count() > 2 {
        format!("this lies beside it in {}", common.display())
    } else {
        return None;
    };
    Some(closest(scope, permission, grant, reason))
}

fn net(scope: &Scope<'_>, target: &str) -> Option<Closest> {
    let NetRule { host, ports } = destination(target).ok()?;
    let shown = NetRule { host: host.clone(), ports: Vec::new() }.to_string();
    let grants = &scope.policy.net;
    let found = |grant: &Grant<NetRule>, reason: String| Some(closest(scope, Permission::Net, grant, reason));
    if let Some(grant) = grants.iter().find(|grant| grant.value.covers(&shown, ports.first().copied())) {
        let reason = if matches!(&host, Host::Net(ip, _) if ip.is_loopback()) || shown == "localhost" {
            "this machine itself has to be named"
        } else {
            "a denial is stronger"
        };
        return found(grant, reason.to_owned());
    }
    let any_port = |grant: &&Grant<NetRule>| {
        NetRule { host: grant.value.host.clone(), ports: Vec::new() }.covers(&shown, None)
    };
    if let Some(grant) = grants.iter().find(any_port) {
        let ports: Vec<String> = grant.value.ports.iter().map(u16::to_string).collect();
        let word = if ports.len() == 1 { "port" } else { "ports" };
        return found(grant, format!("the host is granted, but {word} {} only", ports.join(", ")));
    }
    let Host::Name(name) = &host else {
        let star = grants.iter().find(|grant| matches!(&grant.value.host, Host::Name(_)))?;
        return found(star, "names are granted, not addresses".to_owned());
    };
    for grant in grants {
        let Host::Name(granted) = &grant.value.host else { continue };
        if granted.strip_prefix("*.") == Some(name) {
            return found(grant, format!("it covers the names below {name}, not {name} itself"));
        }
        if name.strip_suffix(granted.as_str()).is_some_and(|rest| rest.ends_with('.')) {
            return found(
                grant,
                format!("it covers {granted} alone; *.{granted} would cover the names below"),
            );
        }
        let parent = |name: &str| name.split_once('.').map(|(_, parent)| parent.to_owned());
        if parent(name).is_some_and(|above| above.contains('.') && parent(granted) == Some(above)) {
            return found(grant, "another host of the same domain".to_owned());
        }
        if distance(name, granted) <= 2 {
            return found(grant, format!("did you mean {granted}?"));
        }
    }
    None
}

fn run(scope: &Scope<'_>, target: &Path) -> Option<Closest> {
    let name = target.file_name()?.to_str()?;
    for grant in &scope.policy.run {
        let reason = match &grant.value {
            RunRule::Program(program) if program == name => {
                match programs::find(program, programs::SEARCH_PATH) {
                    Some(file) if file != target => format!("{program} is {}", file.display()),
                    Some(_) => "a denial is stronger".to_owned(),
                    None => "it is not installed here".to_owned(),
                }
            }
            RunRule::Path(path) if path.file_name() == target.file_name() && path != target => {
                format!("it grants the program at {}", path.display())
            }
            RunRule::Path(path) if target.starts_with(path) => "a denial is stronger".to_owned(),
            RunRule::Group(group) if programs::is_coreutil(name) => {
                format!("{group} means those on the system's PATH")
            }
            _ => continue,
        };
        return Some(closest(scope, Permission::Run, grant, reason));
    }
    None
}

fn env(scope: &Scope<'_>, target: &str) -> Option<Closest> {
    let near = |grant: &&Grant<String>| distance(&grant.value, target) <= 2;
    let grant = scope.policy.env.iter().find(near)?;
    let reason = if grant.value == target {
        "a denial is stronger".to_owned()
    } else {
        format!("the names differ: did you mean {}?", grant.value)
    };
    Some(closest(scope, Permission::Env, grant, reason))
}
