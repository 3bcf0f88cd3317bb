// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The dump directory of a Proxmox VE storage: vzdump-qemu-100-2026_11_20-03_00_00.vma.zst with, beside it, the log of
 * the job (.log in the place of .vma.zst), .notes and .protected (behind it). Names have only the number of the
 * guest; its name is in the log, and by default in the notes. The log also says whether the job came to its end.
 */
#include <ctype.h>
#include <fcntl.h>
#include <strings.h>

#include "backproof/text.h"
#include "finder.h"
#include "points.h"
#include "scan.h"

#define TEXT_MAX (256 * KIB) /* of a log: its beginning and its end */

enum part_kind { PART_NONE, PART_ARCHIVE, PART_LOG, PART_BESIDE, PART_UNFINISHED };

/* stem: bytes of name that all files of one backup share. */
static enum part_kind read_name(const char *name, size_t *stem, struct span *number, struct civil *c)
{
	static const char *const kinds[] = {"vzdump-qemu-", "vzdump-lxc-", "vzdump-openvz-"};
	static const char *const archives[] = {".vma", ".tar", ".tgz"};
	static const char *const codecs[] = {"", ".zst", ".gz", ".lzo", ".xz", ".bz2"};
	size_t at = 0;
	for (size_t i = 0; i < ARRAY_SIZE(kinds) && !at; i++)
		at = strncmp(name, kinds[i], strlen(kinds[i])) ? 0 : strlen(kinds[i]);
	number->from = at;
	for (; at && isdigit((unsigned char)name[at]); at++)
		;
	number->to = at;
	if (!at || number->to == number->from || name[at++] != '-')
		return PART_NONE;
	struct civil civil = {0};
	size_t n = name_date_at(name + at, strlen(name + at), &civil);
	if (!n || name[at + n] != '-')
		return PART_NONE;
	at += n + 1;
	n = name_clock_at(name + at, strlen(name + at), true, false, &civil);
	if (!n)
		return PART_NONE;
	*stem = at += n;
	*c = civil;
	const char *rest = name + at;
	if (!strcmp(rest, ".log"))
		return PART_LOG;
	if (!strcmp(rest, ".tmp") || !strcmp(rest, ".dat"))
		return PART_UNFINISHED;
	for (size_t i = 0; i < ARRAY_SIZE(archives); i++) {
		if (strncmp(rest, archives[i], 4))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(codecs); k++) {
			size_t len = strlen(codecs[k]);
			const char *end = rest + 4 + len;
			if (strncmp(rest + 4, codecs[k], len))
				continue;
			if (!*end)
				return PART_ARCHIVE;
			if (!strcmp(end, ".notes") || !strcmp(end, ".protected"))
				return PART_BESIDE;
			if (!strcmp(end, ".dat") || !strcmp(end, ".tmp"))
				return PART_UNFINISHED;
		}
	}
	return PART_NONE;
}

static struct found_point *point_of(struct found_points *l, const char *name, size_t stem)
{
	/* Names come in any order; a directory of thousands is sorted before (by_name), so the last one will do. */
	struct found_point *last = l->points.count ? &l->points.items[l->points.count - 1] : NULL;
	if (last && strlen(last->label) == stem && !strncmp(last->label, name, stem))
		return last;
	struct found_point *p = vec_push(&l->points);
	if (!p || !(p->label = strndup(name, stem)))
		return NULL;
	return p;
}

