# What the scripts beside this one share, over what the tests of the units have. Sourced by them, inside a
# copy of the machine.

. /inside/host.sh
. /inside/runner.sh

units="tsmgated.socket tsmgated.service tsmgate-runner.socket tsmgate-renew-server.timer tsmgate-renew-crl.timer"
authority=/var/lib/tsmgate-authority
export DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8

# case_ NAME: runs one, prints `ok NAME` or `not ok NAME`, and on a failure its talk.
case_() {
    # not behind `if` or `&&`: there bash would not stop at the first command that fails
    ( set -eEuo pipefail; trap 'echo "failed: $BASH_COMMAND"' ERR; "$1" ) > /out/talk 2>&1
    [ $? = 0 ] && echo "ok $1" || { echo "not ok $1"; sed 's/^/    /' /out/talk; }
}

gone() { for path; do [ ! -e "$path" ] || fail "$path is still there"; done; }
state() { systemctl is-enabled "$1" 2>/dev/null || :; }
links() { find /etc/systemd/system -name '*tsmgate*'; }

user_and_folders() {
    id -nG tsmgate | tr ' ' '\n' | grep -qx tsmadmin
    getent passwd tsmgate | grep -q ':/nonexistent:/usr/sbin/nologin$'
    id -nG tsmgate-runner | tr ' ' '\n' | grep -qx tsmadmin
    ! id -nG tsmgate-runner | tr ' ' '\n' | grep -qx tsmgate || fail 'the runner is in the group of the gate'
    getent passwd tsmgate-runner | grep -q ':/var/lib/tsmgate-runner:/usr/sbin/nologin$'
    [ "$(stat -c '%a %U:%G' $etc $etc/clients.d /var/log/tsmgate | paste -sd ,)" = \
        "750 root:tsmgate,750 root:tsmgate,750 tsmgate:tsmgate" ]
    [ "$(stat -c '%a %U' $authority $authority/pki /var/log/tsmgate-authority | paste -sd ,)" = \
        "755 tsmgate-authority,700 tsmgate-authority,750 tsmgate-authority" ]
}

# What an administrator does to the files after an installation.
configured() {
    echo '# ours' >> $etc/tsmgated.toml
    echo '# ours' >> $etc/runner.toml
    echo key > $etc/server.key
    chmod 600 $etc/server.key
    echo '# theirs' > $etc/clients.d/jump01.toml
    echo '{}' > /var/log/tsmgate/audit.jsonl
    chown tsmgate: /var/log/tsmgate/audit.jsonl
    systemctl enable tsmgated.service tsmgate-runner.socket
}

# Every file there that is nobody's but the administrator's: mode, owner, digest.
what_is_ours() {
    find $etc /var/log/tsmgate -type f -not -name '*.dpkg-*' | sort | while read -r file; do
        stat -c '%a %U:%G' "$file" | tr '\n' ' '
        sha256sum "$file"
    done
}
