// A forwarder that uses wireguard-go's tun package, which splits super-packets and coalesces packets.
//
//	go-wireguard mmsg|conn INTERFACE MTU PORT PEER_PORT
//
// Both ports are on 127.0.0.1. With mmsg, the datagrams of a batch are sent and received with one sendmmsg
// and one recvmmsg (golang.org/x/net/ipv4); with conn, by wireguard-go's conn package, which also uses
// UDP_SEGMENT and UDP_GRO.
package main

import (
	"errors"
	"log"
	"os"
	"strconv"

	"golang.zx2c4.com/wireguard/tun"
)

const (
	// Space in front of each packet for the header that the tun package writes there, struct virtio_net_hdr.
	headroom = 10
	// The length of the longest IP packet: coalesced packets are appended to the first of them.
	maxPacket = 65535
)

func main() {
	log.SetFlags(0)
	if len(os.Args) != 6 {
		log.Fatal("usage: go-wireguard mmsg|conn INTERFACE MTU PORT PEER_PORT")
	}
	device, err := tun.CreateTUN(os.Args[2], number(os.Args[3]))
	check(err)
	go func() {
		for range device.Events() {
		}
	}()
	port, peerPort := number(os.Args[4]), number(os.Args[5])
	if os.Args[1] == "conn" {
		forwardByConn(device, port, peerPort)
	} else {
		forwardByMmsg(device, port, peerPort)
	}
}

func number(text string) int {
	value, err := strconv.Atoi(text)
	check(err)
	return value
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

// Reads a batch. The packets are behind the headroom.
func read(device tun.Device, packets [][]byte, sizes []int) int {
	count, err := device.Read(packets, sizes, headroom)
	// If a super-packet is split into more packets than fit, this is reported as an error, and the batch is
	// valid.
	if !errors.Is(err, tun.ErrTooManySegments) {
		check(err)
	}
	return count
}

func buffers(count int) [][]byte {
	packets := make([][]byte, count)
	for i := range packets {
		packets[i] = make([]byte, headroom+maxPacket)
	}
	return packets
}
