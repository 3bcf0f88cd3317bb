// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Backups of libvirt's machines: a domain's XML (virsh dumpxml) and its disks beside it, with their chains. The
 * domain's <name> says whose it is, <source file='...'/> of each <disk> which files belong to it: by the last part
 * of their names, a suffix of compression allowed. The date is that of the directory, or of the XML's name.
 */
#include <fcntl.h>
#include <strings.h>

#include "backproof/peek.h"
#include "backproof/text.h"
#include "finder.h"
#include "points.h"
#include "scan.h"

#define LEVELS 2

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && !strcasecmp(name + n - m, suffix);
}

/* The name in the directory that holds a disk: as it is, compressed, or with the time of the backup behind it, as
 * "virsh backup-begin" names its targets (web01.qcow2.1763780400), of which the latest counts. */
static const char *find_disk(const struct strings *names, const char *disk)
{
	static const char *const suffixes[] = {"", ".zst", ".gz", ".xz", ".lz4", ".bz2", ".qcow2", ".img", ".raw"};
	size_t n = strlen(disk);
	const char *latest = NULL;
	for (size_t i = 0; i < names->count; i++) {
		const char *name = names->items[i];
		if (strncmp(name, disk, n))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(suffixes); k++)
			if (!strcmp(name + n, suffixes[k]))
				return name;
		if (name[n] == '.' && strlen(name + n) == 11 && strspn(name + n + 1, "0123456789") == 10 &&
		    (!latest || strcmp(latest, name) < 0))
			latest = name;
	}
	return latest;
}

static int add_path(struct strings *to, const char *directory, const char *name)
{
	autofree char *path = text_format("%s/%s", directory, name);
	return !path ? -1 : strings_has(to, path) ? 0 : strings_add(to, path);
}

/* What may be a part of a disk's chain: whoever needs it says so when it is not there. */
static int add_piece(struct strings *to, const char *directory, const char *name, struct error *e)
{
	struct candidate c = {.partial = false};
	struct span segment;
	size_t stem;
	autofree char *path = text_format("%s/%s", directory, name);
	if (!path)
		return error_nomem(e);
	if (is_partial_name(name) || name_kind(name, strlen(name), &stem, &segment) != NAME_IMAGE)
		return 0;
	int found = candidate_look(AT_FDCWD, path, path, &c, e);
	if (found <= 0)
		return found;
	return add_path(to, directory, name) < 0 ? error_nomem(e) : 0;
}

/* One domain; alone: what else is in the directory may be a part of its disks' chains. */
static int add_domain(struct found_points *l, const char *directory, const char *rel, const char *file,
		      const struct strings *domain, const struct strings *names, bool alone, struct error *e)
{
	struct span where;
	struct found_point *p = vec_push(&l->points);
	if (!p || (*domain->items[0] && !(p->guest = strdup(domain->items[0]))))
		return error_nomem(e);
	p->label = *rel ? text_format("%s/%s", rel, file) : strdup(file);
	if (!name_time_find(file, strlen(file), &p->civil, &where)) {
		const char *slash = strrchr(directory, '/'), *base = slash ? slash + 1 : directory;
		if (!name_time_find(base, strlen(base), &p->civil, &where))
			memset(&p->civil, 0, sizeof p->civil);
	}
	int rc = p->label ? add_path(&p->notes, directory, file) : -1;
	for (size_t i = 1; i < domain->count && rc == 0; i++) {
		const char *name = find_disk(names, domain->items[i]);
		autofree char *line = name ? NULL : text_format("%s\n%s", p->label, domain->items[i]);
		rc = name ? add_path(&p->files, directory, name) : line ? strings_add(&l->missing, line) : -1;
	}
	/* With none of its disks it is still the newest, and not complete. */
	if (rc == 0 && domain->count > 1 && !p->files.count)
		rc = add_path(&p->files, directory, file);
	if (rc < 0)
		return error_nomem(e);
	for (size_t i = 0; i < names->count && alone && rc == 0; i++)
		rc = add_piece(&p->files, directory, names->items[i], e);
	return rc;
}

/* A domain's XML in a directory, and what it says. */
struct domain {
	char *file;
	struct strings says;
};
struct directory {
	const char *path, *rel;
	int levels;
	struct strings names;
	VEC(struct domain) domains;
	size_t unread; /* XML that may be of more of them */
};

static void directory_free(struct directory *d)
{
	vec_each (&d->domains, it) {
		free(it->file);
		strings_free(&it->says);
	}
	vec_free(&d->domains);
	strings_free(&d->names);
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
	if (rc < 0) {
		d->unread++;
		return found_add_unread(l, below, &why, !empty && !peek_forbidden(&why)) < 0 ? error_nomem(e) : 0;
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
	if (is_partial_name(name) || scan_is_system_dir(name) || !d->levels)
		return 0;
	if (scan_enter(full, false, &fd, e) < 0)
		return -1;
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
	bool alone = d.domains.count + d.unread == 1;
	for (size_t i = 0; i < d.domains.count && rc == 0; i++)
		rc = add_domain(l, path, rel, d.domains.items[i].file, &d.domains.items[i].says, &d.names, alone, e);
	directory_free(&d);
	return rc;
}

static void *open_index(const char *path, struct error *e)
{
	struct found_points *l = calloc(1, sizeof *l);
	if (!l)
		(void)!error_nomem(e);
	if (l && read_directory(l, path, "", LEVELS, e) == 0)
		return l;
	if (l)
		found_free(l);
	free(l);
	return NULL;
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
	if (found_check_unread(l, a->host, out, e) == 0 && found_check_links(l, a->host, out, e) == 0)
		return 0;
	catalog_free(out);
	return -1;
}

static int find(const char *path, const struct asked *a, struct catalog *out, struct error *e)
{
	void *index = open_index(path, e);
	int rc = index ? find_in(index, a, SIZE_MAX, out, e) : -1;
	if (index)
		close_index(index);
	return rc;
}

static int recognise(const char *path, struct error *e)
{
	struct found_points l = {.missing = {0}};
	int rc = read_directory(&l, path, "", LEVELS, e) < 0 ? -1 : l.points.count > 0;
	/* All that there is may be of this layout. */
	if (rc == 0)
		rc = found_check_failed(&l, e);
	found_free(&l);
	return rc;
}

const struct finder finder_libvirt = {"libvirt", find, recognise, open_index, close_index, find_in};
