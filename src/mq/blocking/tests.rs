//! What only the I/O thread's own side can bring about.

use std::sync::mpsc;

use super::*;

const PATIENCE: Duration = Duration::from_secs(30);

#[test]
fn who_waits_is_told_when_the_loop_ends_of_itself() {
    let io = IoThread::new().unwrap();
    let (pull, push) = (io.socket(SocketType::Pull).unwrap(), io.socket(SocketType::Push).unwrap());
    let waiting = thread::spawn(move || pull.recv());
    io.remote.post(|_, context| context.stop()).unwrap();
    assert_eq!(waiting.join().unwrap(), Err(WaitError::Closed));
    io.shutdown(Duration::ZERO).unwrap();
    assert_eq!(push.send("x").unwrap_err().error, WaitError::Closed);
}

/// Opens a PUB, has it send before its loop has a look, and closes it at once; answers how many messages were lost.
fn publish_and_close(io: &IoThread, publisher: &BlockingSocket, count: usize) -> u64 {
    let (begun, has_begun) = mpsc::channel();
    let (go, goes) = mpsc::channel();
    let (done, is_done) = mpsc::channel();
    let id = publisher.id;
    let task = move |io: &mut Io, context: &mut Context<'_, Io>| {
        begun.send(()).unwrap();
        goes.recv().unwrap();
        close(io, context, id, PATIENCE * 100, move |_, lost| done.send(lost).unwrap());
    };
    io.remote.post(task).unwrap();
    has_begun.recv().unwrap();
    for number in 0..count {
        publisher.send(number.to_string()).unwrap();
    }
    go.send(()).unwrap();
    is_done.recv_timeout(PATIENCE).expect("nothing is left to wait for")
}

#[test]
fn what_is_published_before_the_end_reaches_all_subscribers() {
    const COUNT: usize = 200;
    let io = IoThread::new().unwrap();
    let publisher = io.socket(SocketType::Pub).unwrap();
    let address = publisher.bind("tcp://127.0.0.1:*").unwrap().to_string();
    let subscribers = [(); 2].map(|()| {
        let subscriber = io.socket(SocketType::Sub).unwrap();
        subscriber.subscribe(b"").unwrap();
        subscriber.connect(&address).unwrap();
        subscriber
    });
    let began = Instant::now();
    // Who has heard something has subscribed.
    for subscriber in &subscribers {
        while subscriber.try_recv().is_err() {
            publisher.send("try").unwrap();
            assert!(began.elapsed() < PATIENCE);
            thread::yield_now();
        }
    }
    assert_eq!(publish_and_close(&io, &publisher, COUNT), 0);
    for subscriber in &subscribers {
        let heard = std::iter::from_fn(|| subscriber.recv_timeout(PATIENCE).ok());
        let mut numbers = heard.map(Message::into_vec).filter(|message| message != b"try");
        for number in 0..COUNT {
            assert_eq!(numbers.next(), Some(number.to_string().into_bytes()));
        }
    }
}

#[test]
fn what_nobody_subscribed_to_is_not_waited_for_at_the_end() {
    let io = IoThread::new().unwrap();
    let publisher = io.socket(SocketType::Pub).unwrap();
    assert_eq!(publish_and_close(&io, &publisher, 3), 0);
}
