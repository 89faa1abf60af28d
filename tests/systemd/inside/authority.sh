# Hosts enrolled by the service as systemd runs it: its user, its key as a credential, its folders. Sourced by
# cases.sh.

enrolment=/var/lib/tsmgate-authority

of_authority() { systemctl show --value -p "$1" tsmgate-authority.service; }
log_of_authority() { journalctl --sync; journalctl -b -o cat -u tsmgate-authority.service; }

# What `setup` leaves.
authority() {
    tsmgate pki --dir $enrolment/pki init
    chown -R tsmgate-authority: $enrolment/pki
    chown root: $enrolment/pki/ca.key
    sed -e 's/tsm\.example\.com/tsm.test/' -e 's#^allow = \[\]#allow = ["10.20.1.0/24"]#' \
        /usr/share/doc/tsmgated/tsmgate-authority.toml > $etc/tsmgate-authority.toml
    chmod 644 $etc/tsmgate-authority.toml
}

# ask PATH [CURL...]: one request to the service, its body at standard input; the answer, and its status.
ask_authority() {
    local path=$1; shift
    curl -s --cacert $enrolment/gate/ca.pem --json @- -w '\n%{http_code}\n' "$@" "https://tsm.test:18851/v1/$path"
}

# request KEY: a certificate signing request, as JSON text.
request() {
    openssl req -new -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout "$1" -subj / 2>/dev/null |
        python3 -c 'import json, sys; print(json.dumps(sys.stdin.read()))'
}

# The secret in a token, as it goes over the wire.
secret_of() {
    python3 -c 'import base64, sys
raw = base64.urlsafe_b64decode(sys.argv[1].removeprefix("tsmgate-join-") + "==")
print(base64.urlsafe_b64encode(raw[41:73]).decode().rstrip("="))' "$1"
}

a_host_is_enrolled_by_the_service_of_another_user() {
    authority
    tsmgate-authority check | grep ': good'
    systemctl start tsmgate-authority.service
    systemctl status tsmgate-authority.service | grep 'Status: .enrols hosts at tsm.test:18851, certificates of 30d'
    local token
    token=$(tsmgate pki --dir $enrolment/pki invite host1 --roles login --valid 1h | grep -o 'tsmgate-join-[^ ]*')
    echo "{\"name\": \"host1\", \"secret\": \"$(secret_of "$token")\", \"request\": $(request /root/host1.key)}" |
        ask_authority join > /root/joined
    tail -1 /root/joined | grep -x 200
    head -1 /root/joined | python3 -c 'import json, sys; print(json.load(sys.stdin)["certificate"])' > /root/host1.pem
    openssl x509 -in /root/host1.pem -noout -ext subjectAltName | grep 'tsmgate://client/host1'
    runuser -u tsmgate -- grep -q 'name = "host1"' $enrolment/gate/clients.d/host1.toml
    echo "{\"request\": $(request /root/host1-next.key)}" |
        ask_authority renew --cert /root/host1.pem --key /root/host1.key | tail -1 | grep -x 200
    tsmgated audit verify /var/log/tsmgate-authority/audit.jsonl
    grep -c '"event.action":"join"' /var/log/tsmgate-authority/audit.jsonl | grep -x 2
}

the_authoritys_key_is_roots_and_out_of_everybodys_sight() {
    [ "$(stat -c '%a %U' $enrolment $enrolment/pki $enrolment/pki/ca.key $enrolment/gate | paste -sd ,)" = \
        "755 tsmgate-authority,700 tsmgate-authority,600 root,755 tsmgate-authority" ]
    for user in tsmgate tsmgate-runner nobody; do
        ! runuser -u $user -- ls $enrolment/pki || fail "$user may look into the authority"
    done
    local pid; pid=$(of_authority MainPID)
    [ "$(ps -o user:20= -p "$pid")" = tsmgate-authority ]
    grep 'CapEff:.*0000000000000000' /proc/$pid/status
    grep 'Seccomp:.*2' /proc/$pid/status
    ! log_of_authority | grep 'confines itself less' || fail "landlock is not enforced"
    # what the gate's group may read beside the configuration is out of its sight
    [ -n "$(ls /var/log/tsmgate)" ]
    [ -z "$(ls "/proc/$pid/root/var/log/tsmgate")" ] || fail "the gate's records are in sight"
    systemctl reload tsmgate-authority.service
    until_ 10 eval 'log_of_authority | grep -x ".*reloaded"'
    [ "$(of_authority MainPID)" = "$pid" ]
    systemctl stop tsmgate-authority.service
    [ "$(of_authority Result)" = success ]
}

# host9 COMMAND...: tsmgate on a host that has joined.
host9() { env -u TSMGATE_PKI_DIR HOME=/root/host9 tsmgate "$@"; }

# The machine as it was before anybody set anything up, but for the packages.
setup_makes_a_host_that_lets_in_who_joins() {
    systemctl stop tsmgated.socket tsmgated.service tsmgate-authority.service
    mv $etc /root/etc-before
    rm -rf $enrolment /var/log/tsmgate/* /var/log/tsmgate-authority
    mkdir -p /root/host9
    unset TSMGATE_PKI_DIR
    tsmgated setup --name tsm.test --allow 10.20.1.0/24 --dry-run > /root/shown
    cat /root/shown
    [ ! -e $etc ] || fail "a dry run made something"
    tsmgated setup --name tsm.test --allow 10.20.1.0/24 --invite host9 --roles operator,login > /root/done
    cat /root/done
    for unit in tsmgated.service tsmgate-authority.service tsmgate-renew-server.timer; do
        [ "$(systemctl is-active $unit)" = active ] || fail "$unit is not active"
        [ "$(systemctl is-enabled $unit)" = enabled ] || fail "$unit is not enabled"
    done
    [ "$(stat -c '%a %U' $etc/server.key $enrolment/pki/ca.key | sort -u)" = "600 root" ]
    $(tail -1 /root/done | sed 's/^tsmgate/host9/') > /root/joined9
    cat /root/joined9
    grep -x 'client       host9' /root/joined9
    host9 login --format value --output /root/host9/cookie
    [ "$(stat -c %a /root/host9/cookie)" = 600 ]
    host9 renew
    host9 whoami | grep -x 'roles        operator, login'
    # the old way of renewing works in the service's folder too, and leaves it the service's
    rm $enrolment/pki/clients.crl
    systemctl start tsmgate-renew-crl.service
    [ "$(stat -c %U $enrolment/pki/clients.crl $enrolment/pki/index.json | sort -u)" = tsmgate-authority ]
    tsmgated setup --name tsm.test --allow 10.20.1.0/24 > /root/again
    ! grep -E '^(done|cannot)' /root/again || fail "a second setup changes something"
    tsmgate pki revoke host9
    until_ 10 eval '! host9 whoami'
    ! host9 renew || fail "who is revoked renews"
    tsmgated audit verify /var/log/tsmgate-authority/audit.jsonl
    tsmgated audit verify
}
