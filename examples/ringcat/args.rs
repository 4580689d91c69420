//! What ringcat is told on its command line.

use std::error::Error;
use std::ffi::OsString;
use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use ringmq::mq::{Dialect, SocketType};
use ringmq::platform::Backend;

pub const HELP: &str = "\
Talks to message queues: those of ZeroMQ programs, of RingMQ, and other ringcats.

usage: ringcat <req|rep|push|pull|pub|sub|dealer|router> (--bind|--connect) ADDR... [OPTION...]

Messages to be sent are the lines of standard input, those received go to standard output, one per line.

  push, pub      sends each line
  pull, sub      prints what it receives
  req            sends each line and prints the reply before it sends the next
  rep            prints each request and sends it back, or what --exec makes of it
  dealer         sends each line as a request, without waiting, and prints the replies
  router         as rep, for requests of several parts or several at a time of one peer

ADDR is tcp://HOST:PORT or ipc://PATH. To bind, HOST may be *, and so may PORT: standard error then says which it is.

  --bind ADDR...        accepts peers there; several addresses, and both options, may be given
  --connect ADDR...     connects to peers there, and again whenever a connection is lost
  --wire NAME           what to speak: zmtp (the default), ring, or any: as the peer does (rep and pull that bind)
  --backend NAME        epoll, kqueue, poll or select; else RINGMQ_BACKEND, else the best of this system
  --count N             ends after N messages: sent by push and pub, received by the others
  --size BYTES          sends messages of so many bytes instead of lines, as many as --count says, else without end
  --file PATH           sends what is in the file as one message, --count times
  --exec CMD            rep and router answer with what `sh -c CMD` prints when the request is its standard input
  --linger SECONDS      how long to go on sending at the end (5); a message that no peer was there for waits before that, without
                        limit unless there is a --timeout
  --subscribe PREFIX    of a sub, which else receives all; may be given several times
  --timeout SECONDS     gives up when nothing was sent and nothing came for so long
  --hex                 prints bytes as hexadecimal digits, and takes lines of them
  --stats               says at the end how many messages and bytes went and came, and how fast
  --verbose             says on standard error what happens to connections
  --help                prints this

exit status: 0 all is done; 1 something failed, such as a port that is taken; 2 the command line is wrong; 3 --timeout; 4 messages
were lost at the end, or a request was not answered; 130 interrupted, after closing in good order
";

/// What to do.
pub struct Args {
    pub socket_type: SocketType,
    pub bind: Vec<String>,
    pub connect: Vec<String>,
    pub wire: Dialect,
    pub backend: Backend,
    pub count: Option<u64>,
    pub size: Option<usize>,
    pub file: Option<PathBuf>,
    pub exec: Option<OsString>,
    pub linger: Duration,
    pub subscribe: Vec<Vec<u8>>,
    pub timeout: Option<Duration>,
    pub hex: bool,
    pub stats: bool,
    pub verbose: bool,
}

/// What the command line says; `None` if it asks for help.
pub fn parse() -> Result<Option<Args>, Box<dyn Error>> {
    use lexopt::prelude::*;

    let mut parser = lexopt::Parser::from_env();
    let mut socket_type = None;
    let mut args = Args {
        socket_type: SocketType::Req,
        bind: Vec::new(),
        connect: Vec::new(),
        wire: Dialect::Zmtp,
        backend: Backend::from_env("RINGMQ_BACKEND")?,
        count: None,
        size: None,
        file: None,
        exec: None,
        linger: Duration::from_secs(5),
        subscribe: Vec::new(),
        timeout: None,
        hex: false,
        stats: false,
        verbose: false,
    };
    while let Some(arg) = parser.next()? {
        match arg {
            Long("help") | Short('h') => return Ok(None),
            Long("bind") => args.bind.extend(addresses(&mut parser)?),
            Long("connect") => args.connect.extend(addresses(&mut parser)?),
            Long("wire") => args.wire = parser.value()?.parse()?,
            Long("backend") => args.backend = parser.value()?.parse()?,
            Long("count") => args.count = Some(number(&mut parser, "--count")?),
            Long("size") => args.size = Some(number(&mut parser, "--size")?),
            Long("file") => args.file = Some(parser.value()?.into()),
            Long("exec") => args.exec = Some(parser.value()?),
            Long("linger") => args.linger = seconds(&mut parser, "--linger")?,
            Long("subscribe") => args.subscribe.push(bytes_of(parser.value()?)),
            Long("timeout") => args.timeout = Some(seconds(&mut parser, "--timeout")?),
            Long("hex") => args.hex = true,
            Long("stats") => args.stats = true,
            Long("verbose") | Short('v') => args.verbose = true,
            Value(word) if socket_type.is_none() => socket_type = Some(word.parse()?),
            _ => return Err(arg.unexpected().into()),
        }
    }
    args.socket_type =
        socket_type.ok_or("expected a type of socket: req, rep, push, pull, pub, sub, dealer or router")?;
    check(&args)?;
    Ok(Some(args))
}

/// What was said that does not go together.
fn check(args: &Args) -> Result<(), String> {
    let (kind, sends) = (args.socket_type, args.socket_type.can_send());
    let answers = matches!(kind, SocketType::Rep | SocketType::Router);
    if args.bind.is_empty() && args.connect.is_empty() {
        return Err("expected --bind ADDR or --connect ADDR".to_string());
    }
    if args.exec.is_some() && !answers {
        return Err(format!("expected --exec with rep or router, found it with {kind}"));
    }
    if !args.subscribe.is_empty() && kind != SocketType::Sub {
        return Err(format!("expected --subscribe with sub, found it with {kind}"));
    }
    if (args.size.is_some() || args.file.is_some()) && (!sends || answers) {
        return Err(format!("expected --size and --file with who sends unasked, found them with {kind}"));
    }
    if args.size.is_some() && args.file.is_some() {
        return Err("expected --size or --file, found both".to_string());
    }
    Ok(())
}

/// One address or more, up to the next option.
fn addresses(parser: &mut lexopt::Parser) -> Result<Vec<String>, lexopt::Error> {
    parser.values()?.map(|value| value.into_string().map_err(lexopt::Error::NonUnicodeValue)).collect()
}

fn number<T: FromStr>(parser: &mut lexopt::Parser, option: &str) -> Result<T, Box<dyn Error>> {
    let value = parser.value()?;
    let found = value.to_string_lossy();
    found.parse().map_err(|_| format!("expected a number behind {option}, found \"{found}\"").into())
}

fn seconds(parser: &mut lexopt::Parser, option: &str) -> Result<Duration, Box<dyn Error>> {
    let value = parser.value()?;
    let found = value.to_string_lossy();
    // Up to some thirty years: more is for ever, and is said by leaving the option out.
    let seconds: Option<f64> = found.parse().ok().filter(|seconds| (0.0..1e9).contains(seconds));
    let span = seconds.map(Duration::from_secs_f64);
    Ok(span.ok_or_else(|| format!("expected a number of seconds behind {option}, found \"{found}\""))?)
}

fn bytes_of(word: OsString) -> Vec<u8> {
    std::os::unix::ffi::OsStringExt::into_vec(word)
}
