//! What is played: steps, their text form, and how they come from arbitrary bytes.

use std::error::Error;
use std::fmt;
use std::net::Shutdown;
use std::str::FromStr;

use super::model::SLOT_COUNT;
use crate::conformance::support::BOTH;
use crate::{Interest, Trigger};

/// What a new channel is, in [`Step::Open`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// Two UNIX stream sockets, connected to each other.
    Socket,
    /// A pipe: its reading end first.
    Pipe,
}

/// One operation on descriptors or registrations, or a word on how to look at what came of them.
///
/// A slot is a descriptor number, counted from the first one that the play uses. A step that makes no sense where it stands (writing
/// to a slot that is closed, say) is passed over, so that any list of steps is a script; registering wrongly makes sense, since the
/// contract says what comes of it. [`Script`] has an example.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum Step {
    /// Opens a channel, one end in each of two closed slots.
    Open {
        /// The slot of the first end, of a pipe the reading one.
        first: u8,
        /// The slot of the second end.
        second: u8,
        /// What is opened.
        kind: Kind,
    },
    /// Closes a slot, registered or not.
    Close {
        /// Which.
        slot: u8,
    },
    /// Duplicates a slot into one that is closed.
    Duplicate {
        /// The one that is open.
        slot: u8,
        /// The one that is closed.
        to: u8,
    },
    /// Registers a slot.
    Add {
        /// Which, open or not.
        slot: u8,
        /// Directions that the descriptor has not are left out.
        interest: Interest,
        /// A poller that lacks it has to refuse, and then gets [`Trigger::Level`]; in even slots it keeps what it had.
        trigger: Trigger,
    },
    /// Changes a registration.
    Modify {
        /// Of which slot, registered or not.
        slot: u8,
        /// As for [`Step::Add`].
        interest: Interest,
        /// As for [`Step::Add`].
        trigger: Trigger,
    },
    /// Ends a registration.
    Delete {
        /// Of which slot, registered or not.
        slot: u8,
    },
    /// Reads some of what has been sent.
    Read {
        /// Where.
        slot: u8,
        /// How many bytes, at most.
        len: u8,
    },
    /// Reads all that has been sent.
    Drain {
        /// Where.
        slot: u8,
    },
    /// Sends a little.
    Write {
        /// Where.
        slot: u8,
        /// How many bytes.
        len: u8,
    },
    /// Sends until there is no more room.
    Fill {
        /// Where.
        slot: u8,
    },
    /// Shuts a socket.
    Shut {
        /// Which.
        slot: u8,
        /// In which direction.
        how: Shutdown,
    },
    /// Makes the next steps without a look in between.
    Together {
        /// How many.
        count: u8,
    },
    /// Looks with little room for events, as often as it takes to see each registration that is ready.
    Look {
        /// How many events fit.
        capacity: u8,
    },
}

impl Step {
    /// What is done, as a script writes it.
    pub(super) fn name(&self) -> &'static str {
        match self {
            Step::Open { .. } => "open",
            Step::Close { .. } => "close",
            Step::Duplicate { .. } => "dup",
            Step::Add { .. } => "add",
            Step::Modify { .. } => "modify",
            Step::Delete { .. } => "delete",
            Step::Read { .. } => "read",
            Step::Drain { .. } => "drain",
            Step::Write { .. } => "write",
            Step::Fill { .. } => "fill",
            Step::Shut { .. } => "shut",
            Step::Together { .. } => "together",
            Step::Look { .. } => "look",
        }
    }
}

/// Steps to play.
///
/// ```
/// use ringmq_platform::conformance::lock_step::Script;
///
/// let script: Script = "open 0 1 socket; add 1 r edge; write 0 3".parse().unwrap();
/// assert_eq!(script.steps.len(), 3);
/// assert_eq!(script.to_string(), "open 0 1 socket; add 1 r edge; write 0 3");
/// assert_eq!("write 99 1".parse::<Script>().unwrap_err().to_string(), "step `write 99 1`: expected a slot below 60, found `99`");
/// ```
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Script {
    /// What is done, in this order.
    pub steps: Vec<Step>,
}

impl Script {
    /// Steps from arbitrary bytes, four of them a step; what is left over is left out. For fuzzing: any bytes will do.
    ///
    /// Three quarters of the slots are among the first sixteen, so that a few steps are enough for some of them to meet.
    pub fn from_bytes(bytes: &[u8]) -> Script {
        let steps = bytes.chunks_exact(4).map(|word| step_of([word[0], word[1], word[2], word[3]])).collect();
        Script { steps }
    }
}

