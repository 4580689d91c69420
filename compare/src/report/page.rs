//! The page: all plots, what they say, and their tables; whole in one file.

use std::fmt::Write;

use super::colours::Palette;
use super::data::{Report, WORKS};
use super::goals::goals;
use super::plots::{Plot, PLOTS};
use super::say::{say, Said};
use super::table::table;

const STYLE: &str = include_str!("page.css");

/// `drawings` are those of [`PLOTS`], as far as there is something to draw.
pub fn page(report: &Report, palette: &Palette, drawings: &[Option<String>]) -> String {
    let mut html = String::from("<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\n");
    html += "<meta name=\"viewport\" content=\"width=device-width\"><title>ringmq compared</title>\n";
    let _ = write!(
        html,
        "<style>{}{STYLE}</style></head><body><main>\n<h1>ringmq compared</h1>\n",
        palette.style()
    );
    html += &facts(report);
    html += "<nav>";
    for plot in &PLOTS {
        let _ = write!(html, "<a href=\"#{}\">{}</a>", plot.name, plot.title);
    }
    html += "</nav>\n";
    html += &summary(report);
    for (plot, drawing) in PLOTS.iter().zip(drawings) {
        html += &section(plot, drawing.as_deref(), report, palette);
    }
    html + "</main></body></html>\n"
}

fn facts(report: &Report) -> String {
    let machine = &report.machine;
    let short = if report.is_quick { " A quick run: fewer rounds, so look at what is large." } else { "" };
    let mut html = format!("<p>Measured {} on {}.{short}", escape(&machine.date), escape(&machine.place()));
    for (name, value) in
        [("ringmq", &machine.ringmq), ("at", &machine.commit), ("built with", &machine.compiler)]
    {
        if !value.is_empty() {
            let _ = write!(html, " {name} {},", escape(value));
        }
    }
    html = html.trim_end_matches(',').to_string();
    html + ". Bold lines and bars are ours; dashed grey is a loop written by hand, the limit. Thin whiskers reach from the least round to \
            the most. Figures marked × are multiples of the limit's.</p>\n"
}

fn summary(report: &Report) -> String {
    let mut html = String::from("<h2>Goals</h2>\n<div class=\"scroll\"><table class=\"goals\"><thead><tr>");
    html += "<th>work</th><th>goal</th><th>this run</th><th></th></tr></thead><tbody>";
    for goal in goals(report) {
        let (found, class, verdict) = match &goal.found {
            Some((found, true)) => (found.as_str(), "met", "✓ met"),
            Some((found, false)) => (found.as_str(), "missed", "✗ missed"),
            None => ("not measured", "", ""),
        };
        let (what, aim) = (escape(&goal.what), escape(&goal.goal));
        let _ = write!(
            html,
            "<tr><th>{what}</th><td>{aim}</td><td>{found}</td><td class=\"{class}\">{verdict}</td></tr>"
        );
    }
    html + "</tbody></table></div>\n"
}

fn section(plot: &Plot, drawing: Option<&str>, report: &Report, palette: &Palette) -> String {
    let mut html = format!("<section id=\"{}\"><h2>{}</h2>\n", plot.name, plot.title);
    match drawing {
        Some(svg) => {
            let _ = writeln!(html, "<p>{}, on {}.</p>", plot.what, escape(&report.machine.place()));
            html += &findings(&say(plot, report));
            let _ = writeln!(html, "<div class=\"scroll plot\">{svg}</div>");
        }
        None => {
            let _ =
                writeln!(html, "<p>{}.</p><p class=\"none\">No figures{}</p>", plot.what, why(plot, report));
        }
    }
    let table = table(plot, report, palette);
    if !table.is_empty() {
        let _ = writeln!(
            html,
            "<details><summary>The same numbers as a table</summary><div class=\"scroll\">{table}</div></details>"
        );
    }
    html + "</section>\n"
}

/// One as a sentence, several as a list.
fn findings(said: &Said) -> String {
    let mut html = match &said.found[..] {
        [one] => format!("<p>{}</p>", escape(one)),
        several => {
            let items: Vec<String> = several.iter().map(|one| format!("<li>{}</li>", escape(one))).collect();
            format!("<ul>{}</ul>", items.concat())
        }
    };
    if let Some(choice) = &said.choice {
        let _ = write!(html, "<p class=\"say\">{}</p>", escape(choice));
    }
    html
}

fn why(plot: &Plot, report: &Report) -> String {
    let works = plot.works();
    debug_assert!(works.iter().all(|work| WORKS.contains(work)));
    let mut notes: Vec<&str> = report
        .notes
        .iter()
        .filter(|note| works.contains(&&note.work[..]))
        .map(|note| &note.why[..])
        .collect();
    notes.dedup();
    match notes.is_empty() {
        true => String::from(": it was not measured."),
        false => format!(": {}.", escape(&notes.join("; "))),
    }
}

pub fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;")
}
