//! From figures to files, with a handful of each.

use std::fs;

use super::colours::Palette;
use super::data::{Figure, Note, Report, Value};
use super::machine::Machine;
use super::options::Options;
use super::plots::PLOTS;
use super::{draw, load, page, say, table, write};

fn figure(
    work: &'static str,
    contestant: &str,
    size: impl Into<Option<u64>>,
    measure: &'static str,
    value: f64,
) -> Figure {
    let value = Value::Rounds { median: value, least: value * 0.9, most: value * 1.2 };
    Figure { work, contestant: contestant.to_string(), size: size.into(), measure, value }
}

/// Idle pipes, on which poll is ahead of epoll as long as they are few; two latencies; and one that cannot do it.
fn report() -> Report {
    let mut figures = Vec::new();
    for (contestant, few, many) in [
        ("hand", 300.0, 305.0),
        ("ringmq epoll", 310.0, 312.0),
        ("ringmq poll", 200.0, 9000.0),
        ("mio <&>", 350.0, 360.0),
    ] {
        figures.push(figure("chain-idle", contestant, 10, "ns", few));
        figures.push(figure("chain-idle", contestant, 9_900, "ns", many));
        figures.push(figure("post", contestant, None, "ns", few));
    }
    for (contestant, nanoseconds) in [("hand", 10_000), ("ringmq epoll", 10_500)] {
        let value = Value::Distribution((0..1_000).map(|at| nanoseconds + at * 10).collect());
        let contestant = contestant.to_string();
        figures.push(Figure { work: "wake", contestant, size: None, measure: "latency", value });
    }
    let value = Value::Cannot(String::from("takes nothing from other threads"));
    figures.push(Figure {
        work: "wake",
        contestant: String::from("libev"),
        size: None,
        measure: "latency",
        value,
    });
    let value = Value::Cannot(String::from("has 1,024 descriptors at most"));
    let contestant = String::from("hand-select");
    figures.push(figure("chain-idle", &contestant, 10, "ns", 400.0));
    figures.push(Figure { work: "chain-idle", contestant, size: Some(9_900), measure: "ns", value });
    let notes = vec![Note { work: String::from("messages"), why: String::from("built without <libzmq>") }];
    let machine = Machine { kernel: String::from("Linux 6.1"), cores: 2, ..Machine::default() };
    Report { machine, is_quick: true, notes, figures }
}

fn drawn(name: &str, report: &Report) -> Option<String> {
    let plot = PLOTS.iter().find(|plot| plot.name == name).expect("there is such a plot");
    draw::draw(plot, report, &Palette::of(report)).unwrap()
}

fn said(name: &str) -> String {
    said_of(name, &report())
}

fn said_of(name: &str, report: &Report) -> String {
    let plot = PLOTS.iter().find(|plot| plot.name == name).expect("there is such a plot");
    let said = say::say(plot, report);
    format!("{} {}", said.found.join(" "), said.choice.unwrap_or_default())
}

/// Panics unless each element that begins also ends, in order, and nothing stands bare that markup begins with.
fn assert_well_formed(text: &str) {
    let mut open: Vec<&str> = Vec::new();
    for piece in text.split('<').skip(1) {
        let (tag, rest) = piece.split_once('>').unwrap_or_else(|| panic!("a tag without an end: {piece}"));
        assert!(!rest.contains('>') && tag.matches('"').count() % 2 == 0, "{piece}");
        let name = tag.split_whitespace().next().unwrap_or_default();
        match name.strip_prefix('/') {
            Some(name) => assert_eq!(open.pop(), Some(name), "{piece}"),
            None if tag.ends_with('/') || name.starts_with(['!', '?']) => {}
            None => open.push(name),
        }
    }
    assert_eq!(open, Vec::<&str>::new());
}

#[test]
fn a_drawing_is_well_formed_and_has_a_line_for_each_contestant() {
    let (report, palette) = (report(), Palette::of(&report()));
    let svg = drawn("idle", &report).expect("there are figures");
    assert_well_formed(&draw::alone(&svg, &palette));
    for contestant in ["hand", "ringmq epoll", "ringmq poll", "mio <&>"] {
        let class = format!("class=\"s-c{}\"", palette.slot(contestant));
        // Those with three points or fewer are the leaders to names and the whiskers, which are thin.
        let lines = svg.split('<').filter(|tag| tag.starts_with("polyline") && tag.contains(&class));
        assert_eq!(lines.filter(|tag| !tag.contains("stroke-width=\"1\"")).count(), 1, "{contestant}: {svg}");
    }
    assert!(!svg.contains("FE\""), "a colour that stands for another was left: {svg}");
    assert_well_formed(&drawn("wake", &report).expect("there are latencies"));
    assert_well_formed(&drawn("post", &report).expect("there are figures"));
}

