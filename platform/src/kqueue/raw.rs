//! What the kernel itself says of a descriptor, filter by filter: for `conformance::raw_report`.

use std::io;
use std::os::unix::io::{AsRawFd, BorrowedFd};
use std::time::Duration;

use super::changes::change;
use super::{blank, sys, Kqueue, Slot};
use crate::{Interest, Token, Trigger};

/// The filters that fire, by name, with what comes along.
pub(crate) fn raw_report(fd: BorrowedFd<'_>) -> io::Result<Vec<String>> {
    let mut kqueue = Kqueue::new()?;
    let entry = kqueue.table.new_entry(Token(0), Interest::NONE, Trigger::Level);
    let mut words = Vec::new();
    for (filter, name) in [(sys::EVFILT_READ, "READ"), (sys::EVFILT_WRITE, "WRITE")] {
        let add = change(fd.as_raw_fd(), filter as i64, sys::EV_ADD as u32, &entry);
        let errno = kqueue.submit(&[add])?[0];
        let mut event = [Slot(blank())];
        if errno != 0 {
            let error = io::Error::from_raw_os_error(errno);
            words.push(format!("{name}:{}", crate::conformance::raw::refusal(&error)));
        } else if kqueue.kevent(&[], &mut event, Some(Duration::ZERO))? == 1 {
            let (flags, fflags) = (event[0].0.flags as u32, event[0].0.fflags);
            let end = if flags & sys::EV_EOF as u32 == 0 { "" } else { "+EOF" };
            let error = if fflags == 0 { "" } else { "+error" };
            words.push(format!("{name}{end}{error}"));
        }
        // Alone in the queue, each filter speaks for itself.
        kqueue.submit(&[change(fd.as_raw_fd(), filter as i64, sys::EV_DELETE as u32, &entry)])?;
    }
    Ok(words)
}
