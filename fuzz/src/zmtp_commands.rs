//! Any bytes as the body of a ZMTP command: it is taken if a naive reader takes it, and what is read is written again.
//!
//! The input is the body.

use ringmq::codec::zmtp::{Command, CommandError, Properties};

/// Tries one input, and panics if a law is broken.
pub fn run(data: &[u8]) {
    match Command::parse(data) {
        Ok(command) => {
            let naive = read_naively(data).expect("a naive reader takes it too");
            is_what_was_read(command, &naive, data);
            is_written_again(command, data);
        }
        Err(error) => {
            assert!(read_naively(data).is_none(), "{error}: {data:?}");
            is_true(&error, data.len());
        }
    }
    // Whatever the body is, it may be a list too.
    match Properties::parse(data) {
        Ok(properties) => are_written_again(properties, data),
        Err(error) => {
            assert!(pairs_naively(data).is_none(), "{error}: {data:?}");
            is_true(&error, data.len());
        }
    }
}

/// A command without its meaning: the name, and what follows it.
struct Naive<'a> {
    name: &'a [u8],
    data: &'a [u8],
}

fn read_naively(body: &[u8]) -> Option<Naive<'_>> {
    let name_len = usize::from(*body.first()?);
    let misspelt = name_len == 94 && body.len() < 95 && body[1..].starts_with(b"RROR");
    let (name, data) = match misspelt {
        true => (&b"ERROR"[..], &body[5..]),
        false => (body.get(1..=name_len)?, &body[1 + name_len..]),
    };
    let is_in_order = match name {
        b"" => false,
        b"READY" => pairs_naively(data).is_some(),
        b"ERROR" => {
            data.first().map(|len| usize::from(*len)) == data.len().checked_sub(1) && !data.is_empty()
        }
        b"PING" => (2..=18).contains(&data.len()),
        b"PONG" => data.len() <= 16,
        _ => true,
    };
    is_in_order.then_some(Naive { name, data })
}

fn pairs_naively(list: &[u8]) -> Option<Vec<(&[u8], &[u8])>> {
    let mut pairs = Vec::new();
    let mut at = 0;
    while at < list.len() {
        let name_end = at + 1 + usize::from(list[at]);
        let name = list.get(at + 1..name_end).filter(|name| !name.is_empty())?;
        let len = list.get(name_end..name_end + 4)?;
        let len = len.iter().fold(0, |len, byte| len * 256 + u64::from(*byte));
        let value_end = name_end as u64 + 4 + len;
        if len >= 1 << 31 || value_end > list.len() as u64 {
            return None;
        }
        pairs.push((name, &list[name_end + 4..value_end as usize]));
        at = value_end as usize;
    }
    Some(pairs)
}

fn is_what_was_read(command: Command<'_>, naive: &Naive<'_>, body: &[u8]) {
    let Naive { name, data } = *naive;
    match command {
        Command::Ready(properties) => assert_eq!((name, data), (&b"READY"[..], properties.as_bytes())),
        Command::Error { reason } => assert_eq!((name, &data[1..]), (&b"ERROR"[..], reason)),
        Command::Subscribe { prefix } => assert_eq!((name, data), (&b"SUBSCRIBE"[..], prefix)),
        Command::Cancel { prefix } => assert_eq!((name, data), (&b"CANCEL"[..], prefix)),
        Command::Ping { ttl, context } => {
            assert_eq!((name, &data[2..]), (&b"PING"[..], context));
            assert_eq!(ttl.as_millis(), (u128::from(data[0]) * 256 + u128::from(data[1])) * 100);
        }
        Command::Pong { context } => assert_eq!((name, data), (&b"PONG"[..], context)),
        Command::Other { name: found_name, data: found } => {
            assert_eq!((name, data), (found_name, found));
            let known = ["READY", "ERROR", "SUBSCRIBE", "CANCEL", "PING", "PONG"];
            assert!(known.iter().all(|known| known.as_bytes() != name), "{body:?}");
        }
        _ => panic!("a command this does not know: {command:?}"),
    }
}

fn is_written_again(command: Command<'_>, body: &[u8]) {
    let mut written = Vec::new();
    command.write(&mut written).expect("what was read can be written");
    assert_eq!(Command::parse(&written), Ok(command));
    match body.strip_prefix(b"\x5eRROR") {
        Some(data) if matches!(command, Command::Error { .. }) => {
            assert_eq!(written, [b"\x05ERROR", data].concat());
        }
        _ => assert_eq!(written, body),
    }
    let _ = format!("{command:?}");
}

fn are_written_again(properties: Properties<'_>, list: &[u8]) {
    let pairs: Vec<_> = properties.collect();
    assert_eq!(Some(&pairs), pairs_naively(list).as_ref());
    let mut written = Vec::new();
    for (name, value) in &pairs {
        let first = pairs.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        assert_eq!(properties.get(&name.to_ascii_uppercase()), first.map(|(_, value)| *value));
        match Properties::write(&mut written, name, value) {
            Ok(()) => {}
            Err(CommandError::BadName { found, .. }) => {
                assert!(name.contains(&found) && !found.is_ascii_alphanumeric());
                return;
            }
            Err(error) => panic!("{error}: {list:?}"),
        }
    }
    assert_eq!(written, list);
}

/// The numbers in an error can be those of a body of so many bytes.
fn is_true(error: &CommandError, body_len: usize) {
    match error {
        CommandError::Truncated { need, have, .. } => {
            assert!(need > have && *have <= body_len, "{error}, of {body_len} bytes");
        }
        CommandError::TooLong { len, max, .. } => assert!(len > max, "{error}"),
        CommandError::Trailing { len, .. } => assert!((1..body_len).contains(len), "{error}"),
        CommandError::Nameless { .. } => {}
        _ => panic!("not an error of reading: {error}"),
    }
}
