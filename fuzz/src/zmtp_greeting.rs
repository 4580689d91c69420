//! Any bytes as a ZMTP greeting: the answer is what the rules say, at every length no earlier than announced, and what is read is
//! written again.
//!
//! The input is what the peer has sent.

use ringmq::codec::zmtp::{Greeting, GreetingError};
use ringmq::codec::Step;

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    let stream = &data[..data.len().min(80)];
    let mut announced = 0;
    for have in 0..=stream.len() {
        let answer = Greeting::decode(&stream[..have]);
        assert_eq!(kind(&answer), decode_naively(&stream[..have]), "{have} bytes of {stream:?}");
        match answer {
            Ok(Step::More(n)) => {
                assert!(n >= 1, "more was asked for, but no byte: {stream:?}");
                announced = announced.max(have + n);
            }
            Ok(Step::Frame { head, body, used }) => {
                assert!(have >= announced, "a greeting with {have} bytes, {announced} were announced");
                assert_eq!((body, used), (64..64, 64));
                is_written_again(head, &stream[..64]);
            }
            Ok(Step::Skip { .. }) => panic!("nothing of a greeting is skipped: {stream:?}"),
            Err(_) => assert!(have >= announced, "an error with {have} bytes, {announced} were announced"),
        }
    }
}

fn is_written_again(greeting: Greeting, bytes: &[u8]) {
    let encoded = greeting.encode();
    let found = Greeting::decode(&encoded);
    assert_eq!(found, Ok(Step::Frame { head: greeting, body: 64..64, used: 64 }), "{bytes:?}");
    assert_eq!(encoded[10..32], bytes[10..32]);
    assert_eq!(greeting.version(), (bytes[10], bytes[11]));
    assert_eq!(greeting.is_server(), bytes[32] == 1);
    assert!(bytes[12..32].starts_with(greeting.mechanism().name()));
}

/// An answer without its numbers, but for those of an error.
#[derive(Debug, PartialEq)]
enum Kind {
    More,
    Whole,
    Refused(GreetingError),
}

fn kind(answer: &Result<Step<Greeting>, GreetingError>) -> Kind {
    match answer {
        Ok(Step::More(_)) => Kind::More,
        Ok(Step::Frame { .. }) => Kind::Whole,
        Ok(Step::Skip { .. }) => panic!("nothing of a greeting is skipped"),
        Err(error) => Kind::Refused(error.clone()),
    }
}

/// Goes through the bytes one by one, as the rules that tell old peers are written.
fn decode_naively(input: &[u8]) -> Kind {
    for (offset, byte) in input.iter().enumerate() {
        match (offset, *byte) {
            (0, first) if first != 0xff => return Kind::Refused(GreetingError::NotZmtp { first }),
            (9, mark) if mark % 2 == 0 => return Kind::Refused(GreetingError::LongIdentity { mark }),
            (10, major @ 0..=2) => return Kind::Refused(GreetingError::OldVersion { major }),
            (63, _) => return Kind::Whole,
            _ => {}
        }
    }
    Kind::More
}
