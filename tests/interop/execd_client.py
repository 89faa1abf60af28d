#!/usr/bin/python3
"""A login client as tableau-monitoring-execd is one, without any Thrift library.

It writes the call field by field as its library does (a version word, a length, a name, a number, an end,
each a write of its own), under sequence number 1, reads the reply strictly, refuses another sequence
number, name or type, skips fields that it does not know, does not look at the return code, and drops the
connection after one request. Prints one JSON object; exit code 0 where there was a result, 1 where not.

  execd_client.py PATH [METHOD]
"""

import json
import socket
import struct
import sys

VERSION_1 = 0x80010000
CALL, REPLY, EXCEPTION = 1, 2, 3
STOP, I32, STRING, STRUCT = 0, 8, 11, 12
NAMES = {1: "returnCode", 2: "username", 3: "cookieName", 4: "cookieValue", 5: "cookieMaxAge"}


class Reader:
    def __init__(self, stream):
        self.stream = stream

    def take(self, length):
        taken = b""
        while len(taken) < length:
            part = self.stream.recv(length - len(taken))
            if not part:
                raise EOFError("the reply ended")
            taken += part
        return taken

    def number(self):
        return struct.unpack(">i", self.take(4))[0]

    def text(self):
        return self.take(self.number()).decode()

    def fields(self):
        """The fields of a struct, by number; a struct in it is a dictionary."""
        found = {}
        while True:
            kind = self.take(1)[0]
            if kind == STOP:
                return found
            number = struct.unpack(">h", self.take(2))[0]
            if kind not in (I32, STRING, STRUCT):
                raise ValueError(f"a field of type {kind}")
            read = {I32: self.number, STRING: self.text, STRUCT: self.fields}[kind]
            found[number] = read()


def log_in(path, method):
    stream = socket.socket(socket.AF_UNIX)
    stream.settimeout(20)
    stream.connect(path)
    name = method.encode()
    for piece in (struct.pack(">I", VERSION_1 | CALL), struct.pack(">i", len(name)), name,
                  struct.pack(">i", 1), bytes([STOP])):
        stream.sendall(piece)
    reader = Reader(stream)
    header = struct.unpack(">I", reader.take(4))[0]
    if header & 0xFFFF0000 != VERSION_1:
        raise ValueError("not strict")
    kind = header & 0xFF
    if reader.text() != method:
        raise ValueError("the answer to another method")
    if reader.number() != 1:
        raise ValueError("another sequence number")
    fields = reader.fields()
    stream.close()
    if kind == EXCEPTION:
        return {"exception": fields.get(1), "type": fields.get(2)}
    if kind != REPLY:
        raise ValueError(f"a message of type {kind}")
    result = fields[0]
    # a missing text is an empty one, a missing number is none
    return {name: result.get(at, "" if at in (2, 3, 4) else 0) for at, name in NAMES.items()}


def main():
    path, method = sys.argv[1], sys.argv[2] if len(sys.argv) > 2 else "login"
    try:
        answer = log_in(path, method)
    except (OSError, EOFError, ValueError, KeyError) as error:
        answer = {"broken": type(error).__name__}
    print(json.dumps(answer))
    return 0 if "returnCode" in answer else 1


if __name__ == "__main__":
    sys.exit(main())
