#!/bin/bash
# The packages on a machine that systemd has booted: nothing runs before it is told to, an upgrade under
# load loses no call, a busy runner is left to finish, a removal stops what ran.

. /package/host.sh

nothing_listens_after_an_installation() {
    network
    tsm
    dpkg -i /packages/client.deb /packages/server.deb
    runs_nothing
}

runs_nothing() {
    ! listening || fail "the port is open"
    for unit in $units; do
        ! systemctl is-active $unit || fail "$unit is active"
        [ "$(state $unit)" = disabled ] || fail "$unit is $(state $unit)"
    done
    runner_is ActiveState inactive
}

the_three_lines_are_enough() {
    gate
    systemctl enable --now tsmgated
    login jump01
    is ActiveState active
    [ "$(property MainPID)" != 0 ]
}

# upgraded COMMAND...: that it changes the program, not the socket and not the configuration, and that
# callers who go on meanwhile all have their answers.
upgraded() {
    local pid socket ours hammer code=0
    pid=$(property MainPID)
    socket=$(opened)
    ours=$(what_is_ours | grep -v audit.jsonl)
    rm -f /out/stop
    CALLS=0
    python3 /inside/client.py hammer 4 /out/stop jump01 > /out/hammer &
    hammer=$!
    until_ 20 more_calls
    "$@" < /dev/null
    until_ 20 more_calls
    touch /out/stop
    wait $hammer || code=$?
    cat /out/hammer
    [ $code = 0 ]
    grep -q ' 0 refused 0 failed$' /out/hammer
    [ "$(property MainPID)" != "$pid" ]
    # the old program was unlinked
    [ "$(readlink "/proc/$(property MainPID)/exe")" = /usr/bin/tsmgated ]
    [ "$(opened)" = "$socket" ]
    [ "$(what_is_ours | grep -v audit.jsonl)" = "$ours" ]
    tsmgated audit verify /var/log/tsmgate/audit.jsonl
}

# When the port was opened.
opened() { systemctl show --value -p ActiveEnterTimestampMonotonic tsmgated.socket; }

# Whether twenty calls were recorded since this last said yes.
more_calls() {
    local now; now=$(grep -c '"event.outcome":"success"' /var/log/tsmgate/audit.jsonl)
    [ "$now" -ge "$((CALLS + 20))" ] && CALLS=$now
}

an_upgrade_under_load_loses_no_call() {
    upgraded dpkg --force-confold -i /packages/next.deb
}

an_upgrade_of_a_stopped_gate_starts_nothing() {
    systemctl stop tsmgated.socket
    dpkg -i /packages/next.deb < /dev/null
    is ActiveState inactive
    ! listening || fail "the port is open"
    [ "$(state tsmgated.socket)" = enabled ]
    systemctl start tsmgated
    login jump01
}

# kept_busy COMMAND...: that it replaces the program of the runner, and lets the one that runs a command go on to
# the end of it; what is asked then is answered by the new one.
kept_busy() {
    install -D -m 755 /inside/tsm /opt/tsm/tsm
    [ -e /run/tsm.does ] || runner
    tsm_waits
    local id pid gates; id=$(ask start "$reads")
    until_ 10 theirs 'sleep 1000'
    pid=$(of_runner MainPID)
    gates=$(property MainPID)
    "$@" < /dev/null
    # the gate is the new one already
    [ "$(property MainPID)" != "$gates" ]
    [ "$(of_runner MainPID)" = "$pid" ]
    [ "$(readlink "/proc/$pid/exe")" = "/usr/bin/tsmgate-runner (deleted)" ]
    shows "$id" running
    refused leaving "$reads"
    # nor by being told again
    "$@" < /dev/null
    [ "$(of_runner MainPID)" = "$pid" ]
    ask output "$id" > /out/printed &
    local reading=$!
    # it is the old one that is read from, and not the next, who would stay
    until_ 10 grep -q '^stdout runs as' /out/printed
    go
    wait $reading
    cat /out/printed
    grep -qx 'stdout went on to its end' /out/printed
    until_ 10 runner_is ActiveState inactive
    runner_is Result success
    tsm_does <<< 'echo "the next"'
    shows "$id" "ended exited 0"
    [ "$(of_runner MainPID)" != "$pid" ]
    [ "$(readlink "/proc/$(of_runner MainPID)/exe")" = /usr/bin/tsmgate-runner ]
    id=$(ask start "$reads")
    prints "$id" 'stdout the next'
    [ "$(state tsmgate-runner.socket)" = disabled ]
}

an_upgrade_lets_a_busy_runner_finish() {
    kept_busy dpkg --force-confold -i /packages/next.deb
}

an_upgrade_starts_no_runner() {
    systemctl stop tsmgate-runner.service
    dpkg --force-confold -i /packages/next.deb < /dev/null
    runner_is ActiveState inactive
    ask list
    runner_is ActiveState active
}

a_removal_ends_what_the_runner_runs() {
    tsm_waits
    ask start "$reads"
    until_ 10 theirs 'sleep 1000'
    dpkg -r tsmgated
    none_is_left
    runner_is ActiveState inactive
    [ "$(systemctl is-active tsmgate-runner.socket || :)" = inactive ]
    # and is there again with the package
    dpkg --force-confold -i /packages/next.deb < /dev/null
    systemctl start tsmgated
    login jump01
}

a_removal_stops_it_and_a_purge_disables_it() {
    dpkg -r tsmgated
    ! listening || fail "the port is open"
    [ -z "$(systemctl list-units --plain --no-legend --state active 'tsmgate*')" ]
    dpkg -P tsmgated tsmgate
    [ -z "$(links)" ]
    gone $etc/tsmgated.toml $etc/runner.toml /var/lib/tsmgate-runner
    grep -c '' /var/log/tsmgate/audit.jsonl $etc/server.key
}

the_rpm_does_the_same() {
    local rpm="rpm --force-debian --nodeps"
    rpm --initdb
    $rpm -i /packages/client.rpm /packages/server.rpm
    runs_nothing
    configuration > $etc/tsmgated.toml
    systemctl enable --now tsmgated
    upgraded $rpm -U /packages/next.rpm
    runner
    kept_busy $rpm -U --oldpackage --replacepkgs /packages/server.rpm
    tsm_waits
    ask start "$reads"
    until_ 10 theirs 'sleep 1000'
    rpm --nodeps -e tsmgated tsmgate
    ! listening || fail "the port is open"
    none_is_left
    [ -z "$(links)" ]
    grep -c '' /var/log/tsmgate/audit.jsonl $etc/server.key
}

case_ nothing_listens_after_an_installation
case_ the_three_lines_are_enough
case_ an_upgrade_under_load_loses_no_call
case_ an_upgrade_of_a_stopped_gate_starts_nothing
case_ an_upgrade_lets_a_busy_runner_finish
case_ an_upgrade_starts_no_runner
case_ a_removal_ends_what_the_runner_runs
case_ a_removal_stops_it_and_a_purge_disables_it
case_ the_rpm_does_the_same
echo "the end"
