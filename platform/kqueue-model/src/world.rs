//! All kqueues of the process, and how they learn that something has happened to a descriptor.
//!
//! Two epoll sets hold every number that is watched, in edge mode: one is woken when there may be something to read, the other when there
//! may be room, and both when a connection's state has changed. Looking into them ([`World::harvest`]) is
//! what an interrupt is to a kernel: filters are run, and knotes put in line. Nobody looks on his own; every call of `kevent` does first.
//!
//! A kqueue's own descriptor is an epoll set too, with the numbers that it watches, so that it can be waited for: in a `kevent`, and in
//! a poller of any kind. While its line is not empty it also has a descriptor in it that is always readable, so it is readable from the
//! moment that a knote is put in line until the line was walked along, whatever has become of what was to be read.
//!
//! All descriptors but the kqueues' own are opened when the process begins, so that who counts descriptors counts none of them.

use std::collections::{BTreeMap, VecDeque};
use std::os::raw::c_int;
use std::os::unix::io::RawFd;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::filter::{self, Filter, Kind, Seen};
use crate::flavour::Flavour;
use crate::queue::{Key, Queue};
use crate::{Kevent, EVFILT_READ, EVFILT_WRITE, EV_ADD, EV_DELETE};

/// An `errno`.
pub type Errno = c_int;

const EDGE: u32 = libc::EPOLLET as u32;
const IN: u32 = libc::EPOLLIN as u32;
const OUT: u32 = libc::EPOLLOUT as u32;

/// What the epoll sets of the world are woken by, in their order.
const CAUSES: [u32; 2] = [IN, OUT];

pub struct World {
    sets: [RawFd; 2],
    /// An event descriptor with something in it.
    readable: RawFd,
    queues: BTreeMap<RawFd, Queue>,
    watched: BTreeMap<RawFd, Watched>,
    woken: BTreeMap<RawFd, u32>,
    touched: Vec<Key>,
    /// What the next changes are answered with, where it is not zero.
    refusals: VecDeque<Errno>,
}

/// A number that some kqueue has a knote for.
struct Watched {
    kind: Kind,
    /// How many knotes there are, for reading and for writing.
    counts: [usize; 2],
    /// What was seen when either set was woken last: another thread may look when one of them is and the other is not yet.
    seen: [Seen; 2],
    level: Option<isize>,
}

/// What a harvest comes after.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum After {
    /// Anything.
    Something,
    /// A call of this process's to shut down this number, which had so many bytes to read before.
    Shutdown(RawFd, c_int),
}

static WORLD: AtomicPtr<Shared> = AtomicPtr::new(std::ptr::null_mut());

struct Shared {
    process: libc::pid_t,
    world: Mutex<World>,
}

#[used]
#[link_section = ".init_array"]
static AT_START: extern "C" fn() = {
    extern "C" fn begin() {
        World::begin();
        crate::fork::watch();
    }
    begin
};

impl World {
    /// The world of this process, locked; nothing in the child of a fork, which inherits none.
    pub fn lock() -> Option<MutexGuard<'static, World>> {
        // SAFETY: null, or leaked on purpose.
        let shared = unsafe { WORLD.load(Ordering::Acquire).as_ref() }?;
        // SAFETY: takes no argument.
        let is_own = shared.process == unsafe { libc::getpid() };
        is_own.then(|| shared.world.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// The same, with a world of its own for the child of a fork that opens a kqueue.
    pub fn lock_or_begin() -> MutexGuard<'static, World> {
        loop {
            match World::lock() {
                Some(world) => return world,
                None => World::begin(),
            }
        }
    }

    /// In a child the lock of the parent's world may be held by a thread that it does not have, so it is left alone.
    fn begin() {
        // SAFETY: takes no argument.
        let process = unsafe { libc::getpid() };
        let world = Mutex::new(World::new());
        WORLD.store(Box::into_raw(Box::new(Shared { process, world })), Ordering::Release);
    }

    fn new() -> World {
        // SAFETY: these calls take no pointer.
        let (sets, readable) = unsafe {
            let sets = CAUSES.map(|_| libc::epoll_create1(libc::EPOLL_CLOEXEC));
            (sets, libc::eventfd(1, libc::EFD_CLOEXEC))
        };
        if sets.contains(&-1) || readable == -1 {
            eprintln!(
                "the kqueue model has no descriptors to work with: {}",
                std::io::Error::last_os_error()
            );
            std::process::abort();
        }
        let (queues, watched, woken, touched, refusals) = Default::default();
        World { sets, readable, queues, watched, woken, touched, refusals }
    }

