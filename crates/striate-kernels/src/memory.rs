//! Memory that is used again: fresh pages cost more than the work done on them.
//!
//! A net's tensors have the same sizes in every step, so large blocks that are given back are kept and handed out again,
//! whoever asked for them. The program installs [`Recycling`] over its allocator; a library user need not.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::UnsafeCell;
use std::ptr;
use std::sync::atomic::{AtomicBool, Ordering};

/// Smaller blocks are the allocator's own business.
const LEAST: usize = 256 << 10;

/// Blocks kept at most.
const SLOTS: usize = 512;

/// Bytes kept at most; beyond it, a block goes back to the system.
const MOST: usize = 2 << 30;

/// A list of `len` numbers of any value, for a kernel that writes all of them.
pub fn buffer(len: usize) -> Vec<f32> {
    let mut numbers = Vec::with_capacity(len);
    // SAFETY: the room is there, any bits are an f32, and the callers' kernels write every number before one is read.
    #[allow(clippy::uninit_vec)]
    unsafe {
        numbers.set_len(len);
    }
    numbers
}

/// An allocator that keeps large blocks for the next one who asks.
pub struct Recycling<A> {
    system: A,
    locked: AtomicBool,
    kept: UnsafeCell<Kept>,
}

/// Addresses, sizes and how many.
struct Kept {
    blocks: [(*mut u8, usize); SLOTS],
    many: usize,
    bytes: usize,
}

// SAFETY: `kept` is only touched under the lock.
unsafe impl<A: Sync> Sync for Recycling<A> {}

impl<A> Recycling<A> {
    /// Over `system`, with nothing kept yet.
    pub const fn new(system: A) -> Self {
        let kept = Kept { blocks: [(ptr::null_mut(), 0); SLOTS], many: 0, bytes: 0 };
        Self { system, locked: AtomicBool::new(false), kept: UnsafeCell::new(kept) }
    }

    /// Runs `f` on what is kept, alone.
    fn with<T>(&self, f: impl FnOnce(&mut Kept) -> T) -> T {
        while self.locked.compare_exchange_weak(false, true, Ordering::Acquire, Ordering::Relaxed).is_err() {
            std::hint::spin_loop();
        }
        // SAFETY: whoever holds the lock is alone.
        let result = f(unsafe { &mut *self.kept.get() });
        self.locked.store(false, Ordering::Release);
        result
    }
}

/// The size that a block is really taken with: an eighth of a power of two, so that near sizes share blocks.
fn rounded(size: usize) -> usize {
    let step = (size.next_power_of_two() / 16).max(4096);
    size.next_multiple_of(step)
}

/// Whether a block is of the kept kind: large, and of four-byte numbers, as tensors are. Lists of names and of records grow
/// with the data and are not asked for again.
fn is_large(layout: Layout) -> bool {
    layout.size() >= LEAST && layout.align() == align_of::<f32>()
}

fn real(layout: Layout) -> Layout {
    // Every large block has the same alignment, so that any may serve any.
    Layout::from_size_align(rounded(layout.size()), 64).unwrap_or(layout)
}

// SAFETY: a block is handed out once at a time: it is kept only after it was given back, and leaves the list when it is
// handed out. Its size is that of the rounded layout, which is a function of the asked one.
unsafe impl<A: GlobalAlloc> GlobalAlloc for Recycling<A> {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller's promise.
            return unsafe { self.system.alloc(layout) };
        }
        let real = real(layout);
        let found = self.with(|kept| {
            let at = (0..kept.many).rev().find(|&i| kept.blocks[i].1 == real.size())?;
            let (block, size) = kept.blocks[at];
            kept.many -= 1;
            kept.blocks[at] = kept.blocks[kept.many];
            kept.bytes -= size;
            Some(block)
        });
        // SAFETY: the size is not 0.
        found.unwrap_or_else(|| unsafe { self.system.alloc(real) })
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        if !is_large(layout) {
            // SAFETY: the caller's promise.
            return unsafe { self.system.dealloc(block, layout) };
        }
        let real = real(layout);
        let kept = self.with(|kept| {
            let room = kept.many < SLOTS && kept.bytes + real.size() <= MOST;
            if room {
                kept.blocks[kept.many] = (block, real.size());
                kept.many += 1;
                kept.bytes += real.size();
            }
            room
        });
        if !kept {
            // SAFETY: the block was taken with this layout.
            unsafe { self.system.dealloc(block, real) }
        }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        if !is_large(layout) {
            // SAFETY: the caller's promise.
            return unsafe { self.system.alloc_zeroed(layout) };
        }
        // SAFETY: the block has at least the asked size.
        unsafe {
            let block = self.alloc(layout);
            if !block.is_null() {
                ptr::write_bytes(block, 0, layout.size());
            }
            block
        }
    }

    unsafe fn realloc(&self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else { return ptr::null_mut() };
        if !is_large(layout) && !is_large(wanted) {
            // SAFETY: the caller's promise.
            return unsafe { self.system.realloc(block, layout, size) };
        }
        if is_large(layout) && is_large(wanted) && rounded(size) == rounded(layout.size()) {
            return block;
        }
        // SAFETY: both blocks have at least the copied size.
        unsafe {
            let fresh = self.alloc(wanted);
            if !fresh.is_null() {
                ptr::copy_nonoverlapping(block, fresh, size.min(layout.size()));
                // What has grown leaves a size that is not asked for again: it is not kept.
                self.system.dealloc(block, if is_large(layout) { real(layout) } else { layout });
            }
            fresh
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::alloc::System;

    #[test]
    fn a_block_comes_back_zeroed_where_asked_and_keeps_its_numbers_when_it_grows() {
        let pool = Recycling::new(System);
        let layout = |size: usize| Layout::from_size_align(size, 4).expect("a layout");
        // SAFETY: blocks are used inside their sizes and given back with their layouts.
        unsafe {
            let first = pool.alloc(layout(1 << 20));
            first.write_bytes(7, 1 << 20);
            pool.dealloc(first, layout(1 << 20));
            let second = pool.alloc_zeroed(layout((1 << 20) - 100));
            assert_eq!(second, first, "the same block serves a near size");
            assert!((0..(1 << 20) - 100).all(|i| *second.add(i) == 0));
            second.write_bytes(9, 1000);
            let third = pool.realloc(second, layout((1 << 20) - 100), 3 << 20);
            assert!((0..1000).all(|i| *third.add(i) == 9));
            let small = pool.realloc(third, layout(3 << 20), 500);
            assert!((0..500).all(|i| *small.add(i) == 9));
            pool.dealloc(small, layout(500));
        }
    }
}
