//! One connection to TSM's controller: TLS that checks who answers, and HTTP/1.1 in it.
//!
//! hyper speaks; whoever waits for it drives it, in his own task. So a connection ends with the call that
//! has it, and there is no task of it that could outlive that.

use std::future::{Future, poll_fn};
use std::io;
use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, Connection, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use rustls::ClientConfig;
use rustls_pki_types::ServerName;
use tokio::io::BufReader;
use tokio::net::{TcpStream, lookup_host};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsmgate_gate::reason::Reason;

use super::Failure;
use crate::config::Api;
use crate::credentials::tsm;

/// How long TSM may take to accept and to prove who it is.
const CONNECT_DEADLINE: Duration = Duration::from_secs(2);
/// The most of an answer that is read ahead, in bytes; also the longest header of one.
const BUFFER: usize = 64 * 1024;
/// The most that is taken from the socket at once, in bytes: rustls alone takes 4 KiB, a quarter of a record.
const AT_ONCE: usize = 32 * 1024;
/// A connection that was not used for so long is not used any more: TSM may be about to close it.
const IDLE: Duration = Duration::from_secs(15);

/// What does the connection's work.
type Driver = Connection<TokioIo<TlsStream<BufReader<TcpStream>>>, Full<Bytes>>;

/// A connection to TSM.
pub(super) struct Wire {
    requests: SendRequest<Full<Bytes>>,
    driver: Pin<Box<Driver>>,
    over: bool,
    /// When it was last used.
    used: Instant,
    /// Where it leads to, and how the certificate there was checked: for another place, or by another check,
    /// it is worth nothing.
    place: (String, u16),
    checked: Arc<ClientConfig>,
}

impl std::fmt::Debug for Wire {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Wire").field("over", &self.over).finish_non_exhaustive()
    }
}

/// Why there is no answer to a request.
pub(super) enum Unanswered {
    /// The connection was over before it was sent: it can be sent on another.
    NotSent(Box<Request<Full<Bytes>>>),
    /// It was sent, and the connection ended, or what came is not HTTP.
    Broken(String),
}

impl Wire {
    /// Connects, and checks the certificate.
    pub(super) async fn connect(api: &Api, check: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let unreachable = |detail: String| Failure { reason: Reason::BackendUnreachable, detail };
        match timeout(CONNECT_DEADLINE, Self::connecting(api, check)).await {
            Ok(connected) => connected,
            Err(_) => Err(unreachable("connecting to the controller took too long".to_owned())),
        }
    }

    async fn connecting(api: &Api, check: &Arc<ClientConfig>) -> Result<Self, Failure> {
        let unreachable = |what: &str, error: &dyn std::fmt::Display| Failure {
            reason: Reason::BackendUnreachable,
            detail: format!("{what} the controller: {error}"),
        };
        let stream = reach(api).await.map_err(|error| unreachable("connecting to", &error))?;
        let _ = stream.set_nodelay(true);
        let name = ServerName::try_from(api.host.clone())
            .map_err(|error| unreachable("naming", &error))?;
        let stream = BufReader::with_capacity(AT_ONCE, stream);
        let stream = TlsConnector::from(Arc::clone(check)).connect(name, stream).await;
        let stream = stream.map_err(|error| match tsm::distrust(&error) {
            Some(detail) => Failure { reason: Reason::BackendUntrusted, detail },
            None => unreachable("shaking hands with", &error),
        })?;
        let (requests, driver) = Builder::new()
            .max_buf_size(BUFFER)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable("speaking with", &error))?;
        let (driver, checked) = (Box::pin(driver), Arc::clone(check));
        let place = (api.host.clone(), api.port);
        Ok(Self { requests, driver, over: false, used: Instant::now(), place, checked })
    }

    /// Whether it was used a short time ago.
    pub(super) fn is_young(&self) -> bool {
        self.used.elapsed() <= IDLE
    }

    /// Whether a request can go here that is to be checked so.
    pub(super) async fn is_good(&mut self, api: &Api, check: &Arc<ClientConfig>) -> bool {
        let same_place = self.place.0 == api.host && self.place.1 == api.port;
        if !self.is_young() || !same_place || !Arc::ptr_eq(&self.checked, check) {
            return false;
        }
        // looks whether it was closed meanwhile, without waiting
        self.drive(std::future::ready(())).await;
        !self.over && self.requests.is_ready()
    }

    /// Whether it can be used again after an answer that is read to its end.
    pub(super) async fn is_reusable(&mut self) -> bool {
        self.used = Instant::now();
        self.drive(std::future::ready(())).await;
        !self.over && self.requests.is_ready()
    }

    /// Sends a request and waits for the header of its answer.
    pub(super) async fn ask(
        &mut self,
        request: Request<Full<Bytes>>,
    ) -> Result<Response<Incoming>, Unanswered> {
        let answer = self.requests.try_send_request(request);
        self.drive(answer).await.map_err(|mut error| match error.take_message() {
            Some(request) => Unanswered::NotSent(Box::new(request)),
            None => Unanswered::Broken(error.error().to_string()),
        })
    }

    /// The next part of an answer's body; `None` at its end. What is not body (trailers) is left out.
    pub(super) async fn part(&mut self, body: &mut Incoming) -> Result<Option<Bytes>, String> {
        loop {
            match self.drive(body.frame()).await {
                None => return Ok(None),
                Some(Err(error)) => return Err(error.to_string()),
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(part) if part.is_empty() => {}
                    Ok(part) => return Ok(Some(part)),
                    Err(_) => {}
                },
            }
        }
    }

    /// Waits for something of this connection's, while the connection does its work.
    async fn drive<F: Future>(&mut self, future: F) -> F::Output {
        let mut future = pin!(future);
        poll_fn(|context| {
            if let Poll::Ready(output) = future.as_mut().poll(context) {
                // what it left to do is begun at once
                self.over = self.over || self.driver.as_mut().poll(context).is_ready();
                return Poll::Ready(output);
            }
            self.over = self.over || self.driver.as_mut().poll(context).is_ready();
            future.as_mut().poll(context)
        })
        .await
    }
}

/// A TCP connection to the controller. `localhost` is this host, whatever a resolver says.
async fn reach(api: &Api) -> io::Result<TcpStream> {
    let port = api.port;
    let addresses: Vec<SocketAddr> = match api.host.as_str() {
        "localhost" => {
            vec![(Ipv4Addr::LOCALHOST, port).into(), (Ipv6Addr::LOCALHOST, port).into()]
        }
        host => lookup_host((host, port)).await?.collect(),
    };
    TcpStream::connect(addresses.as_slice()).await
}
