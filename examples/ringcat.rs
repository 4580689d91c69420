//! Try: `cargo run --example ringcat -- rep --bind tcp://127.0.0.1:5555`, and beside it
//! `echo hello | cargo run --example ringcat -- req --connect tcp://127.0.0.1:5555`; `-- --help` says what else it does.
#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

#[path = "ringcat/args.rs"]
mod args;
#[path = "ringcat/input.rs"]
mod input;

use std::error::Error;
use std::io::{self, Write};
use std::process::{self, Command, Stdio};
use std::time::{Duration, Instant};

use ringmq::mq::{Endpoint, Event, Message, NotReceived, NotSent, Options, Part, Sent, Socket, SocketType};
use ringmq::{Builder, Context, Id, Signal, Signals, TimerId};

use args::Args;
use input::Input;

fn main() {
    let args = match args::parse() {
        Ok(Some(args)) => args,
        Ok(None) => {
            print!("{}", args::HELP);
            return;
        }
        Err(error) => {
            eprintln!("ringcat: {error}\nringcat: --help says what there is");
            process::exit(2);
        }
    };
    match run(args) {
        Ok(status) => process::exit(status),
        Err(error) => {
            eprintln!("ringcat: {error}");
            process::exit(1);
        }
    }
}

/// The state of the loop.
struct Cat {
    args: Args,
    socket: Id<Socket>,
    input: Input,
    /// What could not be sent yet.
    pending: Option<Message>,
    /// A request is under way.
    is_asked: bool,
    sent: Tally,
    received: Tally,
    began: Option<Instant>,
    timeout: Option<TimerId>,
    /// Who could not be reached the last time that it was tried.
    unreached: Vec<Endpoint>,
    is_closing: bool,
    status: i32,
    failure: Option<Box<dyn Error>>,
}

#[derive(Default)]
struct Tally {
    messages: u64,
    bytes: u64,
}

impl Tally {
    fn add(&mut self, message: &Message) {
        self.messages += 1;
        self.bytes += message.len() as u64;
    }
}

fn run(args: Args) -> Result<i32, Box<dyn Error>> {
    // As long as the longest message that is sent or taken, and room for others.
    let mut reactor = Builder::new().backend(args.backend).memory(256 << 20).build()?;
    let mut context = reactor.context();
    let options =
        Options::new().dialect(args.wire).events(true).max_part_len(64 << 20).max_message_len(128 << 20);
    let socket = Socket::open_with(&mut context, args.socket_type, options, |cat: &mut Cat, context, _| {
        go_on(cat, context);
    })?;
    for address in &args.bind {
        let found = socket.bind(&mut context, address);
        let endpoint = found.map_err(|error| usage_or(error, format!("cannot bind to {address}")))?;
        if args.verbose || address.ends_with(":*") || address.ends_with(":0") {
            eprintln!("ringcat: bound to {endpoint}");
        }
    }
    for address in &args.connect {
        let made = socket.connect(&mut context, address);
        made.map_err(|error| usage_or(error, format!("cannot connect to {address}")))?;
    }
    if args.socket_type == SocketType::Sub {
        let all = vec![Vec::new()];
        for prefix in if args.subscribe.is_empty() { &all } else { &args.subscribe } {
            socket.subscribe(&mut context, prefix)?;
        }
    }
    let signals = Signals::new([Signal::INT, Signal::TERM])?;
    context.catch_signals(signals, |cat: &mut Cat, context, _| {
        if cat.is_closing {
            context.stop(); // asked twice: at once
        }
        end(cat, context, 130);
    })?;
    let input = Input::open(&args, &mut context, go_on)?;
    let timeout =
        args.timeout.map(|after| context.set_timeout(after, |cat: &mut Cat, context| end(cat, context, 3)));
    let mut cat = Cat {
        args,
        socket,
        input,
        pending: None,
        is_asked: false,
        sent: Tally::default(),
        received: Tally::default(),
        began: None,
        timeout,
        unreached: Vec::new(),
        is_closing: false,
        status: 0,
        failure: None,
    };
    context.defer(go_on);
    reactor.run(&mut cat)?;
    if cat.args.stats {
        cat.print_stats();
    }
    cat.failure.map_or(Ok(cat.status), Err)
}

/// An address that is none is the command line's fault.
fn usage_or(error: io::Error, what: String) -> Box<dyn Error> {
    let text = format!("{what}: {error}");
    if error.kind() == io::ErrorKind::InvalidInput {
        eprintln!("ringcat: {text}");
        process::exit(2);
    }
    text.into()
}

