//! Which kinds of descriptors can be registered, and which are refused.

use std::fs::File;
use std::io::ErrorKind;
use std::net::UdpSocket;
use std::os::unix::io::OwnedFd;
use std::os::unix::net::{UnixDatagram, UnixListener};

use crate::{Interest, Ready};

use super::fixtures::*;
use super::support::{kind_of, triggers, Subject, BOTH, PROMISES};
use super::{system, Open};

const READABLE: Interest = Interest::READABLE;
const WRITABLE: Interest = Interest::WRITABLE;

pub fn regular_files_and_directories_are_unsupported(open: Open) {
    let regular = File::open(std::env::current_exe().expect("the test's own file")).expect("open it");
    let directory = File::open("/").expect("open a directory");
    let mut subject = Subject::new(open);
    for file in [regular, directory].into_iter().chain(files_of_proc()) {
        for trigger in triggers(open) {
            for interest in [READABLE, WRITABLE, BOTH, Interest::NONE] {
                let result = subject.try_add(&file, 1, interest, trigger);
                assert_eq!(kind_of(result), ErrorKind::Unsupported, "{trigger:?} {interest:?}");
            }
        }
    }
    subject.assert_silent();
}

/// One that cannot be polled, and one that calls itself regular although its driver can: only its kind gives it away.
fn files_of_proc() -> Vec<File> {
    let paths: &[&str] =
        if cfg!(target_os = "linux") { &["/proc/self/status", "/proc/self/mounts"] } else { &[] };
    paths.iter().map(|path| File::open(path).expect("open a file of /proc")).collect()
}

/// `/dev/null` and its kin are always ready where they can be waited for at all, and never a registration that says nothing.
pub fn a_device_is_unsupported_or_always_ready(open: Open) {
    let mut paths = vec!["/dev/null", "/dev/zero"];
    if cfg!(target_os = "linux") {
        // The second is not for everybody to write to on other systems.
        paths.extend(["/dev/full", "/dev/urandom"]);
    }
    let mut subject = Subject::new(open);
    for path in paths {
        let device = File::options().read(true).write(true).open(path).expect("open the device");
        for trigger in triggers(open) {
            match subject.try_add(&device, 1, BOTH, trigger) {
                Ok(()) => {
                    subject.goes_on_as(1, Ready::READABLE | Ready::WRITABLE, trigger);
                    subject.delete(&device);
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Unsupported, "{path} {trigger:?}: {error}"),
            }
        }
    }
    subject.assert_silent();
}

pub fn every_kind_of_pollable_descriptor_can_be_added(open: Open) {
    let directory = Directory::new();
    let fifo_reader = directory.fifo_reader("fifo");
    let pipe = Pipe::new();
    let (master, slave) = system::terminal();
    let (unix, tcp) = (unix_pair(), tcp_pair());
    let mut kinds: Vec<(OwnedFd, Interest, Ready)> = vec![
        (pipe.reader.into(), READABLE, Ready::NONE),
        (pipe.writer.into(), WRITABLE, Ready::WRITABLE),
        (fifo_reader.into(), READABLE, Ready::NONE),
        (directory.fifo_writer("fifo").into(), WRITABLE, Ready::WRITABLE),
        (unix.0.into(), BOTH, Ready::WRITABLE),
        (unix.1.into(), BOTH, Ready::WRITABLE),
        (UnixDatagram::unbound().expect("datagram socket").into(), READABLE, Ready::NONE),
        (UnixListener::bind(directory.path("listener")).expect("bind").into(), READABLE, Ready::NONE),
        (tcp.0.into(), BOTH, Ready::WRITABLE),
        (tcp.1.into(), BOTH, Ready::WRITABLE),
        (listener().into(), READABLE, Ready::NONE),
        (UdpSocket::bind("127.0.0.1:0").expect("bind").into(), BOTH, Ready::WRITABLE),
        (master, BOTH, Ready::WRITABLE),
        (slave, BOTH, Ready::WRITABLE),
    ];
    if let Some((near, far)) = system::packet_pair() {
        kinds.extend([near, far].map(|fd| (fd, BOTH, Ready::WRITABLE)));
    }
    each_can_be_added(open, &kinds);
}

/// Each is told of as it is, on every trigger.
pub(super) fn each_can_be_added(open: Open, kinds: &[(OwnedFd, Interest, Ready)]) {
    let mut subject = Subject::new(open);
    for trigger in triggers(open) {
        for (token, (fd, interest, _)) in (0..).zip(kinds) {
            let result = subject.try_add(fd, token, *interest, trigger);
            assert!(result.is_ok(), "number {token} in the list, {trigger:?}: {result:?}");
        }
        let ready = (0..).zip(kinds).map(|(token, (_, _, ready))| (token, *ready));
        let expected: Vec<(u64, Ready)> = ready.filter(|(_, ready)| !ready.is_none()).collect();
        let found: Vec<(u64, Ready)> =
            subject.look().into_iter().map(|(token, ready)| (token, ready & PROMISES)).collect();
        assert_eq!(found, expected, "{trigger:?}");
        kinds.iter().for_each(|(fd, _, _)| subject.delete(fd));
    }
}
