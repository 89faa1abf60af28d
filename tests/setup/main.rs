//! `tsmgated setup` on a copy of this machine that nobody keeps: an overlay of its root, a network of its own, TSM's
//! group, and the simulator where TSM's socket would be. There systemd does not run, unless a test says so.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use tests::program::{built, have, texts};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A host on which TSM runs, and what the tests ask there.
const HOST: &str = r#"
set -euo pipefail
trap 'echo "failed in line $LINENO: $BASH_COMMAND" >&2' ERR
hostname tsm
ip link set lo up
ip link add tsm0 type veth peer name other
ip addr add 10.20.1.2/24 dev tsm0
ip link set tsm0 up
echo '10.20.1.2 tsm.example.com tsm' >> /etc/hosts
people() {
    for name in tsmgate tsmgate-authority; do
        useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin $name
    done
}
# a socket of TSM's and its group
tsm() {
    groupadd --force tsmadmin
    mkdir -p /var/run/tableau
    tsmsim --socket /var/run/tableau/tab-controller-login-8850 --log /tsm.log --api 127.0.0.1:8850 --api-certificate /tsm.pem --api-name localhost > /tsm.ready &
    for _ in $(seq 1000); do grep -q ready /tsm.ready && break; read -rt 0.01 <> <(:) || :; done
    grep -q ready /tsm.ready
    chgrp tsmadmin /var/run/tableau/tab-controller-login-8850
}
# all that a setup could change, to the nanosecond
tree() { find /etc /var/lib /var/log /run/ /root /usr/bin -xdev -printf '%p %M %U %G %s %T@ %l\n' | sort; }
# `!` would not end the script
never() { if "$@"; then echo "but: $*" >&2; return 1; fi; }
whose() { stat -c '%a %U %G' "$1"; }
is() { [ "$1" = "$2" ] || { echo "it is: $1, not: $2" >&2; return 1; }; }
# ends with this code: ends CODE COMMAND...
ends() {
    local code=0 wanted=$1
    shift
    "$@" > /said 2>&1 || code=$?
    [ $code = "$wanted" ] || { echo "code $code of: $*" >&2; cat /said >&2; return 1; }
}
says() { grep -qF -- "$1" /said || { echo "does not say: $1" >&2; cat /said >&2; return 1; }; }
checks() {
    runuser -u tsmgate -- tsmgated check | grep -q ': good'
    runuser -u tsmgate-authority -- tsmgate-authority check | grep -q ': good'
}
listens() {
    for _ in $(seq 1000); do (: > /dev/tcp/10.20.1.2/$1) 2>/dev/null && return; read -rt 0.01 <> <(:) || :; done
    return 1
}
"#;

/// Runs a script on such a host.
fn on_a_host(script: &str) {
    let tools = [
        ("unshare", "util-linux"),
        ("flock", "util-linux"),
        ("setpriv", "util-linux"),
        ("ip", "iproute2"),
        ("bash", "bash"),
        ("useradd", "passwd"),
        ("hostname", "hostname"),
        ("systemd-sysusers", "systemd"),
    ];
    if !nix::unistd::Uid::effective().is_root() {
        assert!(std::env::var_os("REQUIRE_ALL").is_none(), "this test needs root");
        eprintln!("LEFT OUT: a setup (needs root)");
        return;
    }
    if !tools.iter().all(|(tool, package)| have(tool, package)) {
        return;
    }
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path();
    std::fs::write(place.join("script"), format!("{HOST}{script}\necho 'it holds'\n")).unwrap();
    let programs = ["tsmgated", "tsmgate-authority", "tsmgate", "tsmsim"]
        .map(|name| built(name).display().to_string());
    // the mounts are in a namespace of their own and go with it; so do the processes
    let stage = format!(
        "set -eu\n\
         mount -t tmpfs -o size=1g tmpfs {place}/stage\n\
         mkdir {place}/stage/up {place}/stage/work {place}/stage/root\n\
         mount -t overlay overlay -o lowerdir=/,upperdir={place}/stage/up,workdir={place}/stage/work \
         {place}/stage/root\n\
         cd {place}/stage/root\n\
         install -m 755 {programs} usr/local/bin/\n\
         install -m 644 {place}/script script\n\
         install -D -m 644 -t samples {samples}/tsmgated.toml {samples}/tsmgate-renew \
         {samples}/tsmgate-renew-server.service\n\
         mount -t proc proc proc\n\
         mount --rbind /dev dev\n\
         mount -t tmpfs tmpfs tmp\n\
         exec chroot . /bin/bash /script\n",
        place = place.display(),
        programs = programs.join(" "),
        samples = root().join("systemd").display(),
    );
    std::fs::create_dir(place.join("stage")).unwrap();
    let output = Command::new("timeout")
        .args(["100", "unshare", "--mount", "--net", "--uts", "--pid", "--fork", "--kill-child"])
        .args(["sh", "-c"])
        .arg(stage)
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let (out, err) = texts(&output);
    assert!(output.status.success() && out.ends_with("it holds\n"), "{out}\n{err}");
}

