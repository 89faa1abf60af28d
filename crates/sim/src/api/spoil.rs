//! Spoils an answer as a behaviour says, on its way out.
//!
//! It makes no answer of its own where an honest one is asked for, and reads nothing of the request.

use bytes::Bytes;
use hyper::Response;
use hyper::StatusCode;
use hyper::ext::ReasonPhrase;
use hyper::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, HeaderName, HeaderValue, LOCATION, SET_COOKIE,
};
use serde_json::{Value, json};

use super::answers::{Answer, Body};
use super::content::{Content, Part};
use super::misbehave::{ApiBehaviour, Place};
use super::wire::{Spoil, Spoiler};

/// More than is sent, where the length is a lie.
const LIE: usize = 64;
/// Seen after the status line of any answer: within the header.
const IN_THE_HEADER: usize = 40;

/// What is answered instead of asking TSM, where that is the behaviour.
pub(super) fn instead(behaviour: &ApiBehaviour) -> Option<Answer> {
    Some(match behaviour {
        ApiBehaviour::Unauthorized => Answer::error(401, "The session is not valid."),
        ApiBehaviour::Html(status) => Answer::html(*status),
        ApiBehaviour::Empty(status) => Answer::empty(*status),
        ApiBehaviour::Status(status) => Answer::error(*status, "Something went wrong."),
        ApiBehaviour::Raw(_) => Answer::empty(200),
        _ => return None,
    })
}

/// The answer as it leaves. `cookie`: the value that is planted.
pub(super) fn spoil(
    mut answer: Answer,
    behaviour: &ApiBehaviour,
    cookie: &str,
    full_errors: bool,
    spoiler: &Spoiler,
) -> Response<Content> {
    let mut reason = None;
    if let ApiBehaviour::Plant(place) = behaviour {
        plant(&mut answer, *place, cookie);
        reason = (*place == Place::Reason).then(|| format!("OK {cookie}"));
    }
    let bytes = answer.bytes(full_errors);
    let content = match behaviour {
        ApiBehaviour::SlowBody(pause) => {
            let length = HeaderValue::from(bytes.len());
            answer.headers.insert(CONTENT_LENGTH, length);
            Content::parts(cut(&bytes, 8)).slowly(*pause)
        }
        ApiBehaviour::Truncated => {
            answer.headers.insert(CONTENT_LENGTH, HeaderValue::from(bytes.len() + LIE));
            Content::parts([Part::Piece(bytes)]).broken()
        }
        ApiBehaviour::CloseInBody => {
            let half = bytes.slice(..bytes.len() / 2);
            Content::parts(cut(&half, 16)).broken()
        }
        ApiBehaviour::EndlessBody => {
            answer = Answer::json(Value::Null);
            Content::endless()
        }
        ApiBehaviour::Huge(length) => {
            answer = Answer::json(Value::Null);
            Content::huge(*length)
        }
        ApiBehaviour::WrongType => {
            answer.headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/html"));
            Content::whole(bytes)
        }
        ApiBehaviour::Gzip => {
            answer.headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
            Content::whole(Bytes::from(gzip(&bytes)))
        }
        ApiBehaviour::Plant(Place::Chunks(size)) => Content::parts(cut(&bytes, *size)),
        ApiBehaviour::Plant(Place::Deep(blanks)) => deep(*blanks, cookie),
        _ => Content::whole(bytes),
    };
    let mut response = answer.send(content);
    if let Some(reason) = reason.and_then(|text| ReasonPhrase::try_from(text).ok()) {
        response.extensions_mut().insert(reason);
    }
    spoiler.set(match behaviour {
        ApiBehaviour::SlowAnswer(pause) => Spoil { pace: Some(*pause), ..Spoil::default() },
        ApiBehaviour::CloseInHeader => Spoil { cut_after: Some(IN_THE_HEADER), ..Spoil::default() },
        ApiBehaviour::Raw(bytes) => Spoil { instead: Some(bytes.clone()), ..Spoil::default() },
        _ => Spoil::default(),
    });
    response
}

fn plant(answer: &mut Answer, place: Place, cookie: &str) {
    let value = |text: String| HeaderValue::try_from(text).ok();
    let header = match place {
        Place::Body | Place::Chunks(_) => {
            if let Body::Json(Value::Object(fields)) = &mut answer.body {
                fields.insert("session".to_owned(), json!(format!("AUTH_COOKIE={cookie}")));
            } else {
                answer.body = Body::Json(json!({ "session": cookie }));
            }
            None
        }
        Place::Deep(_) => {
            *answer = Answer::json(Value::Null);
            None
        }
        Place::Error(status) => {
            *answer = Answer::error(status, format!("No luck with AUTH_COOKIE={cookie} today."));
            None
        }
        Place::SetCookie => {
            Some((SET_COOKIE, value(format!("AUTH_COOKIE={cookie};Path=/;Secure;HttpOnly"))))
        }
        Place::Location => {
            answer.status = StatusCode::FOUND;
            Some((LOCATION, value(format!("/api/0.5/status?session={cookie}"))))
        }
        Place::Header => Some((HeaderName::from_static("x-session"), value(cookie.to_owned()))),
        Place::Reason => None,
    };
    if let Some((name, Some(value))) = header {
        answer.headers.append(name, value);
    }
}

/// JSON with the cookie behind so many blanks, in small chunks.
fn deep(blanks: u64, cookie: &str) -> Content {
    let text = Bytes::from(format!("\"session\":\"AUTH_COOKIE={cookie}\"}}"));
    let start = [Part::Piece(Bytes::from_static(b"{")), Part::Filler(Some(blanks))];
    Content::parts(start.into_iter().chain(cut(&text, 7)))
}

fn cut(bytes: &Bytes, size: usize) -> Vec<Part> {
    bytes.chunks(size.max(1)).map(|piece| Part::Piece(bytes.slice_ref(piece))).collect()
}

/// Gzip that does not compress: what is inside stays as it is.
fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255];
    let mut pieces = bytes.chunks(usize::from(u16::MAX)).peekable();
    while let Some(piece) = pieces.next() {
        let length = u16::try_from(piece.len()).unwrap_or(u16::MAX);
        packed.push(u8::from(pieces.peek().is_none()));
        packed.extend_from_slice(&length.to_le_bytes());
        packed.extend_from_slice(&(!length).to_le_bytes());
        packed.extend_from_slice(piece);
    }
    if bytes.is_empty() {
        packed.extend_from_slice(&[1, 0, 0, 255, 255]);
    }
    packed.extend_from_slice(&crc32(bytes).to_le_bytes());
    packed.extend_from_slice(&u32::try_from(bytes.len()).unwrap_or_default().to_le_bytes());
    packed
}

/// The checksum of RFC 1952, bit by bit.
fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, &byte| {
        (0..8).fold(sum ^ u32::from(byte), |sum, _| (sum >> 1) ^ (0xedb8_8320 * (sum & 1)))
    })
}
