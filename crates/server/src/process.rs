//! What the process asks of the system: no core dumps, no new privileges, enough descriptors, random
//! names.

use std::io;

use aws_lc_rs::rand::{SecureRandom, SystemRandom};
use data_encoding::HEXLOWER;
use rustix::process::{
    DumpableBehavior, Resource, Rlimit, getrlimit, set_dumpable_behavior, setrlimit,
};
use rustix::thread::set_no_new_privs;

use tsmgate_gate::admission::AdmissionLimits;

use crate::config::Config;
use crate::local;

/// Descriptors kept back for TSM, files, the log and the runtime.
const RESERVE: usize = 64;

/// Makes sure that no core dump can hold a cookie or a key, and that no other process of our user can
/// look into ours.
///
/// # Errors
/// As the system's.
pub fn forbid_core_dumps() -> io::Result<()> {
    setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?;
    set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    Ok(())
}

/// Makes sure that no program that is started from here can gain a privilege by being one of another
/// user's (setuid, file capabilities). It is the thread's, and of every thread and program that it starts
/// from then on: to be called on the main thread before there is another.
///
/// # Errors
/// As the system's.
pub fn forbid_new_privileges() -> io::Result<()> {
    set_no_new_privs(true)?;
    Ok(())
}

/// How many connections may exist at once, and what the operator should know of it.
#[derive(Debug)]
pub struct Slots {
    /// Connections.
    pub count: usize,
    /// That fewer are taken than configured.
    pub warning: Option<String>,
}

/// Raises the descriptor limit as far as it goes; where that is not enough for the configured
/// connections, the caps shrink, the unproven ones' no more than the others'.
///
/// # Errors
/// The limit is too low to serve anybody.
pub fn fit_to_descriptors(config: &mut Config) -> io::Result<Slots> {
    let local = config.local_socket.as_ref().map_or(0, |_| local::SLOTS);
    fit(&mut config.admission, config.tsm.connections + local)
}

/// The same for a service that needs so many descriptors beside those of its connections.
///
/// # Errors
/// As [`fit_to_descriptors`].
pub fn fit(admission: &mut AdmissionLimits, beside: usize) -> io::Result<Slots> {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit { current: limit.maximum, maximum: limit.maximum };
    let limit = if setrlimit(Resource::Nofile, raised).is_ok() { raised } else { limit };
    let limit =
        limit.current.map_or(usize::MAX, |limit| usize::try_from(limit).unwrap_or(usize::MAX));
    let reserve = RESERVE + beside;
    let room = limit.saturating_sub(reserve);
    if room < 16 {
        return Err(io::Error::other(format!(
            "the limit of {limit} open files is too low; {} are needed at least",
            reserve + 16
        )));
    }
    let wanted = admission.connections + admission.unproven + RESERVE;
    let mut warning = None;
    if wanted > room {
        admission.unproven = admission.unproven.min(room / 4);
        admission.connections = admission.connections.min(room / 2);
        warning = Some(format!(
            "the limit of open files is lower than the configured connections need ({limit}): fewer are \
             taken, {} proven and {} unproven",
            admission.connections, admission.unproven
        ));
    }
    Ok(Slots { count: wanted.min(room), warning })
}

/// A short random name.
pub fn random_name() -> String {
    let mut bytes = [0; 4];
    // without random numbers TLS would not work either; the name is no secret
    let _ = SystemRandom::new().fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}
