use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use super::*;

fn skill(dir: &Path, name: &str) {
    fs::create_dir_all(dir).unwrap();
    let text = format!("---\nname: {name}\ndescription: does {name}\n---\n\n# {name}\n\nDo it.\n");
    fs::write(dir.join("SKILL.md"), text).unwrap();
}

fn names(workspace: &Workspace) -> Vec<&str> {
    workspace.skills.iter().map(|skill| skill.name.as_str()).collect()
}

fn codes(workspace: &Workspace) -> Vec<&str> {
    workspace.notices.iter().map(|notice| notice.code).collect()
}

fn temp() -> (tempfile::TempDir, PathBuf) {
    let dir = tempfile::tempdir().unwrap();
    let path = fs::canonicalize(dir.path()).unwrap();
    (dir, path)
}

#[test]
fn all_roots_in_order_and_shadowing_is_said() {
    let (_dir, path) = temp();
    skill(&path.join(".claude/skills/same"), "same");
    skill(&path.join(".skills/same"), "same");
    skill(&path.join("skills/other/nested/deep"), "deep");
    skill(&path.join("extra/more"), "more");
    let workspace = Workspace::load(&path, &[path.join("extra")]);
    assert_eq!(names(&workspace), ["same", "deep", "same", "more"]);
    assert_eq!(workspace.skills[0].diagnostics, []);
    let shadowed = &workspace.skills[2].diagnostics;
    assert_eq!(shadowed[0].code, "shadowed");
    assert!(shadowed[0].message.contains(".skills/same"), "{}", shadowed[0].message);
}

#[test]
fn broken_skills_are_listed_with_their_reason() {
    let (_dir, path) = temp();
    let root = path.join(".skills");
    for name in ["lower", "dangling", "folder", "empty"] {
        fs::create_dir_all(root.join(name)).unwrap();
    }
    fs::write(root.join("lower/skill.md"), "---\nname: lower\ndescription: x\n---\nbody").unwrap();
    symlink("nowhere.md", root.join("dangling/SKILL.md")).unwrap();
    fs::create_dir(root.join("folder/SKILL.md")).unwrap();
    fs::write(root.join("empty/SKILL.md"), "").unwrap();
    symlink("/nowhere/at/all", root.join("gone")).unwrap();
    let workspace = Workspace::load(&path, &[]);
    let found: Vec<(&str, &str)> =
        workspace.skills.iter().map(|s| (s.name.as_str(), s.diagnostics[0].code)).collect();
    let wanted = [
        ("dangling", "dangling-link"),
        ("empty", "empty-file"),
        ("folder", "unreadable"),
        ("lower", "wrong-case"),
    ];
    assert_eq!(found, wanted);
    assert_eq!(codes(&workspace), ["dangling-link"]);
}

#[test]
fn generated_and_ignored_folders_are_not_entered() {
    let (_dir, path) = temp();
    fs::create_dir(path.join(".git")).unwrap();
    fs::write(path.join(".gitignore"), "build/\n.skills/\n").unwrap();
    for name in ["a", "a/node_modules/m", "build/b", "c/.venv/x", "d/kept", "d/local"] {
        skill(&path.join(".skills").join(name), name.rsplit('/').next().unwrap());
    }
    fs::write(path.join(".skills/d/.gitignore"), "local\n").unwrap();
    // A skill may itself be called like a generated folder.
    skill(&path.join(".skills/target"), "target");
    assert_eq!(names(&Workspace::load(&path, &[])), ["a", "kept", "target"]);
}

#[test]
fn links_are_followed_once_and_loops_end() {
    let (_dir, path) = temp();
    skill(&path.join(".skills/real"), "real");
    skill(&path.join("elsewhere/far"), "far");
    symlink(path.join(".skills"), path.join(".skills/real/loop")).unwrap();
    symlink(path.join(".skills/real"), path.join(".skills/again")).unwrap();
    symlink(path.join("elsewhere/far"), path.join(".skills/far")).unwrap();
    fs::create_dir(path.join(".claude")).unwrap();
    symlink(path.join(".skills"), path.join(".claude/skills")).unwrap();
    let workspace = Workspace::load(&path, &[]);
    assert_eq!(names(&workspace), ["real", "far"]);
    assert_eq!(workspace.skills[1].path, path.join("elsewhere/far"));
    assert!(workspace.skills.iter().all(|skill| skill.diagnostics.is_empty()));
}

#[test]
fn reaching_a_bound_is_said() {
    let (_dir, path) = temp();
    skill(&path.join(".skills/1/2/3/4/5/6/7/8"), "8");
    skill(&path.join(".skills/1/2/3/4/5/6/7/8/9"), "9");
    let workspace = Workspace::load(&path, &[]);
    assert_eq!(names(&workspace), ["8"]);
    assert_eq!(codes(&workspace), ["depth-reached"]);
    let mut notices = Vec::new();
    let roots = roots(&path, &[]);
    Discovery::new(&path, &roots, Bounds { depth: 20, folders: 3 }).run(
        &Resolver::from_env(),
        &mut |found| {
            if let Found::Notice(notice) = found {
                notices.push(notice.code);
            }
        },
    );
    assert_eq!(notices, ["folders-reached"]);
}

