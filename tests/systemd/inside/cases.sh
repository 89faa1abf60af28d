#!/bin/bash
# What systemd and the gate do with each other. Each case is a function: what it prints is its talk, kept
# in /out/talk; the first command that fails is the failure of the case. Cases follow each other on one
# machine, each leaves a gate that runs.

. /inside/host.sh
. /inside/runner.sh
. /inside/forward.sh
. /inside/authority.sh

# case_ NAME: runs one, and prints `ok NAME` or `not ok NAME`.
case_() {
    local start=$EPOCHREALTIME code
    ( set -eEuo pipefail; trap 'echo "failed: $BASH_COMMAND" >&2' ERR; "$1" ) > "/out/talk/$1" 2>&1
    code=$?
    mended >> "/out/talk/$1" 2>&1
    [ $code = 0 ] && echo "ok $1" || echo "not ok $1"
    awk "BEGIN { print $EPOCHREALTIME - $start, \"s\" }" >> "/out/talk/$1"
}

# After each case: what a failed one may have left behind must not fail the next.
mended() {
    [ ! -e /root/server.key ] || mv /root/server.key $etc/server.key
    [ ! -e $etc/server.pem ] || configuration > $etc/tsmgated.toml
    [ ! -e $etc/clients.crl ] || put $pki/clients.crl $etc/clients.crl
    [ ! -e $etc/server.pem ] || systemctl start tsmgated.service
    go
    [ ! -e $etc/runner.toml ] || runner_configuration > $etc/runner.toml
}

the_host_is_prepared() {
    set -x
    network
    tsm
    gate
}

systemd_makes_the_user_a_real_member_of_tsms_group() {
    id -nG tsmgate | tr ' ' '\n' | grep -x tsmadmin
    getent group tsmadmin | cut -d: -f4 | tr ',' '\n' | grep -x tsmgate
    [ "$(stat -c '%a %U %G' $etc $etc/clients.d /var/log/tsmgate | tr '\n' ,)" = \
        "750 root tsmgate,750 root tsmgate,750 tsmgate tsmgate," ]
}

a_missing_key_fails_the_start_and_says_so() {
    systemctl stop tsmgated.socket
    mv $etc/server.key /root/server.key
    ! systemctl start tsmgated.service || fail "started without a key"
    is Result exit-code || is Result resources
    [ "$(property ExecMainStatus)" = 243 ]
    # whoever said it is gone before the journal can tell which unit it was
    journalctl --sync
    journalctl -b -o cat | grep 'server.key\|credentials'
}

a_bad_configuration_fails_the_start_and_mending_it_is_enough() {
    systemctl stop tsmgated.socket
    sed -i 's/^revocation_list/revocation_lisst/' $etc/tsmgated.toml
    ! systemctl start tsmgated.service || fail "started with an unknown key"
    is ActiveState activating || is ActiveState failed
    [ "$(property ExecMainStatus)" = 65 ]
    log | grep 'revocation_lisst'
    configuration > $etc/tsmgated.toml
    # started anew by systemd, within RestartSec
    until_ 15 is ActiveState active
}

status_says() { property StatusText | grep "$1"; }

ready_only_when_it_serves_and_the_status_is_for_people() {
    systemctl stop tsmgated.service
    systemctl start tsmgated.service
    # no waiting: readiness means that it serves
    login jump01 | grep '^AUTH_COOKIE='
    is SubState running
    property StatusText
    until_ 10 status_says jump01
    status_says 'server in 64 days'
    grep -q "Password-less login request from user 'tsmgate'" /var/log/tsmsim/log
    [ "$(ps -o user= -p "$(property MainPID)")" = tsmgate ]
    tsmgated status
    [ "$(stat -c '%a %U' /run/tsmgate /run/tsmgate/status.sock | tr '\n' ,)" = \
        "755 tsmgate,600 tsmgate," ]
}

the_key_is_roots_alone() {
    [ "$(stat -c '%a %U' $etc/server.key)" = "600 root" ]
    ! runuser -u tsmgate -- cat $etc/server.key || fail "the gate's user reads the key"
    # what the daemon serves is that key's certificate
    [ "$(python3 /inside/client.py fingerprint)" = \
        "$(openssl x509 -in $etc/server.pem -outform der | sha256sum | cut -d' ' -f1)" ]
    # the README's way to check what the unit will see
    systemd-run --quiet --pipe --wait -p User=tsmgate \
        -p LoadCredential=server.key:/etc/tsmgate/server.key tsmgated check | grep 'good$'
}

