//! What a real systemd does with the unit of the service that enrols hosts: more cases of the machine that
//! `machine.rs` boots, with the steps in `inside/authority.sh`.

use crate::machine::holds;

/// By a unit of its own: an invite that root files, a certificate, an entry that the gate may read, a renewal.
#[test]
fn a_host_is_enrolled_by_the_service_of_another_user() {
    holds("a_host_is_enrolled_by_the_service_of_another_user");
}

/// R48, R56: the key is root's, the service its own user's, and neither has more than it needs.
#[test]
fn the_authoritys_key_is_roots_and_out_of_everybodys_sight() {
    holds("the_authoritys_key_is_roots_and_out_of_everybodys_sight");
}

/// From nothing but the packages: one command, one token, and a host logs in, renews, and is out again.
#[test]
fn setup_makes_a_host_that_lets_in_who_joins() {
    holds("setup_makes_a_host_that_lets_in_who_joins");
}
