# TSM's login socket on a jump host, by its units. The host is its own jump host. Sourced by cases.sh.

place=/run/tsmgate-forward/login

forward_property() { systemctl show --value -p "$1" tsmgate-forward.service; }

forward_configuration() {
    install -d -m 700 $etc/forward
    install -m 644 $pki/ca.pem $etc/forward/ca.pem
    install -m 644 $pki/clients/jump01.pem $etc/forward/client.pem
    install -m 600 $pki/clients/jump01.key $etc/forward/client.key
    printf '%s\n' TSMGATE_GATE=10.20.1.5 TSMGATE_SERVER_NAME=tsm.test \
        TSMGATE_ALLOW_GROUP=monitoring > $etc/forward.env
}

# The caller is a member of the group that may, by the user database; the service is a user of its own with
# the key that only root can read.
the_first_call_starts_the_forward() {
    forward_configuration
    groupadd --system monitoring
    useradd --system --no-create-home --groups monitoring watcher
    systemctl start tsmgate-forward.socket
    [ "$(stat -c '%a %U' $place)" = "666 root" ]
    [ "$(forward_property ActiveState)" = inactive ]
    setpriv --reuid watcher --regid nogroup --clear-groups tsmgate login --socket $place --quiet | grep -q ...
    [ "$(forward_property ActiveState)" = active ]
    local pid; pid=$(forward_property MainPID)
    [ "$(stat -c %U /proc/$pid)" = tsmgate-forward ]
    grep 'CapEff:.*0000000000000000' /proc/$pid/status
    systemctl status tsmgate-forward.service | grep "Status: .$place leads to 10.20.1.5:18850"
    # root is no member
    ! tsmgate login --socket $place --quiet || fail "root is not listed"
    journalctl --sync
    journalctl -b -o cat -u tsmgate-forward.service | grep '(watcher): granted'
    journalctl -b -o cat -u tsmgate-forward.service | grep '(root): caller_not_listed'
}

# Who calls meanwhile waits in the socket's queue.
a_restart_of_the_forward_loses_no_call() {
    local calls=0
    systemctl restart --no-block tsmgate-forward.service
    for _ in 1 2 3 4 5 6; do
        setpriv --reuid watcher --regid nogroup --clear-groups tsmgate login --socket $place --quiet > /dev/null
        calls=$((calls + 1))
    done
    [ $calls = 6 ]
    systemctl stop tsmgate-forward.socket tsmgate-forward.service
    [ "$(forward_property Result)" = success ]
    [ ! -e $place ]
}
