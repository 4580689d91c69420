//! What a plot shows and which backend to choose, in sentences made from the figures.

use super::colours::{is_limit, is_ours};
use super::data::Report;
use super::number::{show, whole};
use super::plots::{Part, Plot, Shape};

/// Less than this is no difference to choose by.
const LEVEL: f64 = 1.05;

/// A contestant's name, and what it needs.
type Entry<'a> = (&'a str, f64);

pub fn say(plot: &Plot, report: &Report) -> String {
    let found = match plot.shape {
        Shape::Lines { .. } => over_size(plot, &plot.parts[0], report),
        Shape::Percentiles { .. } => latencies(&plot.parts[0], report),
        Shape::Bars => plot.parts.iter().filter_map(|part| bars(part, report)).collect::<Vec<_>>().join(" "),
    };
    format!("{} ({}). {found}", plot.what, report.machine.place())
}

/// Who is ahead at each size, and how much the largest costs beside the smallest.
fn over_size(plot: &Plot, part: &Part, report: &Report) -> String {
    let sizes = report.sizes(part.work, part.measure);
    let (Some(&first), Some(&last)) = (sizes.first(), sizes.last()) else { return String::new() };
    let at = |size| entries(report, part, Some(size));
    let mut said = Vec::new();
    if !plot.is_rate && first < last {
        for (name, most) in at(last).into_iter().filter(|(name, _)| is_ours(name)) {
            if let Some((_, least)) = at(first).into_iter().find(|(other, _)| *other == name) {
                said.push(format!("{name} {}", growth(most / least)));
            }
        }
        if !said.is_empty() {
            let sizes = format!("From {} to {}", whole(first), whole(last));
            said = vec![format!("{sizes}, the cost of {}.", said.join(", of "))];
        }
    }
    if let Some(beside) = beside_others(&at(last), plot.is_rate) {
        said.push(format!("At {}, {beside}", whole(last)));
    }
    said.extend(choice_over_size(&sizes, &at, plot.is_rate));
    said.join(" ")
}

fn growth(factor: f64) -> String {
    match factor {
        f if f > 1.15 => format!("grows {} times", show(f)),
        f if f < 0.87 => format!("shrinks to {} %", show(f * 100.0)),
        _ => String::from("stays the same"),
    }
}

/// Which of ours to take, from which size to which.
fn choice_over_size<'a>(sizes: &[u64], at: &impl Fn(u64) -> Vec<Entry<'a>>, is_rate: bool) -> Option<String> {
    let mut runs: Vec<(Vec<&str>, u64, u64)> = Vec::new();
    for &size in sizes {
        let names = best_of_ours(&at(size), is_rate);
        match runs.last_mut() {
            Some((same, _, end)) if *same == names => *end = size,
            _ if names.is_empty() => {}
            _ => runs.push((names, size, size)),
        }
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
    if parts.is_empty() {
        None
    } else {
        Some(format!("Choose {}.", parts.join("; ")))
    }
}

/// The best, and what is within a hair of it.
fn best_of_ours<'a>(entries: &[Entry<'a>], is_rate: bool) -> Vec<&'a str> {
    let cost = |value: f64| if is_rate { 1.0 / value } else { value };
    let ours: Vec<Entry> = entries.iter().copied().filter(|(name, _)| is_ours(name)).collect();
    let best = ours.iter().map(|(_, value)| cost(*value)).fold(f64::INFINITY, f64::min);
    ours.into_iter().filter(|(_, value)| cost(*value) <= best * LEVEL).map(|(name, _)| name).collect()
}

/// Our best beside the limit and the best of the others.
fn beside_others(entries: &[Entry], is_rate: bool) -> Option<String> {
    let cost = |value: f64| if is_rate { 1.0 / value } else { value };
    let best = |of: &dyn Fn(&str) -> bool| {
        let some = entries.iter().copied().filter(|(name, _)| of(name));
        some.min_by(|a, b| cost(a.1).total_cmp(&cost(b.1)))
    };
    let (name, value) = best(&is_ours)?;
    let mut said = format!("{name} has {}", show(value));
    let times = |other: f64| {
        if other > 0.0 {
            format!(", {} times", show(value / other))
        } else {
            String::new()
        }
    };
    if let Some((_, limit)) = best(&|name| name == "hand") {
        said += &format!("{} the hand-written loop's {}", times(limit), show(limit));
    }
    if let Some((other, theirs)) = best(&|name| !is_ours(name) && !is_limit(name)) {
        let than = match cost(theirs) / cost(value) {
            ratio if ratio > LEVEL => "behind it",
            ratio if ratio * LEVEL < 1.0 => "ahead of it",
            _ => "level with it",
        };
        said += &format!("; of the others {other} is first, {than} with {}", show(theirs));
    }
    Some(said + ".")
}

fn bars(part: &Part, report: &Report) -> Option<String> {
    let entries = entries(report, part, part.size);
    let mut said = format!("{}: {}", capital(part.title), beside_others(&entries, false)?);
    let (best, ours) =
        (best_of_ours(&entries, false), entries.iter().filter(|(name, _)| is_ours(name)).count());
    if ours > 1 && best.len() < ours {
        said += &format!(" Choose {} for it.", best.join(" or "));
    } else if ours > 1 {
        said += " Any of ours will do.";
    }
    Some(said)
}

/// The medians and the slowest hundredth.
fn latencies(part: &Part, report: &Report) -> String {
    let at = |share: f64| -> Vec<Entry> {
        let all = report.distributions(part.work);
        all.filter_map(|(name, _)| Some((name, report.latency_us(part.work, name, share)?))).collect()
    };
    let (half, slow) = (at(0.5), at(0.99));
    let Some(middle) = beside_others(&half, false) else { return String::new() };
    let tail = beside_others(&slow, false).map(|tail| format!(" In the slowest hundredth, {tail}"));
    let best = best_of_ours(&half, false);
    let choice = if best.is_empty() { String::new() } else { format!(" Choose {}.", best.join(" or ")) };
    format!("Of half of them, in microseconds, {middle}{}{choice}", tail.unwrap_or_default())
}

fn entries<'a>(report: &'a Report, part: &Part, size: Option<u64>) -> Vec<Entry<'a>> {
    let (work, measure) = (part.work, part.measure);
    let figures = report.figures.iter().filter(move |f| f.work == work && f.measure == measure);
    let figures = figures.filter(|figure| size.is_none() || figure.size == size);
    figures.filter_map(|figure| Some((&figure.contestant[..], figure.value.median()?))).collect()
}

fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or(String::new(), |first| first.to_uppercase().chain(letters).collect())
}
