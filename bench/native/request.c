/*
 * Requests and responses over one TCP connection, one at a time. The client prints the percentiles of the times from
 * request to response in microseconds.
 *
 *   request serve ADDRESS PORT LENGTH                          prints "ready", and runs until it is killed
 *   request ask LOCAL_ADDRESS ADDRESS PORT LENGTH SECONDS
 */
#include <err.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#include "tcp.h"
#include "timing.h"

enum { MAX_TRIPS = 4 << 20, MAX_LENGTH = 65536 };

static float trips[MAX_TRIPS];
static char message[MAX_LENGTH];

/* Receives a whole message; returns 0 at the end of the connection. */
static int receive(int fd, size_t length)
{
	return recv(fd, message, length, MSG_WAITALL) == (ssize_t)length;
}

static int transmit(int fd, size_t length)
{
	return send(fd, message, length, MSG_NOSIGNAL) == (ssize_t)length;
}

static void without_delay(int fd)
{
	int on = 1;
	if (setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on) < 0)
		err(1, "TCP_NODELAY");
}

static void serve(const char *address, const char *port, size_t length)
{
	int listener = tcp_listen(address, port, 1);
	puts("ready");
	fflush(stdout);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		if (fd < 0)
			err(1, "accept");
		without_delay(fd);
		while (receive(fd, length) && transmit(fd, length))
			;
		close(fd);
	}
}

static void ask(char **argv, size_t length, double seconds)
{
	int fd = tcp_connect(argv[0], argv[1], argv[2], NULL);
	without_delay(fd);
	struct timeval patience = {.tv_sec = 5};
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) < 0)
		err(1, "SO_RCVTIMEO");
	long count = 0;
	for (double end = now() + seconds; count < MAX_TRIPS && now() < end;) {
		double began = now();
		if (!transmit(fd, length) || !receive(fd, length))
			errx(1, "%s did not respond in %ld s", argv[1], (long)patience.tv_sec);
		trips[count++] = (float)((now() - began) * 1e6);
	}
	sort_times(trips, count);
	printf("{\"count\": %ld, \"p50\": %.2f, \"p99\": %.2f}\n", count, percentile(trips, count, 50),
	       percentile(trips, count, 99));
}

int main(int argc, char **argv)
{
	int is_server = argc == 5 && strcmp(argv[1], "serve") == 0;
	int is_client = argc == 7 && strcmp(argv[1], "ask") == 0;
	if (!is_server && !is_client)
		errx(2, "usage: request serve ADDRESS PORT LENGTH | ask LOCAL_ADDRESS ADDRESS PORT LENGTH SECONDS");
	long length = atol(argv[is_server ? 4 : 5]);
	if (length < 1 || length > MAX_LENGTH)
		errx(2, "a message of %ld bytes cannot be, expected 1 to %d", length, MAX_LENGTH);
	if (is_server)
		serve(argv[2], argv[3], (size_t)length);
	double seconds = atof(argv[6]);
	if (seconds <= 0)
		errx(2, "%s seconds cannot be", argv[6]);
	ask(argv + 2, (size_t)length, seconds);
}
