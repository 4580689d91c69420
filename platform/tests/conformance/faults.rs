//! A kernel that refuses: a seccomp filter on a thread of its own makes chosen system calls fail with a chosen errno there.
//!
//! A filter cannot be taken off again, but it ends with its thread; so whatever is to fail runs on such a thread, and a call without
//! the fault is made on the case's own thread afterwards.

use std::io::ErrorKind;
use std::time::Duration;

use libc::{c_int, c_long};
use ringmq_platform::conformance::fixtures::{put, unix_pair, Pipe};
use ringmq_platform::conformance::support::{errno_of, Subject, BOTH};
use ringmq_platform::conformance::system;
use ringmq_platform::{Backend, Interest, Ready, Trigger};

/// One system call that is refused; with a second argument, only when it is that.
#[derive(Clone, Copy)]
struct Refusal {
    call: c_long,
    second_argument: Option<c_int>,
    errno: c_int,
}

/// The calls with which the backends wait, with nanoseconds and without. A C library of 32 bits has those that count seconds in 64,
/// which have one number on every machine.
const NANOSECOND_WAITS: &[c_long] = &[
    libc::SYS_epoll_pwait2,
    libc::SYS_ppoll,
    #[cfg(target_pointer_width = "32")]
    PPOLL_TIME64,
];
const WAITS: &[c_long] = &[
    libc::SYS_epoll_pwait2,
    libc::SYS_epoll_pwait,
    // Machines younger than epoll_pwait have it alone.
    #[cfg(not(any(
        target_arch = "aarch64",
        target_arch = "loongarch64",
        target_arch = "riscv32",
        target_arch = "riscv64"
    )))]
    libc::SYS_epoll_wait,
    libc::SYS_ppoll,
    #[cfg(target_pointer_width = "32")]
    PPOLL_TIME64,
    libc::SYS_pselect6,
    #[cfg(target_pointer_width = "32")]
    PSELECT6_TIME64,
];
#[cfg(target_pointer_width = "32")]
const PPOLL_TIME64: c_long = 414;
#[cfg(target_pointer_width = "32")]
const PSELECT6_TIME64: c_long = 413;

/// Where the low half of the second argument is: it begins at 24.
const SECOND_ARGUMENT: u32 = if cfg!(target_endian = "big") { 28 } else { 24 };

fn refusal(call: c_long, errno: c_int) -> Refusal {
    Refusal { call, second_argument: None, errno }
}

fn all(calls: &[c_long], errno: c_int) -> Vec<Refusal> {
    calls.iter().map(|call| refusal(*call, errno)).collect()
}

/// Runs the body on a thread for which these system calls fail.
fn refused<T: Send>(refusals: &[Refusal], body: impl FnOnce() -> T + Send) -> T {
    std::thread::scope(|scope| {
        let thread = scope.spawn(|| {
            install(refusals);
            body()
        });
        thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
    })
}

/// A classic BPF program over `struct seccomp_data`: the number of the call at 0, its arguments of 64 bits from 16 on.
fn install(refusals: &[Refusal]) {
    let step =
        |code: u32, yes: u8, no: u8, k: u32| libc::sock_filter { code: code as u16, jt: yes, jf: no, k };
    let load = |offset| step(libc::BPF_LD | libc::BPF_W | libc::BPF_ABS, 0, 0, offset);
    let is = |value: u32, skip| step(libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K, 0, skip, value);
    let end = |action| step(libc::BPF_RET | libc::BPF_K, 0, 0, action);
    let mut program = Vec::new();
    for refusal in refusals {
        let fail = end(libc::SECCOMP_RET_ERRNO | refusal.errno as u32);
        program.push(load(0));
        match refusal.second_argument {
            None => program.extend([is(refusal.call as u32, 1), fail]),
            Some(value) => {
                program.extend([is(refusal.call as u32, 3), load(SECOND_ARGUMENT), is(value as u32, 1), fail])
            }
        }
    }
    program.push(end(libc::SECCOMP_RET_ALLOW));
    let filter = libc::sock_fprog { len: program.len() as u16, filter: program.as_mut_ptr() };
    // SAFETY: takes no pointer here. It is of this thread alone, as the filter is.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    // SAFETY: the pointer is to a program of the length that it says, which the kernel copies.
    let result = unsafe { libc::prctl(libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER, &filter, 0, 0) };
    assert_eq!(result, 0, "seccomp: {}", std::io::Error::last_os_error());
}

pub fn without_nanoseconds_a_timeout_is_still_never_early(backend: Backend) {
    for errno in [libc::ENOSYS, libc::EPERM] {
        let mut pipe = Pipe::new();
        let mut subject = Subject::of(backend.open());
        subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
        refused(&all(NANOSECOND_WAITS, errno), || {
            for nanos in [1, 999, 999_999, 1_000_000, 1_000_001, 2_500_000] {
                subject.assert_sleeps(Duration::from_nanos(nanos));
            }
            put(&mut pipe.writer);
            assert_eq!(subject.wait(Some(Duration::MAX)).len(), 1);
            assert_eq!(subject.promised(1), Ready::READABLE);
        });
    }
}

