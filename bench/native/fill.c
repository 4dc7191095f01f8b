/*
 * Sends an exact number of datagrams. A filter discards the datagrams that return: the kernel counts them
 * like any other, but no process reads them.
 *
 *   fill LOCAL_ADDRESS ADDRESS PORT LENGTH    prints "ready"; for each line COUNT on stdin it sends
 *                                             COUNT datagrams and prints "sent"
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <linux/filter.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "udp.h"

enum { BATCH = 64, MAX_LENGTH = 65507 };

static char payload[MAX_LENGTH];

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: fill LOCAL_ADDRESS ADDRESS PORT LENGTH");
	long length = atol(argv[4]);
	if (length < 0 || length > MAX_LENGTH)
		errx(2, "a datagram of %ld bytes cannot be", length);
	int fd = udp_socket(argv[1], "0");
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &nothing};
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
		err(1, "SO_ATTACH_FILTER");
	udp_connect(fd, argv[2], argv[3]);

	struct iovec part = {.iov_base = payload, .iov_len = (size_t)length};
	struct mmsghdr batch[BATCH] = {0};
	for (int i = 0; i < BATCH; i++)
		batch[i].msg_hdr = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1};
	puts("ready");
	fflush(stdout);
	char line[32];
	while (fgets(line, sizeof line, stdin)) {
		for (long left = atol(line); left > 0;) {
			int count = sendmmsg(fd, batch, left < BATCH ? (unsigned)left : BATCH, 0);
			if (count > 0)
				left -= count;
			else if (errno != EAGAIN && errno != ECONNREFUSED)
				err(1, "sendmmsg");
		}
		puts("sent");
		fflush(stdout);
	}
}
