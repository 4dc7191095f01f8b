/*
 * Many TCP streams from one process to another, in one direction. Unlike iperf3, one thread serves 1,024 streams without
 * scanning them. The sender writes blocks of 128 KiB, as iperf3 does, and the receiver copies everything that arrives.
 *
 *   streams receive ADDRESS PORT COUNT SECONDS   prints "ready", receives for a time that begins with the first byte
 *                                                after all streams are connected, and prints the number of streams,
 *                                                the sum of their bytes in this time, the sum of the squares of these
 *                                                numbers, and its own share of a CPU
 *   streams send LOCAL_ADDRESS ADDRESS[,ADDRESS...] PORT COUNT CONGESTION
 *                                                connects all streams, to the addresses in turn, then sends until a
 *                                                receiver ends, and prints its own share of a CPU
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tcp.h"
#include "timing.h"

enum { MAX_STREAMS = 4096, MAX_ADDRESSES = 64, BLOCK = 128 * 1024, EVENTS = 256 };

/* How long the receiver waits for the first byte, in seconds. */
static const double PATIENCE = 30;

static char block[BLOCK];
/* Bytes of each stream. */
static double received[MAX_STREAMS];

/* Returns the CPU time of this process in seconds. */
static double cpu_time(void)
{
	struct rusage usage;
	getrusage(RUSAGE_SELF, &usage);
	return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
	       (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec) / 1e6;
}

static void watch(int set, int fd, uint32_t events, int number)
{
	struct epoll_event event = {.events = events, .data.u64 = ((uint64_t)(uint32_t)number << 32) | (uint32_t)fd};
	if (epoll_ctl(set, EPOLL_CTL_ADD, fd, &event) < 0)
		err(1, "epoll_ctl");
}

static int nonblocking(int fd)
{
	if (fcntl(fd, F_SETFL, O_NONBLOCK) < 0)
		err(1, "O_NONBLOCK");
	return fd;
}

/* Raises the limit of open files of this process to the most that it may have. */
static void allow_many_files(void)
{
	struct rlimit limit;
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "RLIMIT_NOFILE");
	limit.rlim_cur = limit.rlim_max;
	if (setrlimit(RLIMIT_NOFILE, &limit) < 0)
		err(1, "RLIMIT_NOFILE");
}

static int accepted;

static void accept_stream(int set, int listener)
{
	int stream = accept(listener, NULL, NULL);
	if (stream < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED)
			err(1, "accept");
		return;
	}
	if (accepted == MAX_STREAMS)
		errx(1, "more than %d streams", MAX_STREAMS);
	watch(set, nonblocking(stream), EPOLLIN, accepted++);
}

static void receive(const char *address, const char *port, int expected, double seconds)
{
	int listener = nonblocking(tcp_listen(address, port, MAX_STREAMS));
	int set = epoll_create1(EPOLL_CLOEXEC);
	watch(set, listener, EPOLLIN, -1);
	puts("ready");
	fflush(stdout);
	double began = 0, used = 0, left = PATIENCE;
	for (double deadline = now() + PATIENCE; (left = deadline - now()) > 0;) {
		struct epoll_event events[EVENTS];
		int count = epoll_wait(set, events, EVENTS, (int)(left * 1000) + 1);
		for (int i = 0; i < count; i++) {
			int fd = (int)(uint32_t)events[i].data.u64, number = (int)(events[i].data.u64 >> 32);
			if (fd == listener) {
				accept_stream(set, listener);
				continue;
			}
			ssize_t length = recv(fd, block, BLOCK, 0);
			if (length == 0 || (length < 0 && errno != EAGAIN))
				errx(1, "the sender ended before the receiver");
			if (accepted < expected)
				continue;
			if (began == 0) {
				began = now();
				used = cpu_time();
				deadline = began + seconds;
			}
			if (length > 0)
				received[number] += (double)length;
		}
	}
	if (began == 0)
		errx(1, "nothing arrived in %.0f s", PATIENCE);
	double elapsed = now() - began;
	double bytes = 0, squares = 0;
	for (int i = 0; i < accepted; i++) {
		bytes += received[i];
		squares += received[i] * received[i];
	}
	printf("{\"seconds\": %.4f, \"cpu\": %.3f, \"streams\": %d, \"bytes\": %.0f, \"squares\": %.0f}\n",
	       elapsed, (cpu_time() - used) / elapsed, accepted, bytes, squares);
}

static void transmit(char **argv, int count)
{
	int set = epoll_create1(EPOLL_CLOEXEC), streams[MAX_STREAMS], number = 0;
	char *addresses[MAX_ADDRESSES];
	for (char *rest = argv[1], *address; (address = strsep(&rest, ",")) != NULL;) {
		if (number == MAX_ADDRESSES)
			errx(2, "more than %d addresses", MAX_ADDRESSES);
		addresses[number++] = address;
	}
	/* A stream that is closed is reset: queued data is not sent after the end. */
	struct linger reset = {.l_onoff = 1};
	for (int i = 0; i < count; i++) {
		streams[i] = nonblocking(tcp_connect(argv[0], addresses[i % number], argv[2], argv[4]));
		if (setsockopt(streams[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset) < 0)
			err(1, "SO_LINGER");
	}
	for (int i = 0; i < count; i++)
		watch(set, streams[i], EPOLLOUT, i);
	double began = now(), used = cpu_time();
	/* Each receiver closes its streams when its time is over, and the others may have begun later. */
	for (int open = count; open > 0;) {
		struct epoll_event events[EVENTS];
		int ready = epoll_wait(set, events, EVENTS, -1);
		for (int i = 0; i < ready; i++) {
			int stream = (int)(uint32_t)events[i].data.u64;
			if (send(stream, block, BLOCK, MSG_NOSIGNAL) >= 0 || errno == EAGAIN)
				continue;
			if (errno != ECONNRESET && errno != EPIPE)
				err(1, "send");
			close(stream);
			open--;
		}
	}
	double elapsed = now() - began;
	printf("{\"seconds\": %.4f, \"cpu\": %.3f}\n", elapsed, (cpu_time() - used) / elapsed);
}

int main(int argc, char **argv)
{
	int is_receiver = argc == 6 && strcmp(argv[1], "receive") == 0;
	int is_sender = argc == 7 && strcmp(argv[1], "send") == 0;
	if (!is_receiver && !is_sender)
		errx(2, "usage: streams receive ADDRESS PORT COUNT SECONDS | send LOCAL_ADDRESS ADDRESSES PORT COUNT CONGESTION");
	allow_many_files();
	int count = atoi(argv[is_receiver ? 4 : 5]);
	if (count < 1 || count > MAX_STREAMS)
		errx(2, "%d streams cannot be, expected 1 to %d", count, MAX_STREAMS);
	if (is_receiver) {
		double seconds = atof(argv[5]);
		if (seconds <= 0)
			errx(2, "%s seconds cannot be", argv[5]);
		receive(argv[2], argv[3], count, seconds);
		return 0;
	}
	transmit(argv + 2, count);
}
