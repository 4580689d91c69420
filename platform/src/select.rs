//! select: three bitmaps over all descriptor numbers are handed to the kernel at every wait (`select(2)`).
//!
//! The bitmaps are this module's own and as long as the highest number needs, so `FD_SETSIZE` is no limit (Linux, the BSDs and macOS
//! take any length), and `FD_SET`, which aborts or corrupts memory beyond that limit, is not called.

use std::fmt;
use std::io;
use std::ops::Range;
#[cfg(target_vendor = "apple")]
use std::os::raw::c_int;
#[cfg(not(any(target_os = "netbsd", target_os = "openbsd", target_vendor = "apple")))]
use std::os::raw::c_ulong;
use std::os::unix::io::{AsRawFd, BorrowedFd, RawFd};
use std::time::Duration;

use crate::poller::wait_until;
use crate::sys;
use crate::table::{Entry, Table};
use crate::{Backend, Event, Events, Interest, Poller, Ready, Token, Trigger};

/// A poller on `select(2)`.
///
/// # Platform notes
/// illumos refuses numbers of 65536 and above (1024 in a 32-bit program); the others take any number.
///
/// ```
/// use ringmq_platform::{Poller, Select, Trigger};
/// # fn main() -> std::io::Result<()> {
/// let select = Select::new()?;
/// assert!(select.supports(Trigger::OneShot) && !select.supports(Trigger::Edge));
/// # Ok(())
/// # }
/// ```
pub struct Select {
    table: Table,
    /// What is asked: for reading, for writing, for out-of-band data.
    asked: [Bitmap; 3],
    /// What the kernel answered, in the same order.
    found: [Bitmap; 3],
    /// Where the next look through the answers begins, so that a small buffer for events starves nobody.
    cursor: RawFd,
}

const READ: usize = 0;
const WRITE: usize = 1;
const EXCEPT: usize = 2;

impl Select {
    /// Makes an empty set. select has no descriptor of its own.
    ///
    /// # Errors
    /// None; the signature is that of the other backends.
    pub fn new() -> io::Result<Select> {
        Ok(Select {
            table: Table::default(),
            asked: Default::default(),
            found: Default::default(),
            cursor: 0,
        })
    }
}

/// Without the answers, which say nothing between two waits.
impl fmt::Debug for Select {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("table", &self.table)
            .field("asked", &self.asked)
            .finish_non_exhaustive()
    }
}

impl Poller for Select {
    fn add(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        self.table.check_vacant(fd)?;
        let entry = self.table.new_entry(token, interest, trigger);
        self.arm(fd, None, &entry)?;
        self.table.set(fd, entry);
        Ok(())
    }

