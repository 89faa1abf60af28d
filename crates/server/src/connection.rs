//! One connection, from accept to its last record: read it from top to bottom.
//!
//! accept → admit → handshake → identify → authorize → relay → audit. Each stage hands the next a value
//! that only it can make; a refusal at any of them leaves by the same door, [`refuse`].

use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep};
use tsmgate_gate::admission::Unproven;
use tsmgate_gate::admission::penalty::Offence;
use tsmgate_gate::reason::{Reason, Stage};

use crate::accept::Arrival;
use crate::audit::record::{Outcome, Record};
use crate::audit::{Proof, RefusalOrigin};
use crate::handshake::{Handshaken, Refused, handshake};
use crate::house::House;
use crate::proxy::{Origin, Unknown};
use crate::relay::lane::{self, Chosen, Lane};
use crate::relay::opening::Opening;
use crate::relay::shared::Shared;
use crate::relay::{Party, Remote, http, login};
use crate::{drain, judge};

/// How long after the daemon began to stop a connection that was just made may still become a call. A
/// restart loses no call that way; silence is not waited for any longer.
const LAST_CALL: Duration = Duration::from_secs(2);

/// Room for the first bytes of a conversation: a call has eighteen. What is longer makes more.
const FIRST_BYTES: usize = 64;

/// Takes a connection through all stages. `stop` turns true when the daemon stops.
pub async fn connection(house: Arc<House>, arrival: Arrival, mut stop: watch::Receiver<bool>) {
    let Arrival { mut stream, peer, at, number } = arrival;
    // what decides now; whatever replaces it later is judged by below
    let mut changes = house.snapshot.subscribe();
    let snapshot = Arc::clone(&changes.borrow_and_update());
    let numbered =
        || Record::empty().text("tsmgate.connection", &format!("{}-{number}", house.life));

    let direct = Origin::direct(peer);
    let origin = tokio::select! {
        biased;
        () = past_last_call(&mut stop) => Err(Unknown::Stopping),
        origin = house.balancers.origin(&mut stream, peer, &snapshot.config.proxies, at) => origin,
    };
    let origin = match origin {
        Ok(origin) => origin,
        Err(unknown) => {
            if let Some(reason) = unknown.reason() {
                refuse(&house, &direct, reason, || direct.about(numbered()));
            }
            return;
        }
    };
    let deadline = at + snapshot.config.handshake_timeout;
    let about = || origin.about(numbered());

    let (held, mut evicted) = oneshot::channel::<()>();
    let unproven = match house.admission.admit(&snapshot.policy, origin.address, held) {
        Ok(unproven) => unproven,
        Err(reason) => return refuse(&house, &origin, reason, about),
    };

    let _ = stream.set_nodelay(true);
    let outcome = tokio::select! {
        biased;
        () = past_last_call(&mut stop) => {
            return refuse(&house, &origin, Reason::GateStopping, about);
        }
        // the sender is dropped when this connection has to make room
        _ = &mut evicted => return refuse(&house, &origin, Reason::UnprovenEvicted, about),
        // in a box that goes when it is done: a connection is much longer than its beginning
        outcome = Box::pin(handshake(stream, origin.address, &snapshot, deadline)) => outcome,
    };
    let handshaken = match outcome {
        Ok(handshaken) => handshaken,
        Err(refused) => {
            refuse_handshake(&house, &origin, &refused, &unproven, about);
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
        Err(reason) => return refuse(&house, &origin, reason, about),
    };
    drop(snapshot);

    let Handshaken { stream, caller, leaf, chain } = handshaken;
    let client = caller.client();
    let about = about().client(client).leaf(&leaf);
    house.metrics.seen(&client.name, Some(leaf.not_after));
    let opening = Record::new("connection", Outcome::Success).until(&leaf).append(&about);
    let opening = Opening::new(&house.audit, opening);
    let lane = Chosen::new();
    let id = format!("{}-{number}", house.life);
    let alpn = stream.get_ref().1.alpn_protocol().map(<[u8]>::to_vec);
    let mut stream = Shared::new(stream);
    let remote = Some(Remote { chain: &chain, origin });
    let party = Party { caller: &caller, about: &about, opening: &opening, id: &id, remote };
    tokio::select! {
        biased;
        reason = judge::no_longer(&mut changes, &origin, &caller, &chain, &lane) => {
            tracing::info!(client = client.name, %reason, "an open connection is cut");
            house.metrics.cut(reason);
            opening.note();
            house.audit.note(Record::refusal("cut", reason).append(&about));
        }
        () = opening.before(converse(&house, &mut stream, alpn.as_deref(), party, &lane, &mut stop)) => return,
    }
    // here only where it was cut: the conversation, and a call under way with it, is gone already. An answer
    // of no announced length would seem whole after the goodbye of TLS
    if lane.get() != Some(&Lane::Http) {
        drain::farewell(&mut stream, false).await;
    }
}

/// The conversation, in the lane that the peer chose in the handshake (`alpn`) or chooses now.
pub(crate) async fn converse<S: AsyncRead + AsyncWrite + Unpin + Send + 'static>(
    house: &Arc<House>,
    stream: &mut Shared<S>,
    alpn: Option<&[u8]>,
    party: Party<'_>,
    chosen: &Chosen,
    stop: &mut watch::Receiver<bool>,
) {
    let begun = Instant::now();
    let mut buffer = BytesMut::with_capacity(FIRST_BYTES);
    let config = Arc::clone(&house.snapshot().config);
    let deadline = begun + config.login.first_byte;
    let lane = tokio::select! {
        biased;
        () = past_last_call(stop) => return drain::farewell(stream, false).await,
        lane = lane::choose(stream, alpn, config.speaks_http(), &mut buffer, deadline) => lane,
    };
    let lane = *chosen.get_or_init(|| lane);
    let read = (begun, buffer);
    match lane {
        Lane::Login => {
            login::Conversation::new(house, stream.clone(), party, read).serve(stop).await
        }
        Lane::Http => {
            party.opening.note();
            // on the heap, for a caller in the other lane needs no room for it
            Box::pin(http::Conversation::new(house, stream, party, read).serve(stop)).await;
        }
    }
}

