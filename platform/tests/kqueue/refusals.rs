//! What a kernel was not seen to refuse, or cannot be made to: the model is told to.

use std::io::ErrorKind;
use std::os::unix::io::AsFd;

use ringmq_kqueue_model::refuse;
use ringmq_platform::conformance::fixtures::Directory;
use ringmq_platform::conformance::system;
use ringmq_platform::{Interest, Poller, Ready, Token, Trigger};

use crate::traps::{add, open, unix_pair, wait, writer_without_reader, QUIET, READABLE, SOON, WRITABLE};

const BOTH: Interest = READABLE.with(WRITABLE);

/// Expects a refusal, and that nothing that the model was told to answer is left.
fn assert_refused(result: std::io::Result<()>, errno: i32) {
    assert_eq!(result.unwrap_err().raw_os_error(), Some(errno));
    assert_eq!(refuse(&[]), 0, "answers that nobody asked for");
}

/// Putting back finds that the reader has left meanwhile.
pub fn a_pipe_found_broken_while_a_refused_modify_is_undone_is_told_of() {
    let (reader, writer) = system::pipe();
    let mut poller = open();
    add(&mut *poller, &writer, WRITABLE, Trigger::Level);
    drop(reader);
    // To begin reading; to end writing, and to begin it anew.
    refuse(&[libc::ENOMEM, 0, 0]);
    assert_refused(poller.modify(writer.as_fd(), Token(2), BOTH, Trigger::Edge), libc::ENOMEM);
    for _ in 0..3 {
        assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
    }
}

/// Contract 3, of what the kernel does not know.
pub fn a_refused_delete_of_a_broken_pipe_changes_nothing() {
    let writer = writer_without_reader();
    let mut poller = open();
    add(&mut *poller, &writer, WRITABLE, Trigger::Level);
    refuse(&[libc::ENOMEM]);
    assert_refused(poller.delete(writer.as_fd()), libc::ENOMEM);
    assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
    poller.delete(writer.as_fd()).expect("delete");
    assert_eq!(wait(&mut *poller, QUIET), []);
}

/// NetBSD's word for a broken pipe is also what it says of a number that is not open, or not for this.
pub fn what_is_no_pipe_is_never_a_broken_one() {
    let (near, _far) = unix_pair();
    for errno in [libc::EBADF, libc::ENOMEM] {
        let mut poller = open();
        refuse(&[errno]);
        assert_refused(poller.add(near.as_fd(), Token(1), WRITABLE, Trigger::Level), errno);
        assert_eq!(wait(&mut *poller, QUIET), []);
    }
    let mut poller = open();
    refuse(&[libc::EPERM]);
    let result = poller.add(near.as_fd(), Token(1), WRITABLE, Trigger::Level);
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Unsupported);
    assert_eq!(refuse(&[]), 0);
}

/// A writer of a broken pipe, in the words of each kernel.
pub fn a_broken_pipe_has_three_names() {
    for errno in [libc::EPIPE, libc::EBADF, libc::EPERM] {
        let writer = writer_without_reader();
        let mut poller = open();
        refuse(&[errno]);
        add(&mut *poller, &writer, WRITABLE, Trigger::Level);
        assert_eq!(refuse(&[]), 0);
        assert_eq!(wait(&mut *poller, SOON), [Ready::WRITABLE]);
    }
}

/// OpenBSD's `fifo_kqfilter` refuses the direction that the descriptor is not open for (read in its source). The other one stays, and
/// this one is silent, as it is elsewhere.
pub fn a_fifo_refused_for_writing_is_read() {
    for (interest, answers) in [(BOTH, &[0, libc::EINVAL][..]), (WRITABLE, &[libc::EINVAL])] {
        let directory = Directory::new();
        let reader = directory.fifo_reader("fifo");
        let mut writer = directory.fifo_writer("fifo");
        let mut poller = open();
        refuse(answers);
        add(&mut *poller, &reader, interest, Trigger::Level);
        assert_eq!(refuse(&[]), 0);
        assert_eq!(wait(&mut *poller, QUIET), []);
        std::io::Write::write_all(&mut writer, b"x").expect("write");
        let expected = if interest == BOTH { &[Ready::READABLE][..] } else { &[] };
        assert_eq!(wait(&mut *poller, if interest == BOTH { SOON } else { QUIET }), expected);
        poller.delete(reader.as_fd()).expect("delete");
    }
}
