#!/usr/bin/python3
"""Questions to the runner, as tsmgated asks them: one line of JSON, and lines for an answer.

  ask.py list               a line for each command: its number, its path, where it stands
  ask.py start PATH         takes a command without options; prints its number
  ask.py show ID            where it stands, and how it ended: `running`, `ended exited 0`
  ask.py output ID          what it printed, and prints, until it is over
  ask.py cancel ID          as `show`, afterwards

Exit code 0: answered. 77: refused, and why is printed. 76: the connection was closed without an answer.
66: there was no connection.
"""

import json
import socket
import sys

SOCKET, PATIENCE = "/run/tsmgate-runner/runner.sock", 30.0


def answers(question):
    with socket.socket(socket.AF_UNIX) as stream:
        stream.settimeout(PATIENCE)
        try:
            stream.connect(SOCKET)
        except OSError as error:
            print(f"no connection: {type(error).__name__}")
            sys.exit(66)
        try:
            stream.sendall(json.dumps(question).encode() + b"\n")
            with stream.makefile() as lines:
                for line in lines:
                    yield json.loads(line)
        except (BrokenPipeError, ConnectionResetError):
            return


def answer(question):
    for said in answers(question):
        if "refused" in said:
            print("refused", said["refused"]["code"])
            print(said["refused"]["message"], file=sys.stderr)
            sys.exit(77)
        return said
    print("closed without an answer")
    sys.exit(76)


def ended(end):
    return " ".join(str(end[key]) for key in ("how", "code", "signal") if key in end)


def stands(task):
    return " ".join([task["state"]] + ([ended(task["end"])] if "end" in task else []))


def printed(event):
    for kind in ("stdout", "stderr"):
        if kind in event:
            return f"{kind} {event[kind]}"
    if "progress" in event:
        return "progress {percent} {step}".format(**event["progress"])
    if "state" in event:
        return f"state {event['state']['state']}"
    return f"end {ended(event['end'])}" if "end" in event else str(event)


def main():
    match sys.argv[1:]:
        case ["list"]:
            for task in answer("list")["tasks"]:
                print(task["id"], task["command"], stands(task))
        case ["start", path]:
            start = {"order": {"command": path}, "client": "jump01", "address": "10.20.1.5"}
            start |= {"identity": "URI:tsmgate://client/jump01"}
            start |= {"request": "ask-1", "run_seconds": 600, "queued": 16, "output": 1 << 20}
            print(answer({"start": start})["task"]["id"])
        case ["show", number]:
            print(stands(answer({"show": number})["task"]))
        case ["output", number]:
            for said in answers({"output": {"id": number, "from": 0}}):
                print(printed(said["event"]), flush=True)
        case ["cancel", number]:
            print(stands(answer({"cancel": {"id": number, "by": "jump01"}})["task"]))
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
