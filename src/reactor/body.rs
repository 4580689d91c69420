//! A message that is handed over to be sent, instead of being copied.

use std::fmt;
use std::sync::Arc;

use super::output::SendError;

/// A message to be sent from where it lies: [`Framed::send_owned`](crate::Framed::send_owned) queues it, and what goes around it, without
/// copying it.
///
/// It is made [`From`] a `Vec<u8>`, a `Box<[u8]>`, a `String`, an `Arc<[u8]>`, which many streams can send at once, or a
/// `&'static [u8]`. What the budget is charged for it while it waits is what it keeps from others: the capacity of a vector, the length of
/// what is shared, by each who sends it, and nothing for what is static.
///
/// ```
/// use ringmq::Body;
/// use std::sync::Arc;
///
/// let news: Arc<[u8]> = Arc::from(&b"to many"[..]);
/// let bodies = [Body::from(Arc::clone(&news)), Body::from(vec![1, 2, 3]), Body::from(&b"fixed"[..])];
/// assert_eq!(bodies.map(|body| body.as_ref().len()), [7, 3, 5]);
/// ```
#[derive(Clone)]
pub struct Body(Kind);

#[derive(Clone)]
enum Kind {
    Vec(Vec<u8>),
    Shared(Arc<[u8]>),
    Static(&'static [u8]),
}

impl Body {
    /// How many bytes of memory are not free as long as it waits.
    pub(super) fn cost(&self) -> usize {
        match &self.0 {
            Kind::Vec(bytes) => bytes.capacity(),
            Kind::Shared(bytes) => bytes.len(),
            Kind::Static(_) => 0,
        }
    }

    /// What is shared, or itself if it is not.
    #[cfg(feature = "mq")]
    pub(crate) fn try_into_shared(self) -> Result<Arc<[u8]>, Body> {
        match self.0 {
            Kind::Shared(bytes) => Ok(bytes),
            kind => Err(Body(kind)),
        }
    }

    /// Its bytes, copied if they are shared or static.
    ///
    /// ```
    /// assert_eq!(ringmq::Body::from("text".to_string()).into_vec(), b"text");
    /// ```
    pub fn into_vec(self) -> Vec<u8> {
        match self.0 {
            Kind::Vec(bytes) => bytes,
            Kind::Shared(bytes) => bytes.to_vec(),
            Kind::Static(bytes) => bytes.to_vec(),
        }
    }
}

impl AsRef<[u8]> for Body {
    fn as_ref(&self) -> &[u8] {
        match &self.0 {
            Kind::Vec(bytes) => bytes,
            Kind::Shared(bytes) => bytes,
            Kind::Static(bytes) => bytes,
        }
    }
}

impl From<Vec<u8>> for Body {
    fn from(bytes: Vec<u8>) -> Body {
        Body(Kind::Vec(bytes))
    }
}

impl From<Box<[u8]>> for Body {
    fn from(bytes: Box<[u8]>) -> Body {
        Body(Kind::Vec(bytes.into_vec()))
    }
}

impl From<String> for Body {
    fn from(text: String) -> Body {
        Body(Kind::Vec(text.into_bytes()))
    }
}

impl From<Arc<[u8]>> for Body {
    fn from(bytes: Arc<[u8]>) -> Body {
        Body(Kind::Shared(bytes))
    }
}

impl From<&'static [u8]> for Body {
    fn from(bytes: &'static [u8]) -> Body {
        Body(Kind::Static(bytes))
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = match &self.0 {
            Kind::Vec(_) => "owned",
            Kind::Shared(_) => "shared",
            Kind::Static(_) => "static",
        };
        write!(f, "Body({} bytes, {kind})", self.as_ref().len())
    }
}

/// Why a message was not queued, and the message: it is not lost.
#[derive(Debug)]
pub struct Unsent {
    /// Why.
    pub error: SendError,
    /// What was to be sent.
    pub body: Body,
}

impl fmt::Display for Unsent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Unsent {}

/// For `?` where the message is of no further use.
impl From<Unsent> for SendError {
    fn from(unsent: Unsent) -> SendError {
        unsent.error
    }
}
