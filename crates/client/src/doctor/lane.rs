//! TLS, step by step: what was agreed, whether the gate's certificate convinces us, whether ours convinces it.
//!
//! The handshake is that of the login lane, which every gate has; nothing is asked in it.

use std::time::Instant;

use rustls::pki_types::CertificateDer;
use rustls::{NamedGroup, ProtocolVersion};
use time::OffsetDateTime;
use tokio::net::TcpStream;
use tsmgate_pki::inspect::{CertificateView, inspect_certificate};
use tsmgate_pki::time_text;
use tsmgate_text::escape;
use tsmgate_wire::ALPN;

use super::{DAYS_LOW, NO_SUCH_LANE, Side, Step, Trouble, Walk, shown};
use crate::Gate;
use crate::exit::Exit;
use crate::failure::{Breach, Distrust, LoginFailure, Refusal, Stage, Unreached};
use crate::tls::HandshakeFault;
use crate::tls::look::{self, Judged, Look};

/// `protocol_version` and `handshake_failure` (RFC 8446 § 6.2): it speaks another TLS than we.
const OTHER_TLS: [u8; 2] = [70, 40];

/// The steps `handshake`, `gate_certificate` and `acceptance`; whether all went well.
pub(super) async fn look(walk: &mut Walk<'_>, gate: &Gate, tcp: TcpStream) -> bool {
    let begun = Instant::now();
    let look = match look::look(gate, ALPN, tcp, super::deadline(gate.timeout)).await {
        Ok(look) => look,
        Err(failure) => {
            walk.did(begun, Step::new("handshake", "").failed_by(&failure));
            return false;
        }
    };
    let distrust = match &look.handshake {
        Err(HandshakeFault::Distrust(cause)) => Some(*cause),
        Err(fault) => {
            walk.did(begun, not_shaken(gate, &look, fault));
            return false;
        }
        Ok(()) => None,
    };
    walk.did(begun, shaken(&look));
    let begun = Instant::now();
    walk.did(begun, gate_certificate(gate, &look.chain, distrust));
    if distrust.is_some() {
        return false;
    }
    let begun = Instant::now();
    let step = Step::new("acceptance", "the gate takes your certificate, from this address");
    let step = match &look.accepted {
        Ok(()) => step,
        Err(judged) => not_accepted(gate, judged),
    };
    let is_accepted = look.accepted.is_ok();
    walk.did(begun, step);
    is_accepted
}

fn shaken(look: &Look) -> Step {
    let version = match look.version {
        Some(ProtocolVersion::TLSv1_3) => "TLS 1.3".to_owned(),
        Some(other) => format!("{other:?}"),
        None => "TLS".to_owned(),
    };
    let group = look.group.map_or_else(|| "unknown".to_owned(), |group| format!("{group:?}"));
    let cipher = look.cipher.map_or_else(|| "unknown".to_owned(), |cipher| format!("{cipher:?}"));
    let is_post_quantum = look.group == Some(NamedGroup::X25519MLKEM768);
    let kind = if is_post_quantum { "post-quantum" } else { "not post-quantum" };
    Step::new("handshake", format!("{version}, {group} ({kind}), {cipher}"))
        .with("version", version)
        .with("group", group)
        .with("post_quantum", is_post_quantum)
        .with("cipher", cipher)
        .with("protocol", String::from_utf8_lossy(ALPN))
}

fn not_shaken(gate: &Gate, look: &Look, fault: &HandshakeFault) -> Step {
    let peer = gate.address.to_string();
    let step = Step::new("handshake", "").with("answered", look.was_answered);
    let operator = |what: String, hint: &str| Trouble::new(what, Side::Gate, hint);
    match fault {
        HandshakeFault::Unreached(Unreached::Closed) if !look.was_answered => {
            let what = format!("{peer} closes the connection without a byte of TLS");
            let hint = "its operator has to see whether admission.allow lists this host's address, and \
                        whether it is banned or over a limit: the audit log has the reason";
            step.failed(operator(what, hint), Exit::Unreachable)
        }
        HandshakeFault::Unreached(Unreached::TimedOut(Stage::Handshake)) if !look.was_answered => {
            let what = format!("{peer} takes the connection and says nothing");
            let hint = "either something else listens there, or a firewall lets connections through \
                        and no more; `tsmgated status` on the gate's host shows whether it works";
            step.failed(operator(what, hint), Exit::Unreachable)
        }
        HandshakeFault::Unreached(cause) => {
            step.failed_by(&LoginFailure::Unreachable { peer, cause: *cause })
        }
        HandshakeFault::Refused(refusal) => {
            step.failed_by(&LoginFailure::NotAccepted { peer, refusal: *refusal })
        }
        HandshakeFault::Breach(Breach::Alert(alert)) if OTHER_TLS.contains(alert) => {
            let what = format!("{peer} does not speak TLS 1.3: it answers with alert {alert}");
            let hint = "a gate speaks nothing else: see that the port is tsmgated's, and that no proxy \
                        ends TLS before it";
            step.failed(operator(what, hint), Exit::Protocol)
        }
        HandshakeFault::Breach(Breach::Alert(NO_SUCH_LANE)) => {
            let what = format!("{peer} speaks TLS, and not tsm-login");
            let hint = "see that the port is tsmgated's, and that no proxy ends TLS before it";
            step.failed(operator(what, hint), Exit::Protocol)
        }
        HandshakeFault::Breach(breach) => {
            let what = format!("{peer} does not speak TLS 1.3 as a gate does: {breach}");
            let hint = "check host and port: a gate listens at 18850 as it is installed";
            step.failed(Trouble::new(what, Side::Here, hint), Exit::Protocol)
        }
        // the gate's certificate is a step of its own
        HandshakeFault::Distrust(_) => step,
    }
}