    fn modify(
        &mut self,
        fd: BorrowedFd<'_>,
        token: Token,
        interest: Interest,
        trigger: Trigger,
    ) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        let old = self.table.check_registered(fd)?;
        let entry = self.table.new_entry(token, interest, trigger);
        self.arm(fd, Some(&old), &entry)?;
        self.table.set(fd, entry);
        Ok(())
    }

    fn delete(&mut self, fd: BorrowedFd<'_>) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        self.table.check_registered(fd)?;
        self.disarm(fd);
        self.table.remove(fd);
        Ok(())
    }

    fn wait(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<()> {
        events.clear();
        wait_until(timeout, |timeout| self.ask(events, timeout))
    }

    fn backend(&self) -> Backend {
        Backend::Select
    }

    fn supports(&self, trigger: Trigger) -> bool {
        trigger != Trigger::Edge
    }

    fn as_fd(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    fn stale_count(&self) -> u64 {
        self.table.stale_count
    }
}

impl Select {
    /// Sets the bits that `new` wants in place of those that `old` wanted.
    fn arm(&mut self, fd: RawFd, old: Option<&Entry>, new: &Entry) -> io::Result<()> {
        if !self.supports(new.trigger) {
            return Err(sys::no_edge(Backend::Select));
        }
        if old.is_none() {
            sys::check_pollable(fd)?;
        }
        self.set_bits(fd, new.armed_interest());
        Ok(())
    }

    /// Takes a registration out of the bitmaps.
    fn disarm(&mut self, fd: RawFd) {
        self.set_bits(fd, Interest::NONE);
    }

    /// One wait in the kernel; answers whether there is anything to report.
    fn ask(&mut self, events: &mut Events, timeout: Option<Duration>) -> io::Result<bool> {
        let mut count = self.wait_in_kernel(timeout);
        if self.is_about_closed(&count) {
            let was_repaired = self.repair();
            // What is ready besides is told by this very wait, also if it is one that does not sleep.
            count = self.wait_in_kernel(Some(Duration::ZERO));
            if self.is_about_closed(&count) {
                // Another thread that closes a number, or opens a file under it, explains it once; the second time the caller is told.
                let is_explained = self.repair() || was_repaired;
                return if is_explained { Ok(false) } else { count.map(|_| false) };
            }
        }
        // With nothing found the bitmaps are not to be looked at: the kernel may have left them as they were.
        let count = count?;
        if count > 0 {
            self.report(count, events);
        }
        Ok(!events.is_empty())
    }

    /// Whether the kernel's answer comes of a number that is not open. It does not say which.
    fn is_about_closed(&self, answer: &io::Result<usize>) -> bool {
        match answer {
            // Linux does not look at numbers beyond its table of open files, which is only as long as it has ever needed to be, and
            // leaves their bits set as if they were ready. Then the bits are more than it counted.
            Ok(count) => *count > 0 && self.found.iter().map(Bitmap::count).sum::<usize>() != *count,
            Err(error) => error.raw_os_error() == Some(libc::EBADF),
        }
    }

    /// Reports the answers, which are so many bits, beginning where the last look stopped, and silences what is not to be asked for again.
    fn report(&mut self, count: usize, events: &mut Events) {
        let start = std::mem::take(&mut self.cursor);
        let left = self.report_range(start..RawFd::MAX, count, events);
        if left > 0 {
            self.report_range(0..start, left, events);
        }
    }

    /// Reports the answers about a range of numbers, of which so many bits are left in all; answers how many are left behind it, or none
    /// where there is no room for more.
    #[inline]
    fn report_range(&mut self, range: Range<RawFd>, mut left: usize, events: &mut Events) -> usize {
        let (first, bit) = Bitmap::place(range.start);
        let mut from = first;
        while left > 0 {
            let index = match self.next_word(from) {
                Some(index) => index,
                None => break,
            };
            let words = self.words_found(index);
            let mut rest = words[READ] | words[WRITE] | words[EXCEPT];
            if index == first {
                rest &= !(bit - 1);
            }
            while rest != 0 {
                let place = rest.trailing_zeros();
                let fd = (index * Word::BITS as usize) as RawFd + place as RawFd;
                if fd >= range.end {
                    return left;
                }
                if events.is_full() {
                    self.cursor = fd;
                    return 0;
                }
                rest &= rest - 1;
                let found = words.map(|word| (word >> place & 1) as u8);
                // A system that counted a descriptor once, whatever it is ready for, would have others told of at the next wait.
                left = left.saturating_sub(usize::from(found[READ] + found[WRITE] + found[EXCEPT]));
                self.report_one(fd, ready_of(found), events);
            }
            from = index + 1;
        }
        left
    }

    fn report_one(&mut self, fd: RawFd, ready: Ready, events: &mut Events) {
        let entry = self.table.get(fd);
        // Told as it is found, it is asked for as before.
        if let Some((entry, ready)) = entry.and_then(|entry| Some((entry, entry.news_of(ready.bits())?))) {
            events.push(Event { token: entry.token, ready });
            return;
        }
        self.table.report(fd, ready, events);
        let interest = self.table.get(fd).map_or(Interest::NONE, Entry::armed_interest);
        self.set_bits(fd, interest);
    }

    /// `pselect`, which counts nanoseconds.
    fn wait_in_kernel(&mut self, timeout: Option<Duration>) -> io::Result<usize> {
        let longest = self.asked.iter().map(|asked| asked.words.len()).max().unwrap_or(0);
        let end = self.asked.iter().map(Bitmap::end).max().unwrap_or(0);
        let mut pointers = [std::ptr::null_mut(); 3];
        for (index, pointer) in pointers.iter_mut().enumerate() {
            let found = &mut self.found[index];
            found.copy_from(&self.asked[index]);
            // What nobody asks for is no bitmap at all, which neither the kernel nor we need look through.
            if !found.words.is_empty() {
                *pointer = found.as_mut_ptr(longest);
            }
        }
        let [read, write, except] = pointers;
        let spec = timeout.map(sys::timespec);
        // SAFETY: each bitmap that is there has `longest` words, which is enough for all numbers below `end`; the kernel reads and writes
        // no more than that, and takes a null pointer for an empty one. `spec` lives through the call; a null signal mask changes none.
        let count = unsafe { pselect(end, read, write, except, sys::timespec_ptr(&spec), std::ptr::null()) };
        sys::check(count).map(|count| count as usize)
    }

    /// Silences every registration whose number is no longer open: closed without delete. Answers whether there was one.
    fn repair(&mut self) -> bool {
        let closed: Vec<RawFd> =
            self.table.iter().map(|(fd, _)| fd).filter(|fd| !sys::is_open(*fd)).collect();
        let stale_before = self.table.stale_count;
        for fd in closed {
            self.set_bits(fd, Interest::NONE);
            let entry = self.table.get_mut(fd).expect("the number comes from the table");
            if entry.disarm() {
                self.table.stale_count += 1;
            }
        }
        self.table.stale_count != stale_before
    }

    fn set_bits(&mut self, fd: RawFd, interest: Interest) {
        self.asked[READ].set(fd, interest.is_readable());
        self.asked[WRITE].set(fd, interest.is_writable());
        self.asked[EXCEPT].set(fd, interest.is_priority());
    }

    /// The first word from an index on in which any of the answers has a bit.
    fn next_word(&self, from: usize) -> Option<usize> {
        self.found.iter().filter_map(|found| found.next_word(from)).min()
    }

    /// The same word of each of the answers.
    fn words_found(&self, index: usize) -> [Word; 3] {
        let [read, write, except] = &self.found;
        [read, write, except].map(|found| found.words.get(index).copied().unwrap_or(0))
    }
}

/// What the kernel answered about a number, 1 or 0 from each bitmap. Errors and hang-ups it shows as readable and writable, and no hints
/// at all.
fn ready_of(found: [u8; 3]) -> Ready {
    let [read, write, except] = found.map(u32::from);
    let promises = (read * Ready::READABLE.bits()) | (write * Ready::WRITABLE.bits());
    Ready::from_bits(promises | (except * Ready::PRIORITY.bits()))
}

/// One bit per descriptor number, in the words of the system's `fd_set`.
#[derive(Default)]
struct Bitmap {
    words: Vec<Word>,
}

/// The numbers that are set.
impl fmt::Debug for Bitmap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries((0..self.end()).filter(|fd| self.has(*fd))).finish()
    }
}