#[test]
fn a_work_without_figures_says_so_and_why() {
    let report = report();
    assert_eq!(drawn("messages", &report), None);
    let drawings = PLOTS.map(|plot| draw::draw(&plot, &report, &Palette::of(&report)).unwrap());
    let html = page::page(&report, &Palette::of(&report), &drawings);
    assert_eq!(html.matches("<section").count(), PLOTS.len());
    assert!(html.contains("No figures: built without &lt;libzmq&gt;."));
    assert!(html.contains("No figures: it was not measured."));
    assert!(html.contains("cannot: takes nothing from other threads"));
    for outside in ["<script", "src=", "@import", "url("] {
        assert!(!html.contains(outside), "{outside}");
    }
}

#[test]
fn what_is_said_follows_from_the_figures() {
    let idle = said("idle");
    assert!(
        idle.contains(
            "At 9,900 instead of 10, ringmq epoll costs the same, ringmq poll costs 45 times as much."
        ),
        "{idle}"
    );
    assert!(idle.contains("Choose ringmq poll at 10; ringmq epoll at 9,900."), "{idle}");
    let post = said("post");
    assert!(
        post.contains("ringmq poll takes 200 ns, 0.67 times") && post.contains("Choose ringmq poll"),
        "{post}"
    );
    let wake = said("wake");
    assert!(wake.contains("ringmq epoll takes 15.5 us, 1.03 times the hand-written loop's 15"), "{wake}");
}

/// A tenth and more lies between the medians, but nobody was always ahead.
#[test]
fn what_some_rounds_do_not_tell_apart_is_level() {
    let mut report = report();
    report.figures.retain(|figure| figure.work != "post");
    for (contestant, ns) in [("ringmq epoll", 100.0), ("ringmq poll", 115.0), ("mio <&>", 90.0)] {
        report.figures.push(figure("post", contestant, None, "ns", ns));
    }
    let post = said_of("post", &report);
    assert!(post.contains("mio <&>, the first of the others, is level with it with 90."), "{post}");
    assert!(!post.contains("Choose"), "{post}");
}

#[test]
fn a_table_has_all_figures_beside_the_limit() {
    let idle = PLOTS.iter().find(|plot| plot.name == "idle").expect("there is such a plot");
    let html = table::table(idle, &report(), &Palette::of(&report()));
    assert_well_formed(&html.replace("<br>", " "));
    assert!(html.contains("9,000 <b>×29.5</b><small>8,100 – 10,800</small>"), "{html}");
    assert!(html.contains("mio &lt;&amp;&gt;"), "{html}");
    // It cannot do one size, and has done the other.
    assert_eq!(html.matches("cannot: has 1,024 descriptors at most").count(), 1, "{html}");
}

#[test]
fn figures_that_are_kept_are_drawn_again() {
    let folder = std::env::temp_dir().join(format!("ringmq-compare-report-{}", std::process::id()));
    let report = report();
    write(&report, &folder).unwrap();
    let options = |arguments: &[&str]| Options::parse(lexopt::Parser::from_args(arguments)).unwrap().unwrap();
    let kept = folder.join("report.json");
    assert_eq!(load(&kept, &options(&[])).unwrap(), report);
    let some = load(&kept, &options(&["--only", "wake", "--peers", "none"])).unwrap();
    assert!(some.figures.iter().all(|figure| figure.work == "wake"));
    assert_eq!(some.figures.len(), 2);
    // What is no longer there is not left from the time before.
    assert!(folder.join("idle.svg").exists());
    write(&some, &folder).unwrap();
    assert!(!folder.join("idle.svg").exists() && folder.join("wake.svg").exists());
    fs::write(&kept, "{").unwrap();
    let error = load(&kept, &options(&[])).unwrap_err().to_string();
    assert!(error.contains("report.json") && !error.contains('\n'), "{error}");
    fs::remove_dir_all(folder).unwrap();
}
