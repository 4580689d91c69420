//! What was measured, as it is drawn, tabulated and kept.

use serde::{Deserialize, Deserializer, Serialize};

use super::machine::Machine;

/// All works that there are, in the order in which they are measured.
pub const WORKS: [&str; 15] = [
    "ping-pong",
    "fan-in",
    "idle-memory",
    "chain-idle",
    "chain-active",
    "churn",
    "timers-insert",
    "timers-cancel",
    "timers-fire",
    "timer-reset",
    "post",
    "wake",
    "frames",
    "messages",
    "request-reply",
];

/// Of a work or a measure: they are few, and all are known when the program is built.
pub type Name = &'static str;

/// One figure: what a contestant has needed for a work of some size.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Figure {
    /// The work's name, as `--only` takes it: one of [`WORKS`].
    #[serde(deserialize_with = "name")]
    pub work: Name,
    /// Who did it: `hand`, `ringmq epoll`, `mio`, `libuv`…
    pub contestant: String,
    /// The size, if the work has one: connections, pipes, active ones, bytes.
    pub size: Option<u64>,
    /// What is counted, with its unit: `ns`, `us p50`, `instructions`, `system calls`, `bytes`, `per second`.
    #[serde(deserialize_with = "name")]
    pub measure: Name,
    pub value: Value,
}

#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Value {
    /// Of several rounds; one alone where it is exact.
    Rounds { median: f64, least: f64, most: f64 },
    /// The latencies themselves, in nanoseconds, sorted; for distributions.
    Distribution(Vec<u64>),
    /// It cannot do it: what it lacks.
    Cannot(String),
}

impl Value {
    /// What a table shows first: the median, in nanoseconds if it is one of latencies.
    pub fn median(&self) -> Option<f64> {
        match self {
            Value::Rounds { median, .. } => Some(*median),
            Value::Distribution(sorted) => quantile(sorted, 0.5),
            Value::Cannot(_) => None,
        }
    }

    /// Of what several rounds have come to.
    ///
    /// # Panics
    /// If there was none.
    pub fn of(mut rounds: Vec<f64>) -> Value {
        rounds.sort_by(f64::total_cmp);
        let last = rounds.len() - 1;
        Value::Rounds { median: rounds[last / 2], least: rounds[0], most: rounds[last] }
    }
}

/// The least, the median and the most; of latencies what is between one and 99 of a hundred.
impl Value {
    pub fn spread(&self) -> Option<[f64; 3]> {
        match self {
            Value::Rounds { median, least, most } => Some([*least, *median, *most]),
            Value::Distribution(sorted) => {
                Some([quantile(sorted, 0.01)?, quantile(sorted, 0.5)?, quantile(sorted, 0.99)?])
            }
            Value::Cannot(_) => None,
        }
    }
}

/// The value that such a part of all is not above.
pub fn quantile(sorted: &[u64], part: f64) -> Option<f64> {
    let last = sorted.len().checked_sub(1)?;
    Some(sorted[((last as f64) * part).round() as usize] as f64)
}

/// Why a work has no figures.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Note {
    pub work: String,
    pub why: String,
}

/// All that a run has found, and where.
#[derive(Clone, PartialEq, Debug, Serialize, Deserialize)]
pub struct Report {
    pub machine: Machine,
    /// Whether it took the short way: fewer rounds, smaller sizes.
    pub is_quick: bool,
    pub notes: Vec<Note>,
    pub figures: Vec<Figure>,
}

impl Report {
    pub fn of<'a>(&'a self, work: &'a str, measure: &'a str) -> impl Iterator<Item = &'a Figure> {
        self.figures.iter().filter(move |figure| figure.work == work && figure.measure == measure)
    }

    /// The median of one contestant, at that size or without one.
    pub fn median(&self, work: &str, measure: &str, contestant: &str, size: Option<u64>) -> Option<f64> {
        let mut found =
            self.of(work, measure).filter(|figure| figure.contestant == contestant && figure.size == size);
        found.next()?.value.median()
    }

    /// The sizes that a work was measured at, from the smallest.
    pub fn sizes(&self, work: &str, measure: &str) -> Vec<u64> {
        let mut sizes: Vec<u64> = self.of(work, measure).filter_map(|figure| figure.size).collect();
        sizes.sort_unstable();
        sizes.dedup();
        sizes
    }

    /// A latency in microseconds: such a part of all was answered within it.
    pub fn latency_us(&self, work: &str, contestant: &str, part: f64) -> Option<f64> {
        self.distributions(work)
            .find(|(name, _)| *name == contestant)
            .and_then(|(_, sorted)| quantile(sorted, part))
            .map(|ns| ns / 1e3)
    }

    pub fn distributions<'a>(&'a self, work: &'a str) -> impl Iterator<Item = (&'a str, &'a [u64])> {
        self.figures.iter().filter(move |figure| figure.work == work).filter_map(|figure| {
            match &figure.value {
                Value::Distribution(sorted) => Some((&figure.contestant[..], &sorted[..])),
                _ => None,
            }
        })
    }
}

/// The names of works and measures are few, and a report is read once: those that are kept stay for good.
fn name<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Name, D::Error> {
    Ok(Box::leak(String::deserialize(deserializer)?.into_boxed_str()))
}
