//! How long to wait before a connection is tried again.

use std::time::Duration;

/// Waits that double from the shortest to the longest, each shortened by up to half at random, so that those who lost the same peer do not
/// come back at the same moment.
#[derive(Clone, Debug)]
pub(crate) struct Backoff {
    shortest: Duration,
    longest: Duration,
    next: Duration,
    random: Random,
}

impl Backoff {
    pub fn new(shortest: Duration, longest: Duration, seed: u64) -> Backoff {
        let longest = longest.max(shortest);
        Backoff { shortest, longest, next: shortest, random: Random(seed | 1) }
    }

    /// The next wait: between half of the full one and all of it.
    pub fn next(&mut self) -> Duration {
        let full = self.next;
        self.next = full.saturating_mul(2).min(self.longest);
        let half = full / 2;
        half + Duration::from_nanos(self.random.below(half.as_nanos().min(u64::MAX.into()) as u64))
    }

    /// From the shortest again: a handshake was completed. That a connection was made says nothing of whether its peer serves.
    pub fn reset(&mut self) {
        self.next = self.shortest;
    }
}

/// xorshift64*, which is random enough to spread waits (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016).
#[derive(Clone, Debug)]
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        let high = self.0.wrapping_mul(0x2545_f491_4f6c_dd1d);
        ((u128::from(high) * u128::from(limit)) >> 64) as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MS: Duration = Duration::from_millis(1);

    #[test]
    fn waits_double_up_to_the_longest_and_lie_in_their_upper_half() {
        let mut backoff = Backoff::new(100 * MS, 1000 * MS, 7);
        for full in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next();
            assert!(wait >= full * MS / 2 && wait <= full * MS, "{wait:?} of {full} ms");
        }
        backoff.reset();
        assert!(backoff.next() <= 100 * MS);
    }

    #[test]
    fn those_with_other_seeds_wait_otherwise() {
        let firsts: std::collections::HashSet<Duration> =
            (0..100).map(|seed| Backoff::new(100 * MS, 1000 * MS, 2 * seed + 1).next()).collect();
        assert!(firsts.len() > 90, "{} different waits of 100", firsts.len());
    }

    #[test]
    fn no_wait_and_the_longest_of_all_overflow_nothing() {
        assert_eq!(Backoff::new(Duration::ZERO, Duration::ZERO, 1).next(), Duration::ZERO);
        let mut backoff = Backoff::new(Duration::MAX / 2, Duration::MAX, 1);
        for _ in 0..3 {
            assert!(backoff.next() >= Duration::MAX / 4);
        }
    }
}
