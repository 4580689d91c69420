//! What a registration asks of the kernel, filter by filter, and what the kernel's answers mean.

use std::io;
use std::os::unix::io::RawFd;
use std::time::Duration;

use super::broken::means_broken_pipe;
use super::{blank, sys, Kqueue, Slot};
use crate::table::Entry;
use crate::{Interest, Trigger};

/// How many changes a call makes at the most: to end something and to begin something, for reading and for writing.
const MOST_CHANGES: usize = 4;

impl Kqueue {
    /// Submits the changes from `old` to `new`; answers whether writing is wanted of a pipe that nobody reads any more.
    pub(super) fn apply(&self, fd: RawFd, old: Option<&Entry>, new: &Entry) -> io::Result<bool> {
        // What a one-shot leaves behind when it has fired depends on whether its sibling was deleted; to delete both does no harm.
        let had = old.map_or(Interest::NONE, |old| old.interest);
        let wanted = new.armed_interest();
        let is_begun_anew =
            old.map_or(false, |old| old.trigger != new.trigger || old.trigger == Trigger::OneShot);
        let (mut changes, mut count) = ([Slot(blank()); MOST_CHANGES], 0);
        let mut note = |filter: i64, flags: u32| {
            changes[count] = change(fd, filter, flags, new);
            count += 1;
        };
        for (filter, had, wanted) in [
            (sys::EVFILT_READ, had.is_readable(), wanted.is_readable()),
            (sys::EVFILT_WRITE, had.is_writable(), wanted.is_writable()),
        ] {
            if had && (!wanted || is_begun_anew) {
                note(filter as i64, sys::EV_DELETE as u32);
            }
            if wanted {
                note(filter as i64, sys::EV_ADD as u32 | mode_of(new.trigger));
            }
        }
        let errnos = self.submit(&changes[..count])?;
        let mut is_broken = false;
        for (change, errno) in changes[..count].iter().zip(errnos) {
            let deletes = change.0.flags as u32 & sys::EV_DELETE as u32 != 0;
            let writes = change.0.filter as i64 == sys::EVFILT_WRITE as i64;
            match errno {
                0 => {}
                // ENOENT: deleted since a one-shot has fired. EBADF: closed already (FreeBSD, NetBSD: observed; macOS says ENOENT of that
                // too).
                libc::ENOENT | libc::EBADF if deletes => {}
                errno if writes && means_broken_pipe(errno, fd) => is_broken = true,
                // OpenBSD's `fifo_kqfilter` refuses the direction that the descriptor is not open for (EINVAL; read in its source). The
                // others are silent about it, and so are we.
                errno if means_no_filter(errno) && crate::sys::is_pipe(fd) => {}
                errno if means_no_filter(errno) => {
                    return Err(crate::sys::not_pollable(
                        fd,
                        " is of a kind that kqueue refuses, which cannot be waited for",
                    ))
                }
                errno => return Err(io::Error::from_raw_os_error(errno)),
            }
        }
        Ok(is_broken)
    }

    /// Hands at most `MOST_CHANGES` to the kernel and answers with an `errno` for each, zero where it agreed.
    pub(super) fn submit(&self, changes: &[Slot]) -> io::Result<[i32; MOST_CHANGES]> {
        let mut errnos = [0; MOST_CHANGES];
        if changes.is_empty() {
            return Ok(errnos);
        }
        let mut room = [Slot(blank()); MOST_CHANGES];
        let receipts = &mut room[..changes.len()];
        // With receipts there is no waiting (FreeBSD, NetBSD: observed). Zero says that none is wanted.
        let count = self.kevent(changes, receipts, Some(Duration::ZERO))?;
        let is_receipt = |slot: &&Slot| slot.0.flags as u32 & sys::EV_ERROR as u32 != 0;
        let receipt_count = receipts[..count].iter().filter(is_receipt).count();
        if receipt_count != changes.len() {
            let expected = changes.len();
            let message = format!(
                "kevent answered {expected} changes with {count} events, {receipt_count} of them receipts"
            );
            return Err(io::Error::new(io::ErrorKind::Other, message));
        }
        for (errno, receipt) in errnos.iter_mut().zip(receipts) {
            *errno = receipt.0.data as i32;
        }
        Ok(errnos)
    }
}

/// One change, which asks for a receipt. The generation goes with every change: FreeBSD (observed) and macOS replace `udata` each
/// time.
pub(super) fn change(fd: RawFd, filter: i64, flags: u32, entry: &Entry) -> Slot {
    let mut change = blank();
    change.ident = fd as usize as _;
    change.filter = filter as _;
    change.flags = (flags | sys::EV_RECEIPT as u32) as _;
    change.udata = entry.generation as usize as _;
    Slot(change)
}

/// What kernels say of devices and files that have no filter: ENODEV (FreeBSD), EOPNOTSUPP (NetBSD), EINVAL (macOS), and EPERM of old
/// drivers, which answer 1 for "no". All of it was read in their sources; NetBSD was seen to say EINVAL of writing to a file.
pub(super) fn means_no_filter(errno: i32) -> bool {
    matches!(errno, libc::ENODEV | libc::EOPNOTSUPP | libc::EINVAL | libc::EPERM)
}

fn mode_of(trigger: Trigger) -> u32 {
    match trigger {
        Trigger::Level => 0,
        Trigger::Edge => sys::EV_CLEAR as u32,
        Trigger::OneShot => sys::EV_DISPATCH as u32,
    }
}
