//! The program that meets the faults: it runs one row's story on a thread of its own and holds it to the outcome.

pub mod children;
pub mod closing;
pub mod opening;
pub mod registering;
pub mod running;
pub mod signals;
pub mod sockets;
pub mod streams;
pub mod waiting;
pub mod waking;

use std::io;
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag};
use nix::sys::signal::{sigaction, SaFlags, SigAction, SigHandler, SigSet, Signal};
use nix::sys::stat::Mode;
use nix::sys::time::TimeSpec;
use ringmq::platform::{Backend, Events, Poller, Token};

use crate::rows::rows;
use crate::strace::{HAS_POLL, WARM_UP_COUNT};

/// A victim that hangs or turns in a circle is ended after this long.
pub const WATCHDOG_SECONDS: u32 = 60;
/// Longer than the watchdog's patience: a wait for so long is only ever ended by something else.
pub const LONG: Duration = Duration::from_secs(3600);

/// Which backend to meet which fault on.
pub struct Setting<'a> {
    pub backend: Backend,
    fault: &'a str,
}

impl Setting<'_> {
    pub fn open(&self) -> Box<dyn Poller> {
        self.backend.open().expect("open a poller")
    }

    /// The error that is injected.
    pub fn errno(&self) -> Errno {
        let name = self.fault.strip_prefix("error=").expect("the fault is an error");
        let all = (1..200).map(Errno::from_raw);
        all.into_iter().find(|errno| format!("{errno:?}") == name).expect("strace and nix name errors alike")
    }

    /// Fails unless this is the very error that is injected. epoll's EPERM for a registration is said in words.
    pub fn assert_told<T>(&self, result: io::Result<T>) {
        let error = result.err().expect("a call was refused, and nobody was told");
        if error.raw_os_error().is_none() && error.kind() == io::ErrorKind::Unsupported {
            assert_eq!(self.errno(), Errno::EPERM, "{error}");
        } else {
            assert_eq!(error.raw_os_error(), Some(self.errno() as i32), "{error}");
        }
    }
}

/// Runs as a victim: `probe`, or the name of a row, a backend and a fault.
pub fn main(arguments: &[&str]) {
    match arguments {
        ["probe"] => {
            if nix::unistd::getppid().as_raw() != 7 {
                eprintln!("the call that was to be tampered with was made");
                std::process::exit(1);
            }
        }
        [row, backend, fault] => {
            let row = rows().find(|found| found.name == *row).expect("the driver names a row");
            let backend = backend.parse().expect("the driver names a backend");
            meet(row.victim, &Setting { backend, fault });
        }
        _ => panic!("a victim wants to know its row, its backend and its fault, found {arguments:?}"),
    }
}

/// On a thread of its own, since strace counts the calls of each thread from one: none that this program made before disturbs.
fn meet(victim: fn(&Setting<'_>), setting: &Setting<'_>) {
    nix::unistd::alarm::set(WATCHDOG_SECONDS);
    let before = count_descriptors();
    let ended = std::thread::scope(|scope| {
        scope
            .spawn(|| {
                warm_up();
                victim(setting);
            })
            .join()
    });
    if ended.is_err() {
        std::process::exit(101); // the panic has been printed
    }
    println!("descriptors {before} {}", count_descriptors());
}

/// Makes the calls that rows leave out of their count, each as often, and then the mark.
fn warm_up() {
    for _ in 0..WARM_UP_COUNT {
        if HAS_POLL {
            nix::poll::poll(&mut [], 0u8).expect("poll nothing");
        }
        nix::poll::ppoll(&mut [], Some(TimeSpec::new(0, 0)), None).expect("poll nothing");
        let null = nix::fcntl::open("/dev/null", OFlag::O_RDWR, Mode::empty()).expect("open /dev/null");
        nix::unistd::read(&null, &mut [0]).expect("read nothing");
        nix::unistd::write(&null, &[0]).expect("write to nowhere");
        nix::sys::stat::fstat(&null).expect("look at /dev/null");
        nix::fcntl::fcntl(&null, FcntlArg::F_GETFL).expect("look at /dev/null");
        nix::unistd::close(null).expect("close /dev/null");
    }
    nix::unistd::getppid();
}

fn count_descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("/proc is there").count()
}

/// The tokens that one wait reports.
pub fn wait(poller: &mut dyn Poller, timeout: Option<Duration>) -> io::Result<Vec<Token>> {
    let mut events = Events::with_capacity(8);
    let result = poller.wait(&mut events, timeout);
    let tokens: Vec<Token> = events.iter().map(|event| event.token).collect();
    assert!(result.is_ok() || tokens.is_empty(), "events beside an error");
    result.map(|()| tokens)
}

/// A socket that is readable and writable, and its peer.
pub fn ready_pair() -> (UnixStream, UnixStream) {
    let (near, mut far) = UnixStream::pair().expect("make a pair");
    far.write_all(b"x").expect("write to the pair");
    (near, far)
}

static HANDLED: AtomicUsize = AtomicUsize::new(0);

/// Counts SIGUSR1 from now on.
pub fn count_signals() {
    extern "C" fn count(_: nix::libc::c_int) {
        HANDLED.fetch_add(1, Ordering::SeqCst);
    }
    // With SA_RESTART, which helps none of the waits.
    let action = SigAction::new(SigHandler::Handler(count), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler does nothing but add to an atomic, which a signal handler may.
    unsafe { sigaction(Signal::SIGUSR1, &action) }.expect("install a handler");
}

pub fn signal_count() -> usize {
    HANDLED.load(Ordering::SeqCst)
}
