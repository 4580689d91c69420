//! What commands and properties have in common: a part of so many bytes, the length of a name, bytes as text.

use std::fmt;

use super::CommandError;

/// The first `len` of these bytes, which are called `part`, and what follows them.
pub(super) fn take<'a>(
    part: &'static str,
    bytes: &'a [u8],
    len: usize,
) -> Result<(&'a [u8], &'a [u8]), CommandError> {
    if len > bytes.len() {
        return Err(CommandError::Truncated { part, need: len, have: bytes.len() });
    }
    Ok(bytes.split_at(len))
}

/// The length of a name as its byte on the wire.
pub(super) fn name_len(part: &'static str, name: &[u8]) -> Result<u8, CommandError> {
    match u8::try_from(name.len()) {
        Ok(0) => Err(CommandError::Nameless { part }),
        Ok(len) => Ok(len),
        Err(_) => Err(CommandError::TooLong { part: "bytes of a name", len: name.len() as u64, max: 255 }),
    }
}

/// Prints bytes that are mostly text.
pub(super) struct Text<'a>(pub(super) &'a [u8]);

impl fmt::Debug for Text<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.escape_ascii())
    }
}
