//! The table of `Prefixes`.

use ringmq::mq::pattern::{Peer, Prefixes};

use super::{A, B, C};

/// Who has subscribed to the topic, in order of their numbers.
fn found(prefixes: &mut Prefixes, topic: &str) -> Vec<Peer> {
    let mut found = Vec::new();
    prefixes.matching(topic.as_bytes(), |peer| found.push(peer));
    found.sort();
    found
}

fn with(subscriptions: &[(Peer, &str)]) -> Prefixes {
    let mut prefixes = Prefixes::new();
    for (peer, prefix) in subscriptions {
        assert!(prefixes.add(*peer, prefix.as_bytes()));
    }
    prefixes
}

#[test]
fn a_prefix_matches_what_begins_with_it() {
    let mut prefixes = with(&[(A, "weather.oslo"), (B, "weather"), (C, "weather.rome")]);
    for (topic, expected) in [
        ("", &[][..]),
        ("weathe", &[]),
        ("weather", &[B]),
        ("weather.", &[B]),
        ("weather.oslo", &[A, B]),
        ("weather.oslo.tomorrow", &[A, B]),
        ("weather.rom", &[B]),
        ("weather.rome", &[B, C]),
        ("wx", &[]),
        ("sports", &[]),
    ] {
        assert_eq!(found(&mut prefixes, topic), expected, "{topic}");
    }
    assert!(prefixes.add(A, b""));
    assert_eq!(found(&mut prefixes, ""), [A]);
    assert_eq!(found(&mut prefixes, "sports"), [A]);
}

#[test]
fn one_removal_ends_any_number_of_additions() {
    let mut prefixes = with(&[(A, "news")]);
    assert_eq!([(); 2].map(|()| prefixes.add(A, b"news")), [false, false]);
    assert_eq!(prefixes.held_by(A), (1, 4));
    assert!(prefixes.remove(A, b"news"));
    assert_eq!((found(&mut prefixes, "news"), prefixes.held_by(A)), (vec![], (0, 0)));
}

#[test]
fn prefixes_of_others_stay() {
    let mut prefixes = with(&[(A, "news"), (B, "news"), (C, "news"), (B, "new"), (A, "newspaper")]);
    assert!(prefixes.remove(A, b"news"));
    assert_eq!(found(&mut prefixes, "newspaper"), [A, B, C]);
    assert_eq!(found(&mut prefixes, "news"), [B, C]);
    assert!(prefixes.remove(B, b"new"));
    assert!(prefixes.remove(B, b"news"));
    assert_eq!(found(&mut prefixes, "newspaper"), [A, C]);
    assert_eq!([A, B, C].map(|peer| prefixes.held_by(peer)), [(1, 9), (0, 0), (1, 4)]);
}

#[test]
fn what_was_not_added_is_not_removed() {
    let mut prefixes = with(&[(A, "news"), (A, "newt"), (B, "sports")]);
    for (peer, prefix) in [(A, ""), (A, "new"), (A, "newspaper"), (A, "sports"), (B, "news"), (C, "news")] {
        assert!(!prefixes.remove(peer, prefix.as_bytes()), "{prefix}");
    }
    assert_eq!((found(&mut prefixes, "news"), found(&mut prefixes, "sports")), (vec![A], vec![B]));
}

#[test]
fn who_is_forgotten_has_no_prefix_left() {
    let mut prefixes = with(&[(A, ""), (A, "news"), (A, "newt"), (B, "news"), (B, "newspaper")]);
    prefixes.forget(A);
    prefixes.forget(C);
    assert_eq!(prefixes.held_by(A), (0, 0));
    assert_eq!(found(&mut prefixes, "newspaper"), [B]);
    assert_eq!(found(&mut prefixes, "newt"), []);
    assert!(prefixes.add(A, b"newt"));
    assert_eq!(found(&mut prefixes, "newt"), [A]);
}

#[test]
fn who_has_several_prefixes_of_a_topic_is_found_once() {
    let mut prefixes = with(&[(A, ""), (A, "n"), (A, "ne"), (B, "ne"), (A, "news"), (B, "news")]);
    for _ in 0..2 {
        assert_eq!(found(&mut prefixes, "news"), [A, B]);
    }
}

#[test]
fn a_long_prefix_takes_about_its_own_length() {
    let mut prefixes = Prefixes::new();
    let long = vec![b'x'; 1 << 20];
    let taken = allocation_counter::measure(|| assert!(prefixes.add(A, &long)));
    assert!(taken.bytes_total < (1 << 20) + 4096, "{} bytes", taken.bytes_total);
}

#[test]
fn prefixes_that_come_and_go_take_no_memory() {
    let mut prefixes = with(&[(B, "news"), (B, "n")]);
    // Never the same ones, which take turns to go first.
    let mut come_and_go = |times: std::ops::Range<usize>| {
        for time in times {
            let words = ["", ".", ".a", ".ab", ".b"].map(|end| format!("new{time:05}{end}"));
            for peer in [A, C] {
                assert!(words.iter().all(|word| prefixes.add(peer, word.as_bytes())));
            }
            prefixes.forget(C);
            for at in 0..words.len() {
                let step = 1 + time % 4;
                assert!(prefixes.remove(A, words[(at * step + time) % words.len()].as_bytes()));
            }
        }
    };
    come_and_go(0..100);
    let taken = allocation_counter::measure(|| come_and_go(100..1100));
    assert_eq!((taken.bytes_current, taken.count_current), (0, 0));
}
