//! What runs when a signal comes, what it may look at, and who set it to run.
//!
//! It may come at any moment of any thread, one that holds a lock or is about to free something included. So it takes no lock and frees
//! nothing, and what it looks at is never freed: listeners lie in places that are in a list which only grows. A place that has been
//! left is taken by the next listener; so there are no more than there ever were listeners at one time.
//!
//! Only who makes and drops listeners takes a lock: one that a fork's child can take too, whatever thread of its parent's had it.

use std::fmt;
use std::io;
use std::os::raw::c_int;
use std::ptr;
use std::sync::atomic::{AtomicPtr, AtomicUsize, Ordering};

use super::set::{AtomicSet, Set};
use super::Signal;
use crate::lock::{make_way, Lock};
use crate::{sys, Waker};

/// Who is told of some signals, until it is dropped.
pub(super) struct Listener {
    place: &'static Place,
    wanted: Set,
    /// The list in which it is counted.
    list: u32,
}

/// Where the handler finds a listener.
struct Place {
    /// Which process may use it. A fork's child has it too, and all that it says is of another process: the place is never used there.
    process: u32,
    next: Option<&'static Place>,
    wanted: AtomicSet,
    come: AtomicSet,
    /// Null while nobody is here.
    waker: AtomicPtr<Waker>,
    /// How many handlers are looking at the waker.
    visitor_count: AtomicUsize,
}

/// A signal that is caught.
struct Caught {
    signal: Signal,
    listener_count: usize,
    /// What it was set to before.
    previous: libc::sigaction,
}

/// The signals that are caught.
struct List {
    /// What tells it from others: 0 for the first, else the process that had to begin anew, a fork's child of one that was changing it.
    begun_by: u32,
    caught: Vec<Caught>,
}

/// The first of the places.
static PLACES: AtomicPtr<Place> = AtomicPtr::new(ptr::null_mut());

/// Who holds it may take and leave places, and change what signals are set to. The handler never does.
static LIST: Lock<List> = Lock::new(List { begun_by: 0, caught: Vec::new() });

/// Signals that were caught and are no more, and were at their default before. Changed under the lock, and looked at by the handler.
static RELEASED: AtomicSet = AtomicSet::new();

impl Default for List {
    fn default() -> List {
        List { begun_by: std::process::id(), caught: Vec::new() }
    }
}

impl Listener {
    pub fn new(waker: Waker, wanted: Set) -> io::Result<Listener> {
        let mut list = LIST.lock();
        let place = Place::take();
        place.come.clear();
        place.waker.store(Box::into_raw(Box::new(waker)), Ordering::SeqCst);
        // Dropped, it undoes as much as was done, for which it takes the lock.
        let mut listener = Listener { place, wanted: Set::default(), list: list.begun_by };
        let result = wanted.iter().try_for_each(|signal| {
            // Before it can come, so that none is lost.
            place.wanted.insert(signal);
            catch(&mut list.caught, signal)?;
            listener.wanted.insert(signal);
            Ok(())
        });
        drop(list);
        result.map(|()| listener)
    }

    pub fn is_of_this_process(&self) -> bool {
        self.place.process == std::process::id()
    }

    /// Moves what has come to `come`.
    pub fn collect(&self, come: &mut Set) {
        self.place.come.move_to(come);
    }
}

impl Drop for Listener {
    fn drop(&mut self) {
        let mut list = LIST.lock();
        for signal in self.wanted.iter() {
            if self.list == list.begun_by {
                release(&mut list.caught, signal);
            } else if list.caught.iter().all(|caught| caught.signal != signal) {
                // What it was set to before a fork's child could not learn.
                restore(signal, &default_action());
            }
        }
        self.place.leave();
    }
}

impl fmt::Debug for Listener {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.wanted.iter()).finish()
    }
}

