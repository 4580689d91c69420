//! Looking for a while before one sleeps, as far as that has been of use.

use std::io;
use std::time::{Duration, Instant};

/// How many waits in a row are made without looking at the most, when that is of no use.
const PASSED_OVER_MAX: u32 = 1 << 10;

/// Whether to look, and for how long.
///
/// To sleep and to be woken takes tens of microseconds where a processor that sleeps has to be woken, and what is awaited often comes in
/// less. But where it comes later, or its sender waits for the same processor, each look is in vain and makes it later still. So every look
/// in vain has twice as many waits pass without one, and every one of use half as many: who looks in vain more often than not hardly looks.
#[derive(Clone)]
pub(super) struct BusyPoll {
    within: Duration,
    /// How many waits are still to be made without it.
    passed_over: u32,
    /// How many that will be after the next look in vain.
    penalty: u32,
}

impl BusyPoll {
    pub fn new(within: Duration) -> BusyPoll {
        BusyPoll { within, passed_over: 0, penalty: 1 }
    }

    /// Calls `look` until it answers anything but `WouldBlock`, for the time that it is worth, and `within` this time at the longest.
    #[inline]
    pub fn look<T>(
        &mut self,
        within: Duration,
        mut look: impl FnMut() -> io::Result<T>,
    ) -> Option<io::Result<T>> {
        let within = self.within.min(within);
        if within.is_zero() {
            return None;
        }
        if self.passed_over > 0 {
            self.passed_over -= 1;
            return None;
        }
        let began = Instant::now();
        loop {
            match look() {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                looked => {
                    self.penalty = (self.penalty / 2).max(1);
                    return Some(looked);
                }
            }
            if began.elapsed() >= within {
                self.passed_over = self.penalty;
                self.penalty = (2 * self.penalty).min(PASSED_OVER_MAX);
                return None;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_nanos(1);

    fn nothing() -> io::Result<u32> {
        Err(io::ErrorKind::WouldBlock.into())
    }

    /// How many waits pass before it looks again.
    fn waits_before_a_look(busy_poll: &mut BusyPoll, answer: fn() -> io::Result<u32>) -> u32 {
        let mut has_looked = false;
        let mut waits = 0;
        loop {
            busy_poll.look(LONG, || {
                has_looked = true;
                answer()
            });
            if has_looked {
                return waits;
            }
            waits += 1;
        }
    }

    #[test]
    fn it_looks_until_there_is_something() {
        let mut answers = vec![Ok(7), nothing(), nothing()];
        let looked = BusyPoll::new(LONG).look(LONG, || answers.pop().unwrap());
        assert_eq!(looked.unwrap().unwrap(), 7);
        assert!(answers.is_empty());
    }

    #[test]
    fn an_error_is_something() {
        let looked = BusyPoll::new(LONG).look(LONG, || Err::<u32, _>(io::ErrorKind::ConnectionReset.into()));
        assert_eq!(looked.unwrap().unwrap_err().kind(), io::ErrorKind::ConnectionReset);
    }

    #[test]
    fn it_looks_no_longer_than_it_may_nor_than_is_waited_for() {
        assert!(BusyPoll::new(SHORT).look(LONG, nothing).is_none());
        assert!(BusyPoll::new(LONG).look(SHORT, nothing).is_none());
    }

    #[test]
    fn it_does_not_look_where_nobody_waits_or_it_may_not() {
        let never = || -> io::Result<u32> { panic!("it looks") };
        assert!(BusyPoll::new(LONG).look(Duration::ZERO, never).is_none());
        assert!(BusyPoll::new(Duration::ZERO).look(LONG, never).is_none());
    }

    #[test]
    fn each_look_in_vain_has_twice_as_many_waits_pass_without_one() {
        let mut busy_poll = BusyPoll::new(SHORT);
        let passed: Vec<u32> = (0..13).map(|_| waits_before_a_look(&mut busy_poll, nothing)).collect();
        assert_eq!(passed, [0, 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024, 1024]);
    }

    #[test]
    fn each_look_of_use_has_half_as_many_waits_pass_after_the_next_in_vain() {
        let mut busy_poll = BusyPoll::new(SHORT);
        for passed in [0, 1, 2, 4] {
            assert_eq!(waits_before_a_look(&mut busy_poll, nothing), passed);
        }
        assert_eq!(waits_before_a_look(&mut busy_poll, || Ok(7)), 8, "after the last in vain");
        assert_eq!(waits_before_a_look(&mut busy_poll, || Ok(7)), 0);
        assert_eq!(waits_before_a_look(&mut busy_poll, nothing), 0);
        assert_eq!(waits_before_a_look(&mut busy_poll, nothing), 4, "16, halved twice");
    }
}
