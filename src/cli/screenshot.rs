//! `skilldeck screenshot`: a picture of a real screen, for documentation.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, bail};

use super::{Context, workbench};
use crate::tui::drive::Driver;
use crate::tui::runtime::{self, Themes};
use crate::tui::state::{Options, State};
use crate::tui::svg;
use crate::tui::theme::{Depth, Role};
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

pub(super) fn execute(args: &Args, context: Context) -> anyhow::Result<ExitCode> {
    let config = args.looks.config(&context);
    let (mut themes, theme, _) =
        Themes::new(config.theme.as_deref(), Depth::True).map_err(anyhow::Error::msg)?;
    let (mailbox, news) = crate::tui::services::mailbox();
    let options = Options { ascii: config.ascii, themes: themes.names(), theme, ..Options::default() };
    let state = State::new(args.size.0, args.size.1, runtime::place(&config), options);
    // A picture leaves nothing behind.
    let kept = runtime::Kept::default();
    let services = runtime::services(&config, Arc::new(context.launcher), mailbox, kept);
    let mut driver = Driver::start(state, services, news);
    driver.keys(&args.keys).map_err(|problem| anyhow::anyhow!("--keys: {problem}"))?;
    if driver.state.quitting {
        bail!("--keys leave the workbench; there is no screen to draw");
    }
    themes.set(driver.state.options.theme);
    let look = Look { theme: &themes.current, ascii: config.ascii };
    let (buffer, _) = driver.screen(look);
    let picture = svg::render(&buffer, themes.current.style(Role::Text), "skilldeck in a terminal");
    match &args.output {
        Some(path) => {
            std::fs::write(path, picture)
                .with_context(|| format!("{}: cannot be written", path.display()))?;
        }
        None => std::io::stdout().write_all(picture.as_bytes())?,
    }
    Ok(ExitCode::SUCCESS)
}
