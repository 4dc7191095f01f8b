"""Runs a program as on a kernel that does not check dumps strictly (before Linux 4.20).

A seccomp filter (seccomp(2)) makes setsockopt(SOL_NETLINK, NETLINK_GET_STRICT_CHK) fail with ENOPROTOOPT.
"""
import ctypes
import os
import struct
import sys

# Numbers of setsockopt by machine (asm/unistd.h), and offsets in struct seccomp_data (linux/seccomp.h).
SETSOCKOPT = {'x86_64': 54, 'aarch64': 208}[os.uname().machine]
NUMBER, SECOND_ARGUMENT, THIRD_ARGUMENT = 0, 24, 32
SOL_NETLINK, NETLINK_GET_STRICT_CHK, ENOPROTOOPT = 270, 12, 92
LOAD, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06
ALLOW, FAIL = 0x7FFF0000, 0x00050000
PR_SET_NO_NEW_PRIVS, PR_SET_SECCOMP, SECCOMP_MODE_FILTER = 38, 22, 2


def instruction(code, jump_false, value):
    return struct.pack('HBBI', code, 0, jump_false, value)


program = b''.join([
    instruction(LOAD, 0, NUMBER),
    instruction(JUMP_IF_EQUAL, 5, SETSOCKOPT),
    instruction(LOAD, 0, SECOND_ARGUMENT),
    instruction(JUMP_IF_EQUAL, 3, SOL_NETLINK),
    instruction(LOAD, 0, THIRD_ARGUMENT),
    instruction(JUMP_IF_EQUAL, 1, NETLINK_GET_STRICT_CHK),
    instruction(RETURN, 0, FAIL | ENOPROTOOPT),
    instruction(RETURN, 0, ALLOW),
])
buffer = ctypes.create_string_buffer(program, len(program))
filter_program = ctypes.create_string_buffer(
    struct.pack('HxxxxxxP', len(program) // 8, ctypes.addressof(buffer))
)
libc = ctypes.CDLL(None, use_errno=True)
for arguments in [
    (PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
    (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(filter_program), 0, 0),
]:
    if libc.prctl(*arguments) != 0:
        raise OSError(ctypes.get_errno(), 'prctl')
os.execvp(sys.argv[1], sys.argv[1:])
