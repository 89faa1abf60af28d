//! What a reload reads: everything, certificates and lists, or who joined. Nothing here changes what is in force.

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use time::OffsetDateTime;

use crate::config;
use crate::credentials;
use crate::daemon::Loaded;
use crate::enrolled::Enrolled;
use crate::house::{House, Snapshot};

/// What was read, and is to be in force.
pub(super) struct Anew {
    pub(super) snapshot: Snapshot,
    /// What is odd about it.
    pub(super) warnings: Vec<String>,
    /// What could not be read all the same; the snapshot has what there was before in its place.
    pub(super) fault: Option<String>,
}

pub(super) type Read = Result<Anew, String>;

/// Everything anew, with what is odd about it. The sandbox is asked first: what it keeps from us looks like
/// a file with the wrong mode.
pub(super) fn everything(path: &Path, current: &Snapshot, house: &House) -> Read {
    house.sandbox.holds_file(path)?;
    let config = config::load(path).map_err(|fault| fault.to_string())?;
    house.sandbox.holds(&config, path)?;
    let now = OffsetDateTime::now_utc();
    let credentials = credentials::load_anew(&current.credentials, &config, now);
    let credentials = credentials.map_err(|fault| fault.to_string())?;
    let last = current.enrolled.as_deref();
    let enrolled = config.enrolment.as_ref().map(|order| Enrolled::load_after(last, order));
    let enrolled = enrolled.transpose().map_err(|fault| fault.to_string())?;
    let loaded = Loaded::of(config, credentials, enrolled, path);
    let loaded = loaded.map_err(|fault| fault.to_string())?;
    let fixed = current.config.fixed_differences(&loaded.snapshot.config);
    if !fixed.is_empty() {
        return Err(format!("restart needed: {} changed", fixed.join(", ")));
    }
    let warnings = loaded.warnings();
    Ok(Anew { snapshot: loaded.snapshot, warnings, fault: None })
}

/// Certificates and lists anew.
pub(super) fn certificates(current: &Snapshot, house: &House) -> Read {
    house.sandbox.holds_credentials(&current.config)?;
    let now = OffsetDateTime::now_utc();
    let credentials = credentials::load_anew(&current.credentials, &current.config, now);
    let credentials = credentials.map_err(|fault| fault.to_string())?;
    let warnings = credentials.trouble(now).into_iter().chain(credentials.warnings(now)).collect();
    let snapshot = Snapshot { credentials, ..current.clone() };
    Ok(Anew { snapshot, warnings, fault: None })
}

/// Who joined and who is out anew.
pub(super) fn enrolled(current: &Snapshot, house: &House) -> Read {
    let Some(order) = &current.config.enrolment else {
        return Err("there is no [enrolment]".to_owned());
    };
    let enrolled = Enrolled::load_after(current.enrolled.as_deref(), order);
    let enrolled = enrolled.map_err(|fault| fault.to_string())?;
    let (policy, enrolled) = enrolled.joined_to(&current.policy, order);
    // what the sandbox keeps from us looks like a file with the wrong mode
    let fault = enrolled.fault().map(|fault| {
        let held = house.sandbox.holds_enrolled(&current.config);
        held.err().unwrap_or_else(|| fault.to_owned())
    });
    let said = current.enrolled.iter().flat_map(|enrolled| enrolled.trouble());
    let said: HashSet<_> = said.collect();
    let warnings = enrolled.trouble().into_iter().filter(|odd| !said.contains(odd)).collect();
    let (policy, enrolled) = (Arc::new(policy), Some(Arc::new(enrolled)));
    Ok(Anew { snapshot: Snapshot { policy, enrolled, ..current.clone() }, warnings, fault })
}
