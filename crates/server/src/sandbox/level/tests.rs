//! What is said of kernels that this test does not run on.

use landlock::ABI;

use super::{Enforced, Level};

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
