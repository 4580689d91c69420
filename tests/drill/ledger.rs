//! What was sent, and what of it was received: nothing twice, each sender's in its order, and gaps only where a connection died.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};

use crate::client::{is_pusher, Report};
use crate::note::Note;

/// What is known of each life of each sender, and by that of its connections: it has one to each server that it has seen.
#[derive(Default)]
pub struct Ledger {
    lives: HashMap<(u32, u32), Life>,
    last_server: u32,
}

/// One life of one sender.
struct Life {
    /// The server's life at its begin.
    began_at: u32,
    /// What it said at its end, and the server's life then; nothing, if it was killed.
    end: Option<(Report, u32)>,
    /// The number after that of the last message that was received of it, and which life of the server that was in.
    received: (u64, u32),
    missing: u64,
    gaps: u64,
}

/// What has come of a drill.
#[derive(Default, Debug)]
struct Counts {
    pushed: u64,
    asked: u64,
    answered: u64,
    /// By senders who have ended in order, and were on connections that died.
    missing: u64,
    /// So many of these their senders were told of.
    told: u64,
    /// By senders who were killed, between others that came.
    missing_of_killed: u64,
}

impl Ledger {
    /// Where a server writes what it has received; it has a file with an ending for each socket.
    pub fn file_of(directory: &Path, life: u32) -> PathBuf {
        directory.join(format!("server-{life}"))
    }

    pub fn begin(&mut self, sender: u32, life: u32, server: u32) {
        self.last_server = server;
        let new = Life { began_at: server, end: None, received: (0, server), missing: 0, gaps: 0 };
        assert!(self.lives.insert((sender, life), new).is_none(), "it begins once");
    }

    pub fn end(&mut self, report: Report, life: u32, server: u32) {
        self.last_server = server;
        self.lives.get_mut(&(report.sender, life)).expect("it has begun").end = Some((report, server));
    }

    /// The last messages of those who have pushed to a server and ended in order.
    pub fn wanted_of(&self, server: u32) -> impl Iterator<Item = Note> + '_ {
        self.lives.iter().filter_map(move |(&(sender, life), known)| match known.end {
            Some((report, at)) if at == server && is_pusher(sender) => {
                Some(Note { sender, life, sequence: report.count - 1 })
            }
            _ => None,
        })
    }

    /// Reads what was received, and says how much it was.
    ///
    /// # Panics
    /// If something came twice, or is missing that was on no connection that died.
    pub fn check(mut self, directory: &Path) -> String {
        let mut counts = Counts::default();
        for server in 0..=self.last_server {
            let file = Ledger::file_of(directory, server);
            counts.pushed += self.take_in(&file.with_extension("pull"), server);
            counts.asked += self.take_in(&file.with_extension("rep"), server);
        }
        for (&key, life) in &mut self.lives {
            life.check_end(key, self.last_server);
            match life.end {
                Some((report, _)) => {
                    counts.missing += life.missing;
                    counts.told += report.unsent;
                    counts.answered += report.answers;
                }
                None => counts.missing_of_killed += life.missing,
            }
        }
        assert!(counts.pushed > 0 && counts.answered > 0, "nothing has happened: {counts:?}");
        format!("{counts:?}")
    }

    /// All that a socket of a server has received. A server that was killed early has opened no file.
    fn take_in(&mut self, file: &Path, server: u32) -> u64 {
        let records = fs::read(file).unwrap_or_default();
        assert_eq!(records.len() % Note::RECORD_LEN, 0, "{}", file.display());
        for record in records.chunks(Note::RECORD_LEN) {
            let note = Note::of_record(record);
            let life = self.lives.get_mut(&(note.sender, note.life));
            life.unwrap_or_else(|| panic!("{note:?} is of nobody")).receive(note, server);
        }
        (records.len() / Note::RECORD_LEN) as u64
    }
}

impl Life {
    fn receive(&mut self, note: Note, server: u32) {
        let (next, before) = self.received;
        assert!(note.sequence >= next, "twice, or out of order: {note:?} after {next}, server {server}");
        self.note_gap(note.sequence - next, before < server, &format!("before {note:?}, server {server}"));
        self.received = (note.sequence + 1, server);
    }

    /// At the end of one that was not killed nothing is missing, unless the server was killed that had it.
    fn check_end(&mut self, key: (u32, u32), last_server: u32) {
        let Some((report, server)) = self.end else { return };
        let (next, _) = self.received;
        assert!(next <= report.count, "{key:?}: more was received than sent");
        let has_died = server < last_server;
        self.note_gap(report.count - next, has_died, &format!("at the end of {key:?}, server {server}"));
        assert!(report.unsent <= self.missing, "{report:?}: told of more than the {} missing", self.missing);
        assert!(self.gaps <= u64::from(last_server - self.began_at), "{} gaps, {report:?}", self.gaps);
    }

    fn note_gap(&mut self, missing: u64, has_died: bool, place: &str) {
        if missing > 0 {
            assert!(has_died, "{missing} are missing on a connection that lived, {place}");
            self.gaps += 1;
            self.missing += missing;
        }
    }
}
