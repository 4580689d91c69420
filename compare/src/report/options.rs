//! What is asked for on the command line.

use std::error::Error;
use std::path::PathBuf;

use lexopt::prelude::*;
use ringmq::platform::Backend;

use super::colours::{is_limit, is_ours};
use super::data::WORKS;

pub const HELP: &str = "\
Measures every backend of this machine and whom it is compared with, and draws what it finds.

usage: ringmq-compare [OPTION]...

  --quick         fewer rounds and smaller sizes: all of it within a minute
  --only WORK     measures this work, and others that are named so; all without it
  --backends A,B  of ours, those that wait by these: epoll, kqueue, poll, select; all of this machine without it
  --peers A,B     of the others, these; `none` for none; all that the program was built with without it
  --large         raises the limit on descriptors as far as it goes, which it prints
  --out DIR       writes there, in place of target/compare
  --from FILE     draws the figures of a report.json again, and measures nothing

It writes report.html, report.json and an SVG file for each plot.

works:
  ping-pong, fan-in, idle-memory, chain-idle, chain-active, churn, timers-insert, timers-cancel, timers-fire, timer-reset,
  post, wake, frames, messages, request-reply
";

const PEERS: [&str; 10] =
    ["mio", "polling", "calloop", "tokio", "libuv", "libevent", "libev", "tokio-util", "libzmq", "nng"];

#[derive(Debug)]
pub struct Options {
    pub is_quick: bool,
    pub is_large: bool,
    only: Vec<&'static str>,
    backends: Option<Vec<Backend>>,
    peers: Option<Vec<&'static str>>,
    pub out: PathBuf,
    pub from: Option<PathBuf>,
}

impl Options {
    /// `None` when help was asked for.
    pub fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
        let mut options = Options {
            is_quick: false,
            is_large: false,
            only: Vec::new(),
            backends: None,
            peers: None,
            out: PathBuf::from("target/compare"),
            from: None,
        };
        while let Some(argument) = arguments.next()? {
            match argument {
                Long("quick") => options.is_quick = true,
                Long("large") => options.is_large = true,
                Long("only") => options.only.push(one_of("--only", &WORKS, &arguments.value()?.string()?)?),
                Long("backends") => options.backends = Some(backends(&arguments.value()?.string()?)?),
                Long("peers") => options.peers = Some(peers(&arguments.value()?.string()?)?),
                Long("out") => options.out = arguments.value()?.into(),
                Long("from") => options.from = Some(arguments.value()?.into()),
                Long("help") | Short('h') => return Ok(None),
                other => return Err(other.unexpected().into()),
            }
        }
        if options.from.is_some() && (options.is_quick || options.is_large) {
            return Err("--quick and --large are for measuring, and --from measures nothing".into());
        }
        Ok(Some(options))
    }

    pub fn wants_work(&self, work: &str) -> bool {
        self.only.is_empty() || self.only.contains(&work)
    }

    /// The limit always, since all are compared with it.
    pub fn wants(&self, contestant: &str) -> bool {
        if is_limit(contestant) {
            return true;
        }
        if !is_ours(contestant) {
            return self.peers.as_ref().is_none_or(|peers| peers.contains(&contestant));
        }
        // What waits by no one of them in particular belongs to all.
        let own = contestant.split_whitespace().find_map(|word| word.parse::<Backend>().ok());
        own.is_none_or(|own| self.backends.as_ref().is_none_or(|backends| backends.contains(&own)))
    }
}

fn backends(list: &str) -> Result<Vec<Backend>, Box<dyn Error>> {
    let names: Vec<String> = Backend::AVAILABLE.iter().map(Backend::to_string).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    list.split(',').map(|name| Ok(one_of("--backends", &names, name)?.parse()?)).collect()
}

fn peers(list: &str) -> Result<Vec<&'static str>, String> {
    match list {
        "none" => Ok(Vec::new()),
        _ => list.split(',').map(|name| one_of("--peers", &PEERS, name)).collect(),
    }
}

fn one_of<'a>(option: &str, all: &[&'a str], name: &str) -> Result<&'a str, String> {
    let found = all.iter().find(|other| **other == name.trim());
    found.copied().ok_or_else(|| format!("{option} {name:?}: expected one of {}", all.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(arguments: &[&str]) -> Result<Option<Options>, Box<dyn Error>> {
        Options::parse(lexopt::Parser::from_args(arguments))
    }

    #[test]
    fn what_is_asked_for_is_measured_and_the_limit_always() {
        let options =
            parse(&["--only", "wake", "--only", "post", "--backends", "poll", "--peers", "mio,libev"]);
        let options = options.unwrap().unwrap();
        assert!(options.wants_work("wake") && options.wants_work("post") && !options.wants_work("churn"));
        let wanted = ["hand", "hand-poll", "ringmq poll", "ringmq framed", "mio", "libev"];
        assert!(wanted.iter().all(|name| options.wants(name)));
        assert!(!["ringmq epoll", "ringmq select", "tokio"].iter().any(|name| options.wants(name)));
        assert!(!parse(&["--peers", "none"]).unwrap().unwrap().wants("mio"));
    }

    #[test]
    fn a_bad_option_gets_one_line_that_says_what_was_expected() {
        for (arguments, expected) in [
            (&["--only", "nothing"][..], "expected one of ping-pong"),
            (&["--backends", "poll,iocp"], "\"iocp\": expected one of"),
            (&["--peers", "libfoo"], "\"libfoo\": expected one of mio"),
            (&["--from", "x.json", "--quick"], "--from measures nothing"),
            (&["--quick", "measure"], "measure"),
            (&["--fast"], "--fast"),
        ] {
            let error = parse(arguments).unwrap_err().to_string();
            assert!(error.contains(expected) && !error.contains('\n'), "{arguments:?}: {error}");
        }
    }
}
