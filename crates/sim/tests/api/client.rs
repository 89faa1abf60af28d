//! A small HTTP client that hides nothing: it writes what it is given and shows what came.

use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};
use rustls_pki_types::pem::PemObject;
use rustls_pki_types::{CertificateDer, ServerName};
use serde_json::Value;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tsmsim::Api;

pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) struct Client {
    pub(crate) stream: TlsStream<TcpStream>,
}

/// All that came until the end.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) raw: Vec<u8>,
    /// Whether TLS was ended as it should be.
    pub(crate) farewell: bool,
    pub(crate) status: u16,
    pub(crate) head: String,
    /// Without the framing of chunks, as far as it came.
    pub(crate) body: Vec<u8>,
    /// Whether the body came to the end that its framing told of.
    pub(crate) whole: bool,
}

impl Client {
    pub(crate) async fn connect(api: &Api) -> Self {
        Self::try_connect(api, "localhost").await.unwrap()
    }

    /// Under this name, trusting what the API shows.
    pub(crate) async fn try_connect(api: &Api, name: &str) -> std::io::Result<Self> {
        let mut roots = RootCertStore::empty();
        roots.add(CertificateDer::from_pem_slice(api.certificate().as_bytes()).unwrap()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let mut config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let name = ServerName::try_from(name.to_owned()).unwrap();
        let stream = TcpStream::connect(api.address()).await?;
        let connector = TlsConnector::from(Arc::new(config));
        let stream = timeout(DEADLINE, connector.connect(name, stream)).await.unwrap()?;
        Ok(Self { stream })
    }

    /// Writes a request and reads to the end of the connection.
    pub(crate) async fn exchange(mut self, request: &[u8]) -> Answer {
        self.stream.write_all(request).await.unwrap();
        self.read().await
    }

    /// Reads to the end of the connection.
    pub(crate) async fn read(mut self) -> Answer {
        let mut raw = Vec::new();
        let read = timeout(DEADLINE, self.stream.read_to_end(&mut raw)).await.unwrap();
        Answer::new(raw, read.is_ok())
    }
}

impl Answer {
    fn new(raw: Vec<u8>, farewell: bool) -> Self {
        let end = raw.windows(4).position(|window| window == b"\r\n\r\n");
        let (head, rest) =
            end.map_or((raw.as_slice(), [].as_slice()), |at| (&raw[..at], &raw[at + 4..]));
        let head = String::from_utf8(head.to_vec()).unwrap();
        let status = head.get(9..12).and_then(|digits| digits.parse().ok()).unwrap_or_default();
        let mut answer =
            Self { farewell, status, head, body: Vec::new(), whole: false, raw: Vec::new() };
        (answer.body, answer.whole) = match answer.header("content-length") {
            Some(length) => (rest.to_vec(), rest.len() == length.parse::<usize>().unwrap()),
            None if answer.header("transfer-encoding") == Some("chunked") => unchunk(rest),
            None => (rest.to_vec(), rest.is_empty() && end.is_some()),
        };
        answer.raw = raw;
        answer
    }

    pub(crate) fn headers(&self, name: &str) -> Vec<&str> {
        let lines = self.head.lines().skip(1).filter_map(|line| line.split_once(": "));
        lines.filter(|(own, _)| own.eq_ignore_ascii_case(name)).map(|(_, value)| value).collect()
    }

    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers(name).first().copied()
    }

    pub(crate) fn json(&self) -> Value {
        assert!(self.whole, "{}", self.head);
        serde_json::from_slice(&self.body).unwrap()
    }

    /// `error.detail`, where that is all there is.
    pub(crate) fn detail(&self) -> String {
        let body = self.json();
        assert_eq!(body["error"].as_object().unwrap().len(), 1, "{body}");
        body["error"]["detail"].as_str().unwrap().to_owned()
    }

    pub(crate) fn holds(&self, text: &str) -> bool {
        self.raw.windows(text.len()).any(|window| window == text.as_bytes())
    }
}

fn unchunk(mut rest: &[u8]) -> (Vec<u8>, bool) {
    let mut body = Vec::new();
    while let Some(at) = rest.windows(2).position(|window| window == b"\r\n") {
        let size = std::str::from_utf8(&rest[..at]).unwrap();
        let size = usize::from_str_radix(size, 16).unwrap();
        if size == 0 {
            return (body, true);
        }
        let Some(piece) = rest.get(at + 2..at + 2 + size) else { break };
        body.extend_from_slice(piece);
        rest = rest.get(at + 4 + size..).unwrap_or_default();
    }
    (body, false)
}