# systemd before 247 skips LoadCredential=: here it is taken away.
without_credentials_the_key_is_the_users() {
    local dropin=/run/systemd/system/tsmgated.service.d/old.conf
    mkdir -p "${dropin%/*}"
    printf '%s\n' '[Service]' LoadCredential= > $dropin
    systemctl daemon-reload
    chown tsmgate $etc/server.key
    systemctl restart tsmgated.service
    login jump01
    rm $dropin
    systemctl daemon-reload
    chown root $etc/server.key
    systemctl restart tsmgated.service
}

the_sandbox_is_what_the_unit_says() {
    local pid; pid=$(property MainPID)
    grep -E '^(Cap|NoNewPrivs|Seccomp:)' "/proc/$pid/status"
    [ "$(grep -cE '^Cap(Inh|Prm|Eff|Bnd|Amb):\s0{16}$' "/proc/$pid/status")" = 5 ]
    grep -q '^NoNewPrivs:\s1$' "/proc/$pid/status"
    grep -q '^Seccomp:\s2$' "/proc/$pid/status"
    grep -E 'Max (core|open)' "/proc/$pid/limits"
    grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits"
    # its own view of the files, which not even root may write
    local inside=/proc/$pid/root folder
    for folder in /etc/tsmgate /usr/bin /usr/lib /var/lib /srv /run; do
        ! touch "$inside$folder/x" || fail "may write $folder"
    done
    touch "$inside/var/log/tsmgate/x" "$inside/run/tsmgate/x"
    rm "$inside/var/log/tsmgate/x" "$inside/run/tsmgate/x"
    ! ls "$inside$pki" || fail "sees the authority"
    # landlock_create_ruleset(NULL, 0, VERSION): what this kernel has of Landlock is taken
    local abi; abi=$(python3 -c 'import ctypes; print(ctypes.CDLL(None).syscall(444, None, 0, 1))')
    [ "$abi" -lt 1 ] || tsmgated status | grep "^sandbox: landlock"
}

recorded() { grep -c "\"tsmgate.session\":\"$1\"" /var/log/tsmgate/audit.jsonl || :; }

the_api_lane_works_from_within_the_sandbox() {
    as_ jump01 status | grep RUNNING
    as_ jump01 restart --wait | grep succeeded
    ! as_ jump02 status || fail "a role without the permission"
    tsmgated status | grep -i session
    # a restart loses none, and leaves no session of the gate's behind
    local ended; ended=$(recorded ended)
    for _ in $(seq 40); do as_ jump01 status || echo failed; done > /out/asked &
    local asking=$!
    until_ 10 grep -q RUNNING /out/asked
    systemctl restart tsmgated.service
    wait $asking
    sort /out/asked | uniq -c
    ! grep -q failed /out/asked || fail "lost in a restart"
    [ "$(recorded ended)" -gt "$ended" ]
    systemctl reload tsmgated.service
    as_ jump01 status | grep RUNNING
}

a_revoked_client_is_cut_within_two_seconds_of_the_reload() {
    python3 /inside/client.py hold jump02 > /out/held &
    local held=$!
    until_ 10 grep -q open /out/held
    tsmgate pki revoke jump02
    put $pki/clients.crl $etc/clients.crl
    local before=$EPOCHREALTIME
    systemctl reload tsmgated.service
    wait $held
    cat /out/held
    awk -v from="$before" '/^cut/ { exit !($2 - from < 2) }' /out/held
    ! login jump02 || fail "a new connection of the revoked"
    login jump01
}

a_broken_reload_fails_and_the_old_goes_on() {
    local pid; pid=$(property MainPID)
    echo 'not a list' > $etc/clients.crl.new
    mv $etc/clients.crl.new $etc/clients.crl
    local code=0
    systemctl reload tsmgated.service || code=$?
    [ $code != 0 ] || fail "systemctl reload says that it is good"
    log | grep 'clients.crl'
    until_ 10 status_says 'LAST RELOAD FAILED'
    code=0
    tsmgated reload || code=$?
    [ $code = 65 ]
    is ActiveState active
    [ "$(property MainPID)" = "$pid" ]
    login jump01
    ! login jump02 || fail "a broken list let the revoked in"
    put $pki/clients.crl $etc/clients.crl
    systemctl reload tsmgated.service
    until_ 10 is SubState running
    login jump01
}

