//! Where TSM's controller is, as addresses: systemd's lists know no names.
//!
//! A name is looked up when a list is printed or compared, and not again; whoever moves TSM prints anew.

use std::net::{IpAddr, ToSocketAddrs};
use std::sync::mpsc::channel;
use std::time::Duration;

use tsmgate_text::escape;

use crate::config::Api;

/// How long a name may take.
pub const LOOKUP: Duration = Duration::from_secs(5);
/// More addresses has no controller.
const ADDRESSES: usize = 16;

/// Where `tsm.api` is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Controller {
    /// It is not set.
    None,
    /// There.
    At {
        /// Whether on this host, by any loopback address.
        loopback: bool,
        /// The addresses that are none of loopback.
        others: Vec<IpAddr>,
    },
    /// The name has no address now, or not in time; escaped.
    Unknown(String),
}

impl Controller {
    /// Of the setting. Waits for a lookup up to [`LOOKUP`].
    pub fn of(api: Option<&Api>) -> Self {
        let Some(api) = api else { return Self::None };
        if api.host.eq_ignore_ascii_case("localhost") {
            return Self::At { loopback: true, others: Vec::new() };
        }
        match api.host.parse() {
            Ok(address) => Self::at(&[address]),
            Err(_) => Self::at(&look_up(api)).or_unknown(&api.host),
        }
    }

    fn at(addresses: &[IpAddr]) -> Self {
        let loopback = addresses.iter().any(IpAddr::is_loopback);
        let mut others: Vec<_> = addresses.iter().filter(|a| !a.is_loopback()).copied().collect();
        others.sort();
        others.dedup();
        others.truncate(ADDRESSES);
        Self::At { loopback, others }
    }

    fn or_unknown(self, host: &str) -> Self {
        if self.words().is_empty() { Self::Unknown(escape(host)) } else { self }
    }

    /// That it cannot be found, in a sentence.
    pub fn warning(&self) -> Option<String> {
        match self {
            Self::Unknown(host) => Some(format!("tsm.api: `{host}` has no address now")),
            _ => None,
        }
    }

    /// The addresses in systemd's words.
    pub fn words(&self) -> Vec<String> {
        let Self::At { loopback, others } = self else { return Vec::new() };
        let loopback = loopback.then(|| "localhost".to_owned());
        loopback.into_iter().chain(others.iter().map(IpAddr::to_string)).collect()
    }
}

/// On a thread of its own: a lookup cannot be given up.
fn look_up(api: &Api) -> Vec<IpAddr> {
    let (say, answer) = channel();
    let target = (api.host.clone(), api.port);
    let looking = std::thread::Builder::new().spawn(move || {
        let found = target.to_socket_addrs().into_iter().flatten();
        let _ = say.send(found.map(|address| address.ip()).collect());
    });
    match looking {
        Ok(_) => answer.recv_timeout(LOOKUP).unwrap_or_default(),
        Err(_) => Vec::new(),
    }
}
