//! Deadlines as plain numbers, which take half the room of an `Instant` and are compared at once.

use std::time::{Duration, Instant};

/// A point of time on a [`Timeline`], to the nanosecond.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) struct Moment(pub u64);

/// Where moments are counted from: 292 years before this was made is the first, and as many after it the last.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timeline {
    middle: Instant,
}

/// The number of the middle.
const MIDDLE: u64 = 1 << 63;

impl Timeline {
    pub fn new() -> Timeline {
        Timeline { middle: Instant::now() }
    }

    /// The moment of an instant, or the last one before it.
    #[inline(never)] // it is long, and there are many callers
    pub fn moment(&self, at: Instant) -> Moment {
        match at.checked_duration_since(self.middle) {
            Some(after) => Moment(MIDDLE.saturating_add(nanos_of(after))),
            None => Moment(MIDDLE.saturating_sub(nanos_of(self.middle - at))),
        }
    }

    /// The instant of a moment that an instant was the origin of, or that lies between two such.
    pub fn instant(&self, moment: Moment) -> Instant {
        match moment.0.checked_sub(MIDDLE) {
            Some(after) => self.middle + Duration::from_nanos(after),
            None => self.middle - Duration::from_nanos(MIDDLE - moment.0),
        }
    }
}

/// As many as there are numbers for, if it is longer.
fn nanos_of(duration: Duration) -> u64 {
    let nanos = duration.as_secs().checked_mul(1_000_000_000);
    nanos.and_then(|nanos| nanos.checked_add(duration.subsec_nanos().into())).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_instant_comes_back_from_its_moment_and_moments_compare_as_instants_do() {
        let timeline = Timeline::new();
        let middle = timeline.middle;
        let spans = [0, 1, 999_999_999, 1_000_000_000, 1 << 40, (1 << 62) + 1].map(Duration::from_nanos);
        let mut instants: Vec<Instant> = spans.iter().map(|span| middle + *span).collect();
        // Not every system's clock goes back before its beginning.
        instants.extend(spans.iter().filter_map(|span| middle.checked_sub(*span)));
        for one in &instants {
            let moment = timeline.moment(*one);
            assert_eq!(timeline.instant(moment), *one);
            for other in &instants {
                assert_eq!(moment.cmp(&timeline.moment(*other)), one.cmp(other));
            }
        }
    }

    /// Where a clock goes so far, which not every system's does.
    #[test]
    fn what_lies_beyond_the_last_moment_has_that_one() {
        let timeline = Timeline::new();
        if let Some(beyond) = timeline.middle.checked_add(Duration::from_secs(1 << 34)) {
            let last = timeline.moment(beyond);
            assert_eq!(last, Moment(u64::MAX));
            assert!(timeline.instant(last) < beyond);
        }
    }
}
