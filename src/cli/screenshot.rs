//! `skilldeck screenshot`: a picture of a real screen, for documentation.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use ratatui::style::{Color, Style};

use super::{Context, workbench};
use crate::tui::drive::Driver;
use crate::tui::runtime;
use crate::tui::services::themes;
use crate::tui::state::{Options, State};
use crate::tui::svg;
use crate::tui::theme::{Chosen, Depth, Kind, Role, Set, Theme};
use crate::tui::view::Look;

#[derive(Debug, clap::Args)]
pub struct Args {
    #[command(flatten)]
    pub looks: workbench::Looks,
    /// Columns and rows
    #[arg(long, value_name = "WxH", default_value = "120x40", value_parser = size)]
    pub size: (u16, u16),
    /// Keys to press before: plain characters, others as `<enter>`, `<ctrl-d>`, `<lt>`; each is waited for
    #[arg(long, default_value = "")]
    pub keys: String,
    /// Where to write the SVG [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

fn size(text: &str) -> Result<(u16, u16), String> {
    let problem = || format!("`{text}` is not a size; write columns x rows, such as 120x40");
    let (width, height) = text.split_once('x').ok_or_else(problem)?;
    let part = |text: &str| text.parse::<u16>().ok().filter(|n| (1..=500).contains(n));
    part(width).zip(part(height)).ok_or_else(problem)
}

/// The colours of cells that name none. A theme that leaves them to the terminal is shown on black or white.
fn ground(theme: &Theme) -> Style {
    let (fg, bg) = match theme.kind {
        Kind::Dark => (Color::Indexed(7), Color::Indexed(0)),
        Kind::Light => (Color::Indexed(0), Color::Indexed(15)),
    };
    let text = theme.style(Role::Text);
    let named =
        |colour: Option<Color>, otherwise| colour.filter(|it| *it != Color::Reset).unwrap_or(otherwise);
    Style::new().fg(named(text.fg, fg)).bg(named(text.bg, bg))
}

pub(super) fn execute(args: &Args, context: Context) -> anyhow::Result<ExitCode> {
    let config = args.looks.config(&context);
    let set = Set::read(themes::folder().as_deref());
    let theme =
        Chosen::new(set, config.theme.as_deref(), None).map_err(|problem| anyhow::anyhow!("--{problem}"))?;
    let (mailbox, news) = crate::tui::services::mailbox();
    let options = Options { ascii: config.ascii, theme, ..Options::default() };
    let state = State::new(args.size.0, args.size.1, runtime::place(&config), options);
    // A picture leaves nothing behind.
    let kept = runtime::Kept::default();
    let services = runtime::services(&config, Arc::new(context.launcher), mailbox, kept);
    let mut driver = Driver::start(state, services, news);
    driver.keys(&args.keys).map_err(|problem| anyhow::anyhow!("--keys: {problem}"))?;
    if driver.state.quitting {
        bail!("--keys leave the workbench; there is no screen to draw");
    }
    let theme = driver.state.options.theme.resolve(Depth::True);
    let look = Look { theme: &theme, ascii: config.ascii };
    let (buffer, _) = driver.screen(look);
    let picture = svg::render(&buffer, ground(&theme), "skilldeck in a terminal");
    match &args.output {
        Some(path) => {
            std::fs::write(path, picture)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        None => std::io::stdout().write_all(picture.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
