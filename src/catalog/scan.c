// SPDX-License-Identifier: GPL-3.0-or-later
#include "scan.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>

int scan_open(int dir, const char *name, bool follow)
{
	return openat(dir, name,
		      O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NONBLOCK | (follow ? 0 : O_NOFOLLOW));
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

int scan_dir(int fd, const char *shown, scan_fn *fn, void *ctx, bool *unreadable, struct error *e)
{
	_Alignas(struct dirent64) char buf[16 * 1024];
	for (;;) {
		long n = syscall(SYS_getdents64, fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOENT) /* removed by retention meanwhile */
			return 0;
		if (n < 0) {
			*unreadable = true;
			return error_sys(e, "%s: directory can't be read", shown);
		}
		if (n == 0)
			return 0;
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const struct dirent64 *)(buf + at);
			const char *name = d->d_name;
			at += d->d_reclen;
			if (name[0] == '.' && (!name[1] || (name[1] == '.' && !name[2])))
				continue;
			if (fn(ctx, fd, name, type_of(fd, name, d->d_type), e) < 0)
				return -1;
		}
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
