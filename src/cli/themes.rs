//! `skilldeck themes`: the themes of the workbench; checks and shows one.

use std::fmt::Write as _;
use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use annotate_snippets::Renderer;
use ratatui::style::{Color, Modifier, Style};
use serde_json::json;
use unicode_width::UnicodeWidthStr as _;

use super::check::text::{display_path, has_colour, render};
use super::list::{counted, write_out};
use super::{Failure, Format};
use crate::skill::text::printable;
use crate::skill::{Diagnostic, Severity};
use crate::tui::services::themes::folder;
use crate::tui::theme::contrast::{self, TEXT, Weak};
use crate::tui::theme::{Chosen, Depth, Role, Set, Theme, file, set};

#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0, or with --check 1 when the file has a mistake, and 2 when something cannot be done.

A theme of your own is a file in the folder `themes` of the configuration folder of skilldeck. The workbench reads it
again whenever it is saved:

    name = \"mine\"
    kind = \"dark\"
    inherits = \"dark\"
    [palette]
    base08 = \"#ff6655\"")]
pub struct Args {
    /// Say what is wrong with a theme file, and what in it can hardly be read
    #[arg(long, value_name = "FILE", conflicts_with = "show")]
    pub check: Option<PathBuf>,
    /// Print every role of a theme as it looks in this terminal
    #[arg(long, value_name = "NAME")]
    pub show: Option<String>,
    /// Output form of the list
    #[arg(long, value_enum, default_value_t, conflicts_with_all = ["check", "show"])]
    pub format: Format,
}

pub(super) fn execute(args: &Args) -> anyhow::Result<ExitCode> {
    let set = Set::read(folder().as_deref());
    if let Some(path) = &args.check {
        return check(path, &set);
    }
    if let Some(name) = &args.show {
        let chosen = Chosen::new(set, Some(name), None).map_err(|problem| anyhow::anyhow!("{problem}"))?;
        write_out(&match depth() {
            Some(depth) => sample(&chosen.resolve(depth), paint),
            None => sample(&chosen.resolve(Depth::None), |_, text| text.to_owned()),
        })?;
        return Ok(ExitCode::SUCCESS);
    }
    write_out(&match args.format {
        Format::Text => list(&set),
        Format::Json => as_json(&set),
    })?;
    Ok(ExitCode::SUCCESS)
}

fn list(set: &Set) -> String {
    let longest = set.themes().iter().map(|theme| theme.name.width()).max().unwrap_or(0);
    let mut text = String::new();
    for theme in set.themes() {
        let gap = " ".repeat(longest.saturating_sub(theme.name.width()));
        let pair = theme
            .partner
            .as_ref()
            .map_or_else(String::new, |field| format!("with {}", printable(&field.value)));
        let whose = theme.path.as_ref().map_or_else(|| "built in".to_owned(), |path| display_path(path));
        let _ = writeln!(
            text,
            "{}{gap}  {:<5}  {pair:<width$}  {whose}",
            theme.name,
            theme.kind.name(),
            width = longest + "with ".len()
        );
    }
    for found in &set.diagnostics {
        let _ = writeln!(text, "not used: {}", file::told(found, &display_path(&found.file)));
    }
    text
}

fn as_json(set: &Set) -> String {
    let theme = |theme: &file::ThemeFile| {
        json!({
            "name": theme.name,
            "kind": theme.kind.name(),
            "partner": theme.partner.as_ref().map(|field| &field.value),
            "inherits": theme.inherits.as_ref().map(|field| &field.value),
            "path": theme.path.as_ref().map(|path| path.to_string_lossy()),
        })
    };
    let themes: Vec<_> = set.themes().iter().map(theme).collect();
    format!("{:#}\n", json!({ "version": 1, "themes": themes, "diagnostics": set.diagnostics }))
}