/// Resolves a little after the daemon began to stop.
pub async fn past_last_call(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
    sleep(LAST_CALL).await;
}

/// The one door for refusals: recorded, and counted where the same keeps coming.
fn refuse(house: &House, origin: &Origin, reason: Reason, about: impl FnOnce() -> Record) {
    refuse_with(house, origin, reason, Proof::None, about);
}

fn refuse_with(
    house: &House,
    origin: &Origin,
    reason: Reason,
    proof: Proof,
    about: impl FnOnce() -> Record,
) {
    let address = origin.address;
    tracing::debug!(%address, %reason, stage = reason.stage().name(), "refused");
    house.refuse(RefusalOrigin::of(address), reason, proof, about);
}

/// A refusal in the handshake also has a certificate, perhaps, and a price.
fn refuse_handshake<T>(
    house: &House,
    origin: &Origin,
    refused: &Refused,
    unproven: &Unproven<T>,
    about: impl Fn() -> Record,
) {
    let reason = refused.reason;
    let proof = if refused.key_proved { Proof::Key } else { Proof::None };
    refuse_with(house, origin, reason, proof, || match &refused.leaf {
        Some(leaf) => about().leaf(leaf).flag("tsmgate.key_proved", refused.key_proved),
        None => about(),
    });
    if let Some(ban) = offence(reason).and_then(|offence| unproven.offend(offence)) {
        house.metrics.banned();
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
        // a tool that speaks HTTP, where there is no api lane
        | Reason::AlpnUnknown
        | Reason::RevocationUnknown
        | Reason::RevocationListExpired
        | Reason::ClientAmbiguous => None,
        reason if matches!(reason.stage(), Stage::Handshake | Stage::Identify) => {
            Some(Offence::BadCertificate)
        }
        _ => None,
    }
}
