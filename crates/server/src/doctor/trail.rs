//! The audit's file: whether the gate can write it, whether its disk has room, whether its chain is whole.
//!
//! It is read, and never written: no record is made of a look.

use std::fs::File;
use std::io::BufReader;
use std::path::Path;

use rustix::fs::{Access, AtFlags, CWD, accessat, statvfs};
use time::OffsetDateTime;

use super::{Cause, Seen, Side, shown};
use crate::audit::verify::{Broken, verify};
use crate::audit::{self, AuditFault};
use crate::config::Audit;

/// A longer file is not read whole here, in bytes: its end alone is.
const WHOLE: u64 = 64 * 1024 * 1024;
/// Less room than that on its disk is worth a warning, in bytes.
const LITTLE_ROOM: u64 = 256 * 1024 * 1024;

/// The audit, by the rights of whoever looks.
pub(super) fn seen(config: &Audit) -> Seen {
    let mut seen = Seen::of(shown(&config.file));
    if let Err(fault) = audit::inspect(config) {
        let what = match fault {
            AuditFault::Journal(_) => "systemctl status systemd-journald",
            _ => "see owner and mode of the file and its folder; they are the gate's own",
        };
        seen.fail(Cause::File, fault.to_string(), Side::Gate, what);
        return seen;
    }
    let folder = config.file.parent().unwrap_or(Path::new("/"));
    let there = config.file.exists();
    for path in [Some(folder), there.then_some(config.file.as_path())].into_iter().flatten() {
        // by the effective user, who may be another than ours
        if let Err(errno) = accessat(CWD, path, Access::WRITE_OK, AtFlags::EACCESS) {
            let sentence = format!("{}: the service user may not write it: {errno}", shown(path));
            let what =
                "chown and chmod it as the package has it (owner tsmgate; folder 0750, file 0640)";
            seen.fail(Cause::File, sentence, Side::Host, what);
        }
    }
    if seen.has_failed() {
        return seen;
    }
    seen.note("the service user may write it");
    room(&mut seen, folder);
    match there {
        true => chain(&mut seen, &config.file),
        false => seen.note("there is no record yet"),
    }
    seen
}

fn room(seen: &mut Seen, folder: &Path) {
    const MIB: u64 = 1024 * 1024;
    let Ok(disk) = statvfs(folder) else { return };
    let free = disk.f_bavail.saturating_mul(disk.f_frsize);
    let sentence = format!("its disk has room for {} MiB", free / MIB);
    let what = "make room: what cannot be recorded does not happen";
    // a file system without inodes of its own counts none
    if free == 0 || (disk.f_files > 0 && disk.f_favail == 0) {
        seen.fail(Cause::System, format!("its disk is full: {sentence}"), Side::Host, what);
    } else if free < LITTLE_ROOM {
        seen.warn(sentence, Side::Host, what);
    } else {
        seen.note(sentence);
    }
}

fn chain(seen: &mut Seen, path: &Path) {
    let Ok(file) = File::open(path) else { return };
    let Ok(metadata) = file.metadata() else { return };
    if let Ok(changed) = metadata.modified() {
        let age = OffsetDateTime::now_utc() - OffsetDateTime::from(changed);
        seen.note(format!("the last record is {} minutes old", age.whole_minutes().max(0)));
    }
    if metadata.len() > WHOLE {
        seen.note(
            "it ends in a record; it is long, so that `tsmgated audit verify` reads the whole",
        );
        return;
    }
    match verify(BufReader::new(file), None) {
        Ok(verified) => seen.note(format!("its chain is whole, head {}", verified.head)),
        Err(Broken::Unfinished { .. }) => seen.note("its chain is whole up to a line on its way"),
        Err(broken) => {
            let what = "tsmgated audit verify; keep the file: it is evidence";
            seen.fail(Cause::Contents, format!("its chain is broken: {broken}"), Side::Host, what);
        }
    }
}
