//! One request to the controller, on a connection of its own.

use std::io;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper::header::{CONNECTION, CONTENT_TYPE, COOKIE, HOST};
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use crate::surroundings::Surroundings;

/// For a whole request.
const DEADLINE: Duration = Duration::from_secs(60);
/// The longest answer, in bytes.
const ANSWER_LIMIT: usize = 64 * 1024 * 1024;

/// What is asked.
pub(crate) struct Question<'a> {
    pub(crate) method: Method,
    /// Below the base, with its query.
    pub(crate) path: &'a str,
    pub(crate) cookie: Option<&'a str>,
    pub(crate) body: Option<Vec<u8>>,
}

/// Asks, and reads the whole answer.
///
/// # Errors
/// There is no connection, no trust, no HTTP, or no end of it in time.
pub(crate) async fn exchange(
    place: &Surroundings,
    question: Question<'_>,
) -> io::Result<Response<Bytes>> {
    match timeout(DEADLINE, exchanged(place, question)).await {
        Ok(answered) => answered,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

async fn exchanged(place: &Surroundings, question: Question<'_>) -> io::Result<Response<Bytes>> {
    let stream = TcpStream::connect((place.host.as_str(), place.port)).await?;
    let name = ServerName::try_from(place.host.clone()).map_err(io::Error::other)?;
    let stream = TlsConnector::from(place.tls.clone()).connect(name, stream).await?;
    let (mut requests, connection) =
        http1::handshake(TokioIo::new(stream)).await.map_err(io::Error::other)?;
    let driver = tokio::spawn(connection);
    let mut request = Request::builder()
        .method(question.method)
        .uri(format!("/api/0.5/{}", question.path))
        .header(HOST, format!("{}:{}", place.host, place.port))
        .header(CONNECTION, "close");
    if let Some(cookie) = question.cookie {
        request = request.header(COOKIE, cookie);
    }
    if question.body.is_some() {
        request = request.header(CONTENT_TYPE, "application/json");
    }
    let body = Full::new(Bytes::from(question.body.unwrap_or_default()));
    let request = request.body(body).map_err(io::Error::other)?;
    let (head, body) = requests.send_request(request).await.map_err(io::Error::other)?.into_parts();
    let body = Limited::new(body, ANSWER_LIMIT).collect().await.map_err(io::Error::other)?;
    driver.abort();
    Ok(Response::from_parts(head, body.to_bytes()))
}
