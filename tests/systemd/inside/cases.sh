#!/bin/bash
# What systemd and the gate do with each other. Each case is a function: what it prints is its talk, kept
# in /out/talk; the first command that fails is the failure of the case. Cases follow each other on one
# machine, each leaves a gate that runs.

. /inside/host.sh

# case_ NAME: runs one, and prints `ok NAME` or `not ok NAME`.
case_() {
    local start=$EPOCHREALTIME code
    ( set -eEuo pipefail; trap 'echo "failed: $BASH_COMMAND" >&2' ERR; "$1" ) > "/out/talk/$1" 2>&1
    code=$?
    mended >> "/out/talk/$1" 2>&1
    [ $code = 0 ] && echo "ok $1" || echo "not ok $1"
    echo "$1 $code $start $EPOCHREALTIME" >> /out/times
}

# After each case: what a failed one may have left behind must not fail the next.
mended() {
    [ ! -e /root/server.key ] || mv /root/server.key $etc/server.key
    [ ! -e $etc/server.pem ] || configuration > $etc/tsmgated.toml
    [ ! -e $etc/clients.crl ] || put $pki/clients.crl $etc/clients.crl
    [ ! -e $etc/server.pem ] || systemctl start tsmgated.service
}

the_host_is_prepared() {
    set -x
    network
    tsm
    gate
}

systemd_makes_the_user_a_real_member_of_tsms_group() {
    id -nG tsmgate | tr ' ' '\n' | grep -qx tsmadmin
    getent group tsmadmin | grep -q ':tsmgate$'
    [ "$(stat -c '%a %U %G' $etc $etc/clients.d /var/log/tsmgate | tr '\n' ,)" = \
        "750 root tsmgate,750 root tsmgate,750 tsmgate tsmgate," ]
}

a_missing_key_fails_the_start_and_says_so() {
    mv $etc/server.key /root/server.key
    ! systemctl start tsmgated.service || fail "started without a key"
    is Result exit-code || is Result resources
    [ "$(property ExecMainStatus)" = 243 ]
    log | grep 'server.key\|credentials'
    mv /root/server.key $etc/server.key
    systemctl stop tsmgated.socket tsmgated.service
}

a_bad_configuration_fails_the_start_and_mending_it_is_enough() {
    sed -i 's/^revocation_list/revocation_lisst/' $etc/tsmgated.toml
    ! systemctl start tsmgated.service || fail "started with an unknown key"
    is ActiveState activating || is ActiveState failed
    [ "$(property ExecMainStatus)" = 65 ]
    log | grep 'revocation_lisst'
    configuration > $etc/tsmgated.toml
    # started anew by systemd, within RestartSec
    until_ 15 is ActiveState active
}

ready_only_when_it_serves_and_the_status_is_for_people() {
    systemctl stop tsmgated.service
    systemctl start tsmgated.service
    # no waiting: readiness means that it serves
    login jump01 | grep -q '^AUTH_COOKIE='
    is SubState running
    property StatusText
    until_ 10 grep -q jump01 <(property StatusText)
    property StatusText | grep -q 'day'
    grep -q "Password-less login request from user 'tsmgate'" /var/log/tsmsim/log
    [ "$(ps -o user= -p "$(property MainPID)")" = tsmgate ]
}

the_key_is_roots_alone() {
    [ "$(stat -c '%a %U' $etc/server.key)" = "600 root" ]
    ! runuser -u tsmgate -- cat $etc/server.key || fail "the gate's user reads the key"
    # what the daemon serves is that key's certificate
    [ "$(python3 /inside/client.py fingerprint)" = \
        "$(openssl x509 -in $etc/server.pem -outform der | sha256sum | cut -d' ' -f1)" ]
}

the_sandbox_is_what_the_unit_says() {
    local pid; pid=$(property MainPID)
    grep -E '^(Cap|NoNewPrivs|Seccomp:)' "/proc/$pid/status"
    [ "$(grep -cE '^Cap(Inh|Prm|Eff|Bnd|Amb):\s0{16}$' "/proc/$pid/status")" = 5 ]
    grep -q '^NoNewPrivs:\s1$' "/proc/$pid/status"
    grep -q '^Seccomp:\s2$' "/proc/$pid/status"
    grep -E 'Max (core|open)' "/proc/$pid/limits"
    grep -qE '^Max core file size +0 +0 ' "/proc/$pid/limits"
    # its own view of the files: read only, nothing to run, nobody's home
    local inside="nsenter -t $pid -m"
    ! $inside touch /etc/tsmgate/x || fail "writes its configuration"
    ! $inside touch /usr/x || fail "writes /usr"
    $inside sh -c ': > /var/log/tsmgate/x && rm /var/log/tsmgate/x' || :
    ! $inside cat $pki/ca.key || fail "sees the authority's key"
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
    log | grep -q listening
    [ "$(journalctl -b -o json -u tsmgated.service | grep -c AUTH_COOKIE)" = 0 ]
}

the_server_certificate_is_renewed_when_it_is_due() {
    local old; old=$(python3 /inside/client.py fingerprint)
    systemctl start tsmgate-renew-server.service
    local new; new=$(python3 /inside/client.py fingerprint)
    [ "$old" != "$new" ]
    [ "$(stat -c '%a %U' $etc/server.key)" = "600 root" ]
    login jump01
    # and not again
    local pid; pid=$(property MainPID)
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
    until_ 20 is NRestarts 1
    until_ 20 is ActiveState active
    wait $tracer || :
    # its connection was still in the port's queue, or was cut: either way the next one is served
    wait $caller || :
    login jump01
    log | grep -i watchdog
    rm /run/systemd/system/tsmgated.service.d/watchdog.conf
    systemctl daemon-reload
}

mkdir -p /out/talk
case_ the_host_is_prepared
case_ systemd_makes_the_user_a_real_member_of_tsms_group
case_ a_missing_key_fails_the_start_and_says_so
case_ a_bad_configuration_fails_the_start_and_mending_it_is_enough
case_ ready_only_when_it_serves_and_the_status_is_for_people
case_ the_key_is_roots_alone
case_ the_sandbox_is_what_the_unit_says
case_ a_revoked_client_is_cut_within_two_seconds_of_the_reload
case_ a_broken_reload_fails_and_the_old_goes_on
case_ restarts_and_reloads_under_load_lose_no_call
case_ the_first_caller_starts_a_gate_that_does_not_run
case_ a_stop_is_clean_and_the_port_is_the_sockets
case_ a_killed_daemon_comes_back_and_the_record_says_so
case_ the_journal_has_the_log
case_ the_server_certificate_is_renewed_when_it_is_due
case_ the_revocation_list_is_brought_when_there_is_a_newer_one
case_ the_timers_run
case_ the_watchdog_spares_a_loop_that_turns
case_ the_watchdog_ends_a_loop_that_hangs
journalctl -b -o short-monotonic > /out/journal
echo "the end"
