//! The configuration to start from, as TOML with comments. It loads as it is and lets nobody in: who may
//! come is for a person to say.

use std::fmt::Write as _;
use std::net::{IpAddr, SocketAddr};

use super::{Listens, OldLine};
use crate::config::raw;

/// The ports that TSM hands out to its own processes.
const TSM_PORTS: std::ops::RangeInclusive<u16> = 8000..=9000;

/// The file's text.
pub fn configuration(old: &OldLine) -> String {
    let mut text = format!(
        "# tsmgated.toml, to start from: made by `tsmgated from-socat` from\n#   {}\n\
         # It loads as it is and lets nobody in. What is marked with FILL IN is missing; `tsmgated \
         check`\n# says the same, and systemd/tsmgated.toml shows every other setting.\n\n",
        old.shown
    );
    listen(&mut text, old);
    text.push_str(&format!(
        "\n[tls]\n\
         # FILL IN the files: `tsmgate pki init`, then `tsmgate pki server tsm.example.com` with this \
         host's name.\n\
         certificate = \"{}\"\nprivate_key = \"{}\"\nclient_authority = \"{}\"\n\
         # FILL IN once there is a list, so that certificates can be taken away (`tsmgate pki revoke`):\n\
         # revocation_list = \"/etc/tsmgate/clients.crl\"\n",
        raw::CERTIFICATE,
        raw::PRIVATE_KEY,
        raw::CLIENT_AUTHORITY
    ));
    text.push_str("\n[tsm]\n");
    match &old.socket {
        Some(path) => push(&mut text, format_args!("login_socket = {}", toml_string(path))),
        None => {
            text.push_str(
                "# FILL IN: the old line does not tell the path. This is where it usually is:\n",
            );
            push(&mut text, format_args!("login_socket = \"{}\"", raw::LOGIN_SOCKET));
        }
    }
    text.push_str("\n[admission]\n");
    match &old.range {
        Some(range) => {
            text.push_str("# What the old line's `range=` let in. Fewer is better: name your clients' networks.\n");
            push(&mut text, format_args!("allow = [\"{range}\"]"));
        }
        None => text.push_str(
            "# FILL IN the networks of your clients; while there are none, nobody can connect.\n\
             # allow = [\"10.20.1.0/24\"]\nallow = []\n",
        ),
    }
    text.push_str(
        "\n# FILL IN an entry for each client: `tsmgate pki client jump01` makes its certificate.\n\
         # [[client]]\n# name = \"jump01\"\n# identity = \"URI:tsmgate://client/jump01\"\n\
         # roles = [\"login\"]\n",
    );
    text
}

fn listen(text: &mut String, old: &OldLine) {
    let default: SocketAddr = raw::LISTEN_ADDRESS.parse().expect("a constant that tests read");
    let ours = default.port();
    text.push_str("[listen]\n");
    let address = match old.listens {
        Listens::Tcp(address, port) => {
            push(text, format_args!("# The old line listened on {}.", place(address, port)));
            push(
                text,
                format_args!(
                    "# TSM gives ports {} to {} to its own processes; {ours} is outside of them.",
                    TSM_PORTS.start(),
                    TSM_PORTS.end()
                ),
            );
            keeping(text, address, port, ours);
            address
        }
        Listens::TcpSomewhere(address) => {
            text.push_str("# The old line does not tell its port as a number.\n");
            address
        }
        Listens::Nowhere => {
            text.push_str("# The old line did not listen on a TCP port itself.\n");
            default.ip()
        }
    };
    if address.is_loopback() {
        text.push_str(
            "# Only this host itself reaches this address: 0.0.0.0 is all of its addresses.\n",
        );
    }
    push(text, format_args!("address = \"{}\"", SocketAddr::new(address, ours)));
}

/// Whether the old port can be kept.
fn keeping(text: &mut String, address: IpAddr, port: u16, ours: u16) {
    let kept = SocketAddr::new(address, port);
    if port == ours {
        text.push_str("# The port stays the same: end socat before tsmgated starts.\n");
    } else if TSM_PORTS.contains(&port) {
        push(
            text,
            format_args!(
                "# To keep {port} is possible with address = \"{kept}\", but TSM may want that port itself."
            ),
        );
    } else {
        push(
            text,
            format_args!("# To keep the old port, end socat first and write: address = \"{kept}\""),
        );
    }
    if port < 1024 {
        text.push_str(
            "# A port below 1024 needs tsmgated.socket, or the capability to bind to it.\n",
        );
    }
}

/// An address and port for people.
pub(super) fn place(address: IpAddr, port: u16) -> String {
    match address {
        IpAddr::V4(v4) if v4.is_unspecified() => format!("TCP port {port}, all IPv4 addresses"),
        IpAddr::V6(v6) if v6.is_unspecified() => format!("TCP port {port}, all addresses"),
        _ => format!("TCP port {port}, address {address}"),
    }
}

fn push(text: &mut String, line: std::fmt::Arguments<'_>) {
    // writing to a String cannot fail
    let _ = writeln!(text, "{line}");
}

/// A TOML string on one line: what is not plain to see is written as its number.
fn toml_string(text: &str) -> String {
    let mut written = String::from('"');
    for character in text.chars() {
        match character {
            '"' | '\\' => written.extend(['\\', character]),
            ' ' => written.push(' '),
            plain if plain.is_ascii_graphic() || plain.is_alphanumeric() => written.push(plain),
            other => {
                let _ = write!(written, "\\U{:08X}", u32::from(other));
            }
        }
    }
    written.push('"');
    written
}