restarts_and_reloads_under_load_lose_no_call() {
    rm -f /out/stop
    python3 /inside/client.py hammer 6 /out/stop jump01 > /out/hammer &
    local hammer=$! code=0
    for _ in 1 2 3; do
        until_ 10 more_calls
        systemctl restart tsmgated.service
    done
    for _ in $(seq 20); do
        systemctl reload tsmgated.service
    done
    until_ 10 more_calls
    touch /out/stop
    wait $hammer || code=$?
    cat /out/hammer
    [ $code = 0 ]
    grep -q ' 0 refused 0 failed$' /out/hammer
}

# Whether a call was recorded since this was last asked.
more_calls() {
    local now; now=$(grep -c '"event.outcome":"success"' /var/log/tsmgate/audit.jsonl)
    [ "$now" -gt "${CALLS:-0}" ] && CALLS=$((now + 10))
}

the_first_caller_starts_a_gate_that_does_not_run() {
    systemctl stop tsmgated.service
    is ActiveState inactive
    login jump01
    is ActiveState active
}

a_stop_is_clean_and_the_port_is_the_sockets() {
    systemctl stop tsmgated.service
    is Result success
    [ "$(property ExecMainStatus)" = 0 ]
    systemctl is-active tsmgated.socket
    systemctl stop tsmgated.socket
    ! listening || fail "the port is open although its unit is stopped"
    systemctl start tsmgated.service
    systemctl is-active tsmgated.socket
    login jump01
    # and both at once
    systemctl stop tsmgated.socket
    is ActiveState inactive
    systemctl start tsmgated.service
}

a_killed_daemon_comes_back_and_the_record_says_so() {
    login jump01
    systemctl kill --signal=KILL --kill-who=main tsmgated.service
    until_ 15 is NRestarts 1
    until_ 15 is ActiveState active
    login jump01
    tail -n 5 /var/log/tsmgate/audit.jsonl
    tsmgated audit verify /var/log/tsmgate/audit.jsonl
}

the_journal_has_the_log() {
    log | grep listening
    [ "$(journalctl -b -o json -u tsmgated.service | grep -c AUTH_COOKIE)" = 0 ]
}

the_server_certificate_is_renewed_when_it_is_due() {
    local old; old=$(python3 /inside/client.py fingerprint)
    # a daemon that runs is not given up for a configuration that is broken meanwhile
    local pid; pid=$(property MainPID)
    echo 'nonsense' >> $etc/tsmgated.toml
    ! systemctl start tsmgate-renew-server.service || fail "renewed on a broken configuration"
    [ "$(property MainPID)" = "$pid" ]
    configuration > $etc/tsmgated.toml
    [ "$(python3 /inside/client.py fingerprint)" = "$old" ]

    systemctl start tsmgate-renew-server.service
    local new; new=$(python3 /inside/client.py fingerprint)
    [ "$old" != "$new" ]
    [ "$(stat -c '%a %U' $etc/server.key)" = "600 root" ]
    login jump01
    # and not again
    pid=$(property MainPID)
    systemctl start tsmgate-renew-server.service
    [ "$(property MainPID)" = "$pid" ]
    [ "$(python3 /inside/client.py fingerprint)" = "$new" ]
}

the_revocation_list_is_brought_when_there_is_a_newer_one() {
    login jump03
    tsmgate pki revoke jump03
    systemctl start tsmgate-renew-crl.service
    ! login jump03 || fail "the new list is not in force"
    login jump01
    [ "$(stat -c '%a %U' $etc/clients.crl)" = "644 root" ]
}

# From an address of this host: whether the port takes a connection within a second.
taken_from() {
    python3 -c 'import socket, sys
socket.create_connection(("10.20.1.5", 18850), 1, (sys.argv[1], 0))' "$1"
}

log_of_systemd() { journalctl --sync; journalctl -b -o cat _PID=1; }

