# A host with TSM on it, the gate installed as its package would, and an authority at hand.
# Sourced by cases.sh, inside the booted machine.

pki=/root/tsmgate-pki
etc=/etc/tsmgate
export TSMGATE_PKI_DIR=$pki

fail() { echo "$*" >&2; return 1; }

# until_ SECONDS COMMAND...: waits until it is so.
until_() {
    local end=$((SECONDS + $1)); shift
    until "$@"; do
        [ $SECONDS -lt $end ] || fail "waited in vain for: $*"
        read -rt 0.05 <> <(:) || :
    done
}

# as_ NAME COMMAND...: tsmgate as this client.
as_() {
    local name=$1; shift
    tsmgate "$@" --gate 10.20.1.5 --server-name tsm.test --ca $pki/ca.pem \
        --cert "$pki/clients/$name.pem" --key "$pki/clients/$name.key"
}

login() { python3 /inside/client.py login "$1" | cut -c1-20; }
property() { systemctl show --value -p "$1" tsmgated.service; }
is() { [ "$(property "$1")" = "$2" ]; }
log() { journalctl --sync; journalctl -b -o cat -u tsmgated.service; }
listening() { (: > /dev/tcp/10.20.1.5/18850) 2>/dev/null; }

# put FROM TO: by rename, as an administrator should.
put() { install -m "${3:-644}" "$1" "$2.new"; mv -f "$2.new" "$2"; }

configuration() {
    cat <<END
[tls]
revocation_list = "clients.crl"

[tsm]
api = "https://localhost:8850"
api_certificate_sha256 = "$(openssl x509 -in /run/tableau/api.pem -outform der | sha256sum | cut -d' ' -f1)"

[admission]
allow = ["10.20.1.0/24"]
source_rate = { per_minute = 60000, burst = 1000 }
connections_per_source = 500
unproven_per_source = 100

[limits.client]
logins = { per_minute = 60000, burst = 1000 }
requests = { per_minute = 60000, burst = 1000 }
in_flight = 64

[[client]]
name = "jump01"
identity = "URI:tsmgate://client/jump01"
roles = ["operator", "login"]

[[client]]
name = "jump02"
identity = "URI:tsmgate://client/jump02"
roles = ["login"]

[[client]]
name = "jump03"
identity = "URI:tsmgate://client/jump03"
roles = ["login"]
END
}

network() {
    ip link set lo up
    ip addr add 10.20.1.5/32 dev lo
    echo '10.20.1.5 tsm.test' >> /etc/hosts
}

# TSM: its user, its group, its socket, and a log of who asked.
tsm() {
    groupadd --force tsmadmin
    useradd --system --no-create-home tableau
    install -d -o tableau /run/tableau /var/log/tsmsim
    systemctl start tsmsim.service
    until_ 10 test -S /run/tableau/tab-controller-login-8850 -a -s /run/tableau/api.pem
}

# What `tsmgate pki` and the package leave. The server's certificate was made 300 days ago: it is due.
gate() {
    systemd-sysusers /usr/lib/sysusers.d/tsmgate.conf
    systemd-tmpfiles --create /usr/lib/tmpfiles.d/tsmgate.conf
    faketime '300 days ago' tsmgate pki init
    faketime '300 days ago' tsmgate pki server tsm.test
    tsmgate pki client jump01 jump02 jump03
    tsmgate pki crl
    install -m 644 $pki/servers/tsm.test.pem $etc/server.pem
    install -m 600 $pki/servers/tsm.test.key $etc/server.key
    install -m 644 $pki/ca.pem $etc/client-ca.pem
    install -m 644 $pki/clients.crl $etc/clients.crl
    configuration > $etc/tsmgated.toml
    chmod 644 $etc/tsmgated.toml
    printf '%s\n' "TSMGATE_PKI_DIR=$pki" TSMGATE_SERVER_NAMES=tsm.test > $etc/renewal.env
}
