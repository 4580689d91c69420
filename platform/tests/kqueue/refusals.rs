//! What a kernel was not seen to refuse, or cannot be made to: the model is told to.

use std::os::unix::io::AsFd;

use ringmq_kqueue_model::refuse;
use ringmq_platform::conformance::system;
use ringmq_platform::{Interest, Poller, Ready, Token, Trigger};

use crate::traps::{add, open, wait, writer_without_reader, QUIET, READABLE, SOON, WRITABLE};

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
