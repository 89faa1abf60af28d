//! Makes the bytes of an answer, honest or not, through the generated Thrift code.
//!
//! Honest answers leave the generated processor as they are. Where a behaviour asks for bytes that
//! the processor cannot write, they are patched in its output. Nothing here reads or sends.

use aws_lc_rs::rand;
use thrift::protocol::TBinaryOutputProtocol;
use thrift::server::TProcessor;
use thrift::{ApplicationError, ApplicationErrorKind};
use tsmgate_wire::generated::passwordless_login::{
    PasswordLessLoginResult, PasswordLessLoginReturnCode, PasswordLessLoginSyncHandler,
    PasswordLessLoginSyncProcessor,
};

use crate::behaviour::{Behaviour, Then};
use crate::call::bounded_reader;
use crate::cookie::COOKIE_NAME;

/// What is sent for one call, and what comes after it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Script {
    pub(crate) bytes: Vec<u8>,
    pub(crate) byte_by_byte: bool,
    pub(crate) then: After,
}

/// What comes after an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    NextCall,
    Close,
    Hang,
}

/// A login that succeeded, and for how many seconds.
pub(crate) fn granted(username: &str, cookie: String, max_age: i32) -> PasswordLessLoginResult {
    PasswordLessLoginResult {
        return_code: Some(PasswordLessLoginReturnCode::PLL_SUCCESS),
        username: Some(username.to_owned()),
        cookie_name: Some(COOKIE_NAME.to_owned()),
        cookie_value: Some(cookie),
        cookie_max_age: Some(max_age),
    }
}

/// A login that failed. Guess: no other field comes with the code. TSM is a Java program, and what
/// libthrift writes for a result with the code alone has `cookieMaxAge` too, as 0 (tried with
/// `tests/interop/login_server`, `refuse`); a reader must take both.
pub(crate) fn failed(code: PasswordLessLoginReturnCode) -> PasswordLessLoginResult {
    PasswordLessLoginResult {
        return_code: Some(code),
        username: None,
        cookie_name: None,
        cookie_value: None,
        cookie_max_age: None,
    }
}

/// Answers a whole call with a result, under a behaviour.
///
/// # Errors
/// The Thrift code could not read the call or write the answer.
pub(crate) fn script(
    behaviour: Behaviour,
    call: &[u8],
    result: PasswordLessLoginResult,
) -> thrift::Result<Script> {
    let handler = Handler { behaviour, result: alter(behaviour, result) };
    let mut bytes = Vec::new();
    PasswordLessLoginSyncProcessor::new(handler)
        .process(&mut bounded_reader(call), &mut TBinaryOutputProtocol::new(&mut bytes, true))?;
    let mut script = Script { bytes, byte_by_byte: false, then: After::NextCall };
    misbehave(behaviour, &mut script);
    Ok(script)
}

/// Bytes that no Thrift reader takes for a message, whatever the dice say.
pub(crate) fn garbage() -> Vec<u8> {
    let mut bytes = [0; 64];
    rand::fill(&mut bytes).expect("the system's generator does not fail once it has started");
    let [first, ..] = &mut bytes;
    *first |= 0x81; // a version word begins with 0x80, the old header with a small length
    bytes.to_vec()
}

struct Handler {
    behaviour: Behaviour,
    result: PasswordLessLoginResult,
}

impl PasswordLessLoginSyncHandler for Handler {
    fn handle_login(&self) -> thrift::Result<PasswordLessLoginResult> {
        if self.behaviour == Behaviour::Exception {
            let kind = ApplicationErrorKind::InternalError;
            return Err(ApplicationError::new(kind, "Internal error processing login").into());
        }
        Ok(self.result.clone())
    }
}

fn alter(behaviour: Behaviour, mut result: PasswordLessLoginResult) -> PasswordLessLoginResult {
    match behaviour {
        Behaviour::LongReply => result.cookie_value = Some("A".repeat(17 * 1024)),
        Behaviour::UnknownCode(code) => {
            result.return_code = Some(PasswordLessLoginReturnCode::from(code));
        }
        Behaviour::EmptyCookie => result.cookie_value = Some(String::new()),
        Behaviour::CookieWithNewline => {
            result.cookie_value = Some("v\r\nSet-Cookie: AUTH_COOKIE=w".to_owned());
        }
        Behaviour::MissingMaxAge => result.cookie_max_age = None,
        Behaviour::HugeString => {
            // leaves the cookie's length in front of the two last bytes, where `misbehave` finds it
            result.cookie_value = Some(String::new());
            result.cookie_max_age = None;
        }
        _ => {}
    }
    result
}

fn misbehave(behaviour: Behaviour, script: &mut Script) {
    let bytes = &mut script.bytes;
    match behaviour {
        Behaviour::WrongMethod => overwrite(bytes, METHOD_AT, b"logon"),
        Behaviour::WrongSequence => {
            if let Some(last) = bytes.get_mut(SEQUENCE_AT + 3) {
                *last = last.wrapping_add(1);
            }
        }
        Behaviour::TrailingBytes => bytes.extend_from_slice(b"extra"),
        Behaviour::HugeString => {
            bytes.truncate(bytes.len().saturating_sub(6));
            bytes.extend_from_slice(&i32::MAX.to_be_bytes());
            bytes.extend_from_slice(b"eyJ");
            script.then = After::Hang;
        }
        Behaviour::HalfReply(then) => {
            bytes.truncate(bytes.len() / 2);
            script.then = match then {
                Then::Close => After::Close,
                Then::Hang => After::Hang,
            };
        }
        Behaviour::OneByteAtATime => script.byte_by_byte = true,
        _ => {}
    }
}

/// A strict message: version word, length of the name, name, sequence number.
const METHOD_AT: usize = 8;
const SEQUENCE_AT: usize = METHOD_AT + "login".len();

fn overwrite(bytes: &mut [u8], at: usize, with: &[u8]) {
    if let Some(place) = bytes.get_mut(at..at + with.len()) {
        place.copy_from_slice(with);
    }
}

#[cfg(test)]
mod tests;
