//! Messages and round trips in a second, for the report.

use std::error::Error;

use super::case::{Case, Contestant, Kind};
use super::{play, Figures};
use crate::report::data::{Figure, Value};

/// The fewest that a run is worth anything with.
const COUNT_MIN: u64 = 100;

/// What is counted, with its unit, and where it stands.
type Measure = (&'static str, fn(&Figures) -> f64);

const THROUGHPUT: &[Measure] =
    &[("per second", |f| f.per_second), ("CPU s per million", |f| f.cpu), ("MiB", |f| f.peak_mib)];
const LATENCY: &[Measure] = &[("per second", |f| f.per_second), ("us p50", |f| f.p50), ("us p99", |f| f.p99)];

/// Of `messages` or of `request-reply`, by all that the program was built with and that are wanted.
pub fn figures(
    work: &'static str,
    is_quick: bool,
    wants: &dyn Fn(&str) -> bool,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, Box<dyn Error>> {
    let (kind, measures) = match work {
        "messages" => (Kind::Throughput, THROUGHPUT),
        _ => (Kind::Latency, LATENCY),
    };
    let (rounds, share) = if is_quick { (1, 20) } else { (3, 4) };
    let contestants: Vec<Contestant> =
        Contestant::ALL.into_iter().filter(|one| one.is_there() && wants(name(*one))).collect();
    let mut figures = Vec::new();
    for case in Case::ALL.into_iter().filter(|case| case.kind == kind) {
        tell(&case.to_string());
        let case = Case { count: (case.count / share).max(COUNT_MIN), ..case };
        let mut played = vec![Vec::with_capacity(rounds); contestants.len()];
        for round in 0..rounds {
            for turn in 0..contestants.len() {
                let at = (round + turn) % contestants.len(); // none is always the first
                played[at].push(Figures::of(case, play::play(case, contestants[at])?));
            }
        }
        let size = match kind {
            Kind::Throughput => case.body_len,
            Kind::Latency => case.client_count,
        };
        for (contestant, played) in contestants.iter().zip(&played) {
            figures.extend(measures.iter().map(|(measure, part)| Figure {
                work,
                contestant: name(*contestant).to_string(),
                size: Some(size as u64),
                measure,
                value: Value::of(played.iter().map(part).collect()),
            }));
        }
    }
    Ok(figures)
}

/// As the report has it, where ours is one among many.
fn name(contestant: Contestant) -> &'static str {
    match contestant {
        Contestant::Loop => "ringmq loop",
        Contestant::Blocking => "ringmq blocking",
        other => other.name(),
    }
}
