// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Exports of machines: HOST.ova, or a directory with an OVF descriptor, its manifest (.mf) and the disks that it names
 * (<File ovf:href="...">), up to two directories below the repository. The date is the name's, or that of the nearest
 * directory that has one.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#include "backproof/ovf.h"
#include "backproof/text.h"
#include "finder.h"
#include "label.h"
#include "peek_rows.h"
#include "points.h"
#include "scan.h"

#define OVF_MAX (16 * MIB)
#define LEVELS 2

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && !strcasecmp(name + n - m, suffix);
}

/* Does a disk lie in this file? Where no disk says where it lies, all may. */
static bool is_disk(const struct ova_descriptor *d, const struct ova_file *f)
{
	bool any = false;
	vec_each (&d->disks, k) {
		if (k->file && f->id && !strcmp(k->file, f->id))
			return true;
		any = any || k->file;
	}
	return !any || !f->id;
}

/* The files that a descriptor refers to, by the last part of their names: disks, and others (.nvram, .iso). */
static int add_files(const struct ova_descriptor *d, struct strings *out, struct error *e)
{
	autodestroy(strings_free) struct strings seen = {0};
	vec_each (&d->files, f) {
		if (!f->href || !*path_base(f->href))
			return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
					 "the OVF descriptor: a file without a name");
		if (strings_has(&seen, f->href))
			continue;
		autofree char *name = text_format("%c%s", is_disk(d, f) ? 'd' : 'o', path_base(f->href));
		if (!name || strings_add(&seen, f->href) < 0 || strings_add(out, name) < 0)
			return error_nomem(e);
	}
	return 0;
}

int peek_export(int fd, struct strings *out, struct error *e)
{
	struct ova_descriptor d = {0};
	size_t n;
	autofree char *ovf = peek_text(fd, OVF_MAX, &n, e);
	if (!ovf)
		return -1;
	int rc = ova_descriptor_parse(ovf, n, &d, e);
	rc = rc ? rc : add_files(&d, out, e);
	ova_descriptor_free(&d);
	return rc;
}

static int add_path(struct strings *to, const char *directory, const char *name)
{
	autofree char *path = text_format("%s/%s", directory, name);
	return path ? strings_add(to, path) : -1;
}

static int hex(char c)
{
	return isdigit((unsigned char)c)    ? c - '0'
	       : isxdigit((unsigned char)c) ? tolower((unsigned char)c) - 'a' + 10
					    : -1;
}

/* A reference is a URI: %20 is a blank. NULL: no memory. */
static char *unescaped(const char *s)
{
	char *out = strdup(s), *to = out;
	for (; out && *s; s++) {
		bool escape = *s == '%' && hex(s[1]) >= 0 && hex(s[2]) >= 0;
		*to++ = escape ? (char)(hex(s[1]) << 4 | hex(s[2])) : *s;
		s += escape ? 2 : 0;
	}
	if (out)
		*to = 0;
	return out;
}

/* One that a descriptor names ("d" or "o", and the name), where it is there; else it is missing. */
static int add_named(struct found_point *p, const char *directory, const char *named, const struct strings *names)
{
	autofree char *name = strings_has(names, named + 1) ? strdup(named + 1) : unescaped(named + 1);
	if (!name)
		return -1;
	autofree char *path = text_format("%s/%s", directory, name);
	if (!path)
		return -1;
	/* Two references are two files, wherever they lay. */
	if (strings_has(names, name) && !strings_has(&p->files, path) && !strings_has(&p->notes, path))
		return strings_add(*named == 'd' ? &p->files : &p->notes, path);
	return found_add_missing(p, name);
}

