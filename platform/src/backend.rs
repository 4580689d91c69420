//! Which mechanisms there are, which of them this system has, and how one is chosen at run time.

use std::error::Error;
use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::str::FromStr;

use crate::{Poll, Poller, Select};

const HAS_EPOLL: bool = cfg!(any(target_os = "linux", target_os = "android"));
const HAS_KQUEUE: bool = crate::where_kqueue_is!(cfg! {});

/// One of the kernel's polling mechanisms.
///
/// ```
/// use ringmq_platform::Backend;
///
/// for backend in Backend::AVAILABLE {
///     assert_eq!(backend.open().unwrap().backend(), *backend);
/// }
/// assert_eq!("poll".parse(), Ok(Backend::Poll));
/// assert_eq!(Backend::Select.to_string(), "select");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Backend {
    /// `epoll(7)`: Linux and Android.
    Epoll,
    /// `kqueue(2)`: the BSDs and Apple's systems.
    Kqueue,
    /// `poll(2)`: everywhere.
    Poll,
    /// `select(2)`: everywhere.
    Select,
}

impl Backend {
    /// Every backend there is, whether this system has it or not.
    pub const ALL: &'static [Backend] = &[Backend::Epoll, Backend::Kqueue, Backend::Poll, Backend::Select];

    /// The backends of this system, best first. (A build for Linux that is to test kqueue has that too, last.)
    pub const AVAILABLE: &'static [Backend] = match (HAS_EPOLL, HAS_KQUEUE) {
        (true, false) => &[Backend::Epoll, Backend::Poll, Backend::Select],
        // Linux, built to test kqueue; last, since nobody wants it there for its own sake.
        (true, true) => &[Backend::Epoll, Backend::Poll, Backend::Select, Backend::Kqueue],
        (false, true) => &[Backend::Kqueue, Backend::Poll, Backend::Select],
        (false, false) => &[Backend::Poll, Backend::Select],
    };

    /// Opens a poller of this kind.
    ///
    /// # Errors
    /// `Unsupported` when this system lacks it; else what the kernel says (`EMFILE`, `ENFILE`, `ENOMEM`).
    pub fn open(self) -> io::Result<Box<dyn Poller>> {
        match self {
            #[cfg(any(target_os = "linux", target_os = "android"))]
            Backend::Epoll => Ok(Box::new(crate::Epoll::new()?)),
            #[cfg(not(any(target_os = "linux", target_os = "android")))]
            Backend::Epoll => Err(BackendError::Absent(self).into()),
            Backend::Kqueue => open_kqueue(),
            Backend::Poll => Ok(Box::new(Poll::new()?)),
            Backend::Select => Ok(Box::new(Select::new()?)),
        }
    }

    /// Whether this system has it.
    pub fn is_available(self) -> bool {
        Backend::AVAILABLE.contains(&self)
    }

    /// The backend that the environment variable `variable` names; the default when it is unset or empty.
    ///
    /// ```no_run
    /// use ringmq_platform::Backend;
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let poller = Backend::from_env("RINGMQ_BACKEND")?.open()?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// The name is unknown, or this system lacks the backend; the message lists the ones at hand.
    pub fn from_env(variable: impl AsRef<OsStr>) -> Result<Backend, BackendError> {
        match std::env::var_os(variable) {
            None => Ok(Backend::default()),
            Some(name) if name.is_empty() => Ok(Backend::default()),
            Some(name) => {
                let backend: Backend = name.to_string_lossy().parse()?;
                if backend.is_available() {
                    Ok(backend)
                } else {
                    Err(BackendError::Absent(backend))
                }
            }
        }
    }

    /// Its name, in lower case.
    pub const fn name(self) -> &'static str {
        match self {
            Backend::Epoll => "epoll",
            Backend::Kqueue => "kqueue",
            Backend::Poll => "poll",
            Backend::Select => "select",
        }
    }
}

macro_rules! define_open_kqueue {
    ($is_here:meta) => {
        #[cfg($is_here)]
        fn open_kqueue() -> io::Result<Box<dyn Poller>> {
            Ok(Box::new(crate::Kqueue::new()?))
        }

        #[cfg(not($is_here))]
        fn open_kqueue() -> io::Result<Box<dyn Poller>> {
            Err(BackendError::Absent(Backend::Kqueue).into())
        }
    };
}

crate::where_kqueue_is!(define_open_kqueue! {});

impl Default for Backend {
    /// The best one of this system.
    fn default() -> Backend {
        Backend::AVAILABLE[0]
    }
}

impl fmt::Display for Backend {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.name())
    }
}

impl FromStr for Backend {
    type Err = BackendError;

    /// Takes the name in lower case, of any backend there is.
    fn from_str(name: &str) -> Result<Backend, BackendError> {
        let found = Backend::ALL.iter().find(|backend| backend.name() == name);
        found.copied().ok_or_else(|| BackendError::Unknown(name.to_owned()))
    }
}

/// Why a backend could not be chosen. The message lists the ones that can.
///
/// ```
/// use ringmq_platform::Backend;
/// let error = "iocp".parse::<Backend>().unwrap_err();
/// assert!(error.to_string().starts_with("unknown backend `iocp`: this system has "));
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BackendError {
    /// No backend has this name.
    Unknown(String),
    /// This system does not have it.
    Absent(Backend),
}

impl fmt::Display for BackendError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BackendError::Unknown(name) => write!(f, "unknown backend `{name}`")?,
            BackendError::Absent(backend) => write!(f, "backend `{backend}` is not available")?,
        }
        let at_hand: Vec<_> = Backend::AVAILABLE.iter().map(|backend| backend.name()).collect();
        write!(f, ": this system has {}", at_hand.join(", "))
    }
}

impl Error for BackendError {}

impl From<BackendError> for io::Error {
    fn from(error: BackendError) -> io::Error {
        let kind = match error {
            BackendError::Unknown(_) => io::ErrorKind::InvalidInput,
            BackendError::Absent(_) => io::ErrorKind::Unsupported,
        };
        io::Error::new(kind, error)
    }
}

#[cfg(test)]
mod tests {
    /// What lets two of the files be read side by side.
    #[test]
    fn the_backends_have_the_same_functions_in_the_same_order() {
        let common = [
            "new",
            "add",
            "modify",
            "delete",
            "wait",
            "backend",
            "supports",
            "as_fd",
            "stale_count",
            "arm",
            "disarm",
            "ask",
            "report",
            "wait_in_kernel",
            "repair",
            "ready_of",
        ];
        let files = [
            ("epoll.rs", include_str!("epoll.rs")),
            ("kqueue.rs", include_str!("kqueue.rs")),
            ("poll.rs", include_str!("poll.rs")),
            ("select.rs", include_str!("select.rs")),
        ];
        for (file, text) in files {
            let functions = text
                .lines()
                .filter_map(|line| line.trim_start().trim_start_matches("pub ").strip_prefix("fn "));
            let names = functions.filter_map(|rest| rest.split(['(', '<']).next());
            let found: Vec<&str> = names.filter(|name| common.contains(name)).collect();
            // kqueue forgets a closed descriptor by itself, and poll tells which one it is: neither has anything to repair.
            let has_repair = matches!(file, "epoll.rs" | "select.rs");
            let expected: Vec<&str> =
                common.into_iter().filter(|name| has_repair || *name != "repair").collect();
            assert_eq!(found, expected, "in {file}");
        }
    }
}
