//! `projection`: an autoencoder of natural pictures moves whatever it is given towards them.

use striate_data::dataset::{Dataset, OpenOptions};
use striate_data::loader::LoadError;
use striate_data::preprocess::Preprocess;
use striate_kernels::rng::Key;
use striate_train::damage::Damage;
use striate_vision::array::Array;
use striate_vision::pca::Pca;

use super::{Figure, Lab, LabOptions, LabReport};
use crate::error::Error;
use crate::event::{Event, Observer};

pub(super) const LAB: Lab = Lab {
    name: "projection",
    claim: "Sent through the code of an autoencoder of natural pictures, noise, shuffled and corrupted pictures all come out nearer to natural pictures than they went in.",
    cause: "learning",
    run,
};

/// Side of a picture, in pixels.
const SIDE: usize = 48;
/// Numbers of a code.
const CODE: usize = 96;
/// Every so manyth picture is held out: none of them was learned from.
const HELD: usize = 4;
/// Values of a picture and of a code in the lecture's example, and the levels that a value can have there.
const LECTURE: (u32, u32) = (128 * 128 * 3, 1024);

fn run(options: &LabOptions, observer: Observer) -> Result<LabReport, Error> {
    observer(Event::Stage("finding principal components of photos".into()));
    let dataset = Dataset::open("@photos", &OpenOptions::default())?;
    let preprocess = Preprocess { size: [SIDE; 2], mean: vec![0.0], std: vec![1.0], ..Preprocess::gray() };
    let (mut learned, mut held) = (Vec::new(), Vec::new());
    for index in 0..dataset.len() {
        let decoded = dataset.picture(index);
        let decoded = decoded.map_err(|source| LoadError { index, name: dataset.name(index), source })?;
        let unit = preprocess.to_unit(&decoded.picture);
        if index % HELD == 0 { held.push(unit) } else { learned.push(unit) }
    }
    let key = Key::new(options.seed).with_name("projection");
    let values = SIDE * SIDE;
    let rows = match options.without {
        None => learned.concat(),
        // Without learning: components of noise that has the mean and the deviation of the pictures.
        Some(_) => noise_like(&learned, key.with_name("learned")),
    };
    let pca = Pca::fit(&Array::new(vec![rows.len() / values, values], rows), CODE)?;
    let f = |x: &[f32]| -> Result<Vec<f32>, Error> {
        let codes = pca.transform(&Array::new(vec![1, values], x.to_vec()))?;
        Ok(pca.inverse_transform(&codes)?.values().to_vec())
    };

    let salt = Damage::SaltAndPepper { share: [0.3; 2] };
    let noise = Damage::Gaussian { sigma: [50.0; 2], told: false };
    let shape = [1, SIDE, SIDE];
    type Make<'a> = (&'a str, Box<dyn Fn(usize, &[f32]) -> Vec<f32> + 'a>);
    let draw = |i: usize, name: &str| key.with_name(name).with(i as u64).stream();
    let kinds: [Make; 4] = [
        (
            "noise",
            Box::new(|i, x| {
                let mut stream = draw(i, "noise");
                x.iter().map(|_| stream.uniform()).collect()
            }),
        ),
        (
            "shuffled pictures",
            Box::new(|i, x| {
                let mut shuffled = x.to_vec();
                draw(i, "shuffled").shuffle(&mut shuffled);
                shuffled
            }),
        ),
        ("noisy pictures", Box::new(|i, x| noise.apply(x, shape, key.with_name("noisy").with(i as u64)).values)),
        ("salted pictures", Box::new(|i, x| salt.apply(x, shape, key.with_name("salted").with(i as u64)).values)),
    ];
    let mut figures = Vec::new();
    for (name, make) in &kinds {
        let (mut before, mut after, mut nearer) = (0.0, 0.0, 0);
        for (i, picture) in held.iter().enumerate() {
            let x = make(i, picture);
            // The corrupted have a picture to go back to; noise and what is shuffled have all of them.
            let goals: &[Vec<f32>] = if name.ends_with("noise") || name.starts_with("shuffled") {
                &held
            } else {
                std::slice::from_ref(picture)
            };
            let (in_, out) = (distance(&x, goals), distance(&f(&x)?, goals));
            before += in_ / held.len() as f64;
            after += out / held.len() as f64;
            nearer += usize::from(out < in_);
        }
        figures.push(Figure::told(format!("{name}: distance before"), before));
        figures.push(Figure::below(format!("{name}: distance after f"), after, (before * 1e4).round() / 1e4));
        let all = format!("{name}: share that moved nearer");
        let share = nearer as f64 / held.len() as f64;
        figures.push(Figure { name: all, value: share, must: "1".into(), holds: nearer == held.len() });
    }
    let (d, k) = LECTURE;
    let (bits, code_bits) = (8.0 * f64::from(d), f64::from(k) * libm::log2(11.0));
    figures.push(Figure::told(format!("log2 of 256^{d}, the pictures of 128x128x3 bytes there are"), bits));
    figures.push(Figure::told(format!("log2 of 11^{k}, the codes of {k} numbers of 11 levels there are"), code_bits));
    let seen = figures.iter().all(|figure| figure.holds);
    let words = vec![
        format!(
            "f sends a picture of {values} values through {CODE} principal components of {} photos; {} others are held out. Distance: root mean square of differences of values in [0, 1], to the held-out picture it was made of, or to the nearest of them for noise and what was shuffled.",
            learned.len(),
            held.len()
        ),
        format!(
            "Of the 2^{bits:.0} pictures of 128x128x3 bytes, a code of {k} numbers of 11 levels can name 2^{code_bits:.0}: nearly all that there is, and that is noise, has to be moved far to be kept at all."
        ),
    ];
    Ok(LabReport { lab: LAB.name, claim: LAB.claim, without: options.without.clone(), seen, figures, words })
}

/// Root mean square of the differences to the nearest of `goals`.
fn distance(x: &[f32], goals: &[Vec<f32>]) -> f64 {
    let to = |goal: &Vec<f32>| {
        let sum: f64 = x.iter().zip(goal).map(|(a, b)| f64::from(a - b).powi(2)).sum();
        (sum / x.len() as f64).sqrt()
    };
    goals.iter().map(to).fold(f64::INFINITY, f64::min)
}

/// As many pictures of noise, with the mean and the deviation of all values of the given ones.
fn noise_like(pictures: &[Vec<f32>], key: Key) -> Vec<f32> {
    let all = pictures.concat();
    let n = all.len() as f64;
    let mean = all.iter().map(|&v| f64::from(v)).sum::<f64>() / n;
    let deviation = (all.iter().map(|&v| (f64::from(v) - mean).powi(2)).sum::<f64>() / n).sqrt();
    let half = (3.0_f64.sqrt() * deviation) as f32; // of an even distribution
    let mut stream = key.stream();
    all.iter().map(|_| mean as f32 + stream.range(-half, half)).collect()
}
