//! libuv, libevent and libev: each is used in C, by its own headers, and is a table of functions here, as `c/peer.h` has it.

use std::ffi::{c_int, c_void};
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsRawFd, IntoRawFd};
use std::thread::JoinHandle;
use std::time::Duration;

use super::pace::Pace;
use super::{Chain, Contestant, Played, TimerCosts};

#[cfg(peer_libev)]
pub const LIBEV: Library = Library {
    name: "libev",
    // SAFETY: it is defined in `c/libev.c` and never written to.
    peer: || unsafe { &peer_libev },
};
#[cfg(peer_libevent)]
pub const LIBEVENT: Library = Library {
    name: "libevent",
    // SAFETY: it is defined in `c/libevent.c` and never written to.
    peer: || unsafe { &peer_libevent },
};
#[cfg(peer_libuv)]
pub const LIBUV: Library = Library {
    name: "libuv",
    // SAFETY: it is defined in `c/libuv.c` and never written to.
    peer: || unsafe { &peer_libuv },
};

/// Those that the program was built with.
pub const ALL: &[Library] = &[
    #[cfg(peer_libuv)]
    LIBUV,
    #[cfg(peer_libevent)]
    LIBEVENT,
    #[cfg(peer_libev)]
    LIBEV,
];

/// Those that it was built without, and Debian's packages that they want.
pub const MISSING: &[(&str, &str)] = &[
    #[cfg(not(peer_libuv))]
    ("libuv", "libuv1-dev"),
    #[cfg(not(peer_libevent))]
    ("libevent", "libevent-dev"),
    #[cfg(not(peer_libev))]
    ("libev", "libev-dev"),
];

/// A loop that is used in C.
#[derive(Clone, Copy)]
pub struct Library {
    name: &'static str,
    peer: fn() -> &'static Peer,
}

/// `struct peer`. Those that answer an int answer 0, or an errno.
#[repr(C)]
struct Peer {
    closes_sockets: c_int,
    echo: unsafe extern "C" fn(*const c_int, usize) -> c_int,
    idle: unsafe extern "C" fn(*const c_int, usize, extern "C" fn(*mut c_void), *mut c_void) -> c_int,
    chain: unsafe extern "C" fn(*const Pipes) -> c_int,
    churn: unsafe extern "C" fn(*const c_int, usize, u64, *mut u64) -> c_int,
    timers: unsafe extern "C" fn(*const u64, *const usize, usize, *mut Costs) -> c_int,
    reset: unsafe extern "C" fn(usize, u64, *mut u64) -> c_int,
    post: unsafe extern "C" fn(u64, *mut u64) -> c_int,
    wake: unsafe extern "C" fn(*const Wakes) -> c_int,
}

/// `struct chain`.
#[repr(C)]
struct Pipes {
    fds: *const c_int,
    count: usize,
    data: *mut c_void,
    start: extern "C" fn(*mut c_void),
    hop: extern "C" fn(*mut c_void, usize) -> c_int,
}

/// `struct wakes`.
#[repr(C)]
struct Wakes {
    data: *mut c_void,
    start: extern "C" fn(*mut c_void, Notify, *mut c_void),
    note: extern "C" fn(*mut c_void) -> c_int,
    join: extern "C" fn(*mut c_void),
}

/// Says to a loop, from another thread, that it is to run.
type Notify = unsafe extern "C" fn(*mut c_void);

/// `struct timer_costs`.
#[repr(C)]
#[derive(Default)]
struct Costs {
    insert: u64,
    cancel: u64,
    fire: u64,
}

extern "C" {
    #[cfg(peer_libev)]
    static peer_libev: Peer;
    #[cfg(peer_libevent)]
    static peer_libevent: Peer;
    #[cfg(peer_libuv)]
    static peer_libuv: Peer;
}

impl Contestant for Library {
    fn name(&self) -> &'static str {
        self.name
    }

    fn echo(&self, sockets: Vec<TcpStream>) -> Played<()> {
        // SAFETY: the descriptors are open, as many as is said, and remain so unless they are closed there.
        self.with(sockets, |peer, fds| unsafe { (peer.echo)(fds.as_ptr(), fds.len()) })
    }

    fn idle(&self, sockets: Vec<TcpStream>, mut settled: &mut dyn FnMut()) -> Played<()> {
        let data = (&raw mut settled).cast();
        // SAFETY: as in `echo`; and `data` is what `call_settled` takes it for, until the call has returned.
        self.with(sockets, |peer, fds| unsafe { (peer.idle)(fds.as_ptr(), fds.len(), call_settled, data) })
    }

    fn chain(&self, chain: Chain) -> Played<Duration> {
        let fds: Vec<c_int> = (0..chain.len()).map(|pipe| chain.fd(pipe).as_raw_fd()).collect();
        let mut travel = Travel { chain, end: Duration::ZERO, error: None };
        let pipes = Pipes {
            fds: fds.as_ptr(),
            count: fds.len(),
            data: (&raw mut travel).cast(),
            start: start_chain,
            hop: hop_chain,
        };
        // SAFETY: what it points to lives until the call has returned, and `data` is what the two functions take it for.
        check(unsafe { ((self.peer)().chain)(&pipes) })?;
        match travel.error {
            Some(error) => Err(error.into()),
            None => Ok(travel.end),
        }
    }

    fn churn(&self, sockets: Vec<TcpStream>, count: u64) -> Played<Duration> {
        let mut ns = 0;
        // SAFETY: as in `echo`, and `ns` may be written to.
        self.with(sockets, |peer, fds| unsafe { (peer.churn)(fds.as_ptr(), fds.len(), count, &mut ns) })?;
        Ok(Duration::from_nanos(ns))
    }

    fn timers(&self, delays: &[Duration], cancelled: &[usize]) -> Played<TimerCosts> {
        assert_eq!(delays.len(), cancelled.len(), "each is to be cancelled once");
        assert!(cancelled.iter().all(|&at| at < delays.len()), "only what was set is cancelled");
        let delays: Vec<u64> = delays.iter().map(|delay| delay.as_nanos() as u64).collect();
        let mut costs = Costs::default();
        let peer = (self.peer)();
        // SAFETY: both have as many elements as is said, and all indices are within them.
        check(unsafe { (peer.timers)(delays.as_ptr(), cancelled.as_ptr(), delays.len(), &mut costs) })?;
        Ok(TimerCosts {
            insert: Duration::from_nanos(costs.insert),
            cancel: Duration::from_nanos(costs.cancel),
            fire: Duration::from_nanos(costs.fire),
        })
    }

    fn reset(&self, timer_count: usize, count: u64) -> Played<Duration> {
        let mut ns = 0;
        // SAFETY: `ns` may be written to.
        check(unsafe { ((self.peer)().reset)(timer_count, count, &mut ns) })?;
        Ok(Duration::from_nanos(ns))
    }

    fn post(&self, count: u64) -> Played<Duration> {
        let mut ns = 0;
        // SAFETY: `ns` may be written to.
        check(unsafe { ((self.peer)().post)(count, &mut ns) })?;
        Ok(Duration::from_nanos(ns))
    }

    fn wake(&self, count: u64) -> Played<Vec<Duration>> {
        let mut waking = Waking { pace: Pace::new(), count, latencies: Vec::new(), thread: None };
        let data = (&raw mut waking).cast();
        let wakes = Wakes { data, start: start_waking, note: note_woken, join: join_waking };
        // SAFETY: what it points to lives until the call has returned, and `data` is what the functions take it for.
        check(unsafe { ((self.peer)().wake)(&wakes) })?;
        Ok(waking.latencies)
    }
}

