//! Accepts, shakes hands, and speaks HTTP/1.1 with whoever comes; and moves jobs on by real time, where
//! that is asked for.

use std::convert::Infallible;
use std::future::pending;
use std::sync::Arc;
use std::time::Duration;

use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::oneshot;
use tokio::task::JoinSet;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::Api;
use super::desk;
use super::options::JobDrive;
use super::wire::{Spoiler, Wire};

/// How long a handshake, and the header of a request, may take; a guess.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long the accept loop rests when the system has no descriptor left.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// The longest header of a request, in bytes: the default of Jetty, which TSM runs on.
const HEADER_LIMIT: usize = 8 * 1024;

/// Serves until stopped; connections are cut then.
pub(crate) async fn serve(
    api: Arc<Api>,
    listener: TcpListener,
    mut stopped: oneshot::Receiver<()>,
) {
    let mut conversations = JoinSet::new();
    conversations.spawn(drive(Arc::clone(&api)));
    loop {
        tokio::select! {
            _ = &mut stopped => break,
            Some(_) = conversations.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, _)) => {
                    conversations.spawn(converse(Arc::clone(&api), stream));
                }
                Err(error) => {
                    api.note(&format!("cannot accept: {error}"));
                    sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    conversations.shutdown().await;
}

/// Moves jobs on by real time; never ends.
async fn drive(api: Arc<Api>) {
    let JobDrive::Every(period) = api.options.jobs else { return pending().await };
    let mut ticks = interval(period.max(Duration::from_millis(1)));
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let _ = api.step();
    }
}

async fn converse(api: Arc<Api>, stream: TcpStream) {
    let Ok(address) = stream.peer_addr() else { return };
    // answers in many small pieces are to leave as they are written
    let _ = stream.set_nodelay(true);
    let stream = match timeout(PATIENCE, api.acceptor.accept(stream)).await {
        Ok(Ok(stream)) => stream,
        Ok(Err(error)) => return api.note(&format!("no handshake: {error}")),
        Err(_) => return api.note("no handshake in time"),
    };
    let line = api.register.connect(address);
    let spoiler = Spoiler::default();
    let wire = Wire::new(stream, Arc::clone(&line), spoiler.clone());
    let (api, line) = (&api, &line);
    let served = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(PATIENCE)
        .max_header_size(HEADER_LIMIT)
        .serve_connection(
            TokioIo::new(wire),
            service_fn(|request| {
                let spoiler = spoiler.clone();
                async move {
                    match desk::answer(api, line, &spoiler, request).await {
                        Some(response) => Ok::<_, Infallible>(response),
                        None => pending().await,
                    }
                }
            }),
        )
        .await;
    if let Err(error) = served {
        api.note(&format!("the connection ended: {error}"));
    }
}
