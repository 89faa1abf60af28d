//! The local door: a Unix socket for callers on this host, who have no certificate. Read it as
//! [`crate::connection`], from top to bottom:
//!
//! accept → admit → identify → authorize → relay → audit. Who it is, the kernel says ([`peer`]) and the host's user
//! database ([`directory`]); from there on nothing is other than on the port.
//!
//! Anybody may connect, since the file's mode could only name one group, and a mode says nothing in an audit: the
//! decision is by the credentials of the process that connected. What nobody allowed is refused.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::watch;
use tsmgate_gate::admission::local::CONNECTIONS;
use tsmgate_gate::permit::Caller;
use tsmgate_gate::reason::Reason;

use crate::accept::Arrival;
use crate::audit::record::{Outcome, Record};
use crate::audit::{Proof, RefusalOrigin};
use crate::connection::{converse, past_last_call};
use crate::house::House;
use crate::relay::Party;
use crate::relay::lane::{Chosen, Lane};
use crate::relay::opening::Opening;
use crate::relay::shared::Shared;
use crate::{drain, judge};

pub mod directory;
pub mod peer;

use directory::Asker;
use peer::Peer;

/// Connections that may exist at once: those with a place, and some that are told that they get none.
pub const SLOTS: usize = CONNECTIONS + 16;

/// Where the socket is, as the kernel knows it: it may have been handed over.
pub(crate) fn path_of(listener: &UnixListener) -> Option<PathBuf> {
    listener.local_addr().ok()?.as_pathname().map(Path::to_owned)
}

/// Takes a connection through all stages. `stop` turns true when the daemon stops.
pub async fn connection(
    house: Arc<House>,
    arrival: Arrival<UnixStream, ()>,
    mut stop: watch::Receiver<bool>,
) {
    let Arrival { mut stream, number, .. } = arrival;
    let mut changes = house.snapshot.subscribe();
    let snapshot = Arc::clone(&changes.borrow_and_update());
    // other numbers than those of the port
    let id = format!("{}-local{number}", house.life);
    let peer = match Peer::of(&stream) {
        Ok(peer) => peer,
        Err(error) => {
            tracing::warn!(%error, "a local connection without credentials of its peer is closed");
            let about = || Record::empty().text("tsmgate.connection", &id);
            return refuse(&house, &Peer::NOBODY, Reason::LocalPeerUnknown, about);
        }
    };
    let about = || peer.about(Record::empty().text("tsmgate.connection", &id));

    let mut place = match house.local.admit(peer.uid) {
        Ok(place) => place,
        Err(reason) => return refuse(&house, &peer, reason, about),
    };

    let groups = snapshot.policy.local().groups();
    let found = tokio::select! {
        biased;
        () = past_last_call(&mut stop) => Err(Reason::GateStopping),
        found = house.directory.find(Asker::Stranger, peer.uid, groups) => found,
    };
    let about =
        found.as_ref().map_or_else(|_| about(), |user| about().text("user.name", &user.name));
    let caller = found.and_then(|user| Caller::local(&snapshot.policy, user));
    let caller = match caller {
        Ok(caller) => caller,
        Err(reason) => {
            refuse(&house, &peer, reason, || about);
            // who is only told goodbye takes no other's place
            drop(place);
            return drain::farewell(&mut stream, true).await;
        }
    };
    let client = caller.client();
    place.identified(&client.name);
    let about = about.client(client);
    house.metrics.seen(&client.name, None);
    let entries = peer::entries(&snapshot.policy, &caller);
    let opening = Record::new("connection", Outcome::Success).append(&entries).append(&about);
    let opening = Opening::new(&house.audit, opening);
    drop(snapshot);

    let mut stream = Shared::new(stream);
    let lane = Chosen::new();
    let party = Party { caller: &caller, about: &about, opening: &opening, id: &id, remote: None };
    tokio::select! {
        biased;
        reason = judge::local_no_longer(&house, &mut changes, &caller, &lane) => {
            tracing::info!(client = client.name, %reason, "an open connection is cut");
            house.metrics.cut(reason);
            opening.note();
            house.audit.note(Record::refusal("cut", reason).append(&about));
        }
        () = opening.before(converse(&house, &mut stream, None, party, &lane, &mut stop)) => return,
    }
    drop(place);
    // an answer of no announced length would seem whole after a goodbye
    if lane.get() != Some(&Lane::Http) {
        drain::farewell(&mut stream, false).await;
    }
}

/// The one door for refusals here: recorded, and counted where the same user keeps coming.
fn refuse(house: &House, peer: &Peer, reason: Reason, about: impl FnOnce() -> Record) {
    tracing::debug!(uid = peer.uid, %reason, stage = reason.stage().name(), "refused");
    // the kernel vouches for the number, and everybody has one: he has proved nothing
    house.refuse(RefusalOrigin::User(peer.uid), reason, Proof::None, about);
}
