//! What the file of a restorer says of itself; as [`crate::manifest`] for another task.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use striate_nn::restorers::RestorerConfig;

use crate::damage::Damage;
use crate::manifest::{ManifestError, Provenance, read};

/// The task of such a file.
pub const TASK: &str = "restore";

/// All that is needed to use the weights, and to trust them. It takes pictures of any size, their values in `[0, 1]`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RestorerManifest {
    /// Version of this format.
    pub format: u32,
    /// [`TASK`].
    pub task: String,
    /// The net.
    pub restorer: RestorerConfig,
    /// What it undoes.
    pub damage: Damage,
    /// What both sides of the pictures that it learned from were multiplied by.
    pub scale: f64,
    /// Where it comes from.
    pub provenance: Provenance,
    /// Figures it was saved with, by name.
    pub metrics: BTreeMap<String, f64>,
}

impl RestorerManifest {
    /// Reads and checks the text that stands under [`crate::manifest::KEY`].
    pub fn parse(text: &str) -> Result<Self, ManifestError> {
        read(text, Self::check)
    }

    /// Whether its parts fit each other; the net's own limits are checked where it is built.
    fn check(&self) -> Result<(), String> {
        if self.task != TASK {
            return Err(format!("its task is {:?}, and a restorer's is {TASK:?}", self.task));
        }
        self.damage.check().map_err(|e| e.to_string())?;
        if self.damage.maps() != self.restorer.maps {
            let (damage, net) = (self.damage.maps(), self.restorer.maps);
            return Err(format!("its net takes {net} planes beside the picture, and its damage tells {damage}"));
        }
        if !(self.scale > 0.0 && self.scale <= 1.0) {
            return Err(format!("its scale is {}, which must be above 0 and at most 1", self.scale));
        }
        Ok(())
    }
}
