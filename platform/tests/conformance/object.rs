//! The poller as an object: its own descriptor, pollers inside pollers, dropping it, and processes.

use std::os::unix::io::{AsFd, OwnedFd};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::poll::PollFlags;
use nix::sys::signal::{kill, Signal};
use nix::unistd::Pid;
use ringmq_platform::{Backend, Interest, Ready, Trigger};

use crate::fixtures::{drain, polled, put, Pipe};
use crate::support::Subject;

const READABLE: Interest = Interest::READABLE;

pub fn the_pollers_own_descriptor_is_pollable(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    assert!(!is_readable(&subject));
    put(&mut pipe.writer);
    assert!(is_readable(&subject));
    assert_eq!(subject.promised(1), Ready::READABLE);
    assert!(is_readable(&subject), "it is on level as well");
    drain(&mut pipe.reader).expect("drain");
    subject.assert_silent();
    assert!(!is_readable(&subject));
}

fn is_readable(subject: &Subject) -> bool {
    let own = subject.poller.as_fd().expect("it has a descriptor");
    polled(&own, PollFlags::POLLIN).contains(PollFlags::POLLIN)
}

pub fn a_poller_may_wait_inside_any_other(backend: Backend) {
    for outer in Backend::AVAILABLE {
        let mut pipe = Pipe::new();
        let mut inner = Subject::new(backend);
        inner.add(&pipe.reader, 1, READABLE, Trigger::Level);
        let own: OwnedFd = inner.poller.as_fd().expect("it has one").try_clone_to_owned().expect("dup");
        let mut outer = Subject::new(*outer);
        outer.add(&own, 2, READABLE, Trigger::Level);
        outer.assert_silent();
        put(&mut pipe.writer);
        assert_eq!(outer.promised(2), Ready::READABLE);
        assert_eq!(inner.promised(1), Ready::READABLE);
        drain(&mut pipe.reader).expect("drain");
        inner.assert_silent();
        outer.assert_silent();
    }
}

pub fn only_mechanisms_with_a_descriptor_show_one(backend: Backend) {
    let poller = backend.open().expect("open a poller");
    assert_eq!(poller.backend(), backend);
    assert_eq!(poller.as_fd().is_some(), matches!(backend, Backend::Epoll | Backend::Kqueue));
}

pub fn dropping_a_poller_leaves_the_descriptors_open(backend: Backend) {
    let mut pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    drop(subject);
    assert_eq!(drain(&mut pipe.reader).expect("it is still open"), 1);
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 2, READABLE, Trigger::Level);
    put(&mut pipe.writer);
    assert_eq!(subject.promised(2), Ready::READABLE);
}

pub fn a_descriptor_may_be_dropped_after_its_poller(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::OneShot);
    drop(subject);
    drop(pipe);
    Subject::new(backend).assert_silent();
}

pub fn a_thread_takes_the_poller_with_it(backend: Backend) {
    let pipe = Pipe::ready();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    let mut subject = std::thread::spawn(move || {
        assert_eq!(subject.promised(1), Ready::READABLE);
        subject
    })
    .join()
    .expect("the thread does not panic");
    subject.poller.delete(pipe.reader.as_fd()).expect("delete");
}

/// A job's being stopped and continued looks like a signal to some waits, though no handler ran.
pub fn stopping_and_continuing_the_process_is_no_error(backend: Backend) {
    const CHILD: &str = "RINGMQ_CONFORMANCE_CHILD";
    let name = format!("{backend}::stopping_and_continuing_the_process_is_no_error");
    if std::env::var_os(CHILD).is_some() {
        // The child: two waits, one of which is stopped, on a pipe that the parent closes.
        let mut subject = Subject::new(backend);
        let stdin = std::io::stdin();
        subject.add(&stdin, 1, READABLE, Trigger::Level);
        println!("waiting");
        while subject.wait(None).is_empty() {}
        assert!(subject.look()[0].1.is_readable());
        return;
    }
    let mut child = Command::new(std::env::current_exe().expect("the test's own file"))
        .args(["--exact", &name, "--nocapture"])
        .env(CHILD, "1")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the test once more");
    let stdin = child.stdin.take().expect("it is piped");
    let mut lines =
        std::io::BufRead::lines(std::io::BufReader::new(child.stdout.take().expect("it is piped")));
    assert!(lines.any(|line| line.expect("the child's output").ends_with("waiting")), "it begins to wait");
    let pid = Pid::from_raw(child.id() as i32);
    for _ in 0..10 {
        std::thread::sleep(Duration::from_millis(2));
        kill(pid, Signal::SIGSTOP).expect("stop it");
        std::thread::sleep(Duration::from_millis(2));
        kill(pid, Signal::SIGCONT).expect("continue it");
    }
    drop(stdin);
    let rest: Vec<String> = lines.map(|line| line.expect("the child's output")).collect();
    assert!(child.wait().expect("wait for the child").success(), "{rest:#?}");
}

/// After a fork the set of epoll is shared and that of kqueue is not inherited; poll and select have none in the kernel.
pub fn a_forked_childs_drop_does_not_disturb_the_parent(backend: Backend) {
    let mut pipe = Pipe::new();
    let mut subject = Subject::new(backend);
    subject.add(&pipe.reader, 1, READABLE, Trigger::Level);
    // SAFETY: the child only drops what it has, which closes a descriptor and frees memory (glibc, musl and the BSDs keep their
    // allocators usable in the child of a fork), and leaves without running anything of the parent's.
    match unsafe { nix::unistd::fork() }.expect("fork") {
        nix::unistd::ForkResult::Child => {
            drop(subject);
            // SAFETY: takes no pointer and does not return.
            unsafe { libc::_exit(0) }
        }
        nix::unistd::ForkResult::Parent { child } => {
            nix::sys::wait::waitpid(child, None).expect("wait for the child");
        }
    }
    subject.assert_silent();
    put(&mut pipe.writer);
    assert_eq!(subject.promised(1), Ready::READABLE);
    subject.poller.delete(pipe.reader.as_fd()).expect("delete");
}
