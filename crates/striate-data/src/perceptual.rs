//! A 256-bit hash that stays nearly the same when a picture is recompressed, resized or brightened.
//!
//! Bit (u, v) is the sign of a low frequency of the 32x32 thumbnail's cosine transform (the idea of pHash, Zauner 2010):
//! the mean, hence brightness, is left out, and contrast cancels.

/// Side of the thumbnail that is hashed.
pub(crate) const SIDE: usize = 32;

/// Frequencies kept along each axis.
const KEPT: usize = 16;

/// Number of differing bits.
pub(crate) fn distance(a: &[u64; 4], b: &[u64; 4]) -> u32 {
    a.iter().zip(b).map(|(a, b)| (a ^ b).count_ones()).sum()
}

/// The hash of a thumbnail of [`SIDE`] x [`SIDE`].
pub(crate) fn hash(thumbnail: &[f32]) -> [u64; 4] {
    let f = frequencies(thumbnail);
    let mut sorted: Vec<f32> = f[1..].to_vec();
    sorted.sort_unstable_by(f32::total_cmp);
    let median = sorted[sorted.len() / 2];
    let mut bits = [0u64; 4];
    for (i, _) in f.iter().enumerate().skip(1).filter(|(_, v)| **v > median) {
        bits[i / 64] |= 1 << (i % 64);
    }
    bits
}

/// Low frequencies of the cosine transform (DCT-II), `[KEPT, KEPT]`.
fn frequencies(thumbnail: &[f32]) -> Vec<f32> {
    // cosine[u][x] = cos(pi * u * (2x + 1) / (2 * SIDE))
    let cosine: Vec<f32> = (0..KEPT * SIDE)
        .map(|i| (std::f64::consts::PI * ((i / SIDE) * (2 * (i % SIDE) + 1)) as f64 / (2 * SIDE) as f64).cos() as f32)
        .collect();
    let mut half = vec![0.0f32; SIDE * KEPT]; // [y][u]
    for y in 0..SIDE {
        for u in 0..KEPT {
            half[y * KEPT + u] = (0..SIDE).map(|x| thumbnail[y * SIDE + x] * cosine[u * SIDE + x]).sum();
        }
    }
    let mut out = vec![0.0f32; KEPT * KEPT]; // [v][u]
    for v in 0..KEPT {
        for u in 0..KEPT {
            out[v * KEPT + u] = (0..SIDE).map(|y| half[y * KEPT + u] * cosine[v * SIDE + y]).sum();
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brightness_and_contrast_change_little_and_another_picture_much() {
        let noise = |seed| -> Vec<f32> {
            let mut stream = striate_kernels::rng::Key::new(seed).stream();
            (0..SIDE * SIDE).map(|_| stream.uniform()).collect()
        };
        let brighter: Vec<f32> = noise(1).iter().map(|v| 0.4 + 1.3 * v).collect();
        assert!(distance(&hash(&noise(1)), &hash(&brighter)) <= 4);
        assert!(distance(&hash(&noise(1)), &hash(&noise(2))) > 90);
    }
}
