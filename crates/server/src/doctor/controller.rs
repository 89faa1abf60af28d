//! TSM's HTTPS controller: whether it answers with the certificate that the gate believes, and for how long.
//!
//! The check is the gate's own. Nothing is sent after the handshake.

use std::sync::Arc;

use rustls::pki_types::ServerName;
use time::OffsetDateTime;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tsmgate_text::escape;
use x509_parser::prelude::{FromDer, X509Certificate};

use super::authority::left;
use super::reach::{PATIENCE, tcp};
use super::{Cause, Seen, Side, answered};
use crate::config::{Api, ApiTrust};
use crate::credentials::{Credentials, ENDING_SOON, day, tsm};

/// Why it is not believed, or not reached.
enum Trouble {
    Unreachable(String),
    Distrusted(String),
}

/// Its certificate.
pub(super) fn seen(api: &Api, credentials: &Credentials) -> Seen {
    let mut seen = Seen::of(format!("https://{}", escape(api.to_string())));
    match answered(shown(api, credentials)) {
        Ok(Ok(end)) => believed(&mut seen, api, end),
        Ok(Err(Trouble::Unreachable(why))) => {
            let what = "tsm status; is tsm.api the port of its HTTPS?";
            seen.fail(Cause::Unavailable, format!("it does not answer: {why}"), Side::Tsm, what);
        }
        Ok(Err(Trouble::Distrusted(why))) => {
            let what = "tsmgated trust-tsm shows it: where TSM has a new one, pin that; where it has not, find \
                        out who answers there";
            seen.fail(Cause::Refused, why, Side::Gate, what);
        }
        Err(error) => seen.fail(Cause::System, error, Side::Host, "see what the system says"),
    }
    seen
}

fn believed(seen: &mut Seen, api: &Api, end: Option<OffsetDateTime>) {
    seen.note(match api.trust {
        ApiTrust::Pin(_) => "it shows the pinned certificate, and has its key",
        ApiTrust::Authority(_) => "an authority of tsm.api_authority vouches for it",
    });
    let Some(end) = end else { return };
    let now = OffsetDateTime::now_utc();
    let sentence = format!("its certificate ends on {}, {}", day(end), left(end, now));
    if end - now < ENDING_SOON {
        let what = "when TSM has a new one: tsmgated trust-tsm";
        seen.warn(sentence, Side::Tsm, what);
    } else {
        seen.note(sentence);
    }
}

/// A handshake with the gate's own check; when the certificate ends that was shown.
async fn shown(api: &Api, credentials: &Credentials) -> Result<Option<OffsetDateTime>, Trouble> {
    let unreachable =
        |error: &dyn std::fmt::Display| Trouble::Unreachable(escape(error.to_string()));
    let config =
        credentials.tsm.as_ref().ok_or_else(|| unreachable(&"there is no check for it"))?;
    let name = ServerName::try_from(api.host.clone()).map_err(|error| unreachable(&error))?;
    let found = timeout(PATIENCE, lookup_host((api.host.as_str(), api.port))).await;
    let found = found.map_err(|late| unreachable(&late))?.map_err(|error| unreachable(&error))?;
    let mut last = unreachable(&"its name has no address");
    for address in found {
        let stream = match tcp(address, None).await {
            Ok(stream) => stream,
            Err(error) => {
                last = unreachable(&error);
                continue;
            }
        };
        let handshake = TlsConnector::from(Arc::clone(config)).connect(name, stream);
        let stream = timeout(PATIENCE, handshake).await.map_err(|late| unreachable(&late))?;
        let stream = stream.map_err(|error| match tsm::distrust(&error) {
            Some(why) => Trouble::Distrusted(why),
            None => unreachable(&error),
        })?;
        let leaf = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
        let parsed = leaf.and_then(|leaf| X509Certificate::from_der(leaf).ok());
        return Ok(parsed.map(|(_, leaf)| leaf.validity().not_after.to_datetime()));
    }
    Err(last)
}
