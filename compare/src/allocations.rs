//! The allocator of this program: the system's, counted.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicU64, Ordering};

struct Counted;

#[global_allocator]
static ALLOCATOR: Counted = Counted;

static COUNT: AtomicU64 = AtomicU64::new(0);

/// How often memory was asked for, or asked for anew for what had grown.
pub fn count() -> u64 {
    COUNT.load(Ordering::Relaxed)
}

/// How many bytes the C library's allocator has given out and not had back: what Rust has of it, and what is in C. 0 where it does not tell.
pub fn in_use() -> usize {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: takes nothing and answers by value.
        let info = unsafe { libc::mallinfo2() };
        info.uordblks + info.hblkhd
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    0
}

/// Not added in one step: that would cost more than the rest of it, and whoever allocates more would look slower than it is. What is
/// measured has one thread.
fn add_one() {
    COUNT.store(COUNT.load(Ordering::Relaxed) + 1, Ordering::Relaxed);
}

// SAFETY: each call is handed on as it is to the system's allocator, which keeps the contract.
unsafe impl GlobalAlloc for Counted {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: what the caller promises.
        unsafe { System.alloc(layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        add_one();
        // SAFETY: what the caller promises.
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, memory: *mut u8, layout: Layout, len: usize) -> *mut u8 {
        add_one();
        // SAFETY: what the caller promises.
        unsafe { System.realloc(memory, layout, len) }
    }

    unsafe fn dealloc(&self, memory: *mut u8, layout: Layout) {
        // SAFETY: what the caller promises.
        unsafe { System.dealloc(memory, layout) }
    }
}
