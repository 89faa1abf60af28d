//! From a name to a connection: all its addresses, and each of them tried, at the same time.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use serde_json::json;
use tokio::net::TcpStream;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::{Side, Step, Trouble, Walk};
use crate::failure::{LoginFailure, Stage, Unreached};
use crate::gate::TIMEOUT_MOST;
use crate::reach::{connect_one, resolve};
use crate::{Gate, Proxy};

/// So many addresses of a name are tried.
const MOST: usize = 16;

/// One address, and what came of it.
struct Tried {
    address: SocketAddr,
    took: Duration,
    outcome: Result<TcpStream, Unreached>,
}

/// The steps `name` and `connection`; the first connection of the system's order, and our own address on it.
pub(super) async fn reach(walk: &mut Walk<'_>, gate: &Gate) -> Option<(TcpStream, IpAddr)> {
    if let Some(proxy) = &gate.proxy {
        return through(walk, gate, proxy).await;
    }
    let begun = Instant::now();
    let failure = |cause| LoginFailure::Unreachable { peer: gate.address.to_string(), cause };
    let addresses = match resolve(&gate.address, super::deadline(gate.timeout)).await {
        Ok(addresses) => addresses,
        Err(cause) => {
            walk.did(begun, Step::new("name", "").failed_by(&failure(cause)));
            walk.skip("connection", "the name has no address");
            return None;
        }
    };
    let all: Vec<_> = addresses.iter().map(|address| address.ip().to_string()).collect();
    let says = format!("{} is {}", gate.address.host(), all.join(", "));
    walk.did(begun, Step::new("name", says).with("addresses", all));

    let begun = Instant::now();
    let usable = |to: &SocketAddr| gate.bind.is_none_or(|from| from.is_ipv4() == to.is_ipv4());
    let usable: Vec<_> = addresses.into_iter().filter(usable).take(MOST).collect();
    let tried = try_all(&usable, gate.bind, gate.timeout.min(TIMEOUT_MOST)).await;
    let (step, tcp) = judged(gate, tried);
    walk.did(begun, step);
    let tcp = tcp?;
    let local = tcp.local_addr().ok()?.ip();
    Some((tcp, local.to_canonical()))
}

/// The same where a proxy is on the way, which looks the name up.
async fn through(walk: &mut Walk<'_>, gate: &Gate, proxy: &Proxy) -> Option<(TcpStream, IpAddr)> {
    walk.skip("name", "the proxy looks it up");
    let begun = Instant::now();
    let reached = proxy.reach(&gate.address, gate.bind, super::deadline(gate.timeout)).await;
    let step = Step::new("connection", "").with("proxy", proxy.url.to_string());
    let failure = |cause| LoginFailure::Unreachable { peer: gate.address.to_string(), cause };
    match reached.and_then(|reached| reached.map_err(failure)) {
        Ok(tcp) => {
            walk.did(begun, step.saying(format!("connected through {}", proxy.url)));
            let local = tcp.local_addr().ok()?.ip();
            Some((tcp, local.to_canonical()))
        }
        Err(failure) => {
            walk.did(begun, step.failed_by(&failure));
            None
        }
    }
}

async fn try_all(addresses: &[SocketAddr], bind: Option<IpAddr>, time: Duration) -> Vec<Tried> {
    let mut under_way = JoinSet::new();
    for (place, address) in addresses.iter().copied().enumerate() {
        under_way.spawn(async move {
            let begun = Instant::now();
            let late = Err(Unreached::TimedOut(Stage::Connect));
            let outcome = timeout(time, connect_one(address, bind)).await.unwrap_or(late);
            (place, Tried { address, took: begun.elapsed(), outcome })
        });
    }
    let mut tried = Vec::new();
    while let Some(one) = under_way.join_next().await {
        tried.extend(one.ok());
    }
    tried.sort_by_key(|(place, _)| *place);
    tried.into_iter().map(|(_, tried)| tried).collect()
}

fn judged(gate: &Gate, tried: Vec<Tried>) -> (Step, Option<TcpStream>) {
    let mut step = Step::new("connection", "");
    let (mut living, mut dead, mut each) = (None, Vec::new(), Vec::new());
    let count = tried.len();
    for Tried { address, took, outcome } in tried {
        let milliseconds = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        let (word, stream) = match outcome {
            Ok(stream) => ("connected".to_owned(), Some(stream)),
            Err(cause) => {
                dead.push((address, cause));
                (cause.to_string(), None)
            }
        };
        step = step.line(format!("{address}: {word}, {milliseconds} ms"));
        each.push(json!({
            "address": address.to_string(),
            "milliseconds": milliseconds,
            "connected": stream.is_some(),
            "what": word,
        }));
        living = living.or(stream);
    }
    step = step.with("addresses", each);
    match (&living, dead.first()) {
        (Some(_), None) => (step.saying(format!("{count} of {count} addresses answer")), living),
        (Some(stream), Some((address, cause))) => {
            let peer = stream.peer_addr().map(|peer| peer.to_string()).unwrap_or_default();
            let what = format!("{address} does not answer: {cause}; {peer} does");
            let hint = "take the dead address out of the name, or see why nobody listens there";
            let says = format!("{} of {count} addresses answer", count - dead.len());
            (step.saying(says).warned(Trouble::new(what, Side::Network, hint)), living)
        }
        (None, first) => {
            let usual = gate.bind.map_or(Unreached::NameUnknown, Unreached::NoAddressFor);
            let cause = first.map_or(usual, |(_, cause)| *cause);
            let failure = LoginFailure::Unreachable { peer: gate.address.to_string(), cause };
            (step.failed_by(&failure), None)
        }
    }
}

#[cfg(test)]
mod tests;
