//! `skilldeck screenshot`: a picture of a real screen, or of one after the other, for documentation.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use clap::ValueEnum;
use ratatui::style::{Color, Style};

use super::{Context, workbench};
use crate::journal::{Bounds, Journal};
use crate::tui::drive::Driver;
use crate::tui::film::Film;
use crate::tui::key::Key;
use crate::tui::runtime;
use crate::tui::services::themes;
use crate::tui::state::{Options, State};
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
    /// A picture of the last screen, or all of them in turn
    #[arg(long = "as", value_enum, default_value_t)]
    pub form: Form,
    /// How long each screen stays in a film, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 1.5, value_parser = pace)]
    pub pace: f64,
    /// Show times, memory and process numbers of runs as they were measured; without this they are round figures, so that
    /// the same keys give the same picture
    #[arg(long)]
    pub measured: bool,
    /// Where to write it [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Form {
    /// The last screen as SVG
    #[default]
    Svg,
    /// The screens after each key as SVG that moves
    Film,
    /// The same as a recording for players of terminal sessions
    Asciicast,
}

fn pace(text: &str) -> Result<f64, String> {
    let seconds = text.parse::<f64>().ok().filter(|seconds| (0.05..=60.0).contains(seconds));
    seconds.ok_or_else(|| format!("`{text}` is not a number of seconds from 0.05 to 60"))
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
    let folder = tempfile::tempdir().context("no place for the runs of the picture")?;
    let journal = Journal::at(folder.path(), Bounds::default());
    let kept = runtime::Kept { journal, ..runtime::Kept::default() };
    let services = runtime::services(&config, Arc::new(context.launcher), mailbox, kept);
    let mut driver = Driver::start(state, services, news);
    if !args.measured {
        driver.hold_still();
    }
    let mut film = Film::default();
    let mut shoot = |driver: &Driver, times: f64| {
        let theme = driver.state.options.theme.resolve(Depth::True);
        let look = Look { theme: &theme, ascii: config.ascii };
        film.add(driver.screen(look).0, Duration::from_secs_f64(args.pace * times));
        ground(&theme)
    };
    let keys = Key::parse_all(&args.keys).map_err(|problem| anyhow::anyhow!("--keys: {problem}"))?;
    // A film has one ground: that of the theme it ends with.
    let mut last = shoot(&driver, 1.0);
    for key in keys {
        // What is typed in a line goes by faster than what is to be read.
        let typed = driver.state.is_typing();
        driver.key(key).map_err(|problem| anyhow::anyhow!("--keys: {problem}"))?;
        if driver.state.quitting {
            bail!("--keys leave the workbench; there is no screen to draw");
        }
        last = shoot(&driver, if typed { 0.2 } else { 1.0 });
    }
    let title = "skilldeck in a terminal";
    let picture = match args.form {
        Form::Svg => film.last_svg(last, title),
        Form::Film => film.svg(last, title),
        Form::Asciicast => film.asciicast("skilldeck")?,
    };
    match &args.output {
        Some(path) => {
            std::fs::write(path, picture)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        None => std::io::stdout().write_all(picture.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
