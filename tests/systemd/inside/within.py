#!/usr/bin/python3
"""What the user of a service can do among the files that its unit leaves it: enters the mount namespace
of a process, and becomes its user there.

  within.py PID connect SOCKET     connects to a Unix socket
  within.py PID execute PROGRAM... none of these can be executed, not even by root before it is the user

Exit code 0: it is so.
"""

import ctypes
import os
import socket
import sys

NEW_MOUNTS = 0x0002_0000


def enter(pid):
    libc = ctypes.CDLL(None, use_errno=True)
    # not whose its folder in /proc is: that is root's where a process may not be looked into
    with open(f"/proc/{pid}/status", encoding="ascii") as lines:
        fields = dict(line.split(":", 1) for line in lines)
    owner = int(fields["Uid"].split()[1]), int(fields["Gid"].split()[1])
    namespace = os.open(f"/proc/{pid}/ns/mnt", os.O_RDONLY)
    if libc.setns(namespace, NEW_MOUNTS) != 0:
        raise OSError(ctypes.get_errno(), "setns")
    return owner


def become(owner):
    os.setgroups([])
    user, group = owner
    os.setgid(group)
    os.setuid(user)


def executes(program):
    child = os.fork()
    if child == 0:
        try:
            os.execv(program, [program])
        except PermissionError:
            os._exit(126)
        except OSError as error:
            print(f"{program}: {error}", file=sys.stderr)
            os._exit(125)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    print(program, "is refused" if code == 126 else f"ended with {code}")
    return code != 126


def main():
    match sys.argv[1:]:
        case [pid, "connect", path]:
            become(enter(pid))
            socket.socket(socket.AF_UNIX).connect(path)
            print("connected")
        case [pid, "execute", *programs]:
            owner = enter(pid)
            executed = [program for program in programs if executes(program)]
            become(owner)
            executed += [program for program in programs if executes(program)]
            return 1 if executed or not programs else 0
        case _:
            print(__doc__, file=sys.stderr)
            return 64
    return 0


if __name__ == "__main__":
    sys.exit(main())
