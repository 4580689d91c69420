//! Numbers as they are read: three figures, thousands apart, and the ticks of a logarithmic axis.

/// With as many digits as are worth reading.
pub fn show(value: f64) -> String {
    match value.abs() {
        v if v >= 1e9 => format!("{} G", digits(value / 1e9)),
        v if v >= 1e6 => format!("{} M", digits(value / 1e6)),
        v if v >= 1e4 => whole(value.round() as u64),
        _ => digits(value),
    }
}

fn digits(value: f64) -> String {
    match value.abs() {
        v if v >= 1e3 => whole(value.round() as u64),
        v if v >= 100.0 => format!("{value:.0}"),
        v if v >= 10.0 => trimmed(format!("{value:.1}")),
        _ => trimmed(format!("{value:.2}")),
    }
}

fn trimmed(text: String) -> String {
    text.trim_end_matches('0').trim_end_matches('.').to_string()
}

/// With thousands apart.
pub fn whole(value: u64) -> String {
    let text = value.to_string();
    let mut shown = String::new();
    for (at, digit) in text.chars().enumerate() {
        if at > 0 && (text.len() - at).is_multiple_of(3) {
            shown.push(',');
        }
        shown.push(digit);
    }
    shown
}

/// An axis that has all values in it: where it begins and ends, and its ticks. They are powers of ten, and twice and five times those when
/// there would be few.
pub fn log_axis(values: impl Iterator<Item = f64>) -> (f64, f64, Vec<f64>) {
    let (mut least, mut most) = (f64::INFINITY, 0_f64);
    for value in values.filter(|value| *value > 0.0) {
        (least, most) = (least.min(value), most.max(value));
    }
    if least > most {
        (least, most) = (1.0, 10.0);
    }
    let (low, high) = (least / 1.25, most * 1.25);
    let decades = (low.log10().floor() as i32)..=(high.log10().ceil() as i32);
    let steps: &[f64] = if (high / low).log10() < 3.0 { &[1.0, 2.0, 5.0] } else { &[1.0] };
    let ticks = decades.flat_map(|power| steps.iter().map(move |step| step * 10_f64.powi(power)));
    (low, high, ticks.filter(|tick| (low..=high).contains(tick)).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_figures_and_a_unit() {
        let shown = [0.0, 2.5, 14.26, 119.4, 9_900.0, 48_123.0, 16_400_000.0, 2.0e9].map(show);
        assert_eq!(shown, ["0", "2.5", "14.3", "119", "9,900", "48,123", "16.4 M", "2 G"]);
    }

    #[test]
    fn an_axis_has_all_values_and_ticks_within() {
        let (low, high, ticks) = log_axis([10.0, 9_900.0, 0.0].into_iter());
        assert!(low < 10.0 && high > 9_900.0);
        assert_eq!(ticks, [10.0, 100.0, 1_000.0, 10_000.0]);
        assert_eq!(log_axis([80.0, 300.0].into_iter()).2, [100.0, 200.0]);
    }
}
