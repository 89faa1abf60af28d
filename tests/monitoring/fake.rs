//! A gate of which only what is looked at exists, behind the real doors.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use tempfile::TempDir;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tsmgate_server::metrics::{Metrics, Requests};
use tsmgate_server::observe::{Door, Listener, Observed, serve};
use tsmgate_server::status::{
    ApiLane, Ending, Enrolment, LastLogin, LastReload, LocalCaller, LocalDoor, OwnSession, Status,
};

/// Longer than any answer takes here.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is looked at.
pub struct Fake {
    pub metrics: Metrics,
    pub status: Mutex<Status>,
    pub outcome: Mutex<Result<(), String>>,
    /// Reloads that have begun, and that are done.
    pub begun: AtomicUsize,
    pub done: AtomicUsize,
    /// How many reloads may be done.
    pub leave: Semaphore,
}

impl Fake {
    pub fn new() -> Arc<Self> {
        Arc::new(Self {
            metrics: Metrics::new(),
            status: Mutex::new(status()),
            outcome: Mutex::new(Ok(())),
            begun: AtomicUsize::new(0),
            done: AtomicUsize::new(0),
            leave: Semaphore::new(Semaphore::MAX_PERMITS),
        })
    }
}

impl Observed for Fake {
    fn status(&self) -> Status {
        self.status.lock().unwrap().clone()
    }

    fn metrics(&self) -> &Metrics {
        &self.metrics
    }

    async fn reload(&self) -> Result<(), String> {
        self.begun.fetch_add(1, Ordering::SeqCst);
        self.leave.acquire().await.unwrap().forget();
        self.done.fetch_add(1, Ordering::SeqCst);
        self.outcome.lock().unwrap().clone()
    }
}

/// A gate that is well.
pub fn status() -> Status {
    let ending = |kind: &str, name: &str, days: i64| Ending {
        kind: kind.into(),
        name: name.into(),
        at: "2027-01-01T00:00:00Z".into(),
        seconds: days * 86_400 + 60,
    };
    Status {
        version: "0.1.0".into(),
        pid: 4711,
        started: "2026-11-22T12:00:00Z".into(),
        address: "127.0.0.1:8850".into(),
        ready: true,
        trouble: Vec::new(),
        warnings: Vec::new(),
        unproven: 2,
        proven: 3,
        logins: 120,
        last_login: Some(LastLogin { client: "jump01".into(), at: "2026-11-22T12:30:00Z".into() }),
        reload: Some(LastReload { at: "2026-11-22T12:10:00Z".into(), fault: None }),
        reloads: 1,
        audit_head: format!("42:{}", "ab".repeat(32)),
        audit_writable: true,
        tsm_failing: None,
        command: None,
        local: Some(LocalDoor {
            socket: "/run/tsmgate/local.sock".into(),
            entries: vec!["group tableau-support".into()],
            callers: vec![LocalCaller { name: "local:alice".into(), connections: 1 }],
        }),
        api: Some(ApiLane {
            controller: "localhost:8850".into(),
            certificate_sha256: Some("AB".repeat(32)),
            authority: None,
            certificate_until: Some("2027-06-01T00:00:00Z".into()),
            tsm_failing: None,
            requests: Requests { granted: 600, failed: 4, refused: 2 },
            session: Some(OwnSession { age_seconds: 3600, left_seconds: 2880 }),
        }),
        enrolment: Some(Enrolment {
            folder: "/var/lib/tsmgate-authority/gate".into(),
            clients: 7,
            left_out: 1,
            readable: true,
            trouble: vec!["enrolment: left out: clients.d/bad.toml".into()],
        }),
        endings: vec![
            ending("revocation_list", "CN=tests", 1),
            ending("server", "server.pem", 12),
            ending("client", "jump01", 90),
        ],
        sandbox: "full".into(),
    }
}

/// A door that is open; closed when dropped.
pub struct Open {
    folder: TempDir,
    address: Option<SocketAddr>,
    task: JoinHandle<()>,
}

impl Open {
    /// A door at a Unix socket that every user of this host may connect to.
    pub fn unix(door: Door, fake: &Arc<Fake>) -> Self {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("socket");
        let listener = Listener::Unix(UnixListener::bind(&path).unwrap());
        for (path, mode) in [(folder.path(), 0o755), (&*path, 0o666)] {
            std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
        }
        let task = tokio::spawn(serve(listener, door, Arc::clone(fake)));
        Self { folder, address: None, task }
    }

    /// A door at a port of the loopback.
    pub async fn tcp(door: Door, fake: &Arc<Fake>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = Some(listener.local_addr().unwrap());
        let task = tokio::spawn(serve(Listener::Tcp(listener), door, Arc::clone(fake)));
        Self { folder: tempfile::tempdir().unwrap(), address, task }
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    pub fn socket(&self) -> PathBuf {
        self.folder.path().join("socket")
    }

    pub async fn connect(&self) -> Box<dyn Stream> {
        match self.address {
            Some(address) => Box::new(TcpStream::connect(address).await.unwrap()),
            None => Box::new(UnixStream::connect(self.socket()).await.unwrap()),
        }
    }

    /// What comes back for these bytes, until the door closes.
    pub async fn exchange(&self, bytes: impl AsRef<[u8]>) -> Reply {
        let mut stream = self.connect().await;
        // a door that closes at once is no fault of the test's
        let _ = stream.write_all(bytes.as_ref()).await;
        Reply::of(stream).await
    }

    /// `GET path`, or another method.
    pub async fn ask(&self, method: &str, path: &str) -> Reply {
        self.exchange(format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\n\r\n")).await
    }
}

impl Drop for Open {
    fn drop(&mut self) {
        self.task.abort();
    }
}

pub trait Stream: AsyncRead + AsyncWrite + Unpin + Send {}
impl<T: AsyncRead + AsyncWrite + Unpin + Send> Stream for T {}

/// An answer, as text; all of it is empty where the door just closed.
#[derive(Debug)]
pub struct Reply {
    pub code: u16,
    pub head: String,
    pub body: String,
    /// Whether it ended as it should, and not with a reset that on a longer way could overtake it.
    pub ended: bool,
}

impl Reply {
    /// Reads until the other side closes.
    pub async fn of(mut stream: impl AsyncRead + Unpin) -> Self {
        let mut bytes = Vec::new();
        let read = timeout(PATIENCE, stream.read_to_end(&mut bytes));
        let ended = read.await.expect("the door closes after its answer").is_ok();
        let text = String::from_utf8(bytes).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap_or((&text, ""));
        let code = head.split(' ').nth(1).map_or(0, |code| code.parse().unwrap());
        Self { code, head: head.to_lowercase(), body: body.to_owned(), ended }
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }
}
