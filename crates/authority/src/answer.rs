//! The bytes of an answer: a certificate, or why there is none. JSON, and nothing of this host in it.

use bytes::Bytes;
use http_body_util::Full;
use hyper::header::{ALLOW, CACHE_CONTROL, CONTENT_TYPE, HeaderValue};
use hyper::{Response, StatusCode};
use serde::Serialize;
use tsmgate_gate::admission::penalty::Offence;
use tsmgate_pki::enrolment::{EnrolFault, Enrolled};

/// The answer to a request.
pub type Answer = Response<Full<Bytes>>;

/// Why a request got no certificate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// For HTTP.
    pub status: StatusCode,
    /// Its name in answers and records.
    pub code: &'static str,
    /// For a person.
    pub message: String,
    /// What can be done about it.
    pub hint: &'static str,
}

/// `{"error": …}`
#[derive(Serialize)]
struct Told<'a> {
    error: ToldError<'a>,
}

#[derive(Serialize)]
struct ToldError<'a> {
    code: &'a str,
    message: &'a str,
    hint: &'a str,
}

impl Refusal {
    fn new(status: StatusCode, code: &'static str, message: &str, hint: &'static str) -> Self {
        Self { status, code, message: message.to_owned(), hint }
    }

    /// There is nothing of that name.
    pub fn not_found() -> Self {
        let hint = "POST /v1/join and POST /v1/renew are all there is";
        Self::new(StatusCode::NOT_FOUND, "not_found", "there is nothing here", hint)
    }

    /// Not in this way.
    pub fn method() -> Self {
        let status = StatusCode::METHOD_NOT_ALLOWED;
        Self::new(status, "method_not_allowed", "this is not how it is asked for", "use POST")
    }

    /// It is larger than any request has to be.
    pub fn too_large() -> Self {
        let hint = "a certificate signing request takes less than 64 KiB";
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "the request is too large", hint)
    }

    /// It was begun and not finished.
    pub fn too_slow() -> Self {
        let hint = "try again";
        Self::new(StatusCode::REQUEST_TIMEOUT, "too_slow", "the request did not come in time", hint)
    }

    /// It is not the JSON that it has to be.
    pub fn malformed() -> Self {
        let message = "the request is not JSON with the members that it needs";
        let hint = "is `tsmgate` older than the service?";
        Self::new(StatusCode::BAD_REQUEST, "request_refused", message, hint)
    }

    /// Nobody is known here without a certificate.
    pub fn no_certificate() -> Self {
        let message = "only the holder of a certificate can renew it";
        let hint = "show it in the handshake; without one, join by an invite";
        Self::new(StatusCode::FORBIDDEN, "certificate_missing", message, hint)
    }

    /// Too many try at once.
    pub fn rate_limited() -> Self {
        let status = StatusCode::TOO_MANY_REQUESTS;
        Self::new(status, "rate_limited", "too many ask at the same time", "try again in a minute")
    }

    /// What cannot be recorded does not happen.
    pub fn not_recorded() -> Self {
        let message = "the service cannot write its records";
        let hint = "its log on the TSM host says why; the same request may be sent again";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "not_recorded", message, hint)
    }

    /// What went wrong is ours.
    pub fn broken() -> Self {
        let message = "the authority cannot issue certificates now";
        let hint = "its log on the TSM host says why; try again later";
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "authority_trouble", message, hint)
    }

    /// What it costs its source. A request that may be honest costs nothing.
    pub fn offence(&self) -> Option<Offence> {
        match self.code {
            "invite_unknown" => Some(Offence::WrongSecret),
            "certificate_missing" | "certificate_unknown" | "certificate_revoked" => {
                Some(Offence::BadCertificate)
            }
            _ => None,
        }
    }

    /// As it is sent.
    pub fn answer(&self) -> Answer {
        let Self { status, code, message, hint } = self;
        let told = Told { error: ToldError { code, message, hint } };
        let mut answer = json(*status, &told);
        if *status == StatusCode::METHOD_NOT_ALLOWED {
            answer.headers_mut().insert(ALLOW, HeaderValue::from_static("POST"));
        }
        answer
    }
}

impl From<&EnrolFault> for Refusal {
    fn from(fault: &EnrolFault) -> Self {
        let status = StatusCode::from_u16(fault.status()).unwrap_or(StatusCode::FORBIDDEN);
        Self { status, code: fault.code(), message: fault.to_string(), hint: fault.hint() }
    }
}

/// A certificate, as it is sent.
pub fn enrolled(enrolled: &Enrolled) -> Answer {
    json(StatusCode::OK, enrolled)
}

fn json(status: StatusCode, body: &impl Serialize) -> Answer {
    // texts and lists of texts: there is nothing in them that is no JSON
    let body = serde_json::to_vec(body).unwrap_or_default();
    let mut response = Response::new(Full::new(Bytes::from(body)));
    *response.status_mut() = status;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
    response
}