/// The word of `fd_set`: 32 bits where the system declares it so, which matters on big-endian machines; else a long.
#[cfg(any(target_os = "netbsd", target_os = "openbsd", target_vendor = "apple"))]
type Word = u32;
#[cfg(not(any(target_os = "netbsd", target_os = "openbsd", target_vendor = "apple")))]
type Word = c_ulong;

impl Bitmap {
    fn place(fd: RawFd) -> (usize, Word) {
        let fd = fd as usize;
        (fd / Word::BITS as usize, 1 << (fd % Word::BITS as usize))
    }

    fn has(&self, fd: RawFd) -> bool {
        let (index, bit) = Bitmap::place(fd);
        self.words.get(index).map_or(false, |word| word & bit != 0)
    }

    fn set(&mut self, fd: RawFd, is_set: bool) {
        let (index, bit) = Bitmap::place(fd);
        if is_set {
            if index >= self.words.len() {
                self.words.resize(index + 1, 0);
            }
            self.words[index] |= bit;
        } else if let Some(word) = self.words.get_mut(index) {
            *word &= !bit;
            while self.words.last() == Some(&0) {
                self.words.pop();
            }
        }
    }

    /// The first word from an index on in which a number is set.
    fn next_word(&self, from: usize) -> Option<usize> {
        let rest = self.words.get(from..)?;
        rest.iter().position(|word| *word != 0).map(|index| from + index)
    }

