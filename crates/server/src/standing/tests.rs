//! In which order what waits is judged, and what takes it back.
#![allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a failed unwrap is a failed test"
)]

use tsmgate_catalogue::runner::{State, Task};
use tsmgate_gate::reason::Reason;

use super::{network_first, revoked};

fn waiting(request: &str, identity: &str) -> Task {
    let task = serde_json::json!({
        "id": "1", "client": "ops", "identity": identity, "address": "", "request": request,
        "command": "", "permission": "", "arguments": [], "state": State::Queued,
        "queued_at": "", "events": 0, "output_bytes": 0
    });
    serde_json::from_value(task).unwrap()
}

#[test]
fn who_has_to_be_looked_up_is_judged_last() {
    let mut tasks = vec![
        waiting("a", "unix:uid=1000"),
        waiting("b", "DNS:ops.example"),
        waiting("c", "unix:uid=1000"),
        waiting("d", "DNS:ops.example"),
    ];
    tasks[3].state = State::Running;
    let order: Vec<_> = network_first(&tasks).iter().map(|it| it.request.as_str()).collect();
    assert_eq!(order, ["b", "a", "c"]);
}

#[test]
fn a_lookup_that_fails_takes_nothing_back() {
    assert_eq!(revoked(Err(Reason::LocalLookupFailed)), Err(Reason::LocalLookupFailed));
    assert_eq!(revoked(Err(Reason::LocalUserUnknown)), Ok(Some(Reason::LocalUserUnknown)));
    assert_eq!(revoked(Ok(())), Ok(None));
}
