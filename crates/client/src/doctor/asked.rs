//! What the gate answers: who we are there, what we may, its clock, the login lane, and TSM behind it.

use std::cell::Cell;
use std::net::IpAddr;
use std::time::{Duration, Instant, SystemTime};

use serde_json::Value;
use tsmgate_catalogue::api::operation::Operation;
use tsmgate_text::escape;

use super::{NO_SUCH_LANE, Patient, Side, Step, Trouble, Walk, shown};
use crate::api::failure::Breach;
use crate::api::{Api, ApiFailure, Document, Own};
use crate::failure::{Lack, LoginFailure};
use crate::login::Login;
use crate::tsm::{ClusterStatus, Health};

/// A clock that is off by more is worth a look.
const SKEW: Duration = Duration::from_secs(5);
/// One that is off by more makes certificates and sessions end at another time than they should.
const GREAT_SKEW: Duration = Duration::from_secs(60);

/// All that is asked of an accepted client, in one line to the gate.
pub(super) async fn ask(
    walk: &mut Walk<'_>,
    patient: &Patient,
    local: Option<IpAddr>,
    session: Option<&Cell<bool>>,
) {
    let mut api = Api::new(match patient {
        Patient::Gate(gate) => gate.clone().into(),
        Patient::Local(gate) => gate.clone().into(),
    });
    ask_all(walk, patient, local, session, &mut api).await;
    api.end().await;
}

async fn ask_all(
    walk: &mut Walk<'_>,
    patient: &Patient,
    local: Option<IpAddr>,
    session: Option<&Cell<bool>>,
    api: &mut Api,
) {
    let begun = Instant::now();
    let asked = SystemTime::now();
    let who = match api.ask_gate(Own::WhoAmI).await.and_then(|who| known(api, who, "client")) {
        Ok(who) => who,
        Err(failure) => {
            walk.did(begun, nobody(&failure));
            return walk.skip_rest("the gate does not say who you are");
        }
    };
    let answered = SystemTime::now();
    walk.did(begun, identity(who.json(), local));

    let begun = Instant::now();
    let permissions = api.ask_gate(Own::Permissions).await;
    let permissions = permissions.and_then(|answer| known(api, answer, "permissions"));
    let granted = match permissions {
        Ok(answer) => granted(answer.json()),
        Err(failure) => {
            walk.did(begun, Step::new("permissions", "").failed_by_request(&failure));
            return walk.skip_rest("the gate does not say what you may");
        }
    };
    walk.did(begun, permitted(&granted, who.json()));
    if matches!(patient, Patient::Gate(_)) {
        walk.did(Instant::now(), clock(who.date(), asked, answered));
    }
    login(walk, patient, &granted, session, api).await;
    tsm(walk, &granted, who.json(), api).await;
}

/// An answer that has what it is read for.
fn known(api: &Api, answer: Document, member: &'static str) -> Result<Document, ApiFailure> {
    if answer.json().get(member).is_some() {
        Ok(answer)
    } else {
        Err(ApiFailure::Protocol { peer: api.peer().name(), breach: Breach::Lacks(member) })
    }
}

fn nobody(failure: &ApiFailure) -> Step {
    let step = Step::new("identity", "");
    match failure {
        // what is no failure of a gate that has the login lane alone
        ApiFailure::Protocol { breach: Breach::Alert(NO_SUCH_LANE), .. } => Step::not_tried(
            "identity",
            "the gate has no lane for requests: its configuration has no tsm.api; `tsmgate login` may work",
        ),
        failure => step.failed_by_request(failure),
    }
}

