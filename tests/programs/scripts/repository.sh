#!/bin/sh
# TLS to the repository for the reporting hosts, and its certificate for them.
OUT=$1

tsm security repository-ssl enable -i || exit 1
tsm pending-changes apply --ignore-prompt --request-timeout 3600
if [ $? -ne 0 ]; then
    echo "apply failed, discarding"
    tsm pending-changes discard
    exit 2
fi
tsm security repository-ssl get-certificate-file -f "$OUT" && openssl x509 -noout -in "$OUT"
status=$?
tsm security repository-ssl list
exit $status
