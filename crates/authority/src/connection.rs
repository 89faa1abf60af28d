//! One connection, from accept to its answer: read it from top to bottom.
//!
//! accept → admit → handshake → request → order → answer. One request a connection. Whoever gets a certificate
//! has proved himself; until then he has a place among the strangers, and is the first to go.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpStream;
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, timeout_at};
use tsmgate_gate::admission::Unproven;
use tsmgate_gate::admission::penalty::Offence;
use tsmgate_gate::reason::{Reason, Stage};
use tsmgate_server::accept::Arrival;
use tsmgate_server::audit::record::{Outcome, Record};
use tsmgate_server::audit::{Proof, RefusalOrigin};
use tsmgate_server::connection::past_last_call;
use tsmgate_server::drain::farewell;
use tsmgate_server::proxy::Origin;

use crate::answer::{self, Answer, Refusal};
use crate::handshake::{Handshaken, Shown, handshake};
use crate::house::House;
use crate::{order, request};

/// How long a request's header may take.
pub const HEADER_TIME: Duration = Duration::from_secs(5);
/// From accept to a whole request.
pub const REQUEST_TIME: Duration = Duration::from_secs(10);
/// From accept to the end.
pub const LIFE: Duration = Duration::from_secs(15);
/// The longest header of a request, in bytes.
const HEADER_LIMIT: usize = 8 * 1024;
/// The most fields of a header.
const FIELDS: usize = 32;

/// Takes a connection through all stages. `stop` turns true when the service stops.
pub async fn connection(house: Arc<House>, arrival: Arrival, mut stop: watch::Receiver<bool>) {
    let (stream, peer, at, number) = arrival.into_parts();
    let origin = Origin::direct(peer);
    let id = format!("{}-{number}", house.life);
    let about = origin.about(Record::empty().text("tsmgate.connection", &id));
    let rules = house.rules();
    let (held, mut evicted) = oneshot::channel();
    let admitted = house.admission.admit_from(&rules.allow, &rules.exempt, origin.address, held);
    let unproven = match admitted {
        Ok(unproven) => unproven,
        Err(reason) => return refuse(&house, &origin, reason, &about),
    };
    let guest =
        Guest { house: &house, origin, about, unproven: &unproven, served: AtomicBool::default() };
    tokio::select! {
        biased;
        () = past_last_call(&mut stop) => return guest.refuse(Reason::GateStopping),
        // the sender is dropped when this connection has to make room
        _ = &mut evicted => return guest.refuse(Reason::UnprovenEvicted),
        () = guest.converse(stream, at, rules.handshake_timeout) => {}
    }
    if guest.served.into_inner() {
        drop(unproven.prove());
    }
}

/// Whoever is at the other end.
struct Guest<'a> {
    house: &'a Arc<House>,
    origin: Origin,
    about: Record,
    unproven: &'a Unproven<oneshot::Sender<()>>,
    /// Whether a certificate was given away.
    served: AtomicBool,
}

impl Guest<'_> {
    async fn converse(&self, stream: TcpStream, at: Instant, handshake_timeout: Duration) {
        let _ = stream.set_nodelay(true);
        let tls = self.house.keeper.tls();
        match handshake(stream, tls, at + handshake_timeout).await {
            Ok(Handshaken { stream, shown }) => {
                let mut stream = stream;
                let spoken =
                    timeout_at(at + LIFE, self.speak(&mut stream, shown.as_ref(), at)).await;
                if spoken.is_err() {
                    self.refuse(Reason::RequestTooSlow);
                }
            }
            Err(refused) => {
                self.refuse(refused.reason);
                self.offend(offence(refused.reason), refused.reason.code());
                if let Some(mut stream) = refused.stream {
                    farewell(&mut stream, true).await;
                }
            }
        }
    }

    /// One request and its answer.
    async fn speak<S>(&self, stream: &mut S, shown: Option<&Arc<Shown>>, at: Instant)
    where
        S: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin,
    {
        let served = http1::Builder::new()
            .timer(TokioTimer::new())
            .header_read_timeout(HEADER_TIME)
            .max_header_size(HEADER_LIMIT)
            .max_headers(FIELDS)
            .max_buf_size(HEADER_LIMIT)
            .keep_alive(false)
            .half_close(true)
            .serve_connection(
                TokioIo::new(&mut *stream),
                service_fn(|request| async move {
                    Ok::<_, Infallible>(self.answer(request, shown, at + REQUEST_TIME).await)
                }),
            )
            .await;
        match served {
            Err(error) if error.is_timeout() => self.refuse(Reason::RequestTooSlow),
            Err(error) if error.is_parse_too_large() => self.refuse(Reason::HeaderTooLarge),
            Err(error) if error.is_parse() => {
                self.refuse(Reason::BadRequest);
                self.offend(Some(Offence::Garbage), Reason::BadRequest.code());
            }
            // whoever went away was refused nothing
            _ => {}
        }
        // a body that nobody read would take the answer with it
        farewell(stream, true).await;
    }

    async fn answer(
        &self,
        request: Request<Incoming>,
        shown: Option<&Arc<Shown>>,
        deadline: Instant,
    ) -> Answer {
        let done = match request::read(request, shown, self.origin.address, deadline).await {
            Err(refusal) => {
                let record = Record::new("refused", Outcome::Failure);
                let record = record.text("event.reason", refusal.code).append(&self.about);
                self.house.audit.remark(match shown {
                    Some(shown) => record.leaf(&shown.leaf),
                    None => record,
                });
                Err(refusal)
            }
            Ok(order) => {
                let order = order::perform(Arc::clone(self.house), order, self.about.clone());
                // on its own: it goes on where this connection is cut
                tokio::spawn(order).await.unwrap_or_else(|_| Err(Refusal::broken()))
            }
        };
        match done {
            Ok(enrolled) => {
                self.served.store(true, Ordering::Relaxed);
                answer::enrolled(&enrolled)
            }
            Err(refusal) => {
                self.offend(refusal.offence(), refusal.code);
                refusal.answer()
            }
        }
    }

    fn refuse(&self, reason: Reason) {
        refuse(self.house, &self.origin, reason, &self.about);
    }

    /// What a refusal costs, where it costs anything; the ban that begins with it is on record.
    fn offend(&self, offence: Option<Offence>, code: &str) {
        if let Some(ban) = offence.and_then(|offence| self.unproven.offend(offence)) {
            let record = Record::new("ban", Outcome::Success).text("event.reason", code);
            let record = record.number("tsmgate.ban.seconds", ban.as_secs());
            self.house.audit.remark(record.append(&self.about));
        }
    }
}

/// The one door for refusals before there is a request.
fn refuse(house: &House, origin: &Origin, reason: Reason, about: &Record) {
    let address = origin.address;
    tracing::debug!(%address, %reason, stage = reason.stage().name(), "refused");
    house.audit.refuse(RefusalOrigin::of(address), reason, Proof::None, || about.clone());
}

/// What a failed handshake costs its source. Silence, and what is nobody's fault or ours, costs nothing.
fn offence(reason: Reason) -> Option<Offence> {
    match reason {
        Reason::HandshakeGarbage => Some(Offence::Garbage),
        Reason::HandshakeTimeout
        | Reason::HandshakeAborted
        | Reason::PeerRefusedUs
        | Reason::AlpnUnknown
        // who comes too late to renew is honest
        | Reason::CertificateExpired => None,
        reason if reason.stage() == Stage::Handshake => Some(Offence::BadCertificate),
        _ => None,
    }
}
