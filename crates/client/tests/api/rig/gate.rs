//! A gate that is none: mutual TLS 1.3, and then one scripted answer to each request.

use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use rustls::crypto::aws_lc_rs;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::Certificates;

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    /// `GET /v1/whoami`.
    pub(crate) line: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
    /// The connection that it came on, counted from 0.
    pub(crate) connection: usize,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

/// What comes back.
#[derive(Debug, Clone)]
pub(crate) enum Reply {
    /// These bytes; the connection stays.
    Bytes(Vec<u8>),
    /// These bytes, and an orderly end.
    Last(Vec<u8>),
    /// These bytes, and an end without a farewell of TLS.
    Cut(Vec<u8>),
    /// These bytes, and then the second ones until the client goes.
    Endless(Vec<u8>, Vec<u8>),
    /// These bytes, and then nothing.
    Hold(Vec<u8>),
}

/// An answer with this status, these header lines and this body.
pub(crate) fn bytes(status: &str, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {length}\r\n\r\n{body}").into_bytes()
}

impl Reply {
    /// JSON, as a gate passes it on.
    pub(crate) fn json(body: &str) -> Self {
        let headers = "Content-Type: application/json\r\ntsmgate-request: L-7-1\r\n";
        Self::Bytes(bytes("200 OK", headers, body))
    }

    /// TSM's own error, or a proxy's.
    pub(crate) fn error(status: u16, kind: &str, body: &str) -> Self {
        let headers = format!("Content-Type: {kind}\r\ntsmgate-request: L-7-1\r\n");
        Self::Bytes(bytes(&format!("{status} No"), &headers, body))
    }

    /// The gate's own error.
    pub(crate) fn refused(status: u16, reason: &str, more: &str, body: &str) -> Self {
        let headers = format!(
            "Content-Type: application/json\r\ntsmgate-request: L-7-1\r\n\
             tsmgate-reason: {reason}\r\n{more}"
        );
        Self::Bytes(bytes(&format!("{status} No"), &headers, body))
    }
}

/// A listening peer.
pub(crate) struct Gate {
    pub(crate) certificates: Certificates,
    port: u16,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Gate {
    pub(crate) fn start(script: impl Fn(&Seen) -> Reply + Send + Sync + 'static) -> Self {
        Self::speaking(&[b"http/1.1"], script)
    }

    /// One that knows these protocols.
    pub(crate) fn speaking(
        protocols: &[&[u8]],
        script: impl Fn(&Seen) -> Reply + Send + Sync + 'static,
    ) -> Self {
        let certificates = Certificates::new();
        let mut config = config(&certificates);
        config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let seen: Arc<Mutex<Vec<Seen>>> = Arc::default();
        let (script, keep) = (Arc::new(script), Arc::clone(&seen));
        thread::spawn(move || {
            for (number, tcp) in listener.incoming().enumerate() {
                let (config, tcp) = (Arc::clone(&config), tcp.unwrap());
                let (script, keep) = (Arc::clone(&script), Arc::clone(&keep));
                // the client's leaving ends it, as an error or not
                thread::spawn(move || drop(converse(tcp, config, number, &*script, &keep)));
            }
        });
        Self { certificates, port, seen }
    }

    pub(crate) fn port(&self) -> u16 {
        self.port
    }

    /// The requests so far.
    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }
}

/// A server that asks for a certificate of the authority.
fn config(certificates: &Certificates) -> ServerConfig {
    let provider = Arc::new(aws_lc_rs::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(certificates.chain("ca.pem").remove(0)).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider));
    ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(certificates.chain("server.pem"), certificates.key("server.key"))
        .unwrap()
}

fn converse(
    mut tcp: TcpStream,
    config: Arc<ServerConfig>,
    connection: usize,
    script: &dyn Fn(&Seen) -> Reply,
    keep: &Mutex<Vec<Seen>>,
) -> std::io::Result<()> {
    let mut tls = ServerConnection::new(config).unwrap();
    while tls.is_handshaking() {
        if tls.complete_io(&mut tcp).is_err() {
            return leave(&mut tcp);
        }
    }
    let mut stream = StreamOwned::new(tls, tcp);
    while let Some(request) = read(&mut stream, connection)? {
        keep.lock().unwrap().push(request.clone());
        match script(&request) {
            Reply::Bytes(bytes) => stream.write_all(&bytes)?,
            Reply::Last(bytes) => {
                stream.write_all(&bytes)?;
                stream.conn.send_close_notify();
                stream.flush()?;
                return leave(&mut stream.sock);
            }
            Reply::Cut(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                return leave(&mut stream.sock);
            }
            Reply::Endless(first, then) => {
                stream.write_all(&first)?;
                loop {
                    stream.write_all(&then)?;
                }
            }
            Reply::Hold(bytes) => {
                stream.write_all(&bytes)?;
                stream.flush()?;
                stream.read_to_end(&mut Vec::new())?;
            }
        }
        stream.flush()?;
    }
    // a gate answers a goodbye with its own
    stream.conn.send_close_notify();
    stream.flush()
}

/// One request; none when the client has gone.
fn read(stream: &mut impl Read, connection: usize) -> std::io::Result<Option<Seen>> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        if stream.read(&mut byte)? == 0 {
            return Ok(None);
        }
        head.push(byte[0]);
    }
    let head = String::from_utf8(head).unwrap();
    let mut lines = head.lines();
    let line = lines.next().unwrap().strip_suffix(" HTTP/1.1").unwrap().to_owned();
    let headers: Vec<_> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.to_owned()))
        .collect();
    let length = headers.iter().find(|(name, _)| name == "content-length");
    let mut body = vec![0; length.map_or(0, |(_, value)| value.parse().unwrap())];
    stream.read_exact(&mut body)?;
    Ok(Some(Seen { line, headers, body: String::from_utf8(body).unwrap(), connection }))
}

/// Ends our side, and reads what still comes: closing over unread bytes would take what we said with it.
fn leave(tcp: &mut TcpStream) -> std::io::Result<()> {
    tcp.shutdown(std::net::Shutdown::Write)?;
    tcp.read_to_end(&mut Vec::new()).map(drop)
}

/// The login lane of a gate: this reply to each call.
pub(crate) struct LoginLane {
    pub(crate) certificates: Certificates,
    pub(crate) port: u16,
}

impl LoginLane {
    pub(crate) fn start(reply: Vec<u8>) -> Self {
        let certificates = Certificates::new();
        let mut config = config(&certificates);
        config.alpn_protocols = vec![b"tsm-login".to_vec()];
        let config = Arc::new(config);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        thread::spawn(move || {
            for tcp in listener.incoming() {
                let tls = ServerConnection::new(Arc::clone(&config)).unwrap();
                let mut stream = StreamOwned::new(tls, tcp.unwrap());
                let mut call = [0; 18];
                stream.read_exact(&mut call).unwrap();
                stream.write_all(&reply).unwrap();
                stream.flush().unwrap();
                let _ = stream.read_to_end(&mut Vec::new());
            }
        });
        Self { certificates, port }
    }
}
