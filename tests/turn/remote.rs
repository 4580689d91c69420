//! Other threads: what they post runs on the loop's thread, in order, and none of it is lost or starves anybody.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{mpsc, Arc};
use std::thread;
use std::time::Duration;

use ringmq::{Context, Gone, Remote};

use crate::support::{pair, Case, Probe, SOON};

const ZERO: Option<Duration> = Some(Duration::ZERO);

/// Says when it is dropped.
struct Witness(Arc<AtomicBool>);

impl Drop for Witness {
    fn drop(&mut self) {
        self.0.store(true, Ordering::SeqCst);
    }
}

/// The other thread posts only once the loop is about to wait, and the loop would wait for ever.
pub fn a_post_from_another_thread_wakes_a_loop_that_waits(case: Case) {
    let (mut reactor, spy) = case.spied::<usize>();
    let remote = reactor.remote();
    let (waits, is_waiting) = mpsc::channel();
    spy.before_wait(move || waits.send(()).unwrap_or(()));
    let poster = thread::spawn(move || {
        is_waiting.recv().unwrap();
        remote.post(|count, context| {
            *count += 1;
            context.stop();
        })
    });
    let mut count = 0;
    reactor.run(&mut count).unwrap();
    assert_eq!((count, poster.join().unwrap()), (1, Ok(())));
}

pub fn posts_of_one_thread_run_in_order(case: Case) {
    const COUNT: usize = 5_000; // more than run in one turn
    let mut reactor = case.reactor::<Vec<usize>>();
    let remote = reactor.remote();
    let poster = thread::spawn(move || {
        for at in 0..COUNT {
            remote.post(move |log, _| log.push(at)).unwrap();
        }
        remote.post(|_, context| context.stop()).unwrap();
    });
    let mut log = Vec::new();
    reactor.run(&mut log).unwrap();
    poster.join().unwrap();
    assert_eq!(log, (0..COUNT).collect::<Vec<_>>());
}

/// A source that is always ready, and a flood of posts: it responds at least once for every thousand-odd of them.
pub fn a_flood_of_posts_from_two_threads_runs_whole_and_leaves_io_its_turn(case: Case) {
    const COUNT: usize = 50_000;
    let mut reactor = case.reactor::<usize>();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe::new(far);
    let notes = probe.notes();
    reactor.context().add(probe, |_, _, _| ()).unwrap();
    let posters = [reactor.remote(), reactor.remote()].map(|remote| {
        thread::spawn(move || {
            for _ in 0..COUNT {
                let count_one = |count: &mut usize, context: &mut Context<'_, usize>| {
                    *count += 1;
                    if *count == 2 * COUNT {
                        context.stop();
                    }
                };
                remote.post(count_one).unwrap();
            }
        })
    });
    let mut count = 0;
    reactor.run(&mut count).unwrap();
    posters.into_iter().for_each(|poster| poster.join().unwrap());
    assert_eq!(count, 2 * COUNT);
    let responses = notes.response_count();
    assert!(responses >= 2 * COUNT / 1024, "{responses} turns of the source");
}

pub fn a_posted_task_may_post(case: Case) {
    fn again(remote: Remote<usize>) -> impl FnOnce(&mut usize, &mut Context<'_, usize>) + Send {
        move |count, context| {
            *count += 1;
            match *count {
                10 => context.stop(),
                _ => remote.clone().post(again(remote)).unwrap(),
            }
        }
    }
    let mut reactor = case.reactor();
    let remote = reactor.remote();
    remote.clone().post(again(remote)).unwrap();
    let mut count = 0;
    reactor.run(&mut count).unwrap();
    assert_eq!(count, 10);
}

pub fn a_task_that_posts_itself_leaves_io_its_turn_every_time(case: Case) {
    fn again(count: &mut usize, context: &mut Context<'_, usize>) {
        *count += 1;
        context.remote().post(again).unwrap();
    }
    let mut reactor = case.reactor();
    let (mut near, far) = pair();
    near.write_all(b"x").unwrap();
    let probe = Probe::new(far);
    let notes = probe.notes();
    reactor.context().add(probe, |_, _, _| ()).unwrap();
    reactor.remote().post(again).unwrap();
    let mut count = 0;
    for _ in 0..1001 {
        reactor.turn(&mut count, SOON).unwrap();
    }
    assert_eq!((count, notes.response_count()), (1000, 1001));
}

pub fn a_post_after_the_loop_is_gone_is_refused_and_drops_the_task(case: Case) {
    let reactor = case.reactor::<()>();
    let remote = reactor.remote();
    drop(reactor);
    let is_dropped = Arc::new(AtomicBool::new(false));
    let witness = Witness(Arc::clone(&is_dropped));
    assert_eq!(remote.post(move |_, _| drop(witness)), Err(Gone));
    assert!(is_dropped.load(Ordering::SeqCst));
    remote.stop();
}

pub fn a_task_that_waits_when_the_loop_is_dropped_is_dropped_without_running(case: Case) {
    let reactor = case.reactor::<()>();
    let remote = reactor.remote();
    let is_dropped = Arc::new(AtomicBool::new(false));
    let witness = Witness(Arc::clone(&is_dropped));
    remote
        .post(move |_, _| {
            drop(witness);
            panic!("the loop never ran");
        })
        .unwrap();
    assert!(!is_dropped.load(Ordering::SeqCst));
    drop(reactor);
    assert!(is_dropped.load(Ordering::SeqCst));
}

/// The lock on the queue is not held while a task is dropped: with it, these two would wait for ever.
pub fn a_task_may_post_from_its_own_drop(case: Case) {
    struct PostsWhenDropped(Remote<()>, mpsc::Sender<Result<(), Gone>>);
    impl Drop for PostsWhenDropped {
        fn drop(&mut self) {
            self.1.send(self.0.post(|_, _| ())).unwrap();
        }
    }
    let reactor = case.reactor();
    let remote = reactor.remote();
    let (outcomes, outcome) = mpsc::channel();
    let waiting = PostsWhenDropped(remote.clone(), outcomes.clone());
    remote.post(move |_, _| drop(waiting)).unwrap();
    drop(reactor);
    let refused = PostsWhenDropped(remote.clone(), outcomes);
    assert_eq!(remote.post(move |_, _| drop(refused)), Err(Gone));
    assert_eq!(outcome.iter().collect::<Vec<_>>(), [Err(Gone), Err(Gone)]);
}

pub fn many_wakes_cost_one_turn(case: Case) {
    let (mut reactor, spy) = case.spied::<usize>();
    let remote = reactor.remote();
    for _ in 0..100 {
        remote.post(|count, _| *count += 1).unwrap();
    }
    let mut count = 0;
    reactor.turn(&mut count, SOON).unwrap();
    reactor.turn(&mut count, ZERO).unwrap();
    assert_eq!((count, spy.take_waits()), (100, vec![SOON, ZERO]));
}