the_kernel_drops_what_the_allowlist_does_not_name() {
    ip addr add 10.99.0.1/32 dev lo
    taken_from 10.99.0.1
    tsmgated print-ip-dropin --write
    ls /etc/systemd/system/tsmgated.s*.d
    systemd-analyze verify tsmgated.service tsmgated.socket > /out/verify 2>&1
    cat /out/verify
    [ ! -s /out/verify ]
    # as print-ip-dropin says: this is enough
    systemctl daemon-reload
    if log_of_systemd | grep 'does not support BPF/cgroup firewalling'; then
        echo "LEFT OUT: the packet filter of systemd (this kernel has none)"
    else
        ! taken_from 10.99.0.1 || fail "a stranger is connected"
    fi
    taken_from 10.20.1.5
    login jump01
    rm -r /etc/systemd/system/tsmgated.s*.d
    systemctl daemon-reload
    taken_from 10.99.0.1
}

the_timers_run() {
    systemctl start tsmgate-renew-server.timer tsmgate-renew-crl.timer
    systemctl list-timers --all
    systemctl show --value -p NextElapseUSecRealtime tsmgate-renew-crl.timer | grep .
    systemctl show --value -p NextElapseUSecRealtime tsmgate-renew-server.timer | grep .
}

# A watchdog of three seconds instead of thirty.
quick_watchdog() {
    mkdir -p /run/systemd/system/tsmgated.service.d
    printf '%s\n' '[Service]' WatchdogSec=3 > /run/systemd/system/tsmgated.service.d/watchdog.conf
    systemctl daemon-reload
    systemctl restart tsmgated.service
    [ "$(property WatchdogUSec)" = 3s ]
}

fed_since() { [ "$(property WatchdogTimestampMonotonic)" -gt "$1" ]; }

the_watchdog_spares_a_loop_that_turns() {
    quick_watchdog
    strace -f -o /dev/null -e trace=accept4 -p "$(property MainPID)" &
    local tracer=$! pid; pid=$(property MainPID)
    login jump01
    # fed later than two of its spans from now
    until_ 20 fed_since $(($(property WatchdogTimestampMonotonic) + 6000000))
    is NRestarts 0
    [ "$(property MainPID)" = "$pid" ]
    kill $tracer
    wait $tracer || :
    login jump01
}

the_watchdog_ends_a_loop_that_hangs() {
    local pid; pid=$(property MainPID)
    strace -f -o /dev/null -e trace=accept4 -e inject=accept4:delay_enter=60000000 -p "$pid" &
    local tracer=$!
    until_ 10 grep -q "TracerPid:\s$tracer" "/proc/$pid/status"
    # one caller is enough to hold the loop
    login jump01 &
    local caller=$!
    until_ 20 is Result watchdog
    # the dead wait for their tracer
    kill -KILL $tracer
    until_ 20 is NRestarts 1
    until_ 20 is ActiveState active
    # its connection ended with the daemon, that of the next is served
    wait $tracer $caller || :
    login jump01
    log | grep -i watchdog
    rm /run/systemd/system/tsmgated.service.d/watchdog.conf
    systemctl daemon-reload
}

# as_local USER PATH: asks at the local socket as a user of this host.
as_local() {
    runuser -u "$1" -- curl -sS --max-time 10 --unix-socket "$2" http://localhost/v1/whoami
}

with_local() {
    printf '%s\n' '[listen]' 'local = "/run/tsmgate/local.sock"'
    configuration
    printf '%s\n' '[[local]]' 'group = "support"' 'roles = ["monitor"]'
}

a_user_of_the_host_is_let_in_by_his_group() {
    groupadd support
    useradd --gid nogroup --groups support alice
    useradd --gid nogroup bob
    with_local > $etc/tsmgated.toml
    systemctl restart tsmgated.service
    [ "$(stat -c '%a %U' /run/tsmgate/local.sock)" = "666 tsmgate" ]
    as_local alice /run/tsmgate/local.sock | grep '"client":"local:alice"'
    ! as_local bob /run/tsmgate/local.sock || fail "a user whom no entry names"
    ! as_local root /run/tsmgate/local.sock || fail "root is no exception"
    grep '"event.reason":"local_user_not_listed"' /var/log/tsmgate/audit.jsonl | grep '"user.name":"bob"'
    gpasswd --delete alice support
    ! as_local alice /run/tsmgate/local.sock || fail "who has left the group"
    gpasswd --add alice support
    configuration > $etc/tsmgated.toml
    systemctl restart tsmgated.service
    [ ! -e /run/tsmgate/local.sock ]
}

