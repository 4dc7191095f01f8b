/*
 * Sends ICMP echo requests of 64 bytes at a fixed rate, whether or not earlier ones have returned, and prints the
 * percentiles of the round trips in microseconds. A round trip ends when the kernel receives the reply (SO_TIMESTAMPNS),
 * as with ping(8). A request without a reply within a second of the last one is lost. A request is late if it is sent
 * more than one interval after its time.
 *
 *   probe LOCAL_ADDRESS ADDRESS SECONDS INTERVAL_US
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <err.h>
#include <linux/icmp.h>
#include <netinet/ip.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "timing.h"

enum { MAX_PROBES = 1 << 20, LENGTH = 64 };

static const double PATIENCE = 1.0;

struct echo {
	struct icmphdr header;
	uint32_t number;
	char padding[LENGTH - sizeof(struct icmphdr) - sizeof(uint32_t)];
};

/* Times of the clock that the kernel's time stamps use; 0 for a probe that is not on its way. */
static double sent_at[MAX_PROBES];
static float trips[MAX_PROBES];
static long returned;

static double seconds_of(const struct timespec *time)
{
	return (double)time->tv_sec + (double)time->tv_nsec / 1e9;
}

static struct in_addr address_of(const char *text)
{
	struct in_addr address;
	if (inet_pton(AF_INET, text, &address) != 1)
		errx(2, "%s is not an IPv4 address", text);
	return address;
}

static int open_socket(const char *local, const char *remote)
{
	int fd = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
	if (fd < 0)
		err(1, "socket");
	struct sockaddr_in near = {.sin_family = AF_INET, .sin_addr = address_of(local)};
	struct sockaddr_in far = {.sin_family = AF_INET, .sin_addr = address_of(remote)};
	if (bind(fd, (struct sockaddr *)&near, sizeof near) < 0)
		err(1, "bind %s", local);
	if (connect(fd, (struct sockaddr *)&far, sizeof far) < 0)
		err(1, "connect %s", remote);
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) < 0)
		err(1, "SO_TIMESTAMPNS");
	struct icmp_filter replies = {.data = ~(1U << ICMP_ECHOREPLY)};
	if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &replies, sizeof replies) < 0)
		err(1, "ICMP_FILTER");
	return fd;
}

/* Returns the Internet checksum (RFC 1071) of a whole number of 16-bit words. */
static uint16_t checksum(const void *data, size_t length)
{
	uint32_t sum = 0;
	for (size_t at = 0; at < length; at += 2) {
		uint16_t word;
		memcpy(&word, (const char *)data + at, sizeof word);
		sum += word;
	}
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

static void send_probe(int fd, uint32_t number)
{
	struct echo request = {.header = {.type = ICMP_ECHO}, .number = number};
	request.header.un.echo.id = htons((uint16_t)getpid());
	request.header.un.echo.sequence = htons((uint16_t)number);
	request.header.checksum = checksum(&request, sizeof request);
	struct timespec time;
	clock_gettime(CLOCK_REALTIME, &time);
	sent_at[number] = seconds_of(&time);
	(void)!send(fd, &request, sizeof request, MSG_DONTWAIT);
}

/* Receives one reply, and records its round trip. */
static void receive_reply(int fd)
{
	char packet[256];
	union {
		char bytes[CMSG_SPACE(sizeof(struct timespec))];
		struct cmsghdr header;
	} control;
	struct iovec part = {.iov_base = packet, .iov_len = sizeof packet};
	struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control,
				 .msg_controllen = sizeof control};
	ssize_t length = recvmsg(fd, &message, MSG_DONTWAIT);
	if (length < (ssize_t)sizeof(struct iphdr))
		return;
	size_t header = (size_t)((struct iphdr *)packet)->ihl * 4;
	struct echo reply;
	if ((size_t)length < header + sizeof reply)
		return;
	memcpy(&reply, packet + header, sizeof reply);
	struct cmsghdr *stamp = CMSG_FIRSTHDR(&message);
	if (stamp == NULL || stamp->cmsg_type != SCM_TIMESTAMPNS)
		errx(1, "a reply has no time stamp");
	if (reply.header.un.echo.id != htons((uint16_t)getpid()) || reply.number >= MAX_PROBES ||
	    sent_at[reply.number] == 0)
		return;
	struct timespec time;
	memcpy(&time, CMSG_DATA(stamp), sizeof time);
	trips[returned++] = (float)((seconds_of(&time) - sent_at[reply.number]) * 1e6);
	sent_at[reply.number] = 0;
}

/* Receives replies until a time, or until `most` have returned. */
static void receive_until(int fd, double end, long most)
{
	for (double left; returned < most && (left = end - now()) > 0;) {
		struct pollfd ready = {.fd = fd, .events = POLLIN};
		struct timespec wait = {.tv_sec = (time_t)left};
		wait.tv_nsec = (long)((left - (double)wait.tv_sec) * 1e9);
		if (ppoll(&ready, 1, &wait, NULL) > 0)
			receive_reply(fd);
	}
}

int main(int argc, char **argv)
{
	if (argc != 5)
		errx(2, "usage: probe LOCAL_ADDRESS ADDRESS SECONDS INTERVAL_US");
	double interval = atof(argv[4]) / 1e6;
	long count = interval > 0 ? (long)(atof(argv[3]) / interval) : 0;
	if (count < 1 || count > MAX_PROBES)
		errx(2, "%ld probes cannot be sent, expected 1 to %d", count, MAX_PROBES);
	int fd = open_socket(argv[1], argv[2]);
	/* The kernel otherwise wakes a sleeping process up to 50 µs late. */
	prctl(PR_SET_TIMERSLACK, 1UL);

	long late = 0;
	double began = now();
	for (uint32_t number = 0; number < count; number++) {
		double due = began + (double)number * interval;
		receive_until(fd, due, MAX_PROBES);
		late += now() - due > interval;
		send_probe(fd, number);
	}
	receive_until(fd, now() + PATIENCE, count);
	if (returned == 0)
		errx(1, "nothing came back from %s", argv[2]);
	sort_times(trips, returned);
	printf("{\"sent\": %ld, \"lost\": %ld, \"late\": %ld, \"p50\": %.2f, \"p99\": %.2f}\n", count,
	       count - returned, late, percentile(trips, returned, 50), percentile(trips, returned, 99));
}
