//! One answer, from the I/O thread to the one that has asked it for something.
//!
//! A channel of std's would do. But a program has all three kinds of them compiled in for each type that goes through one, and the five
//! types that are answered here came to a tenth of the code of all message queues.

use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// How far it has come.
enum Progress<T> {
    Awaited,
    Given(T),
    /// Nobody is there any more who could give one.
    Gone,
}

struct Shared<T> {
    progress: Mutex<Progress<T>>,
    has_changed: Condvar,
}

/// By which it is given. Dropping this without an answer tells that there will be none.
pub(super) struct Answerer<T> {
    shared: Arc<Shared<T>>,
}

/// By which it is awaited.
pub(super) struct Answer<T> {
    shared: Arc<Shared<T>>,
}

/// Both ends.
pub(super) fn answer<T>() -> (Answerer<T>, Answer<T>) {
    let shared = Arc::new(Shared { progress: Mutex::new(Progress::Awaited), has_changed: Condvar::new() });
    (Answerer { shared: Arc::clone(&shared) }, Answer { shared })
}

impl<T> Answerer<T> {
    /// Gives it. Whoever waits for none any more does not get it.
    pub fn give(self, answer: T) {
        *self.shared.lock() = Progress::Given(answer);
    }
}

impl<T> Drop for Answerer<T> {
    fn drop(&mut self) {
        let mut progress = self.shared.lock();
        if let Progress::Awaited = *progress {
            *progress = Progress::Gone;
        }
        drop(progress); // or who is woken waits for the lock at once
        self.shared.has_changed.notify_one();
    }
}

impl<T> Answer<T> {
    /// Waits for it; `None` when there will be none.
    pub fn wait(self) -> Option<T> {
        let is_awaited = |progress: &mut Progress<T>| matches!(progress, Progress::Awaited);
        let waited = self.shared.has_changed.wait_while(self.shared.lock(), is_awaited);
        let mut progress = waited.unwrap_or_else(PoisonError::into_inner);
        match std::mem::replace(&mut *progress, Progress::Gone) {
            Progress::Given(answer) => Some(answer),
            Progress::Awaited | Progress::Gone => None,
        }
    }
}

impl<T> Shared<T> {
    fn lock(&self) -> MutexGuard<'_, Progress<T>> {
        // Nothing that can panic leaves it half changed.
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::thread;

    use super::*;

    #[test]
    fn what_is_given_arrives_before_and_behind_the_wait() {
        let (answerer, early) = answer();
        answerer.give(1);
        assert_eq!(early.wait(), Some(1));
        let (answerer, late) = answer();
        let waiting = thread::spawn(|| late.wait());
        answerer.give(2);
        assert_eq!(waiting.join().expect("it does not panic"), Some(2));
    }

    #[test]
    fn who_goes_without_an_answer_ends_the_wait() {
        let (answerer, none) = answer::<u8>();
        let waiting = thread::spawn(|| none.wait());
        drop(answerer);
        assert_eq!(waiting.join().expect("it does not panic"), None);
    }

    #[test]
    fn what_nobody_waits_for_is_dropped() {
        let (answerer, none) = answer();
        drop(none);
        let owned = Arc::new(());
        answerer.give(Arc::clone(&owned));
        assert_eq!(Arc::strong_count(&owned), 1);
    }
}
