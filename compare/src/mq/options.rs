//! What is asked for on the command line.

use std::error::Error;
use std::path::PathBuf;

use lexopt::prelude::*;

use super::case::{Case, Contestant};
use super::play::Counter;

const ROUNDS: usize = 5;

pub const HELP: &str = "\
Message-queue sockets between two processes over TCP, as libzmq's local_thr, remote_thr, local_lat and remote_lat measure them.

usage: ringmq-compare mq [OPTION]...

  --only ROW           measures this row, and others that are named so; all rows without it
  --with CONTESTANT    measures this one, and others that are named so; all that the program was built with without it
  --rounds N           how often each is measured, by turns; 5 unless given
  --count N            so many messages, or round trips of each requester, in place of the row's own number
  --instructions       counts user instructions per message under callgrind, in place of taking the time (wants valgrind)
  --calls              counts system calls per message under strace, in place of taking the time (wants strace)
  --profile DIRECTORY  with --instructions: keeps the profiles there, for callgrind_annotate
  --check              with --instructions: ends with status 1 when ours needs more than libzmq, in either process

rows:
  push-pull-16, -64, -1024, -65536, -1048576   one PUSH and one PULL, messages of so many bytes
  req-rep-1, req-rep-50                        so many REQ and one REP, 64 bytes

contestants:
  hand                     epoll and frames by hand: requests and replies alone (Linux)
  loop, loop-ring          ours, on a loop of one's own, in ZMTP and in RingMQ's own protocol
  blocking, blocking-ring  ours, by threads that block
  tokio                    with --features peers
  libzmq                   with --features libzmq
  nng                      with --features nng
";

/// What is measured of a row.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Mode {
    Times,
    Counts(Counter),
}

pub struct Options {
    pub cases: Vec<Case>,
    pub contestants: Vec<Contestant>,
    pub rounds: usize,
    pub mode: Mode,
    pub is_check: bool,
    pub profile: Option<PathBuf>,
}

impl Options {
    /// `None` when help was asked for.
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
        let mut options = Options {
            cases: Vec::new(),
            contestants: Vec::new(),
            rounds: ROUNDS,
            mode: Mode::Times,
            is_check: false,
            profile: None,
        };
        let mut count = None;
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("only") => options.cases.push(case_of(&arguments.value()?.string()?)?),
                Long("with") => options.contestants.push(arguments.value()?.parse()?),
                Long("rounds") => options.rounds = arguments.value()?.parse()?,
                Long("count") => count = Some(arguments.value()?.parse()?),
                Long("instructions") => options.mode = Mode::Counts(Counter::Instructions),
                Long("calls") => options.mode = Mode::Counts(Counter::SystemCalls),
                Long("check") => options.is_check = true,
                Long("profile") => options.profile = Some(arguments.value()?.into()),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.cases.is_empty() {
            options.cases = Case::ALL.to_vec();
        }
        if options.contestants.is_empty() {
            options.contestants = Contestant::there().collect();
        }
        if let Some(count) = count {
            options.cases.iter_mut().for_each(|case| case.count = count);
        }
        options.check(count)?;
        Ok(Some(options))
    }

    /// What cannot be, or would come to nothing.
    fn check(&self, count: Option<u64>) -> Result<(), Box<dyn Error>> {
        if let Some((missing, lack)) = self.contestants.iter().find_map(|one| Some((one, one.lack()?))) {
            return Err(format!("--with {missing}: {lack}").into());
        }
        if self.rounds == 0 || count == Some(0) {
            return Err("--rounds and --count want 1 or more".into());
        }
        if self.mode != Mode::Times && count.is_some() {
            return Err("--count is for taking the time: counting has numbers of its own".into());
        }
        if self.mode != Mode::Counts(Counter::Instructions) && (self.is_check || self.profile.is_some()) {
            return Err("--check and --profile are for --instructions".into());
        }
        // A limit that is that of nobody would hold nothing.
        if self.is_check && !self.contestants.contains(&Contestant::Libzmq) {
            return Err("--check wants libzmq to be counted".into());
        }
        if let Some(folder) = &self.profile {
            std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        Ok(())
    }
}

fn case_of(name: &str) -> Result<Case, String> {
    let names = Case::ALL.map(|case| case.to_string());
    let at = names.iter().position(|other| other == name);
    at.map(|at| Case::ALL[at]).ok_or_else(|| format!("no row {name}: there are {}", names.join(", ")))
}
