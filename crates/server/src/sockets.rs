//! The sockets that others come to: the gate's own, which systemd may hand over, and those on which the
//! daemon is looked at.
//!
//! All of them are opened before the sandbox is entered and before any thread is started.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use listenfd::ListenFd;
use rustix::fs::Mode;
use rustix::net::sockopt::socket_acceptconn;

use crate::config::{Config, MetricsAddress};
use tsmgate_settings::sockets;

/// Connections that wait for us; as many as the system allows, so that a restart loses none.
const BACKLOG: i32 = 4096;
/// The name of the status socket in the folder that systemd makes for us (`RuntimeDirectory=`).
const STATUS: &str = "status.sock";

/// Everything that listens.
#[derive(Debug)]
pub struct Sockets {
    /// The gate.
    pub gate: TcpListener,
    /// Where that is.
    pub address: SocketAddr,
    /// Whether systemd holds it, so that it goes on queueing when we stop.
    pub passed: bool,
    /// Where `tsmgated status` asks; absent where nobody made a folder for it.
    pub status: Option<UnixListener>,
    /// Where metrics are shown.
    pub metrics: Option<MetricsSocket>,
}

/// Where metrics are shown.
#[derive(Debug)]
pub enum MetricsSocket {
    /// On a Unix socket.
    Unix(UnixListener),
    /// On a port of this host for this host.
    Loopback(TcpListener),
}

/// A socket that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {place}: {cause}")]
pub struct SocketFault {
    place: String,
    cause: io::Error,
}

impl Sockets {
    /// Takes the socket that systemd hands over, or opens the configured one; and the others.
    ///
    /// # Errors
    /// One cannot be opened, what was handed over is not one listening TCP socket, or others could
    /// replace the metrics' socket.
    pub fn open(config: &Config) -> Result<Self, SocketFault> {
        let (gate, passed) = match passed()? {
            Some(gate) => (gate, true),
            None => (bind(config.listen)?, false),
        };
        let fault = |cause| SocketFault { place: config.listen.to_string(), cause };
        let address = gate.local_addr().map_err(fault)?;
        let status = match std::env::var_os("RUNTIME_DIRECTORY") {
            // systemd gives several folders with colons between them; ours is the first
            Some(folders) if !folders.is_empty() => {
                let folder = std::env::split_paths(&folders).next().unwrap_or_default();
                Some(bind_unix(&folder.join(STATUS), Mode::from_raw_mode(0o177))?)
            }
            _ => None,
        };
        let metrics = match &config.metrics {
            None => None,
            // who reaches the folder may look: there is no secret in metrics
            Some(MetricsAddress::Unix(path)) => {
                let fault = |cause| SocketFault { place: path.display().to_string(), cause };
                sockets::check_folder(path).map_err(fault)?;
                Some(MetricsSocket::Unix(bind_unix(path, Mode::from_raw_mode(0o111))?))
            }
            Some(MetricsAddress::Loopback(address)) => {
                Some(MetricsSocket::Loopback(bind(*address)?))
            }
        };
        Ok(Self { gate, address, passed, status, metrics })
    }
}

/// The socket that systemd hands over, where it does.
fn passed() -> Result<Option<TcpListener>, SocketFault> {
    let fault = |cause| SocketFault { place: "the socket that systemd handed over".into(), cause };
    let mut passed = ListenFd::from_env();
    // whoever came to another one would wait for ever
    if passed.len() > 1 {
        let what = format!("there are {}; the socket unit needs one ListenStream=", passed.len());
        return Err(fault(io::Error::new(io::ErrorKind::InvalidInput, what)));
    }
    let passed = passed.take_tcp_listener(0).map_err(fault)?;
    // a TCP socket that nobody told to listen would be accepted from for ever, in vain
    if let Some(gate) = &passed
        && !socket_acceptconn(gate).map_err(|errno| fault(errno.into()))?
    {
        let what = "it does not listen; the socket unit needs ListenStream= and Accept=no";
        return Err(fault(io::Error::new(io::ErrorKind::InvalidInput, what)));
    }
    if let Some(gate) = &passed {
        gate.set_nonblocking(true).map_err(fault)?;
    }
    Ok(passed)
}

fn bind(address: SocketAddr) -> Result<TcpListener, SocketFault> {
    let fault = |cause| SocketFault { place: address.to_string(), cause };
    let listener = TcpListener::bind(address).map_err(fault)?;
    rustix::net::listen(&listener, BACKLOG).map_err(|errno| fault(errno.into()))?;
    listener.set_nonblocking(true).map_err(fault)?;
    Ok(listener)
}

/// A Unix socket whose mode lacks the bits of `mask` from its first moment on. What an earlier life left
/// there is removed; what another process listens on is not.
fn bind_unix(path: &Path, mask: Mode) -> Result<UnixListener, SocketFault> {
    let fault = |cause| SocketFault { place: PathBuf::from(path).display().to_string(), cause };
    sockets::free(path).map_err(fault)?;
    let before = rustix::process::umask(mask);
    let listener = UnixListener::bind(path);
    rustix::process::umask(before);
    let listener = listener.map_err(fault)?;
    listener.set_nonblocking(true).map_err(fault)?;
    Ok(listener)
}
