//! The same numbers as a table.

use std::fmt::Write;

use super::colours::Palette;
use super::data::{quantile, Figure, Report, Value};
use super::number::{show, whole};
use super::page::escape;
use super::plots::{Plot, Shape, PLOTS};

/// A column: a work, what is counted, and the size.
type Column = (&'static str, &'static str, Option<u64>);

/// All figures of the plot's works but those that another plot draws: a row for each contestant; empty if there are none.
pub fn table(plot: &Plot, report: &Report, palette: &Palette) -> String {
    let works = plot.works();
    let is_here = |figure: &&Figure| works.contains(&figure.work) && !is_elsewhere(plot, figure);
    let figures: Vec<&Figure> = report.figures.iter().filter(is_here).collect();
    let mut columns: Vec<Column> = Vec::new();
    for figure in figures.iter().filter(|figure| figure.value.median().is_some()) {
        let column = (figure.work, figure.measure, figure.size);
        if !columns.contains(&column) {
            columns.push(column);
        }
    }
    let place = |work: &str| works.iter().position(|other| *other == work);
    // What is drawn stands first.
    let is_beside =
        |work, measure| !plot.parts.iter().any(|part| (part.work, part.measure) == (work, measure));
    columns.sort_by_key(|(work, measure, size)| (place(work), is_beside(*work, *measure), *measure, *size));
    let mut names: Vec<&str> = figures.iter().map(|figure| &figure.contestant[..]).collect();
    names.sort_by_key(|name| palette.slot(name));
    names.dedup();
    if names.is_empty() {
        return String::new();
    }
    let mut html = String::from("<table><thead><tr><th></th>");
    for (work, measure, size) in &columns {
        let size = size.map_or(String::new(), |size| format!("<br>{}", whole(size)));
        let _ = write!(html, "<th>{}<br>{}{size}</th>", escape(work), escape(measure));
    }
    html += "</tr></thead><tbody>";
    for name in names {
        let own: Vec<&Figure> = figures.iter().copied().filter(|figure| figure.contestant == name).collect();
        let _ = write!(html, "<tr><th><i class=\"k b-c{}\"></i>{}</th>", palette.slot(name), escape(name));
        for column in &columns {
            let _ = write!(html, "<td>{}</td>", cell(&own, *column, report));
        }
        html += "</tr>";
    }
    html + "</tbody></table>"
}

/// Latencies belong to the plot of percentiles, and whoever cannot do a work says so in each.
fn is_elsewhere(plot: &Plot, figure: &Figure) -> bool {
    let draws = |plot: &Plot| match figure.value {
        Value::Distribution(_) => matches!(plot.shape, Shape::Percentiles { .. }),
        _ => plot.parts.iter().any(|part| part.work == figure.work && part.measure == figure.measure),
    };
    let is_cannot = matches!(figure.value, Value::Cannot(_));
    !is_cannot && !draws(plot) && PLOTS.iter().any(|other| other.name != plot.name && draws(other))
}

fn cell(own: &[&Figure], (work, measure, size): Column, report: &Report) -> String {
    let is_meant = |figure: &Figure| figure.work == work && (figure.size.is_none() || figure.size == size);
    let found = own.iter().find(|figure| (figure.work, figure.measure, figure.size) == (work, measure, size));
    match found.map(|figure| &figure.value) {
        Some(Value::Rounds { median, least, most }) => {
            let limit = report.median(work, measure, "hand", size).filter(|limit| *limit > 0.0);
            let ratio = limit.map_or(String::new(), |limit| format!(" <b>×{}</b>", show(median / limit)));
            let range =
                if least < most { format!("{} – {}", show(*least), show(*most)) } else { String::new() };
            format!("{}{ratio}<small>{range}</small>", show(*median))
        }
        Some(Value::Distribution(sorted)) => {
            let at = |part| quantile(sorted, part).map_or(String::from("-"), |ns| show(ns / 1e3));
            let tail = format!("{} · {} · {}", at(0.99), at(0.999), at(1.0));
            format!("{} us<small>p99 · p99.9 · most: {tail}</small>", at(0.5))
        }
        Some(Value::Cannot(lack)) => cannot(lack),
        // What it cannot do it has said once, for all measures, and for all sizes unless it has named one.
        None => own
            .iter()
            .find_map(|figure| match &figure.value {
                Value::Cannot(lack) if is_meant(figure) => Some(cannot(lack)),
                _ => None,
            })
            .unwrap_or_else(|| String::from("–")),
    }
}

fn cannot(lack: &str) -> String {
    format!("<em>cannot: {}</em>", escape(lack))
}
