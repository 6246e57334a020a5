//! `cargo xtask same-bits`: the test of equal bits with twenty kills instead of three.

use std::path::Path;

use anyhow::{Context, Result, ensure};

use crate::cargo;

/// Runs the test, which prints how many kills fell into the runs.
pub fn run(root: &Path) -> Result<()> {
    let status = cargo(root)
        .args(["test", "--release", "--package", "striate-cli", "--test", "same_bits", "--", "--nocapture"])
        .env("STRIATE_KILLS", "20")
        .status()
        .context("cargo did not start")?;
    ensure!(status.success(), "some run differs from another in its bits");
    Ok(())
}
