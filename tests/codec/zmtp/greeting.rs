//! [`Greeting`]: what is one, what is an older peer's or a stranger's, and how early it shows.

use super::assert_allocates_nothing;
use ringmq::codec::zmtp::{Greeting, GreetingError, Mechanism};
use ringmq::codec::Step;

fn greeting() -> [u8; 64] {
    Greeting::new(Mechanism::NULL, false).encode()
}

/// One with another byte at this offset.
fn with(offset: usize, byte: u8) -> [u8; 64] {
    let mut bytes = greeting();
    bytes[offset] = byte;
    bytes
}

fn parsed(bytes: &[u8]) -> Greeting {
    match Greeting::decode(bytes) {
        Ok(Step::Frame { head, body, used }) => {
            assert_eq!((body, used), (64..64, 64));
            head
        }
        other => panic!("{other:?} where a greeting is: {bytes:?}"),
    }
}

#[test]
fn what_is_encoded_is_decoded() {
    for mechanism in [Mechanism::NULL, Mechanism::PLAIN, Mechanism::CURVE] {
        for is_server in [false, true] {
            let greeting = Greeting::new(mechanism, is_server);
            let found = parsed(&greeting.encode());
            assert_eq!(found, greeting);
            assert_eq!((found.mechanism(), found.is_server()), (mechanism, is_server));
        }
    }
}

#[test]
fn the_bytes_are_those_of_the_rfc() {
    let mut expected = b"\xff\0\0\0\0\0\0\0\x01\x7f\x03\x01CURVE".to_vec();
    expected.resize(32, 0);
    expected.push(1);
    expected.resize(64, 0);
    assert_eq!(Greeting::new(Mechanism::CURVE, true).encode(), expected[..]);
}

#[test]
fn more_says_when_there_can_be_another_answer() {
    for have in 0..64 {
        let more = match have {
            0 => 1,
            1..=9 => 10 - have,
            10 => 1,
            _ => 64 - have,
        };
        assert_eq!(Greeting::decode(&greeting()[..have]), Ok(Step::More(more)), "{have} bytes");
    }
}

#[test]
fn what_follows_a_greeting_is_left_alone() {
    let mut bytes = greeting().to_vec();
    bytes.extend(b"\x04\x06\x05READY");
    assert_eq!(parsed(&bytes), parsed(&greeting()));
}

#[test]
fn a_first_byte_other_than_ff_is_refused_at_once() {
    for first in 0..=0xfe {
        let error = Err(GreetingError::NotZmtp { first });
        assert_eq!(Greeting::decode(&[first]), error);
        assert_eq!(Greeting::decode(&with(0, first)), error);
    }
}

#[test]
fn an_even_tenth_byte_is_a_peer_of_version_1() {
    for mark in 0..=255 {
        let bytes = with(9, mark);
        if mark % 2 == 0 {
            assert_eq!(Greeting::decode(&bytes[..10]), Err(GreetingError::LongIdentity { mark }));
            assert_eq!(Greeting::decode(&bytes), Err(GreetingError::LongIdentity { mark }));
        } else {
            assert_eq!(parsed(&bytes), parsed(&greeting()));
        }
    }
}

#[test]
fn a_revision_below_3_is_an_older_peer() {
    for major in 0..3 {
        let bytes = with(10, major);
        assert_eq!(Greeting::decode(&bytes[..11]), Err(GreetingError::OldVersion { major }));
        assert_eq!(Greeting::decode(&bytes), Err(GreetingError::OldVersion { major }));
    }
}

#[test]
fn a_version_of_3_or_above_is_taken_as_announced() {
    for major in 3..=255 {
        assert_eq!(parsed(&with(10, major)).version(), (major, 1));
    }
    for minor in 0..=255 {
        assert_eq!(parsed(&with(11, minor)).version(), (3, minor));
    }
}

#[test]
fn the_first_rule_that_is_broken_is_the_one_that_is_told() {
    assert_eq!(Greeting::decode(&[0; 64]), Err(GreetingError::NotZmtp { first: 0 }));
    let mut bytes = with(9, 0);
    bytes[10] = 0;
    assert_eq!(Greeting::decode(&bytes), Err(GreetingError::LongIdentity { mark: 0 }));
}

#[test]
fn padding_and_filler_do_not_matter() {
    for offset in (1..=8).chain(33..64) {
        assert_eq!(parsed(&with(offset, 0xa5)), parsed(&greeting()), "at {offset}");
    }
}

#[test]
fn every_byte_of_a_mechanism_matters() {
    for offset in 12..32 {
        let mechanism = parsed(&with(offset, b'x')).mechanism();
        assert_ne!(mechanism, Mechanism::NULL, "at {offset}");
        assert_ne!(mechanism.name(), b"NULL", "at {offset}");
    }
}

#[test]
fn a_mechanism_may_fill_its_twenty_bytes() {
    let mechanism = Mechanism::new(b"ABCDEFGHIJ-0123456.+").expect("twenty bytes");
    assert_eq!(parsed(&Greeting::new(mechanism, false).encode()).mechanism(), mechanism);
    assert_eq!(mechanism.name(), b"ABCDEFGHIJ-0123456.+");
}

#[test]
fn a_mechanism_that_the_protocol_has_no_room_for_is_none() {
    for name in [&b""[..], b"null", b"A B", b"A\0", b"ABCDEFGHIJKLMNOPQRSTU", b"\xff"] {
        assert_eq!(Mechanism::new(name), None, "{name:?}");
    }
}

#[test]
fn a_mechanism_is_printed_without_control_characters() {
    let mut bytes = greeting();
    bytes[12..32].copy_from_slice(b"NULL\0junk\x1b[2J\0\0\0\0\0\0\0");
    let mechanism = parsed(&bytes).mechanism();
    assert_eq!(mechanism.to_string(), r"NULL\x00junk\x1b[2J");
    assert_eq!(format!("{mechanism:?}"), r"Mechanism(NULL\x00junk\x1b[2J)");
}

#[test]
fn only_1_makes_a_server() {
    for byte in 0..=255 {
        assert_eq!(parsed(&with(32, byte)).is_server(), byte == 1);
    }
}

#[test]
fn decoding_allocates_nothing() {
    let inputs = [greeting(), with(0, 0), with(9, 0), with(10, 1)];
    assert_allocates_nothing(|| {
        for input in &inputs {
            for len in [0, 1, 10, 11, 63, 64] {
                let _ = std::hint::black_box(Greeting::decode(&input[..len]));
            }
        }
    });
}