    /// Opens a kqueue.
    pub fn open(&mut self) -> Result<RawFd, Errno> {
        // SAFETY: takes no pointer. Open across exec, as on the BSDs.
        let kq = unsafe { libc::epoll_create1(0) };
        if kq == -1 {
            return Err(errno());
        }
        control(kq, libc::EPOLL_CTL_ADD, self.readable, 0)?;
        self.queues.insert(kq, Queue::new(Flavour::chosen()));
        Ok(kq)
    }

    /// Forgets a number that is about to be closed: every kqueue its knotes, and a kqueue itself.
    pub fn forget(&mut self, fd: RawFd) {
        if self.watched.contains_key(&fd) {
            let kqs: Vec<RawFd> = self.queues.keys().copied().collect();
            for kq in kqs {
                self.remove(kq, (fd, Filter::Read));
                self.remove(kq, (fd, Filter::Write));
            }
        }
        if let Some(queue) = self.queues.remove(&fd) {
            queue.keys().for_each(|key| self.unwatch(key));
        }
    }

    pub fn kqueues(&self) -> impl Iterator<Item = RawFd> + '_ {
        self.queues.keys().copied()
    }

    pub fn is_kqueue(&self, kq: RawFd) -> bool {
        self.queues.contains_key(&kq)
    }

    pub fn refuse(&mut self, errnos: &[Errno]) -> usize {
        std::mem::replace(&mut self.refusals, errnos.iter().copied().collect()).len()
    }

    /// Applies one change.
    pub fn register(&mut self, kq: RawFd, change: &Kevent) -> Result<(), Errno> {
        match self.refusals.pop_front() {
            None | Some(0) => {}
            Some(errno) => return Err(errno),
        }
        let filter = match change.filter {
            EVFILT_READ => Filter::Read,
            EVFILT_WRITE => Filter::Write,
            _ => return Err(libc::EINVAL),
        };
        let fd = RawFd::try_from(change.ident).map_err(|_| libc::EBADF)?;
        let kind = filter::kind_of(fd).ok_or(libc::EBADF)?;
        let key = (fd, filter);
        if self.queue(kq).has(key) {
            if change.flags & EV_DELETE != 0 {
                self.remove(kq, key);
                return Ok(());
            }
            self.queue(kq).touch(key, change);
        } else if change.flags & EV_ADD != 0 {
            self.check_attachable(kq, key, kind)?;
            let inner = self.queues.get(&fd).map(|inner| inner.len.clone());
            self.watch(key, kind)?;
            self.queue(kq).attach(key, kind, inner, change);
        } else {
            return Err(libc::ENOENT);
        }
        self.show(kq, fd);
        Ok(())
    }

    fn check_attachable(&self, kq: RawFd, (fd, filter): Key, kind: Kind) -> Result<(), Errno> {
        match (kind, filter) {
            // NetBSD takes it (read in its source, not observed), and may wait for itself inside the kernel for ever.
            (_, Filter::Read) if fd == kq && Flavour::chosen() == Flavour::NetBsd => Ok(()),
            _ if fd == kq => Err(libc::EINVAL),
            (_, Filter::Write) if self.is_kqueue(fd) => Err(libc::EINVAL),
            (Kind::File, Filter::Write) => Err(libc::EINVAL),
            (Kind::PipeWriter, Filter::Write) => {
                let flavour = Flavour::chosen();
                match filter::report(fd, kind, filter, flavour) {
                    Some(report) if report.flags != 0 && flavour == Flavour::NetBsd => Err(libc::EBADF),
                    Some(report) if report.flags != 0 => Err(libc::EPIPE),
                    _ => Ok(()),
                }
            }
            _ => Ok(()),
        }
    }

    /// Hands out what there is to report, at most as many as there is room for.
    pub fn scan(&mut self, kq: RawFd, room: usize, hand_out: impl FnMut(Kevent)) -> usize {
        // First the kqueue's own set, then the world's: what comes between the two wakes who then waits.
        drain(kq, |_| ());
        self.harvest(After::Something);
        let mut touched = std::mem::take(&mut self.touched);
        let count = self.queue(kq).scan(room, &mut touched, hand_out);
        for key in touched.drain(..) {
            if !self.queue(kq).has(key) {
                self.unwatch(key);
            }
            self.show(kq, key.0);
        }
        self.touched = touched;
        self.light(kq);
        count
    }

    /// Runs the filters of all to which something has happened.
    pub fn harvest(&mut self, after: After) {
        let mut woken = std::mem::take(&mut self.woken);
        for (set, cause) in self.sets.into_iter().zip(CAUSES) {
            drain(set, |fd| *woken.entry(fd).or_default() |= cause);
        }
        for (fd, watched) in self.watched.iter_mut().filter(|(_, watched)| watched.level.is_some()) {
            let level = filter::level(*fd, watched.kind);
            if level != watched.level {
                watched.level = level;
                *woken.entry(*fd).or_default() |= IN | OUT;
            }
        }
        for (fd, causes) in &woken {
            let [reads, writes] = self.consequences(*fd, *causes, after);
            for queue in self.queues.values_mut() {
                if reads {
                    queue.notify((*fd, Filter::Read));
                }
                if writes {
                    queue.notify((*fd, Filter::Write));
                }
            }
        }
        if !woken.is_empty() {
            let kqs: Vec<RawFd> = self.queues.keys().copied().collect();
            kqs.into_iter().for_each(|kq| self.light(kq));
        }
        woken.clear();
        self.woken = woken;
    }

    /// Whom a BSD would tell, readers or writers, of that by which Linux was woken: it wakes both for any change of state.
    fn consequences(&mut self, fd: RawFd, causes: u32, after: After) -> [bool; 2] {
        let watched = match self.watched.get_mut(&fd) {
            Some(watched) => watched,
            None => return [false; 2],
        };
        let new = filter::observe(fd, watched.kind);
        let kind = watched.kind;
        let mut news = [false; 2];
        for (index, cause) in CAUSES.into_iter().enumerate().filter(|(_, cause)| causes & cause != 0) {
            let old = std::mem::replace(&mut watched.seen[index], new);
            news[index] = match cause {
                IN => is_news_to_readers(fd, old, new, after),
                _ => is_news_to_writers(kind, old, new, after),
            };
        }
        news
    }

    fn remove(&mut self, kq: RawFd, key: Key) {
        if self.queue(kq).remove(key) {
            self.unwatch(key);
            self.show(kq, key.0);
        }
    }

    fn watch(&mut self, (fd, filter): Key, kind: Kind) -> Result<(), Errno> {
        let index = filter as usize;
        if self.watched.get(&fd).is_none_or(|watched| watched.counts[index] == 0) {
            self.enter(index, fd, kind)?;
        }
        self.watched.entry(fd).or_insert_with(|| {
            let (seen, level) = (filter::observe(fd, kind), filter::level(fd, kind));
            Watched { kind, counts: [0; 2], seen: [seen; 2], level }
        });
        // That it is ready now is found by running the filter, and no event.
        self.harvest(After::Something);
        let watched = self.watched.get_mut(&fd).expect("it has just been put there");
        if watched.counts[index] == 0 {
            watched.seen[index] = filter::observe(fd, kind);
        }
        watched.counts[index] += 1;
        Ok(())
    }

    /// Puts a number into one of the world's sets.
    fn enter(&self, index: usize, fd: RawFd, kind: Kind) -> Result<(), Errno> {
        match control(self.sets[index], libc::EPOLL_CTL_ADD, fd, CAUSES[index] | EDGE) {
            // A file, which never tells.
            Err(libc::EPERM) if kind == Kind::File => Ok(()),
            // A device that has no filter.
            Err(libc::EPERM) if Flavour::chosen() == Flavour::FreeBsd => Err(libc::ENODEV),
            Err(libc::EPERM) => Err(libc::EOPNOTSUPP),
            Err(libc::ELOOP) => Err(libc::EINVAL),
            // Closed in a way that this crate does not know of, and duplicated back.
            Err(libc::EEXIST) => control(self.sets[index], libc::EPOLL_CTL_MOD, fd, CAUSES[index] | EDGE),
            result => result,
        }
    }

    fn unwatch(&mut self, (fd, filter): Key) {
        let index = filter as usize;
        let watched = match self.watched.get_mut(&fd) {
            Some(watched) => watched,
            None => return,
        };
        watched.counts[index] -= 1;
        // What was closed in a way that this crate does not know of is not in the sets any more: that is what is wanted.
        if watched.counts[index] == 0 {
            let _ = control(self.sets[index], libc::EPOLL_CTL_DEL, fd, 0);
        }
        if watched.counts == [0; 2] {
            self.watched.remove(&fd);
        }
    }

    /// Makes the kqueue's own descriptor be woken by what it has enabled knotes for.
    fn show(&mut self, kq: RawFd, fd: RawFd) {
        let queue = self.queue(kq);
        let mut causes = 0;
        for (filter, cause) in [(Filter::Read, IN), (Filter::Write, OUT)] {
            if queue.is_enabled((fd, filter)) {
                causes |= cause;
            }
        }
        let old = queue.shown.get(&fd).copied().unwrap_or(0);
        if causes != old {
            let operation = match (old, causes) {
                (0, _) => libc::EPOLL_CTL_ADD,
                (_, 0) => libc::EPOLL_CTL_DEL,
                _ => libc::EPOLL_CTL_MOD,
            };
            // A file is never in it.
            let _ = control(kq, operation, fd, causes | EDGE);
            queue.shown.insert(fd, causes);
            if causes == 0 {
                queue.shown.remove(&fd);
            }
        }
        self.light(kq);
    }

    /// Makes the kqueue's own descriptor readable for as long as somebody stands in its line.
    fn light(&mut self, kq: RawFd) {
        let readable = self.readable;
        let queue = self.queue(kq);
        let is_lit = queue.len.load(Ordering::SeqCst) != 0;
        if is_lit != queue.is_lit {
            queue.is_lit = is_lit;
            let _ = control(kq, libc::EPOLL_CTL_MOD, readable, if is_lit { IN } else { 0 });
        }
    }

    fn queue(&mut self, kq: RawFd) -> &mut Queue {
        self.queues.get_mut(&kq).expect("the caller has seen that it is a kqueue")
    }
}

