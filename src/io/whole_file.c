// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/door.h"
#include "backproof/whole_file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>

#include "backproof/text.h"

int directory_sync(const char *path, struct error *e)
{
	autofree char *directory = path_directory(path);
	if (!directory)
		return error_nomem(e);
	autoclose int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	/* A directory may be closed to reading, and some file systems flush none: the file itself is on the disk. */
	if (fd < 0 || fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP || errno == EBADF)
		return 0;
	return error_sys(e, "%s", directory);
}

static int write_all(int fd, const char *data, size_t length)
{
	while (length) {
		ssize_t n = write(fd, data, length);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		data += n;
		length -= (size_t)n;
	}
	return 0;
}

/* Where nothing is. */
static int put_new(const char *temporary, const char *path)
{
	if (renameat2(AT_FDCWD, temporary, AT_FDCWD, path, RENAME_NOREPLACE) == 0)
		return 0;
	if (errno != EINVAL && errno != ENOSYS)
		return -1;
	if (link(temporary, path) < 0)
		return -1;
	(void)unlink(temporary);
	return 0;
}

static int fill(int fd, const void *data, size_t length, mode_t mode)
{
	return write_all(fd, data, length) < 0 || fchmod(fd, mode) < 0 || fsync(fd) < 0 ? -1 : 0;
}

int whole_file_write(const char *path, const void *data, size_t length, mode_t mode, bool replace, struct error *e)
{
	autofree char *temporary = text_format("%s.XXXXXX", path);
	if (!temporary)
		return error_nomem(e);
	int fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0)
		return error_sys(e, "%s", path);
	int rc = fill(fd, data, length, mode);
	/* A network file system may report a full disk only here. */
	if (rc < 0) {
		int why = errno;
		close(fd);
		errno = why;
	} else {
		rc = close(fd);
	}
	if (rc == 0)
		rc = replace ? rename(temporary, path) : put_new(temporary, path);
	if (rc < 0) {
		error_sys(e, "%s", path);
		unlink(temporary);
		return -1;
	}
	rc = directory_sync(path, e);
	/* What was not there before is not there now: whoever tries again is not told that it is. */
	if (rc < 0 && !replace)
		unlink(path);
	return rc;
}

char *whole_file_read(const char *path, size_t most, size_t *length, struct error *e)
{
	autoclose int fd = door_open(path, DOOR_READ);
	if (fd >= 0)
		return whole_file_take(fd, path, most, length, e);
	error_sys(e, "%s", path);
	return NULL;
}

char *whole_file_take(int fd, const char *path, size_t most, size_t *length, struct error *e)
{
	struct stat st;
	if (fstat(fd, &st) < 0) {
		error_sys(e, "%s", path);
		return NULL;
	}
	if (!S_ISREG(st.st_mode)) {
		error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: not a regular file", path);
		return NULL;
	}
	size_t room = (uint64_t)st.st_size < most ? (size_t)st.st_size + 1 : most + 1;
	autofree char *data = malloc(room + 1);
	size_t have = 0;
	ssize_t n = 1;
	while (data && n && have < room) {
		n = read(fd, data + have, room - have);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			error_sys(e, "%s", path);
			return NULL;
		}
		have += (size_t)n;
	}
	if (!data) {
		error_nomem(e);
		return NULL;
	}
	if (have == room) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: larger than such a file is, or grew while it was read",
			  path);
		return NULL;
	}
	data[have] = '\0';
	*length = have;
	return take(data);
}
