//! What the process gives up and takes on before it does anything: no core dumps, no new privileges, files
//! for itself alone, and to be the parent of whatever its commands leave behind.

use std::io;

use rustix::fs::{Mode, OFlags};
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getpid, set_child_subreaper, set_dumpable_behavior,
    setrlimit, umask,
};
use rustix::thread::set_no_new_privs;

/// To be called on the main thread before there is another, and before the first file is made. What is started
/// later has it all too, but for being undumpable.
///
/// # Errors
/// As the system's.
pub fn harden() -> io::Result<()> {
    // an order has passphrases and keys in it
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    set_no_new_privs(true)?;
    umask(Mode::RWXG | Mode::RWXO);
    // what leaves its parent comes to us, not to init: so that it can be found and ended
    set_child_subreaper(Some(getpid()))?;
    Ok(())
}

/// How many descriptors we were started with, beyond the three of every process and the sockets that systemd hands
/// over: whatever we start would have them too. A service manager leaves none.
///
/// To be asked before [`harden`], and before anything is opened.
pub fn inherited() -> usize {
    const CLOSED_ON_EXEC: u32 = OFlags::CLOEXEC.bits();
    let passed: i32 = std::env::var("LISTEN_FDS").ok().and_then(|n| n.parse().ok()).unwrap_or(0);
    let entries = std::fs::read_dir("/proc/self/fdinfo").into_iter().flatten().flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let stays = |name: &String| {
        let flags = std::fs::read_to_string(format!("/proc/self/fdinfo/{name}")).ok()?;
        let flags = flags.lines().find_map(|line| line.strip_prefix("flags:"))?.trim();
        let closed = u32::from_str_radix(flags, 8).ok()? & CLOSED_ON_EXEC != 0;
        let number: i32 = name.parse().ok()?;
        (!closed && number >= passed.saturating_add(3)).then_some(())
    };
    names.filter(|name| stays(name).is_some()).count()
}
