//! The functions that stand in for C's: `kqueue` and `kevent`, and those by which a number is closed or a connection shut.

use std::cell::Cell;
use std::os::raw::c_int;
use std::os::unix::io::RawFd;
use std::sync::MutexGuard;
use std::time::{Duration, Instant};

use crate::filter;
use crate::flavour::Flavour;
use crate::world::{errno, After, Errno, World};
use crate::{Kevent, EV_ERROR, EV_RECEIPT};

/// kqueue(2).
#[no_mangle]
pub extern "C" fn kqueue() -> c_int {
    let result = World::lock_or_begin().open();
    answer(result)
}

/// kevent(2).
///
/// # Safety
/// The pointers are to as many as the counts say; each may be null where its count is zero, and `timeout` for a wait without one.
#[no_mangle]
pub unsafe extern "C" fn kevent(
    kq: c_int,
    changes: *const Kevent,
    change_count: c_int,
    events: *mut Kevent,
    event_count: c_int,
    timeout: *const libc::timespec,
) -> c_int {
    let room = usize::try_from(event_count).unwrap_or(0);
    let mut written = 0;
    let mut hand_out = |event: Kevent| {
        // SAFETY: no more are handed out than the caller has room for. The two lists may be one: a change is read before this.
        unsafe { events.add(written).write(event) };
        written += 1;
    };
    // SAFETY: null, or to a timespec.
    let timeout = unsafe { timeout.as_ref() };
    let deadline = match deadline(timeout) {
        Ok(deadline) => deadline,
        Err(error) => return answer(Err(error)),
    };
    // SAFETY: no further than the caller said.
    let changes = (0..usize::try_from(change_count).unwrap_or(0)).map(|index| unsafe { *changes.add(index) });
    match submit(kq, changes, room, &mut hand_out) {
        Ok(None) => answer(wait(kq, room, deadline, hand_out)),
        Ok(Some(count)) => count as c_int,
        Err(error) => answer(Err(error)),
    }
}

/// Applies the changes. Answers with how many receipts and errors it has handed out, if any were asked for or came up: then there is
/// neither waiting nor reporting.
fn submit(
    kq: RawFd,
    changes: impl Iterator<Item = Kevent>,
    room: usize,
    hand_out: &mut impl FnMut(Kevent),
) -> Result<Option<usize>, Errno> {
    let mut world = World::lock().filter(|world| world.is_kqueue(kq)).ok_or(libc::EBADF)?;
    world.harvest(After::Something);
    let mut count = 0;
    for change in changes {
        let result = world.register(kq, &change);
        if result.is_ok() && change.flags & EV_RECEIPT == 0 {
            continue;
        }
        if count == room {
            // Without room an error is the call's own. A success then makes it answer zero, although receipts may have been handed
            // out before. Either way the changes behind it are dropped.
            return result.map(|()| Some(0));
        }
        let data = result.err().unwrap_or(0) as isize;
        hand_out(Kevent { flags: EV_ERROR, fflags: 0, data, ..change });
        count += 1;
    }
    Ok((count != 0 || room == 0).then_some(count))
}

/// Waits until there is something to report.
fn wait(
    kq: RawFd,
    room: usize,
    deadline: Option<Instant>,
    mut hand_out: impl FnMut(Kevent),
) -> Result<c_int, Errno> {
    loop {
        let mut world = World::lock().filter(|world| world.is_kqueue(kq)).ok_or(libc::EBADF)?;
        let count = world.scan(kq, room, &mut hand_out);
        drop(world);
        let left = deadline.map(|deadline| deadline.saturating_duration_since(Instant::now()));
        if count != 0 || left == Some(Duration::ZERO) {
            return Ok(count as c_int);
        }
        sleep(kq, left)?;
    }
}

/// Sleeps until the kqueue's own descriptor is readable, or the time is over.
fn sleep(kq: RawFd, left: Option<Duration>) -> Result<(), Errno> {
    let spec =
        left.map(|left| libc::timespec { tv_sec: left.as_secs() as _, tv_nsec: left.subsec_nanos() as _ });
    let spec = spec.as_ref().map_or(std::ptr::null(), |spec| spec as *const _);
    let mut poll = libc::pollfd { fd: kq, events: libc::POLLIN, revents: 0 };
    // SAFETY: one pollfd, a timespec or null, and no signal mask.
    if unsafe { libc::ppoll(&mut poll, 1, spec, std::ptr::null()) } == -1 {
        return Err(errno());
    }
    Ok(())
}

