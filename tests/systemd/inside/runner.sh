# What systemd and the runner do with each other. Sourced by cases.sh, which runs the cases; also by the tests
# of the packages, which need a runner that is busy.

# As the gate's user does: `ask list`, `ask start PATH`, ...
ask() { runuser -u tsmgate -- python3 /inside/ask.py "$@"; }

of_runner() { systemctl show --value -p "$1" tsmgate-runner.service; }
runner_is() { [ "$(of_runner "$1")" = "$2" ]; }
log_of_runner() { journalctl --sync; journalctl -b -o cat -u tsmgate-runner.service; }
shows() { [ "$(ask show "$1")" = "$2" ]; }
prints() { ask output "$1" | tee /out/printed | grep -qx "$2"; }
# refused CODE PATH: that the runner does not take it.
refused() { [ "$(ask start "$2" || :)" = "refused $1" ]; }
theirs() { pgrep -u tsmgate-runner -f "$1"; }

# A command that changes nothing at TSM, so that several may run at once.
reads="security external-ssl list"

# What `tsm` does from now on: the lines of a shell script.
tsm_does() {
    cat > /run/tsm.does.new
    chmod 644 /run/tsm.does.new
    mv /run/tsm.does.new /run/tsm.does
}

# `tsm` runs, with a child of its own in a session of its own, until go is said.
tsm_waits() {
    rm -f /run/tsm.go
    tsm_does <<'END'
setsid sleep 1000 &
echo "runs as $$"
until [ -e /run/tsm.go ]; do read -rt 0.1 <> <(:); done
kill %1
echo "went on to its end"
END
}

go() { touch /run/tsm.go; }

runner_configuration() {
    cat <<'END'
[serve]
permissions = ["security.*"]

[tsm]
program = "/opt/tsm/tsm"
environment = { LANG = "C.UTF-8", TSM_COLOUR = "none" }
END
}

runner() {
    runner_configuration > $etc/runner.toml
    chmod 644 $etc/runner.toml
    tsm_does <<< 'echo "tsm $*"'
    systemctl start tsmgate-runner.socket
}

the_first_question_starts_the_runner() {
    runner
    [ "$(stat -c '%a %U:%G' /run/tsmgate-runner /run/tsmgate-runner/runner.sock | paste -sd ,)" = \
        "755 root:root,660 root:tsmgate" ]
    runner_is ActiveState inactive
    [ "$(of_runner MainPID)" = 0 ]
    ask list
    runner_is ActiveState active
    runner_is SubState running
    of_runner StatusText
    [ "$(ps -o user:20= -p "$(of_runner MainPID)")" = tsmgate-runner ]
    [ "$(stat -c '%a %U:%G' /var/lib/tsmgate-runner)" = "711 tsmgate-runner:tsmgate-runner" ]
    local id; id=$(ask start "$reads")
    prints "$id" "stdout tsm $reads"
    shows "$id" "ended exited 0"
    # what it does not serve it does not run
    refused not_served "pending-changes apply"
}

tsm_runs_as_a_member_of_its_group_with_a_clean_environment() {
    tsm_does <<'END'
echo "groups $(id -nG)"
echo "names $(tr '\0' '\n' < /proc/$$/environ | cut -d= -f1 | sort | paste -sd ' ')"
echo "home $HOME $(getent passwd "$(id -u)" | cut -d: -f6)"
[ -t 0 ] && echo "a terminal"
END
    local id; id=$(ask start "$reads")
    prints "$id" "stdout groups tsmgate-runner tsmadmin"
    cat /out/printed
    grep -qx "stdout names HOME LANG PATH TSM_COLOUR" /out/printed
    grep -qx "stdout home /var/lib/tsmgate-runner /var/lib/tsmgate-runner" /out/printed
    ! grep terminal /out/printed || fail "a terminal is asked"
}

# not_answered CODE COMMAND...: that a question so asked ends with this code.
not_answered() {
    local wanted=$1 code=0; shift
    "$@" python3 /inside/ask.py list || code=$?
    [ $code = "$wanted" ]
}

