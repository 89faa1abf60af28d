//! What the process gives up and takes on before it does anything: no core dumps, no new privileges, files
//! for itself alone, and to be the parent of whatever its commands leave behind.

use std::io;

use rustix::fs::Mode;
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
