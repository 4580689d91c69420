//! What bounds a turn: so much of each kind of work, and the rest in the next one.

use std::io::{ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::unix::net::UnixStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use ringmq::{Builder, Context, Id, Listener, Reactor, Stream, Transport};

use crate::support::{pair, Case, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// Runs turns until the log has `count` entries more, and answers how many each turn brought.
fn pieces(reactor: &mut Reactor<Vec<usize>>, count: usize) -> Vec<usize> {
    let mut log = Vec::new();
    let mut pieces = Vec::new();
    while log.len() < count {
        let before = log.len();
        reactor.turn(&mut log, SOON).unwrap();
        pieces.push(log.len() - before);
    }
    assert_eq!(log, (0..count).collect::<Vec<_>>());
    pieces
}

pub fn tasks_beyond_the_budget_run_in_the_next_turns_in_order_and_the_kernel_is_asked_between(case: Case) {
    let (mut reactor, spy) = case.spied_by(Builder::new().callback_budget(10));
    for at in 0..25 {
        reactor.context().defer(move |log: &mut Vec<usize>, context| {
            log.push(at);
            if at == 24 {
                context.stop(); // so that the last turn does not wait
            }
        });
    }
    assert_eq!(pieces(&mut reactor, 25), [10, 10, 5]);
    assert_eq!(spy.take_waits(), [ZERO; 3]);
}

pub fn timers_beyond_the_budget_run_in_the_next_turns_in_order(case: Case) {
    let (mut reactor, spy) = case.spied_by(Builder::new().timer_budget(10));
    spy.stop_the_clock();
    for at in 0..25 {
        reactor.context().set_timeout(Duration::from_millis(at), move |log: &mut Vec<usize>, context| {
            log.push(at as usize);
            if at == 24 {
                context.stop();
            }
        });
    }
    spy.advance(Duration::from_secs(1));
    assert_eq!(pieces(&mut reactor, 25), [10, 10, 5]);
    assert_eq!(spy.take_waits(), [ZERO; 3]);
}

pub fn posted_tasks_beyond_the_budget_run_in_the_next_turns_in_order(case: Case) {
    let (mut reactor, _spy) = case.spied_by(Builder::new().post_budget(10));
    let remote = reactor.remote();
    for at in 0..25 {
        remote
            .post(move |log: &mut Vec<usize>, context| {
                log.push(at);
                if at == 24 {
                    context.stop();
                }
            })
            .unwrap();
    }
    // The first turn hears the bell.
    assert_eq!(pieces(&mut reactor, 25), [0, 10, 10, 5]);
}

pub fn a_budget_of_zero_counts_as_one(case: Case) {
    let builder = Builder::new().callback_budget(0).timer_budget(0).post_budget(0).source_budget(0);
    let (mut reactor, spy) = case.spied_by(builder);
    spy.stop_the_clock();
    let mut context = reactor.context();
    context.defer(|log: &mut Vec<usize>, context| {
        log.push(0);
        context.set_timeout(Duration::ZERO, |log: &mut Vec<usize>, context: &mut Context<'_, Vec<usize>>| {
            log.push(1);
            let posted = context.remote().post(|log: &mut Vec<usize>, context| {
                log.push(2);
                context.stop();
            });
            posted.unwrap();
        });
    });
    pieces(&mut reactor, 3);
    let (mut near, far) = pair();
    near.write_all(&[7; 100]).unwrap();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let id = context.add(stream, |_, _, _| ()).unwrap();
    reactor.turn(&mut Vec::new(), SOON).unwrap();
    assert_eq!(reactor.context().get(id).unwrap().input(), [7; 100]);
}

/// One read goes beyond a small budget, and no second one follows it in that turn.
pub fn a_source_stops_reading_at_its_budget(case: Case) {
    let (mut reactor, _spy) = case.spied_by(Builder::new().source_budget(1));
    let (mut near, far) = pair();
    far.set_nonblocking(true).unwrap();
    let mut context = reactor.context();
    let stream = Stream::new(far, &context.memory()).unwrap();
    let consume = |_: &mut (), context: &mut Context<'_, ()>, id: Id<Stream<UnixStream>>| {
        let stream = context.get_mut(id).unwrap();
        stream.consume(stream.input().len());
    };
    context.add(stream, consume).unwrap();
    near.set_nonblocking(true).unwrap();
    for _ in 0..10 {
        // As much as the socket takes, which is more than one read's worth.
        while near.write(&[0; 4096]).map_or(false, |len| len > 0) {}
        let before = reactor.stats().bytes_read;
        reactor.turn(&mut (), SOON).unwrap();
        let read = reactor.stats().bytes_read - before;
        assert!(0 < read && read <= 64 * 1024, "{read} bytes");
    }
}

/// Bytes without end, on a thread of its own, until the other end is gone.
fn firehose(mut to: UnixStream) -> thread::JoinHandle<()> {
    thread::spawn(move || while to.write_all(&[0; 16 * 1024]).is_ok() {})
}

