/*
 * Opens a TUN interface as descriptor 3, and executes a program.
 *
 *   withtun INTERFACE PROGRAM [ARGUMENT...]
 */
#include <err.h>
#include <unistd.h>

#include "tun.h"

enum { HANDED_OVER = 3 };

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: withtun INTERFACE PROGRAM [ARGUMENT...]");
	int fd = open_tun(argv[1]);
	if (fd != HANDED_OVER) {
		if (dup2(fd, HANDED_OVER) < 0)
			err(1, "dup2");
		close(fd);
	}
	execvp(argv[2], argv + 2);
	err(1, "%s", argv[2]);
}
