"""Captures the IPv4 and IPv6 packets that arrive at an interface: `sniff.py INTERFACE MARKER`.

Prints `ready`, and ends with the packet that contains MARKER. Each packet before it is one line of hexadecimal digits.
"""

import socket
import sys

ETHERTYPES = (b"\x08\x00", b"\x86\xdd")
PACKET_OUTGOING = 4

interface, marker = sys.argv[1:]
packets = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
packets.bind((interface, 0))
print("ready", flush=True)
while True:
    frame, address = packets.recvfrom(65536)
    if address[2] == PACKET_OUTGOING or frame[12:14] not in ETHERTYPES:
        continue
    if marker.encode() in frame:
        break
    print(frame[14:].hex(), flush=True)
