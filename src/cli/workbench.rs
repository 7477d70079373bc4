//! No subcommand: the workbench.

use std::process::ExitCode;
use std::sync::Arc;

use super::Context;
use crate::tui::runtime::{self, Config};

/// Looks of the workbench.
#[derive(Debug, Default, clap::Args)]
pub struct Looks {
    /// Theme of the workbench (`skilldeck themes` lists them); auto follows the terminal, auto:NAME within a pair
    /// [default: the theme of config.toml, else auto]
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Draw with ASCII marks and lines only
    #[arg(long)]
    pub ascii: bool,
    /// Leave the mouse to the terminal
    #[arg(long)]
    pub no_mouse: bool,
}

impl Looks {
    pub(super) fn config(&self, context: &Context) -> Config {
        Config {
            workspace: context.workspace.clone(),
            further: context.skills.clone(),
            theme: self.theme.clone(),
            ascii: self.ascii,
            mouse: !self.no_mouse,
        }
    }
}

pub(super) fn execute(looks: &Looks, context: Context) -> anyhow::Result<ExitCode> {
    let config = looks.config(&context);
    Ok(runtime::open(&config, Arc::new(context.launcher))?)
}
