//! What the messages of the drill say: whose they are, and whether they are whole.

/// The longest filler.
const FILLER_MAX: usize = 300 << 10;

const HEAD_LEN: usize = 32;

/// Marks the answer to a request.
const ANSWER: u32 = 1 << 31;

/// Which message it is: of which sender, in which of the lives of its process, and its number in it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Note {
    pub sender: u32,
    pub life: u32,
    pub sequence: u64,
}

impl Note {
    pub const RECORD_LEN: usize = 16;

    /// A message that bears it, of a random length: most are short, some far longer than what goes into a buffer.
    pub fn message(self, random: &mut fastrand::Rng) -> Vec<u8> {
        let len = match random.u32(0..100) {
            0..=29 => 0,
            30..=84 => random.usize(1..1000),
            85..=97 => random.usize(1000..30_000),
            _ => random.usize(30_000..=FILLER_MAX),
        };
        let mut message = vec![0; HEAD_LEN];
        message[..16].copy_from_slice(&self.record());
        message[16..24].copy_from_slice(&((HEAD_LEN + len) as u64).to_be_bytes());
        message.resize(HEAD_LEN + len, 0);
        random.fill(&mut message[HEAD_LEN..]);
        let sum = checksum(&message);
        message[24..32].copy_from_slice(&sum.to_be_bytes());
        message
    }

    /// What a message says.
    ///
    /// # Panics
    /// If it is torn.
    pub fn read(message: &[u8]) -> Note {
        assert!(message.len() >= HEAD_LEN, "torn: {} bytes", message.len());
        let word = |at: usize| u64::from_be_bytes(message[at..at + 8].try_into().expect("eight bytes"));
        let note = Note::of_record(&message[..16]);
        assert_eq!(word(16), message.len() as u64, "torn: the length of {note:?}");
        assert_eq!(word(24), checksum(message), "torn: the bytes of {note:?}");
        note
    }

    /// As it is written to a file.
    pub fn record(self) -> [u8; Note::RECORD_LEN] {
        let mut record = [0; Note::RECORD_LEN];
        record[..4].copy_from_slice(&self.sender.to_be_bytes());
        record[4..8].copy_from_slice(&self.life.to_be_bytes());
        record[8..].copy_from_slice(&self.sequence.to_be_bytes());
        record
    }

    pub fn of_record(record: &[u8]) -> Note {
        let half = |at: usize| u32::from_be_bytes(record[at..at + 4].try_into().expect("four bytes"));
        let sequence = u64::from_be_bytes(record[8..16].try_into().expect("eight bytes"));
        Note { sender: half(0), life: half(4), sequence }
    }

    /// What the answer to it says.
    pub fn answer(self) -> Note {
        Note { sender: self.sender | ANSWER, ..self }
    }
}

/// Of all but its own place: each step keeps what was before it, so no two different messages of a length that differ in one word agree.
fn checksum(message: &[u8]) -> u64 {
    let mix = |sum: u64, piece: &[u8]| {
        let mut word = [0; 8];
        word[..piece.len()].copy_from_slice(piece);
        (sum ^ u64::from_be_bytes(word)).wrapping_mul(0x9e37_79b9_7f4a_7c15).rotate_left(23)
    };
    let sum = message[..24].chunks(8).fold(message.len() as u64, mix);
    message[HEAD_LEN..].chunks(8).fold(sum, mix)
}
