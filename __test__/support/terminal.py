"""Runs a program with an output that nobody reads.

Usage: terminal.py KIND MARK COMMAND…

KIND is `terminal` (stopped as by Ctrl-S), `closed` (a terminal that is closed), `pipe` or `socket`. Waits until the
output contains MARK (a terminal is stopped before the start if MARK is empty), stops or closes the output, writes `stopped` to standard output, and sends each line of standard input as
a signal, by its number. When the program ends, writes its exit status and the time since the first SIGTERM or SIGINT,
in milliseconds.
"""

import ctypes
import fcntl
import os
import pty
import signal
import socket
import sys
import termios
import threading
import time

PR_SET_PDEATHSIG = 1

kind, mark, *command = sys.argv[1:]
if kind == "pipe":
    reader, writer = os.pipe()
elif kind == "socket":
    reader, writer = (end.detach() for end in socket.socketpair())
else:
    reader, writer = pty.openpty()
if kind == "terminal" and not mark:
    termios.tcflow(writer, termios.TCOOFF)
child = os.fork()
if child == 0:
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    os.setsid()
    for fd in (1, 2):
        os.dup2(writer, fd)
    os.close(reader)
    os.close(writer)
    os.execvp(command[0], command)
if kind == "pipe":
    # The smallest size, so that a few lines fill it.
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, 4096)
if kind == "socket":
    with socket.socket(fileno=os.dup(writer)) as end:
        end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
seen = b""
while mark.encode() not in seen:
    seen += os.read(reader, 4096)
if kind == "terminal":
    termios.tcflow(writer, termios.TCOOFF)
if kind == "closed":
    os.close(writer)
    os.close(reader)
print("stopped", flush=True)
first = None


def forward():
    global first
    for line in sys.stdin:
        number = int(line)
        if number in (signal.SIGTERM, signal.SIGINT):
            first = first or time.monotonic()
        os.kill(child, number)


threading.Thread(target=forward, daemon=True).start()
_, status = os.waitpid(child, 0)
took = (time.monotonic() - (first or time.monotonic())) * 1000
print(f"ended {os.waitstatus_to_exitcode(status)} {took:.0f}", flush=True)
os._exit(0)
