//! A pretend TSM controller: its login socket and its HTTP API, the other end for the daemon's tests
//! and for the demo, built to be not kinder than the real one.
//!
//! At the socket it speaks through the code that the Thrift compiler generated, and through no codec of ours, so
//! that ours is checked against a peer which does not share its mistakes. It asks the kernel who
//! connected (`SO_PEERCRED`) and the host's user database whether that user may, and can be told to
//! misbehave in every way that a broken or hostile controller could. The HTTP API ([`Api`]) is there when
//! [`SimulatorOptions::api`] asks for it, and takes the cookies that the socket gave.
//!
//! [`Simulator::gateway`] starts a pretend of Tableau Server's own gateway, which has `systeminfo.xml`.
//!
//! Beside it there is a pretend of the vendor's command line (`src/bin/tsm`), which finds the controller by what
//! [`Simulator::tsm_environment`] gives, and needs the routes that are mere guesses
//! ([`ApiOptions::assumed_routes`]): no published route writes what its commands write.
//!
//! It refuses to guess in silence. Facts about TSM carry a mark where they are used: *documented*
//! by the vendor, *seen* in a real client or log, or *guess*, where nothing was found.

mod api;
mod behaviour;
mod call;
mod clock;
mod conversation;
mod cookie;
mod gateway;
mod log;
mod people;
mod record;
mod reply;
mod sessions;
mod simulator;
mod world;

pub use api::Api;
pub use api::misbehave::{ApiBehaviour, Place};
pub use api::options::{ApiAccount, ApiOptions, JobDrive, ServerCertificate};
pub use api::record::{ApiConnection, BODY_KEPT, REQUESTS_KEPT, RequestRecord};
pub use behaviour::{Behaviour, Then, UnknownBehaviour};
pub use clock::Clock;
pub use gateway::{Gateway, GatewayBehaviour, GatewayOptions};
pub use log::LogTarget;
pub use people::{Account, Directory, Policy};
pub use record::{CONNECTIONS_KEPT, ConnectionRecord, Counts, Peer, RECEIVED_KEPT};
pub use simulator::{Simulator, SimulatorOptions, TSM_CERTIFICATE, TSM_SOCKET, TSM_URL};
pub use world::cluster::ServerState;
pub use world::jobs::JobStatus;
pub use world::store::{Configuration, PendingChange};
