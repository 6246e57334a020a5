//! `striate bench`: how fast this machine trains and infers.

use std::io::BufRead;

use clap::Args;
use striate::bench::peer::Peer;

use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

/// Arguments of `bench`.
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  # time the works by commands on stdin, in turn with another program
  printf 'prepare W2\\nrun W2 3\\nrss\\n' | striate bench --peer --threads 2")]
pub struct BenchArgs {
    /// Answer commands on stdin, a line each: prepare WORK, run WORK N, check WORK, rss, quit
    #[arg(long)]
    pub peer: bool,
}

pub fn run(args: &BenchArgs, _: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    if args.peer {
        return answer_commands(terminal);
    }
    anyhow::bail!("give --peer")
}

/// A line that cannot be answered is answered by `error` and why: the other side waits for a line.
fn answer_commands(terminal: &Terminal) -> anyhow::Result<Verdict> {
    let mut peer = Peer::default();
    for line in std::io::stdin().lock().lines() {
        match peer.answer(&line?) {
            Ok(Some(answer)) => terminal.answer(&format!("{answer}\n"))?,
            Ok(None) => break,
            Err(e) => terminal.answer(&format!("error {e}\n"))?,
        }
    }
    Ok(Verdict::Yes)
}