fn step_of([operation, first, second, third]: [u8; 4]) -> Step {
    let [slot, other] = [first, second].map(slot_of);
    let trigger = [Trigger::Level, Trigger::Edge, Trigger::OneShot][usize::from(third % 3)];
    let interests = [Interest::READABLE, Interest::WRITABLE, BOTH, Interest::NONE];
    let interest = interests[usize::from(second % 4)];
    match operation % 16 {
        0 | 1 => {
            let kind = if third % 2 == 0 { Kind::Socket } else { Kind::Pipe };
            Step::Open { first: slot, second: other, kind }
        }
        2 => Step::Close { slot },
        3 => Step::Duplicate { slot, to: other },
        4 | 5 => Step::Add { slot, interest, trigger },
        6 => Step::Modify { slot, interest, trigger },
        7 => Step::Delete { slot },
        8 => Step::Read { slot, len: len_of(second) },
        9 | 10 => Step::Drain { slot },
        11 | 12 => Step::Write { slot, len: len_of(second) },
        13 if third % 4 == 0 => Step::Fill { slot },
        13 => Step::Write { slot, len: len_of(second) },
        14 => {
            let how = [Shutdown::Read, Shutdown::Write, Shutdown::Both][usize::from(third % 3)];
            Step::Shut { slot, how }
        }
        _ if third % 2 == 0 => Step::Together { count: second % 8 },
        _ => Step::Look { capacity: 1 + second % 8 },
    }
}

/// Mostly one of the busy ones; the bytes of the last quarter reach every slot.
fn slot_of(byte: u8) -> u8 {
    match byte.checked_sub(192) {
        None => byte % BUSY,
        Some(beyond) => beyond % SLOT_COUNT as u8,
    }
}

/// How many slots arbitrary bytes mostly name: eight channels.
const BUSY: u8 = 16;

/// Few enough bytes that a handful of writes leaves every system room to write more.
fn len_of(byte: u8) -> u8 {
    1 + byte % MOST
}

/// The most bytes of one write, or one read that is not to be all.
pub(super) const MOST: u8 = 64;

impl fmt::Display for Script {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, step) in self.steps.iter().enumerate() {
            let separator = if index == 0 { "" } else { "; " };
            write!(f, "{separator}{step}")?;
        }
        Ok(())
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match *self {
            Step::Open { first, second, kind } => {
                let kind = if kind == Kind::Socket { "socket" } else { "pipe" };
                write!(f, " {first} {second} {kind}")
            }
            Step::Add { slot, interest, trigger } | Step::Modify { slot, interest, trigger } => {
                write!(f, " {slot} {} {}", letters_of(interest), word_of(trigger))
            }
            Step::Duplicate { slot, to } => write!(f, " {slot} {to}"),
            Step::Read { slot, len } | Step::Write { slot, len } => write!(f, " {slot} {len}"),
            Step::Shut { slot, how } => write!(f, " {slot} {}", direction_of(how)),
            Step::Close { slot } | Step::Delete { slot } | Step::Drain { slot } | Step::Fill { slot } => {
                write!(f, " {slot}")
            }
            Step::Together { count } => write!(f, " {count}"),
            Step::Look { capacity } => write!(f, " {capacity}"),
        }
    }
}

fn letters_of(interest: Interest) -> &'static str {
    match (interest.is_readable(), interest.is_writable()) {
        (true, true) => "rw",
        (true, false) => "r",
        (false, true) => "w",
        (false, false) => "-",
    }
}

fn word_of(trigger: Trigger) -> &'static str {
    match trigger {
        Trigger::Level => "level",
        Trigger::Edge => "edge",
        Trigger::OneShot => "one-shot",
    }
}

fn direction_of(how: Shutdown) -> &'static str {
    match how {
        Shutdown::Read => "read",
        Shutdown::Write => "write",
        Shutdown::Both => "both",
    }
}

impl FromStr for Script {
    type Err = ScriptError;

    /// Takes steps as [`Display`](fmt::Display) writes them, with semicolons or line ends between them.
    fn from_str(text: &str) -> Result<Script, ScriptError> {
        let lines = text.split([';', '\n']).map(str::trim).filter(|line| !line.is_empty());
        Ok(Script { steps: lines.map(str::parse).collect::<Result<_, _>>()? })
    }
}

impl FromStr for Step {
    type Err = ScriptError;

