//! [`Properties`]: lists that are in order, and those that are not.

use super::assert_allocates_nothing;
use ringmq::codec::zmtp::{CommandError, Properties};

const LIST: &[u8] = b"\x0bSocket-Type\0\0\0\x06DEALER\x08Identity\0\0\0\0\x05X-foo\0\0\0\x03bar";

fn pairs(bytes: &[u8]) -> Vec<(&[u8], &[u8])> {
    Properties::parse(bytes).expect("a list in order").collect()
}

#[test]
fn what_is_written_is_read() {
    let mut list = Vec::new();
    for (name, value) in pairs(LIST) {
        Properties::write(&mut list, name, value).expect("in order");
    }
    assert_eq!(list, LIST);
    let expected: [(&[u8], &[u8]); 3] = [(b"Socket-Type", b"DEALER"), (b"Identity", b""), (b"X-foo", b"bar")];
    assert_eq!(pairs(LIST), expected);
}

#[test]
fn no_properties_are_in_order() {
    assert_eq!(pairs(b""), []);
}

#[test]
fn the_greatest_lengths_are_written_and_read() {
    let (name, value) = ([b'n'; 255], [7; 70_000]);
    let mut list = Vec::new();
    Properties::write(&mut list, &name, &value).expect("in order");
    assert_eq!(pairs(&list), [(&name[..], &value[..])]);
}

#[test]
fn a_list_that_is_cut_inside_a_property_is_refused() {
    let ends = [0, 1 + 11 + 4 + 6, 22 + 1 + 8 + 4, LIST.len()];
    for cut in 0..=LIST.len() {
        let parsed = Properties::parse(&LIST[..cut]);
        if ends.contains(&cut) {
            assert_eq!(parsed.expect("whole properties").as_bytes(), &LIST[..cut]);
        } else {
            let error = parsed.expect_err("part of a property");
            assert!(matches!(error, CommandError::Truncated { need, have, .. } if need > have), "{error}");
        }
    }
}

#[test]
fn the_error_says_which_part_runs_past_the_end() {
    let cases: [(&[u8], CommandError); 4] = [
        (b"\x09ab", CommandError::Truncated { part: "a property's name", need: 9, have: 2 }),
        (
            b"\x02ab\0\0\0",
            CommandError::Truncated { part: "the length of a property's value", need: 4, have: 3 },
        ),
        (b"\x02ab\0\0\0\x05four", CommandError::Truncated { part: "a property's value", need: 5, have: 4 }),
        (
            b"\x01a\x7f\xff\xff\xff",
            CommandError::Truncated { part: "a property's value", need: i32::MAX as usize, have: 0 },
        ),
    ];
    for (bytes, error) in cases {
        assert_eq!(Properties::parse(bytes), Err(error));
    }
}

#[test]
fn a_value_of_32_bits_is_refused() {
    for (bytes, len) in [(b"\x01a\x80\0\0\0", 1 << 31), (b"\x01a\xff\xff\xff\xff", u64::from(u32::MAX))] {
        let error = CommandError::TooLong { part: "bytes of a property's value", len, max: i32::MAX as u64 };
        assert_eq!(Properties::parse(bytes), Err(error));
    }
}

#[test]
fn a_property_without_a_name_is_refused() {
    let error = CommandError::Nameless { part: "a property's name" };
    assert_eq!(Properties::parse(b"\0\0\0\0\x01a"), Err(error.clone()));
    assert_eq!(Properties::write(&mut Vec::new(), b"", b"a"), Err(error));
}

#[test]
fn any_bytes_are_read_as_a_name_and_only_those_of_the_rfc_are_written() {
    for byte in 0..=255_u8 {
        assert_eq!(pairs(&[1, byte, 0, 0, 0, 0]), [(&[byte][..], &[][..])]);
        let mut list = b"before".to_vec();
        let written = Properties::write(&mut list, &[b'X', byte], b"");
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'+') {
            assert_eq!(written, Ok(()));
        } else {
            assert_eq!(written, Err(CommandError::BadName { part: "a property's name", found: byte }));
            assert_eq!(list, b"before");
        }
    }
}

#[test]
fn a_name_of_256_bytes_is_not_written() {
    let refused = Properties::write(&mut Vec::new(), &[b'n'; 256], b"");
    assert_eq!(refused, Err(CommandError::TooLong { part: "bytes of a name", len: 256, max: 255 }));
}

#[test]
fn a_name_is_found_in_any_case() {
    let properties = Properties::parse(LIST).expect("in order");
    for name in ["Socket-Type", "socket-type", "SOCKET-TYPE"] {
        assert_eq!(properties.get(name.as_bytes()), Some(&b"DEALER"[..]), "{name}");
    }
    assert_eq!(properties.get(b"Socket"), None);
}

#[test]
fn a_property_that_is_empty_is_not_one_that_is_missing() {
    let properties = Properties::parse(LIST).expect("in order");
    assert_eq!((properties.get(b"Identity"), properties.get(b"Resource")), (Some(&b""[..]), None));
}

#[test]
fn the_first_of_two_equal_names_is_found() {
    let properties = Properties::parse(b"\x01a\0\0\0\x011\x01A\0\0\0\x012").expect("in order");
    assert_eq!(properties.get(b"A"), Some(&b"1"[..]));
}

#[test]
fn an_iterator_at_its_end_stays_there() {
    let mut properties = Properties::parse(b"\x01a\0\0\0\x011").expect("in order");
    assert_eq!(properties.next(), Some((&b"a"[..], &b"1"[..])));
    assert_eq!((properties.next(), properties.next()), (None, None));
}

#[test]
fn they_are_printed_without_control_characters() {
    let properties = Properties::parse(b"\x02i\n\0\0\0\x02\0a").expect("in order");
    assert_eq!(format!("{properties:?}"), r#"{"i\n": "\x00a"}"#);
}

#[test]
fn reading_allocates_nothing() {
    assert_allocates_nothing(|| {
        for cut in 0..=LIST.len() {
            if let Ok(properties) = Properties::parse(&LIST[..cut]) {
                let _ = std::hint::black_box(properties.get(b"x-FOO"));
                let _ = std::hint::black_box(properties.count());
            }
        }
    });
}
