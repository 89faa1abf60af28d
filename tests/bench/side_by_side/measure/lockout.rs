//! Silent strangers hold more connections than a server has places, and an honest client wants its cookie.
//! Each server has its own caps here, and as many descriptors as a shell gives it.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::{Duration, Instant};

use anyhow::bail;
use tokio::net::{TcpSocket, TcpStream};
use tokio::task::JoinSet;

use crate::client::Failure;
use crate::recipe::Caps;
use crate::target::Target;

/// More than the descriptors that a server has.
const STRANGERS: usize = 1500;
/// As many come at once, and the next a little later: a server must have the time to let them in.
const AT_ONCE: usize = 50;
const LATER: Duration = Duration::from_millis(10);
/// Somebody else's address.
const ELSEWHERE: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 9);
/// When nobody was let in for so long, nobody more will be.
const QUIET: Duration = Duration::from_millis(300);
/// A refused client comes again after that.
const AGAIN: Duration = Duration::from_millis(50);

/// How long the client waits, the strangers having another address and then its own.
pub fn turn(target: &mut Target, patience: Duration) -> anyhow::Result<()> {
    let waited = behind_strangers(target, ELSEWHERE, patience)?;
    target.figures.waited.push(waited);
    let waited = behind_strangers(target, Ipv4Addr::LOCALHOST, patience)?;
    target.figures.waited_beside.push(waited);
    target.begin_anew(Caps::Raised)
}

fn behind_strangers(
    target: &mut Target,
    from: Ipv4Addr,
    patience: Duration,
) -> anyhow::Result<Option<Duration>> {
    target.begin_anew(Caps::Default)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let strangers = runtime.block_on(crowd(from, target.recipe.port));
    let waited = wait_for_cookie(target, patience);
    drop(strangers);
    waited
}

/// They connect, and say nothing; those who have not come in so far go on knocking.
async fn crowd(from: Ipv4Addr, port: u16) -> (Vec<TcpStream>, JoinSet<Option<TcpStream>>) {
    let mut knocking = JoinSet::new();
    for stranger in 1..=STRANGERS {
        if stranger % AT_ONCE == 0 {
            tokio::time::sleep(LATER).await;
        }
        knocking.spawn(async move {
            let socket = TcpSocket::new_v4().ok()?;
            socket.bind(SocketAddr::new(IpAddr::V4(from), 0)).ok()?;
            socket.connect(SocketAddr::from((Ipv4Addr::LOCALHOST, port))).await.ok()
        });
    }
    let mut inside = Vec::new();
    // whether all came in or not: what counts is what the honest client meets
    while let Ok(Some(came)) = tokio::time::timeout(QUIET, knocking.join_next()).await {
        inside.extend(came.ok().flatten());
    }
    (inside, knocking)
}

/// Asks again until it has its cookie, or its patience is at an end.
fn wait_for_cookie(target: &Target, patience: Duration) -> anyhow::Result<Option<Duration>> {
    let begun = Instant::now();
    let end = begun + patience;
    while Instant::now() < end {
        crate::interrupt::check()?;
        let session = target.client.connect(target.recipe.port, end);
        match session.and_then(|mut session| session.call(&target.client)) {
            Ok(()) => return Ok(Some(begun.elapsed())),
            Err(Failure::Wrong(what)) => bail!(target.blame(what)),
            Err(Failure::Lost(_)) => std::thread::sleep(AGAIN),
        }
    }
    Ok(None)
}
