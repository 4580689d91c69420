//! Takes the time: the sides by turns in one run, since what else a machine does changes from second to second.

use std::time::Instant;

use super::case::{Case, Protocol, Side};
use super::job::Job;

const ROUNDS: usize = 36;
const PASSES: u32 = 16;
/// So many rounds make up a page, in lines of the caches.
const STEP: usize = 4096 / ROUNDS / 64 * 64;
const SIDES: [Side; 3] = [Side::Ours, Side::Theirs, Side::Copy];

pub fn run(only: Option<Protocol>) {
    println!(
        "{:<27} {:>25} {:>25} {:>9} {:>22}  allocations",
        "ns per frame", "ours", "theirs", "copy", "ours/theirs"
    );
    for case in Case::all().into_iter().filter(|case| case.is_of(only)) {
        measure(case);
    }
}

/// How long it is tried.
#[derive(Clone, Copy)]
pub struct Effort {
    pub rounds: usize,
    /// In one round.
    pub passes: u32,
}

/// Nanoseconds for a frame, of each round: ours, theirs, and those of a copy.
pub fn times(case: Case, effort: Effort) -> [Vec<f64>; 3] {
    let mut times = SIDES.map(|_| Vec::with_capacity(effort.rounds));
    for round in 0..effort.rounds {
        // In other pages each time, and elsewhere in them: where it lies decides more of what a copy takes than a codec
        // can, so it is the same for all sides, and no one place decides.
        let mut job = Job::padded(case, round * STEP);
        SIDES.iter().for_each(|side| job.run(*side, 1)); // to have it all in the caches, and no page new
        for turn in 0..SIDES.len() {
            // None is always the first, and none always comes after the same.
            let turn = if round % 2 == 0 { turn } else { SIDES.len() - 1 - turn };
            let side = (round / 2 + turn) % SIDES.len();
            let start = Instant::now();
            job.run(SIDES[side], effort.passes);
            let frames = f64::from(effort.passes) * case.frame_count() as f64;
            times[side].push(start.elapsed().as_nanos() as f64 / frames);
        }
    }
    times
}

fn measure(case: Case) {
    let [ours, theirs, copy] = times(case, Effort { rounds: ROUNDS, passes: PASSES });
    let ratios = ours.iter().zip(&theirs).map(|(ours, theirs)| ours / theirs).collect();
    let (ours, theirs, ratio) = (Spread::of(ours), Spread::of(theirs), Spread::of(ratios));
    println!(
        "{case} {:>25} {:>25} {:>9.1} {:>22}  {:.3} / {:.3}",
        ours.show(1),
        theirs.show(1),
        Spread::of(copy).median,
        ratio.show(3),
        super::allocations_per_frame(case, Side::Ours),
        super::allocations_per_frame(case, Side::Theirs),
    );
}

/// The median, and between what values the middle half lies.
struct Spread {
    low: f64,
    median: f64,
    high: f64,
}

impl Spread {
    fn of(mut values: Vec<f64>) -> Spread {
        values.sort_by(f64::total_cmp);
        let at = |part: usize| values[(values.len() - 1) * part / 4];
        Spread { low: at(1), median: at(2), high: at(3) }
    }

    fn show(&self, digits: usize) -> String {
        format!("{:.digits$} ({:.digits$}-{:.digits$})", self.median, self.low, self.high)
    }
}
