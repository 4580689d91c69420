//! What is tried, and what must come of it.

mod crowds;
mod heartbeats;
mod pairs;
mod publishing;
mod refusals;
mod restarts;
mod ringcat;
mod strangers;

use crate::bench::Bench;

/// A sentence that says what must come of it, and the proof.
pub type Row = (&'static str, fn(&Bench));

pub fn rows() -> impl Iterator<Item = &'static Row> {
    let all = [
        pairs::ROWS,
        publishing::ROWS,
        crowds::ROWS,
        restarts::ROWS,
        strangers::ROWS,
        refusals::ROWS,
        heartbeats::ROWS,
        ringcat::ROWS,
    ];
    all.into_iter().flatten()
}
