//! Panels of bars, each with the contestant's name before it and its value behind it.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::colours::{is_ours, Palette, GRID, INK};
use super::data::{Report, Value};
use super::draw::{ink, picture, text, Area, WIDTH};
use super::number;
use super::plots::{Part, Plot};

/// A bar and what is between two.
const ROW: i32 = 26;
/// For a panel's title, and below its bars.
const HEAD: i32 = 40;
/// For the names, and for the values.
const NAMES: i32 = 175;
const VALUES: i32 = 75;

struct Bar<'a> {
    name: &'a str,
    value: f64,
    least: f64,
    most: f64,
}

/// `None` if no panel has a bar.
pub fn draw(plot: &Plot, report: &Report, palette: &Palette) -> Result<Option<String>, Box<dyn Error>> {
    let panels: Vec<(&Part, Vec<Bar>)> = plot.parts.iter().map(|part| (part, bars(report, part))).collect();
    let panels: Vec<_> = panels.into_iter().filter(|(_, bars)| !bars.is_empty()).collect();
    let columns = panels.len().min(2);
    if columns == 0 {
        return Ok(None);
    }
    let heights: Vec<i32> = panels.chunks(columns).map(height).collect();
    let svg = picture(heights.iter().sum::<i32>() as u32, |area| {
        let (mut top, width) = (0, WIDTH as i32 / columns as i32);
        for (row, height) in panels.chunks(columns).zip(&heights) {
            for (column, (part, bars)) in row.iter().enumerate() {
                panel(area, (column as i32 * width, top), width, part.title, bars, palette)?;
            }
            top += height;
        }
        Ok(())
    })?;
    Ok(Some(svg))
}

fn height(row: &[(&Part, Vec<Bar>)]) -> i32 {
    HEAD + 12 + row.iter().map(|(_, bars)| bars.len() as i32 * ROW).max().unwrap_or(0)
}

/// From the least value.
fn bars<'a>(report: &'a Report, part: &Part) -> Vec<Bar<'a>> {
    let figures = report.of(part.work, part.measure).filter(|f| part.size.is_none() || f.size == part.size);
    let mut bars: Vec<Bar> = figures
        .filter_map(|figure| match figure.value {
            Value::Rounds { median, least, most } => {
                Some(Bar { name: &figure.contestant, value: median, least, most })
            }
            _ => None,
        })
        .collect();
    bars.sort_by(|a, b| a.value.total_cmp(&b.value));
    bars
}

fn panel(
    area: &Area,
    (left, top): (i32, i32),
    width: i32,
    title: &str,
    bars: &[Bar],
    palette: &Palette,
) -> Result<(), Box<dyn Error>> {
    area.draw(&Text::new(title.to_string(), (left + 8, top + 18), ink(17)))?;
    let zero = left + NAMES;
    let longest = f64::from(width - NAMES - VALUES);
    let most = bars.iter().map(|bar| bar.most).fold(f64::MIN_POSITIVE, f64::max);
    let at = |value: f64| zero + (value.max(0.0) / most * longest).round() as i32;
    for (index, bar) in bars.iter().enumerate() {
        let (middle, colour) = (top + HEAD + index as i32 * ROW + ROW / 2, palette.colour(bar.name));
        let half = if is_ours(bar.name) { 9 } else { 5 };
        let mut name = text(16, if is_ours(bar.name) { &colour } else { &INK }, HPos::Right);
        let mut value = ink(16);
        if is_ours(bar.name) {
            name.font = name.font.style(FontStyle::Bold);
            value.font = value.font.style(FontStyle::Bold);
        }
        area.draw(&Text::new(bar.name.to_string(), (zero - 8, middle), name))?;
        let corners = [(zero, middle - half), (at(bar.value).max(zero + 1), middle + half)];
        area.draw(&Rectangle::new(corners, colour.filled()))?;
        if bar.least < bar.most {
            let ends = vec![(at(bar.least), middle), (at(bar.most), middle)];
            area.draw(&PathElement::new(ends, INK.stroke_width(1)))?;
        }
        area.draw(&Text::new(number::show(bar.value), (at(bar.value.max(bar.most)) + 6, middle), value))?;
    }
    let bottom = top + HEAD + bars.len() as i32 * ROW;
    area.draw(&PathElement::new(vec![(zero, top + HEAD - 4), (zero, bottom + 4)], GRID.stroke_width(1)))?;
    Ok(())
}