#[test]
fn a_dry_run_says_what_would_be_done_and_changes_nothing() {
    on_a_host(
        r"
people
tsm
tree > /before
ends 0 tsmgated setup --dry-run --allow 10.20.1.0/24 --invite jump01 --roles operator
tree | diff /before -
says 'would      /etc/tsmgate/tsmgated.toml'
says 'the gate is called tsm.example.com tsm 10.20.1.2'
says 'would      tsmgate in tsmadmin'
says 'would      invite for jump01'
never grep -E '^(done|cannot)' /said
# as the package leaves a host
install -d -m 750 -g tsmgate /etc/tsmgate
install -m 644 /samples/tsmgated.toml /etc/tsmgate/tsmgated.toml
ends 0 tsmgated setup --dry-run --allow 10.20.1.0/24
says 'would      /etc/tsmgate/tsmgated.toml'
says 'is so      who may connect'
says 'would      tsmgated check'
never grep -E '^(done|left|cannot)' /said
ends 0 tsmgated setup --dry-run
says 'by hand    who may connect: nobody'
rm -r /etc/tsmgate
userdel tsmgate
tree > /before
ends 0 tsmgated setup --dry-run
tree | diff /before -
says 'would      user tsmgate: there is none'
",
    );
}

/// Of what a setup prints the token alone is a secret, and it is the last line of standard output.
#[test]
fn one_run_makes_a_host_that_serves_and_a_second_changes_nothing() {
    on_a_host(
        r#"
people
tsm
tsmgated setup --allow 10.20.1.0/24 --invite jump01 --roles operator,login > /out 2> /err
tail -1 /out | grep -E '^tsmgate join tsmgate-join-[A-Za-z0-9_-]+$'
[ "$(grep -c tsmgate-join- /out)" = 1 ]
never grep -r -e 'PRIVATE KEY' -e tsmgate-join- /err /var/log
never grep 'PRIVATE KEY' /out
id -nG tsmgate | grep -w tsmadmin
is "$(whose /etc/tsmgate)" '750 root tsmgate'
is "$(whose /etc/tsmgate/server.key)" '600 tsmgate tsmgate'
is "$(whose /etc/tsmgate/server.pem)" '644 root root'
is "$(whose /etc/tsmgate/tsmgated.toml)" '644 root root'
is "$(whose /var/lib/tsmgate-authority)" '755 tsmgate-authority tsmgate-authority'
is "$(whose /var/lib/tsmgate-authority/pki)" '700 tsmgate-authority tsmgate-authority'
is "$(whose /var/lib/tsmgate-authority/pki/ca.key)" '600 tsmgate-authority tsmgate-authority'
is "$(whose /var/lib/tsmgate-authority/gate)" '755 tsmgate-authority tsmgate-authority'
[ -z "$(find /var/lib/tsmgate-authority ! -user tsmgate-authority)" ]
[ ! -e /var/lib/.tsmgate-authority.setup ]
checks
tree > /before
ends 0 tsmgated setup --allow 10.20.1.0/24 --invite jump01 --roles operator,login
tree | diff /before -
says 'is so      invite for jump01'
never grep -E '^(done|left|cannot)' /said
ends 0 tsmgated setup --json
python3 -c 'import json; it = json.load(open("/said")); assert it["changed"] is False and it["join"] is None and len(it["steps"]) > 10'
tree | diff /before -
# as it was said
sed -n 's/^ *\(runuser .* run\) &$/\1/p' /out > /start
[ "$(wc -l < /start)" = 2 ]
while read -r line; do $line < /dev/null 2> /log & done < /start
listens 18850
listens 18851
"#,
    );
}

