//! What is known of a callback, a task, a timer or a source that has failed.

use std::any::Any;
use std::error::Error;
use std::fmt;
use std::io;

use super::slab::SourceId;
use super::work::BoxError;

/// One failure in a loop: whose, and why. The hook of [`Context::on_failure`](crate::Context::on_failure) is handed it.
#[derive(Debug)]
pub struct Failure {
    pub(super) source: Option<SourceId>,
    pub(super) name: &'static str,
    pub(super) cause: Cause,
}

/// Why something failed.
#[derive(Debug)]
#[non_exhaustive]
pub enum Cause {
    /// It returned this error.
    Error(Box<dyn Error + Send + Sync>),
    /// It panicked, with what was given to `panic!`.
    Panic(Box<dyn Any + Send>),
}

impl Failure {
    /// The source that was closed for it; `None` for a task or a timer, which belong to no source.
    pub fn source(&self) -> Option<SourceId> {
        self.source
    }

    /// The name of what failed, as the compiler gives it: of a closure, the function that it was written in.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Why.
    pub fn cause(&self) -> &Cause {
        &self.cause
    }

    /// Why, to keep.
    pub fn into_cause(self) -> Cause {
        self.cause
    }

    /// For who has no hook: a panic goes on as one, an error comes back.
    pub(super) fn escape(self) -> io::Error {
        match self.cause {
            Cause::Panic(panic) => std::panic::resume_unwind(panic),
            Cause::Error(cause) => {
                let kind = cause.downcast_ref::<io::Error>().map_or(io::ErrorKind::Other, io::Error::kind);
                io::Error::new(kind, Escaped { name: self.name, cause })
            }
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(source) = self.source {
            write!(f, "{source}: ")?;
        }
        match &self.cause {
            Cause::Error(error) => write!(f, "{} failed: {error}", self.name),
            Cause::Panic(panic) => write!(f, "{} panicked: {}", self.name, message_of(panic.as_ref())),
        }
    }
}

/// What a panic says, if it says something: `panic!` gives one of two types.
fn message_of(panic: &(dyn Any + Send)) -> &str {
    let literal = panic.downcast_ref::<&str>().copied();
    literal.or_else(|| panic.downcast_ref::<String>().map(String::as_str)).unwrap_or("with no message")
}

/// The error that comes out of a turn for want of a hook.
#[derive(Debug)]
struct Escaped {
    name: &'static str,
    cause: BoxError,
}

impl fmt::Display for Escaped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} failed: {}", self.name, self.cause)
    }
}

impl Error for Escaped {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        Some(self.cause.as_ref())
    }
}
