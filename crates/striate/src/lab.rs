//! Phenomena to see for oneself, on pictures that come with the program: each has a stated shape that is seen or not, and a cause
//! that can be taken away so that it is not.

mod pca_autoencoder;
mod projection;

use serde::Serialize;

use crate::error::Error;
use crate::event::Observer;
use crate::nearest::nearest;

/// A phenomenon.
pub struct Lab {
    /// What it is asked for by.
    pub name: &'static str,
    /// What is claimed, in a sentence.
    pub claim: &'static str,
    /// What `without` can take away.
    pub cause: &'static str,
    run: fn(&LabOptions, Observer) -> Result<LabReport, Error>,
}

/// All of them.
pub const LABS: [Lab; 2] = [pca_autoencoder::LAB, projection::LAB];

/// What to look for.
#[derive(Clone, Debug)]
pub struct LabOptions {
    /// One of [`LABS`].
    pub name: String,
    /// The cause, to be taken away.
    pub without: Option<String>,
    /// Decides everything that is drawn.
    pub seed: u64,
}

/// What was seen.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct LabReport {
    /// The lab.
    pub lab: &'static str,
    /// What was claimed.
    pub claim: &'static str,
    /// What was taken away.
    pub without: Option<String>,
    /// Whether it was seen.
    pub seen: bool,
    /// What was measured.
    pub figures: Vec<Figure>,
    /// What that means, in sentences.
    pub words: Vec<String>,
}

/// One thing measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What.
    pub name: String,
    /// How much.
    pub value: f64,
    /// What it must be for the claim to hold; empty where the claim does not rest on it.
    pub must: String,
    /// Whether it is.
    pub holds: bool,
}

impl Figure {
    fn told(name: impl ToString, value: f64) -> Self {
        Self { name: name.to_string(), value, must: String::new(), holds: true }
    }

    fn below(name: impl ToString, value: f64, most: f64) -> Self {
        Self { name: name.to_string(), value, must: format!("below {most}"), holds: value < most }
    }
}

/// Looks for the phenomenon.
pub fn lab(options: &LabOptions, observer: Observer) -> Result<LabReport, Error> {
    let Some(lab) = LABS.iter().find(|lab| lab.name == options.name) else {
        let names = LABS.map(|lab| lab.name);
        let guess = nearest(&options.name, names).map_or(String::new(), |guess| format!("did you mean `{guess}`? "));
        let advice = format!("{guess}there are {}", names.join(", "));
        return Err(Error::request(format!("there is no lab {:?}", options.name), advice));
    };
    if let Some(without) = options.without.as_deref().filter(|without| *without != lab.cause) {
        let what = format!("--without {without}: that is not what {} rests on", lab.name);
        return Err(Error::request(what, format!("give --without {}", lab.cause)));
    }
    (lab.run)(options, observer)
}
