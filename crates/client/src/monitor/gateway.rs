//! Tableau's own gateway, which serves `systeminfo.xml`: where it is, and one request to it.
//!
//! It sends no session and no certificate: the server lets addresses in that it was told of. It follows no
//! redirection, reads no more than a document may have, and checks a certificate where there is one.

use std::fmt;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::Arc;

use bytes::Bytes;
use http_body_util::Full;
use hyper::Request;
use hyper::header::{ACCEPT, CONNECTION, HOST, USER_AGENT};
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout_at};
use tokio_rustls::TlsConnector;

use super::systeminfo::{DOCUMENT_MOST, Systeminfo, Unread};
use crate::api::failure::Breach;
use crate::api::{Answer, Connection, NoAnswer};
use crate::failure::{Distrust, LoginFailure, Stage, Unreached};
use crate::reach::reach;
use crate::tls::{self, HandshakeFault};
use crate::{Address, identity};

/// Where the document is, unless another path is given.
const PATH: &str = "/admin/systeminfo.xml";
const AGENT: &str = concat!("tsmgate/", env!("CARGO_PKG_VERSION"));
/// The longest path that is taken, in bytes.
const PATH_MOST: usize = 1024;

/// `http://HOST[:PORT][/PATH]` or `https://…`.
#[derive(Clone, PartialEq, Eq)]
pub struct GatewayUrl {
    is_tls: bool,
    address: Address,
    /// May hold a trusted ticket, and is not shown.
    path: String,
}

/// Tableau's gateway, and how its certificate is checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Gateway {
    /// Where it is.
    pub url: GatewayUrl,
    /// The authority of its certificate, PEM; needed for `https://` alone.
    pub authority: Option<PathBuf>,
}

