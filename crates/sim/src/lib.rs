//! A pretend TSM controller, as far as its login socket goes: the other end for the daemon's tests
//! and for the demo, built to be not kinder than the real one.
//!
//! It speaks through the code that the Thrift compiler generated, and through no codec of ours, so
//! that ours is checked against a peer which does not share its mistakes. It asks the kernel who
//! connected (`SO_PEERCRED`) and the host's user database whether that user may, and can be told to
//! misbehave in every way that a broken or hostile controller could.
//!
//! It refuses to guess in silence. Facts about TSM carry a mark where they are used: *documented*
//! by the vendor, *seen* in a real client or log, or *guess*, where nothing was found.

mod behaviour;
mod call;
mod conversation;
mod cookie;
mod log;
mod people;
mod record;
mod reply;
mod simulator;

pub use behaviour::{Behaviour, Then, UnknownBehaviour};
pub use log::LogTarget;
pub use people::{Account, Directory, Policy};
pub use record::{CONNECTIONS_KEPT, ConnectionRecord, Counts, Peer, RECEIVED_KEPT};
pub use simulator::{Simulator, SimulatorOptions};
