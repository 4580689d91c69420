//! What is sent: files, cut into messages. Both the sender and the comparison walk the same cut, each with its own open files, so
//! that nothing has to be kept in memory in between.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// The longest message.
pub const MESSAGE_MAX: usize = 1 << 20;

/// The files to send, found to be readable.
#[derive(Clone)]
pub struct Cargo {
    files: Vec<(PathBuf, u64)>,
    seed: u64,
}

impl Cargo {
    /// Looks at each file once, so that a mistyped name is told before anything is sent.
    pub fn open(paths: &[PathBuf], seed: u64) -> Result<Cargo, String> {
        let files: Result<_, String> = paths.iter().map(|path| Ok((path.clone(), file_len(path)?))).collect();
        Ok(Cargo { files: files?, seed })
    }

    /// How many bytes there are in all.
    pub fn len(&self) -> u64 {
        self.files.iter().map(|(_, len)| len).sum()
    }

    /// A walk through the messages from the first one on.
    pub fn messages(&self) -> Messages {
        let cut = fastrand::Rng::with_seed(self.seed);
        Messages { files: self.files.clone().into_iter(), cut, current: None, message: Vec::new() }
    }
}

fn file_len(path: &Path) -> Result<u64, String> {
    let cannot = |why: String| format!("cannot send {}: {why}", path.display());
    // The kind first: opening a named pipe would wait for somebody to write to it.
    let found = std::fs::metadata(path).map_err(|error| cannot(error.to_string()))?;
    if found.is_dir() {
        return Err(cannot("it is a directory, and a file is expected".to_owned()));
    }
    if !found.is_file() {
        return Err(cannot("it is not a regular file".to_owned()));
    }
    File::open(path).map_err(|error| cannot(error.to_string()))?;
    Ok(found.len())
}

/// The messages, one after the other.
pub struct Messages {
    files: std::vec::IntoIter<(PathBuf, u64)>,
    cut: fastrand::Rng,
    /// The file that is being cut, and how much of it is left.
    current: Option<(File, PathBuf, u64)>,
    message: Vec<u8>,
}

impl Messages {
    /// Reads the next message; `false` behind the last one. An empty file is one empty message.
    pub fn advance(&mut self) -> io::Result<bool> {
        if self.current.is_none() {
            self.current = match self.files.next() {
                None => return Ok(false),
                Some((path, len)) => Some((File::open(&path)?, path, len)),
            };
        }
        if let Some((file, path, left)) = &mut self.current {
            let len = self.cut.usize(0..=MESSAGE_MAX).min(usize::try_from(*left).unwrap_or(MESSAGE_MAX));
            self.message.resize(len, 0);
            file.read_exact(&mut self.message).map_err(|error| match error.kind() {
                io::ErrorKind::UnexpectedEof => {
                    io::Error::new(error.kind(), format!("{} has become shorter meanwhile", path.display()))
                }
                _ => error,
            })?;
            *left -= len as u64;
            if *left == 0 {
                self.current = None;
            }
        }
        Ok(true)
    }

    /// The message that was read last.
    pub fn message(&self) -> &[u8] {
        &self.message
    }
}
