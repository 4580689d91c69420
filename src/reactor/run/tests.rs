//! Who follows a callback: runs in the same phase 1, behind all else of it.

use std::io::Write;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use super::Context;
use crate::platform::Backend;
use crate::{Builder, Id, Reactor, Stream};

const ZERO: Option<Duration> = Some(Duration::ZERO);
const PATIENCE: Option<Duration> = Some(Duration::from_secs(30));

/// What a callback does besides noting that it ran, by its place among the sources.
type Act = fn(usize, &World, &mut Context<'_, World>) -> Result<(), &'static str>;

/// Two parts of a whole, by their places.
const PART: usize = 0;
const OTHER: usize = 1;
const WHOLE: usize = 2;

struct World {
    ids: Vec<Id<Stream<UnixStream>>>,
    act: Act,
    ran: Vec<usize>,
}

struct Loop {
    reactor: Reactor<World>,
    world: World,
    peers: Vec<UnixStream>,
}

impl Loop {
    fn new(builder: Builder, act: Act) -> Loop {
        let mut reactor = builder.build::<World>().unwrap();
        let mut context = reactor.context();
        let mut world = World { ids: Vec::new(), act, ran: Vec::new() };
        let mut peers = Vec::new();
        for place in [PART, OTHER, WHOLE] {
            let (near, far) = UnixStream::pair().unwrap();
            let stream = Stream::new(far, &context.memory()).unwrap();
            let callback = move |world: &mut World, context: &mut Context<'_, World>, id| {
                let stream: &mut Stream<UnixStream> = context.get_mut(id).unwrap();
                stream.consume(stream.input().len());
                world.ran.push(place);
                (world.act)(place, world, context)
            };
            world.ids.push(context.add(stream, callback).unwrap());
            peers.push(near);
        }
        let mut this = Loop { reactor, world, peers };
        assert_eq!(this.turn(), []);
        this
    }

    fn fire(&mut self, place: usize) {
        assert!(self.reactor.context().fire(self.world.ids[place]));
    }

    /// Has the callback of a source be the only thing that the next turn has to do: something has come for it.
    fn wake(&mut self, place: usize) {
        self.peers[place].write_all(b"x").unwrap();
        self.reactor.turn(&mut self.world, PATIENCE).unwrap();
        assert_eq!(self.world.ran, []);
    }

    /// The callbacks of a turn.
    fn turn(&mut self) -> Vec<usize> {
        self.reactor.turn(&mut self.world, ZERO).unwrap();
        std::mem::take(&mut self.world.ran)
    }
}

/// Runs a test on every backend, with what is fired in a list and with the straight way, which has none.
fn both_ways(act: Act, test: fn(&mut Loop, fn(&mut Loop, usize))) {
    for &backend in Backend::AVAILABLE {
        for begin in [Loop::fire, Loop::wake] {
            test(&mut Loop::new(Builder::new().backend(backend), act), begin);
        }
    }
}

fn on_every_backend(act: Act, test: fn(&mut Loop)) {
    for &backend in Backend::AVAILABLE {
        test(&mut Loop::new(Builder::new().backend(backend), act));
    }
}

/// The parts are followed by the whole.
fn lead(place: usize, world: &World, context: &mut Context<'_, World>) -> Result<(), &'static str> {
    if place != WHOLE {
        context.follow(world.ids[WHOLE]);
    }
    Ok(())
}

#[test]
fn who_follows_runs_in_the_same_phase_1() {
    both_ways(lead, |this, begin| {
        begin(this, PART);
        assert_eq!(this.turn(), [PART, WHOLE]);
        assert_eq!(this.turn(), []);
    });
}

#[test]
fn who_follows_runs_behind_all_that_is_queued_and_once() {
    on_every_backend(lead, |this| {
        this.fire(PART);
        this.reactor.context().defer(|world: &mut World, _| world.ran.push(9));
        this.fire(OTHER);
        assert_eq!(this.turn(), [PART, 9, OTHER, WHOLE]);
        assert_eq!(this.turn(), []);
    });
}

#[test]
fn what_is_fired_beside_who_follows_waits_for_the_next_turn() {
    let act: Act = |place, world, context| {
        if place == PART {
            context.fire(world.ids[OTHER]);
            context.follow(world.ids[WHOLE]);
        }
        Ok(())
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        assert_eq!(this.turn(), [PART, WHOLE]);
        assert_eq!(this.turn(), [OTHER]);
    });
}