#[test]
fn what_an_administrator_wrote_is_left_and_the_packages_sample_is_not() {
    on_a_host(
        r#"
people
tsm
install -d -m 750 -g tsmgate /etc/tsmgate
# as the package makes them
install -d -o tsmgate-authority -g tsmgate-authority /var/lib/tsmgate-authority
install -d -m 700 -o tsmgate-authority -g tsmgate-authority /var/lib/tsmgate-authority/pki
{ cat /samples/tsmgated.toml; echo '# mine'; } > /etc/tsmgate/tsmgated.toml
cp /etc/tsmgate/tsmgated.toml /mine
ends 65 tsmgated setup --allow 10.20.1.0/24
cmp /mine /etc/tsmgate/tsmgated.toml
says 'by hand    TSM'
says 'left       /etc/tsmgate/tsmgated.toml: it was edited; write there: [admission] allow = ["10.20.1.0/24"]; [enrolment] folder = "/var/lib/tsmgate-authority/gate"'
install -m 644 /samples/tsmgated.toml /etc/tsmgate/tsmgated.toml
ends 0 tsmgated setup --allow 10.20.1.0/24
says 'done       /etc/tsmgate/tsmgated.toml'
grep -q '^owner = "tsmgate-authority"$' /etc/tsmgate/tsmgated.toml
grep -q '^api_certificate_sha256 = ' /etc/tsmgate/tsmgated.toml
checks
"#,
    );
}

#[test]
fn what_is_missing_is_made_or_said_and_the_next_run_goes_on() {
    on_a_host(
        r"
mv /usr/bin/systemd-sysusers /usr/bin/aside
ends 71 tsmgated setup
says 'useradd --system --user-group --home-dir /nonexistent --shell /usr/sbin/nologin tsmgate-authority'
says 'install and start TSM, and run this again'
mv /usr/bin/aside /usr/bin/systemd-sysusers
ends 71 tsmgated setup
says 'done       user tsmgate'
says 'not there, nor the group tsmadmin'
# the package makes the group, with or without TSM
groupadd tsmadmin
ends 0 tsmgated setup
ends 0 tsmgated setup
says 'login socket: /var/run/tableau/tab-controller-login-* is not there'
tsm
ends 0 tsmgated setup
says 'login socket: /var/run/tableau/tab-controller-login-8850'
id -nG tsmgate | grep -w tsmadmin
says 'name the networks of your clients'
says 'tsmgate pki --dir /var/lib/tsmgate-authority/pki invite'
checks
",
    );
}

#[test]
fn one_that_was_killed_anywhere_goes_on_where_it_was() {
    on_a_host(
        r#"
people
tsm
for step in $(seq 1 40); do
    timeout -s KILL $(printf '0.%03d' $((step * 3))) tsmgated setup --allow 10.20.1.0/24 > /dev/null 2>&1 || :
done
ends 0 tsmgated setup --allow 10.20.1.0/24
checks
cmp /etc/tsmgate/client-ca.pem /var/lib/tsmgate-authority/gate/ca.pem
[ ! -e /var/lib/.tsmgate-authority.setup ]
[ -z "$(find /etc/tsmgate -name '.*')" ]
"#,
    );
}

