//! Reading a reply: first whether it is complete, without keeping any of it, then what it says.

use thrift::protocol::{TInputProtocol, TMessageIdentifier, TMessageType, TType};

use super::{
    Answer, Cookie, CookieFault, ExceptionKind, Login, METHOD, REPLY_LIMIT, RemoteException,
    ReturnCode,
};
use crate::codec::{self, Input};
use crate::secret::Secret;

/// Why bytes are not, and will not become, a reply to our call.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ReplyFault {
    /// Not strict binary protocol, a length or a depth beyond the limits, text that is not UTF-8.
    #[error("not a strict binary Thrift message within the limits")]
    Malformed,
    /// Longer than [`REPLY_LIMIT`] without an end.
    #[error("a reply longer than {REPLY_LIMIT} bytes")]
    TooLong,
    /// A call or a oneway where an answer was due.
    #[error("a message that is neither reply nor exception")]
    NotAReply,
    /// An answer to another method.
    #[error("a reply to another method")]
    WrongMethod,
    /// An answer to another call.
    #[error("a reply with another sequence number")]
    WrongSequence,
    /// A known field with another type than the IDL's, or twice.
    #[error("a field of the wrong type, or twice")]
    WrongField,
    /// No result struct, or no return code in it.
    #[error("a reply without a return code")]
    NoReturnCode,
    /// A return code that the IDL does not have.
    #[error("unknown return code {0}")]
    UnknownReturnCode(i32),
    /// Success, but without what makes a session.
    #[error("success without a usable cookie: {0}")]
    NoCookie(#[from] CookieFault),
}

/// Reads one answer to the call `sequence` from `bytes`: `None` where it is not complete yet.
///
/// # Errors
/// As soon as the bytes cannot become an acceptable answer.
pub fn decode_reply(bytes: &[u8], sequence: i32) -> Result<Option<Answer>, ReplyFault> {
    if !codec::starts_strict(bytes) {
        return Err(ReplyFault::Malformed);
    }
    let header = match whole_message(bytes) {
        Ok(header) => header,
        Err(error) if !codec::ran_out(&error) => return Err(ReplyFault::Malformed),
        Err(_) if bytes.len() >= REPLY_LIMIT => return Err(ReplyFault::TooLong),
        Err(_) => return Ok(None),
    };
    if header.name != METHOD {
        return Err(ReplyFault::WrongMethod);
    }
    if header.sequence_number != sequence {
        return Err(ReplyFault::WrongSequence);
    }
    let mut input = codec::input(bytes, REPLY_LIMIT);
    input.read_message_begin().map_err(malformed)?;
    match header.message_type {
        TMessageType::Reply => read_result(&mut input).map(Some),
        TMessageType::Exception => read_exception(&mut input).map(Some),
        TMessageType::Call | TMessageType::OneWay => Err(ReplyFault::NotAReply),
    }
}

/// Walks over one message without keeping its values, so that half a cookie is never copied.
fn whole_message(bytes: &[u8]) -> thrift::Result<TMessageIdentifier> {
    let mut input = codec::input(bytes, REPLY_LIMIT);
    let header = input.read_message_begin()?;
    input.skip(TType::Struct)?;
    Ok(header)
}

/// The call's result: field 0 is the struct, everything else is skipped.
fn read_result(input: &mut Input<'_>) -> Result<Answer, ReplyFault> {
    let mut answer = None;
    each_field(input, |input, id, field_type| {
        if id != 0 {
            return Ok(false);
        }
        expect(field_type == TType::Struct && answer.is_none())?;
        answer = Some(read_fields(input)?);
        Ok(true)
    })?;
    answer.ok_or(ReplyFault::NoReturnCode)
}

/// The five fields of the result struct, each of its own type and at most once.
///
/// The generated reader is not used: it looks at a field's number alone and reads an absent text as
/// an empty one.
fn read_fields(input: &mut Input<'_>) -> Result<Answer, ReplyFault> {
    let (mut code, mut username, mut name, mut value, mut max_age) = (None, None, None, None, None);
    each_field(input, |input, id, field_type| {
        match id {
            1 => once(&mut code, field_type, TType::I32, || input.read_i32()),
            2 => once(&mut username, field_type, TType::String, || input.read_string()),
            3 => once(&mut name, field_type, TType::String, || input.read_string()),
            4 => {
                once(&mut value, field_type, TType::String, || input.read_string().map(Secret::new))
            }
            5 => once(&mut max_age, field_type, TType::I32, || input.read_i32()),
            _ => return Ok(false),
        }?;
        Ok(true)
    })?;
    match code.map(ReturnCode) {
        None => Err(ReplyFault::NoReturnCode),
        Some(ReturnCode::PLL_SUCCESS) => {
            let cookie = Cookie::new(
                name.unwrap_or_default(),
                value.unwrap_or_else(|| Secret::new(String::new())),
                max_age.unwrap_or_default(),
            )?;
            Ok(Answer::Granted(Login { username: username.unwrap_or_default(), cookie }))
        }
        Some(ReturnCode::PLL_NOT_AUTHORIZED) => Ok(Answer::NotAuthorized),
        Some(ReturnCode::PLL_ERROR) => Ok(Answer::Error),
        Some(ReturnCode(other)) => Err(ReplyFault::UnknownReturnCode(other)),
    }
}

fn read_exception(input: &mut Input<'_>) -> Result<Answer, ReplyFault> {
    let (mut message, mut kind) = (None, None);
    each_field(input, |input, id, field_type| {
        match id {
            1 => once(&mut message, field_type, TType::String, || input.read_string()),
            2 => once(&mut kind, field_type, TType::I32, || input.read_i32()),
            _ => return Ok(false),
        }?;
        Ok(true)
    })?;
    Ok(Answer::Exception(RemoteException {
        kind: ExceptionKind::from_number(kind.unwrap_or_default()),
        message: message.unwrap_or_default(),
    }))
}

/// Runs `read` on each field of a struct; a field it does not know (`false`) is skipped.
fn each_field(
    input: &mut Input<'_>,
    mut read: impl FnMut(&mut Input<'_>, i16, TType) -> Result<bool, ReplyFault>,
) -> Result<(), ReplyFault> {
    input.read_struct_begin().map_err(malformed)?;
    loop {
        let field = input.read_field_begin().map_err(malformed)?;
        if field.field_type == TType::Stop {
            return input.read_struct_end().map_err(malformed);
        }
        let id = field.id.ok_or(ReplyFault::Malformed)?;
        if !read(input, id, field.field_type)? {
            input.skip(field.field_type).map_err(malformed)?;
        }
    }
}

/// Reads a field into its place, if it has its type and was not there before.
fn once<T>(
    place: &mut Option<T>,
    found: TType,
    expected: TType,
    read: impl FnOnce() -> thrift::Result<T>,
) -> Result<(), ReplyFault> {
    expect(found == expected && place.is_none())?;
    *place = Some(read().map_err(malformed)?);
    Ok(())
}

fn expect(right: bool) -> Result<(), ReplyFault> {
    if right { Ok(()) } else { Err(ReplyFault::WrongField) }
}

#[allow(clippy::needless_pass_by_value, reason = "the shape that map_err asks for")]
fn malformed(_: thrift::Error) -> ReplyFault {
    // a whole message was walked over before: running out here is as wrong as anything else
    ReplyFault::Malformed
}
