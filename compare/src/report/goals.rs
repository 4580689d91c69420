//! What we set out to reach, beside what this run has found.

mod messages;

use super::data::{Figure, Report, Value};
use super::number::{show, whole};

/// The limit of poll and select is a loop of the same kind.
const LIMITS: [(&str, &str); 3] =
    [("ringmq epoll", "hand"), ("ringmq poll", "hand-poll"), ("ringmq select", "hand-select")];
/// How much more instructions may be called flat, over all sizes.
const FLAT: f64 = 1.1;

pub struct Goal {
    pub what: String,
    pub goal: String,
    /// What was found, and whether that is enough; `None` if it was not measured.
    pub found: Option<(String, bool)>,
}

/// All goals of loops, codecs and message queues that the works cover.
pub fn goals(report: &Report) -> Vec<Goal> {
    let see = Seen(report);
    let raw = "ringmq epoll";
    let mut all = vec![
        at_most("ping-pong, raw: system calls", see.plain("ping-pong", "system calls", raw), 3.0),
        at_most("ping-pong, raw: instructions", see.plain("ping-pong", "instructions", raw), 250.0),
        at_most("ping-pong, framed: instructions", see.plain("ping-pong", "instructions", FRAMED), 400.0),
        times(
            "ping-pong: p50, us",
            see.p50("ping-pong", raw),
            see.p50("ping-pong", "hand"),
            1.03,
            "the limit's",
        ),
        at_most("fan-in: system calls", see.plain("fan-in", "system calls", raw), 2.01),
        at_most("fan-in: instructions", see.plain("fan-in", "instructions", raw), 200.0),
        at_most("idle connection, raw: bytes", see.plain("idle-memory", "bytes", raw), 128.0),
        at_most("idle connection, framed: bytes", see.plain("idle-memory", "bytes", FRAMED), 256.0),
    ];
    for work in ["chain-idle", "chain-active"] {
        all.extend(LIMITS.map(|(ours, limit)| see.chain(work, ours, limit)));
    }
    all.extend([see.most("chain-idle", "instructions", raw, 250.0), see.flat(raw)]);
    for work in ["timers-insert", "timers-cancel", "timers-fire", "timer-reset"] {
        let (ours, libev) = (see.plain(work, "ns", raw), see.plain(work, "ns", "libev"));
        all.push(times(&format!("{work}: ns"), ours, libev, 1.0, "libev's"));
    }
    let limit = see.plain("timer-reset", "ns", "hand");
    all.push(times("timer-reset: ns", see.plain("timer-reset", "ns", raw), limit, 2.0, "the lazy limit's"));
    let best = see.best_peer("post", "ns");
    all.push(times("post: ns", see.plain("post", "ns", raw), best, 1.2, "the best peer's"));
    all.push(times("wake: p50, us", see.p50("wake", raw), see.p50("wake", "hand"), 1.3, "the limit's"));
    for (measure, size, most) in [
        ("decoded per second", 16, 10.0),
        ("decoded per second", 256, 40.0),
        ("encoded per second", 256, 12.0),
    ] {
        let ns = report.median("frames", measure, "ringmq", Some(size)).map(|rate| 1e9 / rate);
        let direction = measure.trim_end_matches("d per second");
        all.push(at_most(&format!("{direction} a frame of {size} B: ns"), ns, most));
    }
    all.extend(messages::goals(report));
    all
}

const FRAMED: &str = "ringmq framed";

fn at_most(what: &str, found: Option<f64>, most: f64) -> Goal {
    let found = found.map(|value| (show(value), round(value) <= most));
    Goal { what: what.to_string(), goal: format!("at most {}", show(most)), found }
}

/// At most so many times what another needs; less than that other when it is once.
fn times(what: &str, found: Option<f64>, other: Option<f64>, most: f64, whose: &str) -> Goal {
    let found = found.zip(other).map(|(ours, other)| {
        let text = format!("{} beside {whose} {}: {} times", show(ours), show(other), show(ours / other));
        (text, if most == 1.0 { ours < other } else { round(ours / other) <= most })
    });
    let goal = match most {
        1.0 => format!("less than {whose}"),
        _ => format!("at most {} times {whose}", show(most)),
    };
    Goal { what: what.to_string(), goal, found }
}