nobody_but_the_gates_user_is_answered() {
    # by the mode of the socket
    not_answered 66 runuser -u nobody --
    not_answered 66 runuser -u tableau --
    # by the runner: in the gate's group, and root, who may connect to anything
    not_answered 76 setpriv --reuid nobody --regid tsmgate --clear-groups
    not_answered 76 env
    log_of_runner | tail -n 5
    log_of_runner | grep "$(id -u nobody)"
    ask list
}

the_gate_reaches_the_runner_and_starts_no_process_itself() {
    local pid; pid=$(property MainPID)
    python3 /inside/within.py "$pid" connect /run/tsmgate-runner/runner.sock
    # what is there, and what it could write
    local place inside=/proc/$pid/root
    for place in run/tsmgate var/log/tsmgate tmp var/tmp dev/shm; do
        install -m 755 -o tsmgate /bin/true "$inside/$place/program"
    done
    python3 /inside/within.py "$pid" execute /bin/true /bin/sh /usr/bin/python3 /opt/tsm/tsm \
        /usr/bin/tsmgate-runner /usr/lib/systemd/systemd \
        {/run/tsmgate,/var/log/tsmgate,/tmp,/var/tmp,/dev/shm}/program
    rm "$inside"/{run/tsmgate,var/log/tsmgate,tmp,var/tmp,dev/shm}/program
    # the same asked of the runner, which is there to start programs, says that this asks what it means to
    ! python3 /inside/within.py "$(of_runner MainPID)" execute /bin/true || fail "the test sees nothing"
    ! tsmgated status | grep -i 'landlock.*not' || echo "LEFT OUT: Landlock says the same (this kernel has none)"
}

