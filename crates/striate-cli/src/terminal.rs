//! The two streams: answers to stdout, and to stderr progress (a bar on a terminal, else lines in a log) and warnings.

use std::io::{IsTerminal, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use striate::event::Event;

/// The first line of progress in a log; later ones follow at this or a tenth of the time so far, whichever is more.
const LOG_EVERY: Duration = Duration::from_secs(5);

/// How much is told on stderr.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Bar,
    Log,
    WarningsOnly,
    Silent,
}

/// Writes both streams so that neither garbles the other. Shared by all threads of a task.
pub struct Terminal {
    mode: Mode,
    started: Instant,
    part: Mutex<Part>,
}

/// The part of the work that is under way.
struct Part {
    name: String,
    begun: Instant,
    last_line: Instant,
    bar: Option<ProgressBar>,
}

impl Terminal {
    /// Under `--quiet` only errors are told, under `--json` no progress.
    pub fn new(quiet: bool, json: bool) -> Self {
        let mode = match (quiet, json) {
            (true, _) => Mode::Silent,
            (false, true) => Mode::WarningsOnly,
            (false, false) if std::io::stderr().is_terminal() => Mode::Bar,
            (false, false) => Mode::Log,
        };
        let now = Instant::now();
        Self {
            mode,
            started: now,
            part: Mutex::new(Part { name: String::new(), begun: now, last_line: now, bar: None }),
        }
    }

    /// Takes what a task tells; give it as the task's observer.
    pub fn observe(&self, event: Event) {
        match event {
            Event::Stage(name) => self.stage(name),
            Event::Progress { done, total, unit, note } => self.progress(done, total, unit, &note),
            Event::Info(text) if matches!(self.mode, Mode::Bar | Mode::Log) => self.line(&text),
            Event::Info(_) => {}
            Event::Warning(text) => self.warn(&text),
        }
    }

    /// One warning on stderr, unless `--quiet`.
    pub fn warn(&self, text: &str) {
        if self.mode != Mode::Silent {
            self.line(&format!("warning: {text}"));
        }
    }

    /// A piece of the answer, as it is, to stdout.
    pub fn answer(&self, text: &str) -> anyhow::Result<()> {
        let text = printable(text);
        let write = || {
            let mut out = std::io::stdout().lock();
            out.write_all(text.as_bytes()).and_then(|()| out.flush())
        };
        let bar = self.part().bar.clone();
        let written = bar.map_or_else(write, |bar| bar.suspend(write));
        written.map_err(|e| match e.kind() {
            std::io::ErrorKind::BrokenPipe => anyhow::Error::from(e),
            _ => anyhow::anyhow!("cannot write the answer to stdout: {e}; check where it is sent to"),
        })
    }

    /// Takes the bar away; what follows is the answer or an error.
    pub fn finish(&self) {
        if let Some(bar) = self.part().bar.take() {
            bar.finish_and_clear();
        }
    }

    fn part(&self) -> MutexGuard<'_, Part> {
        self.part.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn stage(&self, name: String) {
        self.finish();
        let now = Instant::now();
        let mut bar = None;
        match self.mode {
            Mode::Log => self.line(&name),
            Mode::Bar => {
                let spinner = ProgressBar::with_draw_target(None, ProgressDrawTarget::stderr());
                spinner.set_style(style("{spinner} {prefix} [{elapsed}]"));
                spinner.set_prefix(name.clone());
                spinner.enable_steady_tick(Duration::from_millis(150));
                bar = Some(spinner);
            }
            Mode::WarningsOnly | Mode::Silent => {}
        }
        *self.part() = Part { name, begun: now, last_line: now, bar };
    }

    fn progress(&self, done: u64, total: u64, unit: &str, note: &str) {
        if !matches!(self.mode, Mode::Bar | Mode::Log) {
            return;
        }
        let mut part = self.part();
        if let Some(bar) = &part.bar {
            if bar.length() != Some(total) {
                bar.set_length(total);
                bar.set_style(style(&bar_line(unit)));
            }
            bar.set_position(done);
            bar.set_message(note.to_string());
        } else if self.mode == Mode::Log {
            let now = Instant::now();
            let spent = now - part.begun;
            if now - part.last_line >= LOG_EVERY.max(spent / 10) {
                part.last_line = now;
                let text = progress_line(&part.name, done, total, unit, note, spent);
                drop(part);
                self.line(&text);
            }
        }
    }

    fn line(&self, text: &str) {
        let text = match self.mode {
            Mode::Log => format!("[{:>7.1} s] {text}", self.started.elapsed().as_secs_f64()),
            _ => text.to_string(),
        };
        let text = printable(&text);
        let bar = self.part().bar.clone();
        match bar {
            Some(bar) => bar.suspend(|| crate::complain(&text)),
            None => crate::complain(&text),
        }
    }
}

/// Names come from files: what a terminal would take for a command (colours, a cleared screen) is shown as a sign.
pub fn printable(text: &str) -> String {
    text.replace(|c: char| c.is_control() && !matches!(c, '\n' | '\t' | '\r'), "\u{fffd}")
}

/// Only the note at the end gives way where the terminal is narrow.
fn bar_line(unit: &str) -> String {
    format!("{{bar:12}} {{prefix}} {{pos}}/{{len}} {unit}, {{rate}}/s, {{eta}} left  {{wide_msg}}")
}

/// # Panics
/// If `template` is not one of indicatif's; all stand in this file.
fn style(template: &str) -> ProgressStyle {
    let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.1}", state.per_sec()); // the bar is redrawn anyway
    };
    ProgressStyle::with_template(template).expect("a template of this file").with_key("rate", rate)
}

fn progress_line(name: &str, done: u64, total: u64, unit: &str, note: &str, spent: Duration) -> String {
    let rate = done as f64 / spent.as_secs_f64().max(1e-3);
    let left = if done == 0 {
        String::new()
    } else {
        format!(", {} left", duration(total.saturating_sub(done) as f64 / rate))
    };
    let percent = 100 * done / total.max(1);
    let note = if note.is_empty() { String::new() } else { format!(", {note}") };
    format!("{name}: {done}/{total} {unit} ({percent} %), {rate:.1}/s{left}{note}")
}

/// Seconds as people say them.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.round() as u64;
    match whole {
        0..10 => format!("{seconds:.1} s"),
        10..60 => format!("{whole} s"),
        60..3600 => format!("{} min {} s", whole / 60, whole % 60),
        _ => format!("{} h {} min", whole / 3600, whole % 3600 / 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_read_well() {
        for (seconds, text) in
            [(0.04, "0.0 s"), (9.4, "9.4 s"), (59.0, "59 s"), (80.0, "1 min 20 s"), (7500.0, "2 h 5 min")]
        {
            assert_eq!(duration(seconds), text);
        }
    }

    #[test]
    fn a_log_line_has_rate_and_time_left() {
        let line = progress_line("Reading", 50, 200, "pictures", "", Duration::from_secs(10));
        assert_eq!(line, "Reading: 50/200 pictures (25 %), 5.0/s, 30 s left");
        let line = progress_line("Training", 0, 0, "steps", "loss 2.3", Duration::ZERO);
        assert_eq!(line, "Training: 0/0 steps (0 %), 0.0/s, loss 2.3");
    }

    #[test]
    fn names_cannot_command_the_terminal() {
        assert_eq!(printable("\u{1b}[31mred\u{9b}2J\tdé\n"), "\u{fffd}[31mred\u{fffd}2J\tdé\n");
    }

    #[test]
    fn bars_can_be_drawn() {
        style("{spinner} {prefix} [{elapsed}]");
        style(&bar_line("steps"));
    }
}
