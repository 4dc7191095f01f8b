/*
 * A socket that keeps up with any rate: its filter drops everything, so the kernel checks each
 * datagram's checksum and counts it, but wakes no process. The counts are in /proc/net/snmp and
 * snmp6: InErrors, which includes InCsumErrors for wrong checksums.
 *
 *   sink ADDRESS PORT       prints "ready", and runs until it is killed
 */
#include <err.h>
#include <linux/filter.h>
#include <stdio.h>
#include <unistd.h>

#include "udp.h"

int main(int argc, char **argv)
{
	if (argc != 3)
		errx(2, "usage: sink ADDRESS PORT");
	int fd = udp_socket(argv[1], argv[2]);
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = {.len = 1, .filter = &nothing};
	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) < 0)
		err(1, "SO_ATTACH_FILTER");
	puts("ready");
	fflush(stdout);
	for (;;)
		pause();
}