# As systemd/README.md has it, word for word: what stands there is taken from there.
systemd_holds_the_local_socket_where_it_is_told_to() {
    local unit=/etc/systemd/system/tsmgated-local.socket socket=/run/tsmgate-local/local.sock
    local dropin=/etc/systemd/system/tsmgated.service.d/local.conf
    mkdir -p "${dropin%/*}"
    awk '/tsmgated-local.socket$/ && /cat/ { on = 1; next } on && /^$/ { exit } on' \
        /usr/share/doc/tsmgated/operating.md > $unit
    awk '/edit tsmgated.service$/ { on = 1; next } on && /^$/ { exit } on' \
        /usr/share/doc/tsmgated/operating.md > $dropin
    grep FileDescriptorName=local $unit
    grep Wants=tsmgated-local.socket $dropin
    with_local | sed '/^local = /d' > $etc/tsmgated.toml
    systemctl daemon-reload
    systemctl enable tsmgated-local.socket
    systemctl stop tsmgated.service
    systemctl start tsmgated-local.socket tsmgated.service
    as_local alice $socket | grep '"client":"local:alice"'
    systemctl restart tsmgated.service
    as_local alice $socket | grep '"client":"local:alice"'
    login jump01 | grep '^AUTH_COOKIE='
    # the first caller starts a gate that does not run
    systemctl stop tsmgated.service
    as_local alice $socket | grep '"client":"local:alice"'
    # who closes the port closes this door with it: no caller here opens either again
    systemctl stop tsmgated.socket
    [ "$(systemctl is-active tsmgated-local.socket)" = inactive ]
    ! as_local alice $socket || fail "the local door is open although the port is closed"
    [ "$(systemctl is-active tsmgated.service)" = inactive ]
    systemctl disable tsmgated-local.socket
    rm $unit $dropin
    systemctl daemon-reload
    configuration > $etc/tsmgated.toml
    systemctl restart tsmgated.socket tsmgated.service
}

mkdir -p /out/talk
case_ the_host_is_prepared
case_ systemd_makes_the_user_a_real_member_of_tsms_group
case_ a_missing_key_fails_the_start_and_says_so
case_ a_bad_configuration_fails_the_start_and_mending_it_is_enough
case_ ready_only_when_it_serves_and_the_status_is_for_people
case_ the_key_is_roots_alone
case_ without_credentials_the_key_is_the_users
case_ the_sandbox_is_what_the_unit_says
case_ the_api_lane_works_from_within_the_sandbox
case_ a_revoked_client_is_cut_within_two_seconds_of_the_reload
case_ a_broken_reload_fails_and_the_old_goes_on
case_ restarts_and_reloads_under_load_lose_no_call
case_ the_first_caller_starts_a_gate_that_does_not_run
case_ a_user_of_the_host_is_let_in_by_his_group
case_ systemd_holds_the_local_socket_where_it_is_told_to
case_ a_stop_is_clean_and_the_port_is_the_sockets
case_ a_killed_daemon_comes_back_and_the_record_says_so
case_ the_journal_has_the_log
case_ the_first_call_starts_the_forward
case_ a_restart_of_the_forward_loses_no_call
case_ the_first_question_starts_the_runner
case_ tsm_runs_as_a_member_of_its_group_with_a_clean_environment
case_ nobody_but_the_gates_user_is_answered
case_ the_gate_reaches_the_runner_and_starts_no_process_itself
case_ what_the_runner_starts_is_in_its_sandbox
case_ a_java_program_works_in_the_sandbox
case_ the_arguments_of_tsm_are_hidden_by_the_host_and_not_by_the_unit
case_ a_reload_lets_an_idle_runner_leave
case_ a_reload_lets_a_busy_runner_finish
case_ a_stop_ends_all_that_a_command_started
case_ a_killed_runner_comes_back_and_says_what_it_lost
case_ a_broken_configuration_is_mended_without_a_command
case_ a_restart_of_the_gate_leaves_the_runner_alone
case_ a_command_goes_through_both_sandboxes_to_tsm
case_ a_host_is_enrolled_by_the_service_of_another_user
case_ the_authoritys_key_is_roots_and_out_of_everybodys_sight
case_ the_server_certificate_is_renewed_when_it_is_due
case_ the_revocation_list_is_brought_when_there_is_a_newer_one
case_ the_kernel_drops_what_the_allowlist_does_not_name
case_ the_timers_run
case_ the_watchdog_spares_a_loop_that_turns
case_ the_watchdog_ends_a_loop_that_hangs
case_ setup_makes_a_host_that_lets_in_who_joins
journalctl -b -o short-monotonic > /out/journal
echo "the end"
