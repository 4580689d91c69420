//! Lines over logarithmic axes, each named where it ends.

use std::error::Error;

use plotters::prelude::*;
use plotters::style::text_anchor::HPos;

use super::colours::{is_limit, is_ours, Palette, GRID, MUTED};
use super::data::{quantile, Report, Value};
use super::draw::{muted, picture, text, Area, WIDTH};
use super::number;
use super::plots::Part;

const HEIGHT: u32 = 480;
/// For the names, at the right.
const NAMES: u32 = 195;
/// Between two names, so that they can be read.
const LINE: i32 = 20;
/// Below this are the ticks.
const BOTTOM: i32 = HEIGHT as i32 - 62;

pub struct Axes {
    pub x: &'static str,
    pub y: &'static str,
    /// What is written at a value of `x`.
    pub tick: fn(f64) -> String,
}

pub struct Series {
    name: String,
    points: Vec<Point>,
}

struct Point {
    x: f64,
    y: f64,
    /// Between what values all rounds lie.
    rounds: Option<(f64, f64)>,
}

/// A series for each contestant, over the sizes.
pub fn over_size(report: &Report, part: &Part) -> Vec<Series> {
    let mut all: Vec<Series> = Vec::new();
    for figure in report.of(part.work, part.measure) {
        let (Some(size), Value::Rounds { median, least, most }) = (figure.size, &figure.value) else {
            continue;
        };
        let point = Point { x: size as f64, y: *median, rounds: Some((*least, *most)) };
        match all.iter_mut().find(|series| series.name == figure.contestant) {
            Some(series) => series.points.push(point),
            None => all.push(Series { name: figure.contestant.clone(), points: vec![point] }),
        }
    }
    all.iter_mut().for_each(|series| series.points.sort_by(|a, b| a.x.total_cmp(&b.x)));
    all
}

/// A series for each contestant, over the share of what took no longer: 90 % stands at 10, 99 % at 100.
pub fn percentiles(report: &Report, part: &Part) -> Vec<Series> {
    let all = report.distributions(part.work).filter(|(_, sorted)| !sorted.is_empty());
    all.map(|(name, sorted)| {
        // As far as ten of the slowest still stand behind a point.
        let end = (sorted.len() as f64 / 10.0).clamp(2.0, 1e4).log10();
        let points = (0..=60).filter_map(|step| {
            let x = 10_f64.powf(end * f64::from(step) / 60.0);
            Some(Point { x, y: quantile(sorted, 1.0 - 1.0 / x)? / 1e3, rounds: None })
        });
        Series { name: name.to_string(), points: points.collect() }
    })
    .collect()
}

/// The share that stands at such a value of a percentile plot.
pub fn share(x: f64) -> String {
    match x.round() as u64 {
        1 => String::from("least"),
        2 => String::from("50 %"),
        10 => String::from("90 %"),
        100 => String::from("99 %"),
        1_000 => String::from("99.9 %"),
        10_000 => String::from("99.99 %"),
        _ => String::new(),
    }
}

