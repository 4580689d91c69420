//! Timers set, put off, drawn forward, cleared and run in any order do what a plain list does, on a clock that the input moves.
//!
//! | input | meaning |
//! |---|---|
//! | byte 0 | the budget, how many timers run in a turn: 1, 2, 3, 5, 8, 64, 1024 or no limit |
//! | four bytes each | an operation: its kind, `which`, `amount` and `act` |
//!
//! | kind, modulo 16 | operation |
//! |---|---|
//! | 0 to 3 | sets a timeout of the span `amount` that does `act` when it runs |
//! | 4 | sets such an interval |
//! | 5, 6 | resets the timer `which` back from the last that was set, to the span `amount` |
//! | 7, 8 | clears that timer |
//! | 9, 10 | lets the span `amount` pass |
//! | 11 | defers `act` to the next turn, before its timers |
//! | 12, 13 | turns without sleeping, up to four times |
//! | 14 | turns, and sleeps for the span `amount` at the longest, or without a limit |
//! | 15 | a crowd: sets up to 1024 timeouts, `which` says how many, at multiples of the span `amount`, and clears some of them |
//!
//! A span is `amount` modulo 16 nanoseconds below 160, a power of two above, and with 255 beyond the end of the clock. What a timer does
//! in a turn is done to the timers that it reaches as well: [`Act`].
//!
//! The oracle holds the loop to what the documentation of timers says: never early, by deadline and then by order of setting; what is
//! set or reset by a timer waits for the next turn; a budget, and those beyond it first the next time; resets that allocate nothing and
//! leave the next look at the earlier deadline; ticks at whole periods; sleep until then, no longer and no shorter; ids that reach
//! no other timer; tasks that are dropped with their timers, and memory that comes back.

mod clock;
mod model;
mod world;

use std::time::Duration;

use allocation_counter::measure;
use ringmq::{Builder, Reactor};

use self::clock::Clock;
use self::world::{Act, World};

/// How many timers one input sets at the most. The model takes its time with many, and as many already take four times what may be kept.
const MOST: usize = 2048;

/// How many tasks wait for a turn at the most: the loop keeps the memory of their queue.
const MOST_DEFERRED: usize = 64;

/// What a loop may keep of any number of timers that are gone, as in `tests/timers.rs`.
const KEPT: i64 = 64 * 1024;

/// Tries one input, and panics if the loop does anything else than the list.
pub fn run(data: &[u8]) {
    let Some((budget, words)) = data.split_first() else { return };
    let budget = [1, 2, 3, 5, 8, 64, 1024, usize::MAX][usize::from(budget % 8)];
    let clock = Clock::new();
    let builder = Builder::new().poller(clock.poller()).timer_budget(budget);
    let mut reactor: Reactor<World> = builder.build().expect("a process may have another loop");
    reactor.context().on_failure(|world, _, _| world.note_failure());
    let kept = measure(|| {
        let mut world = World::new(clock.clone(), budget);
        for word in words.chunks_exact(4) {
            step(&mut world, &mut reactor, &clock, [word[0], word[1], word[2], word[3]]);
            world.check(&mut reactor);
        }
        world.end(&mut reactor);
    });
    assert!(kept.bytes_current <= KEPT, "what is kept of timers that are gone: {kept:?}");
}

fn step(world: &mut World, reactor: &mut Reactor<World>, clock: &Clock, word: [u8; 4]) {
    let [kind, which, amount, act] = word;
    let (span, back) = (span_of(amount), usize::from(which));
    let mut context = reactor.context();
    match kind % 16 {
        0..=4 if world.set_count() >= MOST => {}
        0..=3 => world.set(&mut context, span, act_of(act, which)),
        4 => world.set_interval(&mut context, span, act_of(act, which)),
        5 | 6 => world.reset(&mut context, world.number(back), span),
        7 | 8 => world.clear(&mut context, world.number(back)),
        9 | 10 => clock.pass(span.min(LONGEST)),
        11 if world.deferred_count() >= MOST_DEFERRED => {}
        11 => world.defer(&mut context, act_of(act, which)),
        12 | 13 => (0..=which % 4).for_each(|_| world.turn(reactor, Some(Duration::ZERO))),
        14 => world.turn(reactor, Some(span).filter(|span| *span <= LONGEST)),
        _ => crowd(world, reactor, 1 << (which % 11), span.min(LONGEST), act),
    }
}

/// Sets many timeouts at once, at 1, 2, 4 or 8 deadlines or as many as they are, and clears all, none, or every so many of them.
fn crowd(world: &mut World, reactor: &mut Reactor<World>, count: usize, span: Duration, act: u8) {
    let first = world.set_count();
    let count = count.min(MOST.saturating_sub(first));
    let places = [1, 2, 4, 8, u32::MAX][usize::from(act % 5)];
    let every = usize::from(act / 5 % 8);
    let mut context = reactor.context();
    for at in 0..count as u32 {
        world.set(&mut context, span.saturating_mul(at % places).min(LONGEST), Act::Nothing);
    }
    for number in (first..first + count).filter(|number| every > 0 && number % every == 0) {
        world.clear(&mut context, number);
    }
}

/// The longest time that passes at once: thousands of it are less than any clock has.
const LONGEST: Duration = Duration::from_nanos(1 << 47);

fn span_of(byte: u8) -> Duration {
    match byte {
        0..=159 => Duration::from_nanos(u64::from(byte % 16)),
        160..=254 => Duration::from_nanos(1 << ((byte - 160) / 2)),
        255 => Duration::MAX,
    }
}

/// What a timer does when it runs. `span` is short, so that a turn has several of them.
fn act_of(byte: u8, which: u8) -> Act {
    let (after, back) = (span_of(which), usize::from(byte / 10));
    match byte % 10 {
        1 => Act::Set { after },
        2 => Act::Set { after: Duration::ZERO },
        3 => Act::Clear { back },
        4 => Act::Reset { back, after },
        5 => Act::ClearItself,
        6 => Act::ResetItself { after },
        7 => Act::Pass { time: after.min(LONGEST) },
        8 => Act::Fail,
        _ => Act::Nothing,
    }
}
