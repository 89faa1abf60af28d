//! One connection, from accept to its last record: read it from top to bottom.
//!
//! accept → admit → handshake → identify → authorize → relay → audit. Each stage hands the next a value
//! that only it can make; a refusal at any of them leaves by the same door, [`refuse`].

use std::net::IpAddr;
use std::sync::Arc;

use tokio::sync::{oneshot, watch};
use tsmgate_gate::admission::Unproven;
use tsmgate_gate::admission::penalty::Offence;
use tsmgate_gate::network::canonical;
use tsmgate_gate::reason::{Reason, Stage};

use crate::accept::Arrival;
use crate::audit::record::{Outcome, Record};
use crate::audit::{Proof, RefusalOrigin};
use crate::drain;
use crate::handshake::{Refused, handshake};
use crate::house::House;
use crate::relay::login::Conversation;

/// Takes a connection through all stages. `stop` turns true when the daemon stops.
pub async fn connection(house: Arc<House>, arrival: Arrival, mut stop: watch::Receiver<bool>) {
    let Arrival { stream, peer, at, number } = arrival;
    let address = canonical(peer.ip());
    let about = || {
        Record::empty()
            .text("tsmgate.connection", &format!("{}-{number}", house.life))
            .source(address, peer.port())
    };
    let snapshot = &house.snapshot;

    let (held, mut evicted) = oneshot::channel::<()>();
    let unproven = match house.admission.admit(&snapshot.policy, address, held) {
        Ok(unproven) => unproven,
        Err(reason) => return refuse(&house, address, reason, about),
    };

    let _ = stream.set_nodelay(true);
    let deadline = at + house.config.handshake_timeout;
    let outcome = tokio::select! {
        biased;
        _ = stop.wait_for(|stop| *stop) => return,
        // the sender is dropped when this connection has to make room
        _ = &mut evicted => return refuse(&house, address, Reason::UnprovenEvicted, about),
        outcome = handshake(stream, address, &snapshot.credentials, &snapshot.policy, deadline) => outcome,
    };
    let handshaken = match outcome {
        Ok(handshaken) => handshaken,
        Err(refused) => {
            refuse_handshake(&house, address, &refused, &unproven, about);
            if let Some(mut stream) = refused.stream {
                // still in the strangers' budget, and still the first to go
                tokio::select! {
                    _ = &mut evicted => {}
                    () = drain::farewell(&mut stream, true) => {}
                }
            }
            return;
        }
    };
    let _proven = match unproven.prove() {
        Ok(proven) => proven,
        Err(reason) => return refuse(&house, address, reason, about),
    };

    let caller = handshaken.caller;
    let about = about().client(caller.client()).leaf(caller.leaf());
    house.audit.note(Record::new("connection", Outcome::Success).append(&about));
    Conversation::new(&house, handshaken.stream, &caller, &about).serve(&mut stop).await;
}

/// The one door for refusals: recorded, and counted where the same keeps coming.
fn refuse(house: &House, address: IpAddr, reason: Reason, about: impl FnOnce() -> Record) {
    refuse_with(house, address, reason, Proof::None, about);
}

fn refuse_with(
    house: &House,
    address: IpAddr,
    reason: Reason,
    proof: Proof,
    about: impl FnOnce() -> Record,
) {
    tracing::debug!(%address, %reason, stage = reason.stage().name(), "refused");
    house.audit.refuse(RefusalOrigin::of(address), reason, proof, about);
}

/// A refusal in the handshake also has a certificate, perhaps, and a price.
fn refuse_handshake<T>(
    house: &House,
    address: IpAddr,
    refused: &Refused,
    unproven: &Unproven<T>,
    about: impl Fn() -> Record,
) {
    let reason = refused.reason;
    let proof = if refused.key_proved { Proof::Key } else { Proof::None };
    refuse_with(house, address, reason, proof, || match &refused.leaf {
        Some(leaf) => about().leaf(leaf).flag("tsmgate.key_proved", refused.key_proved),
        None => about(),
    });
    if let Some(ban) = offence(reason).and_then(|offence| unproven.offend(offence)) {
        let record = Record::new("ban", Outcome::Success).text("event.reason", reason.code());
        house.audit.remark(record.number("tsmgate.ban.seconds", ban.as_secs()).append(&about()));
    }
}

/// What a refusal costs its source. Silence, and what is nobody's fault or ours, costs nothing.
fn offence(reason: Reason) -> Option<Offence> {
    match reason {
        Reason::HandshakeGarbage => Some(Offence::Garbage),
        Reason::HandshakeTimeout
        | Reason::HandshakeAborted
        | Reason::PeerRefusedUs
        | Reason::RevocationUnknown
        | Reason::RevocationListExpired
        | Reason::ClientAmbiguous => None,
        reason if matches!(reason.stage(), Stage::Handshake | Stage::Identify) => {
            Some(Offence::BadCertificate)
        }
        _ => None,
    }
}
