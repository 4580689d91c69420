//! `inotify` says what comes into a folder and what goes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Stdio};

use ringmq::platform::Backend;

use crate::{example, text};

/// What a program prints, line by line, as soon as it does. A line that does not come is the end of the test.
fn lines(child: &mut Child) -> impl FnMut() -> Option<String> {
    let (sender, receiver) = std::sync::mpsc::channel();
    let output = BufReader::new(child.stdout.take().expect("its output is a pipe"));
    std::thread::spawn(move || output.lines().map_while(Result::ok).try_for_each(|line| sender.send(line)));
    move || match receiver.recv_timeout(std::time::Duration::from_secs(60)) {
        Ok(line) => Some(line),
        Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => None,
        Err(std::sync::mpsc::RecvTimeoutError::Timeout) => panic!("nothing more in a minute"),
    }
}

/// One after the other, so that each line is seen before the next thing is done.
#[test]
fn inotify_says_what_comes_into_a_folder_and_what_goes() {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("watched");
    let within = |name: &str| folder.join(name);
    for backend in Backend::AVAILABLE {
        let _ = fs::remove_dir_all(&folder);
        fs::create_dir(&folder).expect("make a folder");
        let mut program = example("inotify");
        program.arg(&folder).env("RINGMQ_BACKEND", backend.name()).stdout(Stdio::piped());
        let mut child = program.spawn().expect("start inotify");
        let mut next = lines(&mut child);
        assert_eq!(next(), Some(format!("watching {} with {backend}", folder.display())));
        fs::write(within("first"), "").expect("make a file");
        assert_eq!(next().as_deref(), Some("+ first"), "{backend}");
        fs::rename(within("first"), within("second")).expect("give it another name");
        assert_eq!((next().as_deref(), next().as_deref()), (Some("- first"), Some("+ second")), "{backend}");
        fs::remove_dir_all(&folder).expect("remove the folder");
        assert_eq!((next().as_deref(), next()), (Some("- second"), None), "{backend}");
        assert!(child.wait().expect("wait for inotify").success(), "{backend}");
    }
}

#[test]
fn inotify_drains_a_burst_that_is_longer_than_its_buffer() {
    // An event with a name of 200 bytes has 16 + 208: a buffer of 64 KiB holds less than 300 of them.
    const COUNT: usize = 1000;
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("flooded");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).expect("make a folder");
    let mut child = example("inotify").arg(&folder).stdout(Stdio::piped()).spawn().expect("start inotify");
    let mut next = lines(&mut child);
    next().expect("it says that it watches");
    for number in 0..COUNT {
        fs::write(folder.join(format!("{number:0200}")), "").expect("make a file");
    }
    for number in 0..COUNT {
        assert_eq!(next(), Some(format!("+ {number:0200}")));
    }
    fs::remove_dir_all(&folder).expect("remove the folder");
    assert_eq!(std::iter::from_fn(next).count(), COUNT, "each of them goes");
    assert!(child.wait().expect("wait for inotify").success());
}

#[test]
fn inotify_explains_what_it_cannot_watch() {
    const FILE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
    let cases = [
        (&["/no such folder"][..], "cannot watch /no such folder: No such file or directory".to_owned()),
        (&[FILE], format!("cannot watch {FILE}: Not a directory")),
        (&["/", "/"], "unexpected argument \"/\"".to_owned()),
        (&["--no-such-option"], "invalid option '--no-such-option'".to_owned()),
    ];
    for (arguments, expected) in cases {
        let output = example("inotify").args(arguments).output().expect("start inotify");
        let message = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{message}");
        assert!(message.starts_with(&format!("inotify: {expected}")), "{message}");
    }
}