fn identity(who: &Value, local: Option<IpAddr>) -> Step {
    let text = |name: &str| shown::text(who, name);
    let roles = shown::texts(who, "roles");
    let client = text("client").unwrap_or_else(|| "unknown".to_owned());
    let address = text("address");
    let from = address.as_ref().map(|address| format!(" from {address}")).unwrap_or_default();
    let mut step = Step::new(
        "identity",
        format!("you are {client}{from}, with the roles {}", shown::in_line(&roles)),
    )
    .with("client", client)
    .with("roles", roles);
    for name in ["identity", "address"] {
        if let Some(value) = text(name) {
            step = step.with(name, value);
        }
    }
    if let Some(version) = who.get("gate").and_then(|gate| shown::text(gate, "version")) {
        step = step.line(format!("the gate is tsmgated {version}")).with("gate_version", version);
    }
    let seen = address.and_then(|address| address.parse::<IpAddr>().ok());
    if let (Some(seen), Some(local)) = (seen, local)
        && seen.to_canonical() != local
    {
        step = step.with("local_address", local.to_string()).line(format!(
            "this host connected from {local}: an address translation, a balancer or a proxy is between"
        ));
    }
    limits(step, who)
}

/// What is left of each allowance.
fn limits(mut step: Step, who: &Value) -> Step {
    for name in ["requests", "logins", "commands"] {
        let limit = who.get("limits").and_then(|limits| limits.get(name));
        let number = |member: &str| limit.and_then(|limit| limit.get(member)?.as_u64());
        let (Some(left), Some(burst)) = (number("left"), number("burst")) else { continue };
        step =
            step.with(&format!("{name}_left"), left).line(format!("{left} of {burst} {name} left"));
        if left == 0 {
            let what = format!("none of {burst} {name} is left just now");
            let hint = "ask less often; the gate's operator can raise the entry's limits";
            step = step.warned(Trouble::new(what, Side::Here, hint));
        }
    }
    step
}

fn granted(permissions: &Value) -> Vec<String> {
    let list = permissions.get("permissions").and_then(Value::as_array);
    let is_granted = |entry: &&Value| entry.get("granted") == Some(&Value::Bool(true));
    let granted = list.map_or(&[][..], Vec::as_slice).iter().filter(is_granted);
    granted.filter_map(|entry| shown::text(entry, "name")).collect()
}

fn permitted(granted: &[String], who: &Value) -> Step {
    let lanes = shown::texts(who, "lanes");
    let says =
        format!("{} permissions; the gate's lanes: {}", granted.len(), shown::in_line(&lanes));
    let step = Step::new("permissions", says)
        .with("granted", granted.to_vec())
        .with("lanes", lanes)
        .line(shown::in_line(granted));
    if granted.is_empty() {
        let hint = "the gate's operator can give this client a role";
        return step.warned(Trouble::new("you have no permission at all", Side::Gate, hint));
    }
    step
}

/// Whole seconds come from the gate, and the answer was under way for a while: what is certain counts.
fn clock(date: Option<SystemTime>, asked: SystemTime, answered: SystemTime) -> Step {
    let Some(date) = date else {
        return Step::not_tried("clock", "the gate's answer has no date");
    };
    let its_end = date + Duration::from_secs(1);
    let (off, word) = match (asked.duration_since(its_end), date.duration_since(answered)) {
        (Ok(ahead), _) => (ahead, "ahead of"),
        (_, Ok(behind)) => (behind, "behind"),
        (Err(_), Err(_)) => (Duration::ZERO, "with"),
    };
    let seconds = off.as_secs();
    let signed = i64::try_from(seconds).unwrap_or(i64::MAX);
    let signed = if word == "behind" { -signed } else { signed };
    let step = Step::new("clock", "this host and the gate have the same time")
        .with("seconds_ahead_of_gate", signed);
    if off <= SKEW {
        return step;
    }
    let what = format!("this host's clock is {seconds} s {word} the gate's");
    let hint = if off > GREAT_SKEW {
        "certificates begin and end at other times on the two, and a session is thought to last longer or \
         shorter than it does: set the clock that is wrong, by NTP, here or on the gate's host"
    } else {
        "see that both hosts set their clocks by NTP"
    };
    step.saying(what.clone()).warned(Trouble::new(what, Side::Here, hint))
}

