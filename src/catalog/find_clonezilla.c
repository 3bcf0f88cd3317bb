// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The image repository of Clonezilla (/home/partimag): each directory is one restore point, and all of its files
 * belong to it. Its name is what the operator typed: "2026-11-20-03-img" as offered, or "web01-2026-11-20".
 */
#include <errno.h>
#include <fcntl.h>

#include "backproof/composite.h"
#include "backproof/piece.h"
#include "backproof/seal.h"
#include "backproof/text.h"
#include "finder.h"
#include "label.h"
#include "points.h"
#include "scan.h"
#include "sidecar_names.h"

static int collect(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct strings *names = ctx;
	(void)dir;
	if (type != SCAN_FILE && type != SCAN_LINK)
		return 0;
	return strings_add(names, name) < 0 ? error_nomem(e) : 0;
}

static int by_name(const void *x, const void *y)
{
	return strcmp(*(char *const *)x, *(char *const *)y);
}

/*
 * Sorted names. It will be a part of the image that is not there yet. What desktops and editors leave is nothing to it,
 * nor what a transfer left that was made again since.
 */
static bool is_half(const struct strings *names, const char *name)
{
	char finished[NAME_LIMIT + 1];
	const char *key = finished;
	if (!partial_finished_name(name, finished) ||
	    (clonezilla_is_note(finished) && strcmp(finished, "parts") && strcmp(finished, "disk")))
		return false;
	return !bsearch(&key, names->items, names->count, sizeof key, by_name);
}

/* Adds the directory if it is an image. */
static int add_directory(struct found_points *l, int fd, const char *path, const char *label, bool *is,
			 struct error *e)
{
	struct strings names = {0};
	bool unreadable = false;
	int rc = scan_dir(fd, path, collect, &names, &unreadable, e);
	*is = !rc && clonezilla_is(&names);
	struct found_point *p = *is ? vec_push(&l->points) : NULL;
	if (*is && (!p || !(p->label = strdup(label))))
		rc = error_nomem(e);
	if (!rc && p) {
		p->civil = l->top;
		(void)label_time(label, &p->civil);
		qsort(names.items, names.count, sizeof *names.items, by_name);
	}
	for (size_t i = 0; p && i < names.count && !rc; i++) {
		const char *name = names.items[i];
		/* Digests of them are looked for where they are needed. */
		if (seal_is_name(name) || (sidecar_is_one(name) && !(i && piece_follows(names.items[i - 1], name))))
			continue;
		bool half = is_half(&names, name);
		if (is_partial_name(name) && !half)
			continue;
		autofree char *full = text_format("%s/%s", path, name);
		if (!full || strings_add(clonezilla_is_note(name) || half ? &p->notes : &p->files, full) < 0 ||
		    (half && !p->unfinished && !(p->unfinished = strdup("a file of it is being written"))))
			rc = error_nomem(e);
	}
	strings_free(&names);
	return rc;
}

struct visit {
	struct found_points *l;
	const char *path;
	bool any;
};

static int visit(void *ctx, int dir, const char *name, enum scan_type type, struct error *e)
{
	struct visit *v = ctx;
	bool is = false;
	if ((type != SCAN_DIR && type != SCAN_LINK) || scan_is_system_dir(name) || is_partial_name(name))
		return 0;
	autofree char *full = text_format("%s/%s", v->path, name);
	if (!full)
		return error_nomem(e);
	if (type == SCAN_LINK)
		return links_add(&v->l->links, dir, name, full, name, e);
	autoclose int fd = scan_open(dir, name, false);
	if (fd < 0 && (errno == ENOENT || errno == ENOTDIR || errno == ELOOP))
		return 0;
	struct error why = {0};
	if (fd < 0)
		(void)error_sys(&why, "%s: directory can't be read", full);
	if (fd < 0)
		return found_add_forbidden(v->l, name, &why, e);
	if (links_entered(&v->l->links, fd) < 0)
		return error_nomem(e);
	int rc = add_directory(v->l, fd, full, name, &is, e);
	v->any = v->any || is;
	return rc;
}

static int clonezilla_read(struct found_points *l, int fd, const char *path, bool *any, bool *own, struct error *e)
{
	struct visit v = {l, path, false};
	bool unreadable = false, is = false;
	if (own) {
		const char *slash = strrchr(path, '/');
		autoclose int again = scan_open(fd, ".", false);
		if (again < 0)
			return error_sys(e, "%s", path);
		if (add_directory(l, again, path, slash && slash[1] ? slash + 1 : path, &is, e) < 0)
			return -1;
		*own = is;
	}
	if (!is && scan_dir(fd, path, visit, &v, &unreadable, e) < 0)
		return -1;
	*any = *any || is || v.any;
	return 0;
}

static int read_path(struct found_points *l, const char *path, bool *any, struct error *e)
{
	bool own = false;
	autofree char *copy = strdup(path);
	if (!copy)
		return error_nomem(e);
	for (size_t n = strlen(copy); n > 1 && copy[n - 1] == '/'; n--)
		copy[n - 1] = '\0';
	autoclose int fd = scan_open(AT_FDCWD, copy, true);
	if (fd < 0)
		return error_sys(e, "%s", path);
	*any = false;
	return clonezilla_read(l, fd, copy, any, &own, e);
}

static int find(const char *path, const struct asked *a, struct catalog *out, struct error *e)
{
	struct found_points l = {{0}};
	bool any;
	int rc = label_top_time(path, &l.top, e);
	rc = rc ? rc : read_path(&l, path, &any, e);
	if (!rc)
		rc = found_answer(&l, a, out, e);
	if (!rc && (found_check_unread(&l, a, out, e) < 0 || found_check_links(&l, a, out, e) < 0)) {
		catalog_free(out);
		rc = -1;
	}
	found_free(&l);
	return rc;
}

static int recognise(const char *path, const struct asked *a, struct error *e)
{
	(void)a;
	struct found_points l = {{0}};
	bool any = false;
	int rc = read_path(&l, path, &any, e);
	found_free(&l);
	return rc < 0 ? -1 : any;
}

static bool hints(const char *name, bool directory)
{
	return !directory && (!strcmp(name, "parts") || !strcmp(name, "clonezilla-img"));
}

const struct finder finder_clonezilla = {"clonezilla", find, recognise, hints, .levels = 1};
