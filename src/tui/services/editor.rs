//! The user's editor, at a line.

use std::ffi::OsString;
use std::path::Path;
use std::process::Command;

/// The command that opens `path` at `line`, after `$VISUAL`, `$EDITOR` or `vi`.
pub fn command(
    path: &Path,
    line: usize,
    variable: impl Fn(&str) -> Option<String>,
) -> (String, Vec<OsString>) {
    let set = |name: &str| variable(name).filter(|value| !value.trim().is_empty());
    let wanted = set("VISUAL").or_else(|| set("EDITOR")).unwrap_or_else(|| "vi".to_owned());
    let mut words = shlex::split(&wanted).filter(|words| !words.is_empty()).unwrap_or_else(|| vec![wanted]);
    let program = words.remove(0);
    let mut arguments: Vec<OsString> = words.into_iter().map(OsString::from).collect();
    let name =
        Path::new(&program).file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
    let with_line = |separator: &str| {
        let mut text = path.as_os_str().to_owned();
        text.push(format!("{separator}{line}"));
        text
    };
    match name.as_str() {
        "vi" | "vim" | "nvim" | "view" | "nano" | "pico" | "emacs" | "emacsclient" | "kak" | "micro"
        | "joe" | "jed" | "mg" | "ne" => {
            arguments.push(format!("+{line}").into());
            arguments.push(path.into());
        }
        "hx" | "helix" | "subl" | "zed" => arguments.push(with_line(":")),
        "code" | "codium" | "code-insiders" | "cursor" => {
            arguments.push("--goto".into());
            arguments.push(with_line(":"));
        }
        _ => arguments.push(path.into()),
    }
    (program, arguments)
}

/// Run the editor and wait for its end. The terminal must have been given back before.
pub fn run(path: &Path, line: usize) -> Result<(), String> {
    let (program, arguments) = command(path, line, |name| std::env::var(name).ok());
    match Command::new(&program).args(&arguments).status() {
        Ok(_) => Ok(()),
        Err(error) => Err(format!("{program} cannot be started: {error}; set EDITOR to your editor")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(editor: &str) -> String {
        let (program, arguments) =
            command(Path::new("/s/a b.py"), 7, |name| (name == "EDITOR").then(|| editor.to_owned()));
        let words: Vec<_> = arguments.iter().map(|a| a.to_string_lossy().into_owned()).collect();
        format!("{program} {}", words.join("|"))
    }

    #[test]
    fn editors_get_the_line_in_their_own_way() {
        assert_eq!(line("vim"), "vim +7|/s/a b.py");
        assert_eq!(line("/usr/bin/nano -w"), "/usr/bin/nano -w|+7|/s/a b.py");
        assert_eq!(line("hx"), "hx /s/a b.py:7");
        assert_eq!(line("code --wait"), "code --wait|--goto|/s/a b.py:7");
        assert_eq!(line("my-editor"), "my-editor /s/a b.py");
        assert_eq!(line("  "), "vi +7|/s/a b.py");
    }
}
