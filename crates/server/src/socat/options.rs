//! The options of the side that listened: for whom, from where, with which certificates, as which user.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use tsmgate_gate::network::{Network, NetworkFault};

use super::address::{Address, Kind};
use super::{Note, quoted};

/// Nothing that the gate would have to do likewise.
const HARMLESS: &[&str] = &[
    "fork",
    "reuseaddr",
    "so-reuseaddr",
    "reuseport",
    "so-reuseport",
    "keepalive",
    "so-keepalive",
    "keepidle",
    "keepintvl",
    "keepcnt",
    "nodelay",
    "tcp-nodelay",
    "backlog",
    "max-children",
    "retry",
    "forever",
    "interval",
    "intervall",
    "ipv6only",
    "ipv6-v6only",
    "linger",
    "so-linger",
    "cloexec",
    "crnl",
    "shut-none",
    "end-close",
    "ignoreeof",
    "type",
    "socktype",
    "sndbuf",
    "so-sndbuf",
    "rcvbuf",
    "so-rcvbuf",
    "connect-timeout",
    "accept-timeout",
    "dh",
    "dhparam",
    "dhparams",
    "nonblock",
    "unlink-early",
    "unlink-close",
    "unlink",
    "pf",
    "cipher",
    "ciphers",
    "openssl-cipherlist",
    "min-proto-version",
    "openssl-min-proto-version",
    "max-proto-version",
    "method",
    "openssl-method",
    "compress",
    "openssl-compress",
];

/// What the options of the side that listened say.
#[derive(Debug, Default)]
pub(super) struct Said {
    pub bind: Option<IpAddr>,
    pub range: Option<Network>,
    /// There is a `range=` or `tcpwrap`, understood or not.
    pub restricted: bool,
    pub ipv6: bool,
    pub as_root: bool,
    /// `verify=0`
    pub unverified: bool,
    /// `cafile=` or `capath=`
    pub authority: bool,
    pub notes: Vec<Note>,
}

impl Said {
    /// Reads all options of an address that lets others in.
    pub(super) fn by(address: &Address) -> Self {
        let mut said = Self::default();
        let mut seen = Vec::new();
        for (name, value) in &address.options {
            if seen.contains(&name) && !HARMLESS.contains(&name.as_str()) {
                said.unclear(name, value.as_deref(), "given more than once; which one counts");
                // neither is carried over
                said.forget(name);
                continue;
            }
            seen.push(name);
            said.option(address.kind, name, value.as_deref());
        }
        said
    }

    fn option(&mut self, kind: Kind, name: &str, value: Option<&str>) {
        let text = value.unwrap_or_default();
        match name {
            "pf" | "protocol-family" => self.ipv6 |= matches!(text, "ip6" | "6" | "inet6"),
            "bind" => self.bind(text, value),
            "range" => self.range(text, value),
            "tcpwrap" | "tcpwrapper" | "tcpwrappers" => {
                self.restricted = true;
                self.fact("`tcpwrap`: bring what /etc/hosts.allow says into admission.allow");
            }
            "su" | "su-d" | "su-e" | "substuser" | "substuser-delayed" | "substuser-early"
            | "setuid" | "setuid-early" => self.user(name, text),
            "user" | "uid" | "owner" | "group" | "gid" | "mode" | "perm" if kind != Kind::UnixListen => {
                let shown = quoted(&format!("{name}={text}"));
                self.fact(&format!(
                    "{shown} is about the socket itself; `su=` would say as whom socat runs"
                ));
            }
            "user" | "uid" | "owner" | "group" | "gid" | "mode" | "perm" => {
                let shown = quoted(&format!("{name}={text}"));
                self.fact(&format!("{shown} said who may open the socket that it listened on"));
            }
            "verify" | "openssl-verify" => self.unverified = matches!(text, "0" | "false" | "no"),
            "cafile" | "ca" | "openssl-cafile" => self.authority(name, text),
            "capath" | "openssl-capath" => self.authority(name, text),
            "cert" | "certificate" | "openssl-certificate" => self.fact(&format!(
                "the server's certificate was {}: it can go on as tls.certificate if it names this \
                 host, chain and leaf alone, with the key in a file of its own",
                quoted(text)
            )),
            "key" | "openssl-key" => self.fact(&format!(
                "its key was {}: as tls.private_key nobody but tsmgated's user may read it",
                quoted(text)
            )),
            "cn" | "commonname" | "openssl-commonname" => self.fact(&format!(
                "it wanted the client's certificate to have the common name {}; a common name never \
                 counts here, see [[client]]",
                quoted(text)
            )),
            harmless if HARMLESS.contains(&harmless) => {}
            _ => self.unclear(name, value, "not known here; what it does"),
        }
    }

