//! Which messages are lost with a stream: [`Handed`].

use std::collections::VecDeque;

/// The messages that the stream has, by what each has added to it: so it is known which are lost with it.
#[derive(Default)]
pub(super) struct Handed {
    /// Those in a row that have added as much as each other, and the latest of them apart.
    former: VecDeque<Run>,
    latest: Run,
    /// How many bytes the former have added.
    former_len: usize,
    /// How many came behind the last message's end.
    open_len: usize,
}

/// So many messages, each of which ends so many bytes behind the end of the one before.
#[derive(Clone, Copy, Default)]
struct Run {
    len: usize,
    count: usize,
}

impl Run {
    fn total(self) -> usize {
        self.len * self.count
    }
}

impl Handed {
    #[inline]
    pub fn add(&mut self, len: usize) {
        self.open_len += len;
    }

    /// A message ends here.
    #[inline]
    pub fn end_message(&mut self, unsent_len: usize) {
        if self.open_len == self.latest.len {
            self.latest.count += 1;
        } else {
            self.begin_run(unsent_len);
        }
        self.open_len = 0;
    }

    /// Runs that have been written are forgotten before they take more memory.
    #[inline(never)]
    fn begin_run(&mut self, unsent_len: usize) {
        let latest = std::mem::replace(&mut self.latest, Run { len: self.open_len, count: 1 });
        if self.former.len() == self.former.capacity() {
            let behind = latest.total() + self.open_len;
            while let Some(&run) = self.former.front() {
                if self.former_len - run.total() + behind < unsent_len {
                    break;
                }
                self.former_len -= run.total();
                self.former.pop_front();
            }
        }
        if latest.count > 0 {
            self.former_len += latest.total();
            self.former.push_back(latest);
        }
    }

    /// How many of them are not written whole, with so many bytes unsent.
    pub fn unsent(&self, unsent_len: usize) -> u64 {
        let mut left = unsent_len.saturating_sub(self.open_len);
        let mut count = 0;
        for run in std::iter::once(&self.latest).chain(self.former.iter().rev()) {
            if left == 0 {
                break;
            }
            let begun = match run.len {
                0 => 0,
                len => (left + len - 1) / len,
            };
            count += begun.min(run.count);
            left = left.saturating_sub(run.total());
        }
        count as u64
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is counted by runs is what is counted by the end of each message, wherever the stream has got to.
    #[test]
    fn those_are_unsent_that_end_behind_what_is_written() {
        let mut state = 1_u64;
        let mut below = |limit: usize| {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 33) as usize % limit
        };
        for _ in 0..50 {
            let (mut handed, mut ends, mut total, mut written) = (Handed::default(), Vec::new(), 0, 0);
            for _ in 0..200 {
                let len = [2, 66, 66, 66, 66, 300][below(6)];
                for _ in 0..1 + below(5) {
                    handed.add(len);
                    total += len;
                    if below(10) > 0 {
                        handed.end_message(total - written);
                        ends.push(total);
                    }
                }
                written += below(total - written + 1);
                let expected = ends.iter().filter(|&&end| end > written).count();
                assert_eq!(handed.unsent(total - written), expected as u64);
            }
            assert!(handed.former.capacity() <= 256, "what was written is forgotten");
        }
    }
}
