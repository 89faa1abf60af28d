//! The pretend gateway of Tableau Server: one page, `systeminfo.xml`, for those whose address it was told of.
//!
//! It follows the state of the server, without which a real one has no such page, and can be told to misbehave.
//! It knows no session and no trusted ticket: whoever has one of those is not what is tried here.

use std::convert::Infallible;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::Full;
use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, LOCATION};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::{JoinHandle, JoinSet};
use tokio::time::sleep;

use crate::api::Api;
use crate::world::cluster::ServerState;

mod behaviour;
mod document;

pub use behaviour::GatewayBehaviour;

/// Documented: where the page is.
const PATH: &str = "/admin/systeminfo.xml";

/// What a gateway is started with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GatewayOptions {
    /// Where it listens.
    pub address: SocketAddr,
    /// Whether it speaks TLS, with the controller's certificate.
    pub tls: bool,
    /// Documented: the addresses that `wgserver.systeminfo.allow_referrer_ips` has; none by default.
    pub allowed: Vec<IpAddr>,
    /// What requests get at first.
    pub behaviour: GatewayBehaviour,
}

/// A running gateway; it ends when it is dropped.
#[derive(Debug)]
pub struct Gateway {
    address: SocketAddr,
    tls: bool,
    behaviour: Arc<Mutex<GatewayBehaviour>>,
    task: JoinHandle<()>,
}

impl Gateway {
    pub(crate) async fn start(options: GatewayOptions, api: Arc<Api>) -> io::Result<Self> {
        let listener = TcpListener::bind(options.address).await?;
        let address = listener.local_addr()?;
        let behaviour = Arc::new(Mutex::new(options.behaviour));
        let desk = Desk {
            api,
            tls: options.tls,
            allowed: options.allowed,
            behaviour: Arc::clone(&behaviour),
        };
        let task = tokio::spawn(serve(Arc::new(desk), listener));
        Ok(Self { address, tls: options.tls, behaviour, task })
    }

    /// Where it is, as a client is told.
    #[must_use]
    pub fn url(&self) -> String {
        let scheme = if self.tls { "https" } else { "http" };
        format!("{scheme}://localhost:{}", self.address.port())
    }

    /// Gives this to every request from now on.
    pub fn behave(&self, behaviour: GatewayBehaviour) {
        *self.behaviour.lock().unwrap_or_else(PoisonError::into_inner) = behaviour;
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.task.abort();
    }
}

#[derive(Debug)]
struct Desk {
    api: Arc<Api>,
    tls: bool,
    allowed: Vec<IpAddr>,
    behaviour: Arc<Mutex<GatewayBehaviour>>,
}

async fn serve(desk: Arc<Desk>, listener: TcpListener) {
    let mut conversations = JoinSet::new();
    loop {
        tokio::select! {
            Some(_) = conversations.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok((stream, from)) => {
                    conversations.spawn(converse(Arc::clone(&desk), stream, from.ip()));
                }
                // the system has no descriptor left
                Err(_) => sleep(Duration::from_millis(100)).await,
            },
        }
    }
}

async fn converse(desk: Arc<Desk>, stream: TcpStream, from: IpAddr) {
    if !desk.tls {
        return speak(desk, stream, from).await;
    }
    // who does not shake hands has gone, or will be
    if let Ok(stream) = desk.api.acceptor().accept(stream).await {
        speak(desk, stream, from).await;
    }
}

async fn speak<S: AsyncRead + AsyncWrite + Unpin>(desk: Arc<Desk>, stream: S, from: IpAddr) {
    let answer = service_fn(|request| {
        let desk = Arc::clone(&desk);
        async move { Ok::<_, Infallible>(desk.answer(&request, from).await) }
    });
    // how it ends is the client's to tell
    let _ = http1::Builder::new().serve_connection(TokioIo::new(stream), answer).await;
}

impl Desk {
    async fn answer(&self, request: &Request<Incoming>, from: IpAddr) -> Response<Full<Bytes>> {
        if request.uri().path() != PATH {
            return page(404, "text/html", "<!DOCTYPE html><title>Not Found</title>");
        }
        let behaviour = self.behaviour.lock().unwrap_or_else(PoisonError::into_inner).clone();
        match behaviour {
            GatewayBehaviour::Delay(pause) => sleep(pause).await,
            GatewayBehaviour::Html(status) => {
                return page(status, "text/html", "<!DOCTYPE html><html><p>so</html>");
            }
            GatewayBehaviour::Redirect => {
                let mut page = page(302, "text/html", "");
                let to = hyper::header::HeaderValue::from_static("https://localhost:1/");
                page.headers_mut().insert(LOCATION, to);
                return page;
            }
            _ => {}
        }
        // Documented: the page is the application server's, which a stopped server has not
        if self.api.server_state() == ServerState::Stopped {
            return page(
                503,
                "text/html",
                "<!DOCTYPE html><title>Tableau Server is stopped</title>",
            );
        }
        // Seen: the code. That the status is 200 is a guess, since the client that reads it looks at no status.
        let denied = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<error><code>1</code></error>";
        let allowed = self.allowed.contains(&from) && behaviour != GatewayBehaviour::Denied;
        let text = if allowed { document::write(&behaviour) } else { denied.to_owned() };
        page(200, "application/xml", &text)
    }
}

fn page(status: u16, kind: &'static str, text: &str) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(Bytes::copy_from_slice(text.as_bytes())));
    // the statuses that are given here are some
    *response.status_mut() = hyper::StatusCode::from_u16(status).unwrap_or_default();
    let kind = hyper::header::HeaderValue::from_static(kind);
    response.headers_mut().insert(CONTENT_TYPE, kind);
    response
}
