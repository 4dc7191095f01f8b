// A forwarder over wireguard/tun, which splits and joins super-packets, with the datagrams of a batch
// sent and received by one sendmmsg and recvmmsg (golang.org/x/net/ipv4).
//
//	go-wireguard INTERFACE MTU PORT PEER_PORT
//
// Both ports are on 127.0.0.1.
package main

import (
	"errors"
	"log"
	"net"
	"net/netip"
	"os"
	"strconv"

	"golang.org/x/net/ipv4"
	"golang.zx2c4.com/wireguard/tun"
)

const (
	// Room before each packet for the header that wireguard/tun puts there, struct virtio_net_hdr.
	headroom = 10
	// The longest IP packet: joined packets grow at the end of their first one.
	maxPacket = 65535
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 5 {
		log.Fatal("usage: go-wireguard INTERFACE MTU PORT PEER_PORT")
	}
	mtu, err := strconv.Atoi(os.Args[2])
	if err != nil {
		log.Fatal(err)
	}
	device, err := tun.CreateTUN(os.Args[1], mtu)
	if err != nil {
		log.Fatal(err)
	}
	socket, err := net.DialUDP("udp4", loopback(os.Args[3]), loopback(os.Args[4]))
	if err != nil {
		log.Fatal(err)
	}
	go func() {
		for range device.Events() {
		}
	}()
	go inbound(device, ipv4.NewPacketConn(socket))
	outbound(device, ipv4.NewPacketConn(socket))
}

func loopback(port string) *net.UDPAddr {
	address, err := netip.ParseAddrPort("127.0.0.1:" + port)
	if err != nil {
		log.Fatal(err)
	}
	return net.UDPAddrFromAddrPort(address)
}

func outbound(device tun.Device, socket *ipv4.PacketConn) {
	packets := buffers(device.BatchSize())
	sizes := make([]int, len(packets))
	messages := make([]ipv4.Message, len(packets))
	for i := range messages {
		messages[i].Buffers = make([][]byte, 1)
	}
	for {
		count, err := device.Read(packets, sizes, headroom)
		// A super-packet that is cut into more packets than fit is told of, and the batch is good.
		if err != nil && !errors.Is(err, tun.ErrTooManySegments) {
			log.Fatal(err)
		}
		for i := range count {
			messages[i].Buffers[0] = packets[i][headroom : headroom+sizes[i]]
		}
		for sent := 0; sent < count; {
			n, err := socket.WriteBatch(messages[sent:count], 0)
			if err != nil {
				// A peer that is not there yet refuses; the datagram is lost.
				n = 1
			}
			sent += n
		}
	}
}

func inbound(device tun.Device, socket *ipv4.PacketConn) {
	packets := buffers(device.BatchSize())
	messages := make([]ipv4.Message, len(packets))
	for i := range messages {
		messages[i].Buffers = [][]byte{packets[i][headroom:]}
	}
	batch := make([][]byte, len(packets))
	for {
		count, err := socket.ReadBatch(messages, 0)
		if err != nil {
			continue
		}
		for i := range count {
			batch[i] = packets[i][:headroom+messages[i].N]
		}
		// An interface that is not up yet takes nothing.
		_, _ = device.Write(batch[:count], headroom)
	}
}

func buffers(count int) [][]byte {
	packets := make([][]byte, count)
	for i := range packets {
		packets[i] = make([]byte, headroom+maxPacket)
	}
	return packets
}
