//! What is remembered beside the counts; and which clients are counted apart, so that series stay few.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use serde::{Deserialize, Serialize};
use time::OffsetDateTime;
use tsmgate_text::escape;

use super::labels::{Login, RefusedRequest, Request};
use super::{LOGIN_SERIES, OTHERS, Side};

/// How the requests of the api lane went.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Requests {
    /// Done by TSM.
    pub granted: u64,
    /// Taken to TSM or about to be, and not done.
    pub failed: u64,
    /// Refused by the gate.
    pub refused: u64,
}
/// See the room's first line.
#[derive(Debug, Default)]
pub(super) struct Known {
    /// Logins granted.
    pub(super) granted: u64,
    /// Who was granted one last, and when.
    pub(super) last: Option<(String, OffsetDateTime)>,
    /// How requests went.
    pub(super) went: Requests,
    /// When each client's certificate ends, where it has one.
    pub(super) seen: HashMap<String, Option<i64>>,
    failing: [Option<&'static str>; 2],
    logins: HashSet<Login>,
    requests: HashSet<Request>,
    requests_refused: HashSet<RefusedRequest>,
}

impl Known {
    /// The code of a side's last failure.
    pub(super) fn failing(&mut self, side: Side) -> &mut Option<&'static str> {
        let [login, api] = &mut self.failing;
        match side {
            Side::Login => login,
            Side::Api => api,
        }
    }

    /// The labels under which a call counts.
    pub(super) fn login(&mut self, client: &str, outcome: &'static str) -> Login {
        apart(&mut self.logins, client, |client| Login { client, outcome })
    }

    /// The labels under which a request counts.
    pub(super) fn request(
        &mut self,
        client: &str,
        operation: &'static str,
        outcome: &'static str,
    ) -> Request {
        apart(&mut self.requests, client, |client| Request { client, operation, outcome })
    }

    /// The labels under which a refused request counts.
    pub(super) fn refused(&mut self, client: &str, reason: &'static str) -> RefusedRequest {
        apart(&mut self.requests_refused, client, |client| RefusedRequest { client, reason })
    }
}

/// The labels with the client's own name, or where there are too many of them already with [`OTHERS`].
fn apart<L: Clone + Eq + Hash>(
    series: &mut HashSet<L>,
    client: &str,
    labels: impl Fn(String) -> L,
) -> L {
    let own = labels(escape(client));
    if series.contains(&own) {
        return own;
    }
    if series.len() >= LOGIN_SERIES {
        return labels(OTHERS.to_owned());
    }
    series.insert(own.clone());
    own
}
