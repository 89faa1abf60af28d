//! The api lane in the words of `tsmgated status`.

use tsmgate_text::escape;

use super::{counted, failing, moment};
use crate::metrics::Requests;
use crate::status::{ApiLane, OwnSession};

const MINUTE: u64 = 60;

/// Which lanes are on; and of the api lane how requests went, where TSM is, how it is believed and whether
/// the gate is logged in there.
pub(super) fn told(api: Option<&ApiLane>) -> Vec<String> {
    let Some(api) = api else {
        return vec!["lanes: login; the api lane is off (tsm.api is not set)".to_owned()];
    };
    let Requests { granted, failed, refused } = api.requests;
    vec![
        "lanes: login, api".to_owned(),
        format!("requests: {granted} done, {failed} failed, {refused} refused"),
        format!(
            "TSM's controller: {}, {}",
            escape(&api.controller),
            failing(api.tsm_failing.as_deref())
        ),
        format!("TSM's certificate: {}", trust(api)),
        match &api.session {
            None => "session at TSM: none; the next request takes one".to_owned(),
            Some(OwnSession { age_seconds, left_seconds }) => format!(
                "session at TSM: held for {}, used for {} more",
                counted(age_seconds / MINUTE, "minute"),
                counted(left_seconds / MINUTE, "minute")
            ),
        },
    ]
}

fn trust(api: &ApiLane) -> String {
    match (&api.certificate_sha256, &api.authority) {
        (Some(pin), _) => {
            let end = match &api.certificate_until {
                Some(end) => format!("ends {}", moment(end)),
                None => "not seen yet".to_owned(),
            };
            format!("pinned, SHA-256 {}, {end}", escape(pin))
        }
        (None, Some(file)) => format!("of an authority in {}", escape(file)),
        // no gate says so: it does not start like that
        (None, None) => "how it is checked is not said".to_owned(),
    }
}
