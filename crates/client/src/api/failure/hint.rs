//! One line for each failure of a request: what a person can do about it, and where.

use tsmgate_catalogue::api::refusal::Refusal as Unlisted;
use tsmgate_text::escape;

use super::refused::{Meaning, NOT_SERVED};
use super::{ApiFailure, Breach, GateRefusal, Proof, TsmRefusal};
use crate::failure::{Distrust, Stage, Unreached};

/// `no_application_protocol`: the peer has no such lane.
const NO_SUCH_LANE: u8 = 120;

impl ApiFailure {
    /// What can be done about it, in one line without an end of line.
    pub fn hint(&self) -> String {
        match self {
            Self::BadUrl(_) => {
                "give https://HOST or https://HOST:PORT and no path, port 1 to 65535; IPv6 in \
                 brackets: https://[2001:db8::1]:8850"
                    .into()
            }
            Self::BadPin(_) => {
                "give the 64 hexadecimal digits that `openssl x509 -noout -fingerprint -sha256` shows, \
                 with or without colons"
                    .into()
            }
            Self::Login(failure) => failure.hint(),
            Self::Unlisted { cause, .. } => unlisted(cause),
            Self::Unreachable { peer, cause } => unreachable(peer, *cause),
            Self::Untrusted { name, by, cause, .. } => distrust(&escape(name), by, *cause),
            Self::TimedOut { changing: true, .. } => {
                "it may have been done all the same: see `tsmgate jobs list` before trying again".into()
            }
            Self::TimedOut { changing: false, .. } => {
                "see whether TSM answers at all, or raise --timeout".into()
            }
            Self::Protocol { breach, .. } => breach.hint().into(),
            Self::Gate(refusal) => refusal.hint(),
            Self::Tsm(refusal) => refusal.hint(),
        }
    }
}

fn unlisted(cause: &Unlisted) -> String {
    match cause {
        Unlisted::SessionRoute => {
            "`tsmgate login` gives a session, `tsmgate logout` ends one".into()
        }
        Unlisted::MethodNotAllowed(methods) => {
            let names: Vec<_> = methods.iter().map(|method| method.name()).collect();
            format!("give {}", names.join(" or "))
        }
        Unlisted::UnknownOperation => {
            "give a path of TSM's API, such as /api/0.5/status; `tsmgate permissions` names what a \
             gate knows"
                .into()
        }
        Unlisted::BadSegment(_) | Unlisted::BadValue(Some(_)) => {
            "--help after the command shows an example".into()
        }
        Unlisted::UnknownQueryKey | Unlisted::RepeatedQueryKey | Unlisted::BadValue(None) => {
            "give each key of the operation once, as --query KEY=VALUE; letters, digits, . - and _"
                .into()
        }
        Unlisted::TooLong | Unlisted::BadPath => {
            "write the path as TSM does: no escapes, no dots alone, no slash at the end".into()
        }
    }
}

fn unreachable(peer: &str, cause: Unreached) -> String {
    match cause {
        Unreached::NameUnknown => {
            "check the host name in --direct, and this host's resolver".into()
        }
        Unreached::NoAddressFor(_) => {
            "give --bind an address of the controller's family, IPv4 or IPv6".into()
        }
        Unreached::Source(..) => "give --bind an address of this host, or leave it out".into(),
        Unreached::TimedOut(Stage::Resolve) => "check this host's resolver".into(),
        _ => format!("check that TSM runs there, and the network and firewall to {peer}"),
    }
}

fn distrust(name: &str, by: &Proof, cause: Distrust) -> String {
    match (by, cause) {
        (Proof::Pin, _) => {
            "compare --direct-pin with the certificate on the controller's own host; TSM makes a new \
             one when it is upgraded"
                .into()
        }
        (Proof::Authority(file), Distrust::UnknownAuthority) => {
            format!("{file} must hold the authority of the controller's certificate, or that itself")
        }
        (Proof::Authority(_), Distrust::WrongName) => {
            format!("it must name {name}; give the host as it is named there, or --direct-pin")
        }
        (Proof::Authority(_), Distrust::Expired) => {
            "renew the controller's certificate, and check this host's clock".into()
        }
        (Proof::Authority(_), Distrust::NotYetValid) => {
            "check the clocks of this host and of the controller's".into()
        }
        (Proof::Authority(_), Distrust::Invalid) => {
            "a certificate that is its own authority cannot be checked by one: give --direct-pin".into()
        }
    }
}

