#!/usr/bin/python3
"""The login's messages as Debian's python3-thrift and generated code read and write them.

  codec_peer.py read          hexadecimal replies, a line each, from standard input; what each says as JSON
  codec_peer.py write COUNT   so many calls with their replies, random but the same each time:
                              {"call": HEX, "reply": HEX, "says": WHAT}

WHAT is {"returnCode", "username", "cookieName", "cookieValue", "cookieMaxAge"} with null for what is not
there, {"exception": MESSAGE, "kind": NUMBER}, or {"unreadable": WHY}. Needs $TSMGATE_GEN_DIR, made by
`generate py`.
"""

import json
import os
import random
import sys

sys.path.insert(0, os.environ["TSMGATE_GEN_DIR"])
sys.dont_write_bytecode = True

from passwordless_login import PasswordLessLogin  # noqa: E402
from passwordless_login.ttypes import PasswordLessLoginResult  # noqa: E402
from thrift.protocol.TBinaryProtocol import TBinaryProtocol  # noqa: E402
from thrift.Thrift import TApplicationException  # noqa: E402
from thrift.transport.TTransport import TMemoryBuffer  # noqa: E402

FIELDS = ("returnCode", "username", "cookieName", "cookieValue", "cookieMaxAge")


def says(result):
    return {name: getattr(result, name) for name in FIELDS}


def read(text):
    protocol = TBinaryProtocol(TMemoryBuffer(bytes.fromhex(text)), strictRead=True)
    try:
        return says(PasswordLessLogin.Client(protocol).recv_login())
    except TApplicationException as error:
        return {"exception": error.message, "kind": error.type}
    except Exception as error:  # whatever it stumbles over
        return {"unreadable": repr(error)}


def text(dice, alphabet, least, most):
    return "".join(dice.choice(alphabet) for _ in range(dice.randint(least, most)))


def write(dice):
    odd = text(dice, "aZ9._~ ;\"\n\u00e4\u20ac\U0001f511", 0, 5)
    plain = [text(dice, "aZ9._-~!", 1, most) for most in (20, 500)]
    result = PasswordLessLoginResult(
        returnCode=dice.choice((0, 0, 0, 1, 2, 3)),
        username=dice.choice((None, odd)),
        cookieName=dice.choice((None, odd, plain[0], plain[0], plain[0])),
        cookieValue=dice.choice((None, odd, plain[1], plain[1], plain[1])),
        cookieMaxAge=dice.choice((None, 0, -1, 7200, 7200, 2**31 - 1)),
    )

    class Handler:
        def login(self):
            return result

    call, reply = TMemoryBuffer(), TMemoryBuffer()
    PasswordLessLogin.Client(None, TBinaryProtocol(call)).send_login()
    processor = PasswordLessLogin.Processor(Handler())
    processor.process(TBinaryProtocol(TMemoryBuffer(call.getvalue())), TBinaryProtocol(reply))
    return {"call": call.getvalue().hex(), "reply": reply.getvalue().hex(), "says": says(result)}


if sys.argv[1] == "read":
    for line in sys.stdin:
        print(json.dumps(read(line)))
else:
    dice = random.Random(18850)
    for _ in range(int(sys.argv[2])):
        print(json.dumps(write(dice)))
