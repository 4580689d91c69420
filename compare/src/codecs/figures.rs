//! Frames in a second, for the report.

use super::case::{Case, Protocol, Work, WHOLE};
use super::time::{times, Effort};
use crate::report::data::{Figure, Value};

const QUICK: Effort = Effort { rounds: 4, passes: 4 };
const WELL: Effort = Effort { rounds: 18, passes: 8 };

/// Of all codecs and sizes, when frames arrive in large pieces.
pub fn figures(is_quick: bool, tell: &mut dyn FnMut(&str)) -> Vec<Figure> {
    let mut figures = Vec::new();
    for case in Case::all() {
        let measure = match (case.protocol, case.work) {
            (Protocol::Prefix, Work::Decode { piece_len: WHOLE }) => "decoded per second",
            (Protocol::Prefix, Work::Encode) => "encoded per second",
            (Protocol::Lines, Work::Decode { piece_len: WHOLE }) => "lines decoded per second",
            (Protocol::Lines, Work::Encode) => "lines encoded per second",
            _ => continue,
        };
        tell(&case.to_string());
        let all = times(case, if is_quick { QUICK } else { WELL });
        for (contestant, times) in ["ringmq", "tokio-util", "copy"].into_iter().zip(all) {
            figures.push(Figure {
                work: "frames",
                contestant: contestant.to_string(),
                size: Some(case.body_len as u64),
                measure,
                value: Value::of(times.iter().map(|ns| 1e9 / ns).collect()),
            });
        }
    }
    figures
}
