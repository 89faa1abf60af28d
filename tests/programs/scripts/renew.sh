#!/bin/bash
# Puts the new certificate of the web server in place. Run by hand or from cron on the first of the month.
set -euo pipefail

CERT=${1:?certificate}
KEY=${2:?key}
CHAIN=${3:?chain}

cert_hash=$(openssl x509 -noout -pubkey -in "$CERT" | openssl sha256)
key_hash=$(openssl pkey -pubout -in "$KEY" | openssl sha256)
if [ "$cert_hash" != "$key_hash" ]; then
    echo "certificate and key do not match" >&2
    exit 10
fi

tsm security external-ssl disable
tsm security external-ssl enable --cert-file "$CERT" --key-file "$KEY" --chain-file "$CHAIN" --protocols "all -SSLv2 -SSLv3 -TLSv1 -TLSv1.1"
tsm pending-changes list
tsm pending-changes apply --ignore-prompt --ignore-warnings

if ! tsm security external-ssl list | grep -q '^ssl.enabled: true'; then
    echo "TLS is not on" >&2
    exit 11
fi
echo "renewed"