#[test]
fn who_has_run_in_this_turn_follows_in_the_next() {
    on_every_backend(lead, |this| {
        this.fire(WHOLE);
        this.fire(PART);
        assert_eq!(this.turn(), [WHOLE, PART]);
        assert_eq!(this.turn(), [WHOLE]);
    });
}

#[test]
fn who_is_fired_for_the_next_turn_waits_for_it() {
    let act: Act = |place, world, context| {
        if place == PART {
            context.fire(world.ids[WHOLE]);
        }
        lead(place, world, context)
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        assert_eq!(this.turn(), [PART]);
        assert_eq!(this.turn(), [WHOLE]);
    });
}

#[test]
fn who_follow_one_another_run_once_a_turn_and_leave_io_its_turn() {
    let act: Act = |place, world, context| {
        context.follow(world.ids[(place + 1) % 3]);
        Ok(())
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        for _ in 0..5 {
            let waits = this.reactor.stats().waits;
            assert_eq!(this.turn(), [PART, OTHER, WHOLE]);
            assert_eq!(this.reactor.stats().waits, waits + 1);
        }
    });
}

#[test]
fn who_follows_itself_runs_once_a_turn() {
    let act: Act = |place, world, context| {
        context.follow(world.ids[place]);
        Ok(())
    };
    both_ways(act, |this, begin| {
        begin(this, WHOLE);
        assert_eq!(this.turn(), [WHOLE]);
        assert_eq!(this.turn(), [WHOLE]);
    });
}

#[test]
fn who_follows_a_task_or_a_timer_runs_in_the_next_turn() {
    let act: Act = |_, _, _| Ok(());
    on_every_backend(act, |this| {
        let mut context = this.reactor.context();
        context.defer(|world: &mut World, context| context.follow(world.ids[PART]));
        assert_eq!((this.turn(), this.turn()), (vec![], vec![PART]));
        let mut context = this.reactor.context();
        context.set_timeout(Duration::ZERO, |world: &mut World, context| context.follow(world.ids[PART]));
        assert_eq!((this.turn(), this.turn()), (vec![], vec![PART]));
    });
}

#[test]
fn who_is_removed_before_it_follows_does_not_run() {
    let act: Act = |place, world, context| {
        context.follow(world.ids[WHOLE]);
        if place == PART {
            assert!(context.remove(world.ids[WHOLE]).is_some());
        }
        context.follow(world.ids[WHOLE]);
        Ok(())
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        assert_eq!((this.turn(), this.turn()), (vec![PART], vec![]));
    });
}

#[test]
fn who_follows_beyond_the_budget_is_first_in_the_next_turn() {
    let act: Act = |place, world, context| {
        if place == PART {
            context.fire(world.ids[OTHER]);
            context.follow(world.ids[WHOLE]);
        }
        Ok(())
    };
    for &backend in Backend::AVAILABLE {
        for begin in [Loop::fire, Loop::wake] {
            let this = &mut Loop::new(Builder::new().backend(backend).callback_budget(1), act);
            begin(this, PART);
            assert_eq!((this.turn(), this.turn(), this.turn()), (vec![PART], vec![WHOLE], vec![OTHER]));
        }
    }
}

#[test]
fn who_follows_one_that_fails_runs_in_the_same_phase_1_or_without_a_hook_in_the_next_turn() {
    let act: Act = |place, world, context| {
        lead(place, world, context)?;
        match place {
            PART => Err("lost"),
            _ => Ok(()),
        }
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        this.reactor.turn(&mut this.world, ZERO).unwrap_err();
        assert_eq!(this.turn(), [PART, WHOLE]);
        assert_eq!(this.turn(), []);
    });
    both_ways(act, |this, begin| {
        begin(this, PART);
        this.reactor.context().on_failure(|world: &mut World, _, _| world.ran.push(9));
        assert_eq!(this.turn(), [PART, 9, WHOLE]);
    });
}

#[test]
fn who_follows_and_fails_loses_its_source_and_no_other() {
    let act: Act = |place, world, context| {
        lead(place, world, context)?;
        match place {
            WHOLE => Err("lost"),
            _ => Ok(()),
        }
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        this.reactor.turn(&mut this.world, ZERO).unwrap_err();
        assert_eq!(this.turn(), [PART, WHOLE]);
        begin(this, PART);
        assert_eq!(this.turn(), [PART]);
    });
}

#[test]
fn who_follows_a_stop_runs_before_the_end() {
    let act: Act = |place, world, context| {
        context.stop();
        lead(place, world, context)
    };
    both_ways(act, |this, begin| {
        begin(this, PART);
        this.reactor.run(&mut this.world).unwrap();
        assert_eq!(this.world.ran, [PART, WHOLE]);
    });
}
