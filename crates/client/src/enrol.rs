//! How this host gets its certificate, and its next ones: from `tsmgate-authority`, which has the authority's key.
//!
//! One connection, one question, one bounded answer, all within one deadline. The service proves who it is before
//! it is told anything: by the fingerprint in a token, or by the authority in a profile. Our key is made here and
//! goes nowhere; what comes back is judged before it counts.

use std::net::IpAddr;
use std::ops::ControlFlow;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, CONNECTION, CONTENT_TYPE, HOST, USER_AGENT};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use serde::Serialize;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsmgate_pki::enrolment::{BODY_MOST, Enrolled, JoinRequest, RenewRequest};
use zeroize::Zeroizing;

use crate::api::failure::Breach;
use crate::api::{Answer, Connection, NoAnswer, Silence};
use crate::failure::{LoginFailure, Refusal, Stage, Unreached};
use crate::gate::TIMEOUT_MOST;
use crate::proxy::Proxy;
use crate::reach::reach;
use crate::{Address, tls};

pub mod failure;
pub mod joining;
pub mod leaf;
pub mod renewal;

mod trust;

pub use failure::EnrolFailure;
pub use leaf::{Leaf, Misfit};

use failure::EnrolRefusal;

/// The port of the service where none is named.
pub const PORT: u16 = 18851;
/// The usual time of a whole attempt. The service files what it does before it answers.
pub const TIMEOUT: Duration = Duration::from_secs(30);

const ALPN: &[u8] = b"http/1.1";
const AGENT: &str = concat!("tsmgate/", env!("CARGO_PKG_VERSION"));
const JSON: &str = "application/json";

/// Reads where the service is: as a gate's address, with [`PORT`] where none is named.
pub(crate) fn read_authority(text: &str) -> Result<Address, LoginFailure> {
    Address::with_port(text, PORT)
}

/// By what the service is known, and we to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// The SHA-256 of the authority's certificate, DER; we show none.
    Fingerprint([u8; 32]),
    /// The three files of a host that has joined.
    Files {
        /// The authority, PEM.
        authority: PathBuf,
        /// Our certificate, PEM.
        certificate: PathBuf,
        /// Our key, PEM.
        private_key: PathBuf,
    },
}

/// The service, and the way there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Service {
    /// Where it listens; its certificate has this host's name.
    pub address: Address,
    /// By what it is known.
    pub trust: Trust,
    /// The address of this host to connect from; the system chooses where it is absent.
    pub bind: Option<IpAddr>,
    /// A proxy on the way there.
    pub proxy: Option<Box<Proxy>>,
    /// The time of the whole attempt. At most an hour.
    pub timeout: Duration,
    /// What we are called there, for hints.
    pub client: String,
}

impl Service {
    /// Asks for the first certificate.
    ///
    /// # Errors
    /// Every [`EnrolFailure`] of the way and of the service's answer.
    pub async fn join(&self, ask: &JoinRequest) -> Result<Enrolled, EnrolFailure> {
        self.ask("/v1/join", ask).await
    }

    /// Asks for the next certificate.
    ///
    /// # Errors
    /// As [`Service::join`].
    pub async fn renew(&self, ask: &RenewRequest) -> Result<Enrolled, EnrolFailure> {
        self.ask("/v1/renew", ask).await
    }

