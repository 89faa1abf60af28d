//! What is left to do, for the administrator: what was unsafe, what was not understood, what is missing,
//! what to stop, which firewall rule to close.

use std::net::{IpAddr, SocketAddr};

use super::configuration::place;
use super::{Listens, Note, OldLine};
use crate::config::raw;

/// The lines, in the order in which to read them. Commands are hints; nothing was run.
pub fn advice(old: &OldLine) -> Vec<String> {
    let mut lines = Vec::new();
    lines.extend(old.notes.iter().filter_map(|note| match note {
        Note::Danger(text) => Some(format!("danger: {text}")),
        _ => None,
    }));
    lines.extend(old.notes.iter().filter_map(|note| match note {
        Note::Unclear(text) => Some(format!("not understood: {text}")),
        _ => None,
    }));
    lines.extend(old.notes.iter().filter_map(|note| match note {
        Note::Fact(text) => Some(format!("note: {text}")),
        _ => None,
    }));
    missing(&mut lines, old);
    stop(&mut lines, old);
    firewall(&mut lines, old);
    lines
}

fn missing(lines: &mut Vec<String>, old: &OldLine) {
    lines.push(
        "missing: the certificates, made on a machine that may keep a key: `tsmgate pki init`, \
         `tsmgate pki server HOST`, `tsmgate pki client NAME`"
            .to_owned(),
    );
    match &old.range {
        Some(range) => lines.push(format!(
            "missing: are the networks right? `range=` gave {range}, in admission.allow"
        )),
        None => lines.push("missing: the networks of your clients, in admission.allow".to_owned()),
    }
    lines.push("missing: a [[client]] entry for each of them".to_owned());
    lines.push(
        "missing: tsmgated's own user, a member of TSM's group: `usermod -aG tsmadmin tsmgate`"
            .to_owned(),
    );
}

fn stop(lines: &mut Vec<String>, old: &OldLine) {
    let find = match old.listens {
        Listens::Tcp(_, port) => format!("`ss -ltnp 'sport = :{port}'` names its process"),
        _ => "`pgrep -af socat` names its process".to_owned(),
    };
    lines.push(format!(
        "stop: the old line, once a login through tsmgated has worked: {find}, and `systemctl status \
         PID` its unit"
    ));
    lines.push(if old.in_unit {
        "stop: it stands in a unit: `grep -rl socat /etc/systemd/system` finds it, `systemctl disable \
         --now UNIT` ends it for good"
            .to_owned()
    } else {
        "stop: what would start it again: a unit (`systemctl disable --now UNIT`), cron's @reboot, \
         /etc/rc.local, a script"
            .to_owned()
    });
}

fn firewall(lines: &mut Vec<String>, old: &OldLine) {
    let (address, port) = match old.listens {
        Listens::Tcp(address, port) => (address, port),
        Listens::TcpSomewhere(_) => {
            lines.push(
                "close: the firewall's rule for the old port, once you know it: `ss -ltnp`"
                    .to_owned(),
            );
            return;
        }
        Listens::Nowhere => {
            lines.push(
                "close: no firewall rule follows from this line; look for one all the same"
                    .to_owned(),
            );
            return;
        }
    };
    let ours = raw::LISTEN_ADDRESS.parse::<SocketAddr>().map(|address| address.port());
    if address.is_loopback() {
        lines.push(format!(
            "close: {} was reached from this host alone: look for what brought others there, such as \
             `ssh -L`",
            place(address, port)
        ));
    } else if ours == Ok(port) {
        lines.push(format!(
            "close: {}: the rule stays for tsmgated; narrow it to the networks of your clients",
            place(address, port)
        ));
    } else {
        lines.push(format!("close: the firewall's rule for {}", place(address, port)));
        lines.extend(close(address, port));
    }
    if let Ok(ours) = ours {
        let from = old.range.map_or_else(|| "NETWORK".to_owned(), |range| range.to_string());
        lines.push(format!(
            "open: TCP port {ours} for those networks alone, as `ufw allow proto tcp from {from} to any \
             port {ours}`"
        ));
    }
}

fn close(address: IpAddr, port: u16) -> [String; 3] {
    let to = match address.is_unspecified() {
        true => String::new(),
        false => format!(" and for {address}"),
    };
    [
        format!(
            "  ufw:       `ufw status numbered`, then `ufw delete NUMBER` of each rule for {port}{to}"
        ),
        format!(
            "  firewalld: `firewall-cmd --list-all`, then `firewall-cmd --permanent \
             --remove-port={port}/tcp` and `firewall-cmd --reload`; rich rules by hand"
        ),
        format!(
            "  nftables:  `nft -a list ruleset | grep -w {port}`, then `nft delete rule FAMILY TABLE \
             CHAIN handle NUMBER`, and the same in /etc/nftables.conf"
        ),
    ]
}
