//! Who this process is to others.

/// The user, by number.
pub(crate) fn our_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
