//! Working memory that is kept from one use to the next: fresh pages cost more than the work done on them.

use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// Buffers that nobody uses at the moment. One for the process, as the allocator is.
static FREE: Mutex<Vec<Vec<f32>>> = Mutex::new(Vec::new());

/// Buffers kept at most; beyond it they are given back to the system.
const KEPT: usize = 24;

/// A borrowed buffer of f32 with arbitrary contents; goes back when dropped.
pub(crate) struct Scratch {
    buffer: Vec<f32>,
    len: usize,
}

impl Scratch {
    /// A buffer of `len` numbers.
    pub(crate) fn new(len: usize) -> Self {
        let mut free = FREE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        // The smallest that is large enough, else the largest, which then grows.
        let best = (0..free.len()).min_by_key(|&i| {
            let capacity = free[i].len();
            if capacity >= len { (0, capacity) } else { (1, usize::MAX - capacity) }
        });
        let mut buffer = best.map(|i| free.swap_remove(i)).unwrap_or_default();
        drop(free);
        if buffer.len() < len {
            drop(buffer); // nothing of it is worth copying
            buffer = vec![0.0; len.next_multiple_of(1024)];
        }
        Self { buffer, len }
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let mut free = FREE.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        if free.len() < KEPT {
            free.push(std::mem::take(&mut self.buffer));
        }
    }
}

impl Deref for Scratch {
    type Target = [f32];
    fn deref(&self) -> &[f32] {
        &self.buffer[..self.len]
    }
}

impl DerefMut for Scratch {
    fn deref_mut(&mut self) -> &mut [f32] {
        &mut self.buffer[..self.len]
    }
}
