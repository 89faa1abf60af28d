//! The lanes that speak HTTP: one request after the other, each authorized by itself.
//!
//! Nothing a caller sent is copied to TSM: a request is read whole and strictly ([`head`], [`body`]),
//! compared with the catalogue or with the gate's own routes, and made anew. There is one reader of a
//! request and no second one to disagree with it.
//!
//! Rooms: [`api`] takes operations to TSM, [`commands`] orders to the runner, [`own`] has the gate's own routes, [`answer`] what the gate says,
//! [`fields`] what passes of a header, [`redact`] takes secrets out, [`withhold`] the session, [`stream`] passes on
//! what is too long to be read whole.

use std::time::Duration;

use bytes::{Buf, Bytes, BytesMut};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::sync::watch;
use tokio::time::{Instant, timeout, timeout_at};
use tsmgate_gate::permit::Permit;
use tsmgate_gate::reason::Reason;

use super::Party;
use super::told::stays;
use crate::audit::record::Record;
use crate::audit::{Proof, RefusalOrigin};
use crate::connection::past_last_call;
use crate::drain;
use crate::house::House;

mod answer;
mod api;
mod body;
mod commands;
mod document;
pub mod fields;
pub mod head;
mod own;
mod redact;
mod stream;
pub(crate) mod withhold;

use answer::{Answer, Refusal};
use body::Reader;
use head::{Framing, HEAD_LIMIT, Head};

/// The most that is written at once, in bytes.
const PIECE: usize = 64 * 1024;
/// How long a peer may take to fetch a piece: slower than 6 KiB/s is gone.
const PIECE_DEADLINE: Duration = Duration::from_secs(10);

/// After so many refusals in a row the connection ends: a new one is counted where connections are.
const REFUSED_LIMIT: u32 = 100;

/// One caller's connection, past the handshake. Not for printing: its buffer has what a caller sent.
pub struct Conversation<'a, S> {
    house: &'a House,
    stream: S,
    party: Party<'a>,
    begun: Instant,
    /// What was read and is not used yet.
    buffer: BytesMut,
    /// How many requests there were.
    number: u64,
    /// Whether a body of the peer's still stands between here and its next request.
    unread: bool,
    /// Whether the peer asked for a header alone (`HEAD`): a body would be taken for its next answer.
    head_alone: bool,
    /// How many requests in a row were refused.
    refused: u32,
    stop: watch::Receiver<bool>,
}

/// Why a conversation ended.
enum End {
    /// The peer closed, was idle, or reached a limit of the connection: nobody's fault.
    Quiet,
    /// The peer was told something that it has to be able to read.
    LastWords,
    /// An answer broke off: that must not look like its end.
    Broken,
}

/// One request, as its records and its answer know it.
struct Asked {
    id: String,
    about: Record,
}

