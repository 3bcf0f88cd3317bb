// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The dump directory of a Proxmox VE storage: vzdump-qemu-100-2026_11_20-03_00_00.vma.zst with, beside it, the log of
 * the job (.log in the place of .vma.zst), .notes and .protected (behind it). Names have only the number of the
 * guest; its name is in the log, and by default in the notes. The log also says whether the job came to its end.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "finder.h"
#include "scan.h"
#include "vzdump_index.h"

/* A storage keeps its archives in dump/. *fd: -1 where there is none. NULL: that can't be told. */
static char *dump_below(const char *path, int *fd, struct error *e)
{
	autofree char *below = text_format("%s/dump", path);
	*fd = -1;
	if (!below)
		(void)!error_nomem(e);
	return below && scan_enter(below, false, fd, e) == 0 ? take(below) : NULL;
}

static void *open_index(const char *path, struct error *e)
{
	bool any = false;
	autoclose int fd = scan_open(AT_FDCWD, path, true);
	if (fd < 0) {
		error_sys(e, "%s", path);
		return NULL;
	}
	autodestroy(vzdump_index_free_auto) struct vzdump_index *v = vzdump_index_read(fd, path, &any, e);
	if (!v || any)
		return take(v);
	autoclose int inner = -1;
	autofree char *below = dump_below(path, &inner, e);
	if (!below)
		return NULL;
	struct stat st;
	if (inner < 0 && fstatat(fd, "dump", &st, AT_SYMLINK_NOFOLLOW) == 0 && S_ISLNK(st.st_mode)) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
			  "%s is a link, and those to directories are not followed: make its target a repository",
			  below);
		return NULL;
	}
	if (inner < 0)
		return take(v);
	vzdump_index_free(v);
	v = vzdump_index_read(inner, below, &any, e);
	return take(v);
}

static void close_index(void *index)
{
	vzdump_index_free(index);
}

static int find_in(void *index, const struct asked *a, size_t newest, struct catalog *out, struct error *e)
{
	return vzdump_index_find(index, a, newest, out, e);
}

static int find(const char *path, const struct asked *a, struct catalog *out, struct error *e)
{
	autodestroy(vzdump_index_free_auto) struct vzdump_index *v = open_index(path, e);
	return v ? vzdump_index_find(v, a, SIZE_MAX, out, e) : -1;
}

/* Without a log or notes only names tell whose an archive is, and those are told as in any directory. */
static int is_told(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	bool *any = ctx;
	size_t stem;
	struct span number;
	struct civil c;
	(void)dir;
	(void)e;
	enum vzdump_kind kind = type == SCAN_DIR ? VZDUMP_NONE : vzdump_name(name, &stem, &number, &c);
	*any = *any || kind == VZDUMP_LOG || kind == VZDUMP_NOTES || kind == VZDUMP_BESIDE;
	return 0;
}

static int recognise(const char *path, const struct asked *a, struct error *e)
{
	(void)a;
	bool any = false, unreadable = false;
	autoclose int fd = -1;
	if (scan_enter(path, true, &fd, e) < 0)
		return -1;
	if (fd < 0)
		return 0;
	if (scan_dir(fd, path, is_told, &any, &unreadable, e) < 0)
		return -1;
	autoclose int inner = -1;
	autofree char *below = any ? NULL : dump_below(path, &inner, e);
	if (!any && !below)
		return -1;
	return inner >= 0 && scan_dir(inner, below, is_told, &any, &unreadable, e) < 0 ? -1 : any;
}

static bool hints(const char *name, bool directory)
{
	bool any = false;
	return is_told(&any, -1, name, directory ? SCAN_DIR : SCAN_FILE, NULL) == 0 && any;
}

const struct finder finder_vzdump = {"vzdump", find, recognise, hints, false, 0, open_index, close_index, find_in};
