//! What learning never grants by itself: whoever would lose by it has to decide.
//!
//! These are names and places by which secrets go, not a proof that there is one; a file that is granted is also looked
//! into, for tokens whose form tells what they are. Missing something here costs no more than the user's own look at the
//! proposal: while learning nothing that was read can leave the machine.

use std::io::Read as _;
use std::path::{Path, PathBuf};

use crate::policy::{Host, NetRule, Permission, Places, Policy, dangerous_variable, open_plain};
use crate::skill::secret;
use crate::user::Files;

/// Below HOME: keys, tokens, passwords, histories.
const SECRET_PLACES: &[&str] = &[
    ".ssh",
    ".gnupg",
    ".aws",
    ".azure",
    ".config/gcloud",
    ".config/gh",
    ".config/hub",
    ".config/glab-cli",
    ".config/git/credentials",
    ".config/op",
    ".config/rclone",
    ".config/github-copilot",
    ".config/google-chrome",
    ".config/chromium",
    ".config/BraveSoftware",
    ".config/Signal",
    ".mozilla",
    ".thunderbird",
    ".kube",
    ".docker",
    ".netrc",
    ".git-credentials",
    ".npmrc",
    ".yarnrc.yml",
    ".pypirc",
    ".cargo/credentials",
    ".cargo/credentials.toml",
    ".gem/credentials",
    ".m2/settings.xml",
    ".gradle/gradle.properties",
    ".password-store",
    ".local/share/keyrings",
    ".local/share/kwalletd",
    ".pki",
    ".vault-token",
    ".terraform.d",
    ".pgpass",
    ".my.cnf",
    ".mylogin.cnf",
    ".s3cfg",
    ".boto",
    ".databrickscfg",
    ".claude",
    ".claude.json",
    ".codex",
    ".gemini",
    ".bash_history",
    ".zsh_history",
    ".histfile",
    ".history",
    ".local/share/fish/fish_history",
    ".python_history",
    ".node_repl_history",
    ".psql_history",
    ".mysql_history",
    ".sqlite_history",
    ".rediscli_history",
    ".lesshst",
    ".viminfo",
];

/// Below HOME: what is written there runs later, outside of the sandbox.
const STARTED_LATER: &[&str] = &[
    ".bashrc",
    ".bash_profile",
    ".bash_login",
    ".bash_logout",
    ".profile",
    ".zshrc",
    ".zshenv",
    ".zprofile",
    ".zlogin",
    ".config/fish",
    ".config/autostart",
    ".config/systemd",
    ".config/environment.d",
    ".config/git",
    ".gitconfig",
    ".local/bin",
    ".local/share/applications",
    "bin",
    ".vimrc",
    ".config/nvim",
    ".emacs",
    ".emacs.d",
];

/// Anywhere.
const SYSTEM_SECRETS: &[&str] = &[
    "/etc/shadow",
    "/etc/gshadow",
    "/etc/sudoers",
    "/etc/sudoers.d",
    "/etc/ssl/private",
    "/etc/ssh",
    "/etc/wireguard",
    "/run/secrets",
    "/var/run/secrets",
    "/var/lib/docker",
];

/// Names of hosts that hand out credentials to whoever asks.
const METADATA_HOSTS: &[&str] = &["metadata.google.internal", "metadata", "instance-data", "fd00:ec2::254"];

/// Files and folders that are looked at in a folder before it is granted.
const LOOKED_AT: usize = 4_000;
const DEPTH: usize = 3;
/// Bytes of a file that are looked at.
const LOOKED_INTO: u64 = 256 * 1024;

/// What surrounds a run.
#[derive(Debug, Clone)]
pub(super) struct Surroundings<'a> {
    pub(super) places: &'a Places,
    /// The skill's folder.
    pub(super) skill: &'a Path,
    /// The value of a variable of the caller.
    pub(super) variable: fn(&str) -> Option<String>,
}

