"""Sends packets that are too long for a path, inside a network namespace.

oversized.py flood DEVICE ADDRESS COUNT: COUNT datagrams with DF, which the kernel sends regardless of the path MTU that
it knows. oversized.py hostile DEVICE: packets with forged headers, behind each other; prints how many of them may be
answered by an ICMP error, and how many there are. Both wait until the driver has read every packet.
"""

import json
import socket
import struct
import sys
import time

PAYLOAD = bytes(1_400)
# Packets that may wait in the interface at the same time.
WINDOW = 400
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_PROBE = 10, 23, 3
UDP, ICMP, ICMPV6, FRAGMENT = 17, 1, 58, 44


def packets_read(device):
    """Returns the packets that the reader of a TUN device has taken."""
    with open("/proc/self/net/dev", encoding="ascii") as lines:
        for line in lines:
            name, _, counters = line.partition(":")
            if name.strip() == device:
                return int(counters.split()[9])
    raise SystemExit(f"there is no {device}")


def wait_for(device, count):
    while packets_read(device) < count:
        time.sleep(0.001)


def flood(device, address, count):
    is_v6 = ":" in address
    sender = socket.socket(socket.AF_INET6 if is_v6 else socket.AF_INET, socket.SOCK_DGRAM)
    if is_v6:
        sender.setsockopt(socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER, PMTUDISC_PROBE)
    else:
        sender.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_PROBE)
    start = packets_read(device)
    for number in range(1, count + 1):
        sender.sendto(PAYLOAD, (address, 9))
        if number % WINDOW == 0 or number == count:
            wait_for(device, start + number)


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total >> 16) + (total & 0xFFFF)
    return ~total & 0xFFFF


def v4(source, destination, protocol=UDP, field=0x4000, first=0x45, data=PAYLOAD):
    addresses = socket.inet_aton(source) + socket.inet_aton(destination)
    fields = (first, 0, 20 + len(data), 7, field, 64, protocol)
    header = struct.pack("!BBHHHBB", *fields)
    sum_of_header = checksum(header + bytes(2) + addresses)
    return header + struct.pack("!H", sum_of_header) + addresses + data


def v6(source, destination, protocol=UDP, data=PAYLOAD):
    addresses = b"".join(socket.inet_pton(socket.AF_INET6, one) for one in (source, destination))
    return struct.pack("!IHBB", 0x60000000, len(data), protocol, 64) + addresses + data


def hostile():
    """Returns the packets, each with whether an error about it may be sent (RFC 1812 4.3.2.7, RFC 4443 2.4)."""
    near4, far4, near6, far6 = "10.9.0.1", "10.9.0.2", "fd09::1", "fd09::2"
    # The hosts of the tunnel, its router, and others: the error goes into the interface, wherever they are.
    for source in [near4, "192.0.2.1", "198.51.100.1", "192.0.2.254", "203.0.113.9"]:
        yield v4(source, far4), True
    for destination in ["192.0.2.1", "198.51.100.1", "192.0.2.254", "203.0.113.9"]:
        yield v4(near4, destination), True
    for wrong in ["0.0.0.0", "127.0.0.1", "224.0.0.1", "255.255.255.255", "240.0.0.1"]:
        yield v4(wrong, far4), False
        yield v4(near4, wrong), False
    for kind in [3, 4, 5, 11, 12]:
        yield v4(near4, far4, ICMP, data=bytes([kind]) + PAYLOAD), False
    yield v4(near4, far4, ICMP, data=bytes([8]) + PAYLOAD), True
    # A first fragment and a later one. Header lengths that do not exist, or that are longer than IPv4 allows here.
    yield v4(near4, far4, field=0x6000), True
    yield v4(near4, far4, field=0x4001), False
    yield v4(near4, far4, first=0x44), False
    for source in [near6, "2001:db8:1::1", "2001:db8:2::1", "2001:db8:9::1"]:
        yield v6(source, far6), True
    for destination in ["2001:db8:1::1", "2001:db8:2::1", "2001:db8:9::1"]:
        yield v6(near6, destination), True
    for wrong in ["::", "::1", "ff02::1"]:
        yield v6(wrong, far6), False
        yield v6(near6, wrong), False
    for kind in [1, 2, 3, 4, 100, 137]:
        yield v6(near6, far6, ICMPV6, bytes([kind]) + PAYLOAD), False
    yield v6(near6, far6, ICMPV6, bytes([128]) + PAYLOAD), True
    options = bytes([ICMPV6, 0, 1, 4, 0, 0, 0, 0])
    yield v6(near6, far6, 60, options + bytes([2]) + PAYLOAD), False
    yield v6(near6, far6, FRAGMENT, bytes([UDP, 0, 0, 1, 0, 0, 0, 7]) + PAYLOAD), True
    yield v6(near6, far6, FRAGMENT, bytes([UDP, 0, 0, 9, 0, 0, 0, 7]) + PAYLOAD), False


def inject(device):
    senders = {}
    for version, protocol in ((4, 0x0800), (6, 0x86DD)):
        senders[version] = socket.socket(socket.AF_PACKET, socket.SOCK_RAW)
        senders[version].bind((device, protocol))
    answered = sent = 0
    for packet, may_be_answered in hostile():
        start = packets_read(device)
        senders[packet[0] >> 4].send(packet)
        wait_for(device, start + 1)
        answered += may_be_answered
        sent += 1
    print(json.dumps({"answered": answered, "sent": sent}))


if sys.argv[1] == "flood":
    flood(sys.argv[2], sys.argv[3], int(sys.argv[4]))
else:
    inject(sys.argv[2])