pub fn an_error_of_the_wait_is_told_and_leaves_no_events(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::of(backend.open());
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    assert_eq!(subject.promised(1), Ready::READABLE);
    let timeouts = [Some(Duration::ZERO), Some(Duration::from_secs(3600)), None];
    // poll(2) without a timeout is left out of the list above: threads themselves may need it. Hence the timeout for poll.
    for timeout in timeouts.into_iter().filter(|timeout| backend != Backend::Poll || *timeout == timeouts[1])
    {
        let error = refused(&all(WAITS, libc::EINVAL), || {
            subject.poller.wait(&mut subject.events, timeout).expect_err("the kernel refuses")
        });
        assert_eq!(error.raw_os_error(), Some(libc::EINVAL), "{timeout:?}");
        assert!(subject.events.is_empty(), "{timeout:?}");
    }
    assert_eq!(subject.promised(1), Ready::READABLE, "it goes on afterwards");
}

pub fn an_interrupted_wait_is_no_error(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::of(backend.open());
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    refused(&all(WAITS, libc::EINTR), || {
        assert!(subject.wait(Some(Duration::from_secs(3600))).is_empty());
    });
    assert_eq!(subject.promised(1), Ready::READABLE);
}

pub fn an_add_for_which_the_kernel_has_no_room_changes_nothing(backend: Backend) {
    for errno in [libc::ENOSPC, libc::ENOMEM] {
        let pipe = Pipe::ready();
        let mut subject = Subject::of(backend.open());
        refused(&[refusal(libc::SYS_epoll_ctl, errno)], || {
            let result = subject.try_add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
            assert_eq!(errno_of(result), Some(errno));
        });
        let stranger = subject.try_modify(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
        assert_eq!(stranger.expect_err("it is not registered").kind(), ErrorKind::NotFound);
        subject.add(&pipe.reader, 2, Interest::READABLE, Trigger::Level);
        assert_eq!(subject.promised(2), Ready::READABLE);
    }
}

pub fn a_modify_that_the_kernel_refuses_changes_nothing(backend: Backend) {
    let (near, mut far) = unix_pair();
    put(&mut far);
    let mut subject = Subject::of(backend.open());
    subject.add(&near, 1, Interest::READABLE, Trigger::Level);
    let refuse = Refusal {
        call: libc::SYS_epoll_ctl,
        second_argument: Some(libc::EPOLL_CTL_MOD),
        errno: libc::ENOMEM,
    };
    refused(&[refuse], || {
        let result = subject.try_modify(&near, 2, BOTH, Trigger::OneShot);
        assert_eq!(errno_of(result), Some(libc::ENOMEM));
    });
    for _ in 0..3 {
        assert_eq!(subject.promised(1), Ready::READABLE);
    }
}

pub fn a_delete_that_the_kernel_refuses_changes_nothing(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::of(backend.open());
    subject.add(&pipe.reader, 1, Interest::READABLE, Trigger::Level);
    refused(&[refusal(libc::SYS_epoll_ctl, libc::ENOMEM)], || {
        let result = subject.poller.delete(std::os::fd::AsFd::as_fd(&pipe.reader));
        assert_eq!(errno_of(result), Some(libc::ENOMEM));
    });
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.delete(&pipe.reader);
    subject.assert_silent();
}

pub fn opening_fails_with_the_kernels_error(backend: Backend) {
    for errno in [libc::EMFILE, libc::ENFILE, libc::ENOMEM] {
        let error = refused(&[refusal(libc::SYS_epoll_create1, errno)], || backend.open().map(drop));
        assert_eq!(errno_of(error), Some(errno));
    }
}

/// poll(2) of Linux compares the length of its array with the limit of numbers, and needs no filter to refuse.
pub fn more_registrations_than_numbers_allowed_are_an_error_that_loses_nothing(backend: Backend) {
    let pipe = Pipe::ready();
    let readers: Vec<_> = (0..200).map(|_| pipe.reader.try_clone().expect("dup")).collect();
    let mut subject = Subject::with_room(backend.open(), readers.len());
    for (token, reader) in readers.iter().enumerate() {
        subject.add(reader, token as u64, Interest::READABLE, Trigger::OneShot);
    }
    let (soft, hard) = system::descriptor_limit();
    system::set_descriptor_limit(100, hard);
    let result = subject.poller.wait(&mut subject.events, None);
    system::set_descriptor_limit(soft, hard);
    assert_eq!(errno_of(result), Some(libc::EINVAL));
    assert!(subject.events.is_empty(), "{:?}", subject.events);
    assert_eq!(subject.wait(None).len(), readers.len(), "each is reported once the limit allows it");
    subject.assert_silent();
}
