//! Takes the time: the sides by turns in one run, since what else a machine does changes from second to second.

use std::time::Instant;

use super::case::{Case, Protocol, Side};
use super::job::Job;

const ROUNDS: usize = 21;
/// In one round, so that what it takes to set up does not tell: fresh memory is dear the first time.
const PASSES: u32 = 8;
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

fn measure(case: Case) {
    let jobs = SIDES.map(|side| Job::new(case, side));
    let mut times = SIDES.map(|_| Vec::with_capacity(ROUNDS));
    jobs.iter().for_each(|job| job.run(1)); // to have it all in the caches
    for round in 0..ROUNDS {
        for turn in 0..SIDES.len() {
            let side = (round + turn) % SIDES.len(); // none is always the first
            let start = Instant::now();
            jobs[side].run(PASSES);
            let frames = f64::from(PASSES) * case.frame_count() as f64;
            times[side].push(start.elapsed().as_nanos() as f64 / frames);
        }
    }
    let [ours, theirs, copy] = times;
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
