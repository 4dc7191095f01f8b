"""Runs a program on a terminal of its own, and copies what it writes to standard output.

Usage: screen.py COLUMNS ROWS COMMAND…

Each line of standard input is `signal NUMBER`, or `type TEXT` with Python's escapes. Ends when the
program ends, with a last line `ended STATUS`.
"""

import fcntl
import os
import pty
import struct
import sys
import termios
import threading

columns, rows, *command = sys.argv[1:]
reader, writer = pty.openpty()
fcntl.ioctl(writer, termios.TIOCSWINSZ, struct.pack("HHHH", int(rows), int(columns), 0, 0))
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(writer, termios.TIOCSCTTY, 0)
    for fd in (0, 1, 2):
        os.dup2(writer, fd)
    os.execvp(command[0], command)


def copy():
    while True:
        try:
            data = os.read(reader, 4096)
        except OSError:
            return
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()


def forward():
    for line in sys.stdin:
        verb, _, rest = line.strip().partition(" ")
        if verb == "signal":
            os.kill(child, int(rest))
        elif verb == "type":
            os.write(reader, rest.encode().decode("unicode_escape").encode("latin-1"))


threading.Thread(target=forward, daemon=True).start()
copier = threading.Thread(target=copy, daemon=True)
copier.start()
_, status = os.waitpid(child, 0)
os.close(writer)
copier.join(2)
print(f"\nended {os.waitstatus_to_exitcode(status)}", flush=True)
os._exit(0)