    /// One more than the highest number that is set. Setting and clearing leave no zero word at the end.
    fn end(&self) -> RawFd {
        let word_bits = Word::BITS as usize;
        let unused = self.words.last().map_or(0, |word| word.leading_zeros() as usize);
        (self.words.len() * word_bits - unused) as RawFd
    }

    fn count(&self) -> usize {
        // Without the machine's own instruction counting takes many, and nearly all words are zero.
        self.words.iter().filter(|word| **word != 0).map(|word| word.count_ones() as usize).sum()
    }

    fn copy_from(&mut self, other: &Bitmap) {
        self.words.clear();
        self.words.extend_from_slice(&other.words);
    }

    /// The bitmap for the kernel, which takes all that there are to be of one length.
    fn as_mut_ptr(&mut self, words: usize) -> *mut libc::fd_set {
        self.words.resize(words, 0);
        self.words.as_mut_ptr().cast()
    }
}

#[cfg(not(target_vendor = "apple"))]
use libc::pselect;

#[cfg(target_vendor = "apple")]
extern "C" {
    /// The variant without a limit at `FD_SETSIZE`, which `<sys/select.h>` chooses under `_DARWIN_UNLIMITED_SELECT`.
    #[link_name = "pselect$DARWIN_EXTSN"]
    fn pselect(
        end: c_int,
        read: *mut libc::fd_set,
        write: *mut libc::fd_set,
        except: *mut libc::fd_set,
        timeout: *const libc::timespec,
        mask: *const libc::sigset_t,
    ) -> c_int;
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bitmap_is_laid_out_as_the_systems_fd_set() {
        // SAFETY: an fd_set is plain integers, for which zero is a value.
        let mut set: libc::fd_set = unsafe { std::mem::zeroed() };
        let mut bitmap = Bitmap::default();
        for fd in [0, 1, 31, 32, 63, 64, libc::FD_SETSIZE as RawFd - 1] {
            // SAFETY: the number is below FD_SETSIZE.
            unsafe { libc::FD_SET(fd, &mut set) };
            bitmap.set(fd, true);
        }
        let words = bitmap.words.as_ptr().cast::<u8>();
        let set = (&set as *const libc::fd_set).cast::<u8>();
        let len = std::mem::size_of::<libc::fd_set>();
        assert_eq!(bitmap.words.len() * std::mem::size_of::<Word>(), len);
        // SAFETY: both are `len` initialised bytes long.
        let (ours, theirs) =
            unsafe { (std::slice::from_raw_parts(words, len), std::slice::from_raw_parts(set, len)) };
        assert_eq!(ours, theirs);
    }

    #[test]
    fn words_without_a_number_are_passed_over() {
        let mut bitmap = Bitmap::default();
        let word_bits = Word::BITS as RawFd;
        for fd in [0, 5, word_bits - 1, word_bits, 3 * word_bits + 7, 64 * word_bits] {
            bitmap.set(fd, true);
        }
        let words = std::iter::successors(bitmap.next_word(0), |index| bitmap.next_word(index + 1));
        assert_eq!(words.collect::<Vec<_>>(), [0, 1, 3, 64]);
        assert_eq!(bitmap.next_word(usize::MAX), None);
    }

    #[test]
    fn the_end_is_one_beyond_the_highest_number_and_shrinks_again() {
        let mut bitmap = Bitmap::default();
        assert_eq!((bitmap.end(), bitmap.count()), (0, 0));
        bitmap.set(5000, true);
        bitmap.set(3, true);
        assert_eq!((bitmap.end(), bitmap.count()), (5001, 2));
        bitmap.set(5000, false);
        assert_eq!((bitmap.end(), bitmap.count()), (4, 1));
    }
}
