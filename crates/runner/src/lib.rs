//! `tsmgate-runner`: the only program of ours that starts others. It runs commands of the official `tsm` for
//! the gate on the same host, from the closed catalogue, and keeps what they print.
//!
//! ```text
//! serve → conversation → desk → running → process
//!   who may ask    one question   what may run when   one command's life   the process itself
//! ```
//!
//! | room | what happens there |
//! |---|---|
//! | [`cli`], [`config`], [`hardening`], [`listen`] | the start: what is configured, what the process gives up, where it listens |
//! | [`serve`] | connections: the peer's user by `SO_PEERCRED`, how many at once |
//! | [`conversation`] | one question, one answer or a stream of them |
//! | [`serving`] | which permissions are served at all |
//! | [`desk`] | the one picture of all commands; [`queue`] decides whose turn it is |
//! | [`store`], [`transcript`] | the picture and the output on disk, so that both outlive the runner |
//! | [`running`], [`follow`] | a command from its turn to its end, and the job that it leaves at TSM |
//! | [`program`], [`process`], [`family`] | the `tsm` that nobody else could have written; its process; all that comes of it |
//! | [`files`] | the private folder of a command: files that go along, files that come back |
//! | [`output`], [`mask`] | from bytes to lines, and no secret of the order in them |
//!
//! What runs, and with which arguments, comes of `tsmgate-catalogue`'s check alone; never of a shell. Whose a
//! command is and who may see it is the gate's to decide, and nothing here connects to a network.

pub mod cli;
mod clock;
pub mod config;
pub mod conversation;
pub mod desk;
pub mod family;
pub mod files;
pub mod follow;
pub mod hardening;
pub mod listen;
pub mod mask;
pub mod output;
pub mod process;
pub mod program;
pub mod queue;
pub mod running;
pub mod serve;
pub mod serving;
pub mod store;
pub mod transcript;
