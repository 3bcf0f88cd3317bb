// SPDX-License-Identifier: GPL-3.0-or-later
#include "door.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>

static const struct door_keeper *keeper;

void door_keep(const struct door_keeper *k)
{
	keeper = k;
}

int door_open(const char *path, enum door_how how)
{
	if (keeper)
		return keeper->open(keeper->self, path, how);
	return open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK | (how == DOOR_DIRECT ? O_DIRECT : 0));
}

int door_stat(const char *path, bool follow, struct stat *out)
{
	if (keeper)
		return keeper->stat(keeper->self, path, follow, out);
	return follow ? stat(path, out) : lstat(path, out);
}

char *door_realpath(const char *path)
{
	return keeper ? keeper->real(keeper->self, path) : realpath(path, NULL);
}

static int read_names(DIR *d, bool (*wanted)(const char *name), size_t most, struct strings *out)
{
	for (size_t count = 0; count < most;) {
		errno = 0;
		const struct dirent *it = readdir(d);
		if (!it)
			return errno ? -1 : 0;
		if (!strcmp(it->d_name, ".") || !strcmp(it->d_name, "..") || (wanted && !wanted(it->d_name)))
			continue;
		if (strings_add(out, it->d_name) < 0) {
			errno = ENOMEM;
			return -1;
		}
		count++;
	}
	return 0;
}

/* Who answers instead of the system does not know what is wanted here. */
static void drop_unwanted(struct strings *names, bool (*wanted)(const char *name))
{
	size_t kept = 0;
	for (size_t i = 0; i < names->count; i++)
		if (wanted(names->items[i]))
			names->items[kept++] = names->items[i];
		else
			free(names->items[i]);
	names->count = kept;
}

int door_names(const char *directory, bool (*wanted)(const char *name), size_t most, struct strings *out)
{
	if (keeper) {
		int rc = keeper->names(keeper->self, directory, most, out), sys = errno;
		if (wanted)
			drop_unwanted(out, wanted);
		errno = sys;
		return rc;
	}
	DIR *d = opendir(directory);
	if (!d)
		return -1;
	int rc = read_names(d, wanted, most, out), sys = errno;
	closedir(d);
	errno = sys;
	return rc;
}

/* Would a lock of this type meet another's? */
static bool is_locked(int fd, short type, off_t from, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = len};
	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/* QEMU's programs keep shared locks, on the byte 100 + n of an image for the permission n; readers have other ones. */
#define QEMU_WRITE 101
#define QEMU_RESIZE 103

/* Where leases or locks don't work, nothing is learned. Of others' files, and over a network, there are no leases. */
static bool is_written(int fd)
{
	if (flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK)
		return true;
	(void)flock(fd, LOCK_UN);
	if (is_locked(fd, F_RDLCK, 0, 0) || is_locked(fd, F_WRLCK, QEMU_WRITE, 1) ||
	    is_locked(fd, F_WRLCK, QEMU_RESIZE, 1))
		return true;
	/* The kernel refuses a read lease while a writer has it open. */
	if (fcntl(fd, F_SETLEASE, F_RDLCK) == 0) {
		(void)fcntl(fd, F_SETLEASE, F_UNLCK);
		return false;
	}
	return errno == EAGAIN;
}

bool door_written(int fd)
{
	return keeper ? keeper->written(keeper->self, fd) : is_written(fd);
}

void door_cached(int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out)
{
	if (keeper)
		keeper->cached(keeper->self, fd, off, granule, count, out);
	else
		door_look_cached(fd, off, granule, count, out);
}

int door_again(int fd)
{
	char path[64];
	if (keeper)
		return keeper->again(keeper->self, fd);
	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	return open(path, O_RDONLY | O_CLOEXEC);
}
