//! From the bytes of a request to an order: two paths, one method, a bounded body of JSON.

use std::net::IpAddr;
use std::sync::Arc;

use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Bytes, Incoming};
use hyper::{Method, Request, Uri};
use tokio::time::{Instant, timeout_at};
use tsmgate_pki::enrolment::BODY_MOST;

use crate::answer::Refusal;
use crate::handshake::Shown;
use crate::order::Order;

/// What is asked for, as the path says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Ask {
    Join,
    Renew,
}

impl Ask {
    /// By the path as it was sent, byte for byte, and nothing beside it.
    fn at(uri: &Uri) -> Option<Self> {
        if uri.authority().is_some() || uri.query().is_some() {
            return None;
        }
        match uri.path() {
            "/v1/join" => Some(Self::Join),
            "/v1/renew" => Some(Self::Renew),
            _ => None,
        }
    }
}

/// Reads a request of somebody at `source` who showed this certificate, until `deadline`.
///
/// # Errors
/// It is no request for anything that there is, too large, too slow, or not what it has to be.
pub async fn read(
    request: Request<Incoming>,
    shown: Option<&Arc<Shown>>,
    source: IpAddr,
    deadline: Instant,
) -> Result<Order, Refusal> {
    let ask = Ask::at(request.uri()).ok_or_else(Refusal::not_found)?;
    if request.method() != Method::POST {
        return Err(Refusal::method());
    }
    let shown = match (ask, shown) {
        (Ask::Renew, None) => return Err(Refusal::no_certificate()),
        (Ask::Renew, Some(shown)) => Some(Arc::clone(shown)),
        (Ask::Join, _) => None,
    };
    let body = timeout_at(deadline, body(request)).await.map_err(|_| Refusal::too_slow())??;
    let malformed = |_| Refusal::malformed();
    Ok(match shown {
        None => Order::Join(serde_json::from_slice(&body).map_err(malformed)?),
        Some(shown) => {
            let request = serde_json::from_slice(&body).map_err(malformed)?;
            Order::Renew { request, shown, source }
        }
    })
}

async fn body(request: Request<Incoming>) -> Result<Bytes, Refusal> {
    match Limited::new(request.into_body(), BODY_MOST).collect().await {
        Ok(body) => Ok(body.to_bytes()),
        Err(error) if error.is::<LengthLimitError>() => Err(Refusal::too_large()),
        Err(_) => Err(Refusal::malformed()),
    }
}
