//! [`Command`]: the bytes of each, and what is refused.

use std::time::Duration;

use super::assert_allocates_nothing;
use ringmq::codec::zmtp::{Command, CommandError, Properties};

/// Each command, and its body as the RFC has it.
fn commands() -> Vec<(Command<'static>, &'static [u8])> {
    let properties = Properties::parse(b"\x0bSocket-Type\0\0\0\x04PUSH").expect("in order");
    vec![
        (Command::Ready(properties), b"\x05READY\x0bSocket-Type\0\0\0\x04PUSH"),
        (Command::Ready(Properties::parse(b"").expect("none")), b"\x05READY"),
        (Command::Error { reason: b"400" }, b"\x05ERROR\x03400"),
        (Command::Error { reason: b"" }, b"\x05ERROR\x00"),
        (Command::Subscribe { prefix: b"A" }, b"\x09SUBSCRIBEA"),
        (Command::Subscribe { prefix: b"" }, b"\x09SUBSCRIBE"),
        (Command::Cancel { prefix: b"topic." }, b"\x06CANCELtopic."),
        (Command::Cancel { prefix: b"" }, b"\x06CANCEL"),
        (Command::Ping { ttl: Duration::ZERO, context: b"" }, b"\x04PING\0\0"),
        (Command::Ping { ttl: Duration::from_millis(1500), context: b"ctx4" }, b"\x04PING\0\x0fctx4"),
        (Command::Ping { ttl: Duration::from_millis(6_553_500), context: b"" }, b"\x04PING\xff\xff"),
        (
            Command::Ping { ttl: Duration::from_millis(25_600), context: b"0123456789abcdef" },
            b"\x04PING\x01\x000123456789abcdef",
        ),
        (Command::Pong { context: b"" }, b"\x04PONG"),
        (Command::Pong { context: b"0123456789abcdef" }, b"\x04PONG0123456789abcdef"),
        (Command::Other { name: b"WELCOME", data: b"" }, b"\x07WELCOME"),
        (Command::Other { name: b"HELLO", data: b"\x01u\x01p" }, b"\x05HELLO\x01u\x01p"),
        (Command::Other { name: b"ready", data: b"" }, b"\x05ready"),
        (Command::Other { name: b"READ", data: b"Y" }, b"\x04READY"),
        (Command::Other { name: b"\0", data: b"\0" }, b"\x01\0\0"),
    ]
}

fn written(command: Command<'_>) -> Result<Vec<u8>, CommandError> {
    let mut body = b"before".to_vec();
    let done = command.write(&mut body);
    assert!(body.starts_with(b"before"));
    if done.is_err() {
        assert_eq!(body, b"before", "nothing is written of what is refused");
    }
    done.map(|()| body.split_off(6))
}

#[test]
fn each_command_has_the_bytes_of_the_rfc() {
    for (command, body) in commands() {
        assert_eq!(Command::parse(body), Ok(command));
        assert_eq!(written(command), Ok(body.to_vec()), "{command:?}");
    }
}

#[test]
fn a_body_that_ends_inside_its_name_is_refused() {
    assert_eq!(
        Command::parse(b""),
        Err(CommandError::Truncated { part: "the length of a command's name", need: 1, have: 0 })
    );
    for (_, body) in commands() {
        let name_len = usize::from(body[0]);
        for cut in 1..=name_len {
            let error = CommandError::Truncated { part: "a command's name", need: name_len, have: cut - 1 };
            assert_eq!(Command::parse(&body[..cut]), Err(error));
        }
    }
}

#[test]
fn a_command_without_a_name_is_refused() {
    let error = CommandError::Nameless { part: "a command's name" };
    assert_eq!(Command::parse(b"\0data"), Err(error.clone()));
    assert_eq!(written(Command::Other { name: b"", data: b"data" }), Err(error));
}

#[test]
fn a_name_of_255_bytes_is_the_longest() {
    let name = [b'N'; 256];
    let body = written(Command::Other { name: &name[..255], data: b"d" }).expect("within the maximum");
    assert_eq!(Command::parse(&body), Ok(Command::Other { name: &name[..255], data: b"d" }));
    let refused = written(Command::Other { name: &name, data: b"" });
    assert_eq!(refused, Err(CommandError::TooLong { part: "bytes of a name", len: 256, max: 255 }));
}

#[test]
fn a_ready_is_refused_for_its_properties() {
    let error = CommandError::Truncated { part: "a property's value", need: 5, have: 4 };
    assert_eq!(Command::parse(b"\x05READY\x01a\0\0\0\x05four"), Err(error));
}

