//! Of a process, its threads and its children: limits, signals, forks.

use std::io;
use std::os::raw::c_int;
use std::ptr;
use std::time::Duration;

use super::check;

/// A limit of descriptors, as this system counts it.
pub type Limit = libc::rlim_t;

/// The limit of descriptor numbers: what holds now, and how far it may be raised.
pub fn descriptor_limit() -> (Limit, Limit) {
    let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the pointer is to a limit, which the kernel fills when it answers with 0.
    check("getrlimit", unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &mut limit) });
    (limit.rlim_cur, limit.rlim_max)
}

/// Sets the limit of descriptor numbers.
pub fn set_descriptor_limit(soft: Limit, hard: Limit) {
    let limit = libc::rlimit { rlim_cur: soft, rlim_max: hard };
    // SAFETY: the pointer is to a limit, which the kernel copies.
    check("setrlimit", unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &limit) });
}

/// How often this thread has gone to sleep, where the system counts it by thread.
pub fn sleep_count() -> Option<i64> {
    #[cfg(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd"))]
    {
        // SAFETY: a rusage is plain integers, for which zero is a value.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // SAFETY: the pointer is to a rusage, which the kernel fills when it answers with 0.
        check("getrusage", unsafe { libc::getrusage(libc::RUSAGE_THREAD, &mut usage) });
        #[allow(clippy::useless_conversion)] // 32 bits wide on some systems
        Some(i64::from(usage.ru_nvcsw))
    }
    #[cfg(not(any(target_os = "linux", target_os = "freebsd", target_os = "openbsd")))]
    None
}

/// Runs something in a forked child, and answers whether it ended there with `true`, and not in a panic.
///
/// The body must not wait for other threads: the child has none. It may allocate, since glibc, musl and the BSDs keep their
/// allocators usable in the child of a fork.
pub fn in_a_forked_child(body: impl FnOnce() -> bool) -> bool {
    // SAFETY: the child runs nothing of the parent's after the body: it leaves by _exit, in a panic too.
    match check("fork", unsafe { libc::fork() }) {
        0 => {
            let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(body));
            // SAFETY: takes no pointer and does not return.
            unsafe { libc::_exit(if matches!(result, Ok(true)) { 0 } else { 1 }) }
        }
        child => loop {
            let mut status = -1;
            // SAFETY: the pointer is to an integer, which the kernel fills when it answers with the child's number.
            let result = unsafe { libc::waitpid(child, &mut status, 0) };
            if result == child {
                return status == 0;
            }
            let error = io::Error::last_os_error();
            assert_eq!(error.kind(), io::ErrorKind::Interrupted, "waitpid: {error}");
        },
    }
}

/// Sends a signal to a process.
pub fn kill(process: u32, signal: c_int) {
    // SAFETY: takes no pointer.
    check("kill", unsafe { libc::kill(process as libc::pid_t, signal) });
}

/// Gives a signal a handler that does nothing.
pub fn handle_without_effect(signal: c_int, flags: c_int) {
    extern "C" fn ignore(_: c_int) {}
    // SAFETY: a sigaction is integers and pointers, for all of which zero is a value: an empty mask, and no restorer.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    action.sa_sigaction = ignore as extern "C" fn(c_int) as usize;
    action.sa_flags = flags;
    // SAFETY: the pointer is to an action, which the kernel copies; the handler does nothing, which is safe at any point of any
    // thread.
    check("sigaction", unsafe { libc::sigaction(signal, &action, ptr::null_mut()) });
}

/// A thread, to send signals to.
#[derive(Clone, Copy, Debug)]
pub struct Thread(libc::pthread_t);

// SAFETY: the name of a thread is the same in every thread; on some systems it is a pointer, which nobody here follows.
unsafe impl Send for Thread {}
// SAFETY: as above.
unsafe impl Sync for Thread {}

impl Thread {
    /// The thread that asks.
    pub fn current() -> Thread {
        // SAFETY: takes nothing and cannot fail.
        Thread(unsafe { libc::pthread_self() })
    }

    /// Sends it a signal.
    ///
    /// # Safety
    /// The thread must not have ended.
    pub unsafe fn signal(self, signal: c_int) {
        // SAFETY: the caller knows that the thread lives.
        let errno = unsafe { libc::pthread_kill(self.0, signal) };
        assert_eq!(errno, 0, "pthread_kill: {}", io::Error::from_raw_os_error(errno));
    }
}

/// Sends a signal to this thread, which has handled it when this returns unless it blocks it.
pub fn raise(signal: c_int) {
    // SAFETY: this thread has not ended.
    unsafe { Thread::current().signal(signal) };
}

/// Sends a signal to this thread at every interval for as long as the body runs.
pub fn under_signals(signal: c_int, flags: c_int, interval: Duration, body: impl FnOnce()) {
    use std::sync::atomic::{AtomicBool, Ordering};

    struct End<'a>(&'a AtomicBool);
    impl Drop for End<'_> {
        fn drop(&mut self) {
            self.0.store(true, Ordering::SeqCst);
        }
    }

    handle_without_effect(signal, flags);
    let target = Thread::current();
    let has_ended = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let sender = scope.spawn(|| {
            while !has_ended.load(Ordering::SeqCst) {
                // SAFETY: the target waits for this thread before it leaves the scope.
                unsafe { target.signal(signal) };
                std::thread::sleep(interval);
            }
        });
        // Also when the body panics: the scope waits for the sender.
        let end = End(&has_ended);
        body();
        drop(end);
        sender.join().expect("the sender does not panic");
    });
}

/// glibc opens files behind our back, at a time when a case may look at the numbers that are open: it counts the processors when threads
/// want a ninth arena, and asks how memory is committed when an arena is first to give some back. With limits of our own it does neither.
/// Another malloc in its place (a sanitizer's) refuses, and has no arenas.
pub fn keep_malloc_from_opening_files() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    for (parameter, value) in [(libc::M_ARENA_MAX, 8), (libc::M_TRIM_THRESHOLD, c_int::MAX)] {
        // SAFETY: takes no pointer.
        let _ = unsafe { libc::mallopt(parameter, value) };
    }
}
