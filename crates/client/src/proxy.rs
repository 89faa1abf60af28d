//! A proxy on the way to a gate: HTTP CONNECT, or SOCKS 5. The proxy resolves the gate's name, and sees nothing
//! but TLS.
//!
//! Only a proxy that was named is used; the variables of browsers and curl count for nothing. Its password comes
//! from a file. What the proxy's own conversation needs is hyper-util's; that keeps user and password in memory
//! that is freed and not wiped.

use std::fmt;
use std::io;
use std::net::IpAddr;
use std::path::PathBuf;
use std::pin::Pin;
use std::str::FromStr;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use data_encoding::BASE64;
use hyper::Uri;
use hyper::header::HeaderValue;
use hyper_util::client::legacy::connect::proxy::{SocksV5, Tunnel};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tower_service::Service;
use tsmgate_pki::kind_text;
use zeroize::Zeroizing;

use crate::address::Address;
use crate::failure::{LoginFailure, Stage, Unreached};
use crate::identity;
use crate::reach::reach;

/// The longest user name that SOCKS 5 can carry, in bytes (RFC 1929).
const USER_MOST: usize = 255;

/// What a proxy speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Http,
    Socks5,
}

impl Kind {
    fn scheme(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Socks5 => "socks5",
        }
    }

    /// The port where none is named: that of Squid, and RFC 1928's.
    fn port(self) -> u16 {
        match self {
            Self::Http => 3128,
            Self::Socks5 => 1080,
        }
    }
}

/// Where a proxy is, what it speaks, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyUrl {
    kind: Kind,
    address: Address,
    user: Option<String>,
}

impl FromStr for ProxyUrl {
    type Err = LoginFailure;

    /// Reads `http://[USER@]HOST[:PORT]` or `socks5://[USER@]HOST[:PORT]`.
    ///
    /// # Errors
    /// [`LoginFailure::BadProxy`], [`LoginFailure::ProxyPassword`].
    fn from_str(text: &str) -> Result<Self, LoginFailure> {
        let (kind, rest) = match text.split_once("://") {
            Some(("http", rest)) => (Kind::Http, rest),
            Some(("socks5" | "socks5h", rest)) => (Kind::Socks5, rest),
            _ => return Err(LoginFailure::BadProxy),
        };
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        let (user, place) = match rest.rsplit_once('@') {
            Some((user, place)) => (Some(user), place),
            None => (None, rest),
        };
        if user.is_some_and(|user| user.contains(':')) {
            return Err(LoginFailure::ProxyPassword);
        }
        let is_user = |user: &str| {
            (1..=USER_MOST).contains(&user.len())
                && user.bytes().all(|byte| byte.is_ascii_graphic())
        };
        if user.is_some_and(|user| !is_user(user)) {
            return Err(LoginFailure::BadProxy);
        }
        let address = Address::with_port(place, kind.port());
        let address = address.map_err(|_| LoginFailure::BadProxy)?;
        Ok(Self { kind, address, user: user.map(str::to_owned) })
    }
}

impl fmt::Display for ProxyUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        // visible ASCII: that was seen to when it was read
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        write!(formatter, "{}://{user}{}", self.kind.scheme(), self.address)
    }
}

impl ProxyUrl {
    /// Whether it says who we are to the proxy.
    pub fn has_user(&self) -> bool {
        self.user.is_some()
    }
}

/// A proxy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proxy {
    /// Where it is.
    pub url: ProxyUrl,
    /// The file with the password of the user, on one line, for its owner alone.
    pub password_file: Option<PathBuf>,
}

/// What went wrong with a proxy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ProxyFault {
    /// Its name has no address.
    #[error("the proxy's name cannot be resolved")]
    NameUnknown,
    /// It cannot be reached.
    #[error("the proxy cannot be reached: {}", kind_text(*.0))]
    Unreachable(io::ErrorKind),
    /// It does not let us through, as we are.
    #[error("the proxy wants a user and a password, or takes not these")]
    NotAuthorized,
    /// It does not connect to the gate, or cannot.
    #[error("the proxy does not connect to the gate")]
    NotConnected,
}

