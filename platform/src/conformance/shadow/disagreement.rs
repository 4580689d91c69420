//! What two pollers do not agree on, in types and in words.

use std::error::Error;
use std::fmt;
use std::io::ErrorKind;
use std::os::unix::io::RawFd;

use crate::{Backend, Interest, Ready, Token, Trigger};

/// What two pollers do not agree on.
///
/// ```
/// use ringmq_platform::conformance::shadow::{Disagreement, Operation};
///
/// fn explain(error: &std::io::Error) -> Option<&Disagreement> {
///     error.get_ref()?.downcast_ref::<Disagreement>().filter(|found| found.operation == Operation::Wait)
/// }
/// assert!(explain(&std::io::ErrorKind::Other.into()).is_none());
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct Disagreement {
    /// What both were asked to do.
    pub operation: Operation,
    /// With which number; none where it is the wait itself that failed.
    pub descriptor: Option<RawFd>,
    /// The caller's token; of a registration that is gone, the pollers' own. This and what follows mean nothing without a number.
    pub token: Token,
    /// What was, or was to be, asked for.
    pub interest: Interest,
    /// How often.
    pub trigger: Trigger,
    /// Which they are.
    pub backends: [Backend; 2],
    /// What they say.
    pub answers: [Answer; 2],
    /// What is wrong about the answer that is, where the two do not tell by themselves; else empty.
    pub remark: &'static str,
}

/// A method of [`Poller`](crate::Poller), in a [`Disagreement`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Operation {
    /// [`Poller::add`](crate::Poller::add).
    Add,
    /// [`Poller::modify`](crate::Poller::modify).
    Modify,
    /// [`Poller::delete`](crate::Poller::delete).
    Delete,
    /// [`Poller::wait`](crate::Poller::wait).
    Wait,
}

/// What one of two pollers says.
///
/// ```
/// use ringmq_platform::{conformance::shadow::Answer, Ready};
/// assert_eq!(Answer::Ready(Ready::READABLE).to_string(), "READABLE");
/// assert_eq!(Answer::Silent.to_string(), "nothing");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Answer {
    /// The call succeeded.
    Done,
    /// The call failed, of this kind, and in these words.
    Failed(ErrorKind, String),
    /// The registration is ready for this.
    Ready(Ready),
    /// Nothing.
    Silent,
}

impl fmt::Display for Disagreement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operation = format!("{:?}", self.operation).to_lowercase();
        let [first, second] = self.backends;
        let Disagreement { descriptor, token, interest, trigger, .. } = self;
        write!(f, "two pollers disagree on {operation}")?;
        if let Some(descriptor) = descriptor {
            write!(f, " of descriptor {descriptor} ({token:?}, {interest:?}, {trigger:?})")?;
        }
        write!(
            f,
            ": the first, {first}, says {}; the second, {second}, says {}",
            self.answers[0], self.answers[1]
        )?;
        if !self.remark.is_empty() {
            write!(f, "; {}", self.remark)?;
        }
        Ok(())
    }
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Answer::Done => f.write_str("success"),
            Answer::Failed(kind, message) => write!(f, "{kind:?} ({message})"),
            Answer::Ready(ready) => write!(f, "{ready:?}"),
            Answer::Silent => f.write_str("nothing"),
        }
    }
}

impl Error for Disagreement {}