fn is_news_to_readers(fd: RawFd, old: Seen, new: Seen, after: After) -> bool {
    if new.error != old.error {
        return true;
    }
    if (new.read_end, new.write_end) == (old.read_end, old.write_end) {
        // After an end there is no more news for that side.
        return !new.read_end;
    }
    match after {
        // One's own end of writing is no news to who reads, but for bytes that came in at this very moment.
        After::Shutdown(shut, unread) if shut == fd && new.read_end == old.read_end => {
            filter::unread(fd) > unread
        }
        _ => true,
    }
}

fn is_news_to_writers(kind: Kind, old: Seen, new: Seen, after: After) -> bool {
    if new.error != old.error || new.write_end != old.write_end {
        return true;
    }
    if new.read_end == old.read_end {
        // (TCP wakes once more when the peer has acknowledged one's own end.)
        return !new.write_end;
    }
    // The end of reading is no news to who writes, but for room that came at this very moment. TCP counts what makes room; of UNIX
    // streams it is unknown, unless it was this process's own doing.
    match kind {
        Kind::Tcp => new.acked != old.acked,
        _ => after == After::Something,
    }
}

/// Takes from an epoll set all that it has, without waiting.
fn drain(set: RawFd, mut take: impl FnMut(RawFd)) {
    let mut events = [libc::epoll_event { events: 0, u64: 0 }; 64];
    loop {
        // SAFETY: the pointer is to as many events as are asked for.
        let count = unsafe { libc::epoll_wait(set, events.as_mut_ptr(), events.len() as c_int, 0) };
        let count = usize::try_from(count).unwrap_or(0);
        events[..count].iter().for_each(|event| take(event.u64 as RawFd));
        if count < events.len() {
            return;
        }
    }
}

fn control(set: RawFd, operation: c_int, fd: RawFd, events: u32) -> Result<(), Errno> {
    let mut event = libc::epoll_event { events, u64: fd as u64 };
    // SAFETY: the event lives through the call.
    if unsafe { libc::epoll_ctl(set, operation, fd, &mut event) } == 0 {
        Ok(())
    } else {
        Err(errno())
    }
}

pub fn errno() -> Errno {
    std::io::Error::last_os_error().raw_os_error().unwrap_or(libc::EIO)
}
