// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Backups of libvirt's machines: a domain's XML (virsh dumpxml) and its disks beside it, with their chains. The
 * domain's <name> says whose it is, <source file='...'/> of each <disk> which files belong to it: by the last part
 * of their names, a suffix of compression allowed. The date is that of the directory, or of the XML's name.
 */
#include <errno.h>
#include <fcntl.h>
#include <strings.h>

#include "backproof/text.h"
#include "finder.h"
#include "peek_rows.h"
#include "points.h"
#include "scan.h"

#define XML_MAX (4 * MIB)
#define LEVELS 2

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && !strcasecmp(name + n - m, suffix);
}

/* The value of an attribute of the tag that begins at `tag`, copied with its five entities undone; NULL: none. */
static char *attribute(const char *tag, const char *name)
{
	static const struct {
		const char *entity;
		char c;
	} entities[] = {{"&amp;", '&'}, {"&lt;", '<'}, {"&gt;", '>'}, {"&apos;", '\''}, {"&quot;", '"'}};
	const char *end = strchr(tag, '>');
	size_t n = strlen(name);
	for (const char *s = tag; end && (s = strstr(s, name)) && s < end; s += n) {
		char quote = s[n] == '=' ? s[n + 1] : 0;
		if (!strchr(" \t\r\n", s[-1]) || (quote != '\'' && quote != '"'))
			continue;
		const char *from = s + n + 2, *to = strchr(from, quote);
		char *value = to ? strndup(from, (size_t)(to - from)) : NULL, *out = value;
		for (const char *in = value; in && *in; out++) {
			size_t step = 1;
			*out = *in;
			for (size_t i = 0; i < ARRAY_SIZE(entities); i++)
				if (!strncmp(in, entities[i].entity, strlen(entities[i].entity))) {
					*out = entities[i].c;
					step = strlen(entities[i].entity);
				}
			in += step;
		}
		if (value)
			*out = 0;
		return value;
	}
	return NULL;
}

/* The base names of the disks that a domain has, removable ones left out. */
static int read_disks(const char *xml, struct strings *out)
{
	for (const char *s = xml; (s = strstr(s, "<disk")); s += 5) {
		const char *end = strstr(s, "</disk>"), *source = strstr(s, "<source");
		autofree char *device = strchr(" \t\r\n", s[5]) ? attribute(s, "device") : NULL;
		if (!strchr(" \t\r\n", s[5]) || !end || (device && strcmp(device, "disk") && strcmp(device, "lun")))
			continue;
		/* The first is the disk's own; those of <backingStore> come after it. */
		autofree char *file = source && source < end ? attribute(source, "file") : NULL;
		if (!file && source && source < end)
			file = attribute(source, "dev");
		if (!file && source && source < end)
			file = attribute(source, "name");
		const char *slash = file ? strrchr(file, '/') : NULL;
		const char *base = slash ? slash + 1 : file;
		if (base && *base && !strings_has(out, base) && strings_add(out, base) < 0)
			return -1;
	}
	return 0;
}

/* "<name>web01</name>" of the domain itself, which comes before all others; "": none. */
static char *read_name(const char *xml)
{
	const char *from = strstr(xml, "<name>"), *to = from ? strstr(from, "</name>") : NULL;
	return to ? strndup(from + 6, (size_t)(to - from - 6)) : strdup("");
}

