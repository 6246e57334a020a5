//! `striate completions`: a script that teaches a shell to complete verbs and flags.

use clap::{Args, CommandFactory, ValueEnum};

use super::json;
use crate::Verdict;
use crate::cli::{Cli, Globals};
use crate::terminal::Terminal;

/// Arguments of `completions`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  striate completions bash > ~/.local/share/bash-completion/completions/striate
  striate completions fish > ~/.config/fish/completions/striate.fish
  striate completions zsh  > \"${fpath[1]}/_striate\"")]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    pub shell: clap_complete::Shell,
}

pub fn run(args: &CompletionsArgs, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "striate", &mut script);
    let script = String::from_utf8(script)?;
    let shell = args.shell.to_possible_value().map(|v| v.get_name().to_string());
    let text = if globals.json { json(&serde_json::json!({ "shell": shell, "script": script }))? } else { script };
    terminal.answer(&text)?;
    Ok(Verdict::Yes)
}
