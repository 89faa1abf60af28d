//! A gate: files → reach → handshake, for whichever lane; and the login lane's question.
//!
//! Everything ends within one deadline. What is asked in the api lane is in the room `api`.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use rustls::pki_types::ServerName;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsmgate_settings::values::Time;
use tsmgate_wire::ALPN;

use crate::address::Address;
use crate::conversation::{self, NoAnswer};
use crate::failure::{Breach, Lack, LoginFailure, Refusal, Stage, Unreached};
use crate::login::Login;
use crate::proxy::Proxy;
use crate::reach::reach;
use crate::tls::{self, HandshakeFault};

/// The longest timeout: the library takes a longer one for it, the command line refuses it. Long
/// enough for any person, short enough for every clock's arithmetic.
pub(crate) const TIMEOUT_MOST: Duration = Duration::from_secs(3600);

/// Reads a timeout as it is written: `15s`, more than nothing and at most [`TIMEOUT_MOST`].
pub(crate) fn read_timeout(text: &str) -> Result<Duration, String> {
    text.parse::<Time>()
        .ok()
        .map(|Time(time)| time)
        .filter(|time| !time.is_zero() && *time <= TIMEOUT_MOST)
        .ok_or_else(|| "give a number and ms, s or m, at most 60m, as 15s".to_owned())
}

/// A gate, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gate {
    /// Where it listens. Every address of its name is tried, within the timeout.
    pub address: Address,
    /// The name its certificate must have: a DNS name or an IP address, usually the address's host.
    pub server_name: String,
    /// A PEM file with the authority, or authorities, that issued the gate's certificate.
    pub authority: PathBuf,
    /// A PEM file with our certificate, leaf first.
    pub certificate: PathBuf,
    /// A PEM file with our private key, unencrypted, accessible to its owner only.
    pub private_key: PathBuf,
    /// The address of this host to connect from; the system chooses where it is absent.
    pub bind: Option<IpAddr>,
    /// A proxy on the way there. The address to connect from is then the one towards the proxy.
    pub proxy: Option<Box<Proxy>>,
    /// The time of the whole attempt: name, connection, handshake and answer. At most an hour.
    pub timeout: Duration,
}

impl Gate {
    /// The usual time of a whole attempt. The gate itself gives TSM 10 s.
    pub const TIMEOUT: Duration = Duration::from_secs(15);

    /// Asks for a session. Nothing is kept: every call reads the files and connects anew.
    ///
    /// rustls keeps what it has decrypted in buffers of its own until it is read; these are freed
    /// and not wiped. Everything of ours that held a part of the cookie is wiped.
    ///
    /// # Errors
    /// Every [`LoginFailure`] but those of the local socket; the connection is closed then.
    pub async fn login(&self) -> Result<Login, LoginFailure> {
        let deadline = Instant::now() + self.timeout.min(TIMEOUT_MOST);
        let mut stream = self.connect(ALPN, deadline).await?;
        let asked = SystemTime::now();
        let answer = conversation::ask(&mut stream, deadline).await;
        // polite, and no more: the answer is here, or there will be none
        let _ = timeout_at(deadline, stream.shutdown()).await;
        let answer = answer.map_err(|nothing| self.unanswered(nothing))?;
        conversation::sort_answer(answer, self.peer(), asked, Lack::Role)
    }

    /// Reads what a login needs, without going near the gate.
    ///
    /// # Errors
    /// [`LoginFailure::File`] and [`LoginFailure::BadServerName`].
    pub(crate) fn check_files(&self) -> Result<(), LoginFailure> {
        self.name()?;
        tls::config(&self.authority, &self.certificate, &self.private_key, ALPN).map(drop)
    }

    /// The name that the gate has to prove.
    fn name(&self) -> Result<ServerName<'static>, LoginFailure> {
        ServerName::try_from(self.server_name.clone())
            .map_err(|_| LoginFailure::BadServerName(self.server_name.clone()))
    }

    /// Connects for one lane, and has both sides prove who they are.
    pub(crate) async fn connect(
        &self,
        alpn: &[u8],
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, LoginFailure> {
        let name = self.name()?;
        let config = tls::config(&self.authority, &self.certificate, &self.private_key, alpn)?;
        let tcp = match &self.proxy {
            Some(proxy) => proxy.reach(&self.address, self.bind, deadline).await?,
            None => reach(&self.address, self.bind, deadline).await,
        };
        let tcp = tcp.map_err(|cause| self.unreachable(cause))?;
        timeout_at(deadline, TlsConnector::from(config).connect(name, tcp))
            .await
            .map_err(|_| self.unreachable(Unreached::TimedOut(Stage::Handshake)))?
            .map_err(|error| self.handshake_failed(tls::sort_handshake(&error)))
    }

    fn handshake_failed(&self, fault: HandshakeFault) -> LoginFailure {
        match fault {
            HandshakeFault::Unreached(cause) => self.unreachable(cause),
            HandshakeFault::Distrust(cause) => LoginFailure::Untrusted {
                peer: self.peer(),
                name: self.server_name.clone(),
                authority: self.authority.clone(),
                cause,
            },
            HandshakeFault::Refused(refusal) => self.not_accepted(refusal),
            HandshakeFault::Breach(breach) => self.breach(breach),
        }
    }

    fn unanswered(&self, nothing: NoAnswer) -> LoginFailure {
        match nothing {
            NoAnswer::TimedOut => self.unreachable(Unreached::TimedOut(Stage::Answer)),
            NoAnswer::Ended(error) => match tls::sort_silence(error.as_ref()) {
                Ok(refusal) => self.not_accepted(refusal),
                Err(breach) => self.breach(breach),
            },
            NoAnswer::CutOff => self.breach(Breach::CutOff),
            NoAnswer::Fault(fault) => self.breach(Breach::Reply(fault)),
        }
    }

    pub(crate) fn unreachable(&self, cause: Unreached) -> LoginFailure {
        LoginFailure::Unreachable { peer: self.peer(), cause }
    }

    pub(crate) fn not_accepted(&self, refusal: Refusal) -> LoginFailure {
        LoginFailure::NotAccepted { peer: self.peer(), refusal }
    }

    fn breach(&self, breach: Breach) -> LoginFailure {
        LoginFailure::Protocol { peer: self.peer(), breach }
    }

    pub(crate) fn peer(&self) -> String {
        self.address.to_string()
    }
}
