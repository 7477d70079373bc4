//! Packages made for a test, and whether they can be installed here.

use std::path::Path;
use std::process::Command;

use super::{found, skip};

/// Whether environments can be made at all: uv, or venv with pip.
pub fn can_prepare() -> bool {
    let works = |program: &str, args: &[&str]| {
        Command::new(program).args(args).output().is_ok_and(|output| output.status.success())
    };
    let can = works("uv", &["--version"]) || works("python3", &["-c", "import venv, ensurepip"]);
    if !can {
        skip("neither uv nor venv with pip");
    }
    can && found("python3")
}

/// What Python code prints, with one argument.
pub fn python(code: &str, argument: &Path) -> String {
    let output = Command::new("python3").args(["-c", code]).arg(argument).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// A wheel in `folder` with one module, `mini`, whose `hello()` returns where it lies. Returns the hash of its content.
pub fn wheel(folder: &Path) -> String {
    let make = r"
import hashlib, os, sys, zipfile
os.makedirs(sys.argv[1], exist_ok=True)
path = os.path.join(sys.argv[1], 'mini-1.0-py3-none-any.whl')
files = {
    'mini.py': 'def hello():\n    return __file__\n',
    'mini-1.0.dist-info/METADATA': 'Metadata-Version: 2.1\nName: mini\nVersion: 1.0\n',
    'mini-1.0.dist-info/WHEEL': 'Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n',
}
files['mini-1.0.dist-info/RECORD'] = ''.join(f'{name},,\n' for name in [*files, 'mini-1.0.dist-info/RECORD'])
with zipfile.ZipFile(path, 'w') as wheel:
    for name, text in files.items():
        wheel.writestr(name, text)
print(hashlib.sha256(open(path, 'rb').read()).hexdigest())
";
    python(make, folder)
}
