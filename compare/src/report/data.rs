//! What was measured, as it is drawn, tabulated and kept.

/// One figure: what a contestant has needed for a work of some size.
#[derive(Clone, PartialEq, Debug)]
pub struct Figure {
    /// The work's name, as `--only` takes it: `ping-pong`, `fan-in`, `idle-memory`, `chain-idle`, `chain-active`, `churn`, `timers-insert`,
    /// `timers-cancel`, `timers-fire`, `timer-reset`, `post`, `wake`, `frames`, `messages`, `request-reply`.
    pub work: &'static str,
    /// Who did it: `hand`, `ringmq epoll`, `mio`, `libuv`…
    pub contestant: String,
    /// The size, if the work has one: connections, pipes, active ones, bytes.
    pub size: Option<u64>,
    /// What is counted, with its unit: `ns`, `us p50`, `instructions`, `system calls`, `bytes`, `per second`.
    pub measure: &'static str,
    pub value: Value,
}

#[derive(Clone, PartialEq, Debug)]
pub enum Value {
    /// Of several rounds; one alone where it is exact.
    Rounds { median: f64, least: f64, most: f64 },
    /// The latencies themselves, in nanoseconds, sorted; for distributions.
    Distribution(Vec<u64>),
    /// It cannot do it: what it lacks.
    Cannot(String),
}

impl Value {
    /// Of what several rounds have come to.
    ///
    /// # Panics
    /// If there was none.
    pub fn of(mut rounds: Vec<f64>) -> Value {
        rounds.sort_by(f64::total_cmp);
        let last = rounds.len() - 1;
        Value::Rounds { median: rounds[last / 2], least: rounds[0], most: rounds[last] }
    }

    /// The least, the median and the most; of latencies the median between one and 99 of a hundred.
    pub fn spread(&self) -> (f64, f64, f64) {
        match self {
            Value::Rounds { median, least, most } => (*least, *median, *most),
            Value::Distribution(sorted) if !sorted.is_empty() => {
                let at = |part: usize| sorted[(sorted.len() - 1) * part / 100] as f64;
                (at(1), at(50), at(99))
            }
            Value::Distribution(_) | Value::Cannot(_) => (0.0, 0.0, 0.0),
        }
    }
}