/// How the proxies of hyper-util connect: to the proxy, whatever they ask for.
#[derive(Debug, Clone)]
struct ToProxy {
    address: Address,
    bind: Option<IpAddr>,
    deadline: Instant,
    /// Why it could not; their own errors do not hand it on.
    failed: Arc<OnceLock<Unreached>>,
}

impl Service<Uri> for ToProxy {
    type Response = TokioIo<TcpStream>;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Self::Response>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, _: Uri) -> Self::Future {
        let Self { address, bind, deadline, failed } = self.clone();
        Box::pin(async move {
            reach(&address, bind, deadline).await.map(TokioIo::new).map_err(|cause| {
                let _ = failed.set(cause);
                io::Error::other("no proxy")
            })
        })
    }
}

impl Proxy {
    /// Connects to `to` through the proxy.
    pub(crate) async fn reach(
        &self,
        to: &Address,
        bind: Option<IpAddr>,
        deadline: Instant,
    ) -> Result<Result<TcpStream, Unreached>, LoginFailure> {
        let password =
            self.password_file.as_ref().map(|file| identity::secret(file)).transpose()?;
        let password = password.as_ref().map_or("", |password| password.expose());
        let failed = Arc::new(OnceLock::new());
        let address = self.url.address.clone();
        let connector = ToProxy { address, bind, deadline, failed: Arc::clone(&failed) };
        let through = self.through(connector, to, password);
        Ok(match timeout_at(deadline, through).await {
            Ok(Ok(stream)) => Ok(stream),
            Ok(Err(fault)) => {
                Err(failed.get().map_or(Unreached::Proxy(fault), |cause| by_proxy(*cause)))
            }
            Err(_) => Err(Unreached::TimedOut(Stage::Proxy)),
        })
    }

    async fn through(
        &self,
        connector: ToProxy,
        to: &Address,
        password: &str,
    ) -> Result<TcpStream, ProxyFault> {
        let uri = |text| Uri::try_from(text).map_err(|_| ProxyFault::NotConnected);
        let proxy = uri(format!("http://{}", self.url.address))?;
        let gate = uri(format!("https://{to}"))?;
        let user = self.url.user.as_deref();
        let stream = match self.url.kind {
            Kind::Http => {
                let mut tunnel = Tunnel::new(proxy, connector);
                if let Some(user) = user {
                    tunnel = tunnel.with_auth(basic(user, password)?);
                }
                tunnel.call(gate).await.map_err(|error| sorted(&error.to_string()))
            }
            Kind::Socks5 => {
                let mut tunnel = SocksV5::new(proxy, connector);
                if let Some(user) = user {
                    tunnel = tunnel.with_auth(user.to_owned(), password.to_owned());
                }
                tunnel.call(gate).await.map_err(|error| sorted(&error.to_string()))
            }
        };
        stream.map(TokioIo::into_inner)
    }
}

/// RFC 7617.
fn basic(user: &str, password: &str) -> Result<HeaderValue, ProxyFault> {
    let pair = Zeroizing::new(format!("{user}:{password}"));
    let text = Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes())));
    HeaderValue::from_str(&text).map_err(|_| ProxyFault::NotAuthorized)
}

/// What an error of the library's is. Its types are its own, so its words have to do; where they change, the
/// hint is a less helpful one and nothing else.
fn sorted(words: &str) -> ProxyFault {
    let about_us = ["authorization", "authentication", "credentials"];
    if about_us.iter().any(|word| words.contains(word)) {
        ProxyFault::NotAuthorized
    } else {
        ProxyFault::NotConnected
    }
}

/// What went wrong on the way to the proxy, and not to the gate.
fn by_proxy(cause: Unreached) -> Unreached {
    Unreached::Proxy(match cause {
        Unreached::NameUnknown => ProxyFault::NameUnknown,
        Unreached::Refused => ProxyFault::Unreachable(io::ErrorKind::ConnectionRefused),
        Unreached::Network(kind) => ProxyFault::Unreachable(kind),
        Unreached::TimedOut(_) => ProxyFault::Unreachable(io::ErrorKind::TimedOut),
        other => return other,
    })
}
