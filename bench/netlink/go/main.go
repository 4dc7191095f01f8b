// vishvananda/netlink: `go-task TASK COUNT`; prints the milliseconds that the task took.
package main

import (
	"fmt"
	"log"
	"net"
	"os"
	"strconv"
	"time"

	"github.com/vishvananda/netlink"
)

func main() {
	count, err := strconv.Atoi(os.Args[2])
	check(err)
	link, err := netlink.LinkByName("lo")
	check(err)
	handle, err := netlink.NewHandle()
	check(err)
	start := time.Now()
	if os.Args[1] == "addresses" {
		for number := 1; number <= count; number++ {
			ip := net.IPv4(10, byte(number>>16), byte(number>>8), byte(number))
			address := &netlink.Addr{IPNet: &net.IPNet{IP: ip, Mask: net.CIDRMask(32, 32)}}
			check(handle.AddrAdd(link, address))
		}
	} else {
		routes, err := handle.RouteList(nil, netlink.FAMILY_V4)
		check(err)
		if len(routes) != count {
			log.Fatalf("%d routes rather than %d", len(routes), count)
		}
	}
	fmt.Println(float64(time.Since(start).Nanoseconds()) / 1e6)
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}
