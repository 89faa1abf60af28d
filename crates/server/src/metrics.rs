//! placeholder
use std::sync::Mutex;
use std::time::Duration;
use time::OffsetDateTime;
use tsmgate_gate::reason::Reason;
#[derive(Debug, Default)]
pub struct Metrics {
    inner: Mutex<(u64, Option<(String, OffsetDateTime)>)>,
}
impl Metrics {
    pub fn new() -> Self {
        Self::default()
    }
    pub fn refused(&self, _reason: Reason) {}
    pub fn login(&self, client: &str, outcome: Result<(), Reason>) {
        if outcome.is_ok() {
            let mut i = self.inner.lock().unwrap();
            i.0 += 1;
            i.1 = Some((client.to_owned(), OffsetDateTime::now_utc()));
        }
    }
    pub fn asked_tsm(&self, _time: Duration, _outcome: Result<(), Reason>) {}
    pub fn cut(&self, _reason: Reason) {}
    pub fn banned(&self) {}
    pub fn reloaded(&self, _good: bool) {}
    pub fn seen(&self, _client: &str, _not_after: i64) {}
    pub fn logins(&self) -> u64 {
        self.inner.lock().unwrap().0
    }
    pub fn last_login(&self) -> Option<(String, OffsetDateTime)> {
        self.inner.lock().unwrap().1.clone()
    }
    pub fn tsm_failing(&self) -> Option<&'static str> {
        None
    }
    pub fn clients_seen(&self) -> Vec<(String, i64)> {
        Vec::new()
    }
}