int peek_domain(int fd, struct strings *out, struct error *e)
{
	size_t n;
	autofree char *text = peek_text(fd, XML_MAX, &n, e);
	if (!text)
		return -1;
	const char *domain = strlen(text) == n ? strstr(text, "<domain") : NULL;
	if (!domain || !strchr(" >\n\t\r", domain[7]) || !strstr(domain, "</domain>"))
		return 0;
	/* A disk may be called as the guest is. */
	struct strings disks = {0};
	autofree char *name = read_name(text);
	bool read = name && strings_add(out, name) == 0 && read_disks(text, &disks) == 0;
	int rc = read ? strings_add_all(out, &disks) : -1;
	strings_free(&disks);
	return rc < 0 ? error_nomem(e) : 0;
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

static int read_directory(struct found_points *l, const char *path, const char *rel, int levels, struct error *e);

/* One name of a directory: of a domain's XML it is added to domains. */
static int see(struct found_points *l, const char *path, const char *rel, const char *name, int levels,
	       struct strings *domains, struct error *e)
{
	struct strings domain = {0};
	autofree char *full = text_format("%s/%s", path, name);
	autofree char *below = text_format("%s%s%s", rel, *rel ? "/" : "", name);
	if (!full || !below)
		return error_nomem(e);
	bool xml = has_suffix(full, ".xml");
	bool failed = xml && peek_file(PEEK_DOMAIN, AT_FDCWD, full, &domain, e) < 0;
	if (failed && !peek_forbidden(e))
		return -1;
	int rc = failed ? strings_add(&l->unread, below) : domain.count ? strings_add(domains, name) : 0;
	strings_free(&domain);
	if (rc < 0)
		return error_nomem(e);
	autoclose int fd = -1;
	if (is_partial_name(name) || scan_is_system_dir(name) || !levels)
		return 0;
	if (scan_enter(full, false, &fd, e) < 0)
		return -1;
	return fd < 0 ? 0 : read_directory(l, full, below, levels - 1, e);
}

static int read_directory(struct found_points *l, const char *path, const char *rel, int levels, struct error *e)
{
	struct strings names = {0}, domains = {0};
	int rc = finder_list(path, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++)
		rc = see(l, path, rel, names.items[i], levels, &domains, e);
	for (size_t i = 0; i < domains.count && rc == 0; i++) {
		struct strings domain = {0};
		autofree char *full = text_format("%s/%s", path, domains.items[i]);
		rc = full ? peek_file(PEEK_DOMAIN, AT_FDCWD, full, &domain, e) : error_nomem(e);
		rc = rc < 0 ? -1 : 0;
		if (rc == 0 && domain.count)
			rc = add_domain(l, path, rel, domains.items[i], &domain, &names, domains.count == 1, e);
		strings_free(&domain);
	}
	strings_free(&names);
	strings_free(&domains);
	return rc;
}

/* May it be the host's newest that an XML tells of which we can't read? So its name says, or its directory's date. */
static bool may_be_newest(const char *rel, const char *host)
{
	const char *slash = strrchr(rel, '/');
	for (const char *s = rel; s; s = strchr(s, '/')) {
		s += *s == '/';
		if (name_host_rank(s, strcspn(s, "/"), host) > 0)
			return true;
	}
	autofree char *directory = slash ? strndup(rel, (size_t)(slash - rel)) : NULL;
	return slash && (!directory || name_is_time(directory));
}

static int check_unread(const struct found_points *l, const char *path, const char *host, const struct catalog *out,
			struct error *e)
{
	for (size_t i = 0; i < l->unread.count; i++)
		if (!out->count || may_be_newest(l->unread.items[i], host))
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET,
					 "%s/%s: we may not read it, and it may tell of a backup of %s", path,
					 l->unread.items[i], host);
	return 0;
}

static int find(const char *path, const char *host, bool own, struct catalog *out, struct error *e)
{
	struct found_points l = {.missing = {0}};
	memset(out, 0, sizeof *out);
	int rc = read_directory(&l, path, "", LEVELS, e);
	if (rc == 0)
		rc = found_answer(&l, host, own, out, e);
	if (rc == 0 && check_unread(&l, path, host, out, e) < 0) {
		catalog_free(out);
		rc = -1;
	}
	found_free(&l);
	return rc;
}

static int recognise(const char *path, struct error *e)
{
	struct found_points l = {.missing = {0}};
	int rc = read_directory(&l, path, "", LEVELS, e) < 0 ? -1 : l.points.count > 0;
	found_free(&l);
	return rc;
}

const struct finder finder_libvirt = {"libvirt", find, recognise};
