//! Who this process is to others, by the kernel.

/// The user, by number.
pub(crate) fn our_user() -> u32 {
    rustix::process::geteuid().as_raw()
}
