// SPDX-License-Identifier: GPL-3.0-or-later
#include "links.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "label.h"
#include "scan.h"

#define LEVELS 2
#define ENTRIES_MOST 100000
#define BACKUP_LEAST MIB /* of a file whose name says nothing */

void links_free(struct links *l)
{
	vec_each (&l->found, it) {
		free(it->label);
		free(it->path);
	}
	vec_free(&l->found);
	vec_free(&l->entered);
}

int links_entered(struct links *l, int fd)
{
	struct stat st;
	struct entered *to = vec_push(&l->entered);
	if (!to)
		return -1;
	/* What can't be told is no directory that a link leads to. */
	*to = fstat(fd, &st) == 0 ? (struct entered){st.st_dev, st.st_ino} : (struct entered){0, 0};
	return 0;
}

static bool was_entered(const struct links *l, const struct stat *st)
{
	vec_each (&l->entered, it)
		if (it->device == st->st_dev && it->inode == st->st_ino)
			return true;
	return false;
}

int links_add(struct links *l, int dir, const char *name, const char *path, const char *label, struct error *e)
{
	struct stat st;
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0 || !S_ISLNK(st.st_mode))
		return 0;
	size_t stem;
	struct span segment;
	const char *base = path_base(name);
	bool nowhere = fstatat(dir, name, &st, 0) < 0;
	/* One that leads nowhere and is called as a backup's file is: whoever looks for those tells of it. */
	if (nowhere ? name_kind(base, strlen(base), &stem, &segment) != NAME_OTHER : !S_ISDIR(st.st_mode))
		return 0;
	struct link *to = vec_push(&l->found);
	if (!to || !(to->label = strdup(label)) || !(to->path = strdup(path)))
		return error_nomem(e);
	to->nowhere = nowhere;
	return 0;
}

/* What lies behind a link. */
struct behind {
	const struct links *l;
	const char *label;
	size_t entries;
	int levels;
	bool any;	/* files that may be backups */
	bool unknown;	/* it could not be told of everything */
	int64_t newest; /* the newest time of them */
};

static bool may_be_backup(const char *name, const struct stat *st)
{
	size_t stem;
	struct span segment;
	enum name_kind kind = name_kind(name, strlen(name), &stem, &segment);
	return kind == NAME_IMAGE || kind == NAME_COMPRESSED ||
	       (kind == NAME_OTHER && (uint64_t)st->st_size >= BACKUP_LEAST);
}

static void look(struct behind *b, int fd);

static int look_at(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct behind *b = ctx;
	struct behind below = *b;
	struct civil c;
	struct stat st;
	(void)e;
	if (type == SCAN_OTHER)
		return 0;
	autofree char *label = text_format("%s/%s", b->label, name);
	if (!label || ++b->entries > ENTRIES_MOST || fstatat(dir, name, &st, 0) < 0) {
		b->unknown = true;
		return label && b->entries <= ENTRIES_MOST ? 0 : -1;
	}
	if (S_ISREG(st.st_mode) && may_be_backup(name, &st)) {
		int64_t from = st.st_mtime, to;
		if (label_time(label, &c))
			civil_range(&c, &from, &to);
		b->newest = !b->any || from > b->newest ? from : b->newest;
		b->any = true;
	}
	if (!S_ISDIR(st.st_mode) || !b->levels || scan_is_system_dir(name) || was_entered(b->l, &st))
		return 0;
	autoclose int fd = scan_open(dir, name, true);
	below.label = label;
	below.levels--;
	look(&below, fd);
	below.label = b->label;
	below.levels = b->levels;
	*b = below;
	return 0;
}

/* fd: -1: it can't be read. */
static void look(struct behind *b, int fd)
{
	bool unreadable = false;
	struct error e = {0};
	if (fd < 0 || scan_dir(fd, b->label, look_at, b, &unreadable, &e) < 0)
		b->unknown = true;
}

/* Of those that lead nowhere only what its name says is known. */
static bool hides(const struct links *l, const struct link *it, const char *host, const struct catalog *out)
{
	struct behind b = {.l = l, .label = it->label, .levels = LEVELS};
	const int64_t order = out->count ? out->items[0].order : INT64_MIN;
	struct civil c;
	struct stat st;
	int64_t from, to;
	if (it->nowhere && label_time(it->label, &c)) {
		civil_range(&c, &from, &to);
		return from > order;
	}
	if (it->nowhere)
		return !out->count && label_rank(it->label, host);
	autoclose int fd = scan_open(AT_FDCWD, it->path, true);
	if (fd >= 0 && fstat(fd, &st) == 0 && was_entered(l, &st))
		return false;
	look(&b, fd);
	return b.unknown || (b.any && b.newest > order);
}

int links_check(const struct links *l, const char *host, bool all, const struct catalog *out, struct error *e)
{
	vec_each (&l->found, it) {
		bool may = all || !out->count || label_rank(it->label, host) || name_is_time(it->label) ||
			   name_is_piece(it->label);
		if (may && hides(l, it, host, out))
			return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
					 "%s is a link %s: newer backups of %s may be there", it->path,
					 it->nowhere ? "that leads nowhere"
						     : "to a directory, and those are not followed",
					 host);
	}
	return 0;
}
