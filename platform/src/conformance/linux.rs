//! What only Linux has, or what only Linux does in this way: its own kinds of descriptors, and states that others have differently.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::OpenOptionsExt;
use std::process::Stdio;

use super::fixtures::*;
use super::support::{errno_of, kind_of, tokens, Subject, BOTH};
use super::{system, Open};
use crate::{Interest, Ready, Trigger};

const NOTHING: Ready = Ready::NONE;

/// The kinds of descriptors that only Linux has.
pub fn every_kind_of_descriptor_of_linux_can_be_added(open: Open) {
    let child = std::process::Command::new("cat").stdin(Stdio::piped()).stdout(Stdio::null()).spawn();
    let mut child = child.expect("start cat");
    let kinds = [
        (system::event_counter().into(), BOTH, Ready::WRITABLE),
        (system::timer(), Interest::READABLE, NOTHING),
        (system::signals(libc::SIGALRM).into(), Interest::READABLE, NOTHING),
        (system::process(child.id()), Interest::READABLE, NOTHING),
    ];
    super::kinds::each_can_be_added(open, &kinds);
    drop(child.stdin.take());
    child.wait().expect("reap it");
}

pub fn a_memfd_is_unsupported(open: Open) {
    let file = system::memory_file();
    let mut subject = Subject::new(open);
    let result = subject.try_add(&file, 1, BOTH, Trigger::Level);
    assert_eq!(kind_of(result), ErrorKind::Unsupported);
}

/// An `O_PATH` descriptor names a place and opens nothing: reading from it is `EBADF`, and so is waiting for it.
pub fn a_descriptor_of_a_path_only_cannot_be_added(open: Open) {
    let directory = Directory::new();
    let _reader = directory.fifo_reader("fifo");
    let mut options = File::options();
    let path_only = options.read(true).custom_flags(libc::O_PATH).open(directory.path("fifo")).expect("open");
    let mut subject = Subject::new(open);
    for interest in [BOTH, Interest::NONE] {
        let result = subject.try_add(&path_only, 1, interest, Trigger::Level);
        assert_eq!(errno_of(result), Some(libc::EBADF), "{interest:?}");
    }
    subject.assert_silent();
}

/// A thread with a table of open files of its own, cut to what is open: Linux then does not look at the closed number at all, and
/// select hands its bit back as if it were ready.
pub fn a_closed_number_beyond_the_kernels_table_is_not_ready(open: Open) {
    let thread = std::thread::spawn(move || {
        // From here on numbers are this thread's own, so it need not run alone.
        system::unshare_files();
        let (first, second, third) = (Pipe::ready(), Pipe::ready(), Pipe::ready());
        let high = duplicate_from(&first.reader, 5000);
        // Its turn would come behind the others'.
        let mut subject = Subject::with_capacity(open, 1);
        subject.add(&high, 1, Interest::READABLE, Trigger::Level);
        subject.add(&second.reader, 2, Interest::READABLE, Trigger::Level);
        subject.add(&third.reader, 3, Interest::READABLE, Trigger::Level);
        drop(first);
        drop(high);
        // The copy of the table is only as long as it needs to be.
        std::thread::scope(|scope| {
            scope.spawn(|| {
                system::unshare_files();
                let mut told: Vec<u64> = (0..6).flat_map(|_| tokens(&subject.look())).collect();
                assert_eq!(told.len(), 6, "{told:?}");
                told.sort_unstable();
                told.dedup();
                assert_eq!(told, [2, 3]);
            });
        });
    });
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
}
