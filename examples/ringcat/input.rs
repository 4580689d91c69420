//! What ringcat sends: lines, a file, or messages that it makes up.

use std::error::Error;
use std::fs;
use std::io::{self, BufRead};
use std::sync::mpsc::TryRecvError;
use std::thread;

use ringmq::mq::SocketType;
use ringmq::{Channel, Context, Id};

use super::args::Args;
use super::Cat;

/// How many lines wait at the most between the thread that reads them and the loop.
const WAITING: usize = 64;

pub enum Input {
    /// Nothing is sent unasked.
    None,
    /// Lines of standard input. A thread reads them: what other programs share with us is left as it is.
    Lines { channel: Id<Channel<io::Result<Vec<u8>>>>, is_hex: bool },
    /// The same over and over.
    Body { body: Vec<u8>, left: Option<u64> },
}

impl Input {
    pub fn open(
        args: &Args,
        context: &mut Context<'_, Cat>,
        go_on: fn(&mut Cat, &mut Context<'_, Cat>),
    ) -> Result<Input, Box<dyn Error>> {
        if !args.socket_type.can_send() || matches!(args.socket_type, SocketType::Rep | SocketType::Router) {
            return Ok(Input::None);
        }
        if let Some(path) = &args.file {
            let body = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
            return Ok(Input::Body { body, left: Some(args.count.unwrap_or(1)) });
        }
        if let Some(size) = args.size {
            return Ok(Input::Body { body: vec![b'x'; size], left: args.count });
        }
        let (sender, channel) = Channel::bounded(WAITING)?;
        let channel = context.add(channel, move |cat: &mut Cat, context, _| go_on(cat, context))?;
        thread::Builder::new().name("ringcat-stdin".to_string()).spawn(move || {
            for line in io::stdin().lock().split(b'\n') {
                if sender.send(line).is_err() {
                    return;
                }
            }
        })?;
        Ok(Input::Lines { channel, is_hex: args.hex })
    }

    /// The next message, if there is one now.
    pub fn next(&mut self, context: &mut Context<'_, Cat>) -> Result<Option<Vec<u8>>, Box<dyn Error>> {
        match self {
            Input::None => Ok(None),
            Input::Body { left: Some(0), .. } => Ok(None),
            Input::Body { body, left } => {
                *left = left.map(|left| left - 1);
                Ok(Some(body.clone()))
            }
            Input::Lines { channel, is_hex } => {
                let received =
                    context.get_mut(*channel).map_or(Err(TryRecvError::Disconnected), Channel::try_recv);
                match received {
                    Ok(line) if *is_hex => Ok(Some(bytes_of_hex(&line?)?)),
                    Ok(line) => Ok(Some(line?)),
                    Err(TryRecvError::Empty) => Ok(None),
                    Err(TryRecvError::Disconnected) => {
                        context.remove(*channel);
                        Ok(None)
                    }
                }
            }
        }
    }

    /// Whether there will be no more.
    pub fn is_over(&self, context: &Context<'_, Cat>) -> bool {
        match self {
            Input::None => true,
            Input::Body { left, .. } => *left == Some(0),
            Input::Lines { channel, .. } => context.get(*channel).is_none(),
        }
    }
}

fn bytes_of_hex(line: &[u8]) -> Result<Vec<u8>, String> {
    let refused = || {
        format!("expected an even number of hexadecimal digits, found {:?}", String::from_utf8_lossy(line))
    };
    let text = std::str::from_utf8(line).map_err(|_| refused())?.trim_end();
    if text.len() % 2 != 0 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(refused());
    }
    Ok((0..text.len()).step_by(2).filter_map(|at| u8::from_str_radix(&text[at..at + 2], 16).ok()).collect())
}
