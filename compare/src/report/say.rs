//! What a plot shows and which backend to choose, in sentences made from the figures.

use super::colours::{is_limit, is_ours};
use super::data::Report;
use super::number::{show, whole};
use super::plots::{Part, Plot, Shape};

/// Less than this is no difference to choose by.
const LEVEL: f64 = 1.05;

/// A contestant's name, and what it needs.
type Entry<'a> = (&'a str, f64);

#[derive(Default, Debug)]
pub struct Said {
    /// A sentence or more for each part.
    pub found: Vec<String>,
    /// Which of ours to take, if there are several.
    pub choice: Option<String>,
}

pub fn say(plot: &Plot, report: &Report) -> Said {
    match plot.shape {
        Shape::Lines { .. } => over_size(plot, report),
        Shape::Percentiles { .. } => latencies(&plot.parts[0], report),
        Shape::Bars => bars(plot, report),
    }
}

/// How much the largest size costs beside the smallest, and who is ahead at each.
fn over_size(plot: &Plot, report: &Report) -> Said {
    let part = &plot.parts[0];
    let sizes = report.sizes(part.work, part.measure);
    let (Some(&first), Some(&last)) = (sizes.first(), sizes.last()) else { return Said::default() };
    let at = |size| entries(report, part, Some(size));
    let mut found = Vec::new();
    if !plot.is_rate && first < last {
        let small = at(first);
        let ours = at(last).into_iter().filter(|(name, _)| is_ours(name));
        let said: Vec<String> = ours
            .filter_map(|(name, most)| {
                let (_, least) = small.iter().find(|(other, _)| *other == name)?;
                Some(format!("{name} {}", growth(most / least)))
            })
            .collect();
        if !said.is_empty() {
            found.push(format!("At {} instead of {}, {}.", whole(last), whole(first), said.join(", ")));
        }
    }
    for size in if first < last { vec![first, last] } else { vec![last] } {
        if let Some(beside) = beside_others(&at(size), part.measure, plot.is_rate) {
            found.push(format!("At {}, {beside}", whole(size)));
        }
    }
    let choice = choice_over_size(&sizes, &at, plot.is_rate);
    Said { found, choice }
}

fn growth(factor: f64) -> String {
    match factor {
        f if f > 1.15 => format!("costs {} times as much", show(f)),
        f if f < 0.87 => format!("costs {:.0} % as much", f * 100.0),
        _ => String::from("costs the same"),
    }
}

/// Which of ours to take, from which size to which.
fn choice_over_size<'a>(sizes: &[u64], at: &impl Fn(u64) -> Vec<Entry<'a>>, is_rate: bool) -> Option<String> {
    let mut runs: Vec<(Vec<&str>, u64, u64)> = Vec::new();
    let mut ours = Vec::new();
    for &size in sizes {
        let entries = at(size);
        ours.extend(entries.iter().map(|(name, _)| *name).filter(|name| is_choice(name)));
        let names = best_of_ours(&entries, is_rate);
        match runs.last_mut() {
            Some((same, _, end)) if *same == names => *end = size,
            _ if names.is_empty() => {}
            _ => runs.push((names, size, size)),
        }
    }
    ours.sort_unstable();
    ours.dedup();
    if ours.len() < 2 {
        return None;
    }
    let is_one = runs.len() == 1;
    let parts: Vec<String> = runs
        .iter()
        .map(|(names, from, to)| match (is_one, from == to) {
            (true, _) => format!("{} at every size", names.join(" or ")),
            (false, true) => format!("{} at {}", names.join(" or "), whole(*from)),
            (false, false) => format!("{} from {} to {}", names.join(" or "), whole(*from), whole(*to)),
        })
        .collect();
    Some(format!("Choose {}.", parts.join("; ")))
}

/// Whether it is one of several that a program may take in place of each other, which what works on top of a backend is not.
fn is_choice(contestant: &str) -> bool {
    is_ours(contestant) && contestant != "ringmq framed"
}

/// The best, and what is within a hair of it.
fn best_of_ours<'a>(entries: &[Entry<'a>], is_rate: bool) -> Vec<&'a str> {
    let cost = |value: f64| if is_rate { 1.0 / value } else { value };
    let ours: Vec<Entry> = entries.iter().copied().filter(|(name, _)| is_choice(name)).collect();
    let best = ours.iter().map(|(_, value)| cost(*value)).fold(f64::INFINITY, f64::min);
    ours.into_iter().filter(|(_, value)| cost(*value) <= best * LEVEL).map(|(name, _)| name).collect()
}

