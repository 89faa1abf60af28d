//! The sockets that others come to: the gate's own and that for callers on this host, which systemd may hand
//! over, and those on which the daemon is looked at.
//!
//! All of them are opened before the sandbox is entered and before any thread is started.

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::unix::net::UnixListener;
use std::path::Path;

use listenfd::ListenFd;
use rustix::net::sockopt::socket_acceptconn;

use crate::config::{Config, MetricsAddress};
use tsmgate_settings::sockets;

/// Connections that wait for us; as many as the system allows, so that a restart loses none.
const BACKLOG: i32 = 4096;
/// The name of the status socket in the folder that systemd makes for us (`RuntimeDirectory=`).
const STATUS: &str = "status.sock";
/// What the local socket is called among those that systemd hands over (`FileDescriptorName=`).
const LOCAL: &str = "local";

/// Everything that listens.
#[derive(Debug)]
pub struct Sockets {
    /// The gate.
    pub gate: TcpListener,
    /// Where that is.
    pub address: SocketAddr,
    /// Whether systemd holds it, so that it goes on queueing when we stop.
    pub passed: bool,
    /// Where callers on this host come; absent where there is none.
    pub local: Option<UnixListener>,
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
    /// Takes the sockets that systemd hands over, or opens the configured ones; and the others.
    ///
    /// # Errors
    /// One cannot be opened, what was handed over is not one listening TCP socket and one called
    /// `local`, or others could replace a socket of ours.
    pub fn open(config: &Config) -> Result<Self, SocketFault> {
        let Passed { gate, local } = passed()?;
        let (gate, passed) = match gate {
            Some(gate) => (gate, true),
            None => (bind(config.listen)?, false),
        };
        let local = match (local, &config.local_socket) {
            (Some(local), _) => Some(local),
            // everybody may connect: who may do what is decided by who connected
            (None, Some(path)) => {
                let fault = |cause| SocketFault { place: path.display().to_string(), cause };
                sockets::check_folder(path).map_err(fault)?;
                Some(bind_unix(path, 0o666)?)
            }
            (None, None) => None,
        };
        let fault = |cause| SocketFault { place: config.listen.to_string(), cause };
        let address = gate.local_addr().map_err(fault)?;
        let status = match std::env::var_os("RUNTIME_DIRECTORY") {
            // systemd gives several folders with colons between them; ours is the first
            Some(folders) if !folders.is_empty() => {
                let folder = std::env::split_paths(&folders).next().unwrap_or_default();
                Some(bind_unix(&folder.join(STATUS), 0o600)?)
            }
            _ => None,
        };
        let metrics = match &config.metrics {
            None => None,
            // who reaches the folder may look: there is no secret in metrics
            Some(MetricsAddress::Unix(path)) => {
                let fault = |cause| SocketFault { place: path.display().to_string(), cause };
                sockets::check_folder(path).map_err(fault)?;
                Some(MetricsSocket::Unix(bind_unix(path, 0o666)?))
            }
            Some(MetricsAddress::Loopback(address)) => {
                Some(MetricsSocket::Loopback(bind(*address)?))
            }
        };
        Ok(Self { gate, address, passed, local, status, metrics })
    }
}

/// What systemd hands over.
#[derive(Default)]
struct Passed {
    gate: Option<TcpListener>,
    local: Option<UnixListener>,
}

/// The sockets that systemd hands over, where it does: one TCP socket, and one called `local`.
fn passed() -> Result<Passed, SocketFault> {
    let fault = |cause| SocketFault { place: "the socket that systemd handed over".into(), cause };
    let invalid = |what: String| fault(io::Error::new(io::ErrorKind::InvalidInput, what));
    // a socket that nobody told to listen would be accepted from for ever, in vain
    let deaf = || {
        invalid("it does not listen; the socket unit needs ListenStream= and Accept=no".to_owned())
    };
    let names = std::env::var("LISTEN_FDNAMES").unwrap_or_default();
    let is_local = |at: usize| names.split(':').nth(at) == Some(LOCAL);
    let mut handed = ListenFd::from_env();
    let mut passed = Passed::default();
    for at in 0..handed.len() {
        if is_local(at) && passed.local.is_none() {
            passed.local = handed.take_unix_listener(at).map_err(fault)?;
        } else if !is_local(at) && passed.gate.is_none() {
            passed.gate = handed.take_tcp_listener(at).map_err(fault)?;
        } else {
            // whoever came to another one would wait for ever
            let count = handed.len();
            return Err(invalid(format!(
                "there are {count}; the socket unit needs one ListenStream="
            )));
        }
    }
    if let Some(gate) = &passed.gate {
        let listens = socket_acceptconn(gate).map_err(|errno| fault(errno.into()))?;
        listens.then_some(()).ok_or_else(deaf)?;
        gate.set_nonblocking(true).map_err(fault)?;
    }
    if let Some(local) = &passed.local {
        let listens = socket_acceptconn(local).map_err(|errno| fault(errno.into()))?;
        listens.then_some(()).ok_or_else(deaf)?;
        local.set_nonblocking(true).map_err(fault)?;
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

/// A Unix socket with these permission bits. What an earlier life left there is removed; what another
/// process listens on is not.
fn bind_unix(path: &Path, mode: u32) -> Result<UnixListener, SocketFault> {
    let listener = sockets::free(path).and_then(|()| sockets::listen_at(path, mode));
    listener.map_err(|cause| SocketFault { place: path.display().to_string(), cause })
}
