//! `tsmgate-authority check`: all that the service would load, and what is to be said of it. Nothing is bound or
//! written.

use std::path::Path;

use tsmgate_pki::enrolment::invites;
use tsmgate_server::audit::{self, AuditFault};
use tsmgate_settings::files::FileFault;

use super::{Exit, fail, say};
use crate::daemon::Loaded;

/// Loads everything, and says how it is.
pub(super) fn check(path: &Path) -> Exit {
    let loaded = match Loaded::load(path) {
        Ok(loaded) => loaded,
        Err(fault) => return fail(&fault),
    };
    match audit::inspect(&loaded.config.audit) {
        // root looks, and the folder is the service's own user's, as it has to be
        Err(AuditFault::Unsafe(FileFault::ForeignOwner { .. })) if is_root() => {}
        Err(fault) => return fail(&fault.into()),
        Ok(()) => {}
    }
    let config = &loaded.config;
    let mut lines = vec![format!("{}: good", path.display())];
    lines.extend(loaded.warnings().into_iter().map(|warning| format!("warning: {warning}")));
    lines.push(format!("listens on {}", config.listen));
    lines.push(format!("tokens say {}", config.address(config.listen.port())));
    lines.push(format!("publishes in {}", config.published.display()));
    let waiting = invites(&config.authority.folder).unwrap_or_default();
    let waiting = waiting.iter().filter(|invite| invite.used.is_none()).count();
    lines.push(format!("{waiting} invites are open"));
    say(&lines);
    Exit::Done
}

fn is_root() -> bool {
    nix::unistd::geteuid().is_root()
}
