//! What two answers to `add`, `modify` or `delete` come to.

use std::io::{self, ErrorKind};
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};

use super::disagreement::{Answer, Disagreement, Operation};
use super::entry::{inner_token, Entry, Side, Wish};
use super::Shadow;
use crate::conformance::system;
use crate::{Poller, Ready, Token};

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

    /// What comes of a trigger that not both of them have, which is asked of those that lack it: they have to refuse, for that or for
    /// another good reason.
    pub(super) fn refused(
        &mut self,
        operation: Operation,
        fd: BorrowedFd<'_>,
        wish: Wish,
        call: impl Fn(&mut dyn Poller) -> io::Result<()>,
    ) -> io::Result<()> {
        let number = fd.as_raw_fd();
        let is_registered = self.entries.contains_key(&number);
        let mut refusal = None;
        for index in [0, 1] {
            if self.poller(index).supports(wish.trigger) {
                continue;
            }
            let result = call(self.poller(index));
            let is_good = match &result {
                Ok(()) => false,
                Err(error) => match error.kind() {
                    ErrorKind::Unsupported => true,
                    ErrorKind::AlreadyExists => is_registered && operation == Operation::Add,
                    ErrorKind::NotFound => !is_registered && operation == Operation::Modify,
                    _ => error.raw_os_error() == Some(libc::EBADF) && system::identity(number).is_none(),
                },
            };
            if !is_good {
                if result.is_ok() {
                    let _ = self.poller(index).delete(fd);
                }
                let expected = Answer::Failed(ErrorKind::Unsupported, String::from("expected"));
                let mut answers = [expected.clone(), expected];
                answers[index] = answer_to(&result);
                return Err(self.disagreement(
                    operation,
                    Some(number),
                    wish,
                    answers,
                    "of a trigger that it says it lacks",
                ));
            }
            refusal = refusal.or_else(|| result.err());
        }
        Err(refusal.expect("one of them lacks the trigger"))
    }

    pub(super) fn poller(&mut self, index: usize) -> &mut dyn Poller {
        if index == 0 {
            &mut self.first
        } else {
            &mut self.second
        }
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
        Err(self.disagreement(operation, Some(number), wish, answers, ""))
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
            _ if is_for_want_of_room(error) => true,
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
        descriptor: Option<RawFd>,
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

/// Whether the kernel refused something for lack of memory, of descriptors, or of watches.
pub(super) fn is_for_want_of_room(error: &io::Error) -> bool {
    matches!(error.raw_os_error(), Some(libc::ENOSPC | libc::ENOMEM | libc::EMFILE | libc::ENFILE))
}

pub(super) fn answer_to(result: &io::Result<()>) -> Answer {
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