    async fn ask(&self, path: &str, ask: &impl Serialize) -> Result<Enrolled, EnrolFailure> {
        let deadline = Instant::now() + self.timeout.min(TIMEOUT_MOST);
        // all the room at once: a buffer that grows leaves copies of the secret behind
        let mut body = Zeroizing::new(Vec::with_capacity(BODY_MOST));
        serde_json::to_writer(&mut *body, ask).map_err(|_| self.breach(Breach::NotJson))?;
        let request = Request::post(path)
            .header(HOST, self.address.to_string())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, JSON)
            .header(CONTENT_TYPE, JSON)
            .header(CONNECTION, "close")
            .body(Full::new(Bytes::from_owner(body)))
            .map_err(|_| self.breach(Breach::NotHttp))?;
        let stream = self.connect(deadline).await?;
        let made = Connection::over(stream).await;
        let mut connection = made.map_err(|breach| self.breach(breach))?;
        let response =
            connection.send(request, deadline).await.map_err(|no| self.unanswered(no))?;
        let answer = Answer::new(response).map_err(|breach| self.breach(breach))?;
        let outcome = self.read(answer, deadline).await;
        connection.close().await;
        outcome
    }

    async fn read(&self, mut answer: Answer, deadline: Instant) -> Result<Enrolled, EnrolFailure> {
        let mut body = Vec::new();
        let mut take = |piece: &[u8]| {
            body.extend_from_slice(piece);
            ControlFlow::Continue(())
        };
        let read = answer.pieces(BODY_MOST, deadline, &mut take).await;
        let good = answer.is_good();
        // of a refusal the status is enough; of a certificate nothing less than all of it
        match read {
            Ok(_) => {}
            Err(_) if !good => body.clear(),
            Err(nothing) => return Err(self.unanswered(nothing)),
        }
        if good {
            return serde_json::from_slice(&body).map_err(|_| self.breach(Breach::NotJson));
        }
        let (peer, client) = (self.peer(), self.client.clone());
        Err(Box::new(EnrolRefusal::read(peer, client, answer.status, &body)).into())
    }

    async fn connect(&self, deadline: Instant) -> Result<TlsStream<TcpStream>, EnrolFailure> {
        let config = self.config()?;
        let host = self.address.host().to_owned();
        let name = ServerName::try_from(host.clone())
            .map_err(|_| EnrolFailure::Own(LoginFailure::BadServerName(host)))?;
        let tcp = match &self.proxy {
            Some(proxy) => proxy.reach(&self.address, self.bind, deadline).await?,
            None => reach(&self.address, self.bind, deadline).await,
        };
        let tcp = tcp.map_err(|cause| self.unreachable(cause))?;
        timeout_at(deadline, TlsConnector::from(config).connect(name, tcp))
            .await
            .map_err(|_| self.unreachable(Unreached::TimedOut(Stage::Handshake)))?
            .map_err(|error| failure::of_handshake(self, &error))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, EnrolFailure> {
        Ok(match &self.trust {
            Trust::Fingerprint(sha256) => trust::by_fingerprint(*sha256, ALPN),
            Trust::Files { authority, certificate, private_key } => {
                tls::config(authority, certificate, private_key, ALPN)?
            }
        })
    }

    fn unanswered(&self, nothing: NoAnswer) -> EnrolFailure {
        match nothing {
            NoAnswer::TimedOut => self.unreachable(Unreached::TimedOut(Stage::Answer)),
            // without a word it is no refusal: this service gives its reasons
            NoAnswer::Silent(Silence::Used | Silence::New(Ok(Refusal::Closed))) => self.cut(),
            NoAnswer::Breach(breach) if breach.is_cut() => self.cut(),
            NoAnswer::Silent(Silence::New(Ok(refusal))) => {
                let (peer, client) = (self.peer(), self.client.clone());
                EnrolFailure::NotAccepted { peer, refusal, client }
            }
            NoAnswer::Silent(Silence::New(Err(words))) => self.breach(Breach::Tls(words)),
            NoAnswer::Breach(breach) => self.breach(breach),
        }
    }

    fn unreachable(&self, cause: Unreached) -> EnrolFailure {
        EnrolFailure::Unreachable { peer: self.peer(), cause }
    }

    fn cut(&self) -> EnrolFailure {
        EnrolFailure::Cut { peer: self.peer() }
    }

    fn breach(&self, breach: Breach) -> EnrolFailure {
        EnrolFailure::Protocol { peer: self.peer(), breach }
    }

    /// What a person calls it: `HOST:PORT`.
    pub fn peer(&self) -> String {
        self.address.to_string()
    }
}
