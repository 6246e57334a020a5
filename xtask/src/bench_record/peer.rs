//! A program that does the works: a child process that answers a line for each line.

use std::io::{BufRead, BufReader, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context, Result, bail, ensure};

/// A running program.
pub struct Peer {
    /// What the table calls it.
    pub name: String,
    child: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it by a shell's command line.
    pub fn start(name: &str, command: &str) -> Result<Self> {
        let mut child = Command::new("sh")
            .args(["-c", &format!("exec {command}")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start {name}: {command}"))?;
        let commands = child.stdin.take().context("a pipe to the child")?;
        let answers = BufReader::new(child.stdout.take().context("a pipe from the child")?);
        Ok(Self { name: name.to_owned(), child, commands, answers })
    }

    /// Builds the work and runs it twice.
    pub fn prepare(&mut self, work: &str) -> Result<()> {
        self.ask(&format!("prepare {work}"), &["ready", work]).map(|_| ())
    }

    /// Seconds a run, mean of so many runs.
    pub fn run(&mut self, work: &str, runs: usize) -> Result<f64> {
        let numbers = self.ask(&format!("run {work} {runs}"), &[work])?;
        numbers.first().copied().filter(|s| *s > 0.0).with_context(|| format!("{}: no time for {work}", self.name))
    }

    /// What the work computes: for each tensor the sum of absolute values and the first element.
    pub fn check(&mut self, work: &str) -> Result<Vec<f64>> {
        self.ask(&format!("check {work}"), &["check", work])
    }

    /// Peak resident set in MiB.
    pub fn rss(&mut self) -> Result<u64> {
        let numbers = self.ask("rss", &["rss"])?;
        numbers.first().map(|mib| *mib as u64).with_context(|| format!("{}: no number after rss", self.name))
    }

    /// Ends it.
    pub fn quit(mut self) -> Result<()> {
        writeln!(self.commands, "quit").with_context(|| format!("{} is gone", self.name))?;
        let status = self.child.wait().with_context(|| format!("{} cannot be waited for", self.name))?;
        ensure!(status.success(), "{} ended with {status}", self.name);
        Ok(())
    }

    /// The numbers after the words that the answer must begin with.
    fn ask(&mut self, command: &str, begins: &[&str]) -> Result<Vec<f64>> {
        let gone = || format!("{} ended at `{command}`", self.name);
        writeln!(self.commands, "{command}").with_context(gone)?;
        let mut line = String::new();
        if self.answers.read_line(&mut line).with_context(gone)? == 0 {
            bail!("{} ended at `{command}`; what it said stands above", self.name);
        }
        let words: Vec<&str> = line.split_whitespace().collect();
        let numbers = words.strip_prefix(begins).map(|words| words.iter().map(|word| word.parse()).collect());
        match numbers {
            Some(Ok(numbers)) => Ok(numbers),
            _ => bail!("{} answered `{command}` by `{}`", self.name, line.trim()),
        }
    }
}

impl Drop for Peer {
    /// A comparison that failed leaves no program behind.
    fn drop(&mut self) {
        let _ = self.child.kill(); // an error says that it has ended already
        let _ = self.child.wait();
    }
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;

    const SCRIPT: &str = "sh -c 'while read c w n; do case $c in prepare) echo ready $w 0.5;; run) echo $w 0.25;; \
        check) echo check $w 1.5e+00 -2e-1;; rss) echo rss 12;; quit) exit 0;; esac; done'";

    #[test]
    fn every_command_is_answered() {
        let mut peer = Peer::start("script", SCRIPT).expect("starts");
        peer.prepare("W2").expect("ready");
        assert_eq!((peer.run("W2", 3).expect("a time"), peer.rss().expect("a peak")), (0.25, 12));
        assert_eq!(peer.check("W2").expect("numbers"), [1.5, -0.2]);
        peer.quit().expect("ends");
    }

    #[test]
    fn a_peer_that_ends_or_talks_nonsense_is_named() {
        let error = Peer::start("gone", "true").expect("starts").prepare("W1").expect_err("it ended").to_string();
        assert!(error.contains("gone"), "{error}");
        let error = Peer::start("odd", "yes").expect("starts").rss().expect_err("nonsense").to_string();
        assert!(error.contains("odd") && error.contains('y'), "{error}");
    }
}
