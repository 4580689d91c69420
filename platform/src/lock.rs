//! A lock that a fork's child finds usable, although a thread of its parent may have held it at the fork.
//!
//! Of the threads of a process a child has only the one that called `fork(2)`. A mutex that another one held is locked there for ever;
//! this lock knows by the process's number that its holder has not come along.

use std::cell::UnsafeCell;
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::Duration;

/// A value that one thread at a time may use, for a moment.
pub(crate) struct Lock<T> {
    /// The process that a thread of holds it; 0, which is no process's number here, when nobody does.
    holder: AtomicU32,
    value: UnsafeCell<T>,
}

// SAFETY: the value is reached through the guard alone, of which there is one at a time in a process, as with a mutex.
unsafe impl<T: Send> Sync for Lock<T> {}

/// Who has the lock, until it is dropped.
pub(crate) struct Guard<'a, T> {
    lock: &'a Lock<T>,
    value: PhantomData<&'a mut T>,
}

impl<T: Default> Lock<T> {
    pub const fn new(value: T) -> Lock<T> {
        Lock { holder: AtomicU32::new(0), value: UnsafeCell::new(value) }
    }

    /// Waits for the lock. In a child whose parent's thread held it at the fork, the value may have been in the middle of a change: it is
    /// left unused there, not even dropped, and begun anew with its default.
    pub fn lock(&self) -> Guard<'_, T> {
        let process = std::process::id();
        loop {
            match self.holder.compare_exchange(0, process, Ordering::Acquire, Ordering::Relaxed) {
                Ok(_) => return self.guard(),
                // Held for a few system calls.
                Err(holder) if holder == process => make_way(),
                Err(holder) => {
                    if self
                        .holder
                        .compare_exchange(holder, process, Ordering::Acquire, Ordering::Relaxed)
                        .is_ok()
                    {
                        // SAFETY: the exchange made this thread the one that holds it, and `write` does not look at what was there.
                        unsafe { self.value.get().write(T::default()) };
                        return self.guard();
                    }
                }
            }
        }
    }

    fn guard(&self) -> Guard<'_, T> {
        Guard { lock: self, value: PhantomData }
    }
}

impl<T> Deref for Guard<'_, T> {
    type Target = T;

    fn deref(&self) -> &T {
        // SAFETY: who has the guard has the lock, so nobody changes the value.
        unsafe { &*self.lock.value.get() }
    }
}

impl<T> DerefMut for Guard<'_, T> {
    fn deref_mut(&mut self) -> &mut T {
        // SAFETY: who has the guard has the lock, so nobody else looks at the value.
        unsafe { &mut *self.lock.value.get() }
    }
}

impl<T> Drop for Guard<'_, T> {
    fn drop(&mut self) {
        self.lock.holder.store(0, Ordering::Release);
    }
}

/// Lets another thread get on with what this one waits for, a few instructions or system calls of its, where nobody can be told that
/// they are done. Not by yielding: to a thread of lower priority that would not be enough.
pub(crate) fn make_way() {
    thread::sleep(Duration::from_micros(100));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_thread_at_a_time_has_it() {
        static COUNT: Lock<usize> = Lock::new(0);
        let add = || {
            for _ in 0..100 {
                let mut count = COUNT.lock();
                let before = *count;
                thread::yield_now();
                *count = before + 1;
            }
        };
        let threads: Vec<_> = (0..4).map(|_| thread::spawn(add)).collect();
        for thread in threads {
            thread.join().expect("it does not panic");
        }
        assert_eq!(*COUNT.lock(), 400);
    }

    /// As it is in a fork's child: held by a process that is another. A number, since what was there is not dropped.
    #[test]
    fn what_another_process_held_is_taken_and_begun_anew() {
        let lock = Lock::new(1);
        lock.holder.store(u32::MAX, Ordering::Relaxed);
        let mut value = lock.lock();
        assert_eq!(*value, 0);
        *value += 2;
        drop(value);
        assert_eq!(*lock.lock(), 2);
    }
}
