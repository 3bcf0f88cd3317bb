// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * libewf opens what it reads by names, and is given the names of descriptors. In a reader these lead nowhere: the file
 * behind may be closed to who the reader has become. This open stands before the C library's for all of the program and
 * its libraries, and lets such names through the door; others go on as they would.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <sys/syscall.h>

#include "backproof/door.h"

/* By this name for the linker: the headers make another one of open(). Weak: a build with faults has one of its own. */
int open_by_name(const char *path, int flags, ...) __asm__("open") __attribute__((weak));

int open_by_name(const char *path, int flags, ...)
{
	mode_t mode = 0;
	int number, end = 0;
	va_list ap;
	if (flags & (O_CREAT | O_TMPFILE)) {
		va_start(ap, flags);
		mode = va_arg(ap, mode_t);
		va_end(ap);
	}
	int fd = (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
	/* For writing it is scratch. */
	if (fd >= 0 || errno != EACCES || (flags & O_ACCMODE) != O_RDONLY ||
	    sscanf(path, "/proc/self/fd/%d%n", &number, &end) != 1 || path[end])
		return fd;
	return door_again(number);
}
