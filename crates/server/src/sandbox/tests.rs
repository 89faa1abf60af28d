//! What a test cannot do on this machine's kernel: that of a newer one.

use std::path::PathBuf;

use landlock::{ABI, Access, AccessFs};

use super::{FILES, restart_needed};

/// R56: a newer kernel does not keep us from TSM's socket, which no rule could name
#[test]
fn a_newer_kernel_does_not_restrict_where_we_connect() {
    assert!(AccessFs::from_all(ABI::V9).contains(AccessFs::ResolveUnix));
    assert!(!AccessFs::from_all(FILES).contains(AccessFs::ResolveUnix));
}

/// R56: what takes a restart is named, all of it
#[test]
fn a_restart_is_asked_for_by_name() {
    let folders = ["/a", "/b"].map(PathBuf::from);
    let one = "restart needed: /a is outside of what the sandbox allows";
    assert_eq!(restart_needed(&folders[..1]), one);
    let both = "restart needed: /a, /b are outside of what the sandbox allows";
    assert_eq!(restart_needed(&folders), both);
}
