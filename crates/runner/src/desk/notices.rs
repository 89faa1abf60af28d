//! What the gate is to record: kept with its command until it has.

use tsmgate_catalogue::runner::Notice;

use super::Desk;

impl Desk {
    /// The first notice after that number which is not on record.
    pub fn notice_after(&self, after: u64) -> Option<Notice> {
        let inner = self.lock();
        let all = inner.entries.iter().flat_map(|entry| &entry.notices);
        all.filter(|notice| notice.n > after).min_by_key(|notice| notice.n).cloned()
    }

    /// That notice is on record.
    pub fn recorded(&self, n: u64) {
        let mut inner = self.lock();
        let has = |notice: &Notice| notice.n == n;
        if let Some(entry) = inner.entries.iter_mut().find(|entry| entry.notices.iter().any(has)) {
            entry.notices.retain(|notice| !has(notice));
            // told again after a restart, where this cannot be written
            self.keep(entry);
        }
        self.forget(&mut inner);
    }

    /// Waits for another notice.
    pub(crate) fn noticed(&self) -> tokio::sync::futures::Notified<'_> {
        self.noticed.notified()
    }
}
