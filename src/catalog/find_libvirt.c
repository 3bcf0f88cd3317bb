// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Backups of libvirt's machines: a domain's XML (virsh dumpxml) and its disks beside it. The domain's <name> says whose
 * it is, <source file='...'/> of each <disk> which files belong to it, by the last part of their names (domain_disk.h).
 * What these are built on is found as that of any image is. The date is that of the XML's name, or of the nearest
 * directory that has one, or the one that "virsh backup-begin" put behind the names of the disks.
 */
#include <fcntl.h>
#include <strings.h>
#include <time.h>

#include "backproof/peek.h"
#include "backproof/text.h"
#include "domain_disk.h"
#include "finder.h"
#include "label.h"
#include "points.h"
#include "scan.h"

#define LEVELS 2

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && !strcasecmp(name + n - m, suffix);
}

static int add_path(struct strings *to, const char *directory, const char *name)
{
	autofree char *path = text_format("%s/%s", directory, name);
	return !path ? -1 : strings_has(to, path) ? 0 : strings_add(to, path);
}

/* A domain's XML in a directory, and what it says. */
struct domain {
	char *file;
	struct strings says;
};
struct directory {
	const char *path, *rel;
	int levels;
	struct strings names; /* sorted */
	struct strings disks; /* that domains name, sorted */
	VEC(struct domain) domains;
};

/* A point in time as a name would have it. */
static void set_time(int64_t t, struct civil *c)
{
	struct tm tm;
	time_t tt = (time_t)t;
	if (!gmtime_r(&tt, &tm))
		return;
	*c = (struct civil){.year = tm.tm_year + 1900, .month = tm.tm_mon + 1, .day = tm.tm_mday, .hour = tm.tm_hour,
			    .minute = tm.tm_min, .second = tm.tm_sec, .has_date = true, .has_clock = true,
			    .has_zone = true};
}

/* The number of a run is a clock, but where the directory or the XML says that it was earlier. */
static void add_run(int64_t run, struct civil *c)
{
	char digits[32];
	struct civil date = {0};
	int64_t from, to;
	civil_range(c, &from, &to);
	if (to && to <= run)
		return;
	/* 2026112103 is an hour of a day. */
	snprintf(digits, sizeof digits, "%lld", (long long)run);
	if (!name_date_at(digits, strlen(digits), &date))
		set_time(run, c);
	else if (!to)
		*c = date;
}

/* Which of its disks is not beside the XML: a file that is there is only one disk's. */
static int add_disk(struct found_point *p, const struct directory *d, const char *disk, const struct disk_file *f,
		    int64_t run)
{
	bool late = f->way == DISK_OF_RUN && f->run != run;
	autofree char *path = f->name ? text_format("%s/%s", d->path, f->name) : NULL;
	if (f->name && !path)
		return -1;
	if (f->name && !late && !strings_has(&p->files, path))
		return disk_file_add(f, &d->names, d->path, &p->files);
	autofree char *name = late ? text_format("%s.%lld", disk, (long long)run)
				   : text_format("%s%s", disk, f->name ? " of another disk" : "");
	return name ? found_add_missing(p, name) : -1;
}

/* When what a file holds was written; a run's number says so too. */
static int64_t time_of(const struct directory *d, const struct disk_file *f)
{
	struct stat st;
	autofree char *path = f->way == DISK_OF_RUN ? NULL : text_format("%s/%s", d->path, f->name);
	return f->way == DISK_OF_RUN ? f->run : path && stat(path, &st) == 0 ? st.st_mtime : INT64_MIN;
}

/* Where a disk is there in several ways, the newest. */
static struct disk_file find_disk(const struct directory *d, const char *disk)
{
	struct disk_file best = disk_file_find(&d->names, &d->disks, disk, 0), next = best;
	while (next.way < DISK_NOWHERE) {
		next = disk_file_find(&d->names, &d->disks, disk, next.way + 1);
		if (next.way < DISK_NOWHERE && time_of(d, &next) > time_of(d, &best))
			best = next;
	}
	return best;
}

