//! A process with the real library.

use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::{Value, json};
use skilldeck::skill::clients::Subject;

/// A skill to be judged.
#[derive(Debug, Clone)]
pub(crate) enum Case {
    /// Nothing but a SKILL.md.
    Bytes {
        folder: String,
        bytes: Vec<u8>,
    },
    Folder(PathBuf),
}

impl Case {
    pub(crate) fn subject(&self) -> Subject {
        match self {
            Case::Bytes { folder, bytes } => Subject::of_bytes(bytes, folder),
            Case::Folder(path) => Subject::open(path, path.file_name().unwrap().to_str().unwrap()),
        }
    }
}

pub(crate) struct Oracle {
    process: Child,
}

impl Oracle {
    /// The library, or nothing, which is told.
    pub(crate) fn find() -> Option<Self> {
        let Some(python) = python() else {
            eprintln!("skipped: no python has skills_ref; set SKILLS_REF_PYTHON");
            return None;
        };
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/skills_ref/oracle.py");
        let process =
            Command::new(python).arg(script).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        Some(Self { process })
    }

    /// What it says about each case.
    pub(crate) fn ask(&mut self, cases: &[Case]) -> Vec<Vec<String>> {
        let mut input = self.process.stdin.take().unwrap();
        let lines: Vec<String> = cases.iter().map(line).collect();
        let writer = std::thread::spawn(move || {
            for line in lines {
                input.write_all(line.as_bytes()).unwrap();
            }
        });
        let output = BufReader::new(self.process.stdout.take().unwrap());
        let told = output.lines().map(|line| serde_json::from_str(&line.unwrap()).unwrap()).collect();
        writer.join().unwrap();
        assert!(self.process.wait().unwrap().success());
        told
    }
}

fn line(case: &Case) -> String {
    let line: Value = match case {
        Case::Bytes { folder, bytes } => {
            let hex = bytes.iter().fold(String::new(), |hex, byte| hex + &format!("{byte:02x}"));
            json!({ "folder": folder, "bytes": hex })
        }
        Case::Folder(path) => json!({ "path": path }),
    };
    format!("{line}\n")
}

/// A python that can import the library.
fn python() -> Option<PathBuf> {
    let given = std::env::var_os("SKILLS_REF_PYTHON").map(PathBuf::from);
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("skills-ref");
    let made = home.join("bin/python");
    let ready =
        given.into_iter().chain([PathBuf::from("python3"), made.clone()]).find(|python| imports(python));
    ready.or_else(|| (make(&home) && imports(&made)).then_some(made))
}

fn imports(python: &Path) -> bool {
    let test = "import skills_ref, importlib.metadata as m; assert m.version('skills-ref') == '0.1.1'";
    quietly(Command::new(python).args(["-c", test]))
}

fn make(home: &Path) -> bool {
    let install = ["-m", "pip", "install", "--quiet", "skills-ref==0.1.1", "strictyaml==1.7.3"];
    quietly(Command::new("python3").args(["-m", "venv"]).arg(home))
        && quietly(Command::new(home.join("bin/python")).args(install))
}

fn quietly(command: &mut Command) -> bool {
    let quiet = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
