//! Counter-based random numbers: a value is a pure function of what it is for (seed, epoch, picture, purpose).
//!
//! No generator has a state that outlives its use, so order, thread count and resumption cannot change a draw.
//! The mixer is SplitMix64 (Steele, Lea, Flood 2014, "Fast splittable pseudorandom number generators").

/// Odd constant of SplitMix64: 2^64 divided by the golden ratio.
const GOLDEN: u64 = 0x9E37_79B9_7F4A_7C15;

fn mix(mut z: u64) -> u64 {
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

/// Names a stream of random numbers; made from a seed and narrowed by what the stream is for.
///
/// ```
/// use striate_kernels::rng::Key;
/// let flip = Key::new(1).with(3).with_name("flip");
/// assert_eq!(flip.stream().next_u64(), flip.stream().next_u64());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Key(u64);

impl Key {
    /// The key of all that one seed decides.
    pub fn new(seed: u64) -> Self {
        Self(mix(seed.wrapping_add(GOLDEN)))
    }

    /// Narrows by a number: an epoch, a picture, a layer.
    pub fn with(self, counter: u64) -> Self {
        Self(mix(self.0.wrapping_add(GOLDEN) ^ mix(counter.wrapping_add(GOLDEN))))
    }

    /// Narrows by a purpose or a path.
    pub fn with_name(self, name: &str) -> Self {
        // FNV-1a spreads the bytes; the mixer does the rest.
        let hash =
            name.bytes().fold(0xCBF2_9CE4_8422_2325_u64, |h, b| (h ^ u64::from(b)).wrapping_mul(0x100_0000_01B3));
        self.with(hash)
    }

    /// The numbers under this key, from the first.
    pub fn stream(self) -> Stream {
        Stream { key: self.0, counter: 0 }
    }
}

/// Random numbers under one [`Key`], in order.
#[derive(Clone, Debug)]
pub struct Stream {
    key: u64,
    counter: u64,
}

impl Stream {
    /// 64 uniform bits.
    pub fn next_u64(&mut self) -> u64 {
        self.counter = self.counter.wrapping_add(1);
        mix(self.key.wrapping_add(self.counter.wrapping_mul(GOLDEN)))
    }

    /// Uniform in `[0, 1)`, a multiple of 2^-24, exact in f32.
    pub fn uniform(&mut self) -> f32 {
        (self.next_u64() >> 40) as f32 * (1.0 / 16_777_216.0)
    }

    /// Uniform in `[low, high)`.
    pub fn range(&mut self, low: f32, high: f32) -> f32 {
        low + (high - low) * self.uniform()
    }

    /// A normal number of mean 0 and deviation 1, by the method of Box and Muller (1958).
    pub fn normal(&mut self) -> f64 {
        // 1 - u lies in (0, 1].
        let (radius, angle) = (1.0 - f64::from(self.uniform()), f64::from(self.uniform()));
        libm::sqrt(-2.0 * libm::log(radius)) * libm::cos(std::f64::consts::TAU * angle)
    }

    /// Uniform in `0..n` by multiply and shift.
    ///
    /// # Panics
    /// If `n` is 0.
    pub fn below(&mut self, n: usize) -> usize {
        assert!(n > 0, "Stream::below: n must be at least 1, got 0");
        ((u128::from(self.next_u64()) * n as u128) >> 64) as usize
    }

    /// Puts `items` into a uniformly random order (Fisher-Yates).
    pub fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i + 1));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_differ_and_streams_repeat() {
        let base = Key::new(7);
        let mut seen: Vec<u64> = (0..1000).map(|i| base.with(i).stream().next_u64()).collect();
        seen.push(base.with_name("dropout").stream().next_u64());
        seen.push(base.with_name("augment").stream().next_u64());
        let n = seen.len();
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), n, "keys must not collide");
    }

    #[test]
    fn uniform_has_the_moments_of_a_uniform() {
        let mut stream = Key::new(3).stream();
        let draws: Vec<f64> = (0..100_000).map(|_| f64::from(stream.uniform())).collect();
        let mean = draws.iter().sum::<f64>() / draws.len() as f64;
        let variance = draws.iter().map(|d| (d - mean).powi(2)).sum::<f64>() / draws.len() as f64;
        assert!((mean - 0.5).abs() < 0.004, "mean {mean}"); // 4 standard errors
        assert!((variance - 1.0 / 12.0).abs() < 0.002, "variance {variance}");
    }

    #[test]
    fn shuffle_is_a_permutation() {
        let mut items: Vec<usize> = (0..100).collect();
        Key::new(1).stream().shuffle(&mut items);
        assert_ne!(items, (0..100).collect::<Vec<_>>());
        items.sort_unstable();
        assert_eq!(items, (0..100).collect::<Vec<_>>());
    }
}
