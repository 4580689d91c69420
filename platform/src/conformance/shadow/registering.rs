//! What two answers to `add`, `modify` or `delete` come to.

use std::io::{self, ErrorKind};
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};

use super::disagreement::{Answer, Disagreement, Operation};
use super::entry::{inner_token, Entry, Side, Wish};
use super::Shadow;
use crate::conformance::system;
use crate::{Poller, Ready, Token, Trigger};

impl<A: Poller, B: Poller> Shadow<A, B> {
    pub(super) fn new_entry(&mut self, number: RawFd, wish: Wish) -> Entry {
        self.last_serial = self.last_serial.wrapping_add(1);
        Entry {
            serial: self.last_serial,
            wish,
            identity: system::identity(number),
            is_astray: false,
            sides: [Side::default(); 2],
            due: Ready::NONE,
        }
    }

    pub(super) fn both(
        &mut self,
        call: impl Fn(&mut dyn Poller, Token) -> io::Result<()>,
        fd: BorrowedFd<'_>,
        serial: u32,
    ) -> [io::Result<()>; 2] {
        let token = inner_token(fd.as_raw_fd(), serial);
        [call(&mut self.first, token), call(&mut self.second, token)]
    }

    /// The poller that lacks a trigger that not both of them have.
    pub(super) fn lacking(&mut self, trigger: Trigger) -> &mut dyn Poller {
        if self.first.supports(trigger) {
            &mut self.second
        } else {
            &mut self.first
        }
    }

    /// What comes of a trigger that one of them lacks, which was asked of that one alone: it has to refuse.
    pub(super) fn refused(
        &mut self,
        operation: Operation,
        fd: BorrowedFd<'_>,
        wish: Wish,
        result: io::Result<()>,
    ) -> io::Result<()> {
        result?;
        let _ = self.lacking(wish.trigger).delete(fd);
        let refusal = Answer::Failed(ErrorKind::Unsupported, String::from("not asked"));
        let answers = match self.first.supports(wish.trigger) {
            true => [refusal, Answer::Done],
            false => [Answer::Done, refusal],
        };
        Err(self.disagreement(operation, fd.as_raw_fd(), wish, answers, "of a trigger that it says it lacks"))
    }

    /// What two answers to one call come to. Where one agreed and the other did not, the one that did is undone.
    pub(super) fn verdict(
        &mut self,
        operation: Operation,
        fd: BorrowedFd<'_>,
        wish: Wish,
        results: [io::Result<()>; 2],
        undo: impl Fn(&mut dyn Poller) -> io::Result<()>,
    ) -> io::Result<()> {
        let number = fd.as_raw_fd();
        let answers = [answer_to(&results[0]), answer_to(&results[1])];
        let (is_tolerated, error) = match results {
            [Ok(()), Ok(())] => return Ok(()),
            [Err(first), Err(second)] => (is_same(&first, &second), first),
            [Ok(()), Err(error)] => {
                let _ = undo(&mut self.first);
                (self.may_refuse(operation, number, &error), error)
            }
            [Err(error), Ok(())] => {
                let _ = undo(&mut self.second);
                (self.may_refuse(operation, number, &error), error)
            }
        };
        if is_tolerated {
            return Err(error);
        }
        Err(self.disagreement(operation, number, wish, answers, ""))
    }

    /// Whether one poller may refuse what the other takes.
    fn may_refuse(&self, operation: Operation, number: RawFd, error: &io::Error) -> bool {
        if operation == Operation::Modify && self.is_changed(number) {
            return true; // closed behind our back, which some notice at once and others later
        }
        let is_device = system::identity(number).map_or(false, |identity| identity.is_device());
        match (error.kind(), error.raw_os_error()) {
            // Of an event counter, a terminal or another poller a mechanism may make what it likes.
            (ErrorKind::Unsupported, _) => is_device,
            (_, Some(libc::ENOSPC | libc::ENOMEM | libc::EMFILE | libc::ENFILE)) => true,
            (_, Some(errno)) => is_device && errno != libc::EBADF,
            _ => false,
        }
    }

    /// Whether a registered number names another file than it did, or none.
    pub(super) fn is_changed(&self, number: RawFd) -> bool {
        let entry = self.entries.get(&number);
        entry.map_or(false, |entry| entry.is_astray || entry.identity != system::identity(number))
    }

    pub(super) fn disagreement(
        &self,
        operation: Operation,
        descriptor: RawFd,
        wish: Wish,
        answers: [Answer; 2],
        remark: &'static str,
    ) -> io::Error {
        let backends = [self.first.backend(), self.second.backend()];
        let Wish { token, interest, trigger } = wish;
        let disagreement =
            Disagreement { operation, descriptor, token, interest, trigger, backends, answers, remark };
        io::Error::new(ErrorKind::Other, disagreement)
    }
}

fn answer_to(result: &io::Result<()>) -> Answer {
    match result {
        Ok(()) => Answer::Done,
        Err(error) => Answer::Failed(error.kind(), error.to_string()),
    }
}

/// Whether two refusals are the same to the contract: of one kind, and with one `errno` where both have one.
fn is_same(first: &io::Error, second: &io::Error) -> bool {
    let errnos = (first.raw_os_error(), second.raw_os_error());
    let are_equal = matches!(errnos, (None, _) | (_, None)) || errnos.0 == errnos.1;
    first.kind() == second.kind() && are_equal
}
