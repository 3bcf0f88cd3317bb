// SPDX-License-Identifier: GPL-3.0-or-later
/* All parts are there, big enough, and did not change while they were read. */
#include "backproof/text.h"
#include "rows.h"

/* A night on which a disk was left out must not make the next one look complete. */
#define REMEMBERED (7 * 86400)
/* Clocks of a machine and of where it is backed up to differ by less, and two runs by more. */
#define RUN_SLACK 3600

static bool has_disk(const struct restore_point *point, const char *disk)
{
	for (size_t i = 0; i < point->count; i++)
		if (point->items[i].disk && !strcmp(point->items[i].disk, disk))
			return true;
	return false;
}

static void missing_disk(struct findings *f, const struct restore_point *point, const char *disk,
			 const char *why)
{
	struct finding_text more = {.blame = BLAME_INCOMPLETE, .expected = disk};
	finding_add(f, PROOF_PRESENCE, "presence.disks", point->label, OUTCOME_BROKEN, &more,
		    "disk %s is missing: %s", disk, why);
}

/* A disk that is imaged whole holds its partitions; one without a name may be any. */
static bool has_role(const struct restore_point *point, const struct point_file *role)
{
	for (size_t i = 0; i < point->count; i++) {
		const struct point_file *it = &point->items[i];
		bool disk = role->disk ? it->disk && !strcmp(it->disk, role->disk) : true;
		bool part = !role->part || !it->part || !strcmp(it->part, role->part);
		if (disk && part)
			return true;
	}
	return false;
}

static void compare_role(const struct restore_point *point, const struct restore_point *older,
			 const struct point_file *role, struct strings *said, struct findings *f)
{
	if ((!role->disk && !role->part) || has_role(point, role))
		return;
	autofree char *name = text_format("%s%s%s", role->disk ? role->disk : "",
					  role->disk && role->part ? " part " : "", role->part ? role->part : "");
	if (!name || strings_has(said, name))
		return;
	autofree char *why = text_format("an earlier restore point (%s) has it; if it was taken out on purpose, "
					 "name the disks in the configuration",
					 older->label);
	missing_disk(f, point, name, why ? why : "it was there before");
	(void)!strings_add(said, name);
}

static void check_disks(const struct subject *s, const struct check_parameters *p, struct findings *f)
{
	if (p->disks && p->disks->count) {
		for (size_t i = 0; i < p->disks->count; i++)
			if (!has_disk(s->point, p->disks->items[i]))
				missing_disk(f, s->point, p->disks->items[i], "the configuration names it");
		return;
	}
	struct strings said = {0};
	bool named = false;
	for (size_t i = 0; i < s->point->count; i++)
		named |= s->point->items[i].disk || s->point->items[i].part;
	for (size_t i = 0; i < p->previous_count; i++) {
		const struct restore_point *older = &p->previous[i];
		/* Where names tell of no disks, a backup of another kind may lie between: only the last one counts. */
		if (i && (!named || older->order < s->point->order - REMEMBERED))
			break;
		for (size_t k = 0; k < older->count; k++)
			compare_role(s->point, older, &older->items[k], &said, f);
	}
	strings_free(&said);
}

/*
 * When the run began that is to have written a file: as the directory's name says, or what Clonezilla has written
 * beside the images of partitions, which are read for the disks that they are put together to. 0: not known.
 */
static int64_t run_of(const struct subject *s, const struct part *pt)
{
	const struct part *first = pt->kind == PART_PIECE && pt->head ? pt->head : pt;
	if (pt->file->note || !pt->source)
		return 0;
	return pt->file->since ? pt->file->since
	       : first->kind == PART_COMPANION && !first->head ? s->composed.made : 0;
}

/* Of what was opened and read. */
static int64_t file_time(const struct part *pt)
{
	return source_stat(pt->source)->st_mtime;
}

/* What Clonezilla writes first is older than its begin too: the store, or a copy of it, has another clock. */
static bool other_clock(const struct subject *s)
{
	static const char *const first[] = {"blkdev.list", "blkid.list", "disk"};
	for (size_t i = 0; s->composed.made && i < s->part_count; i++)
		for (size_t k = 0; k < ARRAY_SIZE(first); k++)
			if (s->parts[i].source && !strcmp(s->parts[i].name, first[k]) &&
			    file_time(&s->parts[i]) < s->composed.made - RUN_SLACK)
				return true;
	return false;
}

/*
 * A run writes each of its files after its begin, and a plain copy makes times newer, never older. An image from before
 * it was left by an earlier run where this one has written others: where all of them are older, it is the clock.
 */
static void check_run(const struct subject *s, struct findings *f)
{
	const struct part *oldest = NULL;
	size_t young = 0, old = 0;
	char when[32], apart[32];
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		int64_t began = run_of(s, pt);
		if (!began)
			continue;
		bool before = file_time(pt) < began - RUN_SLACK;
		old += before;
		young += !before;
		if (before && (!oldest || file_time(pt) < file_time(oldest)))
			oldest = pt;
	}
	if (!oldest || !young || other_clock(s))
		return;
	struct finding_text more = {.blame = BLAME_INCOMPLETE, .measured = format_rfc3339(file_time(oldest), when)};
	finding_add(f, PROOF_PRESENCE, "presence.run", oldest->name, OUTCOME_BROKEN, &more,
		    "it is of an earlier run: it was last written %s before this one began, which has written %zu of "
		    "%zu files", format_duration(run_of(s, oldest) - file_time(oldest), apart), young, young + old);
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	uint64_t bytes = 0;
	size_t opened = 0;
	bool stable = true;
	char have[32], want[32];
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		struct error e;
		if (!pt->source)
			continue;
		opened++;
		bytes += source_size(pt->source);
		if (source_same(pt->source, &e) < 0) {
			stable = false;
			finding_error(f, PROOF_PRESENCE, "presence.stable", pt->name, &e);
		}
	}
	check_disks(s, p, f);
	check_run(s, f);
	if (bytes < p->policy->min_size) {
		struct finding_text more = {.blame = BLAME_INCOMPLETE};
		finding_add(f, PROOF_PRESENCE, "presence.size", s->point->label, OUTCOME_BROKEN, &more,
			    "%s is less than the %s that policy asks for (min_size)", format_size(bytes, have),
			    format_size(p->policy->min_size, want));
	}
	if (opened == s->part_count && opened && stable && bytes)
		finding_add(f, PROOF_PRESENCE, "presence.parts", s->point->label, OUTCOME_HELD, NULL,
			    "%zu %s, %s, unchanged while read", opened, opened == 1 ? "file" : "files",
			    format_size(bytes, have));
}

const struct check check_presence = {
	"presence", PROOF_PRESENCE,
	"All parts and disks are there, above the least size, and did not change while they were read.", run};
