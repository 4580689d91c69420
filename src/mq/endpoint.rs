//! Where sockets meet: addresses such as `tcp://host:port` and `ipc://path`.

use std::error;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::PathBuf;
use std::str::FromStr;

/// An address to bind to or to connect to.
///
/// | written | means |
/// |---|---|
/// | `tcp://127.0.0.1:5555`, `tcp://[::1]:5555` | this address and port |
/// | `tcp://name:5555` | whatever the name stands for when it is asked for, off the loop's thread |
/// | `tcp://*:5555` | to bind: every IPv4 address of this host |
/// | `tcp://*:*`, `tcp://127.0.0.1:0` | to bind: a port that the system chooses, which [`bind`](crate::Id::bind) tells |
/// | `ipc:///run/queue` | a UNIX socket of this path |
///
/// ```
/// use ringmq::mq::Endpoint;
///
/// let endpoint: Endpoint = "tcp://127.0.0.1:5555".parse()?;
/// assert_eq!(endpoint.to_string(), "tcp://127.0.0.1:5555");
///
/// let error = "127.0.0.1:5555".parse::<Endpoint>().unwrap_err();
/// assert_eq!(error.to_string(), "expected tcp://HOST:PORT or ipc://PATH, found \"127.0.0.1:5555\"");
/// # Ok::<(), ringmq::mq::EndpointError>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Endpoint {
    /// TCP, to a host and a port.
    Tcp(Host, u16),
    /// A UNIX socket.
    Ipc(PathBuf),
}

/// The host of a TCP [`Endpoint`].
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Host {
    /// All IPv4 addresses of this host, `*`: to bind only.
    Any,
    /// An address.
    Ip(IpAddr),
    /// A name to be resolved.
    Name(String),
}

/// An address that is none, or one that is of no use for what was asked.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct EndpointError {
    expected: &'static str,
    found: String,
}

impl EndpointError {
    fn new(expected: &'static str, found: &str) -> EndpointError {
        EndpointError { expected, found: found.to_string() }
    }
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}, found {:?}", self.expected, self.found)
    }
}

impl error::Error for EndpointError {}

impl Endpoint {
    /// # Errors
    /// When nobody can be there: `*` for a host, or port 0.
    pub(crate) fn check_to_connect(&self) -> Result<(), EndpointError> {
        match self {
            Endpoint::Tcp(Host::Any, _) | Endpoint::Tcp(_, 0) => {
                Err(EndpointError::new("a host and a port to connect to", &self.to_string()))
            }
            _ => Ok(()),
        }
    }

    /// # Errors
    /// When it has a name: to bind takes an address.
    pub(crate) fn to_bind(&self) -> Result<BindTo<'_>, EndpointError> {
        match self {
            Endpoint::Tcp(Host::Any, port) => Ok(BindTo::Tcp((Ipv4Addr::UNSPECIFIED, *port).into())),
            Endpoint::Tcp(Host::Ip(ip), port) => Ok(BindTo::Tcp((*ip, *port).into())),
            Endpoint::Tcp(Host::Name(name), port) if name == "localhost" => {
                Ok(BindTo::Tcp((Ipv4Addr::LOCALHOST, *port).into()))
            }
            Endpoint::Tcp(Host::Name(_), _) => {
                Err(EndpointError::new("an address of this host or * to bind to", &self.to_string()))
            }
            Endpoint::Ipc(path) => Ok(BindTo::Ipc(path)),
        }
    }
}

/// What a listener binds to.
pub(crate) enum BindTo<'a> {
    Tcp(SocketAddr),
    Ipc(&'a PathBuf),
}

impl From<SocketAddr> for Endpoint {
    fn from(address: SocketAddr) -> Endpoint {
        Endpoint::Tcp(Host::Ip(address.ip()), address.port())
    }
}

const EXPECTED: &str = "tcp://HOST:PORT or ipc://PATH";
const EXPECTED_TCP: &str = "tcp://HOST:PORT with a port of 0 to 65535 or *";

impl FromStr for Endpoint {
    type Err = EndpointError;

