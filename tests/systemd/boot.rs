//! What a real systemd does with the units: one boot, and one test for each case of
//! `inside/cases.sh`, which has the steps.

use crate::machine::holds;

#[test]
fn the_host_is_prepared() {
    holds("the_host_is_prepared");
}

#[test]
fn systemd_makes_the_user_a_real_member_of_tsms_group() {
    holds("systemd_makes_the_user_a_real_member_of_tsms_group");
}

#[test]
fn a_missing_key_fails_the_start_and_says_so() {
    holds("a_missing_key_fails_the_start_and_says_so");
}

#[test]
fn a_bad_configuration_fails_the_start_and_mending_it_is_enough() {
    holds("a_bad_configuration_fails_the_start_and_mending_it_is_enough");
}

#[test]
fn ready_only_when_it_serves_and_the_status_is_for_people() {
    holds("ready_only_when_it_serves_and_the_status_is_for_people");
}

#[test]
fn the_key_is_roots_alone() {
    holds("the_key_is_roots_alone");
}

#[test]
fn without_credentials_the_key_is_the_users() {
    holds("without_credentials_the_key_is_the_users");
}

/// R56: the daemon runs as its own user, without a capability, behind seccomp, on files it cannot write.
#[test]
fn the_sandbox_is_what_the_unit_says() {
    holds("the_sandbox_is_what_the_unit_says");
}

/// The one TCP connection that the daemon makes is let through by the unit and by Landlock; restarts lose no
/// request and leave no session behind.
#[test]
fn the_api_lane_works_from_within_the_sandbox() {
    holds("the_api_lane_works_from_within_the_sandbox");
}

/// R10: what is open is cut within two seconds of `systemctl reload`, what is new is refused.
#[test]
fn a_revoked_client_is_cut_within_two_seconds_of_the_reload() {
    holds("a_revoked_client_is_cut_within_two_seconds_of_the_reload");
}

/// R53: `systemctl reload` fails, the log says why, and the old credentials go on serving.
#[test]
fn a_broken_reload_fails_and_the_old_goes_on() {
    holds("a_broken_reload_fails_and_the_old_goes_on");
}

/// R54: three restarts and twenty reloads under a hammer of logins: 0 refused, 0 failed.
#[test]
fn restarts_and_reloads_under_load_lose_no_call() {
    holds("restarts_and_reloads_under_load_lose_no_call");
}

#[test]
fn the_first_caller_starts_a_gate_that_does_not_run() {
    holds("the_first_caller_starts_a_gate_that_does_not_run");
}

/// R56: the user database is asked from within the sandbox, and its answer counts.
#[test]
fn a_user_of_the_host_is_let_in_by_his_group() {
    holds("a_user_of_the_host_is_let_in_by_his_group");
}

/// R54: with the unit that the page has, the local socket outlives the gate and starts it.
#[test]
fn systemd_holds_the_local_socket_where_it_is_told_to() {
    holds("systemd_holds_the_local_socket_where_it_is_told_to");
}

#[test]
fn a_stop_is_clean_and_the_port_is_the_sockets() {
    holds("a_stop_is_clean_and_the_port_is_the_sockets");
}

/// R56a: what was killed is started anew by its unit.
#[test]
fn a_killed_daemon_comes_back_and_the_record_says_so() {
    holds("a_killed_daemon_comes_back_and_the_record_says_so");
}

#[test]
fn the_journal_has_the_log() {
    holds("the_journal_has_the_log");
}

#[test]
fn the_server_certificate_is_renewed_when_it_is_due() {
    holds("the_server_certificate_is_renewed_when_it_is_due");
}

#[test]
fn the_revocation_list_is_brought_when_there_is_a_newer_one() {
    holds("the_revocation_list_is_brought_when_there_is_a_newer_one");
}

#[test]
fn the_timers_run() {
    holds("the_timers_run");
}

#[test]
fn the_watchdog_spares_a_loop_that_turns() {
    holds("the_watchdog_spares_a_loop_that_turns");
}

#[test]
fn the_watchdog_ends_a_loop_that_hangs() {
    holds("the_watchdog_ends_a_loop_that_hangs");
}

#[test]
fn the_kernel_drops_what_the_allowlist_does_not_name() {
    holds("the_kernel_drops_what_the_allowlist_does_not_name");
}
