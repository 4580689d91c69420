//! A plot as SVG: what all of them have in common.

use std::error::Error;

use plotters::coord::Shift;
use plotters::prelude::*;
use plotters::style::text_anchor::{HPos, Pos, VPos};

use super::colours::{Palette, INK, MUTED};
use super::data::Report;
use super::plots::{Plot, Shape};
use super::{bars, lines, number};

pub type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;

/// How wide each is, in the units of its text's size.
pub const WIDTH: u32 = 900;

/// The drawing, for a page that has the palette's style sheet; `None` if there is nothing to draw.
pub fn draw(plot: &Plot, report: &Report, palette: &Palette) -> Result<Option<String>, Box<dyn Error>> {
    let drawn = match plot.shape {
        Shape::Bars => bars::draw(plot, report, palette)?,
        Shape::Lines { x, y } => {
            let all = lines::over_size(report, &plot.parts[0]);
            lines::draw(&lines::Axes { x, y, tick: |x| number::whole(x as u64) }, &all, palette)?
        }
        Shape::Percentiles { x } => {
            let all = lines::percentiles(report, &plot.parts[0]);
            lines::draw(&lines::Axes { x, y: "microseconds", tick: lines::share }, &all, palette)?
        }
    };
    Ok(drawn.map(|svg| titled(&palette.dress(&svg), plot.title)))
}

/// The same as a file of its own, with a background and the style sheet.
pub fn alone(svg: &str, palette: &Palette) -> String {
    let style = format!(
        "<style>{}</style><rect width=\"100%\" height=\"100%\" fill=\"#ffffff\" class=\"f-paper\"/>",
        palette.style()
    );
    let end = svg.find("</title>").map_or(0, |at| at + "</title>".len());
    format!("{}\n{style}{}", &svg[..end], &svg[end..])
}

/// Draws into a picture of that height.
pub fn picture(
    height: u32,
    paint: impl FnOnce(&Area) -> Result<(), Box<dyn Error>>,
) -> Result<String, Box<dyn Error>> {
    let mut svg = String::new();
    {
        let area = SVGBackend::with_string(&mut svg, (WIDTH, height)).into_drawing_area();
        paint(&area)?;
        area.present()?;
    }
    Ok(svg)
}

/// What a reader for the blind says, and a width that the page decides.
fn titled(svg: &str, title: &str) -> String {
    let svg = svg.replacen("<svg ", "<svg role=\"img\" font-variant-numeric=\"tabular-nums\" ", 1);
    let end = svg.find("<svg").and_then(|from| svg[from..].find('>').map(|at| from + at + 1)).unwrap_or(0);
    format!("{}\n<title>{title}</title>{}", &svg[..end], &svg[end..])
}

pub fn text(size: u32, colour: &RGBColor, horizontal: HPos) -> TextStyle<'_> {
    TextStyle::from(("sans-serif", f64::from(size)).into_font())
        .color(colour)
        .pos(Pos::new(horizontal, VPos::Center))
}

pub fn ink(size: u32) -> TextStyle<'static> {
    text(size, &INK, HPos::Left)
}

pub fn muted(size: u32) -> TextStyle<'static> {
    text(size, &MUTED, HPos::Left)
}
