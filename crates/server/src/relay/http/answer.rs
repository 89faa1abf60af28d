//! The gate's own answers, and the header of every answer.
//!
//! An error is JSON in the shape of TSM's. What is in it is ours: a code, a sentence, what to do; nothing
//! of the caller's bytes comes back.

use std::borrow::Cow;
use std::fmt::Write as _;
use std::time::SystemTime;

use bytes::{Bytes, BytesMut};
use httpdate::fmt_http_date;
use hyper::StatusCode;
use serde::Serialize;
use tsmgate_catalogue::api::refusal::Refusal as NoOperation;
use tsmgate_catalogue::command::{Command, OrderFault};
use tsmgate_gate::reason::Reason;
use tsmgate_text::escape;

use super::body::BodyFault;
use super::head::HeadFault;
use crate::audit::record::Record;
use crate::relay::told::{Told, told};

/// Whatever TSM sends is no page: in a browser nothing of it runs, loads or is framed.
const NO_PAGE: &str = "content-security-policy: default-src 'none'; frame-ancestors 'none'";
const JSON: &str = "application/json";

/// How an answer's end is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum End {
    /// It has no body, and says so by its status.
    Bodiless,
    /// It has so many bytes.
    Length(u64),
    /// By a last chunk.
    Chunked,
    /// By the end of the connection, for who knows no chunks.
    Close,
}

/// An answer that is there as a whole. Not for printing: a configuration may hold secrets.
pub(super) struct Answer {
    pub(super) status: StatusCode,
    pub(super) fields: Vec<(Cow<'static, str>, String)>,
    pub(super) body: Bytes,
}

impl Answer {
    /// A document.
    pub(super) fn json(status: StatusCode, document: &impl Serialize) -> Self {
        // of our own types, which have nothing that could not be written
        let body = serde_json::to_vec(document).unwrap_or_default();
        Self { status, fields: vec![("content-type".into(), JSON.to_owned())], body: body.into() }
    }

    /// Done, and nothing to say.
    pub(super) fn nothing() -> Self {
        Self { status: StatusCode::NO_CONTENT, fields: Vec::new(), body: Bytes::new() }
    }

    pub(super) fn end(&self) -> End {
        match self.status {
            StatusCode::NO_CONTENT | StatusCode::NOT_MODIFIED => End::Bodiless,
            _ => End::Length(self.body.len().try_into().unwrap_or(u64::MAX)),
        }
    }
}

/// Why a request does not get what it asked for.
#[derive(Debug)]
pub(super) struct Refusal {
    /// For the record.
    pub(super) reason: Reason,
    /// For programs.
    code: &'static str,
    status: u16,
    /// What to do about it.
    detail: Cow<'static, str>,
    /// Of which operation, where that was known by then.
    operation: Option<&'static str>,
    /// For the record alone.
    aside: Option<Box<Aside>>,
    more: More,
    /// Whether a record says so already.
    pub(super) recorded: bool,
}

/// What the record says of a refusal beside its reason.
#[derive(Debug, Default)]
struct Aside {
    /// More exactly what.
    exactly: Option<Cow<'static, str>>,
    /// Of which command, and the permission it takes.
    command: Option<(String, String)>,
}

/// What some refusals say beside.
#[derive(Debug)]
enum More {
    Nothing,
    /// The permission that lacks.
    Permission(Box<str>),
    /// The methods there are.
    Methods(Box<str>),
}

impl From<Reason> for Refusal {
    fn from(reason: Reason) -> Self {
        let Told { code, status, detail, .. } = told(reason);
        let (operation, aside, more, recorded) = (None, None, More::Nothing, false);
        let detail = detail.into();
        Self { reason, code, status, detail, operation, aside, more, recorded }
    }
}

impl From<HeadFault> for Refusal {
    fn from(fault: HeadFault) -> Self {
        match fault {
            HeadFault::TooLarge => Reason::HeaderTooLarge.into(),
            HeadFault::Expectation => Reason::ExpectationRefused.into(),
            HeadFault::Bad(what) => Self::from(Reason::BadRequest).saying(what),
        }
    }
}

impl From<BodyFault> for Refusal {
    fn from(fault: BodyFault) -> Self {
        match fault {
            BodyFault::TooLarge => Self::body(413, "body_too_large", "the body is too large"),
            BodyFault::TooSlow => Reason::RequestTooSlow.into(),
            BodyFault::Gone => Reason::PeerGone.into(),
            BodyFault::Bad(what) => Self::from(Reason::BadRequest).saying(what),
        }
    }
}

impl From<&NoOperation> for Refusal {
    fn from(no: &NoOperation) -> Self {
        let mut refusal = Self::from(Reason::NotAnOperation);
        refusal.aside().exactly = Some(no.code().into());
        refusal.code = no.code();
        refusal.status = match no {
            NoOperation::SessionRoute => 403,
            NoOperation::UnknownOperation => 404,
            NoOperation::MethodNotAllowed(_) => 405,
            _ => 400,
        };
        refusal.detail = match no {
            NoOperation::TooLong => "path and query are too long",
            NoOperation::BadPath => {
                "the path is not written as the operation has it: byte for byte, without escapes"
            }
            NoOperation::SessionRoute => "the session is the gate's own: this is never passed on",
            NoOperation::UnknownOperation => {
                "there is none of that path, or not for a client without `api.raw`"
            }
            NoOperation::BadSegment(_) => "a part of the path is not of its kind",
            NoOperation::MethodNotAllowed(_) => "the operation has another method",
            NoOperation::UnknownQueryKey => "the operation has no such query key",
            NoOperation::RepeatedQueryKey => "a query key stands twice",
            NoOperation::BadValue(_) => "the value of a query key is not of its kind",
        }
        .into();
        if let NoOperation::MethodNotAllowed(methods) = no {
            let names: Vec<_> = methods.iter().map(|method| method.name()).collect();
            refusal.more = More::Methods(names.join(", ").into());
        }
        refusal
    }
}

impl Refusal {
    /// A body that does not belong there.
    pub(super) fn body(status: u16, code: &'static str, what: &'static str) -> Self {
        let mut refusal = Self::from(Reason::BodyRefused);
        refusal.status = status;
        refusal.code = code;
        refusal.saying(what)
    }

