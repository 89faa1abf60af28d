//! A stage: an authority in a folder, the service before it, and hosts that speak its protocol themselves.

use std::fs::Permissions;
use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rcgen::{CertificateParams, KeyPair};
use serde_json::{Value, json};
use tempfile::TempDir;
use tests::peer::{rest, send};
use tests::program::Gated;
use tests::{Identity, Peer};
use time::{Duration, OffsetDateTime};
use tsmgate_pki::enrolment::{InviteOrder, Token, invite};
use tsmgate_pki::{Authority, InitOptions};
use tsmgate_server::audit::verify::verify;

/// Lines of the configuration that a test may change.
pub struct Options {
    /// Of certificates.
    pub life: &'static str,
    /// More lines for `[admission]`.
    pub admission: &'static str,
    /// The folder that the gate reads, where it is not the stage's own.
    pub published: Option<PathBuf>,
    /// The audit's file, where it is not the stage's own.
    pub audit: Option<PathBuf>,
    /// Where the gate is said to be.
    pub gate: String,
}

impl Default for Options {
    fn default() -> Self {
        let admission =
            "source_rate = { per_minute = 60000, burst = 10000 }\nexempt = [\"127.0.0.1\"]";
        let gate = "tsm.example.com:18850".to_owned();
        Self { life: "30d", admission, published: None, audit: None, gate }
    }
}

/// An authority and its service.
pub struct Stage {
    folder: TempDir,
    authority: String,
    options: Options,
    service: Option<Gated>,
}

impl Stage {
    /// A stage of its own, and the service running.
    pub fn start() -> Self {
        Self::with(Options::default())
    }

    /// The same with other settings.
    pub fn with(options: Options) -> Self {
        let mut stage = Self::prepared(options);
        stage.run();
        stage
    }

    /// The same, and the service not started yet.
    pub fn prepared(options: Options) -> Self {
        // in memory where there is some: each record is forced to disk
        let folder = tempfile::tempdir_in("/dev/shm").or_else(|_| tempfile::tempdir()).unwrap();
        let authority =
            Authority::init(&folder.path().join("pki"), InitOptions::default()).unwrap();
        let authority = std::fs::read_to_string(authority.certificate()).unwrap();
        std::fs::create_dir(folder.path().join("log")).unwrap();
        let stage = Self { folder, authority, options, service: None };
        stage.configure("");
        stage
    }

    /// Writes the configuration, with more lines at its end.
    pub fn configure(&self, more: &str) {
        let Options { life, admission, published, audit, gate } = &self.options;
        let published = published.clone().unwrap_or_else(|| self.path("gate"));
        let audit = audit.clone().unwrap_or_else(|| self.path("log/audit.jsonl"));
        let text = format!(
            "[listen]\naddress = \"127.0.0.1:0\"\nnames = [\"localhost\", \"127.0.0.1\"]\n\
             [authority]\nfolder = \"pki\"\n\
             [gate]\naddress = \"{gate}\"\npublished = {published:?}\n\
             [certificates]\nlife = \"{life}\"\n\
             [audit]\nfile = {audit:?}\n\
             [admission]\nallow = [\"127.0.0.0/8\"]\n{admission}\n{more}"
        );
        self.write("authority.toml", &text, 0o600);
    }

    /// Writes a file into the stage's folder.
    pub fn write(&self, name: &str, text: &str, mode: u32) {
        let path = self.path(name);
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(path, Permissions::from_mode(mode)).unwrap();
    }

    /// Says where the gate is, to the running service too.
    pub fn tell_of_gate(&mut self, address: String) {
        self.options.gate = address;
        self.configure("");
        self.service().signal(nix::sys::signal::Signal::SIGHUP);
        self.service().line_with("reloaded");
    }

    /// Starts the service.
    pub fn run(&mut self) {
        self.run_in::<&str>(&[]);
    }

    /// The same with another program before it.
    pub fn run_in<S: AsRef<std::ffi::OsStr>>(&mut self, wrap: &[S]) {
        let config = self.path("authority.toml");
        let service = Gated::start_program("tsmgate-authority", &config, wrap, &[], Stdio::null());
        service.address();
        self.service = Some(service);
    }

    /// The running service.
    pub fn service(&self) -> &Gated {
        self.service.as_ref().unwrap()
    }

    /// Ends the service at once, as a crash does.
    pub fn kill(&mut self) {
        let mut service = self.service.take().unwrap();
        service.signal(nix::sys::signal::Signal::SIGKILL);
        service.wait();
    }

    /// Stops the service in order; its whole log.
    pub fn stop(&mut self) -> Vec<String> {
        let mut service = self.service.take().unwrap();
        service.signal(nix::sys::signal::Signal::SIGTERM);
        let (status, log) = service.end();
        assert_eq!(status.code(), Some(0), "{log:#?}");
        log
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.service().address()
    }

    /// A path in the stage's folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The authority's certificate, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Invites a host for an hour, as an operator.
    pub fn invite(&self, name: &str) -> Token {
        self.invite_with(name, |_| {})
    }

    /// The same, otherwise.
    pub fn invite_with(&self, name: &str, change: impl FnOnce(&mut InviteOrder)) -> Token {
        self.invite_at(name, OffsetDateTime::now_utc(), change)
    }

    /// The same at another time.
    pub fn invite_at(
        &self,
        name: &str,
        now: OffsetDateTime,
        change: impl FnOnce(&mut InviteOrder),
    ) -> Token {
        let mut order = InviteOrder {
            name: name.parse().unwrap(),
            roles: vec!["operator".into(), "login".into()],
            networks: Vec::new(),
            valid: Duration::HOUR,
            replace: false,
        };
        change(&mut order);
        invite(&self.path("pki"), &order, now).unwrap().0
    }

