//! The client of tsmgate: asks a gate for a session, or TSM for whatever its API has, through a gate or
//! without one.
//!
//! [`Gate`] speaks the login lane: TLS 1.3 with a client certificate, one call, one reply.
//! [`LocalGate`] asks the gate of this host at its local socket. [`LocalSocket`] has the same conversation
//! with TSM on this host, without a gate. All give a [`Login`] or one [`LoginFailure`], whose [`exit`](LoginFailure::exit) and
//! [`hint`](LoginFailure::hint) say what to do. The whole attempt ends within its timeout.
//!
//! [`api::Api`] asks TSM over HTTP: a gate, which has the session and lets each certificate do its part,
//! or TSM's controller itself, with a session that is ended afterwards. What can be asked is what
//! `tsmgate-catalogue` has; every way to fail is an [`api::ApiFailure`].
//!
//! A gate can also have commands of `tsm` run on its host: [`api::Api::start_command`] and its like, with
//! what they print as [`api::Output`]. [`check`] finds what is wrong with certificates, keys and settings
//! before they are sent.
//!
//! [`forward::Forward`] offers TSM's login socket on this host, for programs that know nothing of gates.
//!
//! It refuses to skip the check of a gate's or a controller's certificate, to read a private key that
//! others may read, to take a cookie without its return code, to resume a TLS session, and to print a
//! secret.
//!
//! ```no_run
//! use tsmgate_client::{Gate, LoginFailure};
//!
//! async fn session() -> Result<String, LoginFailure> {
//!     let gate = Gate {
//!         address: "tsm.example.com:18850".parse()?,
//!         server_name: "tsm.example.com".to_owned(),
//!         authority: "/etc/tsmgate/ca.pem".into(),
//!         certificate: "/etc/tsmgate/jump01.pem".into(),
//!         private_key: "/etc/tsmgate/jump01.key".into(),
//!         bind: None,
//!         proxy: None,
//!         timeout: Gate::TIMEOUT,
//!     };
//!     let login = gate.login().await?;
//!     // the cookie is a superuser's session: keep it out of logs, arguments and environments
//!     Ok(format!("Cookie: {}={}", login.cookie.name(), login.cookie.value().expose()))
//! }
//! ```
//!
//! ```no_run
//! use tsmgate_catalogue::api::operation::Operation;
//! use tsmgate_client::Gate;
//! use tsmgate_client::api::{Api, ApiFailure};
//!
//! async fn is_running(gate: Gate) -> Result<bool, ApiFailure> {
//!     let status = Operation::named("status").and_then(|status| status.request(&[], &[]).ok());
//!     let mut api = Api::new(gate.into());
//!     let answer = api.ask(&status.expect("the catalogue has it")).await;
//!     api.end().await;
//!     Ok(answer?.json()["clusterStatus"]["rollupStatus"] == "Running")
//! }
//! ```
//!
//! Rooms, in the order in which they are passed:
//!
//! | room | what is in it |
//! |---|---|
//! | [`profile`] | gates by name, and the file that names them |
//! | `source`: `gate`, `local_gate`, `local_socket` | the ways to a session |
//! | `identity` | our files: certificate, key, authority |
//! | `reach`, `proxy` | connections, direct and through others |
//! | `tls` | what is spoken there, and what goes wrong |
//! | `conversation` | the login lane's one question |
//! | [`cache`] | sessions that the commands of one user share |
//! | [`api`] | questions over HTTP |
//! | [`tsm`] | what TSM's answers mean |
//! | [`check`] | what is looked at before a command is sent |
//! | [`forward`] | TSM's login socket on a host where TSM is not |
//! | [`enrol`] | how this host gets its certificate, and the next ones |
//! | [`doctor`] | the way to a gate, step by step, and where it ends |
//! | [`monitor`] | TSM, the gate and the cluster as points for a monitoring system |
//! | `system` | what is particular to Unix |
//! | [`failure`], [`exit`] | every way to fail a login; the one table of exit codes |
//! | [`cli`] | the command line |

pub mod api;
pub mod cache;
pub mod check;
pub mod cli;
pub mod doctor;
pub mod enrol;
pub mod exit;
pub mod failure;
pub mod forward;
pub mod monitor;
pub mod profile;
pub mod tsm;

mod address;
mod conversation;
mod gate;
mod identity;
mod json;
mod local_gate;
mod local_socket;
mod login;
mod proxy;
mod reach;
mod source;
mod system;
mod tls;

pub use address::Address;
pub use failure::LoginFailure;
pub use gate::Gate;
pub use local_gate::LocalGate;
pub use local_socket::LocalSocket;
pub use login::Login;
pub use proxy::{Proxy, ProxyUrl};
pub use source::Source;
pub use tsmgate_wire::{Cookie, Secret};