    /// A route of ours has this method alone.
    pub(super) fn other_method(method: &str) -> Self {
        let mut refusal = Self::from(&NoOperation::MethodNotAllowed(Vec::new()));
        refusal.more = More::Methods(method.into());
        refusal
    }

    /// None of the caller's roles gives this.
    pub(super) fn lacking(permission: &str) -> Self {
        let more = More::Permission(permission.into());
        Self { more, ..Self::from(Reason::PermissionMissing) }
    }

    /// It is on record already, as the outcome of a call.
    pub(super) fn on_record(self) -> Self {
        Self { recorded: true, ..self }
    }

    /// It was a request for this operation.
    pub(super) fn of(self, operation: &'static str) -> Self {
        Self { operation: Some(operation), ..self }
    }

    /// It was an order for this command.
    pub(super) fn of_command(mut self, command: &Command) -> Self {
        let (path, permission) = (&command.path, &command.permission);
        self.aside().command = Some((path.to_string(), permission.to_string()));
        self
    }

    fn aside(&mut self) -> &mut Aside {
        self.aside.get_or_insert_default()
    }

    /// What its record says of it beside the reason.
    pub(super) fn about(&self) -> Record {
        let aside = self.aside.as_ref();
        let command = aside.and_then(|aside| aside.command.as_ref());
        let fields = [
            ("tsmgate.operation", self.operation),
            ("tsmgate.command.path", command.map(|(path, _)| path.as_str())),
            ("tsmgate.permission", command.map(|(_, permission)| permission.as_str())),
            ("tsmgate.detail", aside.and_then(|aside| aside.exactly.as_deref())),
        ];
        let said = fields.into_iter().filter_map(|(field, text)| Some((field, text?)));
        said.fold(Record::empty(), |about, (field, text)| about.text(field, text))
    }

    fn saying(mut self, what: impl Into<Cow<'static, str>>) -> Self {
        let what = what.into();
        self.aside().exactly = Some(what.clone());
        self.detail = what;
        self
    }

    /// There is nothing of that path.
    pub(super) fn no_operation() -> Self {
        Self::from(&NoOperation::UnknownOperation)
    }

    /// An order that the catalogue does not have. Its words name an option, and never a value.
    pub(super) fn order(fault: OrderFault) -> Self {
        let mut refusal = Self::from(Reason::BadOrder);
        refusal.code = fault.code;
        if fault.code == "unknown_command" {
            refusal.status = 404;
        }
        refusal.saying(escape(fault.message))
    }

    /// A value of an order that may not be.
    pub(super) fn value(what: String) -> Self {
        Self::order(OrderFault { code: "bad_value", message: what })
    }

    /// What the caller is told.
    pub(super) fn answer(&self) -> Answer {
        let Self { code, status, .. } = *self;
        let Told { summary, retry, .. } = told(self.reason);
        let (detail, permission) = match &self.more {
            More::Permission(permission) => (
                format!("it takes the permission `{permission}`, and {}", self.detail),
                Some(&**permission),
            ),
            _ => (self.detail.to_string(), None),
        };
        let error = Error { code, summary, detail: &detail, permission };
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = Answer::json(status, &Wrapped { error });
        let mut add = |name: &'static str, value| answer.fields.push((name.into(), value));
        add("tsmgate-reason", code.to_owned());
        if let Some(seconds) = retry {
            add("retry-after", seconds.to_string());
        }
        if let More::Methods(methods) = &self.more {
            add("allow", methods.to_string());
        }
        answer
    }
}

#[derive(Serialize)]
struct Wrapped<'a> {
    error: Error<'a>,
}

#[derive(Serialize)]
struct Error<'a> {
    code: &'a str,
    summary: &'a str,
    detail: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    permission: Option<&'a str>,
}

/// The bytes of an answer's header. `fields` hold visible ASCII alone.
pub(super) fn head<N: AsRef<str>, V: AsRef<str>>(
    status: StatusCode,
    request: &str,
    fields: impl IntoIterator<Item = (N, V)>,
    end: End,
    keep_alive: bool,
) -> BytesMut {
    let mut head = String::with_capacity(384);
    let reason = status.canonical_reason().unwrap_or_default();
    // a String takes everything
    let _ = write!(head, "HTTP/1.1 {} {reason}\r\n", status.as_u16());
    for (name, value) in fields {
        let _ = write!(head, "{}: {}\r\n", name.as_ref(), value.as_ref());
    }
    let _ = match end {
        End::Bodiless | End::Close => Ok(()),
        End::Length(length) => write!(head, "content-length: {length}\r\n"),
        End::Chunked => write!(head, "transfer-encoding: chunked\r\n"),
    };
    if !keep_alive {
        head.push_str("connection: close\r\n");
    }
    let date = fmt_http_date(SystemTime::now());
    let _ = write!(
        head,
        "date: {date}\r\ntsmgate-request: {request}\r\ncache-control: no-store\r\nx-content-type-options: nosniff\r\n{NO_PAGE}\r\n\r\n"
    );
    BytesMut::from(head.as_str())
}
