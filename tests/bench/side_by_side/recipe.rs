//! How each server is started, stopped and reloaded: as its own documentation, or Debian's unit, says for
//! this job: TLS 1.3, a client certificate of one authority required, in front of one Unix socket. All else
//! is its default, but for caps that one client's load would meet.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Command;

use anyhow::ensure;
use nix::sys::signal::Signal;
use rustls::crypto::SupportedKxGroup;
use rustls::crypto::aws_lc_rs::kx_group::X25519;

use crate::process::find;
use crate::stage::Stage;

mod envoy;
mod openssl;
mod ours;

/// Hands the listening socket over as systemd does: what it gets as its input is the third descriptor.
const PASSED: &str =
    "exec 3<&0 0</dev/null; export LISTEN_PID=$$ LISTEN_FDS=1 LISTEN_FDNAMES=tsmgated; exec \"$@\"";
/// With as many descriptors as a shell has unless told otherwise.
const AS_A_SHELL: &str = "ulimit -n 1024; ";

/// Which configuration a server is started with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Caps {
    /// Those that one client's load would meet are raised.
    Raised,
    /// Its own, and 1024 descriptors.
    Default,
}

/// How it is told to read its configuration anew.
pub enum Reload {
    /// By a signal.
    Signal(Signal),
    /// By another file in the place of the one that it watches: the file, and what it holds in turn.
    File(PathBuf, [String; 2]),
    /// Not at all: it is stopped and started.
    No,
}

/// A server that can be started.
pub struct Recipe {
    /// What it is called.
    pub name: &'static str,
    /// Its version, and its library's.
    pub about: String,
    /// Where it listens.
    pub port: u16,
    /// The key exchange all clients use with it.
    pub group: &'static dyn SupportedKxGroup,
    /// Whether it takes the post-quantum one as well.
    pub post_quantum: bool,
    /// The most idle connections that are opened to it, where they are dear.
    pub idle_at_most: u32,
    /// How it is told to end.
    pub stop: Signal,
    /// How it is told to read its configuration anew.
    pub reload: Reload,
    /// Its socket, where it is handed over.
    socket: Option<TcpListener>,
    program: PathBuf,
    raised: Vec<String>,
    default: Vec<String>,
}

impl Recipe {
    /// One that needs no more than this.
    fn new(name: &'static str, port: u16, program: PathBuf, arguments: &[&str]) -> Self {
        let arguments: Vec<_> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        Self {
            name,
            about: String::new(),
            port,
            group: X25519,
            post_quantum: false,
            idle_at_most: u32::MAX,
            stop: Signal::SIGTERM,
            reload: Reload::No,
            socket: None,
            program,
            raised: arguments.clone(),
            default: arguments,
        }
    }

    /// What starts it, and its input where that is its socket.
    pub fn command(&self, caps: Caps) -> anyhow::Result<(Command, Option<TcpListener>)> {
        let socket = self.socket.as_ref().map(TcpListener::try_clone).transpose()?;
        let hand_over = if socket.is_some() { PASSED } else { "exec \"$@\"" };
        let (limit, arguments) = match caps {
            Caps::Raised => ("", &self.raised),
            Caps::Default => (AS_A_SHELL, &self.default),
        };
        let mut command = Command::new("sh");
        command.arg("-c").arg(format!("{limit}{hand_over}")).arg("sh");
        command.arg(&self.program).args(arguments);
        Ok((command, socket))
    }
}

/// All of them, or those of these names; a peer that is not installed is left out, loudly, or is an error
/// under `REQUIRE_ALL`.
pub fn all(stage: &Stage, only: &[String]) -> anyhow::Result<Vec<Recipe>> {
    type Make = fn(&Stage) -> anyhow::Result<Option<Recipe>>;
    let known: [(&str, Make); 9] = [
        ("floor-answers", ours::floor_answers),
        ("floor-passes", ours::floor_passes),
        ("tsmgated", ours::tsmgated),
        ("envoy", envoy::envoy),
        ("haproxy", openssl::haproxy),
        ("nginx", openssl::nginx),
        ("stunnel", openssl::stunnel),
        ("socat", openssl::socat),
        ("ghostunnel", openssl::ghostunnel),
    ];
    for name in only {
        ensure!(known.iter().any(|(known, _)| known == name), "there is no target `{name}`");
    }
    let mut recipes = Vec::new();
    for (name, make) in known {
        if !only.is_empty() && !only.iter().any(|wanted| wanted == name) {
            continue;
        }
        match make(stage)? {
            Some(recipe) => recipes.push(recipe),
            // Debian does not have it
            None if name == "ghostunnel" => {
                eprintln!("ghostunnel is not in PATH, and not in the table")
            }
            None => {
                ensure!(std::env::var_os("REQUIRE_ALL").is_none(), "{name} is not installed");
                eprintln!("LEFT OUT: {name} is not installed, and will be missing from the table");
            }
        }
    }
    ensure!(!recipes.is_empty(), "nothing is left to measure");
    Ok(recipes)
}

/// A program of the system, or one that tests/run put into `target/tools`.
fn program(name: &str) -> Option<PathBuf> {
    let tool = PathBuf::from("target/tools/python/bin").join(name);
    find(name).or_else(|| std::path::absolute(tool).ok().filter(|path| path.is_file()))
}
