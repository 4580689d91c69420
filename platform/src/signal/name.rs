//! A signal's number and its name.

use std::fmt;
use std::os::raw::c_int;

/// A signal, by the number that this system gives it.
///
/// ```
/// use ringmq_platform::signal::Signal;
///
/// assert_eq!(Signal::INT.to_string(), "SIGINT");
/// assert_eq!(Signal::from_raw(Signal::TERM.as_raw()), Signal::TERM);
/// assert_eq!(Signal::from_raw(100).to_string(), "signal 100");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Signal(c_int);

macro_rules! name_signals {
    ($($name:ident $full:ident $what:literal)*) => {
        impl Signal {
            $(
                #[doc = $what]
                pub const $name: Signal = Signal(libc::$full);
            )*

            /// The name, `SIGINT`; `None` for one that has none here, which may be one that this system alone knows.
            pub const fn name(self) -> Option<&'static str> {
                match self.0 {
                    $(libc::$full => Some(stringify!($full)),)*
                    _ => None,
                }
            }
        }
    };
}

// Those of POSIX, without the obsolescent SIGPOLL, and SIGWINCH.
name_signals! {
    ABRT SIGABRT "`abort` was called."
    ALRM SIGALRM "A timer of `alarm(2)` or `setitimer(2)` ran out."
    BUS SIGBUS "An access to memory that is not there. It is not for an event loop to hear."
    CHLD SIGCHLD "A child has ended, stopped or gone on."
    CONT SIGCONT "The process goes on after it was stopped."
    FPE SIGFPE "A wrong operation of arithmetic. It is not for an event loop to hear."
    HUP SIGHUP "The terminal is gone; by custom, a daemon reads its configuration again."
    ILL SIGILL "An instruction that does not exist. It is not for an event loop to hear."
    INT SIGINT "Ctrl-C: end, please."
    KILL SIGKILL "The process ends. It cannot be caught."
    PIPE SIGPIPE "A write to a pipe or socket that nobody reads; see [`ignore_sigpipe`](super::ignore_sigpipe)."
    PROF SIGPROF "A profiling timer ran out."
    QUIT SIGQUIT "Ctrl-\\: end, and dump core."
    SEGV SIGSEGV "An access to memory that is not allowed. It is not for an event loop to hear."
    STOP SIGSTOP "The process is stopped. It cannot be caught."
    SYS SIGSYS "A system call that does not exist, or that a sandbox forbids."
    TERM SIGTERM "End, please."
    TRAP SIGTRAP "A breakpoint was reached."
    TSTP SIGTSTP "Ctrl-Z: stop, please."
    TTIN SIGTTIN "A process in the background reads from the terminal."
    TTOU SIGTTOU "A process in the background writes to the terminal."
    URG SIGURG "Urgent data came on a socket."
    USR1 SIGUSR1 "For the program to use."
    USR2 SIGUSR2 "For the program to use."
    VTALRM SIGVTALRM "A timer that counts the process's own time ran out."
    WINCH SIGWINCH "The terminal's window changed its size."
    XCPU SIGXCPU "The process has had as much processor time as it may."
    XFSZ SIGXFSZ "A file would grow longer than it may."
}

impl Signal {
    /// The signal of this number, whether or not there is one.
    pub const fn from_raw(number: i32) -> Signal {
        Signal(number)
    }

    /// Its number.
    pub const fn as_raw(self) -> i32 {
        self.0
    }
}

impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.name() {
            Some(name) => f.pad(name),
            None => write!(f, "signal {}", self.0),
        }
    }
}

impl fmt::Debug for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}
