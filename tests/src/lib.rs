//! What the tests share: a scene (simulator, authority, daemon), certificates good and bad, a TLS peer
//! whose every byte the test decides, and the built programs.
//!
//! Nothing here asserts more than that the stage could be set.

pub mod certificates;
pub mod commands;
pub mod enrolment;
pub mod forward;
pub mod http;
pub mod local;
pub mod operations;
pub mod peer;
pub mod program;
pub mod runner;
pub mod scene;
pub mod wait;

pub use certificates::{Authority, Identity};
pub use forward::Forwarding;
pub use peer::Peer;
pub use runner::{Runner, RunnerOptions};
pub use scene::{Scene, SceneOptions};
