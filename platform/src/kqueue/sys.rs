//! The system as the kqueue module sees it: `libc` where the kernel has a kqueue, and on Linux, for tests, declarations of our own.
//!
//! Linux has none. Under `--cfg ringmq_kqueue="model"` the two functions are those of a model that the test's binary brings along, and
//! under `"library"` those of whatever `-lkqueue` finds. Neither changes anything beyond this file.

#[cfg(not(target_os = "linux"))]
pub use libc::{
    kevent, kqueue, EVFILT_READ, EVFILT_WRITE, EV_ADD, EV_CLEAR, EV_DELETE, EV_DISPATCH, EV_EOF, EV_ERROR,
    EV_ONESHOT, EV_RECEIPT,
};

#[cfg(target_os = "linux")]
pub use declared::*;

#[cfg(target_os = "linux")]
mod declared {
    use std::os::raw::{c_int, c_void};

    /// As FreeBSD had it up to version 11, and as OpenBSD, DragonFly and macOS have it on 64 bits.
    #[derive(Clone, Copy)]
    #[repr(C)]
    #[allow(non_camel_case_types)] // the system's name
    pub struct kevent {
        pub ident: usize,
        pub filter: i16,
        pub flags: u16,
        pub fflags: u32,
        pub data: isize,
        pub udata: *mut c_void,
    }

    pub const EVFILT_READ: i16 = -1;
    pub const EVFILT_WRITE: i16 = -2;
    pub const EV_ADD: u16 = 0x1;
    pub const EV_DELETE: u16 = 0x2;
    pub const EV_ONESHOT: u16 = 0x10;
    pub const EV_CLEAR: u16 = 0x20;
    pub const EV_RECEIPT: u16 = 0x40;
    pub const EV_DISPATCH: u16 = 0x80;
    pub const EV_ERROR: u16 = 0x4000;
    pub const EV_EOF: u16 = 0x8000;

    #[cfg_attr(ringmq_kqueue = "library", link(name = "kqueue"))]
    extern "C" {
        pub fn kqueue() -> c_int;

        pub fn kevent(
            kq: c_int,
            changes: *const kevent,
            change_count: c_int,
            events: *mut kevent,
            event_count: c_int,
            timeout: *const libc::timespec,
        ) -> c_int;
    }
}
