//! What is said here of the gate, and the three files: that they can be used, and what our certificate is.

use rustls::pki_types::CertificateDer;
use serde_json::json;
use time::OffsetDateTime;
use tsmgate_pki::inspect::{CertificateView, inspect_certificate};
use tsmgate_pki::time_text;

use super::step::{Setting, Step, Trouble};
use super::{DAYS_LOW, SETTINGS, Side, shown};
use crate::enrol::Leaf;
use crate::exit::Exit;
use crate::failure::{FileFault, LoginFailure};
use crate::system::standing::Standing;
use crate::{Gate, identity, tls};

const RENEW: &str = "have a new one issued, by `tsmgate pki client` or by whoever issued it, and see this host's clock";

/// What was read of the files; the key itself is not kept.
pub(super) struct Files {
    chain: Vec<CertificateDer<'static>>,
    /// Where the key is not the certificate's.
    misfit: Option<LoginFailure>,
}

impl Files {
    /// Whether a handshake can be tried with them.
    pub(super) fn fit(&self) -> bool {
        self.misfit.is_none()
    }
}

/// Reads all three as a login would.
pub(super) fn read(gate: &Gate) -> Result<Files, LoginFailure> {
    identity::authority(&gate.authority)?;
    let chain = identity::certificates(&gate.certificate)?;
    let config =
        tls::config(&gate.authority, &gate.certificate, &gate.private_key, tsmgate_wire::ALPN);
    let misfit = match config {
        Ok(_) => None,
        Err(failure @ LoginFailure::File { fault: FileFault::KeyMismatch, .. }) => Some(failure),
        Err(failure) => return Err(failure),
    };
    Ok(Files { chain, misfit })
}

/// The step of what was said alone.
pub(super) fn settings(settings: &[Setting]) -> Step {
    let place = settings.iter().find(|setting| matches!(setting.name, "gate" | "local"));
    let place = place.map(|place| place.value.clone()).unwrap_or_default();
    let each = settings.iter().map(
        |setting| json!({ "name": setting.name, "value": setting.value, "origin": setting.origin }),
    );
    let step = Step::new(SETTINGS, place).with("settings", each.collect::<Vec<_>>());
    settings.iter().fold(step, |step, setting| {
        step.line(format!("{} {} ({})", setting.name, setting.value, setting.origin))
    })
}

/// The step with the files.
pub(super) fn settings_of(
    gate: &Gate,
    said: &[Setting],
    files: &Result<Files, LoginFailure>,
) -> Step {
    let mode = Standing::of(&gate.private_key).map(Standing::mode_text);
    let step = settings(said).with("key_mode", mode);
    match files {
        Ok(_) => step,
        Err(failure) => step.failed_by(failure),
    }
}

/// The step of our certificate: what it says of us, and whether a gate can take it today.
pub(super) fn own_certificate(gate: &Gate, files: &Files, is_renewed: bool) -> Step {
    const NAME: &str = "own_certificate";
    let now = OffsetDateTime::now_utc();
    let views: Vec<_> =
        files.chain.iter().filter_map(|der| inspect_certificate(der, now)).collect();
    let Some(own) = views.first().filter(|_| views.len() == files.chain.len()) else {
        let file = crate::failure::shown(&gate.certificate);
        let what = format!("{file} holds a certificate that cannot be read");
        let trouble = Trouble::new(what, Side::Here, "give the file as it was issued");
        return Step::new(NAME, "").failed(trouble, Exit::File);
    };
    let left = shown::days(own.days_left);
    let identity = known_by(own);
    let says = format!("{identity}, until {}, {left} left", own.ends);
    let step = Step::new(NAME, says)
        .with("certificate", shown::certificate(own))
        .with("identity", identity)
        .with("chain", views.iter().skip(1).map(|view| view.subject.clone()).collect::<Vec<_>>())
        .with("key_fits", files.fit())
        .line(format!("issued by {}", own.issuer));
    match &files.misfit {
        Some(failure) => step.failed_by(failure),
        None if is_renewed => renewed(step, gate, own, now),
        None => judged(step, own, now),
    }
}

/// What a gate's entry calls it.
fn known_by(own: &CertificateView) -> String {
    let of =
        |kind: &str| own.names.iter().filter(|name| name.starts_with(kind)).collect::<Vec<_>>();
    match (&*of("URI:"), &*of("DNS:")) {
        ([one], _) | ([], [one]) => (*one).clone(),
        // of several names none counts
        _ => own.public_key.clone(),
    }
}

/// One that `tsmgate renew` renews: its life may be short, and its end is nobody's but ours.
fn renewed(step: Step, gate: &Gate, own: &CertificateView, now: OffsetDateTime) -> Step {
    let leaf = identity::contents(&gate.certificate).ok().and_then(|pem| Leaf::read(&pem));
    let Some(leaf) = leaf.filter(|leaf| leaf.begins <= now) else { return judged(step, own, now) };
    let client = leaf.name();
    if leaf.ends < now {
        let what = format!("your certificate has expired: {}", own.ends);
        let hint = format!(
            "join again: `tsmgate pki invite {client} …` on the TSM host, `tsmgate join` here; and see this host's clock"
        );
        step.failed(Trouble::new(what, Side::Here, hint), Exit::NotAccepted)
    } else if leaf.is_late(now) {
        let what = format!("your certificate ends {}, and was not renewed", own.ends);
        let hint =
            "`tsmgate renew` gets the next one, or says why not; see tsmgate-renew-client.timer";
        step.warned(Trouble::new(what, Side::Here, hint))
    } else {
        step
    }
}

fn judged(step: Step, own: &CertificateView, now: OffsetDateTime) -> Step {
    let here = |what: String, hint: &str| Trouble::new(what, Side::Here, hint);
    let is_past = shown::time(&own.ends).is_some_and(|ends| ends < now);
    let is_to_come = shown::time(&own.begins).is_some_and(|begins| begins > now);
    let usage = &own.extended_key_usage;
    let is_for_clients =
        usage.is_empty() || usage.iter().any(|use_| use_ == "clientAuth" || use_ == "any");
    if is_past {
        let what = format!("your certificate has expired: {}", own.ends);
        step.failed(here(what, RENEW), Exit::NotAccepted)
    } else if is_to_come {
        let what = format!(
            "your certificate is not valid before {}, and this host's clock says {}",
            own.begins,
            time_text(now)
        );
        step.failed(here(what, "set this host's clock, or wait until then"), Exit::NotAccepted)
    } else if !is_for_clients {
        let what = format!("your certificate is not for clients: it is for {}", usage.join(", "));
        let hint = "have one issued for clients, by `tsmgate pki client`";
        step.failed(here(what, hint), Exit::NotAccepted)
    } else if own.is_authority {
        let what = "your certificate is an authority's".to_owned();
        let hint = "give --cert your own certificate, leaf first in its file";
        step.failed(here(what, hint), Exit::NotAccepted)
    } else if own.days_left < DAYS_LOW {
        let what = format!("your certificate ends in {}", shown::days(own.days_left));
        step.warned(here(what, RENEW))
    } else {
        step
    }
}