pub fn draw(axes: &Axes, all: &[Series], palette: &Palette) -> Result<Option<String>, Box<dyn Error>> {
    let points = || all.iter().flat_map(|series| &series.points);
    if points().next().is_none() {
        return Ok(None);
    }
    let (left, right, mut x_ticks) = number::log_axis(points().map(|point| point.x));
    let bounds = points().flat_map(|p| [p.y, p.rounds.map_or(p.y, |r| r.0), p.rounds.map_or(p.y, |r| r.1)]);
    let (bottom, top, y_ticks) = number::log_axis(bounds);
    if all.iter().any(|series| series.points.iter().any(|point| point.rounds.is_none())) {
        x_ticks = [1.0, 2.0, 10.0, 100.0, 1e3, 1e4].into_iter().filter(|tick| *tick <= right).collect();
    } else if points().all(|point| point.x.log10().fract() != 0.0) || x_ticks.len() > 8 {
        // Sizes that are no powers of ten are their own ticks.
        x_ticks = points().map(|point| point.x).collect();
        x_ticks.sort_by(f64::total_cmp);
        x_ticks.dedup();
    }
    let svg = picture(HEIGHT, |area| {
        let (plot, _) = area.split_horizontally(WIDTH - NAMES);
        let mut chart = ChartBuilder::on(&plot)
            .margin(8)
            .margin_top(28)
            .x_label_area_size(52)
            .y_label_area_size(72)
            .build_cartesian_2d(
                (left..right).log_scale().with_key_points(x_ticks),
                (bottom..top).log_scale().with_key_points(y_ticks),
            )?;
        chart
            .configure_mesh()
            .x_desc(axes.x)
            .x_label_formatter(&|x| (axes.tick)(*x))
            .y_label_formatter(&|y| number::show(*y))
            .bold_line_style(GRID)
            .light_line_style(TRANSPARENT)
            .axis_style(MUTED)
            .label_style(text(16, &MUTED, HPos::Left))
            .axis_desc_style(text(17, &MUTED, HPos::Left))
            .draw()?;
        area.draw(&Text::new(axes.y, (10, 12), muted(17)))?;
        // Ours last, so that they lie above all others.
        let mut order: Vec<&Series> = all.iter().filter(|series| !series.points.is_empty()).collect();
        order.sort_by_key(|series| is_ours(&series.name));
        for series in &order {
            let colour = palette.colour(&series.name);
            let width = if is_ours(&series.name) { 4 } else { 2 };
            let style = colour.stroke_width(width);
            for point in &series.points {
                if let Some((least, most)) = point.rounds.filter(|(least, most)| least < most) {
                    let ends = vec![(point.x, least), (point.x, most)];
                    chart.draw_series([PathElement::new(ends, colour.stroke_width(1))])?;
                }
            }
            chart
                .draw_series(LineSeries::new(series.points.iter().map(|point| (point.x, point.y)), style))?;
            if series.points.iter().any(|point| point.rounds.is_some()) && !is_limit(&series.name) {
                let dots = series.points.iter();
                chart.draw_series(dots.map(|p| Circle::new((p.x, p.y), width, colour.filled())))?;
            }
        }
        let ends = order.iter().filter_map(|series| {
            let last = series.points.last()?;
            Some((series.name.as_str(), chart.backend_coord(&(last.x, last.y))))
        });
        names(area, ends.collect(), palette)?;
        Ok(())
    })?;
    Ok(Some(svg))
}

/// Writes each name where its line ends: at the right those that come as far as any, beside the line the others.
fn names(area: &Area, ends: Vec<(&str, (i32, i32))>, palette: &Palette) -> Result<(), Box<dyn Error>> {
    let edge = (WIDTH - NAMES) as i32;
    let far = ends.iter().map(|(_, (x, _))| *x).max().unwrap_or(0);
    let (far, near): (Vec<_>, Vec<_>) = ends.into_iter().partition(|(_, (x, _))| *x == far);
    let far = spread(far).into_iter().map(|end| (end, edge - 2));
    let near = spread(near).into_iter().map(|end| (end, end.1 .0 + 12));
    for ((name, (x, y), at), left) in far.chain(near) {
        let colour = palette.colour(name);
        let leader = vec![(x + 6, y), (left + 4, at), (left + 12, at)];
        area.draw(&PathElement::new(leader, colour.stroke_width(1)))?;
        let mut style = text(17, &colour, HPos::Left);
        if is_ours(name) {
            style.font = style.font.style(FontStyle::Bold);
        }
        area.draw(&Text::new(name.to_string(), (left + 16, at), style))?;
    }
    Ok(())
}

/// Heights for the names, in the order of the lines' ends and as near to them as there is room.
fn spread(mut ends: Vec<(&str, (i32, i32))>) -> Vec<(&str, (i32, i32), i32)> {
    ends.sort_by_key(|(_, (_, y))| *y);
    let mut heights: Vec<i32> = Vec::with_capacity(ends.len());
    for (_, (_, y)) in &ends {
        let free = heights.last().map_or(LINE, |above| above + LINE);
        heights.push(free.max(*y));
    }
    // Who would be below the picture pushes the others up.
    let mut limit = BOTTOM;
    for height in heights.iter_mut().rev() {
        *height = (*height).min(limit);
        limit = *height - LINE;
    }
    ends.into_iter().zip(heights).map(|((name, end), height)| (name, end, height)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order_apart_and_within_the_picture() {
        let ends = [("a", 300), ("b", 301), ("c", 299), ("d", 20)];
        let placed = spread(ends.iter().map(|(name, y)| (*name, (0, *y + 100))).collect());
        assert_eq!(placed.iter().map(|(name, _, _)| *name).collect::<String>(), "dcab");
        assert!(placed.windows(2).all(|pair| pair[1].2 - pair[0].2 >= LINE), "{placed:?}");
        assert!(placed.iter().all(|(_, _, at)| *at <= BOTTOM), "{placed:?}");
    }
}
