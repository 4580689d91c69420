//! What a plot shows and which backend to choose, in sentences made from the figures.

use super::colours::{is_limit, is_ours};
use super::data::{Figure, Report};
use super::number::{show, whole};
use super::plots::{Part, Plot, Shape};

/// Less than this is no difference to choose by.
const LEVEL: f64 = 1.05;

/// What a contestant needs.
#[derive(Clone, Copy)]
struct Entry<'a> {
    name: &'a str,
    value: f64,
    /// The least and the most that any round of it has found.
    range: [f64; 2],
}

impl Entry<'_> {
    /// Whether there is no telling them apart: they are hardly apart, or some rounds of the one were as good as some of the other.
    fn is_level_with(self, other: Entry) -> bool {
        let ([least, most], [others_least, others_most]) = (self.range, other.range);
        self.value.max(other.value) <= self.value.min(other.value) * LEVEL
            || least <= others_most && others_least <= most
    }
}

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
        let ours = at(last).into_iter().filter(|entry| is_ours(entry.name));
        let said: Vec<String> = ours
            .filter_map(|Entry { name, value, .. }| {
                let least = small.iter().find(|other| other.name == name)?.value;
                Some(format!("{name} {}", growth(value / least)))
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
        ours.extend(entries.iter().map(|entry| entry.name).filter(|name| is_choice(name)));
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

/// The best, and what is level with it.
fn best_of_ours<'a>(entries: &[Entry<'a>], is_rate: bool) -> Vec<&'a str> {
    let ours: Vec<Entry> = entries.iter().copied().filter(|entry| is_choice(entry.name)).collect();
    let Some(best) = best_of(&ours, is_rate) else { return Vec::new() };
    ours.into_iter().filter(|entry| entry.is_level_with(best)).map(|entry| entry.name).collect()
}

fn best_of<'a>(entries: &[Entry<'a>], is_rate: bool) -> Option<Entry<'a>> {
    let cost = |entry: &Entry| if is_rate { 1.0 / entry.value } else { entry.value };
    entries.iter().copied().min_by(|a, b| cost(a).total_cmp(&cost(b)))
}

/// Our best beside the limit and the best of the others.
fn beside_others(entries: &[Entry], measure: &str, is_rate: bool) -> Option<String> {
    let best = |of: &dyn Fn(&str) -> bool| {
        let some: Vec<Entry> = entries.iter().copied().filter(|entry| of(entry.name)).collect();
        best_of(&some, is_rate)
    };
    let ours = best(&is_ours)?;
    let Entry { name, value, .. } = ours;
    let verb = if is_rate { "does" } else { "takes" };
    let mut said = format!("{name} {verb} {}", with_unit(value, measure));
    for (limit, whose) in [("hand", "the hand-written loop's"), ("copy", "a plain copy's")] {
        if let Some(Entry { value: limit, .. }) = best(&|name| name == limit) {
            said += &match value / limit {
                ratio if !ratio.is_finite() => format!(" beside {whose} {}", show(limit)),
                ratio if (0.995..1.005).contains(&ratio) => format!(", the same as {whose} {}", show(limit)),
                ratio => format!(", {} times {whose} {}", show(ratio), show(limit)),
            };
        }
    }
    if let Some(other) = best(&|name| !is_ours(name) && !is_limit(name)) {
        let than = match (other.is_level_with(ours), (other.value < value) == is_rate) {
            (true, _) => "is level with it",
            (false, true) => "comes behind it",
            (false, false) => "is ahead of it",
        };
        said += &format!("; {}, the first of the others, {than} with {}", other.name, show(other.value));
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
        if best.len() < entries.iter().filter(|entry| is_choice(entry.name)).count() {
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
        let entry = |(name, _)| {
            let value = report.latency_us(part.work, name, share)?;
            Some(Entry { name, value, range: [value; 2] })
        };
        all.filter_map(entry).collect()
    };
    let (half, slow) = (at(0.5), at(0.99));
    let mut said = Said::default();
    let parts = [("Median", &half), ("99th percentile", &slow)];
    said.found.extend(
        parts.iter().filter_map(|(what, all)| Some(format!("{what}: {}", beside_others(all, "us", false)?))),
    );
    let best = best_of_ours(&half, false);
    if best.len() < half.iter().filter(|entry| is_choice(entry.name)).count() {
        said.choice = Some(format!("Choose {}.", best.join(" or ")));
    }
    said
}

fn entries<'a>(report: &'a Report, part: &Part, size: Option<u64>) -> Vec<Entry<'a>> {
    let (work, measure) = (part.work, part.measure);
    let figures = report.figures.iter().filter(move |f| f.work == work && f.measure == measure);
    let figures = figures.filter(|figure| size.is_none() || figure.size == size);
    let entry = |figure: &'a Figure| {
        let [least, value, most] = figure.value.spread()?;
        Some(Entry { name: &figure.contestant, value, range: [least, most] })
    };
    figures.filter_map(entry).collect()
}

/// Names stay as they are written.
fn capital(text: &str) -> String {
    if is_ours(text) {
        return text.to_string();
    }
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
