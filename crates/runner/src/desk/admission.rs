//! What is taken at all: orders of the catalogue, of permissions that are served, while there is room, and while the
//! program is to be trusted.

use tsmgate_catalogue::command::{Checked, Order, OrderFault};
use tsmgate_catalogue::runner::{RefusalCode, Refused, Start};

use super::entry::{self, Entry};
use super::{Desk, Inner, refused};
use crate::program::Program;
use crate::queue::{self, Place};
use crate::serving::serves;

/// How many bytes of orders may wait in memory, with their files.
const HELD_LIMIT: usize = 192 * 1024 * 1024;
/// How many notices may wait for the gate to record them.
const NOTICES_LIMIT: usize = 400;
/// The longest name of a client, an address or a request, in bytes.
const NAME_LIMIT: usize = 1024;

impl Desk {
    pub(super) fn permitted<'a>(&'a self, order: &'a Order) -> Result<Checked<'a>, Refused> {
        let bad = |fault: OrderFault| refused(RefusalCode::BadOrder, fault.message);
        let checked = self.catalogue().check(order).map_err(bad)?;
        let permission = &checked.command.permission;
        match serves(&self.config.served, permission) {
            true => Ok(checked),
            false => Err(refused(
                RefusalCode::NotServed,
                format!("the runner does not serve `{permission}` (serve.permissions)"),
            )),
        }
    }

    /// The `tsm` program, judged anew.
    ///
    /// # Errors
    /// It is missing, or others could have written it.
    pub fn program(&self) -> Result<Program, Refused> {
        let tsm = &self.config.tsm;
        Program::trusted(&tsm.program, &tsm.owners).map_err(|distrust| {
            refused(RefusalCode::Program, format!("tsm is not run: {distrust}"))
        })
    }

    /// Whether there is room for one more.
    pub(super) fn admit(&self, inner: &Inner, start: &Start, changes: bool) -> Result<(), Refused> {
        if inner.leaving {
            return Err(refused(RefusalCode::Leaving, "the runner is about to end"));
        }
        if inner.entries.iter().map(|entry| entry.notices.len()).sum::<usize>() >= NOTICES_LIMIT {
            let message = "too much that ended is not recorded by the gate yet";
            return Err(refused(RefusalCode::Storage, message));
        }
        let mut places = inner.places();
        let waiting = queue::waiting(&places);
        places.push(Place { changes, waits: true });
        let waits = !queue::next(&places, self.config.limits.reading).contains(&(places.len() - 1));
        let asked = usize::try_from(start.queued).unwrap_or(usize::MAX);
        let most = asked.min(self.config.limits.queued);
        // nobody may fill the queue for all others
        let own = inner.waiting_of(&start.client);
        let full = waits && (waiting >= most || own >= most.div_ceil(2));
        let held: usize = inner.entries.iter().map(Entry::held).sum();
        match full || held + entry::size(&start.order) > HELD_LIMIT {
            true => Err(refused(
                RefusalCode::QueueFull,
                "as many commands wait as may, or as one client may have",
            )),
            false => Ok(()),
        }
    }
}

/// What the gate names somebody or something by is kept, logged and repeated.
pub(super) fn name(text: &str) -> Result<(), Refused> {
    match (1..=NAME_LIMIT).contains(&text.len()) && !text.contains(char::is_control) {
        true => Ok(()),
        false => Err(refused(RefusalCode::BadOrder, "a name is empty, too long, or not one line")),
    }
}
