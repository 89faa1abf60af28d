//! Processes as /proc has them: whose they are, what they are, and which ports they listen on.
//!
//! Everything read is bounded. What another user may not see of a process is absent, never guessed.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::Read;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

/// No file of /proc that is read here is longer, in bytes; the rest of one is not looked at.
const FILE_LIMIT: u64 = 4 * 1024 * 1024;
/// More processes are not looked at.
const PROCESSES: usize = 65_536;

/// A process.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Process {
    pub(super) pid: u32,
    /// Its effective user.
    pub(super) uid: Option<u32>,
    /// Its groups, the effective one among them.
    pub(super) groups: Vec<u32>,
    /// Its program, where we may see it; of one that was replaced, with ` (deleted)`.
    pub(super) program: Option<PathBuf>,
    /// Its name, of at most 15 bytes.
    pub(super) name: String,
    /// What /proc says of it, line by line.
    status: String,
}

impl Process {
    /// The one of this number, where there is one.
    pub(super) fn of(pid: u32) -> Option<Self> {
        let status = text(&PathBuf::from(format!("/proc/{pid}/status")))?;
        let field = |name: &str| field(&status, name).unwrap_or_default().to_owned();
        let numbers = |name: &str| -> Vec<u32> {
            field(name).split_whitespace().filter_map(|word| word.parse().ok()).collect()
        };
        // real, effective, saved, of the file system
        let uid = numbers("Uid").get(1).copied();
        let mut groups = numbers("Groups");
        groups.extend(numbers("Gid").get(1));
        let program = std::fs::read_link(format!("/proc/{pid}/exe")).ok();
        let name = field("Name");
        Some(Self { pid, uid, groups, program, name, status })
    }

    /// Whether it is a gate.
    pub(super) fn is_gate(&self) -> bool {
        self.name == "tsmgated"
    }

    /// A field of what /proc says of it.
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        field(&self.status, name)
    }

    /// Its command line, its words parted by blanks; empty where we may not see it.
    pub(super) fn command_line(&self) -> String {
        let line = text(&PathBuf::from(format!("/proc/{}/cmdline", self.pid)));
        line.unwrap_or_default().replace('\0', " ")
    }

    /// Which of its control groups it is in, the innermost name.
    pub(super) fn unit(&self) -> Option<String> {
        let text = text(&PathBuf::from(format!("/proc/{}/cgroup", self.pid)))?;
        let units = text.lines().filter_map(|line| line.rsplit('/').next());
        units.map(str::to_owned).find(|name| name.ends_with(".service"))
    }
}

fn field<'a>(status: &'a str, name: &str) -> Option<&'a str> {
    let of = |line: &'a str| line.strip_prefix(name)?.strip_prefix(':').map(str::trim);
    status.lines().find_map(of)
}

/// The processes that listen at this address, or at all addresses on its port; those that we may see.
pub(super) fn listening(address: SocketAddr) -> Vec<Process> {
    let inodes = listeners().into_iter().filter(|(at, _)| reaches(*at, address));
    holders(&inodes.map(|(_, inode)| inode).collect::<Vec<_>>())
}

/// Whether a listener at `at` gets what is sent to `address`. One at `[::]` may get what is sent to IPv4 too; one
/// at `0.0.0.0` gets nothing that is sent to IPv6.
pub(super) fn reaches(at: SocketAddr, address: SocketAddr) -> bool {
    let everywhere = at.ip().is_unspecified() || address.ip().is_unspecified();
    let family = at.is_ipv4() == address.is_ipv4();
    let both = |it: SocketAddr| it.is_ipv6() && it.ip().is_unspecified();
    let same = at.ip() == address.ip() || everywhere && (family || both(at) || both(address));
    at.port() == address.port() && same
}

/// Every address that somebody listens at with TCP, and the socket's number.
pub(super) fn listeners() -> Vec<(SocketAddr, u64)> {
    let tables = ["/proc/net/tcp", "/proc/net/tcp6"].map(|table| text(Path::new(table)));
    tables.iter().flatten().flat_map(|table| table.lines().skip(1)).filter_map(listener).collect()
}

/// A line of the tables, where it is a listener's (proc_net_tcp(5)).
fn listener(line: &str) -> Option<(SocketAddr, u64)> {
    const LISTEN: &str = "0A";
    let words: Vec<_> = line.split_whitespace().collect();
    let (local, state, inode) = (words.get(1)?, words.get(3)?, words.get(9)?);
    let (address, port) = local.split_once(':')?;
    let port = u16::from_str_radix(port, 16).ok()?;
    let address = address_of(address)?;
    (*state == LISTEN)
        .then(|| inode.parse().ok().map(|inode| (SocketAddr::new(address, port), inode)))?
}

/// An address as the tables have it: words of 32 bits, each in the host's own order.
fn address_of(text: &str) -> Option<IpAddr> {
    let word = |at: usize| u32::from_str_radix(text.get(at..at + 8)?, 16).ok();
    match text.len() {
        8 => Some(IpAddr::V4(Ipv4Addr::from(word(0)?.to_ne_bytes()))),
        32 => {
            let mut bytes = [0; 16];
            for (index, four) in bytes.chunks_mut(4).enumerate() {
                four.copy_from_slice(&word(index * 8)?.to_ne_bytes());
            }
            Some(IpAddr::V6(Ipv6Addr::from(bytes)))
        }
        _ => None,
    }
}

/// The numbers of the Unix sockets that are bound to this path: the listener's, and those it has accepted.
pub(super) fn bound(path: &Path) -> Vec<u64> {
    let table = text(Path::new("/proc/net/unix")).unwrap_or_default();
    let path = path.to_string_lossy();
    let of = |line: &str| -> Option<u64> {
        let numbers = line.strip_suffix(path.as_ref()).filter(|numbers| numbers.ends_with(' '))?;
        (!numbers.contains('/')).then(|| numbers.split_whitespace().nth(6)?.parse().ok())?
    };
    table.lines().filter_map(of).collect()
}

/// The processes that hold one of these sockets.
pub(super) fn holders(inodes: &[u64]) -> Vec<Process> {
    let wanted: Vec<PathBuf> =
        inodes.iter().map(|inode| PathBuf::from(format!("socket:[{inode}]"))).collect();
    let mut found = BTreeMap::new();
    if wanted.is_empty() {
        return Vec::new();
    }
    for process in std::fs::read_dir("/proc").into_iter().flatten().flatten().take(PROCESSES) {
        let Some(pid) = process.file_name().to_str().and_then(|name| name.parse::<u32>().ok())
        else {
            continue;
        };
        let descriptors = std::fs::read_dir(process.path().join("fd")).into_iter().flatten();
        let targets = descriptors.flatten().filter_map(|fd| std::fs::read_link(fd.path()).ok());
        if targets.into_iter().any(|target| wanted.contains(&target)) {
            found.extend(Process::of(pid).map(|process| (pid, process)));
        }
    }
    found.into_values().collect()
}

/// Every process, of those that we may see.
pub(super) fn all() -> Vec<Process> {
    let entries = std::fs::read_dir("/proc").into_iter().flatten().flatten().take(PROCESSES);
    let pid = |name: std::ffi::OsString| name.to_str().and_then(|name| name.parse::<u32>().ok());
    entries.filter_map(|entry| Process::of(pid(entry.file_name())?)).collect()
}

/// A file of the system's, as far as it is looked at.
pub(super) fn text(path: &Path) -> Option<String> {
    let mut bytes = Vec::new();
    File::open(path).ok()?.take(FILE_LIMIT).read_to_end(&mut bytes).ok()?;
    Some(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests;