/// Does what can be done now: whatever happens leads here.
fn go_on(cat: &mut Cat, context: &mut Context<'_, Cat>) {
    while let Some(event) = cat.socket.take_event(context) {
        cat.tell(&event, context);
    }
    if cat.is_closing {
        return;
    }
    if cat.socket.endpoints(context).is_empty() {
        return end(cat, context, 1); // all are given up, which was told
    }
    let before = (cat.sent.messages, cat.received.messages);
    if let Err(error) = receive_all(cat, context).and_then(|()| send_all(cat, context)) {
        // Who read our output has gone: that is how a pipeline ends.
        let is_pipe = error
            .downcast_ref::<io::Error>()
            .map_or(false, |error| error.kind() == io::ErrorKind::BrokenPipe);
        if !is_pipe {
            cat.failure = Some(error);
        }
        return end(cat, context, 1);
    }
    if before != (cat.sent.messages, cat.received.messages) {
        if let (Some(timer), Some(after)) = (cat.timeout, cat.args.timeout) {
            context.reset_timeout(timer, after);
        }
    }
    if cat.is_done(context) {
        end(cat, context, cat.status);
    }
}

fn receive_all(cat: &mut Cat, context: &mut Context<'_, Cat>) -> Result<(), Box<dyn Error>> {
    let mut output = io::stdout().lock();
    while !cat.has_received_all() {
        let message = match cat.socket.recv(context) {
            Ok(message) => message,
            Err(NotReceived::PeerLeft) => {
                eprintln!("ringcat: the peer has left without a reply");
                cat.is_asked = false;
                cat.status = 4;
                continue;
            }
            Err(_) => break,
        };
        cat.note_began();
        cat.received.add(&message);
        cat.is_asked = false;
        let (envelope, body) = cat.open_envelope(message);
        cat.print(&mut output, &body)?;
        if matches!(cat.args.socket_type, SocketType::Rep | SocketType::Router) {
            let answer = cat.answer(body)?;
            let answer = Message::from_parts(envelope.into_iter().chain(answer.into_parts()));
            cat.give(context, answer.expect("an answer has a part"))?;
        } else if cat.args.socket_type == SocketType::Req {
            send_all(cat, context)?;
        }
    }
    Ok(output.flush()?)
}

fn send_all(cat: &mut Cat, context: &mut Context<'_, Cat>) -> Result<(), Box<dyn Error>> {
    if !cat.args.socket_type.can_send() {
        return Ok(());
    }
    // Of a stream without end as much as is taken at once is enough for one turn.
    for _ in 0..1024 {
        if cat.is_asked || cat.has_sent_all() || cat.has_received_all() {
            return Ok(());
        }
        let message = match cat.pending.take() {
            Some(message) => message,
            None => match cat.input.next(context)? {
                Some(body) if cat.args.socket_type == SocketType::Dealer => {
                    let mut message = Message::from(body);
                    message.push_front(Part::EMPTY);
                    message
                }
                Some(body) => Message::from(body),
                None => return Ok(()),
            },
        };
        cat.give(context, message)?;
        if cat.pending.is_some() {
            return Ok(());
        }
        cat.is_asked = cat.args.socket_type == SocketType::Req;
    }
    context.defer(go_on);
    Ok(())
}

impl Cat {
    /// Says what has happened: everything, if that was asked for, and else who cannot be reached, once.
    fn tell(&mut self, event: &Event, context: &Context<'_, Cat>) {
        if self.args.verbose {
            return eprintln!("ringcat: {event}");
        }
        match event {
            Event::ConnectFailed(endpoint, _) if !self.unreached.contains(endpoint) => {
                self.unreached.push(endpoint.clone());
                eprintln!("ringcat: {event}; trying again");
            }
            Event::Connected(endpoint) => self.unreached.retain(|other| other != endpoint),
            Event::GivenUp(endpoint) => {
                let why = context.get(self.socket).and_then(Socket::last_failure);
                eprintln!("ringcat: {}", why.unwrap_or_else(|| format!("{endpoint} is given up")));
            }
            _ => {}
        }
    }

    /// Sends a message, or keeps it until it can be sent.
    fn give(&mut self, context: &mut Context<'_, Cat>, message: Message) -> Result<(), Box<dyn Error>> {
        let len = message.len() as u64;
        match self.socket.send(context, message) {
            Ok(sent) => {
                self.note_began();
                self.sent.messages += 1;
                self.sent.bytes += len;
                if let (Sent::Dropped(reason), true) = (sent, self.args.verbose) {
                    eprintln!("ringcat: dropped: {reason}");
                }
                Ok(())
            }
            Err(refused) => match refused.reason {
                NotSent::NoPeer | NotSent::NoRoom => {
                    self.pending = Some(refused.message);
                    Ok(())
                }
                reason => Err(reason.into()),
            },
        }
    }

