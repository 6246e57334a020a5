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

/// Writes the rows that fit into half of the time that is left; answers the channels of each layer that have one, of those in `shown`.
pub(super) fn draw(
    activity: &Activity,
    patches: &HashMap<(usize, usize), Vec<Patch>>,
    shown: &[Vec<usize>],
    out: &Path,
    clock: &mut Clock,
) -> Result<Vec<Vec<usize>>, Error> {
    let due = clock.half();
    let most = shown.iter().map(Vec::len).max().unwrap_or(0);
    let rank = |rank: usize| {
        let layers = shown.iter().enumerate();
        layers.filter_map(move |(layer, channels)| Some((layer, *channels.get(rank)?)))
    };
    let first = rank(0).count();
    let wanted: Vec<(usize, usize)> = (0..most).flat_map(rank).collect();
    let row = |&(layer, channel): &(usize, usize)| {
        let top = &activity.layers[layer].channels[channel].top;
        let patches = patches.get(&(layer, channel)).map_or(&[][..], Vec::as_slice);
        write(out, &file(layer, channel), &patch::row(patches, top.iter().map(|spot| spot.picture)))
    };
    let mut done = 0;
    while done < wanted.len() {
        let left = wanted.len() - done;
        let fit = clock.units_by(due, Work::Row).unwrap_or(TOGETHER).max(first.saturating_sub(done));
        let piece = &wanted[done..done + fit.min(TOGETHER).min(left)];
        if piece.is_empty() {
            break;
        }
        clock.time(Work::Row, piece.len() as f64, || piece.par_iter().map(row).collect::<Result<Vec<()>, Error>>())?;
        done += piece.len();
    }
    let mut written = vec![Vec::new(); shown.len()];
    wanted[..done].iter().for_each(|&(layer, channel)| written[layer].push(channel));
    Ok(written)
}
