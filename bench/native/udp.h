/* UDP sockets for addresses and ports in text, the form in which these programs receive them. */
#pragma once
#include <err.h>
#include <netdb.h>
#include <sys/socket.h>

static inline struct addrinfo *udp_address(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_DGRAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *address;
	int failure = getaddrinfo(host, port, &hints, &address);
	if (failure)
		errx(2, "%s port %s: %s", host, port, gai_strerror(failure));
	return address;
}

/* Creates a socket bound to an address of this host. */
static inline int udp_socket(const char *host, const char *port)
{
	struct addrinfo *address = udp_address(host, port);
	int fd = socket(address->ai_family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
		err(1, "bind %s port %s", host, port);
	freeaddrinfo(address);
	return fd;
}

static inline void udp_connect(int fd, const char *host, const char *port)
{
	struct addrinfo *address = udp_address(host, port);
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		err(1, "connect %s port %s", host, port);
	freeaddrinfo(address);
}
