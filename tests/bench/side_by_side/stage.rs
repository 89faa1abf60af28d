//! What all targets share: a folder with certificates made for this run, the login server's socket, and
//! the clients that come and those that must not.

use std::cell::Cell;
use std::fs::Permissions;
use std::net::{Ipv4Addr, TcpListener};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use anyhow::Context;
use tempfile::TempDir;
use tests::{Authority, Identity};

use crate::tsm;

/// The certificate all servers show.
pub const CERTIFICATE: &str = "server.pem";
/// Its key.
pub const KEY: &str = "server.key";
/// Both in one file, as HAProxy wants it.
pub const BOTH: &str = "both.pem";
/// The authority whose clients count, and that issued the servers' certificate.
pub const AUTHORITY: &str = "client-ca.pem";
/// The login server's one reply.
pub const REPLY: &str = "reply";
/// The login server's socket.
pub const SOCKET: &str = "tsm/login";
/// The certificate and the key of the client that may, for programs.
pub const CLIENT_CERTIFICATE: &str = "client.pem";
/// Its key.
pub const CLIENT_KEY: &str = "client.key";
/// The name of the client that may.
pub const CLIENT: &str = "bench";

/// The stage; its folder goes when it is dropped.
pub struct Stage {
    folder: TempDir,
    /// The authority's certificate, PEM.
    pub authority: String,
    /// Who may.
    pub client: Identity,
    /// Somebody of the same name from an authority nobody trusts.
    pub stranger: Identity,
    /// The one reply.
    pub reply: Vec<u8>,
    /// How many calls the login server has answered.
    pub answered: Arc<AtomicU64>,
    /// Where the search for a free port goes on.
    next_port: Cell<u16>,
}

/// Below the ports from which clients connect: one of those must not have it while a server is stopped.
const FIRST_PORT: u16 = 20_000;

impl Stage {
    /// Makes the certificates and starts the login server.
    pub fn new() -> anyhow::Result<Self> {
        let authority = Authority::new("side-by-side");
        let server = authority.server(|_| {});
        let folder = tempfile::Builder::new().prefix("side-by-side-").tempdir()?;
        let reply = tsm::reply()?;
        std::fs::create_dir(folder.path().join("tsm"))?;
        std::fs::create_dir(folder.path().join("log"))?;
        let answered = tsm::start(&folder.path().join(SOCKET), reply.clone())?;
        let stage = Self {
            folder,
            authority: authority.pem(),
            client: authority.client(CLIENT),
            stranger: Authority::new("side-by-side").client(CLIENT),
            reply,
            answered,
            next_port: Cell::new(FIRST_PORT),
        };
        stage.write(CERTIFICATE, &server.chain)?;
        stage.write(KEY, &server.key)?;
        stage.write(BOTH, &format!("{}{}", server.chain, server.key))?;
        stage.write(AUTHORITY, &stage.authority)?;
        stage.write(CLIENT_CERTIFICATE, &stage.client.chain)?;
        stage.write(CLIENT_KEY, &stage.client.key)?;
        std::fs::write(stage.path(REPLY), &stage.reply)?;
        Ok(stage)
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    /// A path in the folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A port that is free, and that nobody else of this run is given.
    pub fn free_port(&self) -> anyhow::Result<u16> {
        let free = |port: &u16| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok();
        let port = (self.next_port.get()..FIRST_PORT + 10_000).find(free).context("no port")?;
        self.next_port.set(port + 1);
        Ok(port)
    }

    /// A path in the folder, as other programs' configurations take it.
    pub fn text(&self, name: &str) -> anyhow::Result<String> {
        let path = self.path(name);
        let text = path.to_str().context("the temporary folder's name is not UTF-8")?;
        let plain = |c: char| c.is_ascii_alphanumeric() || "/._-".contains(c);
        anyhow::ensure!(text.chars().all(plain), "the folder's name has odd characters: {text}");
        Ok(text.to_owned())
    }

    /// Writes a file that nobody else may read.
    pub fn write(&self, name: &str, contents: &str) -> std::io::Result<()> {
        std::fs::write(self.path(name), contents)?;
        std::fs::set_permissions(self.path(name), Permissions::from_mode(0o600))
    }
}
