//! The lane's own routes, byte for byte.

use tsmgate_catalogue::runner::Id;

use crate::relay::http::answer::Refusal;

/// Where they are.
pub(super) const PREFIX: &str = "/v1/commands";

/// One of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::relay::http) enum Route {
    /// All commands: the list, and orders.
    All,
    /// What would run.
    Check,
    /// The commands there are.
    Catalogue,
    /// One command.
    One(Id),
    /// Its end, wanted.
    Cancel(Id),
    /// What it prints, from that event on.
    Output(Id, u64),
}

impl Route {
    /// The route of a target; `None` where it is not the lane's.
    pub(in crate::relay::http) fn of(target: &[u8]) -> Option<Result<Self, Refusal>> {
        let rest = std::str::from_utf8(target).ok()?.strip_prefix(PREFIX)?;
        match rest {
            "" => Some(Ok(Self::All)),
            "/check" => Some(Ok(Self::Check)),
            "/catalogue" => Some(Ok(Self::Catalogue)),
            rest if rest.starts_with(['/', '?']) => {
                Some(Self::below(rest).ok_or_else(Refusal::no_operation))
            }
            _ => None,
        }
    }

    fn below(rest: &str) -> Option<Self> {
        let mut parts = rest.strip_prefix('/')?.split('/');
        let id = Id::new(parts.next()?);
        match (parts.next(), parts.next()) {
            (None, None) => id.map(Self::One),
            (Some("cancel"), None) => id.map(Self::Cancel),
            (Some(output), None) => {
                let from = match output.strip_prefix("output")? {
                    "" => 0,
                    query => number(query.strip_prefix("?from=")?)?,
                };
                id.map(|id| Self::Output(id, from))
            }
            _ => None,
        }
    }

    /// Its methods, as they stand in `Allow`.
    pub(super) fn methods(&self) -> &'static str {
        match self {
            Self::All => "GET, POST",
            Self::Check | Self::Cancel(_) => "POST",
            Self::Catalogue | Self::One(_) | Self::Output(..) => "GET",
        }
    }
}

/// A number as it is written, and in no other way.
fn number(digits: &str) -> Option<u64> {
    digits.parse().ok().filter(|number: &u64| number.to_string() == digits)
}
