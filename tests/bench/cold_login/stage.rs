//! What all targets share: a folder with certificates made for this run, the login server's socket, and
//! the clients that come and those that must not.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicU64;

use tempfile::TempDir;
use tests::{Authority, Identity};

use crate::tsm;

/// The certificate all servers show.
pub const CERTIFICATE: &str = "server.pem";
/// Its key.
pub const KEY: &str = "server.key";
/// Both in one file, as HAProxy wants it.
pub const BOTH: &str = "both.pem";
/// The authority whose clients count.
pub const AUTHORITY: &str = "client-ca.pem";
/// The login server's one reply.
pub const REPLY: &str = "reply";
/// The login server's socket.
pub const SOCKET: &str = "tsm/login";
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
}

impl Stage {
    /// Makes the certificates and starts the login server.
    pub fn new() -> anyhow::Result<Self> {
        let authority = Authority::new("cold-login");
        let server = authority.server(|_| {});
        let folder = tempfile::Builder::new().prefix("cold-login-").tempdir()?;
        let reply = tsm::reply()?;
        std::fs::create_dir(folder.path().join("tsm"))?;
        std::fs::create_dir(folder.path().join("log"))?;
        let answered = tsm::start(&folder.path().join(SOCKET), reply.clone())?;
        let stage = Self {
            folder,
            authority: authority.pem(),
            client: authority.client(CLIENT),
            stranger: Authority::new("cold-login").client(CLIENT),
            reply,
            answered,
        };
        stage.write(CERTIFICATE, &server.chain)?;
        stage.write(KEY, &server.key)?;
        stage.write(BOTH, &format!("{}{}", server.chain, server.key))?;
        stage.write(AUTHORITY, &stage.authority)?;
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

    /// Writes a file that nobody else may read.
    pub fn write(&self, name: &str, contents: &str) -> std::io::Result<()> {
        std::fs::write(self.path(name), contents)?;
        std::fs::set_permissions(self.path(name), Permissions::from_mode(0o600))
    }
}
