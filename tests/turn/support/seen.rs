//! What callbacks note of the streams whose they are.

use std::io;

use ringmq::{Context, Id, Reactor, State, Stream, Transport};

/// What a callback saw of its stream.
#[derive(Default, Debug)]
pub struct Seen {
    pub bytes: Vec<u8>,
    pub states: Vec<State>,
    pub errors: Vec<io::ErrorKind>,
    pub call_count: usize,
}

impl Seen {
    pub fn last_state(&self) -> Option<State> {
        self.states.last().copied()
    }
}

/// Takes all input, and notes the state whenever it has changed, and the error if there is one.
pub fn take_all<T: Transport>(seen: &mut Seen, context: &mut Context<'_, Seen>, id: Id<Stream<T>>) {
    let stream = context.get_mut(id).unwrap();
    seen.call_count += 1;
    seen.bytes.extend_from_slice(stream.input());
    stream.consume(stream.input().len());
    if seen.last_state() != Some(stream.state()) {
        seen.states.push(stream.state());
    }
    seen.errors.extend(stream.take_error().map(|error| error.kind()));
}

/// Puts a stream on the loop, of which all is taken.
pub fn add_taking<T: Transport>(reactor: &mut Reactor<Seen>, transport: T) -> Id<Stream<T>> {
    let mut context = reactor.context();
    let stream = Stream::new(transport, &context.memory()).unwrap();
    context.add(stream, take_all).unwrap()
}
