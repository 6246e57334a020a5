//! `striate man`: the manual page, one for the program and all its verbs.

use clap::{Command, CommandFactory};

use super::json;
use crate::Verdict;
use crate::cli::{Cli, Globals};
use crate::terminal::Terminal;

pub fn run(globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let page = page()?;
    let text = if globals.json { json(&serde_json::json!({ "man": page }))? } else { page };
    terminal.answer(&text)?;
    Ok(Verdict::Yes)
}

/// The page in roff: the program's own, then a section per verb.
fn page() -> anyhow::Result<String> {
    let mut command = Cli::command();
    command.build();
    let mut roff = Vec::new();
    clap_mangen::Man::new(command.clone()).render(&mut roff)?;
    let mut page = String::from_utf8(roff)?;
    for verb in command.get_subcommands().filter(|verb| verb.get_name() != "help") {
        page += &section(verb)?;
    }
    Ok(page)
}

fn section(verb: &Command) -> anyhow::Result<String> {
    let man = clap_mangen::Man::new(verb.clone());
    let mut roff = format!(".SH \"STRIATE {}\"\n", verb.get_name().to_uppercase()).into_bytes();
    if let Some(about) = verb.get_about() {
        roff.extend(format!("{about}\n.PP\n").into_bytes());
    }
    let mut parts = Vec::new();
    man.render_synopsis_section(&mut parts)?;
    man.render_options_section(&mut parts)?;
    if verb.get_after_help().is_some() {
        man.render_extra_section(&mut parts)?;
    }
    // Sections of a verb stand one level below it.
    let parts = String::from_utf8(parts)?.replace(".SH ", ".SS ");
    Ok(String::from_utf8(roff)? + &parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_verb_has_its_section() {
        let page = page().expect("renders");
        for verb in ["TRAIN", "EVAL", "PREDICT", "INSPECT", "MODELS", "COMPLETIONS", "MAN"] {
            assert!(page.contains(&format!(".SH \"STRIATE {verb}\"")), "{verb}");
        }
        assert!(page.starts_with(".ie") || page.contains(".TH"), "roff");
    }
}
