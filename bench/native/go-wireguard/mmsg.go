package main

import (
	"net"
	"syscall"

	"golang.org/x/net/ipv4"
	"golang.zx2c4.com/wireguard/tun"
)

func forwardByMmsg(device tun.Device, port, peerPort int) {
	loopback := net.IPv4(127, 0, 0, 1)
	local, peer := net.UDPAddr{IP: loopback, Port: port}, net.UDPAddr{IP: loopback, Port: peerPort}
	socket, err := net.DialUDP("udp4", &local, &peer)
	check(err)
	growReceiveBuffer(socket)
	go receiveByMmsg(device, ipv4.NewPacketConn(socket))
	sendByMmsg(device, ipv4.NewPacketConn(socket))
}

// Like wireguard/conn: the default buffer has room for less than two super-packets in pieces.
func growReceiveBuffer(socket *net.UDPConn) {
	raw, err := socket.SyscallConn()
	check(err)
	check(raw.Control(func(fd uintptr) {
		err = syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, syscall.SO_RCVBUFFORCE, 7<<20)
	}))
	check(err)
}

func sendByMmsg(device tun.Device, socket *ipv4.PacketConn) {
	packets := buffers(device.BatchSize())
	sizes := make([]int, len(packets))
	messages := make([]ipv4.Message, len(packets))
	for i := range messages {
		messages[i].Buffers = make([][]byte, 1)
	}
	for {
		count := read(device, packets, sizes)
		for i := range count {
			messages[i].Buffers[0] = packets[i][headroom : headroom+sizes[i]]
		}
		for sent := 0; sent < count; {
			n, err := socket.WriteBatch(messages[sent:count], 0)
			if err != nil {
				// The peer refuses datagrams until it has started; this datagram is lost.
				n = 1
			}
			sent += n
		}
	}
}

func receiveByMmsg(device tun.Device, socket *ipv4.PacketConn) {
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
		// An interface that is not up yet accepts nothing.
		_, _ = device.Write(batch[:count], headroom)
	}
}
