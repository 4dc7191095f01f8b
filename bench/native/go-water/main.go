// A forwarder that uses songgao/water: one packet per call, one goroutine per direction.
//
//	go-water INTERFACE PORT PEER_PORT
//
// Both ports are on 127.0.0.1.
package main

import (
	"log"
	"net"
	"net/netip"
	"os"

	"github.com/songgao/water"
)

// The length of the longest IP packet.
const maxPacket = 65535

func main() {
	log.SetFlags(0)
	if len(os.Args) != 4 {
		log.Fatal("usage: go-water INTERFACE PORT PEER_PORT")
	}
	device, err := water.New(water.Config{
		DeviceType:             water.TUN,
		PlatformSpecificParams: water.PlatformSpecificParams{Name: os.Args[1]},
	})
	if err != nil {
		log.Fatal(err)
	}
	socket, err := net.DialUDP("udp4", loopback(os.Args[2]), loopback(os.Args[3]))
	if err != nil {
		log.Fatal(err)
	}
	go inbound(device, socket)
	outbound(device, socket)
}

func loopback(port string) *net.UDPAddr {
	address, err := netip.ParseAddrPort("127.0.0.1:" + port)
	if err != nil {
		log.Fatal(err)
	}
	return net.UDPAddrFromAddrPort(address)
}

func outbound(device *water.Interface, socket *net.UDPConn) {
	packet := make([]byte, maxPacket)
	for {
		length, err := device.Read(packet)
		if err != nil {
			log.Fatal(err)
		}
		// The peer refuses datagrams until it has started.
		_, _ = socket.Write(packet[:length])
	}
}

func inbound(device *water.Interface, socket *net.UDPConn) {
	packet := make([]byte, maxPacket)
	for {
		length, err := socket.Read(packet)
		if err != nil {
			continue
		}
		// An interface that is not up yet accepts nothing.
		_, _ = device.Write(packet[:length])
	}
}