/// Our best beside the limit and the best of the others.
fn beside_others(entries: &[Entry], measure: &str, is_rate: bool) -> Option<String> {
    let cost = |value: f64| if is_rate { 1.0 / value } else { value };
    let best = |of: &dyn Fn(&str) -> bool| {
        let some = entries.iter().copied().filter(|(name, _)| of(name));
        some.min_by(|a, b| cost(a.1).total_cmp(&cost(b.1)))
    };
    let (name, value) = best(&is_ours)?;
    let verb = if is_rate { "does" } else { "takes" };
    let mut said = format!("{name} {verb} {}", with_unit(value, measure));
    for (limit, whose) in [("hand", "the hand-written loop's"), ("copy", "a plain copy's")] {
        if let Some((_, limit)) = best(&|name| name == limit) {
            said += &match value / limit {
                ratio if !ratio.is_finite() => format!(" beside {whose} {}", show(limit)),
                ratio if (0.995..1.005).contains(&ratio) => format!(", the same as {whose} {}", show(limit)),
                ratio => format!(", {} times {whose} {}", show(ratio), show(limit)),
            };
        }
    }
    if let Some((other, theirs)) = best(&|name| !is_ours(name) && !is_limit(name)) {
        let than = match cost(theirs) / cost(value) {
            ratio if ratio > LEVEL => "comes behind it",
            ratio if ratio * LEVEL < 1.0 => "is ahead of it",
            _ => "is level with it",
        };
        said += &format!("; {other}, the first of the others, {than} with {}", show(theirs));
    }
    Some(said + ".")
}

fn with_unit(value: f64, measure: &str) -> String {
    match measure {
        _ if measure.ends_with("per second") => format!("{} a second", show(value)),
        _ if measure.starts_with("us") => format!("{} us", show(value)),
        _ => format!("{} {measure}", show(value)),
    }
}

/// Each panel for itself, and a choice that goes by the first of them that tells ours apart.
fn bars(plot: &Plot, report: &Report) -> Said {
    let mut said = Said::default();
    let mut choices: Vec<(&str, Vec<&str>)> = Vec::new();
    for part in plot.parts {
        let entries = entries(report, part, part.size);
        let Some(beside) = beside_others(&entries, part.measure, plot.is_rate) else { continue };
        let (title, _) = part.title.rsplit_once(':').unwrap_or((part.title, ""));
        let several = plot.parts.len() > 1;
        said.found.push(if several { format!("{}: {beside}", capital(title)) } else { capital(&beside) });
        let best = best_of_ours(&entries, plot.is_rate);
        if best.len() < entries.iter().filter(|(name, _)| is_choice(name)).count() {
            choices.push((part.title, best));
        }
    }
    said.choice = match &choices[..] {
        [] => None,
        [(_, first), rest @ ..] if rest.iter().all(|(_, best)| best == first) => {
            Some(format!("Choose {}.", first.join(" or ")))
        }
        _ => {
            let each = choices.iter().map(|(title, best)| {
                let (title, _) = title.rsplit_once(':').unwrap_or((title, ""));
                format!("{} ({title})", best.join(" or "))
            });
            Some(format!("Choose {}.", each.collect::<Vec<_>>().join("; ")))
        }
    };
    said
}

/// The medians and the slowest hundredth.
fn latencies(part: &Part, report: &Report) -> Said {
    let at = |share: f64| -> Vec<Entry> {
        let all = report.distributions(part.work);
        all.filter_map(|(name, _)| Some((name, report.latency_us(part.work, name, share)?))).collect()
    };
    let (half, slow) = (at(0.5), at(0.99));
    let mut said = Said::default();
    let parts = [("Median", &half), ("99th percentile", &slow)];
    said.found.extend(
        parts.iter().filter_map(|(what, all)| Some(format!("{what}: {}", beside_others(all, "us", false)?))),
    );
    let best = best_of_ours(&half, false);
    if best.len() < half.iter().filter(|(name, _)| is_choice(name)).count() {
        said.choice = Some(format!("Choose {}.", best.join(" or ")));
    }
    said
}

fn entries<'a>(report: &'a Report, part: &Part, size: Option<u64>) -> Vec<Entry<'a>> {
    let (work, measure) = (part.work, part.measure);
    let figures = report.figures.iter().filter(move |f| f.work == work && f.measure == measure);
    let figures = figures.filter(|figure| size.is_none() || figure.size == size);
    figures.filter_map(|figure| Some((&figure.contestant[..], figure.value.median()?))).collect()
}

/// Names stay as they are written.
fn capital(text: &str) -> String {
    if is_ours(text) {
        return text.to_string();
    }
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