    /// What is before the body, and the body.
    fn open_envelope(&self, message: Message) -> (Vec<Part>, Message) {
        let mut parts = message.into_parts();
        let names = match self.args.socket_type {
            SocketType::Router => 1,
            _ => 0,
        };
        let is_delimited = matches!(self.args.socket_type, SocketType::Router | SocketType::Dealer)
            && parts.get(names).map_or(false, |part| part.is_empty())
            && parts.len() > names + 1;
        let body = parts.split_off(names + usize::from(is_delimited));
        (parts, Message::from_parts(body).unwrap_or_else(|| Message::from("")))
    }

    /// What rep says to a request.
    fn answer(&self, body: Message) -> Result<Message, Box<dyn Error>> {
        let command = match &self.args.exec {
            Some(command) => command,
            None => return Ok(body),
        };
        let mut child =
            Command::new("sh").arg("-c").arg(command).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().ok_or("the command has no standard input")?;
        let request = body.into_vec();
        // Beside reading what it prints, or a command that prints much would wait for us and we for it.
        let writer = std::thread::spawn(move || stdin.write_all(&request));
        let output = child.wait_with_output()?;
        let _ = writer.join(); // one that does not read its input is none the worse
        if !output.status.success() {
            eprintln!("ringcat: the command has ended with {}", output.status);
        }
        Ok(Message::from(output.stdout))
    }

    fn print(&self, output: &mut impl Write, body: &Message) -> io::Result<()> {
        for part in body.parts() {
            match self.args.hex {
                true => part.iter().try_for_each(|byte| write!(output, "{byte:02x}"))?,
                false => output.write_all(part)?,
            }
        }
        output.write_all(b"\n")
    }

    /// Whether as many were sent as are to be.
    fn has_sent_all(&self) -> bool {
        let counts_sent = matches!(self.args.socket_type, SocketType::Push | SocketType::Pub)
            || self.args.size.is_some()
            || self.args.file.is_some();
        counts_sent && self.args.count.map_or(false, |count| self.sent.messages >= count)
    }

    fn has_received_all(&self) -> bool {
        self.args.socket_type.can_receive()
            && self.args.count.map_or(false, |count| self.received.messages >= count)
    }

    fn is_done(&self, context: &Context<'_, Cat>) -> bool {
        let is_sent = self.pending.is_none() && (self.has_sent_all() || self.input.is_over(context));
        match self.args.socket_type {
            SocketType::Push | SocketType::Pub => is_sent,
            SocketType::Pull | SocketType::Sub => self.has_received_all(),
            SocketType::Rep | SocketType::Router => self.has_received_all() && self.pending.is_none(),
            SocketType::Req => self.has_received_all() || is_sent && !self.is_asked,
            SocketType::Dealer => {
                self.has_received_all() || is_sent && self.received.messages >= self.sent.messages
            }
        }
    }

    fn note_began(&mut self) {
        self.began.get_or_insert_with(Instant::now);
    }

    fn print_stats(&self) {
        let took = self.began.map_or(Duration::ZERO, |began| began.elapsed()).as_secs_f64();
        for (what, tally) in [("sent", &self.sent), ("received", &self.received)] {
            let rate = |count: u64| if took > 0.0 { count as f64 / took } else { 0.0 };
            eprintln!(
                "ringcat: {what} {} messages, {} bytes in {took:.3} s: {:.0} messages/s, {:.1} MB/s",
                tally.messages,
                tally.bytes,
                rate(tally.messages),
                rate(tally.bytes) / 1e6
            );
        }
    }
}

/// Closes the socket, and ends when what waits is sent or the time for that is over.
fn end(cat: &mut Cat, context: &mut Context<'_, Cat>, status: i32) {
    if std::mem::replace(&mut cat.is_closing, true) {
        return;
    }
    cat.status = status;
    let unsent = u64::from(cat.pending.is_some());
    let unanswered = u64::from(cat.is_asked);
    cat.socket.close(context, cat.args.linger, move |cat, context, lost| {
        if unanswered > 0 {
            eprintln!("ringcat: a request was not answered");
        }
        if lost + unsent > 0 {
            eprintln!("ringcat: {} messages were not sent", lost + unsent);
        }
        if cat.status == 0 && lost + unsent + unanswered > 0 {
            cat.status = 4;
        }
        context.stop();
    });
}
