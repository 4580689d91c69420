//! What another thread does to a loop: wakes it now and then, or hands it tasks as fast as it can.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

/// How long the loop is left alone after it was seen to run: by then it waits.
const REST: Duration = Duration::from_micros(100);

/// When a loop was woken, and how often it was seen to run.
#[derive(Clone)]
pub struct Pace {
    base: Instant,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// In nanoseconds from `base`.
    woken_at: AtomicU64,
    seen: AtomicU64,
}

impl Pace {
    pub fn new() -> Pace {
        Pace { base: Instant::now(), shared: Arc::default() }
    }

    /// Wakes a loop so often, from a thread of its own.
    pub fn start(&self, count: u64, mut wake: impl FnMut() + Send + 'static) -> JoinHandle<()> {
        let pace = self.clone();
        thread::spawn(move || {
            for number in 0..count {
                while pace.shared.seen.load(Ordering::Acquire) < number {
                    std::hint::spin_loop();
                }
                let rests_from = Instant::now();
                while rests_from.elapsed() < REST {
                    std::hint::spin_loop();
                }
                pace.shared.woken_at.store(pace.base.elapsed().as_nanos() as u64, Ordering::Release);
                wake();
            }
        })
    }

    /// The loop runs: answers how long that took.
    pub fn note(&self) -> Duration {
        let now = self.base.elapsed();
        let woken_at = Duration::from_nanos(self.shared.woken_at.load(Ordering::Acquire));
        self.shared.seen.fetch_add(1, Ordering::AcqRel);
        now.saturating_sub(woken_at)
    }
}

/// A task as a loop without a queue of its own is handed one.
pub type Task = Box<dyn FnOnce(&mut u64) + Send>;

/// So many tasks, from a thread of its own, each of which adds one; answers when the first was about to be handed over.
pub fn post_all(count: u64, mut post: impl FnMut(Task) + Send + 'static) -> JoinHandle<Instant> {
    thread::spawn(move || {
        let start = Instant::now();
        for _ in 0..count {
            post(Box::new(|sum| *sum += 1));
        }
        start
    })
}

/// A queue for loops that have none: whoever finds it empty rings.
#[derive(Clone, Default)]
pub struct Queue(Arc<std::sync::Mutex<Vec<Task>>>);

impl Queue {
    /// Answers whether the loop is to be woken.
    pub fn push(&self, task: Task) -> bool {
        let mut tasks = self.0.lock().expect("nobody panics with it");
        tasks.push(task);
        tasks.len() == 1
    }

    /// Runs all that is there.
    pub fn run(&self, sum: &mut u64) {
        let tasks = std::mem::take(&mut *self.0.lock().expect("nobody panics with it"));
        tasks.into_iter().for_each(|task| task(sum));
    }
}
