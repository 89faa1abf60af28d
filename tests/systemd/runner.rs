//! What a real systemd does with the runner's units: more cases of the machine that `machine.rs` boots, with
//! the steps in `inside/runner.sh` and a `tsm` that does what a case tells it.

use crate::machine::holds;

#[test]
fn the_first_question_starts_the_runner() {
    holds("the_first_question_starts_the_runner");
}

#[test]
fn tsm_runs_as_a_member_of_its_group_with_a_clean_environment() {
    holds("tsm_runs_as_a_member_of_its_group_with_a_clean_environment");
}

/// Another user cannot connect; one of the gate's group, and root, can, and are not answered.
#[test]
fn nobody_but_the_gates_user_is_answered() {
    holds("nobody_but_the_gates_user_is_answered");
}

/// The network-facing daemon reaches the runner's socket, and can execute nothing: not what is on the host, not
/// what it could write, not as root either.
#[test]
fn the_gate_reaches_the_runner_and_starts_no_process_itself() {
    holds("the_gate_reaches_the_runner_and_starts_no_process_itself");
}

#[test]
fn what_the_runner_starts_is_in_its_sandbox() {
    holds("what_the_runner_starts_is_in_its_sandbox");
}

#[test]
fn a_java_program_works_in_the_sandbox() {
    holds("a_java_program_works_in_the_sandbox");
}

/// What the documentation says of passphrases: they are in `ps` for everybody, until the host hides them.
#[test]
fn the_arguments_of_tsm_are_hidden_by_the_host_and_not_by_the_unit() {
    holds("the_arguments_of_tsm_are_hidden_by_the_host_and_not_by_the_unit");
}

#[test]
fn a_reload_lets_an_idle_runner_leave() {
    holds("a_reload_lets_an_idle_runner_leave");
}

/// A busy runner goes on to the end of its command, takes no other, and is followed by another process.
#[test]
fn a_reload_lets_a_busy_runner_finish() {
    holds("a_reload_lets_a_busy_runner_finish");
}

#[test]
fn a_stop_ends_all_that_a_command_started() {
    holds("a_stop_ends_all_that_a_command_started");
}

#[test]
fn a_killed_runner_comes_back_and_says_what_it_lost() {
    holds("a_killed_runner_comes_back_and_says_what_it_lost");
}

#[test]
fn a_broken_configuration_is_mended_without_a_command() {
    holds("a_broken_configuration_is_mended_without_a_command");
}

/// The gate and its runner live apart: neither a restart of the one nor its stop touches the other.
#[test]
fn a_restart_of_the_gate_leaves_the_runner_alone() {
    holds("a_restart_of_the_gate_leaves_the_runner_alone");
}

/// From a jump host's words to TSM and back, with the daemon and the runner in their units; a reload of the gate
/// is enough to turn it on.
#[test]
fn a_command_goes_through_both_sandboxes_to_tsm() {
    holds("a_command_goes_through_both_sandboxes_to_tsm");
}
