//! What somebody without a certificate learns at the gate's port, and somebody whose address is not listed.
//!
//! Each look is a connection that the gate refuses, and so a record in its audit; few are made, for whoever
//! keeps failing is banned for a while.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use rustls::client::{
    ClientSessionStore, Resumption, Tls12ClientSessionValue, Tls13ClientSessionValue,
};
use rustls::pki_types::ServerName;
use rustls::version::{TLS12, TLS13};
use rustls::{Error, NamedGroup, SupportedProtocolVersion};
use tokio::io::AsyncReadExt;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::reach::{PATIENCE, tcp};
use super::{Cause, Config, Seen, Side, answered};
use crate::pinning::look::looking;

/// Where an address of this host's own may be that the gate does not list.
const STRANGERS: [IpAddr; 3] = [
    IpAddr::V4(Ipv4Addr::LOCALHOST),
    IpAddr::V4(Ipv4Addr::new(127, 86, 77, 68)),
    IpAddr::V6(Ipv6Addr::LOCALHOST),
];

/// What to do where it says more than it should.
const REPORT: &str = "stop the gate and find out what listens there: a gate does not do that";

/// What is learnt at `address` without being anybody.
pub(super) fn seen(address: SocketAddr, config: &Config) -> Seen {
    let target = within(address);
    let mut seen = Seen::of(format!("connections to {target} without a certificate"));
    let admitted = |source: &IpAddr| config.allow.find(*source).is_some();
    let own = |source: &IpAddr| {
        source.is_ipv4() == target.is_ipv4() && config.proxies.find(*source).is_none()
    };
    let here = [within(SocketAddr::new(unspecified(target), 0)).ip(), target.ip()];
    match here.into_iter().filter(own).find(admitted) {
        Some(source) => nameless(&mut seen, target, source),
        None => seen.note("without a certificate: left out, no address of this host is listed"),
    }
    match STRANGERS.into_iter().filter(own).find(|source| !admitted(source)) {
        Some(source) => unlisted(&mut seen, target, source),
        None => seen.note("from an address that is not listed: left out, all of this host are"),
    }
    seen.note("the gate's audit has a refusal of each of these connections");
    seen
}

/// An address of this host that leads there.
fn within(address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => (Ipv4Addr::LOCALHOST, address.port()).into(),
        IpAddr::V6(ip) if ip.is_unspecified() => (Ipv6Addr::LOCALHOST, address.port()).into(),
        _ => address,
    }
}

fn unspecified(like: SocketAddr) -> IpAddr {
    if like.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() }
}

/// A listed address without a certificate.
fn nameless(seen: &mut Seen, target: SocketAddr, source: IpAddr) {
    match answered(hello(target, source, &TLS13)) {
        Ok(Ok(heard)) if heard.bytes == 0 && heard.tickets == 0 => {
            seen.note(format!("from {source} with TLS 1.3: {}, and nothing else", heard.end));
        }
        Ok(Ok(heard)) => {
            let (bytes, tickets) = (heard.bytes, heard.tickets);
            let sentence =
                format!("it says {bytes} bytes and gives {tickets} tickets without a certificate");
            seen.fail(Cause::Refused, sentence, Side::Gate, REPORT);
        }
        Ok(Err(why)) | Err(why) => held(seen, source, &why),
    }
    match answered(hello(target, source, &TLS12)) {
        Ok(Ok(_)) => seen.fail(Cause::Refused, "it speaks TLS 1.2", Side::Gate, REPORT),
        Ok(Err(_)) => seen.note("with TLS 1.2: refused"),
        Err(why) => held(seen, source, &why),
    }
}

fn held(seen: &mut Seen, source: IpAddr, why: &str) {
    let sentence = format!("from {source} without a certificate: {why}");
    let what = "tsmgated status and its log; was this address banned for a while?";
    seen.warn(sentence, Side::Gate, what);
}

