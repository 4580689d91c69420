//! Choosing a backend by name and by environment, and the buffer for events: what is the same whichever backend runs.

#[cfg(ringmq_kqueue = "model")]
extern crate ringmq_kqueue_model as _;

use std::os::unix::io::AsFd;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use ringmq_platform::{Backend, BackendError, Event, Events, Interest, Ready, Token, Trigger};

/// Sets a variable that no other test uses. All of this process goes through std, which locks the environment.
fn from_env(variable: &str, value: &str) -> Result<Backend, BackendError> {
    std::env::set_var(variable, value);
    Backend::from_env(variable)
}

#[test]
fn every_name_parses_to_the_backend_that_displays_it() {
    for backend in Backend::ALL {
        assert_eq!(backend.to_string(), backend.name());
        assert_eq!(backend.name().parse(), Ok(*backend));
    }
    assert_eq!(Backend::ALL.len(), 4);
}

#[test]
fn a_name_is_padded_like_any_string() {
    assert_eq!(format!("{:>7}|{:<7}|", Backend::Poll, Backend::Select), "   poll|select |");
}

#[test]
fn a_name_is_taken_to_the_letter() {
    for name in ["", "Poll", "EPOLL", " poll", "poll ", "epoll,poll", "iocp"] {
        let error = name.parse::<Backend>().expect_err("this is no name");
        assert_eq!(error, BackendError::Unknown(name.to_owned()));
    }
}

#[test]
fn an_unset_or_empty_variable_is_the_default() {
    assert_eq!(Backend::from_env("RINGMQ_TEST_NEVER_SET"), Ok(Backend::default()));
    assert_eq!(from_env("RINGMQ_TEST_EMPTY", ""), Ok(Backend::default()));
}

#[test]
fn a_variable_names_any_backend_of_this_system() {
    for backend in Backend::AVAILABLE {
        assert_eq!(from_env("RINGMQ_TEST_AVAILABLE", backend.name()), Ok(*backend));
    }
}

#[test]
fn an_unknown_name_in_a_variable_is_an_error_that_lists_the_ones_at_hand() {
    let error = from_env("RINGMQ_TEST_UNKNOWN", "iocp").expect_err("no system has it here");
    let at_hand: Vec<&str> = Backend::AVAILABLE.iter().map(|backend| backend.name()).collect();
    let expected = format!("unknown backend `iocp`: this system has {}", at_hand.join(", "));
    assert_eq!(error.to_string(), expected);
}

#[test]
fn a_name_that_is_no_text_is_an_unknown_one() {
    use std::os::unix::ffi::OsStrExt;
    std::env::set_var("RINGMQ_TEST_BYTES", std::ffi::OsStr::from_bytes(b"po\xffll"));
    let error = Backend::from_env("RINGMQ_TEST_BYTES").expect_err("it is no name");
    assert!(matches!(error, BackendError::Unknown(_)), "{error:?}");
}

#[test]
fn a_backend_that_this_system_lacks_is_known_and_absent() {
    for absent in Backend::ALL.iter().filter(|backend| !backend.is_available()) {
        let error = from_env("RINGMQ_TEST_ABSENT", absent.name()).expect_err("it is absent");
        assert_eq!(error, BackendError::Absent(*absent));
        let opened = absent.open().map(drop).expect_err("it is absent");
        assert_eq!(opened.kind(), std::io::ErrorKind::Unsupported);
        assert_eq!(opened.to_string(), error.to_string());
    }
    // No system has both, so the loop has run; but for Linux when kqueue is tested there, which lacks none.
    let is_under_test =
        cfg!(all(target_os = "linux", any(ringmq_kqueue = "model", ringmq_kqueue = "library")));
    assert_eq!(Backend::Epoll.is_available() && Backend::Kqueue.is_available(), is_under_test);
}

#[test]
fn the_default_is_the_first_of_those_available() {
    assert_eq!(Backend::AVAILABLE.first(), Some(&Backend::default()));
    for backend in Backend::AVAILABLE {
        assert_eq!(backend.open().expect("it is available").backend(), *backend);
    }
}

#[test]
fn events_take_as_many_as_they_were_made_for() {
    let event = Event { token: Token(1), ready: Ready::READABLE };
    let mut events = Events::with_capacity(2);
    assert!(events.push(event) && !events.is_full());
    assert!(events.push(event) && events.is_full());
    assert!(!events.push(Event { token: Token(2), ready: Ready::READABLE }), "it is full");
    assert_eq!((events.len(), events.get(1), events.get(2)), (2, Some(event), None));
    assert!(events.iter().all(|found| *found == event));
    events.clear();
    assert_eq!((events.len(), events.capacity(), events.is_empty()), (0, 2, true));
}

#[test]
fn a_wait_neither_grows_nor_shrinks_the_buffer() {
    for backend in Backend::AVAILABLE {
        let mut poller = backend.open().expect("open a poller");
        let mut events = Events::with_capacity(3);
        poller.wait(&mut events, Some(Duration::ZERO)).expect("wait");
        assert_eq!(events.capacity(), 3);
    }
}

/// A failure message prints a poller: its registrations are wanted there, and not a thousand blanks.
#[test]
fn what_is_printed_of_a_poller_is_what_is_registered() {
    let (near, _far) = UnixStream::pair().expect("socketpair");
    let mut events = Events::with_capacity(1024);
    for backend in Backend::AVAILABLE {
        let mut poller = backend.open().expect("open a poller");
        poller.add(near.as_fd(), Token(77), Interest::WRITABLE, Trigger::Level).expect("add");
        poller.wait(&mut events, None).expect("wait");
        let text = format!("{poller:?}");
        assert!(text.contains("Token(77)") && text.len() < 400, "{} characters: {text}", text.len());
    }
}

#[test]
fn pollers_and_events_may_be_sent_to_another_thread() {
    fn is_send<T: Send + ?Sized>() {}
    is_send::<dyn ringmq_platform::Poller>();
    is_send::<Events>();
}
