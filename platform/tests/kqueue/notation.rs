//! A kqueue asked in its own language, and its answers in the notation of `observed.tsv`.

use std::io;
use std::os::raw::{c_int, c_void};
use std::os::unix::io::{AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

pub const READ: i16 = -1;
pub const WRITE: i16 = -2;

pub const ADD: u16 = 0x1;
pub const DELETE: u16 = 0x2;
pub const ENABLE: u16 = 0x4;
pub const DISABLE: u16 = 0x8;
pub const ONESHOT: u16 = 0x10;
pub const CLEAR: u16 = 0x20;
pub const RECEIPT: u16 = 0x40;
pub const DISPATCH: u16 = 0x80;
const ERROR: u16 = 0x4000;
const EOF: u16 = 0x8000;

/// `struct kevent`, as it is both ways.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Kevent {
    pub ident: usize,
    pub filter: i16,
    pub flags: u16,
    pub fflags: u32,
    pub data: isize,
    pub udata: *mut c_void,
}

extern "C" {
    fn kqueue() -> c_int;

    fn kevent(
        kq: c_int,
        changes: *const Kevent,
        change_count: c_int,
        events: *mut Kevent,
        event_count: c_int,
        timeout: *const libc::timespec,
    ) -> c_int;
}

/// One change.
pub fn change(fd: &impl AsRawFd, filter: i16, flags: u16) -> Kevent {
    change_of(fd.as_raw_fd(), filter, flags)
}

/// One change of a number that need not be open.
pub fn change_of(fd: RawFd, filter: i16, flags: u16) -> Kevent {
    Kevent { ident: fd as usize, filter, flags, fflags: 0, data: 0, udata: std::ptr::null_mut() }
}

impl Kevent {
    pub fn with_udata(mut self, udata: usize) -> Kevent {
        self.udata = udata as *mut c_void;
        self
    }
}

/// A kqueue.
#[derive(Debug)]
pub struct Kq(pub OwnedFd);

impl Kq {
    pub fn new() -> Kq {
        // SAFETY: takes no pointer.
        let fd = unsafe { kqueue() };
        assert!(fd >= 0, "kqueue: {}", io::Error::last_os_error());
        // SAFETY: it has just been opened, and nobody else knows of it.
        Kq(unsafe { OwnedFd::from_raw_fd(fd) })
    }

    /// Submits changes and has no room for anything.
    pub fn submit(&self, changes: &[Kevent]) -> String {
        written(self.ask(changes, 0, Some(Duration::ZERO)))
    }

    /// Submits one change that is to be taken.
    pub fn set(&self, fd: &impl AsRawFd, filter: i16, flags: u16) {
        assert_eq!(self.submit(&[change(fd, filter, flags)]), "none");
    }

    /// What is there now.
    pub fn look(&self) -> String {
        self.submit_and_look(&[], 16)
    }

    /// What is there now, and what then.
    pub fn look_twice(&self) -> String {
        format!("{} / {}", self.look(), self.look())
    }

    /// What is there now, with its `udata` also where that is zero.
    pub fn look_at_udata(&self) -> String {
        let events = self.ask(&[], 16, Some(Duration::ZERO)).expect("kevent");
        let told = |event| match event_written(event) {
            text if event.udata.is_null() => text.replace(')', " u=0)"),
            text => text,
        };
        events.iter().map(told).collect::<Vec<_>>().join(" ")
    }

    pub fn submit_and_look(&self, changes: &[Kevent], room: usize) -> String {
        written(self.ask(changes, room, Some(Duration::ZERO)))
    }

    pub fn ask(&self, changes: &[Kevent], room: usize, timeout: Option<Duration>) -> io::Result<Vec<Kevent>> {
        let spec = timeout.map(|timeout| libc::timespec {
            tv_sec: timeout.as_secs() as libc::time_t,
            tv_nsec: timeout.subsec_nanos() as _,
        });
        ask(self.0.as_raw_fd(), changes, room, spec)
    }
}

/// `kevent` on any number, with any time.
pub fn ask(
    kq: RawFd,
    changes: &[Kevent],
    room: usize,
    timeout: Option<libc::timespec>,
) -> io::Result<Vec<Kevent>> {
    let mut events = vec![change_of(0, 0, 0); room];
    let timeout = timeout.as_ref().map_or(std::ptr::null(), |timeout| timeout as *const _);
    // SAFETY: each pointer is to as many as are said beside it; the timeout is null or lives through the call.
    let count = unsafe {
        kevent(
            kq,
            changes.as_ptr(),
            changes.len() as c_int,
            events.as_mut_ptr(),
            events.len() as c_int,
            timeout,
        )
    };
    if count == -1 {
        return Err(io::Error::last_os_error());
    }
    events.truncate(count as usize);
    Ok(events)
}

/// An answer, its events by number and filter, since their order is not promised.
pub fn written(answer: io::Result<Vec<Kevent>>) -> String {
    let mut events = match answer {
        Ok(events) if events.is_empty() => return "none".to_owned(),
        Ok(events) => events,
        Err(error) => return format!("-1/{}", name_of(&error)),
    };
    events.sort_by_key(|event| (event.ident, -event.filter));
    events.iter().map(event_written).collect::<Vec<_>>().join(" ")
}

fn event_written(event: &Kevent) -> String {
    let mut text = if event.filter == READ { "R" } else { "W" }.to_owned();
    for (flag, name) in [(EOF, "+EOF"), (ERROR, "+ERROR")] {
        if event.flags & flag != 0 {
            text += name;
        }
    }
    text += &match event.data {
        data if event.filter == WRITE && data > 64 => "(data>64".to_owned(),
        data => format!("(data={data}"),
    };
    if event.fflags != 0 {
        text += &format!(" ff={:#x}", number_of_the_bsds(event.fflags as c_int));
    }
    if !event.udata.is_null() {
        text += &format!(" u={}", event.udata as usize);
    }
    text + ")"
}

/// The number that the BSDs have for an error, of those that Linux counts otherwise.
pub fn number_of_the_bsds(errno: c_int) -> c_int {
    match errno {
        libc::ECONNRESET => 54,
        libc::ECONNREFUSED => 61,
        errno => errno,
    }
}

fn name_of(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(libc::EBADF) => "EBADF".to_owned(),
        Some(libc::ENOENT) => "ENOENT".to_owned(),
        Some(libc::EINVAL) => "EINVAL".to_owned(),
        Some(libc::EPIPE) => "EPIPE".to_owned(),
        _ => format!("{error}"),
    }
}
