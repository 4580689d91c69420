//! The roles, on a loop of one's own.

use std::error::Error;
use std::iter;
use std::time::{Duration, Instant};

use ringmq::mq::{Message, NotReceived, NotSent, Options, Socket};
use ringmq::{Context, Id, Reactor};

use super::blocking::{socket_type, LINGER};
use super::case::Role;
use super::node::{self, Job, Report, Start};

/// The state of the loop.
struct Run {
    body: Vec<u8>,
    /// A message that found no room.
    refused: Option<Message>,
    /// How many messages are still to come or to go.
    left: u64,
    received_len: u64,
    start: Option<Start>,
    clients: Vec<Client>,
    warm_count: usize,
    /// How many of them are timed: the last.
    timed: u64,
    /// How many round trips each client makes.
    each: u64,
    latencies: Vec<Duration>,
    error: Option<Box<dyn Error>>,
}

/// A requester.
struct Client {
    socket: Id<Socket>,
    asked_at: Instant,
    left: u64,
    is_asking: bool,
}

pub fn run(job: &Job) -> Result<Report, Box<dyn Error>> {
    let clients = job.client_count as u64;
    let total = job.total();
    let mut run = Run {
        body: vec![b'x'; job.body_len],
        refused: None,
        left: if job.role == Role::Rep { total + clients } else { total },
        received_len: 0,
        start: None,
        clients: Vec::new(),
        warm_count: 0,
        timed: total,
        each: job.count,
        latencies: Vec::new(),
        error: None,
    };
    let mut reactor = Reactor::new()?;
    let mut context = reactor.context();
    match job.role {
        Role::Req => (0..job.client_count).try_for_each(|at| run.open_client(&mut context, job, at))?,
        role => {
            let act = match role {
                Role::Pull => Run::pull,
                Role::Push => Run::push,
                _ => Run::reply,
            };
            let callback = move |run: &mut Run, context: &mut Context<'_, Run>, id| {
                let result = act(run, context, id);
                run.note(context, result);
            };
            let socket = Socket::open_with(&mut context, socket_type(role), options(job)?, callback)?;
            match &job.address {
                Some(address) => socket.connect(&mut context, address)?,
                None => node::tell_address(&socket.bind(&mut context, "tcp://127.0.0.1:*")?.to_string())?,
            }
        }
    }
    reactor.run(&mut run)?;
    if let Some(error) = run.error {
        return Err(error);
    }
    let is_whole = job.role != Role::Pull || run.received_len == total * job.body_len as u64;
    match (run.start, is_whole) {
        (Some(start), true) => Ok(start.report(run.latencies)?),
        _ => Err("the messages were not what was sent".into()),
    }
}

impl Run {
    fn note(&mut self, context: &mut Context<'_, Run>, result: Result<(), Box<dyn Error>>) {
        if let Err(error) = result {
            self.error = Some(error);
            context.stop();
        }
    }

    fn pull(&mut self, context: &mut Context<'_, Run>, id: Id<Socket>) -> Result<(), Box<dyn Error>> {
        while let Ok(message) = id.recv(context) {
            if self.start.is_none() {
                self.start = Some(Start::now()?);
            }
            self.received_len += message.len() as u64;
            self.left -= 1;
        }
        if self.left == 0 {
            context.stop();
        }
        Ok(())
    }

    fn push(&mut self, context: &mut Context<'_, Run>, id: Id<Socket>) -> Result<(), Box<dyn Error>> {
        if self.start.is_none() {
            self.start = Some(Start::now()?);
        }
        let copies = iter::repeat_with(|| Message::from(&self.body[..]));
        let messages = self.refused.take().into_iter().chain(copies).take(self.left as usize);
        let (count, refused) = id.send_all(context, messages);
        self.left -= count as u64;
        match refused {
            None => end(context, id),
            Some(error) if matches!(error.reason, NotSent::NoRoom | NotSent::NoPeer) => {
                self.refused = Some(error.message);
            }
            Some(error) => return Err(error.into()),
        }
        Ok(())
    }

    fn reply(&mut self, context: &mut Context<'_, Run>, id: Id<Socket>) -> Result<(), Box<dyn Error>> {
        while let Ok(request) = id.recv(context) {
            id.send(context, request)?;
            self.left -= 1;
            if self.left == self.timed {
                self.start = Some(Start::now()?);
            }
        }
        if self.left == 0 {
            end(context, id);
        }
        Ok(())
    }
}

impl Run {
    fn open_client(
        &mut self,
        context: &mut Context<'_, Run>,
        job: &Job,
        at: usize,
    ) -> Result<(), Box<dyn Error>> {
        let callback = move |run: &mut Run, context: &mut Context<'_, Run>, _| {
            let result = run.asked(context, at);
            run.note(context, result);
        };
        let socket = Socket::open_with(context, socket_type(Role::Req), options(job)?, callback)?;
        self.clients.push(Client { socket, asked_at: Instant::now(), left: self.each, is_asking: false });
        Ok(socket.connect(context, job.peer()?)?)
    }

    /// A requester's callback: its peer has come, or a reply.
    fn asked(&mut self, context: &mut Context<'_, Run>, at: usize) -> Result<(), Box<dyn Error>> {
        let client = &mut self.clients[at];
        if !client.is_asking {
            return self.ask(context, at); // the peer has come
        }
        match client.socket.recv(context) {
            Ok(reply) if reply.len() == self.body.len() => {}
            Ok(_) => return Err("the reply is not as long as the request".into()),
            Err(NotReceived::Empty | NotReceived::OutOfTurn) => return Ok(()), // of a peer that has come

            Err(error) => return Err(error.into()),
        }
        if self.start.is_none() {
            // The first reply of each is not timed. The clock starts when all have had one.
            self.warm_count += 1;
            if self.warm_count < self.clients.len() {
                return Ok(());
            }
            self.start = Some(Start::now()?);
            return (0..self.clients.len()).try_for_each(|at| self.ask(context, at));
        }
        self.latencies.push(client.asked_at.elapsed());
        client.left -= 1;
        self.left -= 1;
        if self.left == 0 {
            context.stop();
        }
        match client.left {
            0 => Ok(()),
            _ => self.ask(context, at),
        }
    }

    fn ask(&mut self, context: &mut Context<'_, Run>, at: usize) -> Result<(), Box<dyn Error>> {
        let client = &mut self.clients[at];
        client.asked_at = Instant::now();
        client.is_asking = true;
        client.socket.send(context, &self.body[..])?;
        Ok(())
    }
}

fn options(job: &Job) -> Result<Options, Box<dyn Error>> {
    Ok(Options::new().dialect(job.dialect()?))
}

/// Sends what waits, and ends the loop.
fn end(context: &mut Context<'_, Run>, id: Id<Socket>) {
    id.close(context, LINGER, |run: &mut Run, context, lost| {
        let result = if lost == 0 { Ok(()) } else { Err(format!("{lost} messages were lost").into()) };
        run.note(context, result);
        context.stop();
    });
}
