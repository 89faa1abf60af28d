#!/bin/bash
# Moves SCRIPT_ functions to another TabPy.
HOST="$1"; PORT="$2"; CA="$3"
{
    tsm security vizql-extsvc-ssl disable
    tsm security vizql-extsvc-ssl enable --connection-type "tabpy-secure" --extsvc-host "$HOST" --extsvc-port "$PORT" -cf "$CA" --extsvc-username "tabpy" --extsvc-password "S3cret pass-word" --connect-timeout-ms "1500" --script-disabled "false"
    tsm pending-changes apply -iw --ignore-prompt
} || { echo "could not switch" ; exit 1; }
tsm security vizql-extsvc-ssl list