fn gate_certificate(gate: &Gate, chain: &[CertificateDer<'_>], distrust: Option<Distrust>) -> Step {
    const NAME: &str = "gate_certificate";
    let now = OffsetDateTime::now_utc();
    let views: Vec<_> = chain.iter().filter_map(|der| inspect_certificate(der, now)).collect();
    let Some(leaf) = views.first() else {
        let failure = untrusted(gate, distrust.unwrap_or(Distrust::Invalid));
        return Step::new(NAME, "").failed_by(&failure);
    };
    let days = shown::days(leaf.days_left);
    let says = format!("{}, until {}, {days} left", shown::names(leaf), leaf.ends);
    let step = Step::new(NAME, says)
        .with("expected_name", escape(&gate.server_name))
        .with("certificate", shown::certificate(leaf))
        .with("chain", views.iter().skip(1).map(|view| view.subject.clone()).collect::<Vec<_>>())
        .line(format!("issued by {}", leaf.issuer));
    match distrust {
        None if leaf.days_left < DAYS_LOW => {
            let what = format!("the gate's certificate ends in {days}");
            let hint = "the gate's operator has to renew it";
            step.warned(Trouble::new(what, Side::Gate, hint))
        }
        None => step,
        Some(cause) => {
            let trouble = distrusted(gate, leaf, cause, now);
            step.failed(trouble, Exit::Protocol)
        }
    }
}

fn untrusted(gate: &Gate, cause: Distrust) -> LoginFailure {
    LoginFailure::Untrusted {
        peer: gate.address.to_string(),
        name: gate.server_name.clone(),
        authority: gate.authority.clone(),
        cause,
    }
}

/// What is wrong with it, in its own words.
fn distrusted(
    gate: &Gate,
    leaf: &CertificateView,
    cause: Distrust,
    now: OffsetDateTime,
) -> Trouble {
    let usual = Trouble::from(&untrusted(gate, cause));
    let now = time_text(now);
    let what = match cause {
        Distrust::UnknownAuthority => {
            let authority = crate::failure::shown(&gate.authority);
            format!("it is of another authority: {}, which {authority} does not hold", leaf.issuer)
        }
        Distrust::WrongName => {
            let wanted = escape(&gate.server_name);
            format!("it does not name {wanted}: it has {}", shown::names(leaf))
        }
        Distrust::Expired => {
            format!("it has expired: {}, and this host's clock says {now}", leaf.ends)
        }
        Distrust::NotYetValid => {
            format!("it is not valid before {}, and this host's clock says {now}", leaf.begins)
        }
        Distrust::Invalid => {
            let usage = leaf.extended_key_usage.join(", ");
            format!("it is not a valid server certificate; it is for {usage}")
        }
    };
    Trouble { what, ..usual }
}

fn not_accepted(gate: &Gate, judged: &Judged) -> Step {
    let peer = gate.address.to_string();
    let step = Step::new("acceptance", "");
    match judged {
        Judged::Refused(Refusal::AccessDenied) => {
            let what = format!(
                "{peer} denies access: your certificate is good there, and no [[client]] entry has it, \
                 or not from this address"
            );
            let hint = "its operator finds the reason in the audit log, or by `tsmgated explain --client NAME \
                        --from ADDRESS`, and has to give an entry of your certificate's name, with this network";
            step.failed(Trouble::new(what, Side::Gate, hint), Exit::NotAccepted)
        }
        Judged::Refused(refusal) => {
            step.failed_by(&LoginFailure::NotAccepted { peer, refusal: *refusal })
        }
        Judged::Breach(breach) => {
            step.failed_by(&LoginFailure::Protocol { peer, breach: breach.clone() })
        }
        Judged::TimedOut | Judged::NotAsked => {
            let cause = Unreached::TimedOut(Stage::Handshake);
            step.failed_by(&LoginFailure::Unreachable { peer, cause })
        }
    }
}