static int collect(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct strings *names = ctx;
	size_t stem;
	struct span number;
	struct civil c;
	(void)dir;
	/* vzdump's own directories (NAME.tmp) say that a job runs, or broke off. */
	if (type == SCAN_OTHER || read_name(name, &stem, &number, &c) == PART_NONE)
		return 0;
	return strings_add(names, name) < 0 ? error_nomem(e) : 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/* The beginning and the end of a small file. *out is NULL where it can't be read. */
static int read_text(int fd, const char *name, char **out)
{
	*out = NULL;
	autoclose int f = openat(fd, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat st;
	if (f < 0 || fstat(f, &st) < 0 || !S_ISREG(st.st_mode))
		return 0;
	size_t size = (size_t)st.st_size, half = TEXT_MAX / 2, have = 0;
	autofree char *text = malloc(TEXT_MAX + 1);
	if (!text)
		return -1;
	for (size_t want = size < TEXT_MAX ? size : TEXT_MAX; have < want;) {
		bool tail = size > TEXT_MAX && have >= half;
		size_t room = size > TEXT_MAX && !tail ? half - have : want - have;
		off_t from = (off_t)(tail ? size - (want - have) : have);
		ssize_t n = pread(f, text + have, room, from);
		if (n <= 0)
			break;
		have += (size_t)n;
	}
	for (size_t i = 0; i < have; i++)
		text[i] = text[i] ? text[i] : ' ';
	text[have] = '\0';
	*out = take(text);
	return 0;
}

/* It does not count as a finished one. The first reason stands. */
static int set_unfinished(struct found_point *p, const char *why)
{
	return p->unfinished || (p->unfinished = strdup(why)) ? 0 : -1;
}

/* The rest of the line behind key, trimmed, or NULL. */
static char *value_of(const char *text, const char *key)
{
	const char *s = strstr(text, key);
	if (!s)
		return NULL;
	s += strlen(key);
	s += strspn(s, " \t");
	size_t n = strcspn(s, "\r\n");
	while (n && isspace((unsigned char)s[n - 1]))
		n--;
	return n && n <= NAME_LIMIT ? strndup(s, n) : NULL;
}

/* text: NULL where the log can't be read, which may have told of a failure. */
static int read_log(struct found_point *p, const char *text)
{
	if (!text)
		return set_unfinished(p, "its log can't be read");

	char *guest = value_of(text, "VM Name: ");
	guest = guest ? guest : value_of(text, "CT Name: ");
	if (guest) {
		free(p->guest);
		p->guest = guest;
	}
	const char *why = strstr(text, "ERROR: Backup of VM") || strstr(text, "TASK ERROR")
				  ? "its log says that the job failed"
			  : !strstr(text, "Finished Backup of VM") ? "its log has no end"
								   : NULL;
	return why ? set_unfinished(p, why) : 0;
}

static void read_notes(struct found_point *p, const char *text)
{
	if (!p->guest)
		p->guest = value_of(text, "");
}

/* Adds one file; point is the one of its stem. Logs come before notes by their names only by chance: both are read.
 */
static int add_one(struct found_points *l, int fd, const char *path, const char *name, struct error *e)
{
	size_t stem;
	struct span number;
	struct civil c;
	enum part_kind kind = read_name(name, &stem, &number, &c);
	struct found_point *p = point_of(l, name, stem);
	autofree char *full = text_format("%s/%s", path, name);
	if (!p || !full)
		return error_nomem(e);
	p->civil = c;
	if (!p->number && !(p->number = strndup(name + number.from, number.to - number.from)))
		return error_nomem(e);
	if (strings_add(kind == PART_ARCHIVE || kind == PART_UNFINISHED ? &p->files : &p->notes, full) < 0)
		return error_nomem(e);
	if (kind == PART_UNFINISHED && set_unfinished(p, "it is being written") < 0)
		return error_nomem(e);
	if (kind != PART_LOG && kind != PART_BESIDE)
		return 0;
	autofree char *text = NULL;
	if (read_text(fd, name, &text) < 0)
		return error_nomem(e);
	if (kind == PART_LOG)
		return read_log(p, text) < 0 ? error_nomem(e) : 0;
	if (text && strlen(name) > 6 && !strcmp(name + strlen(name) - 6, ".notes"))
		read_notes(p, text);
	return 0;
}

static int vzdump_read(struct found_points *l, int fd, const char *path, bool *any, struct error *e)
{
	struct strings names = {0};
	bool unreadable = false;
	int rc = scan_dir(fd, path, collect, &names, &unreadable, e);
	if (names.count)
		qsort(names.items, names.count, sizeof *names.items, by_name);
	for (size_t i = 0; i < names.count && !rc; i++)
		rc = add_one(l, fd, path, names.items[i], e);
	*any = *any || names.count;
	strings_free(&names);
	/* A log alone: of a job that failed before it wrote anything, or whose backup was removed since. */
	vec_each (&l->points, p)
		if (!rc && !p->files.count && !p->unfinished) {
			strings_free(&p->notes);
			if (set_unfinished(p, "only its log is left") < 0)
				rc = error_nomem(e);
		}
	return rc;
}

/* A storage keeps its archives in dump/. *fd: -1 where there is none. */
static char *dump_below(const char *path, int *fd)
{
	char *below = text_format("%s/dump", path);
	*fd = below ? scan_open(AT_FDCWD, below, false) : -1;
	return below;
}

static int find(const char *path, const char *host, bool own, struct catalog *out, struct error *e)
{
	struct found_points l = {{0}};
	bool any = false;
	autoclose int fd = scan_open(AT_FDCWD, path, true);
	if (fd < 0)
		return error_sys(e, "%s", path);
	int rc = vzdump_read(&l, fd, path, &any, e);
	if (!rc && !any) {
		autoclose int inner = -1;
		autofree char *below = dump_below(path, &inner);
		rc = !below ? error_nomem(e) : inner < 0 ? 0 : vzdump_read(&l, inner, below, &any, e);
	}
	if (!rc)
		rc = found_answer(&l, host, own, out, e);
	found_free(&l);
	return rc;
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
	enum part_kind kind = type == SCAN_DIR ? PART_NONE : read_name(name, &stem, &number, &c);
	*any = *any || kind == PART_LOG || kind == PART_BESIDE;
	return 0;
}

static int recognise(const char *path, struct error *e)
{
	bool any = false, unreadable = false;
	autoclose int fd = scan_open(AT_FDCWD, path, true);
	if (fd < 0)
		return 0;
	if (scan_dir(fd, path, is_told, &any, &unreadable, e) < 0)
		return -1;
	autoclose int inner = -1;
	autofree char *below = any ? NULL : dump_below(path, &inner);
	if (!any && !below)
		return error_nomem(e);
	return inner >= 0 && scan_dir(inner, below, is_told, &any, &unreadable, e) < 0 ? -1 : any;
}

const struct finder finder_vzdump = {"vzdump", find, recognise};
