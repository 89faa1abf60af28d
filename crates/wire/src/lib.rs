//! The login conversation with TSM, and nothing else: bytes to call, bytes to reply, and back.
//!
//! The whole legal conversation is one call of 18 bytes and one reply of five fields, in Thrift's
//! strict binary protocol without frames. This room knows both directions, bounds everything it
//! reads, and does no I/O: callers bring bytes and are told whether a message is complete, not yet
//! complete, or never will be one.
//!
//! It refuses to be a general Thrift library, and to let a cookie be printed: a [`Cookie`] keeps
//! its value in a [`Secret`] from the moment it is parsed, and buffers that held one are wiped.

mod call;
mod codec;
mod reply;
mod secret;

pub mod generated;

pub use call::{ALPN, CALL_LIMIT, Call, CallFault, METHOD, decode_call, encode_call};
pub use reply::{
    Answer, Cookie, CookieFault, ExceptionKind, Login, REPLY_LIMIT, RemoteException, ReplyFault,
    decode_reply, encode_exception, encode_reply,
};
pub use secret::Secret;
