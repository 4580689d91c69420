//! A fork, whose child has no kqueue open: the kernels do not hand them on.
//!
//! Whoever forks holds the world meanwhile, so that the child finds it whole and closes what it says.

use std::cell::RefCell;
use std::sync::MutexGuard;

use crate::world::World;

thread_local! {
    static HELD: RefCell<Option<MutexGuard<'static, World>>> = const { RefCell::new(None) };
}

/// Makes each fork of this process, and of its children, one in whose child no kqueue is open.
pub fn watch() {
    // SAFETY: the three functions take nothing, and they do not panic.
    unsafe { libc::pthread_atfork(Some(before), Some(in_the_parent), Some(in_the_child)) };
}

// A thread that ends may have no locals any more. What it forks then keeps what it inherits.
unsafe extern "C" fn before() {
    let _ = HELD.try_with(|held| *held.borrow_mut() = World::lock());
}

unsafe extern "C" fn in_the_parent() {
    let _ = HELD.try_with(RefCell::take);
}

unsafe extern "C" fn in_the_child() {
    if let Ok(Some(world)) = HELD.try_with(RefCell::take) {
        for kq in world.kqueues() {
            // SAFETY: takes no pointer; the number is a kqueue's, and to close it here leaves the parent's open.
            unsafe { libc::syscall(libc::SYS_close, kq) };
        }
    }
}
