//! What is said of kernels that this test does not run on.

use landlock::{ABI, Access, AccessFs};

use super::{Enforced, FILES, Level};

/// R56: an older kernel enforces a part, and the level says what it leaves open
#[test]
fn what_an_older_kernel_leaves_open_is_said() {
    for (abi, open) in [
        (ABI::V1, "truncating files, TCP, devices' ioctl, signals"),
        (ABI::V2, "truncating files, TCP, devices' ioctl, signals"),
        (ABI::V3, "TCP, devices' ioctl, signals"),
        (ABI::V4, "devices' ioctl, signals"),
        (ABI::V5, "signals"),
    ] {
        let level =
            Level { enforced: Enforced::Partly(abi), absent: Vec::new(), everything: false };
        let number = abi as u8;
        let text = format!(
            "landlock ABI {number}, partly enforced (this kernel does not restrict {open})"
        );
        assert_eq!(level.to_string(), text);
        assert!(!level.is_full());
    }
}

/// R56: a newer kernel does not keep us from TSM's socket, which no rule could name
#[test]
fn a_newer_kernel_does_not_restrict_where_we_connect() {
    assert!(AccessFs::from_all(ABI::V9).contains(AccessFs::ResolveUnix));
    assert!(!AccessFs::from_all(FILES).contains(AccessFs::ResolveUnix));
}
