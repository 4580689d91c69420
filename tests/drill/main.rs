//! A cluster whose processes are killed and started again at random: nothing is delivered twice or torn, and nothing is lost but what was on
//! a connection that died, which is counted.
//!
//!     cargo test --test drill                                                        # ten seconds on each backend
//!     RINGMQ_DRILL_SECONDS=120 cargo test --release --test drill -- drill::epoll    # two minutes on one
//!
//! One process has a PULL and a REP, four others have five PUSH and five REQ each, one in five of which speaks RingMQ's protocol. All are
//! this binary once more. They are killed at random moments, the server too, which comes back at the same addresses, and clients are ended
//! in order as well, when nothing that they have said they sent may be missing. It goes on until each of this has happened, however short
//! its time is; `RINGMQ_DRILL_SEED` repeats its choices. At its end everybody sends one more message and gets one more answer.
//!
//! When nothing arrives any more, somebody does not end who was told to, or has ended who was not, the drill has failed, and each process
//! says how things stand at each of its sockets.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

#[cfg(feature = "mq")]
mod client;
#[cfg(feature = "mq")]
mod director;
#[cfg(feature = "mq")]
mod ledger;
#[cfg(feature = "mq")]
mod note;
#[cfg(feature = "mq")]
mod process;
#[cfg(feature = "mq")]
#[path = "../request/mod.rs"]
mod request;
#[cfg(feature = "mq")]
mod server;
#[cfg(feature = "mq")]
mod watch;

#[cfg(feature = "mq")]
fn main() {
    let arguments: Vec<std::ffi::OsString> = std::env::args_os().skip(1).collect();
    let words: Vec<&str> = arguments.iter().filter_map(|argument| argument.to_str()).collect();
    match words.split_first() {
        Some((&"--server", rest)) => server::main(rest),
        Some((&"--client", rest)) => client::main(rest),
        _ => director::main(arguments),
    }
}

#[cfg(not(feature = "mq"))]
fn main() {
    println!("drill: skipped, since there are no sockets without the feature `mq`");
}

/// What the members of the cluster have in common.
#[cfg(feature = "mq")]
mod member {
    use std::io::{self, BufRead};
    use std::sync::mpsc::{self, Receiver};
    use std::thread;
    use std::time::Duration;

    use ringmq::mq::{HighWater, IoThread, Options};
    use ringmq::platform::Backend;
    use ringmq::Builder;

    /// After so long something is awaited in vain: an answer, or the last message to be taken.
    pub const PATIENCE: Duration = Duration::from_secs(60);

    /// How often who waits looks whether it is over.
    pub const MOMENT: Duration = Duration::from_millis(20);

    /// Tells a member to end, as the end of its input does.
    pub const END: &str = "end";

    /// Asks a member how things stand: each line of its answer begins with this, and the last is nothing but that.
    pub const QUESTION: &str = "?";

    /// What the director says, line by line, without the questions, which are answered here: who is asked may wait for something in vain.
    pub fn orders(standing: impl Fn() -> Vec<String> + Send + 'static) -> Receiver<String> {
        let (sender, receiver) = mpsc::channel();
        let mut sender = Some(sender);
        thread::spawn(move || {
            for line in io::stdin().lock().lines().map_while(Result::ok) {
                match &line[..] {
                    QUESTION => {
                        standing().iter().for_each(|line| println!("{QUESTION}{line}"));
                        println!("{QUESTION}");
                    }
                    END => drop(sender.take()),
                    _ => drop(sender.as_ref().map(|sender| sender.send(line))),
                }
            }
        });
        receiver
    }

    /// A thread that finds a fault ends the process, and the director sees how.
    pub fn end_at_the_first_fault() {
        std::panic::set_hook(Box::new(|fault| {
            eprintln!("process {}: {fault}", std::process::id());
            std::process::exit(101);
        }));
    }

    pub fn io_thread(backend: &str) -> IoThread {
        let found = Backend::AVAILABLE.iter().find(|available| available.to_string() == backend);
        let backend = *found.expect("the director has found it");
        IoThread::with(Builder::new().backend(backend).memory(64 << 20)).expect("start an I/O thread")
    }

    /// Little may wait, so that the ends are full most of the time, as they are where something is lost.
    pub fn options() -> Options {
        let high_water = HighWater { messages: 100, bytes: 1 << 20 };
        let (shortest, longest) = (Duration::from_millis(2), Duration::from_millis(50));
        Options::new().send_high_water(high_water).recv_high_water(high_water).reconnect(shortest, longest)
    }
}
