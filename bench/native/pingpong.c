/*
 * Sends one datagram at a time and waits for its return, as often as time allows. Prints the percentiles of
 * all round trips in microseconds. A datagram that does not return within a second counts as lost.
 *
 *   pingpong LOCAL_ADDRESS ADDRESS PORT LENGTH SECONDS [COUNT]
 */
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>

#include "timing.h"
#include "udp.h"

enum { MAX_TRIPS = 4 << 20, MAX_LENGTH = 65507 };

static float trips[MAX_TRIPS];
static char payload[MAX_LENGTH], answer[MAX_LENGTH];

/* Returns whether the reply to datagram `id` arrived. Older replies that arrive late are skipped. */
static int returns(int fd, uint32_t id)
{
	for (;;) {
		if (recv(fd, answer, sizeof answer, 0) < 0)
			return 0;
		if (memcmp(answer, &id, sizeof id) == 0)
			return 1;
	}
}

int main(int argc, char **argv)
{
	if (argc != 6 && argc != 7)
		errx(2, "usage: pingpong LOCAL_ADDRESS ADDRESS PORT LENGTH SECONDS [COUNT]");
	long length = atol(argv[4]);
	if (length < (long)sizeof(uint32_t) || length > MAX_LENGTH)
		errx(2, "a datagram of %ld bytes cannot be", length);
	long most = argc == 7 ? atol(argv[6]) : MAX_TRIPS;
	if (most < 1 || most > MAX_TRIPS)
		errx(2, "a count of %ld cannot be", most);
	int fd = udp_socket(argv[1], "0");
	udp_connect(fd, argv[2], argv[3]);
	struct timeval patience = {.tv_sec = 1};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
		err(1, "SO_RCVTIMEO");

	long count = 0, lost = 0;
	double end = now() + atof(argv[5]);
	for (uint32_t id = 0; count < most && now() < end; id++) {
		memcpy(payload, &id, sizeof id);
		double began = now();
		(void)!send(fd, payload, (size_t)length, 0);
		if (returns(fd, id))
			trips[count++] = (float)((now() - began) * 1e6);
		else
			lost++;
	}
	if (count == 0)
		errx(1, "nothing came back from %s", argv[2]);
	sort_times(trips, count);
	printf("{\"count\": %ld, \"lost\": %ld, \"p50\": %.2f, \"p99\": %.2f}\n", count, lost,
	       percentile(trips, count, 50), percentile(trips, count, 99));
}
