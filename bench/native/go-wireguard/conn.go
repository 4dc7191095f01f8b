package main

import (
	"strconv"

	"golang.zx2c4.com/wireguard/conn"
	"golang.zx2c4.com/wireguard/tun"
)

func forwardByConn(device tun.Device, port, peerPort int) {
	bind := conn.NewStdNetBind()
	receivers, _, err := bind.Open(uint16(port))
	check(err)
	peer, err := bind.ParseEndpoint("127.0.0.1:" + strconv.Itoa(peerPort))
	check(err)
	for _, receive := range receivers {
		go receiveByConn(device, receive, bind.BatchSize())
	}
	packets := buffers(device.BatchSize())
	sizes := make([]int, len(packets))
	batch := make([][]byte, len(packets))
	for {
		count := read(device, packets, sizes)
		for i := range count {
			batch[i] = packets[i][headroom : headroom+sizes[i]]
		}
		// The peer refuses datagrams until it has started.
		_ = bind.Send(batch[:count], peer)
	}
}

func receiveByConn(device tun.Device, receive conn.ReceiveFunc, batchSize int) {
	packets := buffers(batchSize)
	datagrams := make([][]byte, len(packets))
	for i, packet := range packets {
		datagrams[i] = packet[headroom:]
	}
	sizes := make([]int, len(packets))
	endpoints := make([]conn.Endpoint, len(packets))
	batch := make([][]byte, 0, len(packets))
	for {
		count, err := receive(datagrams, sizes, endpoints)
		check(err)
		batch = batch[:0]
		for i := range count {
			// Packets without a datagram are left empty.
			if sizes[i] > 0 {
				batch = append(batch, packets[i][:headroom+sizes[i]])
			}
		}
		// An interface that is not up yet accepts nothing.
		_, _ = device.Write(batch, headroom)
	}
}
