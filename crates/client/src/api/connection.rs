//! One HTTP/1.1 connection over TLS that is already made, and one request at a time on it.
//!
//! Heads are bounded here, and every wait ends at the deadline that the caller brings. It follows no
//! redirection, asks for no encoding and sends no request twice; that is the caller's to decide.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::client::conn::http1::{Builder, SendRequest};
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::task::JoinHandle;
use tokio::time::{Instant, timeout, timeout_at};

use super::failure::Breach;
use super::watched::{Watched, Witness};
use crate::failure::Refusal;
use crate::tls;

/// The largest head of an answer, in bytes.
pub(super) const HEAD_MOST: usize = 16 * 1024;
/// The most lines that a head has.
const LINES_MOST: usize = 100;
/// How long the end of a connection may take; nothing depends on it.
const FAREWELL: Duration = Duration::from_secs(1);

/// Why a request has no answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoAnswer {
    /// The time was over.
    TimedOut,
    /// The connection ended and nothing came on it since it was made, or since the last answer.
    Silent(Silence),
    /// Something else than an answer came.
    Breach(Breach),
}

/// What the end of a connection without a byte means.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Silence {
    /// On a connection that had answered before: its time was over.
    Used,
    /// On a new one: TLS says this of it.
    New(Result<Refusal, String>),
}

/// The task that reads and writes; it ends when this is dropped.
#[derive(Debug)]
struct Driver(JoinHandle<()>);

impl Drop for Driver {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// A connection; it ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Connection {
    sender: SendRequest<Full<Bytes>>,
    driver: Driver,
    witness: Witness,
    /// What had come when the last request was sent; the first is sent when nothing has.
    received: u64,
}

impl Connection {
    /// Speaks HTTP over a stream.
    pub(crate) async fn over<S>(stream: S) -> Result<Self, Breach>
    where
        S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    {
        let (stream, witness) = Watched::new(stream);
        let (sender, connection) = Builder::new()
            .max_buf_size(HEAD_MOST)
            .max_headers(LINES_MOST)
            .handshake(TokioIo::new(stream))
            .await
            .map_err(|_| Breach::NotHttp)?;
        let driver = Driver(tokio::spawn(async move {
            // how it ends is told to whoever waits for an answer, and by the witness
            let _ = connection.await;
        }));
        Ok(Self { sender, driver, witness, received: 0 })
    }

    /// Whether it can take another request, as far as is known.
    pub(super) fn is_open(&self) -> bool {
        !self.sender.is_closed()
    }

    /// Sends a request, and gives the head of the answer.
    pub(crate) async fn send(
        &mut self,
        request: Request<Full<Bytes>>,
        deadline: Instant,
    ) -> Result<Response<Incoming>, NoAnswer> {
        self.received = self.witness.received();
        let exchange = async {
            self.sender.ready().await?;
            self.sender.send_request(request).await
        };
        match timeout_at(deadline, exchange).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(self.broken(&error).await),
            Err(_) => Err(NoAnswer::TimedOut),
        }
    }

    async fn broken(&mut self, error: &hyper::Error) -> NoAnswer {
        // the cause may still be on its way to the witness
        let _ = timeout(FAREWELL, &mut self.driver.0).await;
        if error.is_parse_too_large() {
            return NoAnswer::Breach(Breach::LongHead(HEAD_MOST));
        }
        if error.is_parse() {
            return NoAnswer::Breach(Breach::NotHttp);
        }
        if self.witness.received() > self.received {
            return NoAnswer::Breach(Breach::CutOff);
        }
        if self.received > 0 {
            return NoAnswer::Silent(Silence::Used);
        }
        let error = self.witness.take_error();
        NoAnswer::Silent(Silence::New(tls::sort_silence(error.as_ref()).map_err(|b| b.to_string())))
    }

    /// Ends it politely: the peer is told that nothing more comes.
    pub(crate) async fn close(self) {
        let Self { sender, mut driver, .. } = self;
        drop(sender);
        // one that has ended may have been asked for its end already, and does not tell twice
        if !driver.0.is_finished() {
            let _ = timeout(FAREWELL, &mut driver.0).await;
        }
    }
}

/// What an error in the middle of a body means.
pub(super) fn broken_body(error: &hyper::Error) -> Breach {
    if error.is_parse() { Breach::NotHttp } else { Breach::CutOff }
}
