#!/bin/bash
# The packages where no systemd runs, as in a container's build: what is there after an installation, an
# upgrade, a removal and a purge. The root is an overlay of the machine's that nobody keeps.

. /package/host.sh

packages_in_hand() {
    ls -l /packages
    ! getent passwd tsmgate || fail "the user is there already"
    groupadd --force tsmadmin
}

an_installation_makes_user_and_folders_and_enables_nothing() {
    dpkg -i /packages/client.deb /packages/server.deb > /out/said
    cat /out/said
    grep -q 'installed and not started' /out/said
    grep -q '^  tsmgated setup --dry-run ' /out/said
    user_and_folders
    for unit in $units; do [ "$(state $unit)" = disabled ] || fail "$unit is $(state $unit)"; done
    [ -z "$(links)" ]
    dpkg -V tsmgate tsmgated
    tsmgate --version
    tsmgated --version
    tsmgate-runner --version
    # the sample is a configuration that loads, closed
    cmp $etc/tsmgated.toml /usr/share/doc/tsmgated/tsmgated.toml
    cmp $etc/runner.toml /usr/share/doc/tsmgated/runner.toml
}

an_upgrade_keeps_what_was_configured() {
    configured
    before=$(what_is_ours)
    dpkg --force-confold -i /packages/next.deb < /dev/null
    [ "$(dpkg-query -W -f '${Version}' tsmgated)" = 9.0.0-1 ]
    [ "$(what_is_ours)" = "$before" ] || fail "changed: $(what_is_ours)"
    # what is new in the sample is beside it
    grep -q 'the next version' $etc/tsmgated.toml.dpkg-dist
    rm $etc/tsmgated.toml.dpkg-dist
    [ "$(state tsmgated.socket)" = enabled ]
    [ "$(state tsmgate-runner.socket)" = enabled ]
    user_and_folders
}

a_removal_keeps_configuration_keys_and_audit() {
    before=$(what_is_ours)
    dpkg -r tsmgated
    gone /usr/bin/tsmgated /usr/bin/tsmgate-runner /usr/lib/systemd/system/tsmgated.service /usr/lib/tsmgate
    [ "$(what_is_ours)" = "$before" ]
    # and is there again with the package
    dpkg -i /packages/next.deb < /dev/null
    [ "$(what_is_ours)" = "$before" ]
    [ "$(state tsmgated.socket)" = enabled ]
    [ "$(state tsmgate-runner.socket)" = enabled ]
}

a_purge_takes_the_configuration_but_no_key_and_no_audit() {
    local before; before=$(what_is_ours | grep -v 'tsmgated.toml\|runner.toml')
    install -d -o tsmgate-runner /var/lib/tsmgate-runner/kept
    touch $authority/pki/ca.key
    dpkg -P tsmgated > /out/said 2>&1
    cat /out/said
    for kept in /etc/tsmgate /var/log/tsmgate $authority; do grep -q " $kept is kept" /out/said; done
    [ -e $authority/pki/ca.key ]
    gone /var/log/tsmgate-authority
    gone $etc/tsmgated.toml $etc/runner.toml /etc/logrotate.d/tsmgated /var/lib/tsmgate-runner
    [ "$(what_is_ours)" = "$before" ]
    [ -z "$(links)" ] || fail "$(links)"
    getent passwd tsmgate tsmgate-runner
}

a_purge_of_an_unused_one_leaves_nothing_but_the_user() {
    rm -r $etc /var/log/tsmgate $authority
    touch /tmp/before
    dpkg -i /packages/server.deb
    dpkg -P tsmgated tsmgate
    find /etc /usr /var -xdev -newer /tmp/before -name '*tsmgate*' | tee /out/left
    [ ! -s /out/left ]
}

the_rpm_installs_upgrades_and_leaves_the_same() {
    userdel tsmgate
    userdel tsmgate-runner
    rpm --initdb
    # the machine's libraries are in dpkg's book, not in this one
    local rpm="rpm --force-debian --nodeps"
    $rpm -i /packages/client.rpm /packages/server.rpm > /out/said
    cat /out/said
    grep -q 'installed and not started' /out/said
    user_and_folders
    [ -z "$(links)" ]
    # tmpfiles.d says who owns the folder of the configuration; all else is as packed
    rpm -V --nodeps tsmgate tsmgated
    configured
    local before; before=$(what_is_ours)
    $rpm -U /packages/next.rpm
    [ "$(rpm -q --qf '%{VERSION}' tsmgated)" = 9.0.0 ]
    [ "$(what_is_ours)" = "$before" ]
    [ "$(state tsmgated.socket)" = enabled ]
    [ "$(state tsmgate-runner.socket)" = enabled ]
    rpm --nodeps -e tsmgated tsmgate
    gone /usr/bin/tsmgated /usr/bin/tsmgate /usr/bin/tsmgate-runner
    [ -z "$(links)" ]
    for file in tsmgated runner; do mv $etc/$file.toml.rpmsave $etc/$file.toml; done
    [ "$(what_is_ours)" = "$before" ]
    getent passwd tsmgate tsmgate-runner
}

case_ packages_in_hand
case_ an_installation_makes_user_and_folders_and_enables_nothing
case_ an_upgrade_keeps_what_was_configured
case_ a_removal_keeps_configuration_keys_and_audit
case_ a_purge_takes_the_configuration_but_no_key_and_no_audit
case_ a_purge_of_an_unused_one_leaves_nothing_but_the_user
case_ the_rpm_installs_upgrades_and_leaves_the_same
echo "the end"
