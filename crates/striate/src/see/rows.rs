//! The rows of patches that the pages show: the first channel of every layer, then channel after channel of all layers while time is left.

use std::collections::HashMap;
use std::path::Path;

use rayon::prelude::*;

use super::activity::Activity;
use super::clock::{Clock, Work};
use super::patch::{self, Patch};
use super::write;
use crate::error::Error;

/// Rows that are encoded together, on all threads.
const TOGETHER: usize = 16;

/// The row's file.
pub(super) fn file(layer: usize, channel: usize) -> String {
    format!("patches/{layer}-{channel}.webp")
}

/// The rows wanted, in the order of importance, and how many of them are written.
pub(super) struct Rows<'a> {
    activity: &'a Activity,
    patches: &'a HashMap<(usize, usize), Vec<Patch>>,
    /// Layers and channels.
    wanted: Vec<(usize, usize)>,
    layers: usize,
    done: usize,
}

impl<'a> Rows<'a> {
    /// Of the channels `shown` of each layer; writes the first row of every layer.
    pub fn begin(
        activity: &'a Activity,
        patches: &'a HashMap<(usize, usize), Vec<Patch>>,
        shown: &[Vec<usize>],
        out: &Path,
        clock: &mut Clock,
    ) -> Result<Self, Error> {
        let most = shown.iter().map(Vec::len).max().unwrap_or(0);
        let rank = |rank: usize| {
            let layers = shown.iter().enumerate();
            layers.filter_map(move |(layer, channels)| Some((layer, *channels.get(rank)?)))
        };
        let (wanted, layers) = ((0..most).flat_map(rank).collect(), shown.len());
        let mut rows = Self { activity, patches, wanted, layers, done: 0 };
        let first = rank(0).count();
        while rows.done < first {
            rows.write(first - rows.done, out, clock)?;
        }
        Ok(rows)
    }

    /// Writes the other rows, as many as fit into half of the time that is left; answers the channels of each layer that have one.
    pub fn finish(mut self, out: &Path, clock: &mut Clock) -> Result<Vec<Vec<usize>>, Error> {
        let due = clock.half();
        while self.done < self.wanted.len() {
            match clock.units_by(due, Work::Row) {
                Some(0) => break,
                fit => self.write(fit.unwrap_or(TOGETHER), out, clock)?,
            }
        }
        let mut written = vec![Vec::new(); self.layers];
        self.wanted[..self.done].iter().for_each(|&(layer, channel)| written[layer].push(channel));
        Ok(written)
    }

    /// Writes up to so many rows, and no more than are encoded together.
    fn write(&mut self, count: usize, out: &Path, clock: &mut Clock) -> Result<(), Error> {
        let left = &self.wanted[self.done..];
        let piece = &left[..count.min(TOGETHER).min(left.len())];
        let row = |&(layer, channel): &(usize, usize)| {
            let top = &self.activity.layers[layer].channels[channel].top;
            let patches = self.patches.get(&(layer, channel)).map_or(&[][..], Vec::as_slice);
            write(out, &file(layer, channel), &patch::row(patches, top.iter().map(|spot| spot.picture)))
        };
        clock.time(Work::Row, piece.len() as f64, || piece.par_iter().map(row).collect::<Result<Vec<()>, Error>>())?;
        self.done += piece.len();
        Ok(())
    }
}
