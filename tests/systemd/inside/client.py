#!/usr/bin/python3
"""Callers of the gate: Python's own ssl, one connection for each call unless said otherwise.

  client.py login NAME          one call; prints the cookie
  client.py hold NAME           one call, prints `open`, then `cut` with the time once the gate ends it
  client.py fingerprint         the SHA-256 of the certificate that the gate serves
  client.py hammer N STOP NAME  N callers at once, one call after the other, until the file STOP exists;
                                prints how many calls were answered, refused, failed

Nothing is ever tried again. Exit code 0: every call had its cookie.
"""

import hashlib
import os
import socket
import ssl
import struct
import sys
import threading
import time

HOST, PORT, PKI, PATIENCE = "tsm.test", 18850, "/root/tsmgate-pki", 20.0
CALL = struct.pack(">II", 0x80010001, 5) + b"login" + struct.pack(">IB", 1, 0)


class Reply:
    """One strict TBinaryProtocol message, read as far as this service needs."""

    def __init__(self, stream):
        self.stream = stream

    def take(self, length):
        taken = b""
        while len(taken) < length:
            more = self.stream.recv(length - len(taken))
            if not more:
                raise EOFError("the gate ended the connection")
            taken += more
        return taken

    def number(self, form):
        return struct.unpack(">" + form, self.take(struct.calcsize(form)))[0]

    def text(self):
        return self.take(self.number("I")).decode()

    def fields(self):
        found = {}
        while kind := self.number("B"):
            field = self.number("h")
            found[field] = {8: lambda: self.number("i"), 11: self.text, 12: self.fields}[kind]()
        return found

    def cookie(self):
        version, _name, _sequence = self.number("I"), self.text(), self.number("I")
        fields = self.fields()
        if version != 0x80010002 or fields.get(0, {}).get(1) != 0:
            raise ValueError(f"refused: {fields}")
        return f"{fields[0][3]}={fields[0][4]}"


def connect(name):
    context = ssl.create_default_context(cafile=f"{PKI}/ca.pem")
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(f"{PKI}/clients/{name}.pem", f"{PKI}/clients/{name}.key")
    stream = socket.create_connection((HOST, PORT), PATIENCE)
    return context.wrap_socket(stream, server_hostname=HOST)


def call(stream):
    stream.sendall(CALL)
    return Reply(stream).cookie()


def login(name):
    with connect(name) as stream:
        return call(stream)


def hold(name):
    with connect(name) as stream:
        call(stream)
        print("open", flush=True)
        try:
            while stream.recv(1):
                pass
        except OSError:
            pass  # cut with an alert, or with a reset
        print("cut", time.time(), flush=True)


def fingerprint():
    with connect("jump01") as stream:
        print(hashlib.sha256(stream.getpeercert(binary_form=True)).hexdigest())


def hammer(callers, stop, name):
    counts, faults, lock = {"answered": 0, "refused": 0, "failed": 0}, [], threading.Lock()

    def strike():
        while not os.path.exists(stop):
            try:
                login(name)
                outcome = "answered"
            except ConnectionRefusedError as error:
                outcome, fault = "refused", error
            except Exception as error:  # whatever it is, it is a call without its cookie
                outcome, fault = "failed", error
            with lock:
                counts[outcome] += 1
                if outcome != "answered":
                    faults.append(f"{time.time():.3f} {fault!r}")

    threads = [threading.Thread(target=strike) for _ in range(callers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print(*faults[:20], sep="\n")
    print(" ".join(f"{count} {outcome}" for outcome, count in counts.items()))
    return 1 if faults else 0


def main():
    match sys.argv[1:]:
        case ["login", name]:
            print(login(name))
        case ["hold", name]:
            hold(name)
        case ["fingerprint"]:
            fingerprint()
        case ["hammer", callers, stop, name]:
            return hammer(int(callers), stop, name)
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