impl Place {
    /// One that nobody is at. To be called under the lock.
    fn take() -> &'static Place {
        let process = std::process::id();
        let is_free =
            |place: &&Place| place.process == process && place.waker.load(Ordering::SeqCst).is_null();
        if let Some(place) = places().find(is_free) {
            return place;
        }
        let place = Box::into_raw(Box::new(Place {
            process,
            next: places().next(),
            wanted: AtomicSet::default(),
            come: AtomicSet::default(),
            waker: AtomicPtr::default(),
            visitor_count: AtomicUsize::new(0),
        }));
        PLACES.store(place, Ordering::SeqCst);
        // SAFETY: it came from a box a moment ago, is never freed, and from here on only ever shared.
        unsafe { &*place }
    }

    /// To be called under the lock.
    fn leave(&self) {
        let waker = self.waker.swap(ptr::null_mut(), Ordering::SeqCst);
        self.wanted.clear();
        // Who comes from here on finds nobody; who was here before may be about to ring. In a fork's child that is for ever: the thread is
        // the parent's. And there no handler has come any further than to ask whose place it is.
        while self.process == std::process::id() && self.visitor_count.load(Ordering::SeqCst) != 0 {
            make_way();
        }
        // SAFETY: it came from a box, was just taken out, so that nobody else finds it, and nobody is looking at it any more.
        drop(unsafe { Box::from_raw(waker) });
    }

    /// Tells whoever is here, and answers whether it is anybody who wants to know. Called by the handler.
    fn tell(&self, signal: Signal) -> bool {
        // First this and then the look: `leave` does it the other way round, so one of the two sees the other.
        self.visitor_count.fetch_add(1, Ordering::SeqCst);
        let waker = self.waker.load(Ordering::SeqCst);
        let is_wanted = !waker.is_null() && self.wanted.contains(signal);
        if is_wanted {
            self.come.insert(signal);
            // SAFETY: who leaves does not free it before this visit is over.
            unsafe { &*waker }.wake();
        }
        self.visitor_count.fetch_sub(1, Ordering::SeqCst);
        is_wanted
    }
}

fn places() -> impl Iterator<Item = &'static Place> {
    // SAFETY: null, or a place that was whole before it was put here, is never freed, and only ever shared since.
    let first = unsafe { PLACES.load(Ordering::SeqCst).as_ref() };
    std::iter::successors(first, |place| place.next)
}

/// What signals are set to. It makes system calls and uses atomics, and nothing else: it neither locks nor allocates nor panics.
extern "C" fn handle(number: c_int) {
    // What it interrupted may be about to look at the error of its own system call.
    let errno = errno();
    // SAFETY: it is this thread's, and there for as long as the thread.
    let saved = unsafe { *errno };
    let (process, signal) = (std::process::id(), Signal::from_raw(number));
    let mut is_told = false;
    for place in places() {
        // A fork's child would wake its parent.
        if place.process == process {
            is_told |= place.tell(signal);
        }
    }
    if !is_told && RELEASED.contains(signal) {
        yield_to_default(signal);
    }
    // SAFETY: as above.
    unsafe { *errno = saved };
}

/// Has the signal do what it does by default, now and from now on: nobody listens, and our handler was put back by somebody who had set
/// his own while we listened. Called by the handler, as whose own the signal is blocked, so that it comes again when that returns.
fn yield_to_default(signal: Signal) {
    let (default, ours) = (default_action(), our_action());
    // SAFETY: each time the pointer is to an action that lives through the call, and of the handler that it sets all is said above;
    // raise takes no pointer. A handler may make either call (signal-safety(7)).
    unsafe {
        libc::sigaction(signal.as_raw(), &default, ptr::null_mut());
        // Somebody has begun to listen meanwhile: who comes first takes it out, and then sets the handler.
        if !RELEASED.contains(signal) {
            libc::sigaction(signal.as_raw(), &ours, ptr::null_mut());
        }
        libc::raise(signal.as_raw());
    }
}

fn handler() -> libc::sighandler_t {
    handle as extern "C" fn(c_int) as libc::sighandler_t
}

