//! One call and one reply over a stream, whichever it is, within the deadline and the size limit.
//!
//! The buffer has its full size from the start and is wiped when dropped, so that no part of a
//! cookie stays behind. What an answer means is sorted here too; what a silence means is the
//! stream's business, for TLS says more about it than a socket can.

use std::io;
use std::time::SystemTime;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::time::{Instant, timeout_at};
use tsmgate_wire::{
    Answer, ExceptionKind, REPLY_LIMIT, RemoteException, ReplyFault, decode_reply, encode_call,
};
use zeroize::Zeroizing;

use crate::failure::{Breach, Delay, Lack, LoginFailure, TsmFault};
use crate::login::Login;

/// The number of our only call; a generated client's first is the same.
const SEQUENCE: i32 = 1;

/// Why there is no answer.
#[derive(Debug)]
pub(crate) enum NoAnswer {
    /// The time was over.
    TimedOut,
    /// The connection ended before the first byte; `None` is an orderly end.
    Ended(Option<io::Error>),
    /// The connection ended, or broke, after the first byte.
    CutOff,
    /// Bytes that are no reply.
    Fault(ReplyFault),
}

/// Sends the call and reads the whole answer.
pub(crate) async fn ask<S>(stream: &mut S, deadline: Instant) -> Result<Answer, NoAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    timeout_at(deadline, exchange(stream)).await.unwrap_or(Err(NoAnswer::TimedOut))
}

async fn exchange<S>(stream: &mut S) -> Result<Answer, NoAnswer>
where
    S: AsyncRead + AsyncWrite + Unpin,
{
    let sent = async {
        stream.write_all(&encode_call(SEQUENCE)).await?;
        stream.flush().await
    };
    // a peer that refuses us may be gone before our call is: what it said is still there to be read
    let unsent = sent.await.err();
    let mut buffer = Zeroizing::new(vec![0; REPLY_LIMIT]);
    let mut filled = 0;
    loop {
        let room = buffer.get_mut(filled..).unwrap_or_default();
        match stream.read(room).await {
            Ok(0) if filled == 0 => return Err(NoAnswer::Ended(unsent)),
            Err(error) if filled == 0 => return Err(NoAnswer::Ended(Some(error))),
            Ok(0) | Err(_) => return Err(NoAnswer::CutOff),
            Ok(read) => filled += read,
        }
        let so_far = buffer.get(..filled).unwrap_or_default();
        if let Some(answer) = decode_reply(so_far, SEQUENCE).map_err(NoAnswer::Fault)? {
            return Ok(answer);
        }
    }
}

/// What an answer means: a session that was asked for then, or why there is none. `lack` is what a refusal means
/// at that peer.
pub(crate) fn sort_answer(
    answer: Answer,
    peer: String,
    asked: SystemTime,
    lack: Lack,
) -> Result<Login, LoginFailure> {
    match answer {
        Answer::Granted(granted) => {
            Ok(Login { username: granted.username, cookie: granted.cookie, asked })
        }
        Answer::NotAuthorized => Err(LoginFailure::NotPermitted { peer, lack }),
        Answer::Error => Err(LoginFailure::Tsm { peer, cause: TsmFault::Failed }),
        Answer::Exception(exception) => Err(sort_exception(peer, exception)),
    }
}

/// What an exception means. The codes are the gate's; TSM itself sends words of its own.
fn sort_exception(peer: String, exception: RemoteException) -> LoginFailure {
    let RemoteException { kind, message } = exception;
    let about_our_call = matches!(
        kind,
        ExceptionKind::UnknownMethod
            | ExceptionKind::InvalidMessageType
            | ExceptionKind::ProtocolError
    );
    let end = message.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(message.len());
    let code = message.get(..end).unwrap_or_default();
    let cause = match code {
        _ if about_our_call => None,
        "over_limit" => {
            let delay = Delay::OverLimit(retry_seconds(&message));
            return LoginFailure::RetryLater { peer, delay };
        }
        "audit_unavailable" => {
            return LoginFailure::RetryLater { peer, delay: Delay::AuditUnavailable };
        }
        "gate_stopping" => return LoginFailure::RetryLater { peer, delay: Delay::GateStopping },
        "backend_unreachable" => Some(TsmFault::Unreachable),
        "backend_busy" => Some(TsmFault::Busy),
        "backend_timeout" => Some(TsmFault::Timeout),
        "backend_garbage" => Some(TsmFault::Garbage),
        "backend_untrusted" => Some(TsmFault::Untrusted),
        "backend_error" => Some(TsmFault::Error),
        "backend_denied_gate" => Some(TsmFault::DeniedGate),
        _ if kind == ExceptionKind::InternalError => Some(TsmFault::Exception(message.clone())),
        _ => None,
    };
    match cause {
        Some(cause) => LoginFailure::Tsm { peer, cause },
        None => {
            let breach = Breach::Exception { kind: kind.number(), message };
            LoginFailure::Protocol { peer, breach }
        }
    }
}

/// The number in `…; retry in 12 s`.
fn retry_seconds(message: &str) -> Option<u32> {
    let (_, rest) = message.split_once("retry in ")?;
    rest.split(|c: char| !c.is_ascii_digit()).next()?.parse().ok()
}