    fn from_str(text: &str) -> Result<Endpoint, EndpointError> {
        if let Some(path) = text.strip_prefix("ipc://") {
            return match path.is_empty() || path.contains('\0') {
                true => Err(EndpointError::new("ipc://PATH", text)),
                false => Ok(Endpoint::Ipc(PathBuf::from(path))),
            };
        }
        let rest = text.strip_prefix("tcp://").ok_or_else(|| EndpointError::new(EXPECTED, text))?;
        let refused = || EndpointError::new(EXPECTED_TCP, text);
        let (host, port) = rest.rsplit_once(':').ok_or_else(refused)?;
        let port = match port {
            "*" => 0,
            // `parse` would take a sign.
            digits if digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                digits.parse().map_err(|_| refused())?
            }
            _ => return Err(refused()),
        };
        Ok(Endpoint::Tcp(host_of(host).ok_or_else(refused)?, port))
    }
}

fn host_of(text: &str) -> Option<Host> {
    if text == "*" {
        return Some(Host::Any);
    }
    if let Some(inner) = text.strip_prefix('[') {
        let ip: Ipv6Addr = inner.strip_suffix(']')?.parse().ok()?;
        return Some(Host::Ip(ip.into()));
    }
    if let Ok(ip) = text.parse::<Ipv4Addr>() {
        return Some(Host::Ip(ip.into()));
    }
    let is_of_a_name = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    match !text.is_empty() && text.bytes().all(is_of_a_name) {
        true => Some(Host::Name(text.to_string())),
        false => None,
    }
}

impl fmt::Display for Endpoint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Endpoint::Tcp(Host::Any, port) => write!(f, "tcp://*:{port}"),
            Endpoint::Tcp(Host::Ip(ip), port) => write!(f, "tcp://{}", SocketAddr::new(*ip, *port)),
            Endpoint::Tcp(Host::Name(name), port) => write!(f, "tcp://{name}:{port}"),
            Endpoint::Ipc(path) => write!(f, "ipc://{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_what_was_read() {
        for text in [
            "tcp://127.0.0.1:5555",
            "tcp://[::1]:80",
            "tcp://*:0",
            "tcp://node-1.cluster:65535",
            "ipc:///tmp/a b",
            "ipc://@x",
        ] {
            assert_eq!(text.parse::<Endpoint>().map(|endpoint| endpoint.to_string()), Ok(text.to_string()));
        }
        assert_eq!("tcp://*:*".parse(), Ok(Endpoint::Tcp(Host::Any, 0)));
    }

    #[test]
    fn bad_addresses_are_told_with_what_was_expected() {
        let tcp = "expected tcp://HOST:PORT with a port of 0 to 65535 or *, found ";
        let any = "expected tcp://HOST:PORT or ipc://PATH, found ";
        for (text, expected) in [
            ("", any),
            ("udp://127.0.0.1:1", any),
            ("TCP://127.0.0.1:1", any),
            ("tcp://127.0.0.1", tcp),
            ("tcp://127.0.0.1:", tcp),
            ("tcp://127.0.0.1:65536", tcp),
            ("tcp://127.0.0.1:+1", tcp),
            ("tcp://:1", tcp),
            ("tcp://::1:1", tcp),
            ("tcp://[::1:1", tcp),
            ("tcp://a b:1", tcp),
            ("ipc://", "expected ipc://PATH, found "),
        ] {
            let error = text.parse::<Endpoint>().unwrap_err();
            assert_eq!(error.to_string(), format!("{expected}{text:?}"));
        }
    }

    #[test]
    fn who_connects_needs_somebody_there_and_who_binds_an_address() {
        let parsed = |text: &str| text.parse::<Endpoint>().unwrap();
        for text in ["tcp://*:1", "tcp://127.0.0.1:0", "tcp://127.0.0.1:*"] {
            let error = parsed(text).check_to_connect().unwrap_err();
            assert!(
                error.to_string().starts_with("expected a host and a port to connect to, found"),
                "{error}"
            );
        }
        assert_eq!(parsed("tcp://localhost:1").check_to_connect(), Ok(()));
        assert!(parsed("tcp://elsewhere:1").to_bind().is_err());
        for text in ["tcp://localhost:1", "tcp://*:*", "ipc://x"] {
            assert!(parsed(text).to_bind().is_ok(), "{text}");
        }
    }
}
