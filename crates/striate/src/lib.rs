//! Striate as a library: one file per task. It prints nothing, knows no command line and no web server.

pub mod event;
pub mod page;
pub mod report;
