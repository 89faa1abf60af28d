//! What a real systemd does with the units of `tsmgate forward`: more cases of the machine that `machine.rs`
//! boots, with the steps in `inside/forward.sh`.

use crate::machine::holds;

#[test]
fn the_first_call_starts_the_forward() {
    holds("the_first_call_starts_the_forward");
}

#[test]
fn a_restart_of_the_forward_loses_no_call() {
    holds("a_restart_of_the_forward_loses_no_call");
}
