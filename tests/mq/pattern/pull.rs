//! The table of `Pull`.

use ringmq::mq::pattern::{NotReceived, NotSent, Pattern, Pull};
use ringmq::mq::SocketType;

use super::{gives_nothing, outlives_its_peer, parts, queue, refuses, take_turns, texts, with, A, B, C};

#[test]
fn what_arrives_is_received_whole() {
    let mut pull = with(Pull::new(), [A]);
    let message = parts(["one", "", "three"]);
    queue(&mut pull, A, message.clone());
    assert_eq!((pull.can_recv(), pull.waiting(A)), (true, (1, 8)));
    assert_eq!(pull.recv(), Ok((A, message)));
}

#[test]
fn peers_with_messages_take_turns() {
    take_turns(&mut with(Pull::new(), [C, B, A]), |text| text.into(), |text| text.into());
}

#[test]
fn nothing_is_received_of_nothing() {
    gives_nothing(&mut Pull::new(), NotReceived::Empty);
    gives_nothing(&mut with(Pull::new(), [A]), NotReceived::Empty);
}

#[test]
fn who_left_is_received_from_to_its_end() {
    let mut pull = with(Pull::new(), [A, B]);
    outlives_its_peer(&mut pull);
    assert_eq!(texts(&mut pull), "a1 b1 another a2");
}

#[test]
fn nothing_is_sent() {
    let mut pull = with(Pull::new(), [A]);
    assert!(!pull.can_send());
    refuses(&mut pull, "m", NotSent::Unsupported(SocketType::Pull));
}