/// Why the only grant of `policy` is for the user to decide; `None` when it may be learned.
pub(super) fn why(policy: &Policy, around: &Surroundings<'_>) -> Option<String> {
    let read = policy.read.iter().find_map(|grant| around.path(&grant.value, Permission::Read));
    let write = || policy.write.iter().find_map(|grant| around.path(&grant.value, Permission::Write));
    let net = || policy.net.iter().find_map(|grant| host(&grant.value));
    let env = || policy.env.iter().find_map(|grant| around.variable(&grant.value));
    read.or_else(write).or_else(net).or_else(env)
}

impl Surroundings<'_> {
    fn path(&self, path: &Path, permission: Permission) -> Option<String> {
        let real = path.canonicalize().unwrap_or_else(|_| path.to_owned());
        [path, &real].into_iter().find_map(|path| {
            self.place(path)
                .or_else(|| self.later(path, permission))
                .or_else(|| self.other_home(path))
                .or_else(|| name(path))
                .or_else(|| if path.is_dir() { inside(path) } else { content(path) })
        })
    }

    /// A known place, one inside of it, or a folder around it.
    fn place(&self, path: &Path) -> Option<String> {
        let home = self.places.home.as_deref();
        let below_home = home.into_iter().flat_map(|home| SECRET_PLACES.iter().map(|place| home.join(place)));
        let own =
            [Files::Config, Files::Data, Files::State, Files::Cache].into_iter().filter_map(Files::folder);
        let all = below_home.chain(SYSTEM_SECRETS.iter().map(PathBuf::from)).chain(own);
        for place in all {
            if path.starts_with(&place) {
                return Some(format!("{} is a place of secrets", self.short(&place)));
            }
            if place.starts_with(path) && place.symlink_metadata().is_ok() {
                return Some(format!("it holds {}, a place of secrets", self.short(&place)));
            }
        }
        None
    }

    /// What is written may be run, or read as instructions, outside of the sandbox.
    fn later(&self, path: &Path, permission: Permission) -> Option<String> {
        if permission != Permission::Write {
            return None;
        }
        let home = self.places.home.as_deref();
        let places = home.into_iter().flat_map(|home| STARTED_LATER.iter().map(|place| home.join(place)));
        for place in places {
            if path.starts_with(&place) || place.starts_with(path) && place.symlink_metadata().is_ok() {
                let place = self.short(&place);
                return Some(format!("what is written to {place} is run later, outside of the sandbox"));
            }
        }
        let has = |name: &str| path.components().any(|part| part.as_os_str() == name);
        if has(".git") {
            return Some("what is written into .git may be run later, outside of the sandbox".to_owned());
        }
        let of_another =
            !path.starts_with(self.skill) && [".skills", ".claude", ".agents"].into_iter().any(has);
        of_another.then(|| "it belongs to other skills, or to the agent's own settings".to_owned())
    }

    fn other_home(&self, path: &Path) -> Option<String> {
        let owner = path.strip_prefix("/home").ok().and_then(|below| below.components().next());
        let of = match owner {
            Some(name) => Path::new("/home").join(name),
            None if path.starts_with("/root") => PathBuf::from("/root"),
            None => return None,
        };
        let own = self.places.home.as_ref() == Some(&of) || path.starts_with(&self.places.workspace);
        (!own).then(|| format!("{} is the home of another user", of.display()))
    }

    fn variable(&self, name: &str) -> Option<String> {
        if let Some(danger) = dangerous_variable(name) {
            return Some(danger.to_owned());
        }
        if is_secret_name(name) {
            return Some(format!("{name} is named like a secret"));
        }
        let value = (self.variable)(name)?;
        if let Some(what) = secret::first(&value) {
            return Some(format!("its value holds {what}"));
        }
        // `scheme://user:password@host`.
        let authority = value.split_once("://").map(|(_, rest)| rest.split('/').next().unwrap_or(rest));
        let password =
            authority.and_then(|rest| rest.rsplit_once('@')).is_some_and(|(user, _)| user.contains(':'));
        password.then(|| "its value holds a password".to_owned())
    }

    fn short(&self, path: &Path) -> String {
        match self.places.home.as_ref().and_then(|home| path.strip_prefix(home).ok()) {
            Some(below) => format!("~/{}", below.display()),
            None => path.display().to_string(),
        }
    }
}