/// What a request comes to.
enum Reply<'a> {
    /// With the caller's place for a call under way, until it is on its way as a whole.
    Whole(Answer, Option<Permit>),
    Stream(Box<api::Stream<'a>>),
    Output(Box<commands::output::Passing>),
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    /// A conversation that began with `begun`, and of which `buffer` was read already.
    pub fn new(
        house: &'a House,
        stream: S,
        party: Party<'a>,
        (begun, buffer): (Instant, BytesMut),
    ) -> Self {
        // never true until it is replaced by the real one
        let (_, stop) = watch::channel(false);
        Self {
            house,
            stream,
            party,
            begun,
            buffer,
            number: 0,
            unread: false,
            head_alone: false,
            refused: 0,
            stop,
        }
    }

    /// Serves requests until the caller closes, a limit is reached or the daemon stops.
    pub async fn serve(mut self, stop: &mut watch::Receiver<bool>) {
        self.stop = stop.clone();
        let end = loop {
            if let Err(end) = self.request().await {
                break end;
            }
        };
        match end {
            // without the goodbye of TLS, by which an answer of no announced length would seem whole
            End::Broken => {}
            End::LastWords if self.unread => drain::farewell_in_body(&mut self.stream).await,
            End::LastWords => drain::farewell(&mut self.stream, true).await,
            End::Quiet => drain::farewell(&mut self.stream, false).await,
        }
    }

    /// The next request and its answer.
    async fn request(&mut self) -> Result<(), End> {
        let head = self.head_unless_stopped().await?;
        self.number += 1;
        let id = format!("{}-{}", self.party.id, self.number);
        let about = Record::empty().text("http.request.id", &id).append(self.party.about);
        let asked = Asked { id, about };
        let head = match head {
            Ok(head) => head,
            // where a request ends that could not be read, nobody knows
            Err(fault) => return self.refuse(&asked, &fault, false).await,
        };
        self.unread = head.framing != Framing::None;
        self.head_alone = head.method == b"HEAD";
        // on the heap while there is one: an idle connection is a tenth of the size
        let reply = Box::pin(self.reply(&head, &asked)).await;
        // decided once: what the peer is told is what happens
        let lasts = Instant::now() < self.begun + self.house.snapshot().config.http.lifetime;
        let keep_alive = head.keep_alive && lasts && !*self.stop.borrow() && !self.unread;
        match reply {
            Ok(Reply::Whole(answer, permit)) => {
                self.refused = 0;
                self.send(&asked.id, answer, keep_alive, permit).await
            }
            Ok(Reply::Stream(stream)) => {
                self.refused = 0;
                Box::pin(self.pass(&asked, *stream, &head, keep_alive)).await
            }
            Ok(Reply::Output(passing)) => {
                self.refused = 0;
                Box::pin(self.pass_output(&asked, *passing, &head, keep_alive)).await
            }
            Err(refusal) => {
                self.refused +=
                    u32::from(refusal.reason.party() == tsmgate_gate::reason::Party::Peer);
                let keep_alive = keep_alive && self.refused < REFUSED_LIMIT;
                return self.refuse(&asked, &refusal, keep_alive).await;
            }
        }?;
        if keep_alive { Ok(()) } else { Err(End::LastWords) }
    }

    /// Which of them it is, and what comes of it.
    async fn reply(&mut self, head: &Head, asked: &Asked) -> Result<Reply<'a>, Refusal> {
        // a browser sends the certificate of whoever sits before it along with what any page makes it send
        let changes = head.method != b"GET";
        let elsewhere = |site: &[u8]| matches!(site, b"cross-site" | b"same-site");
        if changes && head.has("origin") || head.only("sec-fetch-site").is_some_and(elsewhere) {
            return Err(self.charged(Reason::CrossSite.into()));
        }
        if let Some(route) = own::Route::of(&head.target) {
            let answer = self.own(route, head, asked).await?;
            return Ok(Reply::Whole(answer, None));
        }
        match commands::Route::of(&head.target) {
            Some(route) => self.command(route, head, asked).await,
            None => self.api(head, asked).await,
        }
    }

    /// A refusal for which the caller's rate is used up as for an answer; or that it is over it.
    fn charged(&self, refusal: Refusal) -> Refusal {
        let snapshot = self.house.snapshot();
        let entry = self.party.caller.entry(&snapshot.policy);
        match entry.and_then(|entry| self.house.ledger.charge_request(&entry)) {
            Ok(_) => refusal,
            Err(reason) => reason.into(),
        }
    }

    /// The header of the next request. When the daemon stops meanwhile, a connection that was just made
    /// may still send one, and of an idle one what is here already is still taken: a restart loses none.
    async fn head_unless_stopped(&mut self) -> Result<Result<Head, Refusal>, End> {
        let (first, mut stop) = (self.number == 0, self.stop.clone());
        let stopped = async {
            match first {
                true => past_last_call(&mut stop).await,
                false => drop(stop.wait_for(|stop| *stop).await),
            }
        };
        tokio::select! {
            biased;
            () = stopped => {}
            head = self.head() => return head,
        }
        timeout(Duration::ZERO, self.head()).await.unwrap_or(Err(End::Quiet))
    }

    /// Reads one whole header. Before its first byte the peer may be idle; from then on, and for the first
    /// one from the handshake on, it must be whole in time, however its bytes trickle in.
    async fn head(&mut self) -> Result<Result<Head, Refusal>, End> {
        let limits = self.house.snapshot().config.http;
        let end_of_life = self.begun + limits.lifetime;
        if Instant::now() >= end_of_life {
            return Err(End::Quiet);
        }
        let mut deadline = match (self.number == 0, self.buffer.is_empty()) {
            (true, _) => self.begun + limits.header,
            (false, true) => (Instant::now() + limits.idle).min(end_of_life),
            (false, false) => Instant::now() + limits.header,
        };
        loop {
            match Head::read(&self.buffer) {
                Ok(None) => {}
                Ok(Some(head)) => {
                    self.buffer.advance(head.length);
                    return Ok(Ok(head));
                }
                Err(fault) => return Ok(Err(fault.into())),
            }
            let before = self.buffer.len();
            // one that reaches the limit without an end was refused above
            let room = (HEAD_LIMIT - before.min(HEAD_LIMIT)) as u64;
            let mut more = (&mut self.stream).take(room);
            match timeout_at(deadline, more.read_buf(&mut self.buffer)).await {
                Err(_) if before == 0 && self.number > 0 => return Err(End::Quiet),
                Err(_) => return Ok(Err(Reason::RequestTooSlow.into())),
                Ok(Err(_) | Ok(0)) if before == 0 => return Err(End::Quiet),
                Ok(Err(_) | Ok(0)) => return Ok(Err(Reason::PeerGone.into())),
                Ok(Ok(_)) => {}
            }
            if before == 0 && self.number > 0 {
                deadline = Instant::now() + limits.header;
            }
        }
    }

    /// The whole body of a request, of at most `limit` bytes.
    async fn body(&mut self, head: &Head, limit: usize) -> Result<Vec<u8>, Refusal> {
        let limits = self.house.snapshot().config.http;
        let reader = Reader::new(&mut self.stream, &mut self.buffer, limit, limits.header);
        let body = reader.read(head.framing).await?;
        self.unread = false;
        Ok(body)
    }

    /// Records a refusal where no record says so yet, and tells the caller.
    async fn refuse(
        &mut self,
        asked: &Asked,
        refusal: &Refusal,
        keep_alive: bool,
    ) -> Result<(), End> {
        let reason = refusal.reason;
        if !refusal.recorded {
            let client = &self.party.caller.client().name;
            let origin = RefusalOrigin::Requests(client.clone());
            self.house.metrics.request_refused(client, reason);
            self.house.refuse(origin, reason, Proof::Key, || refusal.about().append(&asked.about));
        }
        if reason == Reason::PeerGone {
            return Err(End::Quiet);
        }
        let keep_alive = keep_alive && stays(reason) && !self.unread;
        self.send(&asked.id, refusal.answer(), keep_alive, None).await?;
        if keep_alive { Ok(()) } else { Err(End::LastWords) }
    }

    /// Sends an answer that is there as a whole. The caller's place is free before it can know that it has
    /// all of it.
    async fn send(
        &mut self,
        id: &str,
        answer: Answer,
        keep_alive: bool,
        permit: Option<Permit>,
    ) -> Result<(), End> {
        let fields = answer.fields.iter().map(|(name, value)| (name, value));
        let end = answer.end();
        let mut head = answer::head(answer.status, id, fields, end, keep_alive);
        let mut body = match end {
            answer::End::Bodiless => Bytes::new(),
            _ if self.head_alone => Bytes::new(),
            _ => answer.body,
        };
        // one write for both, where that copies little
        let first = body.split_to(body.len().min(PIECE.saturating_sub(head.len())));
        head.extend_from_slice(&first);
        if !body.is_empty() {
            self.put(head.split().freeze()).await?;
        }
        // a copy: a part of the whole would keep all of it
        let last = body.split_off(body.len().saturating_sub(PIECE));
        let last = Bytes::copy_from_slice(&last);
        self.put(body).await?;
        drop(permit);
        self.put(if head.is_empty() { last } else { head.freeze() }).await
    }

    /// Writes, a piece at a time: a slow reader is waited for, a standing one is not.
    async fn put(&mut self, mut bytes: Bytes) -> Result<(), End> {
        while !bytes.is_empty() {
            let piece = bytes.split_to(PIECE.min(bytes.len()));
            let sent = timeout(PIECE_DEADLINE, async {
                self.stream.write_all(&piece).await?;
                self.stream.flush().await
            });
            if !matches!(sent.await, Ok(Ok(()))) {
                let client = &self.party.caller.client().name;
                tracing::debug!(client, "the answer was not taken");
                return Err(End::Quiet);
            }
        }
        Ok(())
    }
}