async fn login(
    walk: &mut Walk<'_>,
    patient: &Patient,
    granted: &[String],
    session: Option<&Cell<bool>>,
    api: &mut Api,
) {
    const NAME: &str = "login";
    let begun = Instant::now();
    let is_granted = granted.iter().any(|permission| permission == "login");
    if let Some(held) = session {
        let step = Step::new(NAME, "a session was taken").with("session_taken", true);
        let session = match patient {
            Patient::Gate(gate) => gate.login().await,
            Patient::Local(gate) => gate.login().await,
        };
        let step = match session {
            Err(failure) => Step::new(NAME, "").with("session_taken", false).failed_by(&failure),
            Ok(login) => match end(&login, held, api).await {
                Ok(()) => {
                    let user = escape(&login.username);
                    step.saying(format!("a session of {user} was taken, and ended again"))
                        .with("username", user)
                        .with("session_ended", true)
                }
                Err(failure) => {
                    let what = format!("the session that was taken could not be ended: {failure}");
                    let trouble = Trouble::new(what, Side::of_request(&failure), failure.hint());
                    step.with("session_ended", false).warned(trouble)
                }
            },
        };
        return walk.did(begun, step);
    }
    if !is_granted {
        let failure = LoginFailure::NotPermitted { peer: api.peer().name(), lack: Lack::Role };
        return walk.skip(NAME, &format!("no role of yours gives a session: {}", failure.hint()));
    }
    let says = match patient {
        Patient::Gate(_) => {
            "you may log in, and the lane takes your certificate; no session was taken: --login takes one"
        }
        Patient::Local(_) => "you may log in; no session was taken: --login takes one",
    };
    walk.did(begun, Step::new(NAME, says).with("session_taken", false));
}

/// Gives a session back, which is `held` until then.
async fn end(login: &Login, held: &Cell<bool>, api: &mut Api) -> Result<(), ApiFailure> {
    held.set(true);
    let ended = api.end_session(login.cookie.value()).await;
    held.set(false);
    ended
}

async fn tsm(walk: &mut Walk<'_>, granted: &[String], who: &Value, api: &mut Api) {
    const NAME: &str = "tsm";
    let lanes = shown::texts(who, "lanes");
    if who.get("lanes").is_some() && !lanes.iter().any(|lane| lane == "api") {
        return walk
            .skip(NAME, "the gate does not ask TSM's API: its configuration has no tsm.api");
    }
    if !granted.iter().any(|permission| permission == "status.read") {
        return walk
            .skip(NAME, "no role of yours has status.read, which the gate's operator can give");
    }
    let begun = Instant::now();
    let request = Operation::named("status").and_then(|status| status.request(&[], &[]).ok());
    let Some(request) = request else {
        return walk.skip(NAME, "this program does not know how to ask for it");
    };
    let step = match api.ask(&request).await {
        Err(failure) => Step::new(NAME, "").failed_by_request(&failure),
        Ok(answer) => match ClusterStatus::read(answer.bytes()) {
            Err(cause) => {
                let peer = api.peer().name();
                let failure = ApiFailure::Protocol { peer, breach: cause.into() };
                Step::new(NAME, "").failed_by_request(&failure)
            }
            Ok(cluster) => running(&cluster),
        },
    };
    walk.did(begun, step);
}

fn running(cluster: &ClusterStatus) -> Step {
    let word = escape(cluster.rollup_status.as_deref().unwrap_or("without a word"));
    let step =
        Step::new("tsm", format!("TSM answers: its server is {word}")).with("status", &*word);
    let trouble = |what: String, hint: &str| Trouble::new(what, Side::Tsm, hint);
    match cluster.health() {
        Health::Healthy => step,
        Health::Stopped => step.warned(trouble(
            format!("Tableau Server is {word}; TSM itself answers"),
            "whoever may can start it: `tsmgate start`",
        )),
        Health::Degraded => step.warned(trouble(
            format!("Tableau Server is not well: {word}"),
            "`tsmgate status --verbose` shows which process",
        )),
    }
}