static int add_descriptor(struct found_points *x, struct found_point *p, const char *directory, const char *file,
			  const struct strings *names, struct error *e)
{
	autofree char *full = text_format("%s/%s", directory, file);
	struct strings named = {0};
	if (!full)
		return error_nomem(e);
	/* One that we may not read is for its reader to miss: others' exports are none the worse for one. */
	struct error why = {0};
	int rc = peek_file(PEEK_EXPORT, AT_FDCWD, full, &named, &why);
	if (rc < 0 && why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	rc = rc < 0 && !peek_forbidden(&why) ? found_add_unread(x, p->label, &why, true) : 0;
	for (size_t i = 0; i < named.count && rc == 0; i++)
		rc = add_named(p, directory, named.items[i], names);
	/* With none of its disks it is still the newest, and not complete. */
	if (rc == 0)
		rc = strings_add(p->files.count || found_list_is_elsewhere(full) ? &p->notes : &p->files, full);
	strings_free(&named);
	return rc < 0 ? error_nomem(e) : 0;
}

static int add_export(struct found_points *x, const char *directory, const char *rel, const char *file,
		      const struct strings *names, struct error *e)
{
	struct found_point *p = vec_push(&x->points);
	if (!p || !(p->label = *rel ? text_format("%s/%s", rel, file) : strdup(file)))
		return error_nomem(e);
	p->civil = x->top;
	(void)label_time(p->label, &p->civil);
	if (!has_suffix(file, ".ova"))
		return add_descriptor(x, p, directory, file, names, e);
	return add_path(&p->files, directory, file) < 0 ? error_nomem(e) : 0;
}

static int read_directory(struct found_points *x, const char *path, const char *rel, int levels, struct error *e);

static int look_below(struct found_points *x, const char *path, const char *rel, const char *name, int levels,
		      struct error *e)
{
	autofree char *full = text_format("%s/%s", path, name);
	autofree char *below = text_format("%s%s%s", rel, *rel ? "/" : "", name);
	autoclose int fd = -1;
	struct error why = {0};
	if (!full || !below)
		return error_nomem(e);
	if (scan_enter(full, false, &fd, &why) < 0)
		return found_add_forbidden(x, below, &why, e);
	if (fd < 0)
		return links_add(&x->links, AT_FDCWD, full, full, below, e);
	return links_entered(&x->links, fd) < 0 ? error_nomem(e) : read_directory(x, full, below, levels - 1, e);
}

static int read_directory(struct found_points *x, const char *path, const char *rel, int levels, struct error *e)
{
	struct strings names = {0};
	int rc = finder_list(path, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		const char *name = names.items[i];
		if (is_partial_name(name) || scan_is_system_dir(name))
			continue;
		if (has_suffix(name, ".ova") || has_suffix(name, ".ovf"))
			rc = add_export(x, path, rel, name, &names, e);
		else if (levels)
			rc = look_below(x, path, rel, name, levels, e);
	}
	strings_free(&names);
	return rc;
}

static int find(const char *path, const struct asked *a, struct catalog *out, struct error *e)
{
	struct found_points x = {{0}};
	memset(out, 0, sizeof *out);
	int rc = label_top_time(path, &x.top, e);
	if (rc == 0)
		rc = read_directory(&x, path, "", a->list ? 0 : LEVELS, e);
	if (rc == 0)
		rc = found_answer(&x, a, out, e);
	if (rc == 0 && (found_check_named(&x, a, out, e) < 0 || found_check_links(&x, a, out, e) < 0)) {
		catalog_free(out);
		rc = -1;
	}
	found_free(&x);
	return rc;
}

/* Names of OVAs are understood like those of any image; only a descriptor needs more. */
static int recognise(const char *path, const struct asked *a, struct error *e)
{
	(void)a;
	struct strings names = {0};
	int rc = finder_list(path, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++)
		rc = has_suffix(names.items[i], ".ovf");
	strings_free(&names);
	return rc;
}

static int lacks(const char *list, const struct strings *names, char **missing, struct error *e)
{
	struct strings named = {0};
	struct found_point p = {.label = NULL};
	int rc = peek_file(PEEK_EXPORT, AT_FDCWD, list, &named, e);
	for (size_t i = 0; i < named.count && rc >= 0; i++)
		rc = add_named(&p, "", named.items[i], names) < 0 ? error_nomem(e) : 0;
	*missing = p.missing;
	strings_free(&p.files);
	strings_free(&p.notes);
	strings_free(&named);
	return rc < 0 ? -1 : 0;
}

static bool hints(const char *name, bool directory)
{
	return !directory && has_suffix(name, ".ovf");
}

const struct finder finder_ova = {"ova", find, recognise, hints, .lists = true, .lacks = lacks};
