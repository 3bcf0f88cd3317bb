// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Image directories of Clonezilla and Rescuezilla, as their older and newer versions write them. Texts say what was
 * saved (disk, parts, lvm_*.list, swappt-*.info); sectors and images of partitions are put where the table has them.
 */
#include "clonezilla.h"

#include <ctype.h>
#include <inttypes.h>

#include "backproof/text.h"

struct job {
	const struct strings *names;
	const struct image_context *c;
	struct image *out;
	struct strings parts;	  /* listed as saved; none: there is no list, or it was emptied */
	struct strings used;	  /* of those: found a place */
	char *physical, *logical; /* lvm_vg_dev.list, lvm_logv.list, or NULL */
};

/* Does it begin like a partclone image? A partition saved by dd must not be taken for anything else. */
static bool is_partclone(const struct job *j, const char *name)
{
	struct error why;
	char magic[15];
	struct source *s = companion_bytes(j->c, name, &why);
	return s && source_size(s) >= sizeof magic && !source_read_at(s, 0, magic, sizeof magic, &why) &&
	       !memcmp(magic, "partclone-image", sizeof magic);
}

/* *told: why it can't be read, with class NONE when *source is set. -1: not the image's fault. */
static int open_part(const struct job *j, const char *part, const char *first, struct source **source,
		     struct error *told)
{
	const char *kind = first + strlen(part) + 1;
	bool raw = !strncmp(kind, "dd-", 3) && !is_partclone(j, first);
	const struct image *im = companion_image(j->c, first, raw, told);
	*source = NULL;
	if (!im) {
		if (told->cls == ERROR_INTERNAL)
			return -1;
		finding_error(j->c->f, told->cls == ERROR_MISSING ? PROOF_PRESENCE : PROOF_STRUCTURE,
			      "clonezilla.image", j->c->subject, told);
		return 0;
	}
	if (im->disks.count != 1) {
		error_set(told, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s holds %zu disks", first, im->disks.count);
		finding_error(j->c->f, PROOF_STRUCTURE, "clonezilla.image", j->c->subject, told);
		return 0;
	}
	*source = im->disks.items[0].source;
	return 0;
}

static bool has_swap_note(const struct job *j, const char *part)
{
	char name[96];
	snprintf(name, sizeof name, "swappt-%s.info", part);
	return strings_has(j->names, name);
}

/* The line of text in which "/dev/PART" stands as a word. Not terminated at its end. */
static const char *line_with(const char *text, const char *device)
{
	size_t n = strlen(device);
	for (const char *s = text; s && (s = strstr(s, device)); s++)
		if (!s[n] || isspace((unsigned char)s[n])) {
			while (s > text && s[-1] != '\n')
				s--;
			return s;
		}
	return NULL;
}

/*
 * It is of a volume group whose logical volumes are listed as saved: "vg /dev/sda2 UUID", and "/dev/vg/root ...". The
 * one list alone may have been left of another time.
 */
static bool holds_volumes(const struct job *j, const char *part)
{
	char device[80];
	snprintf(device, sizeof device, "/dev/%s", part);
	const char *line = line_with(j->physical, device);
	size_t n = line ? strcspn(line, " \t") : 0;
	for (const char *s = j->logical; s && n; s = strchr(s, '\n'), s = s ? s + 1 : s)
		if (!strncmp(s, "/dev/", 5) && !strncmp(s + 5, line, n) && s[5 + n] == '/')
			return true;
	return false;
}

static void zeros(const struct job *j, const char *part, const char *why)
{
	finding_add(j->c->f, PROOF_STRUCTURE, "clonezilla.parts", j->c->subject, OUTCOME_SKIPPED, NULL,
		    "%s reads as zeros: %s", part, why);
}

/* Adds what is known of a partition's content at its place. */
static int add_part(struct job *j, const struct cz_part *p, struct composite *to, struct error *e)
{
	const char *first;
	bool gap, listed = strings_has(&j->parts, p->name);
	struct error told = {.cls = ERROR_NONE};
	struct source *source = NULL;
	char text[200];
	if (listed && strings_add(&j->used, p->name) < 0)
		return error_nomem(e);
	if (cz_find_image(j->names, j->c, p->name, &first, &gap, e) < 0)
		return -1;
	if (gap) {
		error_set(&told, ERROR_MISSING, ERROR_NO_OFFSET, "pieces of the image of %s are missing", p->name);
	} else if (first) {
		if (open_part(j, p->name, first, &source, &told) < 0) {
			*e = told;
			return -1;
		}
		if (source && source_size(source) > p->length) {
			error_set(&told, ERROR_CORRUPT, ERROR_NO_OFFSET,
				  "%s is larger than its partition: %" PRIu64 " and %" PRIu64 " bytes", first,
				  source_size(source), p->length);
			finding_error(j->c->f, PROOF_STRUCTURE, "clonezilla.image", j->c->subject, &told);
			source = NULL;
		}
	} else if (p->extended) {
		return 0;
	} else if (has_swap_note(j, p->name) && (!listed || p->swap)) {
		zeros(j, p->name, "swap, of which only label and UUID are kept");
		return 0;
	} else if (holds_volumes(j, p->name)) {
		zeros(j, p->name, "its logical volumes are saved by themselves");
		return 0;
	} else if (!listed && j->parts.count) {
		zeros(j, p->name, "it was not saved");
		return 0;
	} else {
		snprintf(text, sizeof text, "%s is listed as saved, and there is no image of it", p->name);
		if (!listed)
			snprintf(text, sizeof text, "there is no image of %s, and no list of what was saved", p->name);
		cz_missing(j->c, text, &told);
	}
	return composite_add(to, p->start, p->length, NULL, source, source ? NULL : &told, e);
}

static int add_composed(struct job *j, struct cz_disk *d, struct composite *to, struct error *e)
{
	if (cz_add_table(j->names, j->c, d, to, e) < 0)
		return -1;
	vec_each (&d->parts, p)
		if (add_part(j, p, to, e) < 0)
			return -1;
	struct source *s = composite_source(to, d->size, d->name, e);
	if (!s || image_add_disk(j->out, d->name, s, e) < 0)
		return -1;
	finding_add(j->c->f, PROOF_STRUCTURE, "clonezilla.disk", j->c->subject, OUTCOME_HELD, NULL,
		    "%s: %s with %zu partitions put together", d->name, d->gpt ? "GPT" : "MBR", d->parts.count);
	return 0;
}

/* A volume without a table: a whole disk, a logical volume, an array. 1: added, 0: there is no image of it. */
static int add_volume(struct job *j, const char *stem, const char *shown, struct error *e)
{
	const char *first;
	bool gap;
	struct error told = {.cls = ERROR_NONE};
	struct source *source = NULL;
	if (cz_find_image(j->names, j->c, stem, &first, &gap, e) < 0)
		return -1;
	if (!first && !gap)
		return 0;
	if (gap)
		return 1;
	if (open_part(j, stem, first, &source, &told) < 0) {
		*e = told;
		return -1;
	}
	if (!source)
		return 1;
	struct composite c = {{0}};
	struct source *s = NULL;
	if (composite_add(&c, 0, source_size(source), NULL, source, NULL, e) == 0)
		s = composite_source(&c, source_size(source), shown, e);
	composite_free(&c);
	return s && image_add_disk(j->out, shown, s, e) == 0 ? 1 : -1;
}

static int add_disk(struct job *j, const char *name, struct error *e)
{
	struct cz_disk d = {.sector = 512};
	struct composite c = {{0}};
	struct error told;
	char text[200];
	if (strlen(name) >= sizeof d.name || strchr(name, '/'))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a disk of an impossible name is listed");
	strcpy(d.name, name);
	int rc = cz_read_table(j->names, j->c, &d, e);
	if (rc > 0 && d.parts.count) {
		rc = add_composed(j, &d, &c, e);
	} else if (rc >= 0) {
		rc = add_volume(j, name, name, e);
		if (rc == 0) {
			snprintf(text, sizeof text, "neither a partition table nor an image of the disk %s is there",
				 name);
			cz_missing(j->c, text, &told);
		}
		rc = rc < 0 ? -1 : strings_add(&j->used, name) < 0 ? error_nomem(e) : 0;
	}
	composite_free(&c);
	vec_free(&d.parts);
	return rc < 0 ? -1 : 0;
}

/* "/dev/vg/root  Linux rev 1.0 ext4 filesystem data, ..." */
static int add_logical_volumes(struct job *j, struct error *e)
{
	for (char *s = j->logical, *end; s && *s; s = *end ? end + 1 : end) {
		end = s + strcspn(s, "\n");
		size_t n = strcspn(s, " \t\n");
		char shown[128], stem[128], text[300];
		if (strncmp(s, "/dev/", 5) || n - 5 >= sizeof shown)
			continue;
		snprintf(shown, sizeof shown, "%.*s", (int)n - 5, s + 5);
		strcpy(stem, shown);
		for (char *slash = stem; (slash = strchr(slash, '/'));)
			*slash = '-';
		int rc = add_volume(j, stem, shown, e);
		if (rc < 0)
			return -1;
		if (strings_add(&j->used, stem) < 0)
			return error_nomem(e);
		if (rc)
			continue;
		if (has_swap_note(j, stem) || memmem(s, (size_t)(end - s), "swap", 4)) {
			zeros(j, shown, "swap, of which only label and UUID are kept");
			continue;
		}
		struct error told;
		snprintf(text, sizeof text, "the logical volume %s is listed as saved, and there is no image of it",
			 shown);
		cz_missing(j->c, text, &told);
	}
	return 0;
}

/* What is listed and belongs to no table: arrays, say. */
static int add_rest(struct job *j, struct error *e)
{
	char text[200];
	struct error told;
	for (size_t i = 0; i < j->parts.count; i++) {
		const char *part = j->parts.items[i];
		if (strings_has(&j->used, part))
			continue;
		int rc = add_volume(j, part, part, e);
		if (rc < 0)
			return -1;
		if (rc || has_swap_note(j, part) || holds_volumes(j, part))
			continue;
		snprintf(text, sizeof text, "%.60s is listed as saved, and there is no image of it", part);
		cz_missing(j->c, text, &told);
	}
	return 0;
}

/* The disks: as listed, and those whose tables were kept because partitions of them were saved. */
static int list_disks(const struct job *j, struct strings *disks, struct error *e)
{
	autofree char *listed = cz_text(j->names, j->c, "disk", NULL, e);
	if (!listed && e->cls)
		return -1;
	if (listed && strings_split(disks, listed) < 0)
		return error_nomem(e);
	for (size_t i = 0; i < j->names->count; i++) {
		const char *s = j->names->items[i];
		if (!cz_ends_with(s, "-pt.sf"))
			continue;
		autofree char *name = strndup(s, strlen(s) - 6);
		if (!name || (!strings_has(disks, name) && strings_add(disks, name) < 0))
			return error_nomem(e);
	}
	return 0;
}

/* "Starting /usr/sbin/ocs-sr at 2023-10-15 03:31:50 UTC..." in the log. */
static int find_time(const struct job *j, struct error *e)
{
	autofree char *log = cz_text(j->names, j->c, "clonezilla-img", NULL, e);
	if (!log)
		return e->cls == ERROR_NONE || e->cls == ERROR_LIMIT ? 0 : -1;
	for (const char *s = log; (s = strstr(s, " at ")); s++) {
		char day[11], clock[9], text[32];
		int used = 0;
		if (sscanf(s, " at %10[0-9-] %8[0-9:] UTC%n", day, clock, &used) == 2 && used) {
			snprintf(text, sizeof text, "%sT%sZ", day, clock);
			if (parse_rfc3339(text, &j->out->made) == 0)
				return 0;
		}
	}
	return 0;
}

static int read_lists(struct job *j, struct error *e)
{
	autofree char *parts = cz_text(j->names, j->c, "parts", NULL, e);
	if (!parts && e->cls)
		return -1;
	if (parts && strings_split(&j->parts, parts) < 0)
		return error_nomem(e);
	j->physical = cz_text(j->names, j->c, "lvm_vg_dev.list", NULL, e);
	if (!j->physical && e->cls)
		return -1;
	j->logical = cz_text(j->names, j->c, "lvm_logv.list", NULL, e);
	return !j->logical && e->cls ? -1 : 0;
}

int clonezilla_compose(const struct strings *names, const struct image_context *c, struct image *out, struct error *e)
{
	struct job j = {.names = names, .c = c, .out = out};
	struct strings disks = {0};
	if (cz_encrypted(names))
		return error_set(e, ERROR_ENCRYPTED, ERROR_NO_OFFSET, "a Clonezilla image encrypted by eCryptfs");
	int rc = read_lists(&j, e) < 0 || list_disks(&j, &disks, e) < 0 || find_time(&j, e) < 0 ? -1 : 0;
	for (size_t i = 0; i < disks.count && !rc; i++)
		rc = add_disk(&j, disks.items[i], e);
	if (!rc)
		rc = add_logical_volumes(&j, e) < 0 || add_rest(&j, e) < 0 ? -1 : 0;
	if (!rc && !out->disks.count)
		rc = error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "a Clonezilla image without any disk");
	strings_free(&disks);
	strings_free(&j.parts);
	strings_free(&j.used);
	free(j.physical);
	free(j.logical);
	return rc;
}
