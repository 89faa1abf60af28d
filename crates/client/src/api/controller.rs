//! TSM's controller itself, without a gate: where it is, how its certificate is checked, and who we are.
//!
//! The check is by an authority or by the digest of the certificate, and never skipped: there is no
//! switch for that. TLS 1.2 is taken here, and only here, for older servers have nothing newer.

use std::net::IpAddr;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::HEXLOWER_PERMISSIVE;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::version::{TLS12, TLS13};
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, SignatureScheme};
use tokio::net::TcpStream;
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsmgate_wire::Secret;

use super::failure::{ApiFailure, Breach, Proof};
use super::peer::{ALPN, Peer};
use crate::cache::Cache;
use crate::failure::{Stage, Unreached, shown};
use crate::reach::reach;
use crate::tls::{self, HandshakeFault};
use crate::{Address, Source, identity};

/// TSM's controller, and who we are to it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Controller {
    /// Where it listens.
    pub address: ControllerAddress,
    /// How its certificate is checked.
    pub trust: Trust,
    /// Where the session comes from.
    pub entry: Entry,
    /// The address of this host to connect from; the system chooses where it is absent.
    pub bind: Option<IpAddr>,
    /// The time of each attempt: name, connection, handshake and answer. At most an hour.
    pub timeout: Duration,
}

/// `https://HOST[:PORT]`: a controller's host and port.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ControllerAddress(Address);

/// How a controller's certificate is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trust {
    /// It is issued by an authority in this PEM file, names the host, and is valid today. A certificate
    /// that signed itself can stand in the file too.
    Authority(PathBuf),
    /// It is this one. What it says of names and dates counts for nothing then.
    Pin(Pin),
}

/// The SHA-256 of a whole certificate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Pin([u8; 32]);

/// Where a session at a controller comes from. It is ended when it is not needed any more, unless it is cached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    /// A gate, or the login socket of TSM where it runs on this host.
    Source(Box<Source>),
    /// The same with a cache in front: the session stays there for others.
    Cached(Cache, Box<Source>),
    /// A user of the controller's host, in TSM's group.
    Password {
        /// The user.
        name: String,
        /// The password.
        password: Secret,
    },
}

impl ControllerAddress {
    /// TSM's port, where none is named (documented).
    pub const PORT: u16 = 8850;

    /// The host's name or address, and the port.
    pub fn address(&self) -> &Address {
        &self.0
    }
}

impl FromStr for ControllerAddress {
    type Err = ApiFailure;

    /// Reads `https://HOST` or `https://HOST:PORT`, also with one slash at the end.
    ///
    /// # Errors
    /// [`ApiFailure::BadUrl`] where it is something else, such as `http:` or with a path.
    fn from_str(text: &str) -> Result<Self, ApiFailure> {
        let bad = || ApiFailure::BadUrl(text.to_owned());
        let rest = text.strip_prefix("https://").ok_or_else(bad)?;
        let rest = rest.strip_suffix('/').unwrap_or(rest);
        Address::with_port(rest, Self::PORT).map(Self).map_err(|_| bad())
    }
}

impl std::fmt::Display for ControllerAddress {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "https://{}", self.0)
    }
}

impl FromStr for Pin {
    type Err = ApiFailure;

    /// Reads 64 hexadecimal digits, with a colon between each two or without any.
    ///
    /// # Errors
    /// [`ApiFailure::BadPin`] where it is something else.
    fn from_str(text: &str) -> Result<Self, ApiFailure> {
        let bad = || ApiFailure::BadPin(text.to_owned());
        let pairs: Vec<_> = text.split(':').collect();
        let digits = match pairs.len() {
            1 => text.to_owned(),
            _ if pairs.iter().all(|pair| pair.len() == 2) => pairs.concat(),
            _ => return Err(bad()),
        };
        let bytes = HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| bad())?;
        bytes.try_into().map(Self).map_err(|_| bad())
    }
}

impl Controller {
    /// Connects; the controller has to prove who it is, and we come later, with a session.
    pub(super) async fn connect(
        &self,
        deadline: Instant,
    ) -> Result<TlsStream<TcpStream>, ApiFailure> {
        let host = self.address.address().host().to_owned();
        let name =
            ServerName::try_from(host).map_err(|_| ApiFailure::BadUrl(self.address.to_string()))?;
        let config = self.config()?;
        let unreachable = |cause| ApiFailure::Unreachable { peer: self.address.to_string(), cause };
        let tcp = reach(self.address.address(), self.bind, deadline).await.map_err(unreachable)?;
        timeout_at(deadline, TlsConnector::from(config).connect(name, tcp))
            .await
            .map_err(|_| unreachable(Unreached::TimedOut(Stage::Handshake)))?
            .map_err(|error| self.handshake_failed(tls::sort_handshake(&error)))
    }

    fn config(&self) -> Result<Arc<ClientConfig>, ApiFailure> {
        let provider = Arc::new(tls::provider());
        let config = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_protocol_versions(&[&TLS13, &TLS12])
            .expect("the provider has the cipher suites of both");
        let mut config = match &self.trust {
            Trust::Authority(file) => {
                config.with_root_certificates(identity::authority(file)?).with_no_client_auth()
            }
            Trust::Pin(pin) => config
                .dangerous()
                .with_custom_certificate_verifier(Arc::new(Pinned { pin: *pin, provider }))
                .with_no_client_auth(),
        };
        config.alpn_protocols = vec![ALPN.to_vec()];
        Ok(tls::settled(config))
    }

    fn handshake_failed(&self, fault: HandshakeFault) -> ApiFailure {
        let peer = self.address.to_string();
        let breach = match fault {
            HandshakeFault::Unreached(cause) => return ApiFailure::Unreachable { peer, cause },
            HandshakeFault::Distrust(cause) => {
                let name = self.address.address().host().to_owned();
                let by = match &self.trust {
                    Trust::Authority(file) => Proof::Authority(shown(file)),
                    Trust::Pin(_) => Proof::Pin,
                };
                return ApiFailure::Untrusted { peer, name, by, cause };
            }
            HandshakeFault::Refused(refusal) => Breach::Tls(refusal.to_string()),
            HandshakeFault::Breach(breach) => breach.into(),
        };
        ApiFailure::Protocol { peer, breach }
    }
}

impl From<Controller> for Peer {
    fn from(controller: Controller) -> Self {
        Self::Controller(controller)
    }
}

/// Takes one certificate and no other. That its key signed the handshake is checked as ever.
#[derive(Debug)]
struct Pinned {
    pin: Pin,
    provider: Arc<CryptoProvider>,
}

impl ServerCertVerifier for Pinned {
    fn verify_server_cert(
        &self,
        certificate: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        if digest(&SHA256, certificate).as_ref() == self.pin.0 {
            Ok(ServerCertVerified::assertion())
        } else {
            Err(CertificateError::ApplicationVerificationFailure.into())
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, &known)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let known = self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, &known)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}
