//! The program `striate`: reads the command line, runs one task of the library, prints its answer.
//!
//! Exit codes: 0 done, 1 a negative answer, 2 an error. stdout is the answer; stderr has the progress and warnings.

mod cli;
mod terminal;
mod verbs;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use striate::Isa;

use crate::cli::{Cli, Globals};
use crate::terminal::Terminal;

/// Tensors are large and short-lived: the system's allocator gives each back to the kernel and faults it in again.
#[global_allocator]
static ALLOCATOR: striate::Recycling<mimalloc::MiMalloc> = striate::Recycling::new(mimalloc::MiMalloc);

/// What a verb found out: decides the exit code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verdict {
    /// Done.
    Yes,
    /// Done, and the answer is no.
    No,
}

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(own_our_bug));
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(e) => {
            let _ = e.print(); // help to stdout with code 0, a wrong flag to stderr with code 2
            return ExitCode::from(u8::try_from(e.exit_code()).unwrap_or(2));
        }
    };
    let terminal = Terminal::new(cli.globals.quiet, cli.globals.json);
    let outcome = choose_instructions(&cli.globals)
        .and_then(|()| start_threads(&cli.globals))
        .and_then(|()| choose_device(&cli.globals))
        .and_then(|()| verbs::run(&cli, &terminal));
    terminal.finish();
    match outcome {
        Ok(Verdict::Yes) => ExitCode::SUCCESS,
        Ok(Verdict::No) => ExitCode::from(1),
        Err(e) if nobody_reads(&e) => ExitCode::SUCCESS,
        Err(e) => {
            complain(&terminal::printable(&format!("error: {e}")));
            ExitCode::from(2)
        }
    }
}

/// Before any kernel runs.
fn choose_instructions(globals: &Globals) -> anyhow::Result<()> {
    let Some(name) = &globals.isa else { return Ok(()) };
    let isa = Isa::ALL.into_iter().find(|isa| isa.name() == name).expect("clap lets no other name through");
    isa.force().map_err(|e| anyhow::anyhow!("--isa {name}: {e}"))
}

/// Before anything else touches the pool: it is made once. This thread is one of its workers, since handing each of a net's
/// operations to another thread and sleeping till it is done takes as long as a small operation.
fn start_threads(globals: &Globals) -> anyhow::Result<()> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(globals.threads.unwrap_or(0).into()) // 0: one per core
        .use_current_thread()
        .build_global()
        .map_err(|e| anyhow::anyhow!("cannot start the threads: {e}; give a smaller --threads"))
}

/// Before any net is built.
fn choose_device(globals: &Globals) -> anyhow::Result<()> {
    striate::device::choose(&globals.device).map_err(|e| anyhow::anyhow!("--device {}: {e}", globals.device))
}

/// Whether the reader of stdout went away (`striate ... | head`), which is no error of ours or the user's.
fn nobody_reads(e: &anyhow::Error) -> bool {
    e.downcast_ref::<std::io::Error>().is_some_and(|e| e.kind() == std::io::ErrorKind::BrokenPipe)
}

/// To stderr; if even that is gone there is nobody to tell.
fn complain(text: &str) {
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Every error of the user's input is a `Result`; what panics all the same is our bug, and is said to be.
fn own_our_bug(panic: &std::panic::PanicHookInfo) {
    if striate::device::computes_here() {
        return;
    }
    let place = panic.location().map_or_else(String::new, |l| format!(" at {}:{}", l.file(), l.line()));
    let what = panic.payload_as_str().unwrap_or("no message");
    complain(&format!(
        "error: striate met a bug of its own{place}: {what}; nothing is wrong with how you called it. Please report \
         this line with the command and, if you may, the file it was working on"
    ));
    std::process::exit(2);
}
