// SPDX-License-Identifier: GPL-3.0-or-later
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "backproof/pool.h"

int scan_open(int dir, const char *name, bool follow)
{
	return openat(dir, name,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
}

int scan_enter(const char *path, bool follow, int *fd, struct error *e)
{
	*fd = scan_open(AT_FDCWD, path, follow);
	if (*fd >= 0 || errno == ENOENT || errno == ENOTDIR || errno == ELOOP)
		return 0;
	return error_sys(e, "%s: directory can't be read", path);
}

/* Some file systems leave the type out. */
static enum scan_type type_of(int fd, const char *name, unsigned char type)
{
	struct stat st;
	switch (type) {
	case DT_REG:
		return SCAN_FILE;
	case DT_DIR:
		return SCAN_DIR;
	case DT_LNK:
		return SCAN_LINK;
	case DT_UNKNOWN:
		break;
	default:
		return SCAN_OTHER;
	}
	/* A file that can't be looked at stays one: whoever needs it will say so. */
	if (fstatat(fd, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return errno == ENOENT ? SCAN_OTHER : SCAN_FILE;
	return S_ISREG(st.st_mode)   ? SCAN_FILE
	       : S_ISDIR(st.st_mode) ? SCAN_DIR
	       : S_ISLNK(st.st_mode) ? SCAN_LINK
				     : SCAN_OTHER;
}

/* A piece of a directory, as the kernel gives it. */
struct piece {
	struct task task; /* first: task is piece */
	int fd;
	char *to;
	size_t room;
	long bytes; /* 0: the end; -1: cause */
	int cause;
};

static void read_piece(struct task *t)
{
	struct piece *p = (struct piece *)t;
	do
		p->bytes = syscall(SYS_getdents64, p->fd, p->to, p->room);
	while (p->bytes < 0 && errno == EINTR);
	p->cause = errno;
}

static int visit(const struct piece *p, scan_fn *fn, void *ctx, struct error *e)
{
	for (long at = 0; at < p->bytes;) {
		const struct dirent64 *d = (const struct dirent64 *)(p->to + at);
		const char *name = d->d_name;
		at += d->d_reclen;
		if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
			continue;
		if (fn(ctx, p->fd, name, type_of(p->fd, name, d->d_type), e) < 0)
			return -1;
	}
	return 0;
}

/* 1: all of it was read. */
static int ended(const struct piece *p, const char *shown, bool *unreadable, struct error *e)
{
	if (p->bytes > 0)
		return 0;
	if (!p->bytes || p->cause == ENOENT) /* removed by retention meanwhile */
		return 1;
	*unreadable = true;
	errno = p->cause;
	return error_sys(e, "%s: directory can't be read", shown);
}

#define SMALL (16 * KIB)
#define LARGE (128 * KIB)

/* On from what has been read: while the names of one piece are looked at, the next one is read on another core. */
static int scan_large(struct piece *now, const char *shown, scan_fn *fn, void *ctx, bool *unreadable, struct error *e)
{
	autofree char *room = malloc(2 * LARGE);
	struct piece two[2] = {{.task.run = read_piece, .fd = now->fd, .to = room, .room = LARGE},
			       {.task.run = read_piece, .fd = now->fd, .to = room + LARGE, .room = LARGE}};
	if (!room)
		return error_nomem(e);
	for (size_t i = 0;; i ^= 1) {
		task_begin(&two[i].task);
		int rc = visit(now, fn, ctx, e);
		task_wait(&two[i].task);
		now = &two[i];
		rc = rc < 0 ? -1 : ended(now, shown, unreadable, e);
		if (rc)
			return rc < 0 ? -1 : 0;
	}
}

int scan_dir(int fd, const char *shown, scan_fn *fn, void *ctx, bool *unreadable, struct error *e)
{
	_Alignas(struct dirent64) char buf[SMALL];
	struct piece p = {.fd = fd, .to = buf, .room = sizeof buf};
	for (;;) {
		read_piece(&p.task);
		int rc = ended(&p, shown, unreadable, e);
		if (rc)
			return rc < 0 ? -1 : 0;
		if ((size_t)p.bytes > SMALL / 2)
			return scan_large(&p, shown, fn, ctx, unreadable, e);
		if (visit(&p, fn, ctx, e) < 0)
			return -1;
	}
}

bool scan_is_system_dir(const char *name)
{
	static const char *const names[] = {"lost+found", "#recycle", "@eaDir", "@Recycle",
					    "$RECYCLE.BIN", "System Volume Information"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(name, names[i]))
			return true;
	return false;
}
