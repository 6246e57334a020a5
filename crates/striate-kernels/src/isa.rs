//! Which vector instructions the kernels use: the widest that the machine has, or a forced one.
//!
//! Every path gives the same bits: each output is one chain of fused multiply-adds in a fixed order, and a wider vector
//! only computes more outputs at once.

use std::fmt;
use std::sync::atomic::{AtomicU8, Ordering};

use crate::simd::{Portable, Simd};

/// A set of vector instructions.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Isa {
    /// No intrinsics: right on any machine, and slow where the compiler may not assume FMA.
    Portable,
    /// 8 lanes, AVX2 and FMA.
    Avx2,
    /// 16 lanes, AVX-512 F, BW, DQ and VL.
    Avx512,
}

/// The chosen set plus one; 0 until it is first asked for. One for the process, since tensor operations carry no options.
static CHOSEN: AtomicU8 = AtomicU8::new(0);

impl Isa {
    /// All sets, the narrowest first.
    pub const ALL: [Self; 3] = [Self::Portable, Self::Avx2, Self::Avx512];

    /// Its name on the command line.
    pub fn name(self) -> &'static str {
        match self {
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// Whether this machine has it.
    pub fn is_available(self) -> bool {
        match self {
            Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512bw")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    /// The widest set of this machine.
    pub fn widest() -> Self {
        Self::ALL.into_iter().rev().find(|isa| isa.is_available()).unwrap_or(Self::Portable)
    }

    /// The set that kernels use from now on.
    pub fn current() -> Self {
        match CHOSEN.load(Ordering::Relaxed) {
            0 => {
                let isa = Self::widest();
                CHOSEN.store(isa as u8 + 1, Ordering::Relaxed);
                isa
            }
            chosen => Self::ALL[chosen as usize - 1],
        }
    }

    /// Makes every kernel of the process use this set.
    ///
    /// # Errors
    /// With what the machine has, if it does not have this one.
    pub fn force(self) -> Result<(), Unavailable> {
        if !self.is_available() {
            return Err(Unavailable(self));
        }
        CHOSEN.store(self as u8 + 1, Ordering::Relaxed);
        Ok(())
    }
}

/// The machine lacks the instructions that were asked for.
#[derive(Clone, Copy, Debug)]
pub struct Unavailable(Isa);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "this machine does not have {}; the widest it has is {}", self.0.name(), Isa::widest().name())
    }
}

impl std::error::Error for Unavailable {}

/// A piece of work that is compiled once for each instruction set.
pub(crate) trait Kernel {
    /// Does the work; everything it calls is inlined, so that it is compiled with the set's instructions.
    ///
    /// # Safety
    /// The machine has the instructions of `S`, and what the implementor asks for besides.
    unsafe fn run<S: Simd>(self, s: S);
}

/// Runs `kernel` with the chosen instructions.
///
/// # Safety
/// What the kernel's `run` asks for, but for the instructions.
pub(crate) unsafe fn dispatch<K: Kernel>(kernel: K) {
    match Isa::current() {
        // SAFETY: the caller's promise; no instructions are asked for.
        Isa::Portable => unsafe { kernel.run(Portable) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: the caller's promise; `current` is a set that the machine has.
        Isa::Avx2 => unsafe { avx2(kernel) },
        #[cfg(target_arch = "x86_64")]
        // SAFETY: as above.
        Isa::Avx512 => unsafe { avx512(kernel) },
        #[cfg(not(target_arch = "x86_64"))]
        _ => unreachable!("{:?} is never chosen on this architecture", Isa::current()),
    }
}

/// # Safety
/// The machine has AVX2 and FMA; the kernel's own conditions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
unsafe fn avx2<K: Kernel>(kernel: K) {
    // SAFETY: this function is compiled for these instructions; the rest is the caller's promise.
    unsafe { kernel.run(crate::simd::Avx2) }
}

/// # Safety
/// The machine has AVX-512 F, BW, DQ and VL; the kernel's own conditions.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma,avx512f,avx512bw,avx512dq,avx512vl")]
unsafe fn avx512<K: Kernel>(kernel: K) {
    // SAFETY: as in `avx2`.
    unsafe { kernel.run(crate::simd::Avx512) }
}

/// The chosen set is the process's, so tests that choose one take turns.
#[cfg(test)]
pub(crate) static TURN: std::sync::Mutex<()> = std::sync::Mutex::new(());