impl Breach {
    fn hint(&self) -> &'static str {
        match self {
            Self::Alert(NO_SUCH_LANE) => {
                "the gate passes no requests on: its configuration has no tsm.api"
            }
            Self::Alert(_) | Self::Tls(_) | Self::NotHttp => {
                "check host and port: a gate at 18850 with --gate, or TSM's controller at 8850 with --direct"
            }
            Self::Status(_) | Self::Type(_) | Self::NotJson | Self::Encoded(_) => {
                "something else answers there, such as a proxy, or TSM is of a version not known here"
            }
            Self::LongBody(_) => "`tsmgate api` streams larger answers",
            Self::LongHead(_) | Self::Lacks(_) | Self::Unreadable(_) | Self::NoCookie => {
                "check that TSM is at the other end, and its version"
            }
            Self::Closed | Self::CutOff => {
                "try again; if it stays so, see the log of whoever answers there"
            }
        }
    }
}

impl GateRefusal {
    fn hint(&self) -> String {
        let audit = match &self.request {
            Some(number) => format!("the gate's audit has it as request {}", escape(number)),
            None => "the reason is in the gate's audit log".into(),
        };
        match (self.meaning(), self.reason.as_str()) {
            (Meaning::NotPermitted, NOT_SERVED) => {
                "on the gate's host, the list `permissions` in tsmgate-runner's configuration is what it \
                 ever runs; its administrator decides"
                    .into()
            }
            (Meaning::NotPermitted, _) => {
                let permission = self.permission.as_deref().map_or("it".into(), escape);
                format!(
                    "the gate's administrator can give this client a role with {permission} in the \
                     gate's configuration; {audit}"
                )
            }
            (Meaning::Later, "over_limit") => match self.retry {
                Some(seconds) => format!("try again in {seconds} s"),
                None => "try again later".into(),
            },
            (Meaning::Later, "audit_unavailable") => {
                "the gate's operator has to see to its audit log; then try again".into()
            }
            (Meaning::Later, _) => "try again".into(),
            (Meaning::Backend, "backend_denied_gate") => {
                "on the gate's host, add the gate's user to TSM's group (tsmadmin by default)"
                    .into()
            }
            (Meaning::Backend, "backend_untrusted") => {
                "on the gate's host, `tsmgated trust-tsm` shows the certificate of TSM's controller"
                    .into()
            }
            (Meaning::Backend, "runner_unreachable") => {
                "on the gate's host, see whether tsmgate-runner runs: `systemctl status tsmgate-runner`"
                    .into()
            }
            (Meaning::Backend, "runner_program") => {
                "on the gate's host, see `tsm.program` in tsmgate-runner's configuration: it is missing, or \
                 others could have written it"
                    .into()
            }
            (Meaning::Backend, "runner_untrusted" | "runner_garbage" | "runner_storage") => {
                format!("on the gate's host, see the log of tsmgate-runner; {audit}")
            }
            (Meaning::Backend, "answer_not_redactable") => {
                "the answer could hold secrets; the permission config.secrets lets it through"
                    .into()
            }
            (Meaning::Backend, _) => format!("see whether TSM runs on the gate's host; {audit}"),
            (Meaning::Request, "session_route") => {
                "`tsmgate login` gives a session, `tsmgate logout` ends one".into()
            }
            (Meaning::Request, "unknown_operation") => {
                "`tsmgate permissions` names what there is; any other path takes api.raw".into()
            }
            (Meaning::Request, "unknown_command") => {
                "`tsmgate commands catalogue` shows what the gate's host can run".into()
            }
            (Meaning::Request, "unknown_id") => "`tsmgate commands list` shows yours".into(),
            (Meaning::Request, "command_ended") => {
                "`tsmgate commands show` tells how it ended".into()
            }
            (Meaning::Request, _) => audit,
        }
    }
}

impl TsmRefusal {
    fn hint(&self) -> String {
        match (self.status, self.login) {
            (401, true) => {
                "check --username and the password; the user has to be in TSM's group".into()
            }
            (403, true) => "add the user to TSM's group on its host (tsmadmin by default)".into(),
            (401, false) => "TSM takes no session at the moment: try again, or see its log".into(),
            (404, _) => "check the id, the name or the key".into(),
            (409, _) => "it does not fit what TSM is at: see `tsmgate jobs list`".into(),
            (500.., _) => {
                "see whether TSM runs, and its log, tabadmincontroller, on its host".into()
            }
            _ => "TSM does not take the request as it is".into(),
        }
    }
}
