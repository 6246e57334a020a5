//! Which pictures a net for pictures learns from, and which are held out.

use striate_data::dataset::Split;
use striate_data::split::holdout;

use crate::error::Error;
use crate::train::Job;

/// Share of the pictures held out where no test split is given.
const TEST: f64 = 0.2;

/// The readable pictures, labelled or not, each in one list.
pub(crate) struct Parts {
    /// To learn from.
    pub train: Vec<usize>,
    /// To watch by.
    pub valid: Vec<usize>,
    /// To be scored on.
    pub held: Vec<usize>,
    /// How `held` was chosen.
    pub words: &'static str,
}

/// The given splits, or a fifth held out; `valid_fraction` of what is left is for watching. Groups stay whole.
pub(crate) fn parts(job: &Job, valid_fraction: f64) -> Result<Parts, Error> {
    let prepared = &job.prepared;
    let of = |split: Split| move |i: &usize| prepared.dataset.examples[*i].split == Some(split);
    let (held, rest): (Vec<usize>, Vec<usize>) = prepared.readable(None).into_iter().partition(of(Split::Test));
    let (valid, train): (Vec<usize>, Vec<usize>) = rest.into_iter().partition(of(Split::Valid));
    let seed = job.recipe.train.seed;
    let apart = |from: Vec<usize>, share: f64, seed: u64| -> (Vec<usize>, Vec<usize>) {
        let held = holdout(&vec![0; from.len()], &prepared.groups_of(&from), share, seed);
        let pick =
            |wanted: bool| from.iter().zip(&held).filter(|&(_, &held)| held == wanted).map(|(&i, _)| i).collect();
        (pick(false), pick(true))
    };
    let (train, held, words) = if held.is_empty() {
        let (train, held) = apart(train, TEST, seed);
        (train, held, "a held-out fifth, whole groups")
    } else {
        (train, held, "the given test split")
    };
    let (train, valid) = match valid.is_empty() && valid_fraction > 0.0 {
        true => apart(train, valid_fraction, seed.wrapping_add(1)),
        false => (train, valid),
    };
    if train.len() < 2 {
        let what = format!("{}: {} pictures are too few to learn from", prepared.dataset.origin, train.len());
        return Err(Error::request(what, "give three at least; `striate inspect` names those that cannot be read"));
    }
    Ok(Parts { train, valid, held, words })
}