/// What came without a certificate.
struct Heard {
    /// How it ended.
    end: String,
    /// What was said inside TLS, in bytes.
    bytes: usize,
    /// Tickets by which the session could be taken up again.
    tickets: usize,
}

/// A handshake of this version without a certificate, and what comes after it.
async fn hello(
    target: SocketAddr,
    source: IpAddr,
    version: &'static SupportedProtocolVersion,
) -> Result<Heard, String> {
    let tickets = Arc::new(Tickets::default());
    let (mut config, _) = looking(&[version]).map_err(|error| error.to_string())?;
    config.resumption = Resumption::store(Arc::clone(&tickets) as _);
    let stream = tcp(target, Some(source)).await.map_err(|error| error.to_string())?;
    let name = ServerName::IpAddress(target.ip().into());
    let handshake = TlsConnector::from(Arc::new(config)).connect(name, stream);
    let late = |_| "no answer in time".to_owned();
    let mut stream = timeout(PATIENCE, handshake)
        .await
        .map_err(late)?
        .map_err(|error| format!("no handshake: {}", ending(&error)))?;
    let mut answer = [0; 1024];
    let (bytes, end) = match timeout(PATIENCE, stream.read(&mut answer)).await.map_err(late)? {
        Ok(0) => (0, "it closes".to_owned()),
        Ok(count) => (count, "it answers".to_owned()),
        Err(error) => (0, ending(&error)),
    };
    Ok(Heard { end, bytes, tickets: tickets.0.load(Ordering::Relaxed) })
}

/// How a connection broke off, in words of ours.
fn ending(error: &io::Error) -> String {
    let inner = error.get_ref().and_then(|inner| inner.downcast_ref::<Error>());
    match inner {
        Some(Error::AlertReceived(alert)) => format!("the TLS alert {alert:?}"),
        Some(_) => "what comes is no TLS that is taken".to_owned(),
        None => "it closes".to_owned(),
    }
}

/// An address that is not listed.
fn unlisted(seen: &mut Seen, target: SocketAddr, source: IpAddr) {
    let look = async {
        let mut stream = match tcp(target, Some(source)).await {
            Ok(stream) => stream,
            Err(error) => return Ok(format!("no connection ({error})")),
        };
        let mut answer = [0; 1024];
        match timeout(PATIENCE, stream.read(&mut answer)).await {
            Ok(Ok(0) | Err(_)) => Ok("closed without a byte".to_owned()),
            Ok(Ok(count)) => Err(format!("it says {count} bytes")),
            Err(_) => Err("it keeps the connection".to_owned()),
        }
    };
    match answered(look) {
        Ok(Ok(end)) => seen.note(format!("from {source}, which is not listed: {end}")),
        Ok(Err(why)) | Err(why) => {
            let sentence = format!("from {source}, which is not listed: {why}");
            let what = "does the gate run with this configuration? systemctl reload tsmgated";
            seen.fail(Cause::Refused, sentence, Side::Gate, what);
        }
    }
}

/// Counts tickets and keeps none.
#[derive(Debug, Default)]
struct Tickets(AtomicUsize);

impl ClientSessionStore for Tickets {
    fn set_kx_hint(&self, _name: ServerName<'static>, _group: NamedGroup) {}

    fn kx_hint(&self, _name: &ServerName<'_>) -> Option<NamedGroup> {
        None
    }

    fn set_tls12_session(&self, _name: ServerName<'static>, _session: Tls12ClientSessionValue) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn tls12_session(&self, _name: &ServerName<'_>) -> Option<Tls12ClientSessionValue> {
        None
    }

    fn remove_tls12_session(&self, _name: &ServerName<'static>) {}

    fn insert_tls13_ticket(&self, _name: ServerName<'static>, _ticket: Tls13ClientSessionValue) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn take_tls13_ticket(&self, _name: &ServerName<'static>) -> Option<Tls13ClientSessionValue> {
        None
    }
}
