// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader that takes files out of a backup might do with the directory that it was given for them. */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "attempt.h"

#define TARGET 5 /* the descriptor */

static bool write_one(int fd)
{
	return fd >= 0 && write(fd, "x", 1) == 1;
}
static bool target_above(const char *path)
{
	return write_one(openat(TARGET, path, O_WRONLY | O_CREAT, 0644));
}
static bool target_link(const char *path)
{
	return symlinkat(path, TARGET, "link") == 0 && write_one(openat(TARGET, "link", O_WRONLY | O_CREAT, 0644));
}
static bool target_hard_link(const char *path)
{
	return linkat(AT_FDCWD, path, TARGET, "hard", 0) == 0;
}
static bool target_device(const char *unused)
{
	(void)unused;
	return syscall(SYS_mknodat, TARGET, "node", S_IFBLK | 0666, 0x800) == 0 ||
	       syscall(SYS_mknodat, TARGET, "null", S_IFCHR | 0666, 0x103) == 0;
}
static bool target_fifo(const char *unused)
{
	(void)unused;
	return syscall(SYS_mknodat, TARGET, "fifo", S_IFIFO | 0666, 0) == 0;
}
static bool target_set_id(const char *unused)
{
	int fd = openat(TARGET, "own", O_WRONLY | O_CREAT, 0755);
	(void)unused;
	return fd >= 0 && fchmod(fd, 06755) == 0;
}
static bool target_run(const char *unused)
{
	char *const args[] = {(char *)"own", NULL};
	(void)unused;
	syscall(SYS_execveat, TARGET, "own", args, args + 1, 0);
	return false;
}
static bool target_rename(const char *path)
{
	int fd = openat(TARGET, "own", O_WRONLY | O_CREAT, 0644);
	return fd >= 0 && renameat(TARGET, "own", TARGET, path) == 0;
}

const struct attempt attempts_restore[] = {
#define A(fn) {#fn, fn}
	A(target_above), A(target_link), A(target_hard_link), A(target_device), A(target_fifo), A(target_set_id),
	A(target_run), A(target_rename), {0},
};