/// Connections without end, until told to stop.
fn accept_storm(listener: &TcpListener, is_over: &Arc<AtomicBool>) -> thread::JoinHandle<()> {
    let (address, is_over) = (listener.local_addr().unwrap(), Arc::clone(is_over));
    thread::spawn(move || {
        while !is_over.load(Ordering::SeqCst) {
            // A failure is the system's being out of ports for a moment.
            drop(TcpStream::connect(address));
        }
    })
}

fn add_stream<T: Transport>(reactor: &mut Reactor<Counts>, transport: T, echoes: bool) {
    let mut context = reactor.context();
    let stream = Stream::new(transport, &context.memory()).unwrap();
    let callback = move |counts: &mut Counts, context: &mut Context<'_, Counts>, id: Id<Stream<T>>| {
        let stream = context.get_mut(id).unwrap();
        let input = stream.input().to_vec();
        stream.consume(input.len());
        if echoes {
            stream.send(&input).unwrap();
        } else {
            counts.poured += input.len();
        }
    };
    context.add(stream, callback).unwrap();
}

#[derive(Default, Clone)]
struct Counts {
    poured: usize,
    accepted: usize,
    posted: usize,
    deferred: usize,
    timed: usize,
}

impl Counts {
    /// Whether each that depends on others is further than it was: other threads, and the network.
    fn has_flowed_since(&self, earlier: &Counts) -> bool {
        let pairs =
            [(self.poured, earlier.poured), (self.accepted, earlier.accepted), (self.posted, earlier.posted)];
        pairs.iter().all(|(now, then)| now > then)
    }
}

/// All that wants more than its share at once. The byte that is there before a turn is read in it, and its echo is written in the next:
/// no more turns, whatever else is going on, and that goes on as well.
pub fn a_firehose_a_storm_and_floods_of_posts_timers_and_tasks_leave_a_ping_pong_every_turn(case: Case) {
    const ROUNDS: usize = 300;
    const TIMERS: usize = 100;
    fn again(counts: &mut Counts, context: &mut Context<'_, Counts>) {
        counts.deferred += 1;
        context.defer(again);
    }
    fn at_once(counts: &mut Counts, context: &mut Context<'_, Counts>) {
        counts.timed += 1;
        context.set_timeout(Duration::ZERO, at_once);
    }
    let mut reactor = case.reactor::<Counts>();
    let is_over = Arc::new(AtomicBool::new(false));

    let (hose_near, hose_far) = pair();
    add_stream(&mut reactor, hose_far, false);
    let socket = TcpListener::bind("127.0.0.1:0").unwrap();
    let storm = accept_storm(&socket, &is_over);
    let listener = Listener::new(socket).unwrap();
    reactor
        .context()
        .listen(listener, |counts, _, accepted| counts.accepted += usize::from(accepted.is_ok()))
        .unwrap();
    let (mut near, far) = pair();
    add_stream(&mut reactor, far, true);
    near.set_nonblocking(true).unwrap();
    reactor.context().defer(again);
    for _ in 0..TIMERS {
        reactor.context().set_timeout(Duration::ZERO, at_once);
    }
    let hose = firehose(hose_near);
    let (remote, flood_is_over) = (reactor.remote(), Arc::clone(&is_over));
    let flood = thread::spawn(move || {
        let post = || remote.post(|counts: &mut Counts, _| counts.posted += 1).is_ok();
        while !flood_is_over.load(Ordering::SeqCst) && post() {}
    });

    let mut counts = Counts::default();
    while !counts.has_flowed_since(&Counts::default()) {
        reactor.turn(&mut counts, SOON).unwrap();
    }
    let (before, mut round, mut byte) = (counts.clone(), 0, [0]);
    // More of them if this machine has not let the others get any further meanwhile.
    while round < ROUNDS || !counts.has_flowed_since(&before) {
        near.write_all(&[round as u8]).unwrap();
        reactor.turn(&mut counts, SOON).unwrap();
        assert_eq!(near.read(&mut byte).map_err(|error| error.kind()), Err(ErrorKind::WouldBlock));
        reactor.turn(&mut counts, SOON).unwrap();
        assert_eq!(near.read(&mut byte).unwrap(), 1, "round {round}");
        assert_eq!(byte, [round as u8]);
        round += 1;
    }
    is_over.store(true, Ordering::SeqCst);
    let stats = reactor.stats();
    drop(reactor);
    hose.join().unwrap();
    storm.join().unwrap();
    flood.join().unwrap();
    assert_eq!(counts.deferred as u64, stats.turns, "the task without end ran once a turn");
    let rounds = counts.timed as u64 / TIMERS as u64;
    assert!(
        stats.waits <= rounds && rounds <= stats.turns,
        "a timer of zero runs once for each reading of the clock"
    );
}
