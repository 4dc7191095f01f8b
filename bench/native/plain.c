/*
 * The plain peer: one packet, one datagram, one system call for each. It is the reference of every ratio.
 *
 *   plain INTERFACE PORT PEER_PORT [ADDRESS PEER_ADDRESS]      by default both addresses are 127.0.0.1
 */
#include <err.h>
#include <poll.h>
#include <stdint.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tun.h"
#include "udp.h"

/* The longest packet that a datagram can hold. */
static uint8_t packet[65536];

int main(int argc, char **argv)
{
	if (argc != 4 && argc != 6)
		errx(2, "usage: plain INTERFACE PORT PEER_PORT [ADDRESS PEER_ADDRESS]");
	int tun = open_tun(argv[1]);
	int udp = udp_socket(argc == 6 ? argv[4] : "127.0.0.1", argv[2]);
	udp_connect(udp, argc == 6 ? argv[5] : "127.0.0.1", argv[3]);

	struct pollfd ready[] = {{.fd = tun, .events = POLLIN}, {.fd = udp, .events = POLLIN}};
	for (;;) {
		if (poll(ready, 2, -1) < 0)
			err(1, "poll");
		if (ready[0].revents) {
			ssize_t length = read(tun, packet, sizeof packet);
			if (length < 0)
				err(1, "read from %s", argv[1]);
			/* A refusal reports that the peer has not started yet. */
			(void)!send(udp, packet, (size_t)length, 0);
		}
		if (ready[1].revents) {
			ssize_t length = recv(udp, packet, sizeof packet, 0);
			/* An interface that is not up yet accepts no packets. */
			if (length > 0)
				(void)!write(tun, packet, (size_t)length);
		}
	}
}
