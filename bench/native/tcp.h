/* TCP sockets for addresses and ports in text, the form in which these programs receive them. */
#pragma once
#include <err.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static inline struct addrinfo *tcp_address(const char *host, const char *port)
{
	struct addrinfo hints = {.ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV};
	struct addrinfo *address;
	int failure = getaddrinfo(host, port, &hints, &address);
	if (failure)
		errx(2, "%s port %s: %s", host, port, gai_strerror(failure));
	return address;
}

/* Creates a socket bound to an address of this host. */
static inline int tcp_socket(const char *host, const char *port)
{
	struct addrinfo *address = tcp_address(host, port);
	int fd = socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(1, "socket");
	int on = 1;
	if (setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) < 0)
		err(1, "SO_REUSEADDR");
	if (bind(fd, address->ai_addr, address->ai_addrlen) < 0)
		err(1, "bind %s port %s", host, port);
	freeaddrinfo(address);
	return fd;
}

static inline int tcp_listen(const char *host, const char *port, int backlog)
{
	int fd = tcp_socket(host, port);
	if (listen(fd, backlog) < 0)
		err(1, "listen on %s port %s", host, port);
	return fd;
}

/* Connects a socket of a local address. The congestion control is that of the machine, unless one is named. */
static inline int tcp_connect(const char *local, const char *host, const char *port, const char *congestion)
{
	int fd = tcp_socket(local, "0");
	if (congestion &&
	    setsockopt(fd, IPPROTO_TCP, TCP_CONGESTION, congestion, (socklen_t)strlen(congestion)) < 0)
		err(1, "congestion control %s", congestion);
	struct addrinfo *address = tcp_address(host, port);
	if (connect(fd, address->ai_addr, address->ai_addrlen) < 0)
		err(1, "connect %s port %s", host, port);
	freeaddrinfo(address);
	return fd;
}
