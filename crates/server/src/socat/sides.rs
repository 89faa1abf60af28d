//! Which side listened and which side is TSM's socket, in whatever order they stand, and what the two
//! together amount to.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tsmgate_text::escape;

use super::address::{self, Address, Kind};
use super::command::Command;
use super::options::Said;
use super::{LineFault, Listens, Note, OldLine, quoted};

/// A Unix socket's path is shorter, in bytes (unix(7)).
const PATH_LIMIT: usize = 108;

pub(super) fn read(line: &str, command: Command) -> Result<OldLine, LineFault> {
    let (left, right) = (address::parse(&command.left), address::parse(&command.right));
    let (listener, socket) = match (opens_a_socket(&left), opens_a_socket(&right)) {
        (false, true) => (left, right),
        (true, false) => (right, left),
        (true, true) => return Err(LineFault::TwoSockets),
        (false, false) => return Err(LineFault::NoSocket(why_none(&left, &right))),
    };
    let said = Said::by(&listener);
    let mut notes = command.notes;
    let mut old = OldLine {
        shown: escape(line.trim()),
        listens: listens(&listener, &said, command.ipv6, &mut notes),
        tls: listener.kind == Kind::TlsListen,
        socket: socket_path(&socket, &mut notes),
        range: said.range,
        in_unit: command.in_unit,
        notes: Vec::new(),
    };
    if listener.kind.is_tcp_listener() {
        dangers(&old, &said, &mut notes);
    }
    let beside = Said::by(&socket);
    if command.as_root || said.as_root || beside.as_root {
        let what = "it ran as root, for which there is no need: a member of TSM's group will do";
        notes.push(Note::Danger(what.to_owned()));
    } else if command.in_unit {
        let what = "it ran as root unless its unit says `User=`";
        notes.push(Note::Fact(what.to_owned()));
    }
    notes.extend(said.notes);
    notes.extend(beside.notes);
    old.notes = notes;
    Ok(old)
}

fn opens_a_socket(address: &Address) -> bool {
    matches!(address.kind, Kind::UnixConnect | Kind::Path) && !address.parameter.is_empty()
}

/// The hint of a line without a socket.
fn why_none(left: &Address, right: &Address) -> String {
    let is = |kind| [left, right].into_iter().find(|address| address.kind == kind);
    if let Some(program) = is(Kind::Program) {
        let text = quoted(&program.text);
        return format!(
            "{text} starts a program for each connection, and what that does is not in the line; if \
             it is another socat, give that one's line, and close this one's port all the same"
        );
    }
    if let Some(dual) = is(Kind::Dual) {
        return format!(
            "{} has an address for each direction, which is not read",
            quoted(&dual.text)
        );
    }
    if is(Kind::UnixListen).is_some() && is(Kind::TcpConnect).is_some() {
        return "it is the client's end, which `tsmgate login` replaces; give the line that runs on \
                the TSM host"
            .to_owned();
    }
    let texts = [left, right].map(|address| quoted(&address.text));
    format!(
        "{} and {}; give the line with `UNIX-CONNECT:/path` that runs on the TSM host",
        texts[0], texts[1]
    )
}

fn listens(listener: &Address, said: &Said, ipv6: bool, notes: &mut Vec<Note>) -> Listens {
    let all = match listener.kind {
        Kind::Tcp6Listen => IpAddr::from(Ipv6Addr::UNSPECIFIED),
        Kind::Tcp4Listen => Ipv4Addr::UNSPECIFIED.into(),
        Kind::TcpListen | Kind::TlsListen if ipv6 || said.ipv6 => Ipv6Addr::UNSPECIFIED.into(),
        Kind::TcpListen | Kind::TlsListen => Ipv4Addr::UNSPECIFIED.into(),
        Kind::Standard => {
            let what = "it spoke on its standard input: what started it (inetd, a systemd socket \
                        with Accept=yes, ssh) is what listened, and has to be closed";
            notes.push(Note::Unclear(what.to_owned()));
            return Listens::Nowhere;
        }
        Kind::UnixListen => {
            let path = quoted(&listener.parameter);
            let what = "is open to whoever may open it on this host; every one of them was TSM's \
                        superuser";
            notes.push(Note::Danger(format!("the socket {path} that it listened on {what}")));
            return Listens::Nowhere;
        }
        _ => {
            let text = quoted(&listener.text);
            notes.push(Note::Unclear(format!("{text} is no TCP listener that is known here")));
            return Listens::Nowhere;
        }
    };
    let address = said.bind.unwrap_or(all);
    match listener.parameter.parse::<u16>() {
        Ok(port) if port > 0 => Listens::Tcp(address, port),
        _ => {
            let port = quoted(&listener.parameter);
            notes.push(Note::Unclear(format!(
                "the port {port}: not a number from 1 to 65535; `ss -ltnp` shows what socat listens on"
            )));
            Listens::TcpSomewhere(address)
        }
    }
}

fn dangers(old: &OldLine, said: &Said, notes: &mut Vec<Note>) {
    let mut danger = |text: &str| notes.push(Note::Danger(text.to_owned()));
    if !old.tls {
        danger("no TLS: whoever listens on the way reads the superuser's cookie");
        danger("no certificate is asked for: whoever gets a connection is TSM's superuser");
    } else if said.unverified {
        danger("verify=0: no client certificate is asked for, so TLS keeps nobody out");
    } else if !said.authority {
        danger(
            "no cafile=: the certificates of every authority that the system trusts let a client in",
        );
    }
    let (Listens::Tcp(address, _) | Listens::TcpSomewhere(address)) = old.listens else { return };
    if !said.restricted && !address.is_loopback() {
        danger("no `range=` that restricts it: any address may connect");
    }
}

/// The socket's path, where the line tells it.
fn socket_path(socket: &Address, notes: &mut Vec<Note>) -> Option<String> {
    let path = &socket.parameter;
    let why = match path.as_str() {
        variable if variable.contains(['$', '`']) => "a shell or systemd fills in a part of it",
        relative if !relative.starts_with('/') => "it is relative to where socat was started",
        long if long.len() >= PATH_LIMIT => "it is too long to be a socket's path",
        bad if bad.chars().any(char::is_control) => "it has control characters",
        _ => {
            if !path.rsplit('/').next().is_some_and(|name| name.starts_with("tab-controller-login"))
            {
                let path = quoted(path);
                notes.push(Note::Fact(format!(
                    "{path} is not named as TSM names its login socket, tab-controller-login-PORT: \
                     make sure that it is that, for nothing else can be behind this gate"
                )));
            }
            return Some(path.clone());
        }
    };
    notes.push(Note::Unclear(format!("the socket's path {}: {why}", quoted(path))));
    None
}
