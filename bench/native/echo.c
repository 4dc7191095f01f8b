/*
 * Returns each datagram to its sender.
 *
 *   echo ADDRESS PORT       prints "ready", and runs until it is killed
 */
#include <err.h>
#include <stdio.h>
#include <sys/socket.h>

#include "udp.h"

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: echo ADDRESS PORT");
	int fd = udp_socket(argv[1], argv[2]);
	puts("ready");
	fflush(stdout);
	for (;;) {
		static char datagram[65536];
		struct sockaddr_storage from;
		socklen_t size = sizeof from;
		ssize_t length = recvfrom(fd, datagram, sizeof datagram, 0, (struct sockaddr *)&from, &size);
		if (length >= 0)
			(void)!sendto(fd, datagram, (size_t)length, 0, (struct sockaddr *)&from, size);
	}
}
