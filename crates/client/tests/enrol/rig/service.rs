//! The service, and the gate behind the same port: TLS 1.3, a client certificate where there is one, and one
//! scripted answer to each request.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE64URL_NOPAD;
use rustls::crypto::aws_lc_rs as provider_of;
use rustls::pki_types::CertificateDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};
use serde_json::{Value, json};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::enrolment::Token;
use tsmgate_pki::time_text;

use super::authority::{Authority, Life};
use super::{WHO, life};

/// A request as it came.
#[derive(Debug, Clone)]
pub(crate) struct Asked {
    /// `POST /v1/join`.
    pub(crate) line: String,
    pub(crate) body: Value,
    /// What the client showed.
    pub(crate) client: Option<CertificateDer<'static>>,
}

/// What comes back.
pub(crate) enum Reply {
    /// A whole answer.
    Json(u16, String),
    /// These bytes, and the end.
    Bytes(Vec<u8>),
    /// Nothing, until the client goes.
    Hold,
    /// The end.
    Close,
}

impl Reply {
    /// The service's own error.
    pub(crate) fn refused(status: u16, code: &str) -> Self {
        let body = json!({"error": {"code": code, "message": "no \u{1b}[31m", "hint": "theirs"}});
        Self::Json(status, body.to_string())
    }
}

pub(crate) struct Service {
    pub(crate) authority: Arc<Authority>,
    port: u16,
    asked: Arc<Mutex<Vec<Asked>>>,
}

type Script = dyn Fn(&Grant, &Asked) -> Option<Reply> + Send + Sync;

/// What a script may give.
pub(crate) struct Grant {
    pub(crate) authority: Arc<Authority>,
    port: u16,
}

impl Grant {
    /// The answer to a request with this certificate.
    pub(crate) fn enrolled(&self, certificate: &str) -> Value {
        let now = time_text(OffsetDateTime::now_utc());
        json!({
            "certificate": certificate, "authority": self.authority.pem,
            "gate": {"address": format!("localhost:{}", self.port), "authority": self.authority.pem},
            "client": {"name": "jump01", "roles": ["operator", "login"], "networks": ["127.0.0.0/8"]},
            "not_before": now, "not_after": now, "now": now,
        })
    }

    /// A certificate for the key that asks.
    pub(crate) fn sign(&self, name: &str, asked: &Asked, life: Life) -> String {
        self.authority.sign(name, asked.body["request"].as_str().unwrap(), life)
    }

    /// The same as a whole answer.
    pub(crate) fn grant(&self, name: &str, asked: &Asked, life: Life) -> Reply {
        Reply::Json(200, self.enrolled(&self.sign(name, asked, life)).to_string())
    }
}

impl Service {
    /// One that gives everybody 30 days.
    pub(crate) fn start() -> Self {
        Self::scripted(|_, _| None)
    }

    /// One that answers by this script, and as [`Service::start`] where that says nothing.
    pub(crate) fn scripted(
        script: impl Fn(&Grant, &Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        Self::showing("localhost", life(-1..24), script)
    }

    /// One whose own certificate has this name and this life.
    pub(crate) fn showing(
        name: &str,
        life: Life,
        script: impl Fn(&Grant, &Asked) -> Option<Reply> + Send + Sync + 'static,
    ) -> Self {
        let authority = Arc::new(Authority::new());
        let config = Arc::new(config(&authority, name, life));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let asked: Arc<Mutex<Vec<Asked>>> = Arc::default();
        let (script, keep): (Arc<Script>, _) = (Arc::new(script), Arc::clone(&asked));
        let grant = Arc::new(Grant { authority: Arc::clone(&authority), port });
        thread::spawn(move || {
            for tcp in listener.incoming() {
                let (config, script) = (Arc::clone(&config), Arc::clone(&script));
                let (grant, keep) = (Arc::clone(&grant), Arc::clone(&keep));
                // the client's leaving ends it, as an error or not
                thread::spawn(move || {
                    drop(converse(tcp.unwrap(), config, &grant, &*script, &keep))
                });
            }
        });
        Self { authority, port, asked }
    }

    pub(crate) fn address(&self) -> String {
        format!("localhost:{}", self.port)
    }

    /// The requests so far.
    pub(crate) fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().clone()
    }

