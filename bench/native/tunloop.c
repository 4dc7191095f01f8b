/*
 * Reads packets from a TUN device with one blocking read(2) each, the minimum of work; with "echo" it
 * also writes each back, with addresses and ports exchanged.
 *
 *   tunloop INTERFACE drain|header|echo
 *
 * With "header" each packet has a vnet header. It prints "ready"; for each line COUNT on stdin it reads
 * COUNT packets (0: forever) and prints the time that it took in seconds.
 */
#include <err.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "tun.h"

static unsigned char packet[65536];

static double now(void)
{
	struct timespec time;
	clock_gettime(CLOCK_MONOTONIC, &time);
	return (double)time.tv_sec + (double)time.tv_nsec / 1e9;
}

static void exchange(unsigned char *one, unsigned char *other, size_t length)
{
	unsigned char kept[4];
	memcpy(kept, one, length);
	memcpy(one, other, length);
	memcpy(other, kept, length);
}

/* For IPv4 without options, followed by UDP: the checksums remain correct. */
static void turn_round(void)
{
	exchange(packet + 12, packet + 16, 4);
	exchange(packet + 20, packet + 22, 2);
}

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: tunloop INTERFACE drain|header|echo");
	int flags = strcmp(argv[2], "header") == 0 ? IFF_VNET_HDR : 0;
	int fd = open_tun_with(argv[1], flags), echoes = strcmp(argv[2], "echo") == 0;
	unsigned offloads = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6;
	if (flags && ioctl(fd, TUNSETOFFLOAD, (unsigned long)offloads) < 0)
		err(1, "TUNSETOFFLOAD");
	puts("ready");
	fflush(stdout);
	char line[32];
	while (fgets(line, sizeof line, stdin)) {
		long count = atol(line);
		double began = now();
		for (long i = 0; count == 0 || i < count; i++) {
			ssize_t length = read(fd, packet, sizeof packet);
			if (length < 0)
				err(1, "read");
			if (!echoes || length < 28 || packet[0] != 0x45)
				continue;
			turn_round();
			if (write(fd, packet, (size_t)length) < 0)
				err(1, "write");
		}
		printf("%.9f\n", now() - began);
		fflush(stdout);
	}
}
