//! Tells whoever listens how long each operation took, by events of [`tracing`]; costs nothing where nobody does.

use std::time::Instant;

use tracing::Level;

/// The target of the events. Their fields: `op`, what was computed; `pass`, forward, backward or step; `ns`, nanoseconds.
pub const TARGET: &str = "striate::op";

/// What `name` says, if anybody listens.
pub(crate) fn listened(name: impl FnOnce() -> String) -> Option<String> {
    tracing::enabled!(target: TARGET, Level::TRACE).then(name)
}

/// Runs `f`, and tells how long it took, if `op` was [`listened`] to.
pub(crate) fn timed<T>(pass: &str, op: Option<String>, f: impl FnOnce() -> T) -> T {
    let Some(op) = op else { return f() };
    let start = Instant::now();
    let out = f();
    let ns = u64::try_from(start.elapsed().as_nanos()).unwrap_or(u64::MAX);
    tracing::trace!(target: TARGET, op, pass, ns);
    out
}
