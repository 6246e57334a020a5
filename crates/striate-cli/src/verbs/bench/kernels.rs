//! `striate bench --kernels`: every way to compute a convolution.

use striate::bench::kernels::{KernelTiming, KernelsReport, kernels};

use super::{heading, json, ms, percent, table};
use crate::Verdict;
use crate::cli::Globals;
use crate::terminal::Terminal;

pub(super) fn run(rounds: usize, globals: &Globals, terminal: &Terminal) -> anyhow::Result<Verdict> {
    let report = kernels(rounds, &|event| terminal.observe(event));
    terminal.finish();
    terminal.answer(&if globals.json { json(&report)? } else { text(&report) })?;
    Ok(Verdict::Yes)
}

fn text(report: &KernelsReport) -> String {
    let header = ["from", "what", "computed by", "chosen", "forward", "of limit", "to input", "to weights"];
    let rows: Vec<Vec<String>> = report.kernels.iter().map(row).collect();
    let right = [false, false, false, false, true, true, true, true];
    heading(&report.machine)
        + &table(&header, &right, &rows)
        + "\nMedians in ms; the gradients' times include packing the weights. The limit is that of the direct method.\n"
}

fn row(timing: &KernelTiming) -> Vec<String> {
    vec![
        timing.from.clone(),
        timing.what.clone(),
        timing.algorithm.clone(),
        if timing.chosen { "*".to_owned() } else { String::new() },
        ms(timing.forward_s),
        percent(timing.forward_share_of_limit),
        ms(timing.backward_input_s),
        ms(timing.backward_weight_s),
    ]
}