#[test]
fn pipes_sockets_and_devices_stop_nothing() {
    let (_dir, path) = temp();
    let root = path.join(".skills");
    let pipe = |path: PathBuf| {
        nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    };
    for name in ["pipe", "socket", "device", "inside"] {
        fs::create_dir_all(root.join(name).join("scripts")).unwrap();
    }
    pipe(root.join("pipe/SKILL.md"));
    let _socket = std::os::unix::net::UnixListener::bind(root.join("socket/SKILL.md")).unwrap();
    symlink("/dev/zero", root.join("device/SKILL.md")).unwrap();
    skill(&root.join("inside"), "inside");
    for name in ["policy.yaml", ".gitignore", "scripts/x.py", "scripts/y.sh", "README", ".python-version"] {
        pipe(root.join("inside").join(name));
    }
    symlink("/dev/zero", root.join("inside/scripts/zero.py")).unwrap();
    symlink("loop", root.join("loop")).unwrap();
    let _inner = std::os::unix::net::UnixListener::bind(root.join("inside/scripts/s.py")).unwrap();
    let workspace = Workspace::load(&path, &[]);
    let found: Vec<(&str, &str)> = workspace
        .skills
        .iter()
        .map(|skill| (skill.name.as_str(), skill.diagnostics.first().map_or("", |found| found.code)))
        .collect();
    let wanted = [("device", "unreadable"), ("inside", ""), ("pipe", "unreadable"), ("socket", "unreadable")];
    assert_eq!(found, wanted);
    assert_eq!((workspace.skills[1].entries.len(), &workspace.skills[1].policy_file), (0, &None));
    // The link that leads to itself is told.
    assert_eq!(codes(&workspace), ["dangling-link"]);
}

#[test]
fn folders_that_may_not_be_read_are_told() {
    use std::os::unix::fs::PermissionsExt;
    if nix::unistd::geteuid().is_root() {
        eprintln!("left out: root reads everything");
        return;
    }
    let (_dir, path) = temp();
    skill(&path.join(".skills/open"), "open");
    let closed = path.join(".skills/closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o000)).unwrap();
    let workspace = Workspace::load(&path, &[]);
    fs::set_permissions(&closed, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!((names(&workspace), codes(&workspace)), (vec!["open"], vec!["folder-unreadable"]));
    assert_eq!(workspace.notices[0].file, closed);
}

#[test]
fn many_skills_keep_their_order_and_are_not_read_twice() {
    let (_dir, path) = temp();
    let wanted: Vec<String> = (0..700).map(|number| format!("s{number:03}")).collect();
    for name in &wanted {
        skill(&path.join(".skills").join(name), name);
    }
    let workspace = Workspace::load(&path, &[]);
    assert_eq!(names(&workspace), wanted);
    let known = |wanted: &Path| {
        let known = workspace.skills.iter().find(|skill| skill.path == wanted && skill.name != "s007");
        known.cloned()
    };
    let mut again = Vec::new();
    let discovery = Discovery::new(&path, &workspace.roots, Bounds::default());
    discovery.run_again(&Resolver::from_env(), &known, &mut |found| {
        if let Found::Skill(skill) = found {
            again.push(skill);
        }
    });
    let read: Vec<&str> = again
        .iter()
        .zip(&workspace.skills)
        .filter(|(new, old)| !Arc::ptr_eq(new, old))
        .map(|(new, _)| new.name.as_str())
        .collect();
    assert_eq!((again.len(), read), (700, vec!["s007"]));
}

#[test]
fn a_skill_is_found_by_name_folder_and_path() {
    let (_dir, path) = temp();
    skill(&path.join(".skills/text-stats"), "text-stats");
    skill(&path.join(".skills/folder"), "other-name");
    let get =
        |wanted: &str| find(&path, &[], wanted).map(|skill| skill.name.clone()).map_err(|e| e.to_string());
    assert_eq!(get("text-stats"), Ok("text-stats".into()));
    assert_eq!(get("folder"), Ok("other-name".into()));
    assert_eq!(get(path.join(".skills/folder").to_str().unwrap()), Ok("other-name".into()));
    assert_eq!(get(path.join(".skills/folder/SKILL.md").to_str().unwrap()), Ok("other-name".into()));
    assert_eq!(get("txt-stats"), Err("no skill is named `txt-stats`; did you mean `text-stats`?".into()));
    assert!(get("zzz").unwrap_err().contains("skilldeck list"));
    assert!(get("/no/text-stat").unwrap_err().contains("did you mean `text-stats`?"));
    assert!(get(path.to_str().unwrap()).unwrap_err().contains("no SKILL.md"));
}

#[test]
fn the_nearest_workspace() {
    let (_dir, path) = temp();
    fs::create_dir_all(path.join("a/.skills")).unwrap();
    fs::create_dir_all(path.join("a/b/c")).unwrap();
    assert_eq!(nearest(&path.join("a/b/c")), path.join("a"));
    assert_eq!(nearest(&path.join("a/.skills")), path.join("a"));
}