/// Exit status 1 when the file gives no theme.
fn check(path: &Path, set: &Set) -> anyhow::Result<ExitCode> {
    let text = set::text(path).map_err(|error| Failure::new(format!("{}: {error}", path.display()), 2))?;
    let parsed = file::parse(&text, path);
    let mut found = parsed.diagnostics;
    if let Some(theme) = parsed.theme {
        let all = set.with(theme.clone());
        found.extend(all.check(&theme));
        let index = all.position(&theme.name).unwrap_or(0);
        if found.is_empty() {
            found.extend(hard_to_read(&all, index, path));
        }
    }
    let renderer = if has_colour() { Renderer::styled() } else { Renderer::plain() };
    let mut out: String = found.iter().map(|one| render(one, &text, &renderer) + "\n\n").collect();
    let number = |severity| found.iter().filter(|one| one.severity == severity).count();
    let errors = number(Severity::Error);
    let (told, warnings) = (counted(errors, "error"), counted(number(Severity::Warning), "warning"));
    let _ = writeln!(out, "{}: {told}, {warnings}", display_path(path));
    write_out(&out)?;
    Ok(if errors == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A warning for each role that stands out too little somewhere, in true colour or in 256 colours.
fn hard_to_read(set: &Set, index: usize, path: &Path) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for (depth, where_) in [(Depth::True, ""), (Depth::Ansi256, " in 256 colours")] {
        let mut weak = contrast::weak(&set.resolve(index, depth), TEXT);
        weak.sort_by(|a, b| a.ratio.total_cmp(&b.ratio));
        for Weak { role, ground, ratio, wanted } in weak {
            let (name, behind) = (role.name(), ground.name());
            // One of each role: the worst.
            if found.iter().any(|one| one.message.starts_with(&format!("{name} "))) {
                continue;
            }
            let message =
                format!("{name} has a contrast of {ratio:.1} on the background of {behind}{where_}");
            let help = format!("{wanted} and more can be read (WCAG 2.2, 1.4.3)");
            let span = set.themes()[index].place(name);
            let one = file::error(path, span, "theme-contrast", &message, help);
            found.push(Diagnostic { severity: Severity::Warning, ..one });
        }
    }
    found
}

/// Colours for a terminal as it is, and for a pipe only when they are forced (`CLICOLOR_FORCE`, `FORCE_COLOR`).
/// Without them a pipe gets no control sequences at all.
fn depth() -> Option<Depth> {
    let set = |name: &str| std::env::var(name).is_ok_and(|value| !value.is_empty() && value != "0");
    if std::io::stdout().is_terminal() || set("CLICOLOR_FORCE") || set("FORCE_COLOR") {
        return Some(Depth::detect(|name| std::env::var(name).ok()));
    }
    None
}

/// Every role on the background of text and on that of the chosen row.
fn sample(theme: &Theme, paint: impl Fn(Style, &str) -> String) -> String {
    let longest = Role::ALL.iter().map(|(_, name)| name.len()).max().unwrap_or(0);
    let (ground, chosen) = (theme.style(Role::Text), theme.style(Role::Selection));
    let mut text = format!("{} ({})\n", theme.name, theme.kind.name());
    for (role, name) in Role::ALL {
        let style = theme.style(*role);
        let row = [
            paint(ground, &format!("  {name:<longest$}  ")),
            paint(ground.patch(style), "The quick brown fox"),
            paint(ground, "  "),
            paint(chosen.patch(style), " on the chosen row "),
            paint(ground, " "),
        ];
        text.push_str(&row.concat());
        text.push('\n');
    }
    text
}

/// Text with the control sequences of a style around it (ECMA-48, 8.3.117).
fn paint(style: Style, text: &str) -> String {
    let colour = |base: u8, colour: Option<Color>| match colour? {
        Color::Rgb(r, g, b) => Some(format!("{base};2;{r};{g};{b}")),
        Color::Indexed(n) => Some(format!("{base};5;{n}")),
        _ => None,
    };
    let attributes = [
        (Modifier::BOLD, "1"),
        (Modifier::DIM, "2"),
        (Modifier::ITALIC, "3"),
        (Modifier::UNDERLINED, "4"),
        (Modifier::REVERSED, "7"),
    ];
    let on = attributes.into_iter().filter(|(attribute, _)| style.add_modifier.contains(*attribute));
    let mut codes: Vec<String> = on.map(|(_, code)| code.to_owned()).collect();
    codes.extend([colour(38, style.fg), colour(48, style.bg)].into_iter().flatten());
    if codes.is_empty() { text.to_owned() } else { format!("\x1b[{}m{text}\x1b[0m", codes.join(";")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_shows_every_role_and_no_colour_where_there_are_none() {
        let set = Set::built_in();
        let coloured = sample(&set.resolve(0, Depth::True), paint);
        let plain = sample(&set.resolve(0, Depth::None), paint);
        for (_, name) in Role::ALL {
            assert!(coloured.contains(name) && plain.contains(name), "{name}");
        }
        assert!(coloured.contains("\x1b[38;2;") && !plain.contains("38;"), "{plain}");
    }

    #[test]
    fn a_theme_that_cannot_be_read_is_warned_about_at_its_line() {
        let text = "name = 'x'\nkind = 'dark'\ninherits = 'dark'\n[roles]\nok = { fg = '#20232a' }\n";
        let theme = file::parse(text, Path::new("x.toml")).theme.unwrap();
        let set = Set::built_in().with(theme);
        let found = hard_to_read(&set, set.position("x").unwrap(), Path::new("x.toml"));
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.starts_with("ok has a contrast of 1."), "{}", found[0].message);
        assert_eq!((found[0].severity, found[0].span.line), (Severity::Warning, 5));
    }
}
