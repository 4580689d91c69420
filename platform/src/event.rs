//! What is asked of a descriptor and what is answered: tokens, interests, triggers, readiness, and the buffer for events.

use std::fmt;
use std::num::NonZeroUsize;

/// Stamps out a set of named bits: the constants, the tests for them, the operators and a `Debug` that names them.
macro_rules! flags {
    ($(#[$doc:meta])* $name:ident { $($(#[$bit_doc:meta])* $bit:ident = $value:expr, $is:ident;)* }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
        pub struct $name(u8);

        impl $name {
            /// The empty set.
            pub const NONE: $name = $name(0);
            $($(#[$bit_doc])* pub const $bit: $name = $name($value);)*

            $(
                #[doc = concat!("Whether [`", stringify!($bit), "`](Self::", stringify!($bit), ") is in the set.")]
                #[inline]
                pub const fn $is(self) -> bool {
                    self.0 & $value != 0
                }
            )*

            /// Whether nothing is in the set.
            #[inline]
            pub const fn is_none(self) -> bool {
                self.0 == 0
            }

            /// Whether every member of `other` is in the set. True for an empty `other`.
            #[inline]
            pub const fn contains(self, other: $name) -> bool {
                self.0 & other.0 == other.0
            }

            /// The set with the members of `other` put in; `|` for constants.
            #[inline]
            #[must_use]
            pub const fn with(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }

            /// The set with the members of `other` taken out.
            #[inline]
            #[must_use]
            pub const fn without(self, other: $name) -> $name {
                $name(self.0 & !other.0)
            }
        }

        impl std::ops::BitOr for $name {
            type Output = $name;
            #[inline]
            fn bitor(self, other: $name) -> $name {
                $name(self.0 | other.0)
            }
        }

        impl std::ops::BitOrAssign for $name {
            #[inline]
            fn bitor_assign(&mut self, other: $name) {
                self.0 |= other.0;
            }
        }

        impl std::ops::BitAnd for $name {
            type Output = $name;
            #[inline]
            fn bitand(self, other: $name) -> $name {
                $name(self.0 & other.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let mut names = Vec::new();
                $(if self.$is() { names.push(stringify!($bit)); })*
                f.write_str(&if names.is_empty() { String::from("NONE") } else { names.join(" | ") })
            }
        }
    };
}

/// The name that a caller gives to a registration; every event of that registration carries it back.
///
/// The poller attaches no meaning to it, and several registrations may share one.
///
/// ```
/// use ringmq_platform::Token;
/// assert_eq!(Token(7), Token(7));
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Token(pub u64);

flags! {
    /// What a registration waits for.
    ///
    /// [`Interest::NONE`] is silence: the descriptor stays registered, and nothing about it is reported, not even an error.
    ///
    /// ```
    /// use ringmq_platform::Interest;
    /// let both = Interest::READABLE | Interest::WRITABLE;
    /// assert!(both.is_readable() && both.is_writable());
    /// assert_eq!(both.without(Interest::WRITABLE), Interest::READABLE);
    /// assert_eq!(format!("{both:?}"), "READABLE | WRITABLE");
    /// ```
    Interest {
        /// Input, the end of input, or a connection to accept.
        READABLE = 1, is_readable;
        /// Room for output, or the outcome of a connect in progress.
        WRITABLE = 4, is_writable;
        /// Out-of-band data (`POLLPRI`).
        ///
        /// # Platform notes
        /// Reported by epoll, poll and select. kqueue has no portable filter for it and never reports it. Ask for `READABLE` too: who
        /// asks for this alone hears nothing of a hang-up or an error.
        PRIORITY = 2, is_priority;
    }
}

flags! {
    /// What a descriptor was found to be ready for.
    ///
    /// [`READABLE`](Self::READABLE) and [`WRITABLE`](Self::WRITABLE) are promises: such a call would not have blocked when the kernel
    /// was asked (it may yet fail, and failing is not blocking). The others are hints: a backend that cannot know them leaves them out.
    /// select knows none but `PRIORITY`.
    ///
    /// ```
    /// use ringmq_platform::Ready;
    /// let ready = Ready::READABLE | Ready::READ_CLOSED;
    /// assert!(ready.is_readable() && !ready.is_hangup());
    /// ```
    Ready {
        /// A read would not block: there is data, or the end of input, or an error to take.
        READABLE = 1, is_readable;
        /// A write would not block: there is room, or an error to take, or a connect has come to its end.
        WRITABLE = 4, is_writable;
        /// Out-of-band data is there.
        PRIORITY = 2, is_priority;
        /// Hint: the peer will send no more. Data that it sent before may still be waiting to be read.
        READ_CLOSED = 8, is_read_closed;
        /// Hint: both directions are over. Data may still be waiting to be read.
        HANGUP = 16, is_hangup;
        /// Hint: an error is pending; the next call on the descriptor, or `SO_ERROR`, tells which.
        ERROR = 32, is_error;
    }
}

impl Interest {
    /// What was asked for, in the bits that [`Ready`] has for it. They are those of `POLLIN`, `POLLOUT` and `POLLPRI`, which epoll answers
    /// with too.
    pub(crate) const fn bits(self) -> u32 {
        self.0 as u32
    }
}

impl Ready {
    /// What it says, in the bits that [`from_bits`](Self::from_bits) takes.
    pub(crate) const fn bits(self) -> u32 {
        self.0 as u32
    }

    /// What these bits say, of those of [`Interest::bits`].
    #[allow(dead_code)] // kqueue does not ask
    #[inline]
    pub(crate) const fn from_bits(bits: u32) -> Ready {
        Ready(bits as u8)
    }
}

/// How often a registration reports one and the same condition.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Trigger {
    /// At every wait, for as long as the condition holds.
    Level,
    /// At least once after the condition began to hold; possibly more often. Drain until `WouldBlock`, or
    /// [`modify`](crate::Poller::modify) to be told again.
    ///
    /// # Platform notes
    /// epoll (`EPOLLET`) and kqueue (`EV_CLEAR`) only.
    Edge,
    /// Once, in whichever direction comes first; then the whole registration is silent until [`modify`](crate::Poller::modify).
    OneShot,
}

/// What a wait has to say about one registration.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Event {
    /// The token that the registration was given last.
    pub token: Token,
    /// What its descriptor is ready for. Never empty.
    pub ready: Ready,
}

/// A buffer for the events of one wait, of a capacity fixed when it is made.
///
/// [`wait`](crate::Poller::wait) clears it first, also when it then fails.
///
/// ```
/// use ringmq_platform::Events;
/// let events = Events::with_capacity(64);
/// assert_eq!((events.capacity(), events.iter().count()), (64, 0));
/// ```
#[derive(Debug)]
pub struct Events {
    list: Vec<Event>,
    capacity: NonZeroUsize,
}

impl Events {
    /// A buffer for up to `capacity` events; zero is taken for one, since a wait for no events could never tell anything.
    pub fn with_capacity(capacity: usize) -> Events {
        let capacity = NonZeroUsize::new(capacity.max(1)).expect("it is 1 at least");
        Events { list: Vec::with_capacity(capacity.get()), capacity }
    }

    /// How many events fit.
    #[inline]
    pub fn capacity(&self) -> usize {
        self.capacity.get()
    }

    /// How many events the last wait left here.
    #[inline]
    pub fn len(&self) -> usize {
        self.list.len()
    }

    /// Whether the last wait had nothing to say.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// The events of the last wait, in no promised order.
    pub fn iter(&self) -> std::slice::Iter<'_, Event> {
        self.list.iter()
    }

    /// The event at `index`, for a caller that cannot hold a borrow while it handles events.
    #[inline]
    pub fn get(&self, index: usize) -> Option<Event> {
        self.list.get(index).copied()
    }

    /// Forgets the events of the last wait. For those who write a [`Poller`](crate::Poller).
    #[inline]
    pub fn clear(&mut self) {
        self.list.clear();
    }

    /// Adds an event; answers `false`, and adds nothing, when the buffer is full. For those who write a [`Poller`](crate::Poller).
    #[inline]
    pub fn push(&mut self, event: Event) -> bool {
        // The second is never the case: the list was made that long. It is looked at so that no way to lengthen it is compiled in.
        if self.is_full() || self.list.len() == self.list.capacity() {
            return false;
        }
        self.list.push(event);
        true
    }

    /// Adds events, of which the caller knows that they fit; answers how many.
    #[allow(dead_code)] // epoll alone has many at once
    #[inline]
    pub(crate) fn extend(&mut self, events: impl Iterator<Item = Event>) -> usize {
        let before = self.list.len();
        self.list.extend(events);
        debug_assert!(self.list.len() <= self.capacity(), "more events than fit");
        self.list.len() - before
    }

    /// Whether no further event fits.
    #[inline]
    pub fn is_full(&self) -> bool {
        self.list.len() == self.capacity()
    }
}

impl Clone for Events {
    fn clone(&self) -> Events {
        let mut events = Events::with_capacity(self.capacity());
        events.list.extend_from_slice(&self.list);
        events
    }
}

impl<'a> IntoIterator for &'a Events {
    type Item = &'a Event;
    type IntoIter = std::slice::Iter<'a, Event>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}
