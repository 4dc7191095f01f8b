/* A TUN device with one queue. Its packets have no header, unless the flags specify one. */
#pragma once
#include <err.h>
#include <fcntl.h>
#include <linux/if.h>
#include <linux/if_tun.h>
#include <string.h>
#include <sys/ioctl.h>

static inline int open_tun_with(const char *name, int flags)
{
	struct ifreq request = {.ifr_flags = (short)(IFF_TUN | IFF_NO_PI | flags)};
	if (strlen(name) >= sizeof request.ifr_name)
		errx(2, "the interface name %s is too long", name);
	strcpy(request.ifr_name, name);
	int fd = open("/dev/net/tun", O_RDWR);
	if (fd < 0)
		err(1, "open /dev/net/tun");
	if (ioctl(fd, TUNSETIFF, &request) < 0)
		err(1, "TUNSETIFF %s", name);
	return fd;
}

static inline int open_tun(const char *name)
{
	return open_tun_with(name, 0);
}
