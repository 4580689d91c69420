//! What a call to a poller has to answer, and whether it did.

use std::io::{self, ErrorKind};

/// Why a call may fail. With one of them it has to.
#[derive(Clone, Copy, Default, Debug)]
pub struct Reasons {
    pub exists: bool,
    pub is_stranger: bool,
    pub is_closed: bool,
    pub lacks_trigger: bool,
}

impl Reasons {
    /// Whether the call succeeded, as it should have; an error when it should not, or failed for none of the reasons.
    pub fn check(self, call: &str, result: io::Result<()>) -> Result<bool, String> {
        let kinds = [
            (self.exists, "AlreadyExists"),
            (self.is_stranger, "NotFound"),
            (self.lacks_trigger, "Unsupported"),
            (self.is_closed, "EBADF"),
        ];
        let is_expected = match &result {
            Ok(()) => !kinds.iter().any(|(is_true, _)| *is_true),
            Err(error) => match error.kind() {
                ErrorKind::AlreadyExists => self.exists,
                ErrorKind::NotFound => self.is_stranger,
                ErrorKind::Unsupported => self.lacks_trigger,
                _ => self.is_closed && is_closed_error(error),
            },
        };
        if is_expected {
            return Ok(result.is_ok());
        }
        let names: Vec<_> = kinds.iter().filter(|(is_true, _)| *is_true).map(|(_, name)| *name).collect();
        let expected = if names.is_empty() { String::from("success") } else { names.join(" or ") };
        let found = match result {
            Ok(()) => String::from("success"),
            Err(error) => format!("{:?} ({error})", error.kind()),
        };
        Err(format!("{call}: expected {expected}, found {found}"))
    }
}

pub fn is_closed_error(error: &io::Error) -> bool {
    error.raw_os_error() == Some(libc::EBADF)
}