#[test]
fn the_reason_of_an_error_ends_where_the_body_does() {
    let cases: [(&[u8], CommandError); 3] = [
        (b"", CommandError::Truncated { part: "the length of an ERROR's reason", need: 1, have: 0 }),
        (b"\x04400", CommandError::Truncated { part: "an ERROR's reason", need: 4, have: 3 }),
        (b"\x02400", CommandError::Trailing { part: "an ERROR's reason", len: 1 }),
    ];
    for (data, error) in cases {
        assert_eq!(Command::parse(&[b"\x05ERROR", data].concat()), Err(error.clone()));
        assert_eq!(Command::parse(&[b"\x5eRROR", data].concat()), Err(error), "misspelt");
    }
}

#[test]
fn a_reason_of_255_bytes_is_the_longest() {
    let reason = [b'r'; 256];
    let body = written(Command::Error { reason: &reason[..255] }).expect("within the maximum");
    assert_eq!(Command::parse(&body), Ok(Command::Error { reason: &reason[..255] }));
    let refused = written(Command::Error { reason: &reason });
    let error = CommandError::TooLong { part: "bytes of an ERROR's reason", len: 256, max: 255 };
    assert_eq!(refused, Err(error));
}

#[test]
fn the_misspelt_error_of_libzmq_is_read_as_an_error() {
    assert_eq!(Command::parse(b"\x5eRROR\x03400"), Ok(Command::Error { reason: b"400" }));
}

#[test]
fn a_name_of_94_bytes_that_begins_like_the_misspelt_error_is_a_name() {
    let mut name = b"RROR\x5a".to_vec();
    name.resize(94, b'x');
    let body = [b"\x5e", &name[..], b"data"].concat();
    assert_eq!(Command::parse(&body), Ok(Command::Other { name: &name, data: b"data" }));
}

#[test]
fn a_ping_has_two_bytes_to_live() {
    for (body, have) in [(&b"\x04PING"[..], 0), (b"\x04PING\x01", 1)] {
        let error = CommandError::Truncated { part: "a PING's time to live", need: 2, have };
        assert_eq!(Command::parse(body), Err(error));
    }
}

#[test]
fn a_context_of_more_than_16_bytes_is_refused() {
    let error = CommandError::TooLong { part: "bytes of context", len: 17, max: 16 };
    let context = b"0123456789abcdefg";
    assert_eq!(Command::parse(b"\x04PING\0\x000123456789abcdefg"), Err(error.clone()));
    assert_eq!(Command::parse(b"\x04PONG0123456789abcdefg"), Err(error.clone()));
    assert_eq!(written(Command::Ping { ttl: Duration::ZERO, context }), Err(error.clone()));
    assert_eq!(written(Command::Pong { context }), Err(error));
}

#[test]
fn a_time_to_live_is_rounded_up_to_tenths() {
    let nanosecond = Duration::from_nanos(1);
    let tenth = Duration::from_millis(100);
    for (ttl, tenths) in [(Duration::ZERO, 0), (nanosecond, 1), (tenth, 1), (tenth + nanosecond, 2)] {
        assert_eq!(
            written(Command::Ping { ttl, context: b"" }),
            Ok(vec![4, b'P', b'I', b'N', b'G', 0, tenths])
        );
    }
}

#[test]
fn a_time_to_live_beyond_16_bits_is_not_written() {
    let part = "tenths of a second to live";
    for (ttl, len) in [(Duration::from_millis(6_553_501), 65_536), (Duration::MAX, u64::MAX)] {
        let refused = written(Command::Ping { ttl, context: b"" });
        assert_eq!(refused, Err(CommandError::TooLong { part, len, max: 65_535 }));
    }
}

#[test]
fn it_is_printed_without_control_characters() {
    let printed = commands().iter().map(|(command, _)| format!("{command:?}")).collect::<Vec<_>>();
    assert_eq!(printed[0], r#"Ready({"Socket-Type": "PUSH"})"#);
    assert_eq!(printed[2], r#"Error { reason: "400" }"#);
    assert_eq!(printed[9], r#"Ping { ttl: 1.5s, context: "ctx4" }"#);
    assert_eq!(printed.last().map(|text| &text[..]), Some(r#"Other { name: "\x00", data: "\x00" }"#));
}

#[test]
fn parsing_allocates_nothing() {
    let commands = commands();
    assert_allocates_nothing(|| {
        for (_, body) in &commands {
            for cut in 0..=body.len() {
                let _ = std::hint::black_box(Command::parse(&body[..cut]));
            }
        }
    });
}
