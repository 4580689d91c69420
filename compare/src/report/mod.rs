//! Without a command: measures all there is, and writes it as a page, as drawings and as JSON.

mod bars;
mod colours;
pub mod data;
mod draw;
mod goals;
pub mod limit;
mod lines;
mod machine;
mod measure;
mod number;
mod options;
mod page;
mod plots;
mod say;
mod table;
#[cfg(test)]
mod tests;

use std::error::Error;
use std::fs;
use std::path::Path;
use std::process::ExitCode;

pub use options::HELP;

use colours::Palette;
use data::{Figure, Report, WORKS};
use machine::Machine;
use options::Options;
use plots::PLOTS;

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let Some(options) = Options::parse(arguments)? else {
        print!("{}", crate::help());
        return Ok(ExitCode::SUCCESS);
    };
    let report = match &options.from {
        Some(file) => load(file, &options)?,
        None => measure(&options)?,
    };
    write(&report, &options.out)?;
    eprintln!("{}", options.out.join("report.html").display());
    Ok(ExitCode::SUCCESS)
}

/// The times, and what can be counted.
fn measure(options: &Options) -> Result<Report, Box<dyn Error>> {
    let mut report = measure::time(options)?;
    match measure::counts(options) {
        Ok(()) => {
            // Who has seen enough of it need not wait for the counts.
            write(&report, &options.out)?;
            eprintln!(
                "{}: the times; what can be counted follows",
                options.out.join("report.html").display()
            );
            measure::count(options, &mut report);
        }
        Err(why) => measure::note_without_counts(options, &*why, &mut report),
    }
    Ok(report)
}

/// What a run has kept, as far as it is asked for.
fn load(file: &Path, options: &Options) -> Result<Report, Box<dyn Error>> {
    let named = |error: &dyn Error| format!("{}: {error}", file.display());
    let text = fs::read_to_string(file).map_err(|error| named(&error))?;
    let mut report: Report = serde_json::from_str(&text).map_err(|error| named(&error))?;
    if let Some(figure) = report.figures.iter().find(|figure| !WORKS.contains(&figure.work)) {
        return Err(format!("{}: no work {:?}", file.display(), figure.work).into());
    }
    report.figures.retain(|figure| options.wants_work(figure.work) && options.wants(&figure.contestant));
    Ok(report)
}

/// Writes what a command has measured as a `report.json`, which `--from` draws.
pub fn keep(file: &Path, is_quick: bool, figures: Vec<Figure>) -> Result<(), Box<dyn Error>> {
    let report = Report { machine: Machine::here(), is_quick, notes: Vec::new(), figures };
    let text = serde_json::to_string(&report)?;
    fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()).into())
}

fn write(report: &Report, out: &Path) -> Result<(), Box<dyn Error>> {
    let put = |name: &str, text: String| {
        let file = out.join(name);
        fs::write(&file, text).map_err(|error| format!("{}: {error}", file.display()))
    };
    fs::create_dir_all(out).map_err(|error| format!("{}: {error}", out.display()))?;
    // Before anything is drawn: figures take minutes.
    put("report.json", serde_json::to_string(report)?)?;
    let palette = Palette::of(report);
    let mut drawings = Vec::new();
    for plot in &PLOTS {
        let drawing = draw::draw(plot, report, &palette)?;
        let name = format!("{}.svg", plot.name);
        match &drawing {
            Some(svg) => put(&name, draw::alone(svg, &palette))?,
            // One of an earlier run would be taken for one of this.
            None => drop(fs::remove_file(out.join(name))),
        }
        drawings.push(drawing);
    }
    Ok(put("report.html", page::page(report, &palette, &drawings))?)
}
