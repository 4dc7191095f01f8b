/*
 * Sends datagrams of one length as fast as the kernel accepts them, and prints how many it accepted.
 *
 *   blast LOCAL_ADDRESS ADDRESS PORT LENGTH SECONDS
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "timing.h"
#include "udp.h"

enum { BATCH = 64, MAX_LENGTH = 65507 };

static char payload[MAX_LENGTH];

int main(int argc, char **argv)
{
	if (argc != 6)
		errx(2, "usage: blast LOCAL_ADDRESS ADDRESS PORT LENGTH SECONDS");
	long length = atol(argv[4]);
	if (length < 0 || length > MAX_LENGTH)
		errx(2, "a datagram of %ld bytes cannot be", length);
	int fd = udp_socket(argv[1], "0");
	udp_connect(fd, argv[2], argv[3]);

	struct iovec part = {.iov_base = payload, .iov_len = (size_t)length};
	struct mmsghdr batch[BATCH] = {0};
	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};

	unsigned long long sent = 0;
	double began = now(), end = began + atof(argv[5]);
	while (now() < end) {
		int count = sendmmsg(fd, batch, BATCH, 0);
		if (count > 0)
			sent += (unsigned long long)count;
		else if (errno != ENOBUFS && errno != EAGAIN && errno != ECONNREFUSED)
			err(1, "sendmmsg");
	}
	printf("{\"sent\": %llu, \"seconds\": %.6f}\n", sent, now() - began);
}
