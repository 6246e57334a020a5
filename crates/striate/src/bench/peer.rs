//! The line protocol by which two programs are timed in turn: one command a line, one answer a line.
//!
//! `prepare WORK` builds it and runs it twice, `run WORK N` times N runs, `check WORK` computes it from fresh weights,
//! `rss` tells the peak of memory, `quit` ends.

use std::collections::BTreeMap;
use std::time::Instant;

use striate_engine::device::wait;

use super::memory;
use super::task::{Summary, Task};
use super::work::Work;
use crate::error::Error;

/// What has been prepared so far.
#[derive(Default)]
pub struct Peer {
    tasks: BTreeMap<String, Box<dyn Task>>,
}

impl Peer {
    /// The answer to one command; `None` after `quit`.
    pub fn answer(&mut self, line: &str) -> Result<Option<String>, Error> {
        let words: Vec<&str> = line.split_whitespace().collect();
        match words[..] {
            ["prepare", name] => self.prepare(name).map(Some),
            ["run", name, runs] => self.run(name, runs).map(Some),
            ["check", name] => {
                let text: Vec<String> = check(name.parse()?)?.into_iter().map(text).collect();
                Ok(Some(format!("check {name} {}", text.join(" "))))
            }
            ["rss"] => memory::peak_mib().map(|mib| Some(format!("rss {mib}"))).ok_or_else(|| {
                Error::request("this system does not tell the peak of memory", "ask for `rss` on Linux")
            }),
            ["quit"] => Ok(None),
            _ => Err(Error::request(
                format!("there is no command {:?}", line.trim()),
                "there are: prepare WORK, run WORK N, check WORK, rss, quit",
            )),
        }
    }

    fn prepare(&mut self, name: &str) -> Result<String, Error> {
        let mut task = name.parse::<Work>()?.task()?;
        let start = Instant::now();
        task.run();
        wait();
        let first = start.elapsed().as_secs_f64();
        task.run();
        wait();
        self.tasks.insert(name.to_owned(), task);
        Ok(format!("ready {name} {first:.6}"))
    }

    fn run(&mut self, name: &str, runs: &str) -> Result<String, Error> {
        let count = runs.parse::<u32>().ok().filter(|n| *n > 0);
        let count = count.ok_or_else(|| Error::request(format!("{runs:?} runs of {name}"), "give 1 or more"))?;
        let task = self.tasks.get_mut(name);
        let task =
            task.ok_or_else(|| Error::request(format!("{name} is not prepared"), format!("say `prepare {name}`")))?;
        let start = Instant::now();
        for _ in 0..count {
            task.run();
        }
        wait();
        Ok(format!("{name} {:.7}", start.elapsed().as_secs_f64() / f64::from(count)))
    }
}

/// What the work computes from formula weights, number by number.
pub fn check(work: Work) -> Result<Vec<Summary>, Error> {
    let mut task = work.task()?;
    Ok((0..work.checked_runs()).flat_map(|_| task.run()).map(|output| output.summary()).collect())
}

fn text(summary: Summary) -> String {
    format!("{} {}", scientific(summary.abs_sum), scientific(summary.first))
}

/// Six digits after the point and an exponent of a sign and at least two digits, as C and Python print.
fn scientific(value: f64) -> String {
    let text = format!("{value:.6e}");
    match text.split_once('e') {
        Some((digits, exponent)) => {
            let (sign, exponent) = exponent.strip_prefix('-').map_or(('+', exponent), |exponent| ('-', exponent));
            format!("{digits}e{sign}{exponent:0>2}")
        }
        None => text, // not finite
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (value, text) in [
            (0.0, "0.000000e+00"),
            (-0.328932, "-3.289320e-01"),
            (517852.8, "5.178528e+05"),
            (1e-120, "1.000000e-120"),
            (f64::NAN, "NaN"),
        ] {
            assert_eq!(scientific(value), text);
        }
    }

    #[test]
    fn a_command_out_of_order_is_refused() {
        let mut peer = Peer::default();
        for (line, part) in [("run W1 1", "prepare W1"), ("prepare W9", "W9"), ("", "prepare WORK"), ("run", "quit")] {
            let error = peer.answer(line).expect_err("refused").to_string();
            assert!(error.contains(part), "{line}: {error}");
        }
        assert_eq!(peer.answer("quit\n").expect("ends"), None);
    }
}
