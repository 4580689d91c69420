//! The name of a security mechanism, as a greeting carries it: [`Mechanism`], twenty bytes.

use std::fmt;

/// Which security mechanism a peer speaks: a name in twenty bytes, filled up with zeros.
///
/// Two are equal if all twenty bytes are, which is what libzmq compares before it goes on: another case, or anything behind the
/// first zero, is another mechanism.
///
/// ```
/// use ringmq::codec::zmtp::Mechanism;
///
/// assert_eq!(Mechanism::NULL.name(), b"NULL");
/// assert_eq!(Mechanism::new(b"PLAIN"), Some(Mechanism::PLAIN));
/// assert_ne!(Mechanism::new(b"null"), Some(Mechanism::NULL));
/// assert_eq!(Mechanism::CURVE.to_string(), "CURVE");
/// ```
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Mechanism {
    bytes: [u8; Mechanism::LEN],
}

impl Mechanism {
    /// How many bytes a name has at most, and with its zeros always: 20.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::zmtp::Mechanism::LEN, 20);
    /// ```
    pub const LEN: usize = 20;

    /// No security at all.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::zmtp::Mechanism::NULL.name(), b"NULL");
    /// ```
    pub const NULL: Mechanism = Mechanism { bytes: *b"NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" };

    /// A user and a password, in the clear: [RFC 24](https://rfc.zeromq.org/spec/24/).
    ///
    /// ```
    /// assert_eq!(ringmq::codec::zmtp::Mechanism::PLAIN.name(), b"PLAIN");
    /// ```
    pub const PLAIN: Mechanism = Mechanism { bytes: *b"PLAIN\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" };

    /// Elliptic curves: [RFC 26](https://rfc.zeromq.org/spec/26/).
    ///
    /// ```
    /// assert_eq!(ringmq::codec::zmtp::Mechanism::CURVE.name(), b"CURVE");
    /// ```
    pub const CURVE: Mechanism = Mechanism { bytes: *b"CURVE\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0" };

    /// One of this name, or `None` if the protocol has no room for it: it has 1 to 20 bytes, which are upper case letters, digits
    /// or one of `-_.+` ([RFC 37](https://rfc.zeromq.org/spec/37/)).
    ///
    /// ```
    /// use ringmq::codec::zmtp::Mechanism;
    ///
    /// assert!(Mechanism::new(b"GSSAPI").is_some());
    /// assert!(Mechanism::new(b"").is_none());
    /// assert!(Mechanism::new(b"no spaces").is_none());
    /// assert!(Mechanism::new(b"TWENTY-ONE-CHARACTERS").is_none());
    /// ```
    #[must_use]
    pub fn new(name: &[u8]) -> Option<Mechanism> {
        let is_legal =
            |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"-_.+".contains(byte);
        if name.is_empty() || !name.iter().all(is_legal) {
            return None;
        }
        let mut bytes = [0; Mechanism::LEN];
        bytes.get_mut(..name.len())?.copy_from_slice(name);
        Some(Mechanism { bytes })
    }

    /// What a greeting has there, legal or not: who compares it finds out.
    pub(super) fn from_bytes(bytes: [u8; Mechanism::LEN]) -> Mechanism {
        Mechanism { bytes }
    }

    pub(super) fn bytes(&self) -> &[u8; Mechanism::LEN] {
        &self.bytes
    }

    /// Its name without the zeros at the end. A peer can have put any bytes there.
    ///
    /// ```
    /// assert_eq!(ringmq::codec::zmtp::Mechanism::PLAIN.name(), b"PLAIN");
    /// ```
    #[must_use]
    pub fn name(&self) -> &[u8] {
        let len = self.bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &self.bytes[..len]
    }
}

/// The name, with what is not printable ASCII escaped, so that it can be logged.
impl fmt::Display for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.name().escape_ascii(), f)
    }
}

impl fmt::Debug for Mechanism {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Mechanism({self})")
    }
}
