//! One kqueue: its knotes, and the line of those that are to be reported.
//!
//! A knote is active since its filter was run and found something. An active one stands in the line unless it is disabled. Whoever asks
//! for events walks along the line; each knote's filter is run once more, and it is reported if it still finds something.

use std::collections::{BTreeMap, VecDeque};
use std::os::raw::c_void;
use std::os::unix::io::RawFd;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::Arc;

use crate::filter::{self, Filter, Kind, Report};
use crate::flavour::Flavour;
use crate::{Kevent, EVFILT_READ, EVFILT_WRITE};
use crate::{EV_ADD, EV_CLEAR, EV_DISABLE, EV_DISPATCH, EV_ENABLE, EV_EOF, EV_ONESHOT};

/// What a knote is found by: there is one for each filter of a number.
pub type Key = (RawFd, Filter);

/// A filter set on a number.
pub struct Knote {
    kind: Kind,
    /// How many stand in the line of the kqueue that this one watches, if it watches one.
    inner: Option<Arc<AtomicUsize>>,
    /// CLEAR, ONESHOT, DISPATCH: as they were when it was added, for good; but see [`Knote::run`].
    modes: u16,
    udata: *mut c_void,
    /// What its filter found when it was run last.
    report: Report,
    is_active: bool,
    is_disabled: bool,
    is_in_line: bool,
}

// SAFETY: the pointer is a number that is handed back, and never followed.
unsafe impl Send for Knote {}

/// A kqueue.
pub struct Queue {
    flavour: Flavour,
    knotes: BTreeMap<Key, Knote>,
    line: VecDeque<Key>,
    /// How many stand in the line, for a kqueue that watches this one.
    pub len: Arc<AtomicUsize>,
    /// What its own descriptor is woken by, for each number; and whether it is made readable. The world's to use.
    pub shown: BTreeMap<RawFd, u32>,
    pub is_lit: bool,
}

impl Queue {
    pub fn new(flavour: Flavour) -> Queue {
        let (knotes, line, len, shown) = Default::default();
        Queue { flavour, knotes, line, len, shown, is_lit: false }
    }

    pub fn has(&self, key: Key) -> bool {
        self.knotes.contains_key(&key)
    }

    /// Whether there is one that could be put in the line.
    pub fn is_enabled(&self, key: Key) -> bool {
        self.knotes.get(&key).is_some_and(|knote| !knote.is_disabled)
    }

