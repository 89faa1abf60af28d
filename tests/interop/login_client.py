#!/usr/bin/python3
"""A login client with nothing of ours in it: Debian's python3-thrift and generated code.

It speaks unframed strict TBinaryProtocol over Python's own ssl, over plain TCP (for a tunnel in
front), or over a Unix socket, and prints one JSON object: the result of the last of --calls N calls
on one connection, or the exception that ended them. Exit code 0: every call returned, whatever its
return code; 1: an exception. It refuses TLS older than 1.3 and a server that it cannot verify.

  generate py "$TSMGATE_GEN_DIR"
  login_client.py tls HOST PORT CA CERT KEY
  login_client.py plain HOST PORT
  login_client.py unix PATH
"""

import argparse
import json
import os
import socket
import ssl
import sys


def arguments():
    parser = argparse.ArgumentParser(description="log in at TSM, or at whoever stands for it")
    parser.add_argument("--calls", type=int, default=1, help="calls on one connection")
    parser.add_argument("--timeout", type=float, default=10.0, help="seconds for each step")
    parser.add_argument("--gen", default=os.environ.get("TSMGATE_GEN_DIR"),
                        help="folder of the generated code (default: $TSMGATE_GEN_DIR)")
    modes = parser.add_subparsers(dest="mode", required=True)
    tls = modes.add_parser("tls", help="TLS 1.3 with a client certificate")
    for name in ("host", "port", "ca", "cert", "key"):
        tls.add_argument(name)
    tls.add_argument("--server-name", help="name to verify (default: HOST)")
    tls.add_argument("--alpn", help="protocol name to offer (default: none)")
    plain = modes.add_parser("plain", help="TCP, for a tunnel that does the TLS")
    plain.add_argument("host")
    plain.add_argument("port")
    unix = modes.add_parser("unix", help="a Unix stream socket")
    unix.add_argument("path")
    given = parser.parse_args()
    if not given.gen:
        parser.error("where is the generated code? give --gen or TSMGATE_GEN_DIR")
    return given


def connect(given):
    if given.mode == "unix":
        stream = socket.socket(socket.AF_UNIX)
        stream.settimeout(given.timeout)
        stream.connect(given.path)
        return stream
    stream = socket.create_connection((given.host, int(given.port)), given.timeout)
    if given.mode == "plain":
        return stream
    context = ssl.create_default_context(cafile=given.ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(given.cert, given.key)
    if given.alpn:
        context.set_alpn_protocols([given.alpn])
    return context.wrap_socket(stream, server_hostname=given.server_name or given.host)


def log_in(given):
    sys.path.insert(0, given.gen)
    sys.dont_write_bytecode = True
    from passwordless_login import PasswordLessLogin
    from thrift.protocol.TBinaryProtocol import TBinaryProtocol
    from thrift.transport.TSocket import TSocket

    transport = TSocket()
    transport.setHandle(connect(given))
    # no transport around it: the many small writes of the protocol go out as they are
    protocol = TBinaryProtocol(transport, strictRead=True, strictWrite=True)
    client = PasswordLessLogin.Client(protocol)
    try:
        for _ in range(given.calls):
            result = client.login()
    finally:
        transport.close()
    return {
        "returnCode": result.returnCode,
        "username": result.username,
        "cookieName": result.cookieName,
        "cookieValue": result.cookieValue,
        "cookieMaxAge": result.cookieMaxAge,
    }


def main():
    given = arguments()
    try:
        answer = log_in(given)
    except Exception as error:  # whatever it is, the test that started us wants to know
        told = {"exception": type(error).__name__, "message": str(error)}
        if getattr(error, "inner", None):
            told["cause"] = str(error.inner)
        if isinstance(getattr(error, "type", None), int):
            told["type"] = error.type
        print(json.dumps(told))
        return 1
    print(json.dumps(answer))
    return 0


if __name__ == "__main__":
    sys.exit(main())
