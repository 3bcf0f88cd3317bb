// SPDX-License-Identifier: GPL-3.0-or-later
#include "output.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "commands.h"

/* One of this name whose writer was killed: it had our number, as it has each time in a container. */
static bool drop_dead(const char *temporary)
{
	struct stat st;
	autoclose int fd = open(temporary, O_WRONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	return fd >= 0 && fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == geteuid() &&
	       flock(fd, LOCK_EX | LOCK_NB) == 0 && unlink(temporary) == 0;
}

/* Who writes it holds a lock on it. */
static int create(const char *temporary)
{
	const int flags = O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW;
	int fd = open(temporary, flags, 0644);
	if (fd < 0 && errno == EEXIST)
		fd = drop_dead(temporary) ? open(temporary, flags, 0644) : (errno = EEXIST, -1);
	if (fd >= 0)
		(void)!flock(fd, LOCK_EX | LOCK_NB); /* where there are none, nothing is taken for dead */
	return fd;
}

int output_open(struct output *o, const char *path, struct error *e)
{
	struct stat st;
	*o = (struct output){.fd = STDOUT_FILENO};
	if (!path)
		return 0;
	o->fd = -1;
	o->path = strdup(path);
	if (!o->path)
		return error_nomem(e);
	if (stat(path, &st) == 0 && !S_ISREG(st.st_mode)) {
		o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY);
		return o->fd < 0 ? error_sys(e, "%s", path) : 0;
	}
	o->temporary = text_format("%s.%d.tmp", path, (int)getpid());
	if (!o->temporary)
		return error_nomem(e);
	o->fd = create(o->temporary);
	if (o->fd < 0) {
		error_sys(e, "%s", o->temporary);
		free(take(o->temporary));
		return -1;
	}
	return 0;
}

int output_spares(const char *path, const struct strings *files, struct error *e)
{
	struct stat to, file;
	if (!path || stat(path, &to) < 0)
		return 0;
	for (size_t i = 0; i < files->count; i++)
		if (stat(files->items[i], &file) == 0 && file.st_dev == to.st_dev && file.st_ino == to.st_ino)
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
					 "%s is the backup itself: a report is not written over it", path);
	return 0;
}

int output_write(struct output *o, struct text *t, struct error *e)
{
	const char *p = text_str(t);
	size_t left = t->length;
	if (t->failed)
		return error_nomem(e);
	while (left) {
		ssize_t n = write(o->fd, p, left);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "%s", o->path ? o->path : "standard output");
		p += n;
		left -= (size_t)n;
	}
	t->length = 0;
	if (t->data)
		t->data[0] = 0;
	return 0;
}

int output_commit(struct output *o, struct error *e)
{
	if (!o->path) {
		/* A network file system reports a full disk only when the file is closed. */
		int copy = dup(o->fd);
		if (copy < 0 || close(copy) < 0)
			return error_sys(e, "standard output");
		return 0;
	}
	if (o->temporary && fsync(o->fd) < 0)
		return error_sys(e, "%s", o->temporary);
	int fd = o->fd;
	o->fd = -1;
	if (close(fd) < 0)
		return error_sys(e, "%s", o->path);
	if (o->temporary) {
		if (rename(o->temporary, o->path) < 0)
			return error_sys(e, "%s", o->path);
		free(take(o->temporary));
	}
	return 0;
}

void output_close(struct output *o)
{
	if (o->path && o->fd >= 0)
		close(o->fd);
	if (o->temporary)
		unlink(o->temporary);
	free(o->temporary);
	free(o->path);
	memset(o, 0, sizeof *o);
}

int output_text(const char *path, struct text *t, struct error *e)
{
	struct output out;
	int rc = output_open(&out, path, e);
	if (rc == 0)
		rc = output_write(&out, t, e);
	if (rc == 0)
		rc = output_commit(&out, e);
	output_close(&out);
	return rc;
}

int output_show(struct text *t)
{
	struct error e = {0};
	return output_text(NULL, t, &e) < 0 ? complain(CODE_INTERNAL, e.text) : 0;
}