/// When a wait is over. An impossible time is an error: on NetBSD it was seen to be, and in FreeBSD's source `kqueue_scan` has it so.
fn deadline(timeout: Option<&libc::timespec>) -> Result<Option<Instant>, Errno> {
    let timeout = match timeout {
        Some(timeout) => timeout,
        None => return Ok(None),
    };
    let is_possible = timeout.tv_sec >= 0 && (0..1_000_000_000).contains(&timeout.tv_nsec);
    if !is_possible {
        return Err(libc::EINVAL);
    }
    let timeout = Duration::new(timeout.tv_sec as u64, timeout.tv_nsec as u32);
    // Beyond the end of time there is no deadline.
    Ok(Instant::now().checked_add(timeout))
}

thread_local! {
    /// Whether this thread has a table of open files of its own, whose numbers no kqueue knows.
    static IS_APART: Cell<bool> = const { Cell::new(false) };
}

/// The world, for a thread that shares its table of open files.
fn shared_world() -> Option<MutexGuard<'static, World>> {
    // A thread that ends closes what it has after its locals are gone; it is then taken for one that shares.
    if IS_APART.try_with(Cell::get).unwrap_or(false) {
        return None;
    }
    World::lock()
}

/// unshare(2), by which a thread may get a table of open files of its own.
#[no_mangle]
pub extern "C" fn unshare(flags: c_int) -> c_int {
    // SAFETY: takes no pointer.
    let result = unsafe { libc::syscall(libc::SYS_unshare, flags) as c_int };
    if result == 0 && flags & libc::CLONE_FILES != 0 {
        IS_APART.with(|is_apart| is_apart.set(true));
    }
    result
}

/// close(2), before which every kqueue forgets the number.
#[no_mangle]
pub extern "C" fn close(fd: c_int) -> c_int {
    if let Some(mut world) = shared_world() {
        world.forget(fd);
    }
    // SAFETY: the caller's own number, as for any close.
    unsafe { libc::syscall(libc::SYS_close, fd) as c_int }
}

/// fstat(2), which does not tell pipes apart on NetBSD (read in its source, not observed).
///
/// # Safety
/// The pointer is to a `stat`.
#[no_mangle]
pub unsafe extern "C" fn fstat(fd: c_int, stat: *mut libc::stat) -> c_int {
    // SAFETY: the name is empty and ends in a zero, and the other pointer is the caller's.
    let result = unsafe { libc::fstatat(fd, c"".as_ptr(), stat, libc::AT_EMPTY_PATH) };
    if result == 0 && Flavour::chosen() == Flavour::NetBsd && filter::is_pipe(fd) {
        // SAFETY: the caller's pointer, which fstatat has filled.
        let stat = unsafe { &mut *stat };
        (stat.st_dev, stat.st_ino) = (0, 0);
    }
    result
}

/// dup2(2), which closes the number that it gives to the duplicate.
#[no_mangle]
pub extern "C" fn dup2(old: c_int, new: c_int) -> c_int {
    if old == new {
        // SAFETY: F_GETFD takes no pointer and only looks.
        return if unsafe { libc::fcntl(old, libc::F_GETFD) } == -1 { -1 } else { new };
    }
    dup3(old, new, 0)
}

/// dup3(2), likewise.
#[no_mangle]
pub extern "C" fn dup3(old: c_int, new: c_int, flags: c_int) -> c_int {
    // SAFETY: F_GETFD takes no pointer and only looks. From a number that is not open nothing is duplicated, so nothing is closed.
    if old != new && unsafe { libc::fcntl(old, libc::F_GETFD) } != -1 {
        if let Some(mut world) = shared_world() {
            world.forget(new);
        }
    }
    // SAFETY: takes no pointer.
    unsafe { libc::syscall(libc::SYS_dup3, old, new, flags) as c_int }
}

/// shutdown(2). Linux wakes readers and writers of both ends alike; knowing the cause, one can tell whom a BSD would.
#[no_mangle]
pub extern "C" fn shutdown(fd: c_int, how: c_int) -> c_int {
    // SAFETY: takes no pointer.
    let shut = || unsafe { libc::syscall(libc::SYS_shutdown, fd, how) as c_int };
    match shared_world() {
        None => shut(),
        Some(mut world) => {
            world.harvest(After::Something);
            let unread = filter::unread(fd);
            let result = shut();
            let error = errno();
            world.harvest(After::Shutdown(fd, unread));
            if result == -1 {
                set_errno(error);
            }
            result
        }
    }
}

fn answer(result: Result<c_int, Errno>) -> c_int {
    result.unwrap_or_else(|error| {
        set_errno(error);
        -1
    })
}

fn set_errno(error: Errno) {
    // SAFETY: the pointer is to this thread's own errno.
    unsafe { *libc::__errno_location() = error };
}
