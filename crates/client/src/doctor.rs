//! The way to a gate, walked step by step: what each step found, how long it took, and where the way ends.
//!
//! Every step is the client's own, looked at: it trusts nobody whom a login would not trust, and takes no
//! session unless it is told to, which it then gives back. What a step needs of one that failed is not tried,
//! and said so. Each step ends within the timeout.

use std::cell::Cell;
use std::time::{Duration, Instant};

use crate::exit::Exit;
use crate::gate::TIMEOUT_MOST;
use crate::{Gate, LocalGate};

mod asked;
mod files;
mod lane;
mod local;
mod network;
mod shown;
mod side;
mod step;

pub use side::Side;
pub use step::{Setting, Step, Trouble, Verdict};

use files::own_certificate;

/// The steps on the way to a gate, in their order.
pub const TO_A_GATE: [&str; 12] = [
    SETTINGS,
    "own_certificate",
    "name",
    "connection",
    "handshake",
    "gate_certificate",
    "acceptance",
    "identity",
    "permissions",
    "clock",
    "login",
    "tsm",
];
/// The steps on the way to the gate of this host, in their order.
pub const TO_THE_LOCAL_GATE: [&str; 6] =
    [SETTINGS, "socket", "identity", "permissions", "login", "tsm"];
const SETTINGS: &str = "settings";
/// The name of the setting that says where our certificate is renewed.
pub const AUTHORITY: &str = "authority";
/// Fewer days than this that a certificate has left are worth a warning.
const DAYS_LOW: i64 = 21;
/// `no_application_protocol` (RFC 7301): the gate has no such lane.
const NO_SUCH_LANE: u8 = 120;

/// What is to be examined.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Patient {
    /// A gate over the network.
    Gate(Gate),
    /// The gate of this host.
    Local(LocalGate),
}

/// All that was found.
#[derive(Debug, Clone, PartialEq)]
pub struct Report {
    steps: Vec<Step>,
}

impl Report {
    /// The steps, in their order.
    pub fn steps(&self) -> &[Step] {
        &self.steps
    }

    /// The first step that failed.
    pub fn failed(&self) -> Option<&Step> {
        self.steps.iter().find(|step| step.verdict() == Verdict::Failed)
    }

    /// The exit code: that of the first step that failed.
    pub fn exit(&self) -> Exit {
        self.failed().and_then(Step::exit).unwrap_or(Exit::Done)
    }

    /// The report where what was said of the gate makes no sense: nothing else was tried.
    pub fn unsettled(trouble: Trouble, exit: Exit, tell: &mut dyn FnMut(&Step)) -> Self {
        let mut walk = Walk::new(tell);
        let begun = Instant::now();
        walk.did(begun, Step::new(SETTINGS, "").failed(trouble, exit));
        walk.skip_rest("no gate is known");
        walk.report()
    }
}

/// Walks the whole way. `settings` is what counted, and where each came from; `tell` gets each step when it is
/// done. With `session` one is taken and given back, otherwise none is; it is true while there is one, and whoever
/// drops the walk then leaves it at TSM.
pub async fn examine(
    patient: &Patient,
    settings: Vec<Setting>,
    session: Option<&Cell<bool>>,
    tell: &mut dyn FnMut(&Step),
) -> Report {
    let mut walk = Walk::new(tell);
    if matches!(patient, Patient::Local(_)) {
        walk.all = &TO_THE_LOCAL_GATE;
    }
    match patient {
        Patient::Gate(gate) => to_a_gate(&mut walk, gate, &settings, session).await,
        Patient::Local(gate) => {
            let begun = Instant::now();
            walk.did(begun, files::settings(&settings));
            if local::socket(&mut walk, gate).await {
                asked::ask(&mut walk, patient, None, session).await;
            } else {
                walk.skip_rest("no connection");
            }
        }
    }
    walk.report()
}

async fn to_a_gate(
    walk: &mut Walk<'_>,
    gate: &Gate,
    settings: &[Setting],
    session: Option<&Cell<bool>>,
) {
    let begun = Instant::now();
    let files = files::read(gate);
    walk.did(begun, files::settings_of(gate, settings, &files));
    let begun = Instant::now();
    match &files {
        Ok(files) => {
            let is_renewed = settings.iter().any(|setting| setting.name == AUTHORITY);
            walk.did(begun, own_certificate(gate, files, is_renewed));
        }
        Err(_) => walk.skip("own_certificate", "a file of yours cannot be used"),
    }
    let reached = network::reach(walk, gate).await;
    let Some((tcp, local)) = reached else { return walk.skip_rest("no connection") };
    if !files.is_ok_and(|files| files.fit()) {
        return walk.skip_rest("a file of yours cannot be used");
    }
    if !lane::look(walk, gate, tcp).await {
        return walk.skip_rest("the gate and you do not know each other");
    }
    asked::ask(walk, &Patient::Gate(gate.clone()), Some(local), session).await;
}

/// The steps so far, and who is told of each.
struct Walk<'a> {
    /// All the names, in their order.
    all: &'static [&'static str],
    steps: Vec<Step>,
    tell: &'a mut dyn FnMut(&Step),
}

impl<'a> Walk<'a> {
    fn new(tell: &'a mut dyn FnMut(&Step)) -> Self {
        Self { all: &TO_A_GATE, steps: Vec::new(), tell }
    }

    /// A step that began then is done.
    fn did(&mut self, begun: Instant, step: Step) {
        let step = step.after(begun.elapsed());
        (self.tell)(&step);
        self.steps.push(step);
    }

    /// A step cannot be tried.
    fn skip(&mut self, name: &'static str, because: &str) {
        self.did(Instant::now(), Step::not_tried(name, because));
    }

    /// Nor can all that follow.
    fn skip_rest(&mut self, because: &str) {
        for name in self.all.get(self.steps.len()..).unwrap_or_default() {
            self.skip(name, because);
        }
    }

    fn report(self) -> Report {
        Report { steps: self.steps }
    }
}

/// When a step that begins now has to be over.
fn deadline(timeout: Duration) -> tokio::time::Instant {
    tokio::time::Instant::now() + timeout.min(TIMEOUT_MOST)
}