    pub fn keys(&self) -> impl Iterator<Item = Key> + '_ {
        self.knotes.keys().copied()
    }

    /// Sets a filter where there was none.
    pub fn attach(&mut self, key: Key, kind: Kind, inner: Option<Arc<AtomicUsize>>, change: &Kevent) {
        let knote = Knote {
            kind,
            inner,
            modes: change.flags & (EV_CLEAR | EV_ONESHOT | EV_DISPATCH),
            udata: change.udata,
            report: Report::default(),
            is_active: false,
            is_disabled: self.flavour == Flavour::FreeBsd && change.flags & EV_DISABLE != 0,
            is_in_line: false,
        };
        self.knotes.insert(key, knote);
        self.touch(key, change);
    }

    /// Changes a filter that is set. Its modes stay as they are, whatever the change says of them.
    pub fn touch(&mut self, key: Key, change: &Kevent) {
        let flavour = self.flavour;
        let knote = match self.knotes.get_mut(&key) {
            Some(knote) => knote,
            None => return,
        };
        let is_added = change.flags & EV_ADD != 0;
        match flavour {
            Flavour::FreeBsd => {
                knote.udata = change.udata;
                if change.flags & EV_ENABLE != 0 {
                    knote.is_disabled = false;
                } else if change.flags & EV_DISABLE != 0 {
                    knote.is_disabled = true;
                }
                if !knote.is_disabled {
                    knote.run(key, flavour);
                }
            }
            Flavour::NetBsd => {
                if is_added {
                    knote.udata = change.udata;
                    knote.run(key, flavour);
                }
                if change.flags & EV_DISABLE != 0 {
                    knote.is_disabled = true;
                }
                // Without running the filter: what there is already is not found.
                if change.flags & EV_ENABLE != 0 {
                    knote.is_disabled = false;
                }
            }
        }
        self.stand_in_line(key);
    }

    /// Something may have happened to the number.
    pub fn notify(&mut self, key: Key) {
        if let Some(knote) = self.knotes.get_mut(&key) {
            knote.run(key, self.flavour);
            self.stand_in_line(key);
        }
    }

    pub fn remove(&mut self, key: Key) -> bool {
        let was_set = self.knotes.remove(&key).is_some();
        self.line.retain(|other| *other != key);
        self.count();
        was_set
    }

    /// Walks once along the line, hands out as many events as there is room for, and notes those of them whose knotes are gone or
    /// disabled by that.
    pub fn scan(&mut self, room: usize, touched: &mut Vec<Key>, mut hand_out: impl FnMut(Kevent)) -> usize {
        let mut count = 0;
        for _ in 0..self.line.len() {
            if count == room {
                break;
            }
            let key = self.line.pop_front().expect("the line is as long as it was, or longer");
            let knote = self.knotes.get_mut(&key).expect("who is removed leaves the line");
            knote.is_in_line = false;
            if knote.is_disabled {
                continue;
            }
            if knote.modes & EV_ONESHOT != 0 {
                // Without another look: what it found may be gone by now, and is reported all the same.
                hand_out(knote.event(key));
                self.knotes.remove(&key);
                touched.push(key);
            } else {
                knote.is_active = false;
                knote.run(key, self.flavour);
                if !knote.is_active {
                    continue;
                }
                hand_out(knote.event(key));
                knote.after_report(self.flavour);
                if knote.is_disabled {
                    touched.push(key);
                }
                self.stand_in_line(key);
            }
            count += 1;
        }
        self.count();
        count
    }

    fn stand_in_line(&mut self, key: Key) {
        if let Some(knote) = self.knotes.get_mut(&key) {
            if knote.is_active && !knote.is_disabled && !knote.is_in_line {
                knote.is_in_line = true;
                self.line.push_back(key);
            }
        }
        self.count();
    }

    fn count(&self) {
        self.len.store(self.line.len(), Ordering::SeqCst);
    }
}

impl Knote {
    /// Runs the filter. What makes it active never makes it inactive: that is for whoever walks along the line.
    fn run(&mut self, (fd, filter): Key, flavour: Flavour) {
        if let Some(mut report) = filter::report(fd, self.kind, filter, flavour) {
            if let Some(len) = &self.inner {
                report.data = len.load(Ordering::SeqCst) as isize;
            }
            // FreeBSD clears the list that a writer's knote is in when the pipe's reader is closed: `knlist_cleardel` of its source
            // marks it so that it goes when it is reported. Not observed.
            if flavour == Flavour::FreeBsd && self.kind == Kind::PipeWriter && report.flags & EV_EOF != 0 {
                self.modes |= EV_ONESHOT;
            }
            self.report = report;
            self.is_active = true;
        }
    }

    fn after_report(&mut self, flavour: Flavour) {
        let clears = self.modes & EV_CLEAR != 0;
        if clears {
            self.is_active = false;
        }
        // NetBSD looks at one of the two alone.
        if self.modes & EV_DISPATCH != 0 && (flavour == Flavour::FreeBsd || !clears) {
            self.is_active = false;
            self.is_disabled = true;
        }
    }

    fn event(&self, (fd, filter): Key) -> Kevent {
        Kevent {
            ident: fd as usize,
            filter: if filter == Filter::Read { EVFILT_READ } else { EVFILT_WRITE },
            flags: self.modes | self.report.flags,
            fflags: self.report.fflags,
            data: self.report.data,
            udata: self.udata,
        }
    }
}
