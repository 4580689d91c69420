//! The descriptors that a script is played on: what the model describes, in the system.

use std::fs::File;
use std::io::{self, ErrorKind, Read, Write};
use std::os::raw::c_int;
use std::os::unix::io::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use super::model::{Model, SLOT_COUNT};
use super::script::{Kind, Step};
use crate::conformance::fixtures::{drain, duplicate_from, fill, number, unix_pair, Pipe};
use crate::conformance::system::{is_open, set_send_buffer_len, shut};

/// Where to look for a row of numbers that are closed. Above what most programs have open, so that nobody else is given one of them
/// while it is closed, and the first row below the 256 that macOS allows.
const BASES: [RawFd; 5] = [190, 420, 560, 700, 840];

/// Buffers of sockets hold this much, or twice: enough that the few short writes of a script do not fill a quarter.
const BUFFER_LEN: c_int = 32 * 1024;

/// The descriptors, by slot.
#[derive(Debug)]
pub struct Stage {
    base: RawFd,
    files: Vec<Option<File>>,
    buffer: Vec<u8>,
}

impl Stage {
    /// Finds a row of numbers for the slots. All of them are closed.
    pub fn new() -> io::Result<Stage> {
        let is_free = |base: &RawFd| (*base..*base + SLOT_COUNT as RawFd).all(|number| !is_open(number));
        let base = BASES.into_iter().find(is_free).ok_or_else(|| {
            let message =
                format!("expected {SLOT_COUNT} closed descriptors from one of {BASES:?} on, found none");
            io::Error::new(ErrorKind::Other, message)
        })?;
        let files = (0..SLOT_COUNT).map(|_| None).collect();
        Ok(Stage { base, files, buffer: vec![b'x'; 64 * 1024] })
    }

    pub fn number(&self, slot: u8) -> RawFd {
        self.base + RawFd::from(slot)
    }

    /// The number of a slot for a poller, open or not.
    pub fn borrow(&self, slot: u8) -> BorrowedFd<'static> {
        number(self.number(slot))
    }

    /// Does what a step says, which the model allows in the state that it is in before the step.
    pub fn perform(&mut self, step: &Step, model: &Model) -> io::Result<()> {
        match *step {
            Step::Open { first, second, kind } => {
                let (near, far) = open(kind);
                self.place(&near, first)?;
                self.place(&far, second)
            }
            Step::Close { slot } => {
                self.files[usize::from(slot)] = None;
                Ok(())
            }
            Step::Duplicate { slot, to } => self.place(&self.borrow(slot), to),
            Step::Read { slot, len } => {
                let expected = model.inbox_len(slot).expect("reading allowed").min(usize::from(len));
                self.read_exactly(slot, usize::from(len), expected)
            }
            Step::Drain { slot } => match model.inbox_len(slot).filter(|len| *len > 0) {
                Some(expected) => self.read_exactly(slot, self.buffer.len(), expected),
                // A peer that left may have left an error, which says no more than its having left.
                None => {
                    let _ = drain(&mut file(&self.files, slot));
                    Ok(())
                }
            },
            Step::Write { slot, len } => {
                let len = usize::from(len);
                let written = file(&self.files, slot).write(&self.buffer[..len])?;
                agree("written", slot, len, written)
            }
            Step::Fill { slot } => {
                fill(&mut file(&self.files, slot));
                Ok(())
            }
            Step::Shut { slot, how } => {
                shut(file(&self.files, slot), how);
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Opens a slot as a duplicate.
    fn place(&mut self, end: &impl AsFd, slot: u8) -> io::Result<()> {
        let wanted = self.number(slot);
        let file = File::from(duplicate_from(end, wanted));
        if file.as_raw_fd() != wanted {
            let message = format!(
                "expected descriptor {wanted} to be closed, found it taken by another part of the process"
            );
            return Err(io::Error::new(ErrorKind::Other, message));
        }
        self.files[usize::from(slot)] = Some(file);
        Ok(())
    }

    fn read_exactly(&mut self, slot: u8, len: usize, expected: usize) -> io::Result<()> {
        let found = file(&self.files, slot).read(&mut self.buffer[..len])?;
        agree("read", slot, expected, found)
    }
}

fn file(files: &[Option<File>], slot: u8) -> &File {
    files[usize::from(slot)].as_ref().expect("the model has it open")
}

fn agree(what: &str, slot: u8, expected: usize, found: usize) -> io::Result<()> {
    if found == expected {
        return Ok(());
    }
    let message = format!("expected {expected} bytes {what} at slot {slot}, found {found}");
    Err(io::Error::new(ErrorKind::Other, message))
}

/// The two ends of a channel, neither of which blocks.
fn open(kind: Kind) -> (OwnedFd, OwnedFd) {
    match kind {
        Kind::Socket => {
            let (near, far) = unix_pair();
            set_send_buffer_len(&near, BUFFER_LEN);
            set_send_buffer_len(&far, BUFFER_LEN);
            (near.into(), far.into())
        }
        Kind::Pipe => {
            let pipe = Pipe::new();
            (pipe.reader.into(), pipe.writer.into())
        }
    }
}
