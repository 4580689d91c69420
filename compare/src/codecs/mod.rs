//! The command `codecs`: what frames cost to decode and encode, beside tokio-util's codecs and beside copying the same bytes.

mod case;
mod figures;
mod job;
mod ours;
mod theirs;
mod time;

use std::error::Error;
use std::process::ExitCode;

use lexopt::prelude::*;

use crate::{allocations, callgrind};
pub use figures::figures;

use case::{Case, Protocol, Side, Work, WHOLE};
use job::Job;

/// How many passes the two runs make that are compared. A pass is a megabyte of bodies, the same each time.
const FEW: u32 = 1;
const MANY: u32 = 2;

/// How many times fewer instructions decoding takes when short frames with a length prefix arrive whole.
const TIMES_FEWER: f64 = 4.0;

const HELP: &str = "\
What a frame costs in ringmq's codecs and in tokio-util's: `LengthPrefix` beside `LengthDelimitedCodec`, `Lines` beside `LinesCodec`.

usage: ringmq-compare codecs [OPTION]...

  --only CODEC    prefix or lines; both without it
  --instructions  counts user instructions under callgrind, in place of taking the time (wants valgrind)
  --check         counts instructions of decoding alone, and ends with status 1 when ours allocates, or needs more
                  than theirs, or less than four times fewer for 16 bytes with a length prefix that arrive whole
";

pub fn run(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let (mut is_counted, mut is_check, mut only) = (false, false, None);
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("instructions") => is_counted = true,
            Long("check") => is_check = true,
            Long("only") => only = Some(arguments.value()?.parse::<Protocol>()?),
            Long("help") | Short('h') => {
                print!("{HELP}");
                return Ok(ExitCode::SUCCESS);
            }
            other => return Err(other.unexpected().into()),
        }
    }
    if !is_counted && !is_check {
        time::run(only);
        return Ok(ExitCode::SUCCESS);
    }
    callgrind::check()?;
    println!("{:<27} {:>10} {:>10} {:>6}  allocations", "instructions per frame", "ours", "theirs", "ratio");
    let mut is_good = true;
    for (index, case) in Case::all().into_iter().enumerate() {
        if case.is_of(only) && (!is_check || case.is_decode()) {
            let is_kept = count(index, case)?.show(case, is_check);
            is_good &= is_kept || !is_check;
        }
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// `codec-passes INDEX SIDE PASSES`: what is run under callgrind.
pub fn run_passes(mut arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let index: usize = arguments.value()?.parse()?;
    let side = if arguments.value()? == "ours" { Side::Ours } else { Side::Theirs };
    let case = Case::all().get(index).copied().ok_or("no such case")?;
    Job::new(case).run(side, arguments.value()?.parse()?);
    Ok(ExitCode::SUCCESS)
}

/// What a frame needs on either side: ours and theirs.
struct Counts {
    instructions: [f64; 2],
    allocations: [f64; 2],
}

/// What our codecs need for a frame, for each case in which that is more than a copy.
pub fn our_instructions() -> impl Iterator<Item = Result<(String, f64), Box<dyn Error>>> {
    let cases = Case::all().into_iter().enumerate().filter(|(_, case)| case.body_len <= 256);
    cases.map(|(index, case)| {
        let words: Vec<String> = case.to_string().split_whitespace().map(String::from).collect();
        Ok((words.join("-"), instructions(index, case, "ours")?))
    })
}

fn instructions(index: usize, case: Case, side: &str) -> Result<f64, Box<dyn Error>> {
    let total = |passes: u32| {
        callgrind::count_alone(&["codec-passes", &index.to_string(), side, &passes.to_string()])
    };
    let (few, many) = (total(FEW)?, total(MANY)?);
    Ok((many as f64 - few as f64) / (f64::from(MANY - FEW) * case.frame_count() as f64))
}

fn count(index: usize, case: Case) -> Result<Counts, Box<dyn Error>> {
    Ok(Counts {
        instructions: [instructions(index, case, "ours")?, instructions(index, case, "theirs")?],
        allocations: [allocations_per_frame(case, Side::Ours), allocations_per_frame(case, Side::Theirs)],
    })
}

/// As with the instructions, what is allocated once drops out.
fn allocations_per_frame(case: Case, side: Side) -> f64 {
    let mut job = Job::new(case);
    job.run(side, 1);
    let mut total = |passes| {
        let before = allocations::count();
        job.run(side, passes);
        allocations::count() - before
    };
    let (few, many) = (total(FEW), total(MANY));
    (many as f64 - few as f64) / (f64::from(MANY - FEW) * case.frame_count() as f64)
}

impl Counts {
    /// Prints the row; answers whether it is as it is to be.
    fn show(&self, case: Case, is_check: bool) -> bool {
        let [ours, theirs] = self.instructions;
        let [our_allocations, their_allocations] = self.allocations;
        let is_short = case.protocol == Protocol::Prefix
            && case.body_len == 16
            && case.work == Work::Decode { piece_len: WHOLE };
        let limit = if is_short { theirs / TIMES_FEWER } else { theirs };
        let verdict = match (our_allocations == 0.0, ours <= limit) {
            _ if !is_check => "",
            (true, true) => "  ok",
            (false, _) => "  ALLOCATES",
            (true, false) => "  TOO MANY",
        };
        println!(
            "{case} {ours:>10.1} {theirs:>10.1} {:>6.3}  {our_allocations:.3} / {their_allocations:.3}{verdict}",
            ours / theirs
        );
        our_allocations == 0.0 && ours <= limit
    }
}