static int add_disks(struct found_point *p, const struct directory *d, const struct strings *domain)
{
	autofree struct disk_file *files = calloc(domain->count, sizeof *files);
	int64_t run = 0;
	if (!files)
		return -1;
	for (size_t i = 1; i < domain->count; i++) {
		files[i] = find_disk(d, domain->items[i]);
		run = files[i].run > run ? files[i].run : run;
	}
	/* A disk that runs were asked for, too, and that has only an earlier copy. */
	for (size_t i = 1; i < domain->count && run; i++) {
		struct disk_file of_run = disk_file_find(&d->names, &d->disks, domain->items[i], DISK_OF_RUN);
		if (files[i].way != DISK_OF_RUN && of_run.way == DISK_OF_RUN && time_of(d, &files[i]) < run)
			files[i] = of_run;
	}
	for (size_t i = 1; i < domain->count; i++)
		if (add_disk(p, d, domain->items[i], &files[i], run) < 0)
			return -1;
	if (run)
		add_run(run, &p->civil);
	return 0;
}

static int add_domain(struct found_points *l, const struct directory *d, const struct domain *domain, struct error *e)
{
	const char *file = domain->file, *guest = domain->says.items[0];
	struct found_point *p = vec_push(&l->points);
	if (!p || (*guest && !(p->guest = strdup(guest))))
		return error_nomem(e);
	p->label = *d->rel ? text_format("%s/%s", d->rel, file) : strdup(file);
	p->civil = l->top;
	if (p->label)
		(void)label_time(p->label, &p->civil);
	int rc = p->label && add_path(&p->notes, d->path, file) == 0 ? add_disks(p, d, &domain->says) : -1;
	/* With none of its disks it is still the newest, and not complete. */
	p->bare = rc == 0 && domain->says.count > 1 && !p->files.count && !found_list_is_elsewhere(p->notes.items[0]);
	if (p->bare) {
		rc = add_path(&p->files, d->path, file);
		strings_free(&p->notes);
	}
	return rc < 0 ? error_nomem(e) : 0;
}

static void directory_free(struct directory *d)
{
	vec_each (&d->domains, it) {
		free(it->file);
		strings_free(&it->says);
	}
	vec_free(&d->domains);
	strings_free(&d->names);
	strings_free(&d->disks);
}