what_the_runner_starts_is_in_its_sandbox() {
    tsm_does <<'END'
for folder in / /etc /etc/tsmgate /usr/bin /opt/tsm /run /run/tsmgate-runner /var/lib /var/log/tsmgate /srv /dev \
    /proc/sys/kernel /sys/fs/cgroup; do
    touch "$folder/written" 2>/dev/null && echo "wrote $folder"
done
touch ~/written /tmp/written && echo "wrote what is its own"
rm ~/written
echo "gate: $(ls /etc/tsmgate | paste -sd ' ')"
cat /etc/tsmgate/server.key /root/tsmgate-pki/ca.key /home/*/* && echo "read a key"
echo "users: $(ps -e -o user:20= | sort -u | paste -sd ' ')"
grep -E '^(Cap(Inh|Prm|Eff|Bnd|Amb)|NoNewPrivs|Seccomp):' /proc/self/status | tr -s '\t' ' '
grep -q MemTotal /proc/meminfo && echo "sees the memory"
unshare --user true || echo "no namespaces"
ulimit -c
sleep 1 &
chgrp tsmadmin ~ && chgrp tsmgate-runner ~ && echo "changed the group"
chown root ~ || echo "changed no owner"
END
    local id; id=$(ask start "$reads")
    prints "$id" "stdout wrote what is its own"
    cat /out/printed
    [ "$(grep -c ' wrote ' /out/printed)" = 1 ]
    ! grep 'read a key' /out/printed || fail "a key is asked for"
    grep -qx "stdout gate: runner.toml" /out/printed
    grep -qx "stdout users: tsmgate-runner" /out/printed
    [ "$(grep -cE '^stdout Cap...: 0{16}$' /out/printed)" = 5 ]
    grep -qx "stdout NoNewPrivs: 1" /out/printed
    grep -qx "stdout Seccomp: 2" /out/printed
    for said in "sees the memory" "no namespaces" 0 "changed the group" "changed no owner"; do
        grep -qx "stdout $said" /out/printed
    done
    [ "$(stat -c '%a %U:%G' /var/lib/tsmgate-runner)" = "711 tsmgate-runner:tsmgate-runner" ]
    # not even root may write there
    local inside; inside=/proc/$(of_runner MainPID)/root
    for folder in / /etc /etc/tsmgate /usr/bin /opt/tsm /run /run/tsmgate-runner /var/lib /srv; do
        ! touch "$inside$folder/x" || fail "may write $folder"
    done
    ! ls "$inside$pki" || fail "sees the authority"
    ! runuser -u nobody -- ls /var/lib/tsmgate-runner || fail "anybody may look into the state"
    [ "$(find /var/lib/tsmgate-runner -mindepth 1 -maxdepth 1 -perm /077)" = "" ]
}

a_java_program_works_in_the_sandbox() {
    [ -e /opt/tsm/Probe.class ] || javac -d /opt/tsm /inside/Probe.java
    tsm_does <<< 'exec java -cp /opt/tsm Probe 127.0.0.1:8850 10.20.1.5:18850'
    local id; id=$(ask start "$reads")
    prints "$id" "stdout memory true"
    cat /out/printed
    grep -qx "stdout home /var/lib/tsmgate-runner/.tableau/tsm" /out/printed
    grep -qx "stdout compiled true" /out/printed
    grep -qx "stdout connected 127.0.0.1:8850" /out/printed
    if log_of_systemd | grep 'does not support BPF/cgroup firewalling'; then
        echo "LEFT OUT: the packet filter of systemd (this kernel has none)"
    else
        grep -qx "stdout not connected 10.20.1.5:18850" /out/printed
    fi
    shows "$id" "ended exited 0"
    [ "$(stat -c '%a %U' /var/lib/tsmgate-runner/.tableau/tsm/tsm.log)" = "600 tsmgate-runner" ]
}

# What this user of the host sees of the arguments of `tsm`.
seen_by() { runuser -u "$1" -- ps -e -o args= | grep "^/bin/bash /opt/tsm/tsm $reads"; }

the_arguments_of_tsm_are_hidden_by_the_host_and_not_by_the_unit() {
    tsm_waits
    local id; id=$(ask start "$reads")
    until_ 10 seen_by root
    seen_by nobody
    # in a namespace of its own: this machine's /proc stays as it is
    unshare --mount bash -c 'mount -o remount,hidepid=2 /proc && runuser -u nobody -- ps -e -o args=' > /out/seen
    cat /out/seen
    grep -q 'ps -e' /out/seen
    ! grep /opt/tsm/tsm /out/seen || fail "hidepid=2 hides nothing"
    go
    prints "$id" "end exited 0"
}

a_reload_lets_an_idle_runner_leave() {
    ask list
    local pid; pid=$(of_runner MainPID)
    systemctl reload tsmgate-runner.service
    until_ 10 runner_is ActiveState inactive
    runner_is Result success
    systemctl is-active tsmgate-runner.socket
    # what was done before is known to the next
    ask list > /out/known
    grep 'exited 0' /out/known
    runner_is ActiveState active
    [ "$(of_runner MainPID)" != "$pid" ]
}

a_reload_lets_a_busy_runner_finish() {
    tsm_waits
    local id pid; id=$(ask start "$reads")
    until_ 10 theirs 'sleep 1000'
    pid=$(of_runner MainPID)
    systemctl reload tsmgate-runner.service
    # it says that it takes no more, and still answers what it is asked of what runs
    refused leaving "$reads"
    shows "$id" running
    [ "$(of_runner MainPID)" = "$pid" ]
    ask output "$id" > /out/printed &
    local reading=$!
    # it is the old one that is read from, and not the next, who would stay
    until_ 10 grep -q '^stdout runs as' /out/printed
    go
    wait $reading
    cat /out/printed
    grep -qx "stdout went on to its end" /out/printed
    grep -qx "end exited 0" /out/printed
    until_ 10 runner_is ActiveState inactive
    runner_is Result success
    tsm_does <<< 'echo "the next"'
    shows "$id" "ended exited 0"
    [ "$(of_runner MainPID)" != "$pid" ]
    id=$(ask start "$reads")
    prints "$id" "stdout the next"
}

none_is_left() { ! pgrep -u tsmgate-runner; }

a_stop_ends_all_that_a_command_started() {
    tsm_waits
    local id; id=$(ask start "$reads")
    until_ 10 theirs 'sleep 1000'
    systemctl stop tsmgate-runner.service
    none_is_left
    runner_is Result success
    # the next knows that it did not come to its end
    ask show "$id" | tee /out/stands
    grep '^ended' /out/stands
    ! grep 'exited 0' /out/stands || fail "done, it says"
    # the socket's stop is for good
    systemctl stop tsmgate-runner.socket
    runner_is ActiveState inactive
    [ "$(ask list || :)" = "no connection: ConnectionRefusedError" ]
    systemctl start tsmgate-runner.socket
    ask list
}

a_killed_runner_comes_back_and_says_what_it_lost() {
    tsm_waits
    local id; id=$(ask start "$reads")
    until_ 10 theirs 'sleep 1000'
    systemctl kill --signal=KILL --kill-who=main tsmgate-runner.service
    until_ 15 runner_is NRestarts 1
    until_ 15 runner_is ActiveState active
    ! theirs 'sleep 1000' || fail "what it started goes on"
    shows "$id" "ended lost"
}

a_broken_configuration_is_mended_without_a_command() {
    systemctl stop tsmgate-runner.service
    echo 'nonsense = 1' >> $etc/runner.toml
    ask list > /out/asked 2>&1 &
    local asking=$!
    until_ 10 runner_is ExecMainStatus 65
    log_of_runner | grep nonsense
    runner_configuration > $etc/runner.toml
    # started anew by systemd, for whoever waits
    wait $asking
    runner_is ActiveState active
}

a_restart_of_the_gate_leaves_the_runner_alone() {
    ask list
    tsm_waits
    local id pid; id=$(ask start "$reads")
    pid=$(of_runner MainPID)
    systemctl restart tsmgated.service
    systemctl stop tsmgated.socket
    systemctl start tsmgated.service
    [ "$(of_runner MainPID)" = "$pid" ]
    go
    prints "$id" "stdout went on to its end"
    systemctl stop tsmgate-runner.socket
    is ActiveState active
    login jump01
}

# The lane from end to end, each program in its unit: with the pretend tsm, in the place of the real one.
a_command_goes_through_both_sandboxes_to_tsm() {
    cat > $etc/runner.toml <<'END'
[serve]
permissions = ["security.external-ssl.*", "pending-changes.list"]

[tsm]
program = "/usr/bin/tsm"

[tsm.environment]
TSM_SIM_SOCKET = "/run/tableau/tab-controller-login-8850"
TSM_SIM_URL = "https://localhost:8850"
TSM_SIM_CERTIFICATE = "/run/tableau/api.pem"
END
    tsmgate-runner check
    systemctl start tsmgate-runner.socket
    configuration | sed -e 's|^\[tsm\]|&\ncommand_socket = "/run/tsmgate-runner/runner.sock"|' \
        -e 's|"operator", "login"|"operator", "login", "tls-admin"|' > $etc/tsmgated.toml
    # no restart: a reload is enough
    systemctl reload tsmgated.service
    as_ jump01 security external-ssl list
    until_ 10 runner_is ActiveState active
    cp $pki/servers/tsm.test.pem /root/server.crt
    cp $pki/servers/tsm.test.key /root/server.key
    as_ jump01 security external-ssl enable --cert-file /root/server.crt --key-file /root/server.key
    rm /root/server.key
    as_ jump01 pending-changes list | tee /out/staged
    grep ssl.enabled /out/staged
    # each says no for itself: the role, and the runner's own list
    local code=0
    as_ jump03 security external-ssl list || code=$?
    [ $code = 77 ]
    code=0
    as_ jump01 pending-changes apply --ignore-prompt > /out/said 2>&1 || code=$?
    cat /out/said
    [ $code = 77 ]
    # what was sent along is gone
    find /var/lib/tsmgate-runner
    [ -z "$(find /var/lib/tsmgate-runner -name '*.key*')" ]
    # the runner leaves, and the gate has the next one started
    local pid; pid=$(of_runner MainPID)
    systemctl reload tsmgate-runner.service
    as_ jump01 commands list
    [ "$(of_runner MainPID)" != "$pid" ]
    tsmgated audit verify /var/log/tsmgate/audit.jsonl
    grep '"command-ended"' /var/log/tsmgate/audit.jsonl | tail -n 1
    configuration > $etc/tsmgated.toml
    systemctl reload tsmgated.service
    systemctl stop tsmgate-runner.socket
}