/// The moment that a kill seldom meets: the authority is whole but for its list
#[test]
fn an_authority_without_its_list_gets_one() {
    on_a_host(
        r"
people
tsm
mkdir -m 700 /var/lib/.tsmgate-authority.setup
tsmgate pki init --dir /var/lib/.tsmgate-authority.setup/pki
rm /var/lib/.tsmgate-authority.setup/pki/clients.crl
ends 0 tsmgated setup --allow 10.20.1.0/24
checks
",
    );
}

#[test]
fn of_two_at_once_the_second_is_refused() {
    on_a_host(
        r"
people
tsm
tree > /before
ends 71 flock /run/tsmgate-setup.lock tsmgated setup
says 'another setup is under way'
rm /run/tsmgate-setup.lock
[ ! -e /etc/tsmgate ]
",
    );
}

/// Root's hand is not led elsewhere by a link in a folder of the service's user.
#[test]
fn a_link_where_the_authority_should_be_is_not_followed() {
    on_a_host(
        r#"
people
tsm
mkdir /elsewhere
install -d -o tsmgate-authority -g tsmgate-authority /var/lib/tsmgate-authority
runuser -u tsmgate-authority -- ln -s /elsewhere /var/lib/tsmgate-authority/pki
runuser -u tsmgate-authority -- ln -s /elsewhere /var/lib/tsmgate-authority/gate
ends 66 tsmgated setup
says 'cannot move /var/lib/.tsmgate-authority.setup/gate to /var/lib/tsmgate-authority/gate'
[ -z "$(ls -A /elsewhere)" ]
is "$(whose /elsewhere)" '755 root root'
rm /var/lib/tsmgate-authority/pki /var/lib/tsmgate-authority/gate
ends 0 tsmgated setup
checks
"#,
    );
}

/// R48: where systemd hands the keys over they are root's alone
#[test]
fn where_systemd_runs_the_keys_are_roots_and_the_units_are_started() {
    on_a_host(
        r#"
people
tsm
mkdir -p /run/systemd/system
# of the real one tests/systemd knows more
cat > /usr/bin/systemctl.new <<'EOF'
#!/bin/sh
echo "$*" >> /asked
case $1 in enable) : > /up ;; *) [ -e /up ] ;; esac
EOF
chmod 755 /usr/bin/systemctl.new
mv /usr/bin/systemctl.new /usr/bin/systemctl
ends 0 tsmgated setup --no-start
says 'by hand    both services: systemctl enable --now tsmgated.socket'
[ ! -e /up ]
is "$(whose /etc/tsmgate/server.key)" '600 root root'
is "$(whose /var/lib/tsmgate-authority/pki/ca.key)" '600 root root'
ends 0 tsmgated setup
is "$(grep -c ^enable /asked)" 1
says 'done       both services'
ends 0 tsmgated setup
says 'is so      both services'
is "$(grep -c ^enable /asked)" 1
"#,
    );
}

/// The timer is enabled by the setup: its unit's rights must do for a folder of the service's user.
#[test]
fn the_renewal_that_it_turns_on_can_do_its_work() {
    on_a_host(
        r#"
people
tsm
mkdir -p /run/systemd/system
ln -sf /bin/true /usr/local/bin/systemctl
ends 0 tsmgated setup --no-start
cp /etc/tsmgate/server.pem /old
rm /etc/tsmgate/server.pem
rights=$(sed -n 's/^CapabilityBoundingSet=//p' /samples/tsmgate-renew-server.service)
rights=$(echo "$rights" | tr A-Z a-z | sed 's/cap_/+/g; s/ /,/g')
set -a
. /etc/tsmgate/renewal.env
ends 0 setpriv --bounding-set="-all,$rights" --no-new-privs sh /samples/tsmgate-renew server
is "$(whose /etc/tsmgate/server.key)" '600 root root'
never cmp -s /old /etc/tsmgate/server.pem
"#,
    );
}

#[test]
fn without_its_program_the_setup_says_what_is_missing() {
    on_a_host(
        r"
rm /usr/local/bin/tsmgate-authority
ends 66 tsmgated setup --dry-run
says 'cannot become /usr/local/bin/tsmgate-authority'
says 'is it installed?'
",
    );
}
