//! The metadata that a handshake carries: [`Properties`], a list of names and values.

use std::fmt;
use std::iter::FusedIterator;

use super::parts::{name_len, take, Text};
use super::CommandError;

/// The names and values of a READY (or of a PLAIN client's INITIATE), read where they lie.
///
/// ```text
/// +-------------+------+--------------+-------+--- - -
/// | name length | name | value length | value | the next
/// | 1           |      | 4            |       |
/// +-------------+------+--------------+-------+--- - -
/// ```
///
/// The list is checked as a whole by [`parse`](Properties::parse), so that going through it cannot fail. It is an iterator over pairs of
/// name and value, in the order in which they came.
///
/// ```
/// use ringmq::codec::zmtp::Properties;
///
/// # fn main() -> Result<(), ringmq::codec::zmtp::CommandError> {
/// let mut list = Vec::new();
/// Properties::write(&mut list, b"Socket-Type", b"DEALER")?;
/// Properties::write(&mut list, b"Identity", b"")?;
///
/// let properties = Properties::parse(&list)?;
/// assert_eq!(properties.get(b"Socket-Type"), Some(&b"DEALER"[..]));
/// assert!(properties.eq([(&b"Socket-Type"[..], &b"DEALER"[..]), (b"Identity", b"")]));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Properties<'a> {
    /// Whole properties only.
    bytes: &'a [u8],
}

const NAME: &str = "a property's name";
const VALUE: &str = "a property's value";

/// The protocol has 31 bits for it.
const VALUE_LEN_MAX: u32 = i32::MAX as u32;

impl<'a> Properties<'a> {
    /// The properties that `bytes` are, from their beginning to their end. None at all is in order.
    ///
    /// A name may have any bytes here, though the protocol allows only some.
    ///
    /// # Errors
    ///
    /// [`CommandError::Truncated`] if one runs past the end, [`CommandError::Nameless`] if a name is empty,
    /// [`CommandError::TooLong`] if a value announces 2^31 bytes or more.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{CommandError, Properties};
    ///
    /// let error = Properties::parse(b"\x02id\0\0\0\x05four").unwrap_err();
    /// assert_eq!(error, CommandError::Truncated { part: "a property's value", need: 5, have: 4 });
    /// ```
    pub fn parse(bytes: &'a [u8]) -> Result<Properties<'a>, CommandError> {
        let mut rest = bytes;
        while !rest.is_empty() {
            rest = split_first(rest)?.1;
        }
        Ok(Properties { bytes })
    }

    /// The value of the first property of this name, of which the case does not matter
    /// ([RFC 37](https://rfc.zeromq.org/spec/37/)).
    ///
    /// Of those that this has not yet gone through as an iterator.
    ///
    /// ```
    /// use ringmq::codec::zmtp::Properties;
    ///
    /// # fn main() -> Result<(), ringmq::codec::zmtp::CommandError> {
    /// let properties = Properties::parse(b"\x0bsocket-type\0\0\0\x04PULL")?;
    /// assert_eq!(properties.get(b"Socket-Type"), Some(&b"PULL"[..]));
    /// assert_eq!(properties.get(b"Identity"), None);
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn get(&self, name: &[u8]) -> Option<&'a [u8]> {
        let mut properties = *self;
        properties.find(|(found, _)| found.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// The bytes of the properties that this has not yet gone through as an iterator.
    ///
    /// ```
    /// use ringmq::codec::zmtp::Properties;
    ///
    /// # fn main() -> Result<(), ringmq::codec::zmtp::CommandError> {
    /// let list = b"\x01a\0\0\0\0\x01b\0\0\0\0";
    /// let mut properties = Properties::parse(list)?;
    /// assert_eq!(properties.as_bytes(), list);
    /// properties.next();
    /// assert_eq!(properties.as_bytes(), b"\x01b\0\0\0\0");
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Writes one property at the end of `list`.
    ///
    /// libzmq compares names exactly: send `Socket-Type` and `Identity` in this spelling.
    ///
    /// # Errors
    ///
    /// [`CommandError::Nameless`], [`CommandError::BadName`] or [`CommandError::TooLong`]: a name has 1 to 255 bytes, which are ASCII
    /// letters, digits or one of `-_.+`, and a value fewer than 2^31. Nothing is written then.
    ///
    /// ```
    /// use ringmq::codec::zmtp::{CommandError, Properties};
    ///
    /// let mut list = Vec::new();
    /// assert_eq!(Properties::write(&mut list, b"Identity", b"a"), Ok(()));
    /// assert_eq!(list, b"\x08Identity\0\0\0\x01a");
    ///
    /// let refused = Properties::write(&mut list, b"two words", b"");
    /// assert_eq!(refused, Err(CommandError::BadName { part: "a property's name", found: b' ' }));
    /// ```
    pub fn write(list: &mut Vec<u8>, name: &[u8], value: &[u8]) -> Result<(), CommandError> {
        let name_len = name_len(NAME, name)?;
        if let Some(found) = name.iter().find(|byte| !is_name_byte(**byte)) {
            return Err(CommandError::BadName { part: NAME, found: *found });
        }
        let value_len = u32::try_from(value.len()).unwrap_or(u32::MAX);
        if value_len > VALUE_LEN_MAX {
            return Err(too_long(value.len() as u64));
        }
        list.reserve(1 + name.len() + 4 + value.len());
        list.push(name_len);
        list.extend_from_slice(name);
        list.extend_from_slice(&value_len.to_be_bytes());
        list.extend_from_slice(value);
        Ok(())
    }
}

impl<'a> Iterator for Properties<'a> {
    type Item = (&'a [u8], &'a [u8]);

    fn next(&mut self) -> Option<(&'a [u8], &'a [u8])> {
        if self.bytes.is_empty() {
            return None;
        }
        let (property, rest) = split_first(self.bytes).expect("all of it was looked at by `parse`");
        self.bytes = rest;
        Some(property)
    }
}

impl FusedIterator for Properties<'_> {}

/// The names and the values, with what is not printable ASCII escaped.
impl fmt::Debug for Properties<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let pairs = self.map(|(name, value)| (Text(name), Text(value)));
        f.debug_map().entries(pairs).finish()
    }
}

type Property<'a> = (&'a [u8], &'a [u8]);

/// The property that these bytes, of which there is one at least, begin with, and what follows it.
fn split_first(bytes: &[u8]) -> Result<(Property<'_>, &[u8]), CommandError> {
    let (name_len, rest) = take("the length of a property's name", bytes, 1)?;
    let (name, rest) = take(NAME, rest, usize::from(name_len[0]))?;
    if name.is_empty() {
        return Err(CommandError::Nameless { part: NAME });
    }
    let (len, rest) = take("the length of a property's value", rest, 4)?;
    let len = len.iter().fold(0, |len: u32, byte| len << 8 | u32::from(*byte));
    if len > VALUE_LEN_MAX {
        return Err(too_long(u64::from(len)));
    }
    let (value, rest) = take(VALUE, rest, len as usize)?;
    Ok(((name, value), rest))
}

fn is_name_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-_.+".contains(&byte)
}

fn too_long(len: u64) -> CommandError {
    CommandError::TooLong { part: "bytes of a property's value", len, max: u64::from(VALUE_LEN_MAX) }
}
