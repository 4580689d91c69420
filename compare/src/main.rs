//! Measures what ringmq costs, and draws it: `cargo run --release --manifest-path compare/Cargo.toml --`.

mod allocations;
mod callgrind;
mod client;
mod codecs;
mod gate;
mod instructions;
mod loops;
#[cfg(feature = "mq")]
mod mq;
mod peers;
mod report;
#[cfg(all(target_os = "linux", target_env = "gnu"))]
mod scale;
mod servers;
mod size;
mod strace;
mod work;

use std::error::Error;
use std::process::ExitCode;

const COMMANDS: &str = "
usage: ringmq-compare COMMAND [OPTION]...

commands:
  codecs        what a frame costs to decode and encode, beside tokio-util's codecs
  gate          counts of instructions and system calls, beside those that are on file
  instructions  user instructions per round trip in an echo server, under callgrind
  loops         what event loops cost, ours beside one by hand and others
  mq            throughput and latency of message-queue sockets, beside a loop by hand, tokio, libzmq and nng
  multicore     what an echo server gains by more reactors than one
  scale         how many idle connections a loop holds, and what they cost
  size          how large a minimal echo server is, and how long it takes to build

`ringmq-compare COMMAND --help` has the options.
";

/// What it does without a command, and then the commands.
pub fn help() -> String {
    format!("{}{COMMANDS}", report::HELP)
}

fn main() -> ExitCode {
    match run() {
        Ok(code) => code,
        Err(error) => {
            eprintln!("ringmq-compare: {error}");
            ExitCode::from(2)
        }
    }
}

fn run() -> Result<ExitCode, Box<dyn Error>> {
    let mut arguments = lexopt::Parser::from_env();
    match arguments.next()? {
        Some(lexopt::Arg::Value(command)) if command == "instructions" => instructions::run(arguments),
        Some(lexopt::Arg::Value(command)) if command == "codecs" => codecs::run(arguments),
        Some(lexopt::Arg::Value(command)) if command == "gate" => gate::run(arguments),
        #[cfg(feature = "mq")]
        Some(lexopt::Arg::Value(command)) if command == "mq" => mq::run(arguments),
        #[cfg(not(feature = "mq"))]
        Some(lexopt::Arg::Value(command)) if command == "mq" => {
            Err("expected to be built with --features mq".into())
        }
        Some(lexopt::Arg::Value(command)) if command == "loops" => loops::run(arguments),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        Some(lexopt::Arg::Value(command)) if command == "scale" => scale::run(arguments),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        Some(lexopt::Arg::Value(command)) if command == "multicore" => scale::multicore::run(arguments),
        #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
        Some(lexopt::Arg::Value(command)) if command == "scale" || command == "multicore" => {
            Err(format!("{command:?} asks Linux and glibc what is used, and this is neither").into())
        }
        Some(lexopt::Arg::Value(command)) if command == "size" => size::run(arguments),
        // What the other commands run in a process of its own.
        Some(lexopt::Arg::Value(command)) if command == "serve" => servers::run(arguments),
        Some(lexopt::Arg::Value(command)) if command == "codec-passes" => codecs::run_passes(arguments),
        Some(lexopt::Arg::Value(command)) if command == "play" => work::play(arguments),
        #[cfg(feature = "mq")]
        Some(lexopt::Arg::Value(command)) if command == "mq-node" => mq::node::run(arguments),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        Some(lexopt::Arg::Value(command)) if command == "scale-server" => scale::run_server(arguments),
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        Some(lexopt::Arg::Value(command)) if command == "multicore-server" => {
            scale::multicore::run_server(arguments)
        }
        #[cfg(all(target_os = "linux", target_env = "gnu"))]
        Some(lexopt::Arg::Value(command)) if command == "scale-client" => scale::run_client(arguments),
        Some(lexopt::Arg::Value(command)) => Err(format!(
            "no command {command:?}: there are `codecs`, `gate`, `instructions`, `loops`, `mq`, `multicore`, `scale` and `size`"
        )
        .into()),
        // Without a command it measures, and options are those of that.
        _ => report::run(lexopt::Parser::from_env()),
    }
}
