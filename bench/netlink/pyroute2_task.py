"""pyroute2: `pyroute2_task.py TASK COUNT`; prints the milliseconds that the task took."""

import socket
import sys
import time

from pyroute2 import IPRoute

task, count = sys.argv[1], int(sys.argv[2])
with IPRoute() as ipr:
    index = ipr.link_lookup(ifname="lo")[0]
    start = time.perf_counter()
    if task == "addresses":
        for number in range(1, count + 1):
            address = f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}"
            ipr.addr("add", index=index, address=address, prefixlen=32)
    else:
        found = sum(1 for _ in ipr.get_routes(family=socket.AF_INET, table=254))
        assert found == count, found
    print((time.perf_counter() - start) * 1000)
