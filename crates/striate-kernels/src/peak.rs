//! What a core can do at most: multiply-adds in registers, with the chosen instructions.

use std::hint::black_box;

use crate::isa::{Kernel, dispatch};
use crate::simd::Simd;

/// Multiply-adds under way at once: enough to hide the latency of any unit (two a cycle, four or five cycles each), and few
/// enough to stay in 16 registers.
const CHAINS: usize = 12;

/// Does `operations` floating-point operations or a few more, two a multiply-add, and gives how many.
pub fn multiply_adds(operations: usize) -> usize {
    let mut done = 0;
    // SAFETY: the kernel asks for nothing but its instructions.
    unsafe { dispatch(Chains { operations, done: &mut done }) }
    done
}

struct Chains<'a> {
    operations: usize,
    done: &'a mut usize,
}

impl Kernel for Chains<'_> {
    #[inline(always)]
    unsafe fn run<S: Simd>(self, s: S) {
        let a_round = 2 * S::LANES * CHAINS;
        let rounds = self.operations.div_ceil(a_round);
        let mut lanes = [0.0_f32; 16];
        // SAFETY: a register fits into the lanes.
        unsafe {
            let (a, b) = (s.splat(black_box(0.999)), s.splat(black_box(0.001)));
            let mut chains = [b; CHAINS];
            for _ in 0..rounds {
                for chain in &mut chains {
                    *chain = s.fma(*chain, a, b);
                }
            }
            let mut sum = b;
            for chain in chains {
                sum = s.add(sum, chain);
            }
            s.store(lanes.as_mut_ptr(), sum);
        }
        black_box(lanes);
        *self.done = a_round * rounds;
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn does_at_least_what_is_asked() {
        assert!((1000..2000).contains(&super::multiply_adds(1000)));
    }
}