/// A file whose name says that it holds a secret.
fn name(path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?.to_ascii_lowercase();
    is_secret_file(&name).then(|| format!("{name} is a name for secrets"))
}

fn is_secret_file(name: &str) -> bool {
    const NAMES: [&str; 22] = [
        ".env",
        ".envrc",
        ".netrc",
        ".npmrc",
        ".pypirc",
        ".pgpass",
        ".htpasswd",
        ".git-credentials",
        "credentials",
        "credentials.json",
        "credentials.yaml",
        "credentials.yml",
        "credentials.toml",
        "secrets.json",
        "secrets.yaml",
        "secrets.yml",
        "secrets.toml",
        "token.json",
        "kubeconfig",
        "id_rsa",
        "id_ecdsa",
        "id_ed25519",
    ];
    const ENDINGS: [&str; 8] = [".pem", ".key", ".p12", ".pfx", ".kdbx", ".keystore", ".jks", ".ovpn"];
    let example = ["example", "sample", "template", "dist"].iter().any(|word| name.ends_with(word));
    let known =
        NAMES.contains(&name) || name.starts_with(".env.") || ENDINGS.iter().any(|end| name.ends_with(end));
    known && !example
}

/// A folder in which such a file lies.
fn inside(folder: &Path) -> Option<String> {
    let mut left = LOOKED_AT;
    let mut folders = vec![(folder.to_owned(), 0)];
    while let Some((dir, depth)) = folders.pop() {
        for entry in dir.read_dir().into_iter().flatten().flatten() {
            left = left.checked_sub(1)?;
            let Ok(kind) = entry.file_type() else { continue };
            if kind.is_dir() && depth < DEPTH {
                folders.push((entry.path(), depth + 1));
            } else if kind.is_file()
                && let Some(name) = entry.file_name().to_str()
                && is_secret_file(&name.to_ascii_lowercase())
            {
                let file = entry.path();
                let file = file.strip_prefix(folder).unwrap_or(&file);
                return Some(format!("it holds {}, a name for secrets", file.display()));
            }
        }
    }
    None
}

/// A file with a token in it.
fn content(file: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    open_plain(file).ok()?.take(LOOKED_INTO).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    secret::first(&text).map(|what| format!("the file holds {what}"))
}

fn host(rule: &NetRule) -> Option<String> {
    let metadata = match &rule.host {
        Host::Name(name) => METADATA_HOSTS.contains(&name.as_str()),
        Host::Net(address, _) => METADATA_HOSTS.contains(&address.to_string().as_str()),
    };
    metadata.then(|| "it hands out the credentials of a cloud machine".to_owned())
}

/// Whether a variable goes by a name for secrets.
fn is_secret_name(name: &str) -> bool {
    const WORDS: [&str; 16] = [
        "KEY",
        "KEYS",
        "PASS",
        "PWD",
        "PAT",
        "AUTH",
        "COOKIE",
        "COOKIES",
        "SESSION",
        "PRIVATE",
        "DSN",
        "JWT",
        "OAUTH",
        "BEARER",
        "SALT",
        "SIGNATURE",
    ];
    const PARTS: [&str; 6] = ["TOKEN", "SECRET", "PASSW", "PASSPHRASE", "CREDENTIAL", "APIKEY"];
    let upper = name.to_ascii_uppercase();
    // `PWD` alone is the folder one is in, and `XDG_SESSION_…` tells of the desktop.
    let harmless = matches!(upper.as_str(), "PWD" | "OLDPWD") || upper.starts_with("XDG_SESSION_");
    !harmless
        && (upper.split('_').any(|word| WORDS.contains(&word))
            || PARTS.iter().any(|part| upper.contains(part)))
}

#[cfg(test)]
mod tests;