/// At least so many times what another does in a second.
fn at_least(what: &str, found: Option<f64>, other: Option<f64>, least: f64, whose: &str) -> Goal {
    let found = found.zip(other).map(|(ours, other)| {
        let text = format!("{} beside {whose} {}: {} times", show(ours), show(other), show(ours / other));
        (text, ours / other >= least)
    });
    let goal = format!("at least {} times {whose}", show(least));
    Goal { what: what.to_string(), goal, found }
}

/// To the digits that a goal is written with.
fn round(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

struct Seen<'a>(&'a Report);

impl Seen<'_> {
    /// Of a work that has one size or none.
    fn plain(&self, work: &str, measure: &str, contestant: &str) -> Option<f64> {
        let mut found = self.rounds(work, measure).filter(|figure| figure.contestant == contestant);
        found.next()?.value.median()
    }

    fn rounds<'a>(&'a self, work: &'a str, measure: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.0.of(work, measure).filter(|figure| matches!(figure.value, Value::Rounds { .. }))
    }

    fn p50(&self, work: &str, contestant: &str) -> Option<f64> {
        let kept = self.0.latency_us(work, contestant, 0.5);
        kept.or_else(|| self.plain(work, "us p50", contestant))
    }

    fn best_peer(&self, work: &str, measure: &str) -> Option<f64> {
        let others = self.rounds(work, measure).filter(|figure| {
            !super::colours::is_ours(&figure.contestant) && !super::colours::is_limit(&figure.contestant)
        });
        others.filter_map(|figure| figure.value.median()).min_by(f64::total_cmp)
    }

    /// The size at which it is furthest from its limit.
    fn chain(&self, work: &str, ours: &str, limit: &str) -> Goal {
        let sizes = self.0.sizes(work, "ns").into_iter();
        let ratios = sizes.filter_map(|size| {
            let at = |who| self.0.median(work, "ns", who, Some(size));
            Some((at(ours)? / at(limit)?, size))
        });
        let worst = ratios.max_by(|a, b| a.0.total_cmp(&b.0));
        Goal {
            what: format!("{work}, {ours}: ns"),
            goal: format!("at most 1.1 times {limit}'s, at each size"),
            found: worst.map(|(ratio, size)| {
                (format!("{} times at the most, at {}", show(ratio), whole(size)), round(ratio) <= 1.1)
            }),
        }
    }

    fn most(&self, work: &str, measure: &str, ours: &str, limit: f64) -> Goal {
        let all = self.rounds(work, measure).filter(|figure| figure.contestant == ours);
        let most = all.filter_map(|figure| figure.value.median()).max_by(f64::total_cmp);
        at_most(&format!("{work}, {ours}: {measure}"), most, limit)
    }

    /// Instructions at the largest number of pipes, beside those at the smallest.
    fn flat(&self, ours: &str) -> Goal {
        let sizes = self.0.sizes("chain-idle", "instructions");
        let at = |size: Option<&u64>| self.0.median("chain-idle", "instructions", ours, Some(*size?));
        let found = at(sizes.first()).zip(at(sizes.last())).filter(|_| sizes.len() > 1);
        Goal {
            what: format!("chain-idle, {ours}: instructions over size"),
            goal: String::from("flat"),
            found: found.map(|(few, many)| (format!("{} to {}", show(few), show(many)), many <= few * FLAT)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_goal_is_met_to_the_digits_that_it_is_written_with() {
        let is_met = |goal: Goal| goal.found.map(|(_, is_met)| is_met);
        assert_eq!(is_met(at_most("", Some(2.012), 2.01)), Some(true));
        assert_eq!(is_met(at_most("", Some(2.02), 2.01)), Some(false));
        assert_eq!(is_met(at_most("", None, 2.01)), None);
        assert_eq!(is_met(times("", Some(103.0), Some(100.0), 1.03, "the limit's")), Some(true));
        assert_eq!(is_met(times("", Some(104.0), Some(100.0), 1.03, "the limit's")), Some(false));
        assert_eq!(is_met(times("", Some(100.0), Some(100.0), 1.0, "libev's")), Some(false));
        assert_eq!(is_met(times("", Some(100.0), None, 1.0, "libev's")), None);
        assert_eq!(is_met(at_least("", Some(5.0), Some(3.0), 2.0, "libzmq's")), Some(false));
    }
}
