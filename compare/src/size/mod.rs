//! The command `size`: how large a minimal echo server is with each library, and how long it takes to build, as for a stranger who has
//! nothing of it yet.

mod package;

use std::error::Error;
use std::process::ExitCode;

use lexopt::prelude::*;

use self::package::{Built, Package, Server, SERVERS};
use crate::report::data::Value;

const HELP: &str = "\
How large a minimal echo server is with each library, and how long it takes to build.

usage: ringmq-compare size [OPTION]...

  --only NAME         this server, and others that are named so; the names are those of the table
  --rounds N          how often each is built, by turns; 3 unless given
  --at-most NAME=KIB  ends with status 1 when the server is larger than that

Each is a package of its own in target/compare/size that `cargo build --release` builds with nothing there yet, `strip` strips, and that is
started to see that it echoes. `seconds` is what a clock says, `CPU s` what all processes of a build had of the processors together: medians.
What is not on this machine yet is fetched beforehand.
";

struct Options {
    servers: Vec<&'static Server>,
    rounds: usize,
    at_most: Vec<(&'static Server, f64)>,
}

pub fn run(arguments: lexopt::Parser) -> Result<ExitCode, Box<dyn Error>> {
    let Some(options) = parse(arguments)? else {
        print!("{HELP}");
        return Ok(ExitCode::SUCCESS);
    };
    let packages: Vec<Package> =
        options.servers.iter().map(|server| Package::write(server)).collect::<Result<_, _>>()?;
    let mut built = vec![Vec::new(); packages.len()];
    for _ in 0..options.rounds {
        for (package, built) in packages.iter().zip(&mut built) {
            built.push(package.build()?);
        }
    }
    let mut is_good = true;
    println!("{:<14} {:>6} {:>7} {:>8} {:>6}", "server", "crates", "KiB", "seconds", "CPU s");
    for (package, built) in packages.iter().zip(&built) {
        let kib = show(package, built)?;
        if let Some((_, limit)) =
            options.at_most.iter().find(|(server, _)| server.name == package.server.name)
        {
            let verdict = if kib <= *limit { "ok" } else { "TOO MANY" };
            println!("{:<14} at most {limit} KiB: {verdict}", "");
            is_good &= kib <= *limit;
        }
    }
    Ok(if is_good { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// A line of the table; answers how many KiB the server has.
fn show(package: &Package, built: &[Built]) -> Result<f64, Box<dyn Error>> {
    let kib = package.strip()? as f64 / 1024.0;
    package.try_out()?;
    let median =
        |of: fn(&Built) -> f64| Value::of(built.iter().map(of).collect()).median().unwrap_or(f64::NAN);
    println!(
        "{:<14} {:>6} {kib:>7.1} {:>8.1} {:>6.1}",
        package.server.name,
        package.count_crates()?,
        median(|built| built.seconds),
        median(|built| built.processor_seconds)
    );
    Ok(kib)
}

/// The options; `None` when help was asked for.
fn parse(mut arguments: lexopt::Parser) -> Result<Option<Options>, Box<dyn Error>> {
    let mut options = Options { servers: Vec::new(), rounds: 3, at_most: Vec::new() };
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("only") => options.servers.push(find(&arguments.value()?.string()?)?),
            Long("rounds") => options.rounds = arguments.value()?.parse()?,
            Long("at-most") => {
                let value = arguments.value()?.string()?;
                let (name, limit) = value.split_once('=').ok_or("--at-most wants NAME=KIB")?;
                options.at_most.push((find(name)?, limit.parse()?));
            }
            Long("help") | Short('h') => return Ok(None),
            other => return Err(other.unexpected().into()),
        }
    }
    if options.rounds == 0 {
        return Err("--rounds wants 1 or more".into());
    }
    if options.servers.is_empty() {
        options.servers = SERVERS.iter().collect();
    }
    let is_built = |limited: &Server| options.servers.iter().any(|server| server.name == limited.name);
    // A limit on what is not built would hold nothing.
    if let Some((server, _)) = options.at_most.iter().find(|(server, _)| !is_built(server)) {
        return Err(format!("--at-most {}: that server is not built", server.name).into());
    }
    Ok(Some(options))
}

fn find(name: &str) -> Result<&'static Server, String> {
    let names = || SERVERS.iter().map(|server| server.name).collect::<Vec<_>>().join(", ");
    SERVERS
        .iter()
        .find(|server| server.name == name)
        .ok_or_else(|| format!("no server {name}: there are {}", names()))
}