impl Library {
    /// Gives the sockets away where they are closed, and lends them where not.
    fn with(&self, sockets: Vec<TcpStream>, play: impl FnOnce(&Peer, &[c_int]) -> c_int) -> Played<()> {
        let peer = (self.peer)();
        if peer.closes_sockets != 0 {
            let fds: Vec<_> = sockets.into_iter().map(TcpStream::into_raw_fd).collect();
            return check(play(peer, &fds));
        }
        let fds: Vec<_> = sockets.iter().map(TcpStream::as_raw_fd).collect();
        check(play(peer, &fds))
    }
}

/// A chain on its way through C.
struct Travel {
    chain: Chain,
    /// How long it took.
    end: Duration,
    error: Option<io::Error>,
}

extern "C" fn start_chain(data: *mut c_void) {
    // SAFETY: it is the one that `chain` has lent to the loop, which nobody else uses meanwhile.
    let travel = unsafe { &mut *data.cast::<Travel>() };
    if let Err(error) = travel.chain.start() {
        // Nothing would come then, and the loop would wait for ever.
        panic!("the first bytes of the chain: {error}");
    }
}

extern "C" fn hop_chain(data: *mut c_void, pipe: usize) -> c_int {
    // SAFETY: it is the one that `chain` has lent to the loop, which nobody else uses meanwhile.
    let travel = unsafe { &mut *data.cast::<Travel>() };
    match travel.chain.hop(pipe) {
        Ok(true) => return 1,
        Ok(false) => {}
        Err(error) => travel.error = Some(error),
    }
    travel.end = travel.chain.elapsed();
    0
}

/// Who wakes a loop in C: the same that wakes the others.
struct Waking {
    pace: Pace,
    count: u64,
    latencies: Vec<Duration>,
    thread: Option<JoinHandle<()>>,
}

/// A loop in C, which another thread may notify.
struct Woken {
    notify: Notify,
    data: *mut c_void,
}

// SAFETY: `notify` is the library's function for other threads, and the loop lives until the thread was waited for.
unsafe impl Send for Woken {}

impl Woken {
    fn wake(&self) {
        // SAFETY: the two belong together.
        unsafe { (self.notify)(self.data) };
    }
}

extern "C" fn start_waking(data: *mut c_void, notify: Notify, of: *mut c_void) {
    // SAFETY: it is what `wake` has lent, which is used by the loop's thread alone.
    let waking = unsafe { &mut *data.cast::<Waking>() };
    let woken = Woken { notify, data: of };
    waking.latencies.reserve(waking.count as usize);
    waking.thread = Some(waking.pace.start(waking.count, move || woken.wake()));
}

extern "C" fn note_woken(data: *mut c_void) -> c_int {
    // SAFETY: as in `start_waking`.
    let waking = unsafe { &mut *data.cast::<Waking>() };
    waking.latencies.push(waking.pace.note());
    c_int::from(waking.latencies.len() as u64 == waking.count)
}

extern "C" fn join_waking(data: *mut c_void) {
    // SAFETY: as in `start_waking`.
    let waking = unsafe { &mut *data.cast::<Waking>() };
    waking.thread.take().expect("it was started").join().expect("it does not panic");
}

extern "C" fn call_settled(data: *mut c_void) {
    // SAFETY: it is what `idle` has lent, which nobody else uses meanwhile.
    let settled = unsafe { &mut *data.cast::<&mut dyn FnMut()>() };
    settled();
}

fn check(errno: c_int) -> Played<()> {
    match errno {
        0 => Ok(()),
        errno => Err(io::Error::from_raw_os_error(errno).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_is_there_or_named_as_missing() {
        let mut names: Vec<_> = ALL.iter().map(Contestant::name).collect();
        names.extend(MISSING.iter().map(|(name, _)| *name));
        names.sort_unstable();
        assert_eq!(names, ["libev", "libevent", "libuv"]);
    }
}
