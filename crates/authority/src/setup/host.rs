//! What can be found out about this host: what it is called, where TSM's login socket is and whose, and whether
//! systemd runs it. Nothing is asked of anybody else.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::Read;
use std::net::IpAddr;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::ifaddrs::getifaddrs;
use nix::net::if_::InterfaceFlags;
use nix::unistd::{Gid, Group, gethostname};
use tsmgate_pki::ServerName;

use super::step::Trouble;

/// Where TSM's controller makes its login socket, and how it calls it.
const SOCKETS: &str = "/var/run/tableau";
const SOCKET: &str = "tab-controller-login-";
/// What TSM's installer calls its group.
const USUAL_GROUP: &str = "tsmadmin";
/// Where TSM's HTTPS controller listens.
const CONTROLLER_PORT: u16 = 8850;
/// Of the kernel's tables no more is looked at, in bytes.
const TABLE_MOST: u64 = 4 * 1024 * 1024;
/// More names are in no certificate of ours.
const NAMES_MOST: usize = 32;

/// See the room's first lines.
#[derive(Debug)]
pub(super) struct Host {
    /// What clients may call it; at least one, the best first.
    pub(super) names: Vec<ServerName>,
    /// Whether an operator said so.
    pub(super) named: bool,
    /// TSM's login socket, where it is there.
    pub(super) socket: Option<PathBuf>,
    /// The group that TSM lets in.
    pub(super) group: Option<String>,
    /// Whose sockets listen where TSM's controller does, by the users' numbers.
    pub(super) controller: BTreeSet<u32>,
    /// Whether systemd runs this host.
    pub(super) systemd: bool,
}

impl Host {
    /// Looks; what the operator `said` it is called is not looked for.
    pub(super) fn find(said: &[ServerName]) -> Result<Self, Trouble> {
        let names = match said.is_empty() {
            true => names(),
            false => said.to_vec(),
        };
        if names.is_empty() {
            return Err(Trouble::system(
                "this host has no name and no address that others could use; \
                                        say what clients call it: --name tsm.example.com",
            ));
        }
        let socket = socket(Path::new(SOCKETS));
        // the group that is documented first: that of the socket's file may be TSM's own user's, and more than the
        // gate should have
        let group = usual_group().or_else(|| socket.as_deref().and_then(group_of));
        Ok(Self {
            names,
            named: !said.is_empty(),
            socket,
            group,
            controller: listeners(CONTROLLER_PORT),
            systemd: Path::new("/run/systemd/system").is_dir(),
        })
    }

    /// Where clients find a port of this host.
    pub(super) fn address(&self, port: u16) -> String {
        match self.names.first() {
            Some(ServerName::Ip(IpAddr::V6(address))) => format!("[{address}]:{port}"),
            Some(name) => format!("{name}:{port}"),
            // there is one at least
            None => format!("localhost:{port}"),
        }
    }
}

/// Whose sockets listen on this port, of any address (proc_net_tcp(5)).
fn listeners(port: u16) -> BTreeSet<u32> {
    const LISTEN: &str = "0A";
    let mut users = BTreeSet::new();
    for table in ["/proc/net/tcp", "/proc/net/tcp6"] {
        let mut text = String::new();
        let read = File::open(table).map(|file| file.take(TABLE_MOST).read_to_string(&mut text));
        if !matches!(read, Ok(Ok(_))) {
            continue;
        }
        for line in text.lines().skip(1) {
            let words: Vec<_> = line.split_whitespace().collect();
            let (Some(local), Some(&LISTEN), Some(user)) =
                (words.get(1), words.get(3), words.get(7))
            else {
                continue;
            };
            if local.ends_with(&format!(":{port:04X}")) {
                users.extend(user.parse::<u32>());
            }
        }
    }
    users
}

/// The first by name, where there are several.
fn socket(folder: &Path) -> Option<PathBuf> {
    let found = folder.read_dir().ok()?.flatten();
    let found = found.filter(|entry| entry.file_name().to_string_lossy().starts_with(SOCKET));
    found.map(|entry| entry.path()).min()
}

/// Root's group lets nobody in, and nobody should be in it.
fn group_of(socket: &Path) -> Option<String> {
    let gid = socket.metadata().ok()?.gid();
    let group = Group::from_gid(Gid::from_raw(gid)).ok().flatten();
    group.filter(|_| gid != 0).map(|group| group.name)
}

fn usual_group() -> Option<String> {
    Group::from_name(USUAL_GROUP).ok().flatten().map(|group| group.name)
}

/// Whole names first, then short ones, then addresses.
fn names() -> Vec<ServerName> {
    let addresses = addresses();
    let own = gethostname().ok().and_then(|name| name.into_string().ok()).unwrap_or_default();
    let hosts = std::fs::read_to_string("/etc/hosts").unwrap_or_default();
    let mut words = vec![own.clone()];
    words.extend(canonical(&hosts, &own, &addresses));
    let is_local = |word: &String| word.starts_with("localhost") || word.starts_with("ip6-");
    words.retain(|word| !word.is_empty() && !is_local(word));
    words.sort_by_key(|word| !word.contains('.'));
    let mut names: Vec<ServerName> = Vec::new();
    let found = words.iter().filter_map(|word| word.parse().ok());
    for name in found.chain(addresses.into_iter().map(ServerName::Ip)) {
        if !names.contains(&name) && names.len() < NAMES_MOST {
            names.push(name);
        }
    }
    names
}

/// The names that /etc/hosts has for this host's own name and addresses, as written there.
fn canonical(hosts: &str, own: &str, addresses: &BTreeSet<IpAddr>) -> Vec<String> {
    let lines = hosts.lines().map(|line| line.split('#').next().unwrap_or_default());
    let words = lines.map(|line| line.split_whitespace().collect::<Vec<_>>());
    let ours = words.filter(|words| {
        let address = words.first().and_then(|word| word.parse().ok());
        words.contains(&own) || address.is_some_and(|address| addresses.contains(&address))
    });
    ours.flat_map(|words| words.into_iter().skip(1).map(str::to_owned)).collect()
}

/// Of interfaces that are up; none that another host could not reach.
fn addresses() -> BTreeSet<IpAddr> {
    let up = |flags: InterfaceFlags| flags.contains(InterfaceFlags::IFF_UP);
    let found = getifaddrs().into_iter().flatten().filter(|interface| up(interface.flags));
    let address = |interface: nix::ifaddrs::InterfaceAddress| {
        let address = interface.address?;
        let four = address.as_sockaddr_in().map(|address| IpAddr::V4(address.ip()));
        four.or_else(|| address.as_sockaddr_in6().map(|address| IpAddr::V6(address.ip())))
    };
    let reachable = |address: &IpAddr| match address {
        IpAddr::V4(address) => !address.is_loopback() && !address.is_link_local(),
        IpAddr::V6(address) => !address.is_loopback() && !address.is_unicast_link_local(),
    };
    found.filter_map(address).filter(reachable).collect()
}
