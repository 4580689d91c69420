//! A kqueue in user space, for tests on Linux: `kqueue` and `kevent` that answer as the kernels of two BSDs were seen to answer.
//!
//! What they were seen to answer is in `platform/tests/kqueue/observed.tsv`, and the test beside that file holds this model to it, row
//! by row. What was read in a kernel's source instead, and seen by nobody, is said to be so at its place. Where the two differ, the
//! environment variable `RINGMQ_KQUEUE_MODEL` says whose way it is: `freebsd`, which is the default, or `netbsd`. The aim is to be no
//! better than they are; speed is none.
//!
//! A test's binary brings it in by `extern crate ringmq_kqueue_model as _;`. It then also has this crate's `close`, `dup2`, `dup3`,
//! `shutdown` and `unshare` in place of the C library's, since a kqueue forgets a number the moment that it is closed; and its `fstat`,
//! since there is a kernel to which all pipes are one file.
//!
//! * `flavour`: whose way it is.
//! * `filter`: what a descriptor is ready for, as a BSD would put it.
//! * `queue`: one kqueue: its knotes, and the line of those that are to be reported.
//! * `fork`: that a fork's child has none of its parent's kqueues.
//! * `world`: all kqueues of the process, and how they learn that something has happened to a descriptor.
//! * `calls`: the functions that replace those of C.

#![cfg(target_os = "linux")]
#![deny(unsafe_op_in_unsafe_fn, clippy::undocumented_unsafe_blocks)]

mod calls;
mod filter;
mod flavour;
mod fork;
mod queue;
mod world;

/// Makes the next changes, one each, fail with these errors; zero lets one through. Answers how many are left of what was asked before.
pub fn refuse(errnos: &[std::os::raw::c_int]) -> usize {
    world::World::lock_or_begin().refuse(errnos)
}

/// A change or an event, as `<sys/event.h>` has it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub struct Kevent {
    pub ident: usize,
    pub filter: i16,
    pub flags: u16,
    pub fflags: u32,
    pub data: isize,
    pub udata: *mut std::os::raw::c_void,
}

pub const EV_ADD: u16 = 0x1;
pub const EV_DELETE: u16 = 0x2;
pub const EV_ENABLE: u16 = 0x4;
pub const EV_DISABLE: u16 = 0x8;
pub const EV_ONESHOT: u16 = 0x10;
pub const EV_CLEAR: u16 = 0x20;
pub const EV_RECEIPT: u16 = 0x40;
pub const EV_DISPATCH: u16 = 0x80;
pub const EV_ERROR: u16 = 0x4000;
pub const EV_EOF: u16 = 0x8000;

pub const EVFILT_READ: i16 = -1;
pub const EVFILT_WRITE: i16 = -2;