/// Why there is no document.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum GatewayFailure {
    /// The text is no URL of a gateway.
    #[error("the URL of the gateway is not http://HOST[:PORT] or https://HOST[:PORT]")]
    BadUrl,
    /// The file of the authority is at fault.
    #[error(transparent)]
    File(#[from] LoginFailure),
    /// No connection.
    #[error("cannot reach it: {0}")]
    Unreachable(Unreached),
    /// Its certificate does not convince us.
    #[error("cannot trust it: {0}")]
    Untrusted(Distrust),
    /// No whole answer in time.
    #[error("no answer in time")]
    TimedOut,
    /// A status that says no.
    #[error("status {0}")]
    Status(u16),
    /// Not HTTP, or not TLS, or too much of it.
    #[error("it does not answer as agreed: {0}")]
    Protocol(Breach),
    /// An answer that is no document.
    #[error(transparent)]
    Unread(#[from] Unread),
}

impl GatewayFailure {
    /// What can be done about it, in one line.
    pub fn hint(&self) -> String {
        match self {
            Self::BadUrl => "give it as http://tableau.example.com, without a name or password".into(),
            Self::File(failure) => failure.hint(),
            Self::Unread(Unread::Denied) => {
                "on TSM's host: tsm configuration set -k wgserver.systeminfo.allow_referrer_ips -v \
                 ADDRESS, with the address of this host, and tsm pending-changes apply"
                    .into()
            }
            Self::Untrusted(_) => "give --systeminfo-ca the authority of the server's certificate".into(),
            Self::Protocol(Breach::Status(_)) => {
                "it redirects, which is not followed: give the URL that it redirects to, such as https://"
                    .into()
            }
            Self::Unreachable(_) | Self::TimedOut | Self::Status(_) => {
                "only a running server has the document: see `tsmgate status`, and the URL".into()
            }
            Self::Protocol(_) | Self::Unread(_) => {
                "see with curl what the URL answers; it should be Tableau's gateway, not TSM's port".into()
            }
        }
    }
}

impl FromStr for GatewayUrl {
    type Err = GatewayFailure;

    /// Reads a URL; without a path it is that of the document.
    ///
    /// # Errors
    /// [`GatewayFailure::BadUrl`]; the text, which may hold a ticket, is not repeated.
    fn from_str(text: &str) -> Result<Self, GatewayFailure> {
        let (is_tls, rest) = match (text.strip_prefix("http://"), text.strip_prefix("https://")) {
            (Some(rest), _) => (false, rest),
            (_, Some(rest)) => (true, rest),
            _ => return Err(GatewayFailure::BadUrl),
        };
        let (host, path) = match rest.find('/') {
            Some(at) => rest.split_at(at),
            None => (rest, "/"),
        };
        let port = if is_tls { 443 } else { 80 };
        let address = Address::with_port(host, port).map_err(|_| GatewayFailure::BadUrl)?;
        let path = if path == "/" { PATH } else { path };
        let good = |byte: u8| byte.is_ascii_graphic() && byte != b'#';
        if path.len() > PATH_MOST || !path.bytes().all(good) {
            return Err(GatewayFailure::BadUrl);
        }
        Ok(Self { is_tls, address, path: path.to_owned() })
    }
}

impl fmt::Debug for GatewayUrl {
    /// Without the path.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("GatewayUrl")
            .field("is_tls", &self.is_tls)
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl GatewayUrl {
    /// Whether the server has to prove who it is.
    pub fn is_tls(&self) -> bool {
        self.is_tls
    }
}

impl Gateway {
    /// What a person calls it: the URL without its path.
    pub fn name(&self) -> String {
        let scheme = if self.url.is_tls { "https" } else { "http" };
        format!("{scheme}://{}", self.url.address)
    }

    /// Asks for the document.
    ///
    /// # Errors
    /// Every [`GatewayFailure`] but that of the URL.
    pub async fn ask(&self, deadline: Instant) -> Result<Systeminfo, GatewayFailure> {
        let stream = reach(&self.url.address, None, deadline).await;
        let stream = stream.map_err(GatewayFailure::Unreachable)?;
        let document = match (self.url.is_tls, &self.authority) {
            (false, _) => self.fetch(stream, deadline).await?,
            (true, Some(authority)) => {
                let host = self.url.address.host().to_owned();
                let name = ServerName::try_from(host).map_err(|_| GatewayFailure::BadUrl)?;
                let connecting = TlsConnector::from(config(authority)?).connect(name, stream);
                let stream = timeout_at(deadline, connecting).await.map_err(|_| {
                    GatewayFailure::Unreachable(Unreached::TimedOut(Stage::Handshake))
                })?;
                let stream = stream.map_err(|error| fault(tls::sort_handshake(&error)))?;
                self.fetch(stream, deadline).await?
            }
            // there is nothing to check it by
            (true, None) => return Err(GatewayFailure::Untrusted(Distrust::UnknownAuthority)),
        };
        Ok(Systeminfo::read(&document)?)
    }

    async fn fetch<S>(&self, stream: S, deadline: Instant) -> Result<Vec<u8>, GatewayFailure>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let request = Request::get(&self.url.path)
            .header(HOST, self.url.address.to_string())
            .header(USER_AGENT, AGENT)
            .header(ACCEPT, "application/xml, text/xml")
            .header(CONNECTION, "close")
            .body(Full::<Bytes>::default())
            .map_err(|_| GatewayFailure::BadUrl)?;
        let mut connection = Connection::over(stream).await.map_err(GatewayFailure::Protocol)?;
        let response = connection.send(request, deadline).await.map_err(no_answer)?;
        let mut answer = Answer::new(response).map_err(GatewayFailure::Protocol)?;
        if answer.status != 200 {
            return Err(GatewayFailure::Status(answer.status));
        }
        let mut document = Vec::new();
        let mut take = |piece: &[u8]| {
            document.extend_from_slice(piece);
            ControlFlow::Continue(())
        };
        // it takes all there is, so that there is nothing to be told
        let _ = answer.pieces(DOCUMENT_MOST, deadline, &mut take).await.map_err(no_answer)?;
        drop(answer);
        connection.close().await;
        Ok(document)
    }
}

/// An older server has nothing newer than TLS 1.2.
fn config(authority: &Path) -> Result<Arc<ClientConfig>, LoginFailure> {
    let config = ClientConfig::builder_with_provider(Arc::new(tls::provider()))
        .with_protocol_versions(&[&TLS13, &TLS12])
        .expect("the provider has the cipher suites of both")
        .with_root_certificates(identity::authority(authority)?)
        .with_no_client_auth();
    Ok(tls::settled(config))
}

fn fault(fault: HandshakeFault) -> GatewayFailure {
    match fault {
        HandshakeFault::Unreached(cause) => GatewayFailure::Unreachable(cause),
        HandshakeFault::Distrust(cause) => GatewayFailure::Untrusted(cause),
        HandshakeFault::Refused(refusal) => {
            GatewayFailure::Protocol(Breach::Tls(refusal.to_string()))
        }
        HandshakeFault::Breach(breach) => GatewayFailure::Protocol(breach.into()),
    }
}

fn no_answer(nothing: NoAnswer) -> GatewayFailure {
    match nothing {
        NoAnswer::TimedOut => GatewayFailure::TimedOut,
        NoAnswer::Silent(_) => GatewayFailure::Protocol(Breach::Closed),
        NoAnswer::Breach(breach) => GatewayFailure::Protocol(breach),
    }
}

#[cfg(test)]
mod tests;