    /// A peer with this certificate, or none.
    pub fn peer(&self, identity: Option<&Identity>) -> Peer {
        Peer::new(self.address(), &self.authority, identity).offering(&["http/1.1"])
    }

    /// Joins by a token with this request.
    pub async fn join(&self, token: &Token, request: &str) -> Answer {
        self.try_join(token, request).await.unwrap()
    }

    /// The same, where the service may be gone.
    pub async fn try_join(&self, token: &Token, request: &str) -> io::Result<Answer> {
        let secret = token.secret.to_text();
        let body = json!({ "name": token.name.as_str(), "secret": *secret, "request": request });
        post(&self.peer(None), "/v1/join", &body).await
    }

    /// Renews with a certificate.
    pub async fn renew(&self, identity: &Identity, request: &str) -> Answer {
        post(&self.peer(Some(identity)), "/v1/renew", &json!({ "request": request })).await.unwrap()
    }

    /// Joins a host of that name, and gives what it then holds.
    pub async fn joined(&self, name: &str) -> (Identity, Value) {
        let key = KeyPair::generate().unwrap();
        let answer = self.join(&self.invite(name), &request(&key)).await;
        assert_eq!(answer.status, 200, "{answer:?}");
        (identity(&answer.body, &key), answer.body)
    }

    /// The records so far, whole ones.
    pub fn audit(&self) -> Vec<Value> {
        let text = std::fs::read_to_string(self.path("log/audit.jsonl")).unwrap_or_default();
        let whole = text.rfind('\n').map_or(0, |end| end + 1);
        text[..whole].lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    /// The records of an action.
    pub fn records(&self, action: &str) -> Vec<Value> {
        self.audit().into_iter().filter(|line| line["event.action"] == action).collect()
    }

    /// Waits for a record of this reason.
    pub fn record_because(&self, reason: &str) -> Value {
        tests::wait::until_blocking(&format!("a record because of {reason}"), || {
            self.audit().into_iter().find(|line| line["event.reason"] == reason)
        })
    }

    /// Checks the chain of the record.
    pub fn verify(&self) {
        let text = std::fs::read(self.path("log/audit.jsonl")).unwrap();
        verify(text.as_slice(), None).unwrap();
    }

    /// What is on the authority's index.
    pub fn index(&self) -> Vec<tsmgate_pki::Entry> {
        Authority::list(&self.path("pki")).unwrap()
    }

    /// The entry that the gate reads of a host.
    pub fn entry(&self, name: &str) -> Option<toml::Table> {
        let text =
            std::fs::read_to_string(self.path(&format!("gate/clients.d/{name}.toml"))).ok()?;
        Some(text.parse().unwrap())
    }
}

/// An answer of the service.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// Of HTTP.
    pub status: u16,
    /// The header, as it came.
    pub header: String,
    /// The body.
    pub body: Value,
}

impl Answer {
    /// The code of a refusal, with its status.
    pub fn refusal(&self) -> (u16, &str) {
        (self.status, self.body["error"]["code"].as_str().unwrap_or_default())
    }
}

/// One request of JSON.
pub async fn post(peer: &Peer, path: &str, body: &Value) -> io::Result<Answer> {
    let body = body.to_string();
    let length = body.len();
    let head =
        format!("POST {path} HTTP/1.1\r\nhost: localhost\r\ncontent-length: {length}\r\n\r\n");
    say(peer, format!("{head}{body}").as_bytes()).await
}

/// Sends bytes and reads an answer.
pub async fn say(peer: &Peer, bytes: &[u8]) -> io::Result<Answer> {
    let mut stream = peer.connect().await?;
    send(&mut stream, bytes).await?;
    let (answer, error) = rest(&mut stream).await;
    let text = String::from_utf8(answer).unwrap();
    let Some((header, body)) = text.split_once("\r\n\r\n") else {
        return Err(error.unwrap_or_else(|| io::ErrorKind::UnexpectedEof.into()));
    };
    let status = header.split(' ').nth(1).unwrap().parse().unwrap();
    let body = serde_json::from_str(body).unwrap_or(Value::String(body.to_owned()));
    Ok(Answer { status, header: header.to_owned(), body })
}

/// A request for a key.
pub fn request(key: &KeyPair) -> String {
    CertificateParams::default().serialize_request(key).unwrap().pem().unwrap()
}

/// What a host holds after an answer.
pub fn identity(body: &Value, key: &KeyPair) -> Identity {
    let chain = body["certificate"].as_str().unwrap().to_owned();
    let certificate = leaf(&chain);
    Identity { chain, key: key.serialize_pem(), serial: certificate.serial_number }
}

/// What a chain's first certificate says.
pub fn leaf(chain: &str) -> tsmgate_pki::inspect::CertificateView {
    use rustls_pki_types::CertificateDer;
    use rustls_pki_types::pem::PemObject;
    let der = CertificateDer::from_pem_slice(chain.as_bytes()).unwrap();
    tsmgate_pki::inspect::inspect_certificate(&der, OffsetDateTime::now_utc()).unwrap()
}

/// All files below a folder, by their names.
pub fn files(folder: &Path) -> Vec<String> {
    let mut found: Vec<_> = std::fs::read_dir(folder)
        .into_iter()
        .flatten()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    found.sort();
    found
}
