//! Messages and round trips in a second, for the report.

use std::error::Error;

use super::case::{Case, Contestant, Kind};
use super::play::{self, Counter};
use super::Figures;
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
    let kind = match work {
        "messages" => Kind::Throughput,
        _ => Kind::Latency,
    };
    let wanted: Vec<Contestant> = Contestant::there().filter(|one| wants(name(*one))).collect();
    let mut figures = Vec::new();
    for case in Case::ALL.into_iter().filter(|case| case.kind == kind) {
        tell(&case.to_string());
        let mut contestants = Vec::new();
        for &contestant in &wanted {
            match contestant.cannot(case) {
                None => contestants.push(contestant),
                Some(lack) => {
                    let value = Value::Cannot(lack.to_string());
                    figures.push(figure(work, case, contestant, "per second", value));
                }
            }
        }
        figures.extend(timed(work, case, &contestants, is_quick)?);
    }
    Ok(figures)
}

/// The instructions and system calls of `request-reply`, by the replier, which is the server.
pub fn counts(
    work: &'static str,
    wants: &dyn Fn(&str) -> bool,
    tell: &mut dyn FnMut(&str),
) -> Result<Vec<Figure>, Box<dyn Error>> {
    let mut figures = Vec::new();
    for case in Case::ALL.into_iter().filter(|case| case.kind == Kind::Latency) {
        let wanted = Contestant::there().filter(|one| wants(name(*one)) && one.cannot(case).is_none());
        for contestant in wanted {
            tell(&format!("{case}: counting {}", name(contestant)));
            for (measure, counter) in
                [("instructions", Counter::Instructions), ("system calls", Counter::SystemCalls)]
            {
                let each = play::count(case, contestant, case.roles()[0], counter, None)?;
                figures.push(figure(work, case, contestant, measure, Value::of(vec![each])));
            }
        }
    }
    Ok(figures)
}

/// By turns.
fn timed(
    work: &'static str,
    case: Case,
    contestants: &[Contestant],
    is_quick: bool,
) -> Result<Vec<Figure>, Box<dyn Error>> {
    let (rounds, share) = if is_quick { (1, 20) } else { (5, 4) };
    let case = Case { count: (case.count / share).max(COUNT_MIN), ..case };
    let mut played = vec![Vec::with_capacity(rounds); contestants.len()];
    for round in 0..rounds {
        for turn in 0..contestants.len() {
            let at = (round + turn) % contestants.len(); // none is always the first
            played[at].push(Figures::of(case, play::play(case, contestants[at])?));
        }
    }
    let measures = match case.kind {
        Kind::Throughput => THROUGHPUT,
        Kind::Latency => LATENCY,
    };
    let mut figures = Vec::new();
    for (&contestant, played) in contestants.iter().zip(&played) {
        figures.extend(measures.iter().map(|(measure, part)| {
            figure(work, case, contestant, measure, Value::of(played.iter().map(part).collect()))
        }));
    }
    Ok(figures)
}

fn figure(
    work: &'static str,
    case: Case,
    contestant: Contestant,
    measure: &'static str,
    value: Value,
) -> Figure {
    let size = match case.kind {
        Kind::Throughput => case.body_len,
        Kind::Latency => case.client_count,
    };
    Figure { work, contestant: name(contestant).to_string(), size: Some(size as u64), measure, value }
}

/// As the report has it, where ours is one among many.
fn name(contestant: Contestant) -> &'static str {
    match contestant {
        Contestant::Loop => "ringmq loop",
        Contestant::LoopRing => "ringmq loop ring",
        Contestant::Blocking => "ringmq blocking",
        Contestant::BlockingRing => "ringmq blocking ring",
        other => other.name(),
    }
}
