//! What a long task tells while it works; a terminal, a page or a log shows it.

/// One thing worth telling.
#[derive(Clone, Debug)]
pub enum Event {
    /// A new part of the work begins; ends the progress before it.
    Stage(String),
    /// How far the present part is.
    Progress {
        /// Units done.
        done: u64,
        /// Units in all.
        total: u64,
        /// What a unit is: `pictures`, `steps`, `epochs`.
        unit: &'static str,
        /// Short figures to show beside it (loss, accuracy); may be empty.
        note: String,
    },
    /// A fact for the log.
    Info(String),
    /// Something the user should know and may act on.
    Warning(String),
}

impl Event {
    /// So many pictures are done, of so many.
    pub fn pictures(done: u64, total: u64) -> Self {
        Self::Progress { done, total, unit: "pictures", note: String::new() }
    }

    /// The event as a line of a log; progress has none.
    pub fn line(&self) -> Option<String> {
        match self {
            Self::Stage(text) | Self::Info(text) => Some(text.clone()),
            Self::Warning(text) => Some(format!("warning: {text}")),
            Self::Progress { .. } => None,
        }
    }
}

/// Receives events; called from the thread that runs the task or from its workers.
pub type Observer<'a> = &'a (dyn Fn(Event) + Sync);