/// Sets the signal to our handler, for one listener more.
fn catch(caught: &mut Vec<Caught>, signal: Signal) -> io::Result<()> {
    // Before it is set: see `yield_to_default`.
    RELEASED.remove(signal);
    let mut previous = sigaction(signal, Some(&our_action()))?;
    let is_ours = previous.sa_sigaction == handler();
    match caught.iter_mut().find(|caught| caught.signal == signal) {
        Some(caught) => {
            caught.listener_count += 1;
            // Somebody else had set it meanwhile.
            if !is_ours {
                caught.previous = previous;
            }
        }
        None => {
            // Nobody listens, and it is ours: put back by somebody who had set it while we listened.
            if is_ours {
                previous = default_action();
            }
            caught.push(Caught { signal, listener_count: 1, previous });
        }
    }
    Ok(())
}

/// The same for one listener less; restored after the last one.
fn release(caught: &mut Vec<Caught>, signal: Signal) {
    let is_it = |caught: &Caught| caught.signal == signal;
    let index = caught.iter().position(is_it).expect("it is in its list for as long as it has a listener");
    caught[index].listener_count -= 1;
    if caught[index].listener_count > 0 {
        return;
    }
    let previous = caught.swap_remove(index).previous;
    restore(signal, &previous);
}

/// Sets the signal, which nobody listens for any more, to what it was before. What somebody else has set since is not ours to change.
fn restore(signal: Signal, previous: &libc::sigaction) {
    if previous.sa_sigaction == libc::SIG_DFL {
        RELEASED.insert(signal);
    }
    // Neither call fails, being of a signal that was set before.
    if sigaction(signal, None).map_or(false, |current| current.sa_sigaction == handler()) {
        let _ = sigaction(signal, Some(previous));
    }
}

pub(super) fn ignore_if_default(signal: Signal) -> io::Result<()> {
    let mut ignore = default_action();
    ignore.sa_sigaction = libc::SIG_IGN;
    // Against another thread that has it caught at the same time.
    let mut list = LIST.lock();
    if sigaction(signal, None)?.sa_sigaction == libc::SIG_DFL {
        sigaction(signal, Some(&ignore))?;
    }
    // What it is set to when it is caught no more.
    if let Some(caught) = list.caught.iter_mut().find(|caught| caught.signal == signal) {
        if caught.previous.sa_sigaction == libc::SIG_DFL {
            caught.previous = ignore;
        }
    }
    RELEASED.remove(signal);
    Ok(())
}

/// Sets what a signal does, and answers what it did before.
fn sigaction(signal: Signal, action: Option<&libc::sigaction>) -> io::Result<libc::sigaction> {
    let mut previous = default_action();
    let action = action.map_or(ptr::null(), |action| action as *const _);
    // SAFETY: the pointers are to two actions, or one is null; the kernel copies the one and fills the other. A handler that is set is
    // ours, which is safe at any moment, or one that was set before.
    sys::check(unsafe { libc::sigaction(signal.as_raw(), action, &mut previous) })?;
    Ok(previous)
}

fn our_action() -> libc::sigaction {
    let mut action = default_action();
    action.sa_sigaction = handler();
    // On the alternate stack, if the thread has one: some languages' threads have too little of their own.
    action.sa_flags = libc::SA_RESTART | libc::SA_ONSTACK;
    action
}

/// `SIG_DFL`, no flags, an empty mask.
fn default_action() -> libc::sigaction {
    // SAFETY: a sigaction is integers and pointers to functions that may be null, for all of which zero is a value.
    unsafe { std::mem::zeroed() }
}

#[cfg(any(target_os = "illumos", target_os = "solaris"))]
use libc::___errno as errno_location;
#[cfg(any(target_os = "netbsd", target_os = "openbsd", target_os = "android"))]
use libc::__errno as errno_location;
#[cfg(any(target_os = "linux", target_os = "dragonfly"))]
use libc::__errno_location as errno_location;
#[cfg(any(target_vendor = "apple", target_os = "freebsd"))]
use libc::__error as errno_location;

/// Where this thread's errno is.
fn errno() -> *mut c_int {
    // SAFETY: takes nothing and cannot fail.
    unsafe { errno_location() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_that_was_left_is_taken_again() {
        // Others may listen meanwhile, but no other test of this program does so a thousand at a time.
        for _ in 0..1000 {
            let (waker, _receiver) = Waker::new().unwrap();
            Listener::new(waker, Set::default()).unwrap();
        }
        assert!(places().count() < 100, "found {}", places().count());
    }
}