    /// A token of an invite for `jump01` that is good for so many seconds from now.
    pub(crate) fn token(&self, seconds: i64) -> Token {
        token(&self.address(), &self.authority, seconds)
    }
}

/// A token for a service at that address, of that authority, byte by byte as invites have it.
pub(crate) fn token(address: &str, authority: &Authority, seconds: i64) -> Token {
    let sha256 = |bytes: &[u8]| digest(&SHA256, bytes).as_ref().to_vec();
    let mut bytes = vec![1];
    bytes.extend((OffsetDateTime::now_utc().unix_timestamp() + seconds).to_be_bytes());
    bytes.extend(sha256(&authority.der()));
    bytes.extend(sha256(address.as_bytes()));
    for text in ["jump01", address] {
        bytes.extend(u16::try_from(text.len()).unwrap().to_be_bytes());
        bytes.extend(text.as_bytes());
    }
    let check = sha256(&bytes);
    bytes.extend(&check[..4]);
    format!("tsmgate-join-{}", BASE64URL_NOPAD.encode(&bytes)).parse().unwrap()
}

fn config(authority: &Authority, name: &str, life: Life) -> ServerConfig {
    let provider = Arc::new(provider_of::default_provider());
    let mut roots = RootCertStore::empty();
    roots.add(authority.der()).unwrap();
    let verifier = WebPkiClientVerifier::builder_with_provider(roots.into(), Arc::clone(&provider))
        .allow_unauthenticated();
    let (certificate, key) = authority.server(name, life);
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_protocol_versions(&[&rustls::version::TLS13])
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate, authority.der()], key)
        .unwrap();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    config
}

fn converse(
    mut tcp: TcpStream,
    config: Arc<ServerConfig>,
    grant: &Grant,
    script: &Script,
    keep: &Mutex<Vec<Asked>>,
) -> std::io::Result<()> {
    let mut tls = ServerConnection::new(config).unwrap();
    while tls.is_handshaking() {
        if tls.complete_io(&mut tcp).is_err() {
            return leave(&mut tcp);
        }
    }
    let client = tls.peer_certificates().and_then(|shown| shown.first().cloned());
    let mut stream = StreamOwned::new(tls, tcp);
    let (line, body) = read(&mut stream)?;
    let asked = Asked { line, body, client };
    keep.lock().unwrap().push(asked.clone());
    let reply = script(grant, &asked).unwrap_or_else(|| match &*asked.line {
        "GET /v1/whoami" => Reply::Json(200, WHO.to_owned()),
        _ => {
            let now = OffsetDateTime::now_utc();
            grant.grant("jump01", &asked, (now - Duration::MINUTE, now + Duration::days(30)))
        }
    });
    match reply {
        Reply::Json(status, body) => {
            let length = body.len();
            let head = format!("HTTP/1.1 {status} X\r\nContent-Type: application/json\r\n");
            write!(stream, "{head}Connection: close\r\nContent-Length: {length}\r\n\r\n{body}")?;
        }
        Reply::Bytes(bytes) => stream.write_all(&bytes)?,
        Reply::Hold => {
            stream.read_to_end(&mut Vec::new())?;
        }
        Reply::Close => {}
    }
    stream.conn.send_close_notify();
    stream.flush()?;
    leave(&mut stream.sock)
}

fn read(stream: &mut impl Read) -> std::io::Result<(String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line)? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        if line == "\r\n" {
            break;
        }
        head.push(line.trim_end().to_owned());
    }
    let length = head
        .iter()
        .find_map(|line| line.to_lowercase().strip_prefix("content-length: ").map(str::to_owned));
    let mut body = vec![0; length.map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let line = head[0].rsplit_once(' ').unwrap().0.to_owned();
    Ok((line, serde_json::from_slice(&body).unwrap_or_default()))
}

/// Ends our side, and reads what the client still sends: closing over unread bytes would reset the connection.
fn leave(tcp: &mut TcpStream) -> std::io::Result<()> {
    tcp.shutdown(std::net::Shutdown::Write)?;
    tcp.read_to_end(&mut Vec::new())?;
    Ok(())
}