/* Each file once: one that ends whoever looks into it is not to do so twice. */
static int read_domain(struct found_points *l, struct directory *d, const char *name, const char *full,
		       const char *below, struct error *e)
{
	struct strings says = {0};
	struct error why = {0};
	struct stat st;
	int rc = peek_file(PEEK_DOMAIN, AT_FDCWD, full, &says, &why);
	if (rc < 0 && why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	/* So an XML is left where a disk is full. */
	bool empty = rc > 0 && !says.count && stat(full, &st) == 0 && !st.st_size;
	if (empty)
		rc = error_set(&why, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: it is empty", full);
	/* It is one domain's trouble. */
	if (rc < 0 && found_add_unread(l, below, &why, !empty && !peek_forbidden(&why)) < 0)
		return error_nomem(e);
	if (rc < 0) {
		l->unread.items[l->unread.count - 1].empty = empty;
		return 0;
	}
	if (!says.count)
		return 0;
	struct domain *to = vec_push(&d->domains);
	if (!to || !(to->file = strdup(name))) {
		strings_free(&says);
		return error_nomem(e);
	}
	to->says = says;
	return 0;
}

static int read_directory(struct found_points *l, const char *path, const char *rel, int levels, struct error *e);

/* One name of a directory. */
static int see(struct found_points *l, struct directory *d, const char *name, struct error *e)
{
	autofree char *full = text_format("%s/%s", d->path, name);
	autofree char *below = text_format("%s%s%s", d->rel, *d->rel ? "/" : "", name);
	if (!full || !below)
		return error_nomem(e);
	if (has_suffix(full, ".xml") && read_domain(l, d, name, full, below, e) < 0)
		return -1;
	autoclose int fd = -1;
	struct error why = {0};
	if (is_partial_name(name) || scan_is_system_dir(name) || !d->levels)
		return 0;
	if (scan_enter(full, false, &fd, &why) < 0)
		return found_add_forbidden(l, below, &why, e);
	if (fd < 0)
		return links_add(&l->links, AT_FDCWD, full, full, below, e);
	return links_entered(&l->links, fd) < 0 ? error_nomem(e)
						: read_directory(l, full, below, d->levels - 1, e);
}

static int read_directory(struct found_points *l, const char *path, const char *rel, int levels, struct error *e)
{
	struct directory d = {.path = path, .rel = rel, .levels = levels};
	int rc = finder_list(path, &d.names, e);
	for (size_t i = 0; i < d.names.count && rc == 0; i++)
		rc = see(l, &d, d.names.items[i], e);
	vec_each (&d.domains, it)
		for (size_t i = 1; i < it->says.count && rc == 0; i++)
			rc = strings_add(&d.disks, it->says.items[i]) < 0 ? error_nomem(e) : 0;
	strings_sort(&d.disks);
	vec_each (&d.domains, it)
		rc = rc ? rc : add_domain(l, &d, it, e);
	directory_free(&d);
	return rc;
}

static struct found_points *read_levels(const char *path, int levels, struct error *e)
{
	struct found_points *l = calloc(1, sizeof *l);
	civil_zone();
	if (!l)
		(void)!error_nomem(e);
	if (l && label_top_time(path, &l->top, e) == 0 && read_directory(l, path, "", levels, e) == 0)
		return l;
	if (l)
		found_free(l);
	free(l);
	return NULL;
}

static void *open_index(const char *path, struct error *e)
{
	return read_levels(path, LEVELS, e);
}

static void close_index(void *index)
{
	found_free(index);
	free(index);
}

static int find_in(void *index, const struct asked *a, size_t newest, struct catalog *out, struct error *e)
{
	const struct found_points *l = index;
	(void)newest;
	memset(out, 0, sizeof *out);
	if (found_answer(l, a, out, e) < 0)
		return -1;
	/* Of some pieces the names alone do not say that they are any. */
	vec_each (out, p)
		p->todo |= POINT_PIECES;
	if (found_check_unread(l, a, out, e) == 0 && found_check_links(l, a, out, e) == 0)
		return 0;
	catalog_free(out);
	return -1;
}

static int find(const char *path, const struct asked *a, struct catalog *out, struct error *e)
{
	void *index = read_levels(path, a->list ? 0 : LEVELS, e);
	int rc = index ? find_in(index, a, SIZE_MAX, out, e) : -1;
	if (index)
		close_index(index);
	return rc;
}

static int recognise(const char *path, const struct asked *a, struct error *e)
{
	struct found_points l = {{0}};
	int rc = read_directory(&l, path, "", LEVELS, e);
	/* Without any disk beside it an XML is one more copy of a setting: see below.c. */
	vec_each (&l.points, p)
		rc = rc || !p->files.count ? rc : 1;
	/* All that there is may be of this layout. */
	if (rc == 0)
		rc = found_has_failed(&l, a);
	found_free(&l);
	return rc;
}

static int lacks(const char *list, const struct strings *names, char **missing, struct error *e)
{
	struct strings says = {0};
	struct found_point p = {.label = NULL};
	struct directory d = {.path = "", .rel = "", .names = *names};
	int rc = peek_file(PEEK_DOMAIN, AT_FDCWD, list, &says, e);
	for (size_t i = 1; i < says.count && rc >= 0; i++)
		rc = strings_add(&d.disks, says.items[i]) < 0 ? error_nomem(e) : 0;
	strings_sort(&d.disks);
	if (rc >= 0 && says.count && add_disks(&p, &d, &says) < 0)
		rc = error_nomem(e);
	*missing = p.missing;
	strings_free(&p.files);
	strings_free(&d.disks);
	strings_free(&says);
	return rc < 0 ? -1 : 0;
}

static bool is_guid(const char *name)
{
	size_t n = strspn(name, "0123456789abcdefABCDEF-");
	return n == 36 && name[8] == '-' && name[13] == '-';
}

static bool hints(const char *name, bool directory)
{
	/* Those of Windows' backups are none. */
	return !directory && has_suffix(name, ".xml") && strcasecmp(name, "BackupSpecs.xml") && !is_guid(name);
}

const struct finder finder_libvirt = {"libvirt", find,	    recognise,	 hints,	 true,
				      LEVELS,	 open_index, close_index, find_in,   lacks};