    fn bind(&mut self, text: &str, value: Option<&str>) {
        match without_brackets(text).parse::<IpAddr>() {
            Ok(address) => self.bind = Some(address.to_canonical()),
            Err(_) => self.unclear("bind", value, "no plain address; where it listened"),
        }
    }

    fn range(&mut self, text: &str, value: Option<&str>) {
        self.restricted = true;
        match network(text) {
            Some(network) if network.is_everything() => {
                self.restricted = false;
                self.danger("its `range=` holds every address there is");
            }
            Some(network) => self.range = Some(network),
            None => self.unclear("range", value, "no network in numbers; whom it let in"),
        }
    }

    fn user(&mut self, name: &str, user: &str) {
        if matches!(user, "root" | "0") {
            self.as_root = true;
            return;
        }
        let shown = quoted(&format!("{name}={user}"));
        self.fact(&format!(
            "{shown}: TSM saw that user ask; tsmgated has a user of its own, which must be a member \
             of TSM's group (tsmadmin)"
        ));
    }

    fn authority(&mut self, name: &str, text: &str) {
        self.authority = true;
        let shown = quoted(&format!("{name}={text}"));
        self.fact(&format!(
            "{shown}: everybody with a certificate of that authority came in. As \
             tls.client_authority it can go on; here only those come in whom a [[client]] names"
        ));
    }

    fn forget(&mut self, name: &str) {
        match name {
            "bind" => self.bind = None,
            "range" => self.range = None,
            _ => {}
        }
    }

    fn danger(&mut self, text: &str) {
        self.notes.push(Note::Danger(text.to_owned()));
    }

    fn fact(&mut self, text: &str) {
        self.notes.push(Note::Fact(text.to_owned()));
    }

    fn unclear(&mut self, name: &str, value: Option<&str>, why: &str) {
        let shown = match value {
            Some(value) => quoted(&format!("{name}={value}")),
            None => quoted(name),
        };
        self.notes.push(Note::Unclear(format!("the option {shown}: {why} is not carried over")));
    }
}

fn without_brackets(text: &str) -> &str {
    text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text)
}

/// `10.0.0.0/8`, `10.0.0.0:255.0.0.0`, `[2001:db8::]/32`; bits beyond the prefix do not count, as socat
/// has it.
fn network(text: &str) -> Option<Network> {
    let (address, bits) = match text.rsplit_once('/') {
        Some((address, bits)) => (address, bits.parse().ok()?),
        None => {
            let (address, mask) = text.split_once(':')?;
            let mask = u32::from(mask.parse::<Ipv4Addr>().ok()?);
            // a mask with holes is no network
            (mask.leading_ones() + mask.trailing_zeros() == 32 || mask == 0)
                .then_some((address, mask.leading_ones()))?
        }
    };
    let address: IpAddr = match without_brackets(address) {
        v4 if v4 == address => v4.parse::<Ipv4Addr>().ok()?.into(),
        v6 => v6.parse::<Ipv6Addr>().ok()?.into(),
    };
    let parsed = format!("{address}/{bits}").parse();
    match parsed {
        Ok(network) => Some(network),
        Err(NetworkFault::HostBits(_, network)) => network.to_string().parse().ok(),
        Err(_) => None,
    }
}
