//! The allowlist as systemd's own packet filter has it: drop-ins for `tsmgated.socket` and
//! `tsmgated.service`, and whether installed ones say the same as the configuration.
//!
//! Both units need the list: the service's does not cover a socket that systemd passes in, the socket's
//! no socket that the service opens itself (systemd.resource-control(5)). A packet that is dropped there
//! reaches neither the log nor the audit. The gate's own check of addresses stays what decides.

use std::fmt::Write as _;

use tsmgate_gate::network::{Network, Networks};

use crate::config::{Config, MetricsAddress};
use controller::Controller;

pub mod controller;
pub mod disagreement;
pub mod installed;
pub mod prefix;
pub mod write;

/// The drop-in's name in the folder of each unit.
pub const FILE: &str = "50-allowlist.conf";
/// What a file of ours begins with.
pub const MADE_BY: &str = "# made by tsmgated print-ip-dropin";
/// Where an administrator's drop-ins are.
pub const FOLDER: &str = "/etc/systemd/system";

/// The units whose sockets others reach.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unit {
    /// `tsmgated.socket`
    Socket,
    /// `tsmgated.service`
    Service,
}

impl Unit {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Socket, Self::Service];

    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Socket => "tsmgated.socket",
            Self::Service => "tsmgated.service",
        }
    }

    /// The section where its lists stand.
    pub fn section(self) -> &'static str {
        match self {
            Self::Socket => "Socket",
            Self::Service => "Service",
        }
    }
}

/// Whose packets the kernel sees.
#[derive(Debug, Clone)]
pub struct Peers<'a> {
    /// `admission.allow`
    pub allow: &'a Networks,
    /// `listen.proxy_protocol_from`
    pub proxies: &'a Networks,
    /// Whether metrics are shown on a loopback address, which is a socket of the service's own.
    pub metrics_on_loopback: bool,
    /// Where `tsm.api` is: the service opens that connection itself.
    pub controller: Controller,
}

impl<'a> Peers<'a> {
    /// Of a configuration, and the allowlist that may have been taken out of it. Looks up where `tsm.api`
    /// is, for up to [`controller::LOOKUP`].
    pub fn of(config: &'a Config, allow: &'a Networks) -> Self {
        let metrics_on_loopback = matches!(config.metrics, Some(MetricsAddress::Loopback(_)));
        let controller = Controller::of(config.tsm.api.as_ref());
        Self { allow, proxies: &config.proxies, metrics_on_loopback, controller }
    }

    /// The networks in their order, without those that an earlier one holds.
    pub fn networks(&self) -> Vec<Network> {
        let mut chosen = Vec::new();
        let mut so_far = Networks::default();
        for network in self.allow.iter().chain(self.proxies.iter()) {
            if !so_far.cover(network) {
                chosen.push(*network);
                so_far = chosen.iter().copied().collect();
            }
        }
        chosen
    }
}

/// The drop-in of a unit.
pub fn text(unit: Unit, peers: &Peers<'_>) -> String {
    let mut text = format!("{MADE_BY} from admission.allow; make it anew when that changes.\n");
    let mut line = |line: &str| {
        // writing to a String cannot fail
        let _ = writeln!(text, "{line}");
    };
    match unit {
        Unit::Socket => {
            line("# It is about the sockets that systemd listens on and passes to tsmgated.");
        }
        Unit::Service => {
            line(
                "# It is about the sockets that tsmgated opens itself, not about those passed in.",
            );
            line(
                "# TSM's logins and the journal are asked over Unix sockets, which no list is about. Where this",
            );
            line(
                "# host looks users up over the network without a daemon of its own, as with plain",
            );
            line("# pam_ldap, add the directory's address in a drop-in with a later name.");
        }
    }
    line("# A packet of anybody else is dropped without a trace in any log.");
    line("");
    line(&format!("[{}]", unit.section()));
    line("# what other files say begins anew here");
    line("IPAddressAllow=");
    line("IPAddressDeny=");
    line("IPAddressDeny=any");
    let networks = peers.networks();
    if !peers.proxies.is_empty() {
        line("# with listen.proxy_protocol_from: the kernel sees a balancer's own address");
    }
    if networks.is_empty() {
        line("# admission.allow is empty: nobody");
    }
    for network in networks {
        line(&format!("IPAddressAllow={network}"));
    }
    if unit == Unit::Service {
        of_the_service(&mut line, peers);
    }
    text
}

/// What the service's own sockets need beside the callers.
fn of_the_service(line: &mut impl FnMut(&str), peers: &Peers<'_>) {
    if peers.metrics_on_loopback {
        line(
            "# metrics.listen is on a loopback address; the gate itself still refuses who is not listed",
        );
        line("IPAddressAllow=localhost");
    }
    match &peers.controller {
        Controller::None => {}
        Controller::Unknown(host) => line(&format!(
            "# tsm.api: {host} could not be looked up; add its addresses in a drop-in with a later name"
        )),
        Controller::At { .. } => {
            line("# tsm.api: the gate asks TSM's controller there");
            for word in peers.controller.words() {
                line(&format!("IPAddressAllow={word}"));
            }
        }
    }
}
