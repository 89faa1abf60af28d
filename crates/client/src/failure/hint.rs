//! One line for each failure: what a person can do about it, and where.

use std::io;

use super::{
    Breach, Delay, Distrust, FileFault, Lack, LoginFailure, ProxyFault, Refusal, Stage, TsmFault,
    Unreached, escape, shown,
};

impl LoginFailure {
    /// What can be done about it, in one line without an end of line.
    pub fn hint(&self) -> String {
        match self {
            Self::BadAddress(_) => {
                "give HOST or HOST:PORT, no https://, port 1 to 65535; IPv6 in brackets: \
                 [2001:db8::1]:18850"
                    .into()
            }
            Self::BadServerName(_) => {
                "give the DNS name or IP address in the gate's certificate".into()
            }
            Self::BadProxy => {
                "give http://HOST:PORT or socks5://HOST:PORT, with USER@ before the host where it asks"
                    .into()
            }
            Self::ProxyPassword => "give USER@ alone, and --proxy-password-file FILE".into(),
            Self::BadSocketPath(_) => "a socket's path has 1 to 107 bytes".into(),
            Self::File { path, fault } => match fault {
                FileFault::KeyTooOpen | FileFault::SecretTooOpen => {
                    format!("chmod 600 {}", shown(path))
                }
                fault => fault.hint().into(),
            },
            Self::Unreachable { peer, cause } => cause.hint(peer),
            Self::Untrusted { name, authority, cause, .. } => {
                cause.hint(&escape(name.as_bytes()), &shown(authority))
            }
            Self::NotAccepted { refusal, .. } => refusal.hint().into(),
            Self::Protocol { breach, .. } => breach.hint().into(),
            Self::NotPermitted { lack, .. } => lack.hint().into(),
            Self::Tsm { cause, .. } => cause.hint().into(),
            Self::RetryLater { delay, .. } => delay.hint(),
            Self::Cache(fault) => fault.hint(),
        }
    }
}

impl FileFault {
    fn hint(self) -> &'static str {
        match self {
            Self::Unreadable(io::ErrorKind::NotFound) => {
                "check the path; --ca, --cert and --key name the three files"
            }
            Self::Unreadable(_) => "check the owner and mode of the file and of its folders",
            Self::TooLarge(_) => "give the PEM file itself; --ca, --cert and --key name the three",
            Self::NotASocket => "name the login socket of TSM's controller, or of a gate",
            Self::KeyTooOpen | Self::SecretTooOpen => "chmod 600 the file",
            Self::NotOneLine => "give a file with the secret alone, on one line",
            Self::NoCertificate => {
                "give a file with BEGIN CERTIFICATE; `tsmgate pki inspect` helps"
            }
            Self::BadAuthority => "give the authority's ca.pem; `tsmgate pki inspect` shows a file",
            Self::NoPrivateKey => "give a file with BEGIN PRIVATE KEY, not an encrypted one",
            Self::KeyMismatch => "give --cert and --key of one pair, as they were issued together",
        }
    }
}

impl Unreached {
    fn hint(self, peer: &str) -> String {
        match self {
            Self::NameUnknown => "check the host name in --gate, and this host's resolver".into(),
            Self::NoAddressFor(_) => {
                "give --bind an address of the gate's family, IPv4 or IPv6".into()
            }
            Self::Source(..) => "give --bind an address of this host, or leave it out".into(),
            Self::Refused | Self::Network(_) => {
                format!("check that tsmgated runs there, and the network and firewall to {peer}")
            }
            Self::NoSocket | Self::DeadSocket => {
                "check that tsmgated runs on this host, and that its listen.local is this socket"
                    .into()
            }
            Self::TimedOut(Stage::Answer) => {
                "the gate did not answer in time; see its log, or raise --timeout".into()
            }
            Self::Proxy(ProxyFault::NameUnknown | ProxyFault::Unreachable(_)) => {
                "check --proxy, and the network to it".into()
            }
            Self::Proxy(ProxyFault::NotAuthorized) => {
                "give --proxy USER@ before the host, and --proxy-password-file FILE".into()
            }
            Self::Proxy(ProxyFault::NotConnected) | Self::TimedOut(Stage::Proxy) => format!(
                "see the log of the proxy: it must reach {peer}, let that port through, and may want a \
                 user (USER@ in --proxy) and a password"
            ),
            Self::TimedOut(Stage::Resolve) => "check this host's resolver".into(),
            Self::Closed | Self::TimedOut(Stage::Connect | Stage::Handshake) => {
                "either the network is at fault, or the gate does not list this address in \
                 admission.allow, bans it, or has too many of its connections"
                    .into()
            }
        }
    }
}

