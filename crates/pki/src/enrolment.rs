//! Enrolment: how a host gets its first certificate by one line of text, and its next ones by the one before.
//!
//! The operator files an *invite* with what the host may do; the *token* carries its secret to the host. The
//! service that holds the authority's key answers a token once, and a certificate of its own as often as it is
//! good. What the gate must know of it is *published* in a folder of its own. No network here: who asks, and
//! from where, is the service's to find out.
//!
//! ```text
//! DIR/invites/NAME.json      what was promised to whom, the secret as its hash alone
//! DIR/joined/NAME.pem        the last certificate of each
//! DIR/service.json           how the service is reached, and where it publishes
//! PUBLISHED/clients.d/NAME.toml, revoked.toml, clients.crl, ca.pem
//! ```
//!
//! Every change is written so that a crash leaves either what was or what shall be, and the same request again
//! finishes what was begun: first the index, then the certificate, then what the gate reads, last the invite.

mod fault;
mod invite;
mod join;
mod published;
mod renew;
mod service;
mod token;
mod wire;

pub use fault::EnrolFault;
pub use invite::{INVITE_MOST, Invite, InviteOrder, Used, invite, invites, withdraw};
pub(crate) use invite::{is_invited, withdraw_under};
pub use join::{Joined, LIFE_MOST};
pub use published::{Grants, Published, grant};
pub use renew::LIVE_MOST;
pub use service::Service;
pub use token::{InviteSecret, Token, TokenFault};
pub use tsmgate_gate::network::Network;
pub use wire::{BODY_MOST, ClientAnswer, Enrolled, GateAnswer, JoinRequest, RenewRequest};