    fn from_str(line: &str) -> Result<Step, ScriptError> {
        let mut words = Words { line, words: line.split_whitespace() };
        let step = match words.next("an operation")? {
            "open" => {
                let (first, second) = (words.slot()?, words.slot()?);
                let kind = words.choice("a kind", &[("socket", Kind::Socket), ("pipe", Kind::Pipe)])?;
                Step::Open { first, second, kind }
            }
            "close" => Step::Close { slot: words.slot()? },
            "dup" => Step::Duplicate { slot: words.slot()?, to: words.slot()? },
            "add" => {
                Step::Add { slot: words.slot()?, interest: words.interest()?, trigger: words.trigger()? }
            }
            "modify" => {
                Step::Modify { slot: words.slot()?, interest: words.interest()?, trigger: words.trigger()? }
            }
            "delete" => Step::Delete { slot: words.slot()? },
            "read" => Step::Read { slot: words.slot()?, len: words.number("a length", 1, MOST)? },
            "drain" => Step::Drain { slot: words.slot()? },
            "write" => Step::Write { slot: words.slot()?, len: words.number("a length", 1, MOST)? },
            "fill" => Step::Fill { slot: words.slot()? },
            "shut" => {
                let slot = words.slot()?;
                let directions = [Shutdown::Read, Shutdown::Write, Shutdown::Both];
                let directions = directions.map(|how| (direction_of(how), how));
                Step::Shut { slot, how: words.choice("a direction", &directions)? }
            }
            "together" => Step::Together { count: words.number("a count", 0, u8::MAX)? },
            "look" => Step::Look { capacity: words.number("a capacity", 1, u8::MAX)? },
            other => return Err(words.error("a known operation", other)),
        };
        match words.words.next() {
            None => Ok(step),
            Some(more) => Err(words.error("the end", more)),
        }
    }
}

/// The words of one step, and the step for the message when one of them is wrong.
struct Words<'a> {
    line: &'a str,
    words: std::str::SplitWhitespace<'a>,
}

impl<'a> Words<'a> {
    fn next(&mut self, expected: &str) -> Result<&'a str, ScriptError> {
        self.words.next().ok_or_else(|| self.error(expected, "nothing more"))
    }

    fn slot(&mut self) -> Result<u8, ScriptError> {
        let word = self.next("a slot")?;
        let slot = word.parse().ok().filter(|slot: &u8| usize::from(*slot) < SLOT_COUNT);
        slot.ok_or_else(|| self.error(&format!("a slot below {SLOT_COUNT}"), word))
    }

    fn number(&mut self, what: &str, least: u8, most: u8) -> Result<u8, ScriptError> {
        let word = self.next(what)?;
        let number = word.parse().ok().filter(|number| (least..=most).contains(number));
        number.ok_or_else(|| self.error(&format!("{what} from {least} to {most}"), word))
    }

    fn interest(&mut self) -> Result<Interest, ScriptError> {
        let all = [Interest::READABLE, Interest::WRITABLE, BOTH, Interest::NONE];
        self.choice("an interest", &all.map(|interest| (letters_of(interest), interest)))
    }

    fn trigger(&mut self) -> Result<Trigger, ScriptError> {
        let all = [Trigger::Level, Trigger::Edge, Trigger::OneShot];
        self.choice("a trigger", &all.map(|trigger| (word_of(trigger), trigger)))
    }

    fn choice<T: Copy>(&mut self, what: &str, choices: &[(&str, T)]) -> Result<T, ScriptError> {
        let word = self.next(what)?;
        let chosen = choices.iter().find(|(name, _)| *name == word);
        chosen.map(|(_, value)| *value).ok_or_else(|| {
            let names: Vec<_> = choices.iter().map(|(name, _)| *name).collect();
            self.error(&format!("{what} ({})", names.join(", ")), word)
        })
    }

    fn error(&self, expected: &str, found: &str) -> ScriptError {
        let found = if found == "nothing more" { String::from(found) } else { format!("`{found}`") };
        ScriptError { message: format!("step `{}`: expected {expected}, found {found}", self.line) }
    }
}

/// Why a text is no script.
///
/// ```
/// use ringmq_platform::conformance::lock_step::{Script, ScriptError};
///
/// let error: ScriptError = "drain".parse::<Script>().unwrap_err();
/// assert_eq!(error.to_string(), "step `drain`: expected a slot, found nothing more");
/// ```
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ScriptError {
    message: String,
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for ScriptError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_step_survives_being_written_and_read() {
        let bytes: Vec<u8> = (0..=u8::MAX)
            .flat_map(|operation| (0..12).flat_map(move |rest| [operation, rest * 7, rest * 5, rest]))
            .collect();
        let script = Script::from_bytes(&bytes);
        assert_eq!(script.steps.len(), 256 * 12);
        assert_eq!(script.to_string().parse(), Ok(script));
    }

    #[test]
    fn a_wrong_step_is_told_with_what_was_expected() {
        let table = [
            ("", "step ``: expected an operation, found nothing more"),
            ("jump 1", "step `jump 1`: expected a known operation, found `jump`"),
            ("close", "step `close`: expected a slot, found nothing more"),
            ("close -1", "step `close -1`: expected a slot below 60, found `-1`"),
            ("close 1 2", "step `close 1 2`: expected the end, found `2`"),
            ("add 1 x level", "step `add 1 x level`: expected an interest (r, w, rw, -), found `x`"),
            ("write 1 0", "step `write 1 0`: expected a length from 1 to 64, found `0`"),
        ];
        for (text, message) in table {
            assert_eq!(text.parse::<Step>().unwrap_err().to_string(), message);
        }
    }
}