impl Distrust {
    fn hint(self, name: &str, authority: &str) -> String {
        match self {
            Self::UnknownAuthority => {
                format!("{authority} must hold the authority that issued the gate's certificate")
            }
            Self::WrongName => format!(
                "it must name {name}; give the name it has with --server-name, or issue a new one"
            ),
            Self::Expired => "renew the gate's certificate, and check this host's clock".into(),
            Self::NotYetValid => "check the clocks of this host and of the authority's".into(),
            Self::Invalid => {
                "issue the gate's certificate with `tsmgate pki server`, for servers".into()
            }
        }
    }
}

impl Refusal {
    fn hint(self) -> &'static str {
        match self {
            Self::CertificateRequired => {
                "give a client certificate of a kind that the gate takes: ECDSA P-256 is"
            }
            Self::CertificateRevoked => "ask the gate's operator for a new certificate",
            Self::CertificateExpired => {
                "get a new certificate, by `tsmgate join` where this host has joined; `tsmgate pki inspect` shows \
                 the dates of the one in --cert"
            }
            Self::BadCertificate => {
                "give --cert a certificate for clients; `tsmgate pki inspect` shows what it is"
            }
            Self::UnknownAuthority => {
                "the gate's tls.client_authority must hold the authority that issued --cert; or a \
                 revocation list of that authority is missing at the gate"
            }
            Self::AccessDenied => {
                "the gate needs a [[client]] entry of this certificate's name, and this address in it"
            }
            Self::LocalUser => {
                "the gate needs a [[local]] entry of your user or of a group of yours; its audit log \
                 has the reason"
            }
            Self::Alert(_) => "the reason is in the gate's audit log",
            Self::Closed => {
                "the reason is in the gate's audit log, or the gate was stopping: try again"
            }
        }
    }
}

impl Breach {
    fn hint(&self) -> &'static str {
        match self {
            Self::Alert(_) | Self::Tls(_) => {
                "a gate speaks TLS 1.3 and the protocol tsm-login; check host and port"
            }
            Self::Reply(_) | Self::CutOff | Self::Exception { .. } => {
                "check that a tsmgated, or TSM itself, is at the other end, and its version"
            }
        }
    }
}

impl Lack {
    fn hint(self) -> &'static str {
        match self {
            Self::Role => "the gate's operator can give this client a role with `login`",
            Self::GateSocketMode => {
                "the socket is there for every user: see the modes of its folders, on the gate's host"
            }
            Self::TsmGroup | Self::SocketMode => {
                "add your user to TSM's group on this host (tsmadmin by default), and log in anew"
            }
        }
    }
}

impl TsmFault {
    fn hint(&self) -> &'static str {
        match self {
            Self::SocketMissing | Self::SocketDead => {
                "start TSM on this host, or name the socket of its controller with --socket"
            }
            Self::Socket(_) | Self::Closed | Self::Failed | Self::Exception(_) => {
                "see the log of TSM's controller (tabadmincontroller) on its host"
            }
            Self::TimedOut => "see whether TSM is starting or busy, or raise --timeout",
            Self::Unreachable => "see whether TSM runs on the gate's host; `tsm status` there",
            Self::Busy => "try again; many logins are under way at that gate",
            Self::Timeout => "see whether TSM is starting or busy on the gate's host",
            Self::Garbage | Self::Error => "see the logs of tsmgated and of TSM's controller",
            Self::Untrusted => "on the gate's host, check tsm.login_socket and tsm.socket_owners",
            Self::DeniedGate => {
                "on the gate's host, add tsmgated's user to TSM's group (tsmadmin by default)"
            }
        }
    }
}

impl Delay {
    fn hint(self) -> String {
        match self {
            Self::OverLimit(Some(seconds)) => format!("wait {seconds} s, and ask less often"),
            Self::OverLimit(None) => "wait a minute, and ask less often".into(),
            Self::AuditUnavailable => "on the gate's host, see why its audit cannot write".into(),
            Self::GateStopping => "wait until the gate has started again".into(),
        }
    }
}
