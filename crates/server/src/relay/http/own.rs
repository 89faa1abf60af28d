//! The gate's own routes: who the caller is here, what it may do, and giving a raw cookie back.
//!
//! The first two tell a caller about itself alone, and reach no TSM. The third ends a session at TSM that
//! the login lane gave; who has its cookie may end it, as at TSM itself.

use hyper::StatusCode;
use serde::Deserialize;
use tokio::io::{AsyncRead, AsyncWrite};
use tsmgate_gate::permission::Permission;
use tsmgate_gate::permit;
use tsmgate_gate::reason::Reason;
use tsmgate_wire::{Cookie, Secret};
use zeroize::Zeroizing;

use super::answer::{Answer, Refusal};
use super::head::{Framing, Head};
use super::{Asked, Conversation};
use crate::audit::record::Record;
use crate::relay::entry::{Call, Entry};

mod itself;

use itself::{Permissions, Whoami};

/// The longest body of a logout, in bytes: as long as a login's reply may be.
const COOKIE_LIMIT: usize = 16 * 1024;
/// The name of TSM's cookie, of which a caller gives the value alone. Seen at every TSM.
const COOKIE_NAME: &str = "AUTH_COOKIE";
/// The operation's name in the records.
const LOGOUT: &str = "logout";

/// One of the gate's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Route {
    Whoami,
    Permissions,
    Logout,
}

impl Route {
    /// The route of a target, byte for byte.
    pub(super) fn of(target: &[u8]) -> Option<Self> {
        match target {
            b"/v1/whoami" => Some(Self::Whoami),
            b"/v1/permissions" => Some(Self::Permissions),
            b"/v1/logout" => Some(Self::Logout),
            _ => None,
        }
    }

    fn method(self) -> &'static str {
        match self {
            Self::Whoami | Self::Permissions => "GET",
            Self::Logout => "POST",
        }
    }
}

/// What a logout's body is.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Logout {
    cookie: String,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Conversation<'_, S> {
    pub(super) async fn own(
        &mut self,
        route: Route,
        head: &Head,
        asked: &Asked,
    ) -> Result<Answer, Refusal> {
        if head.method != route.method().as_bytes() {
            return Err(self.charged(Refusal::other_method(route.method())));
        }
        if route == Route::Logout {
            return self.logout(head, asked).await;
        }
        if head.framing != Framing::None {
            let what = "the route takes no body";
            return Err(self.charged(Refusal::body(400, "body_not_allowed", what)));
        }
        let snapshot = self.house.snapshot();
        let caller = self.party.caller;
        let client = caller.entry(&snapshot.policy)?;
        let _under_way = self.house.ledger.charge_request(&client)?;
        Ok(match route {
            Route::Permissions => {
                Answer::json(StatusCode::OK, &Permissions::of(&client, &snapshot.config.catalogue))
            }
            _ => {
                let left = self.house.ledger.left(&client);
                let whoami = Whoami::of(&client, caller.who(), left, &snapshot.config.tsm);
                Answer::json(StatusCode::OK, &whoami)
            }
        })
    }

    /// authorize → body → record → TSM → record.
    async fn logout(&mut self, head: &Head, asked: &Asked) -> Result<Answer, Refusal> {
        let (house, caller) = (self.house, self.party.caller);
        let (client, call) = (&caller.client().name, Call::Request(LOGOUT));
        let snapshot = house.snapshot();
        let permission = Permission::login();
        let permit = permit::authorize_request(&snapshot.policy, &house.ledger, caller, permission);
        let lacking = |reason: Reason| match reason {
            Reason::PermissionMissing => Refusal::lacking(Permission::login().name()),
            reason => reason.into(),
        };
        let permit = permit.map_err(|reason| match reason {
            Reason::PermissionMissing => self.charged(lacking(reason)),
            reason => reason.into(),
        })?;
        let limit = COOKIE_LIMIT.min(snapshot.config.http.body);
        let body = Zeroizing::new(self.body(head, limit).await?);
        let what = "the body is {\"cookie\": \"the value\"}";
        let unfit = || Refusal::body(400, "body_not_json", what);
        let Logout { cookie } = serde_json::from_slice(&body).map_err(|_| unfit())?;
        let value = Secret::new(cookie);
        // only what could have been given as a cookie may stand in a header
        let cookie = Cookie::new(COOKIE_NAME.to_owned(), value, 1).map_err(|_| unfit())?;
        let about = Record::empty()
            .text("tsmgate.operation", LOGOUT)
            .text("tsmgate.cookie.fingerprint", &house.audit.fingerprint(cookie.value()))
            .append(&asked.about);
        let entry = Entry::open(house, client, call, &about, &permit).await?;
        // while the body came, what decides may have been read anew
        let snapshot = house.snapshot();
        let allowed = caller
            .entry(&snapshot.policy)
            .is_ok_and(|entry| entry.role_giving(&Permission::login()).is_some());
        let ended = match allowed {
            true => house.api.end_of(&snapshot, &cookie, &permit).await,
            false => Err(Reason::PermissionMissing),
        };
        let ended = match ended {
            // one that TSM does not know any more is over as well
            Ok(status) if status.is_success() || status == StatusCode::UNAUTHORIZED => Ok(()),
            Ok(_) => Err(Reason::BackendError),
            Err(reason) => Err(reason),
        };
        let on_record = |reason: Reason| lacking(reason).on_record();
        entry.close(ended, &Record::empty()).await.map_err(on_record)?;
        ended.map(|()| Answer::nothing()).map_err(on_record)
    }
}
