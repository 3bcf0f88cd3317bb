// SPDX-License-Identifier: GPL-3.0-or-later
/* The disks of a restore point: of each file that is not there for another one's sake. */
#include "backproof/fs.h"
#include "backproof/text.h"
#include "parts.h"

static int open_image_disks(struct opener *o, struct part *pt, struct error *e)
{
	const struct image *im = &pt->image;
	bool alone = im->disks.count == 1;
	vec_each(&im->disks, d)
	{
		autofree char *name = alone || !d->name ? strdup(pt->name) : text_format("%s:%s", pt->name, d->name);
		if (!name)
			return error_nomem(e);
		if (disk_open(o, pt, name, alone && pt->file->disk ? pt->file->disk : d->name, d->source, NULL, e) < 0)
			return -1;
	}
	return 0;
}

/* A partition, or the only file system, goes on behind the end of the disk. */
static bool is_cut(struct source *disk, struct findings *own)
{
	struct disk_layout d;
	struct error e;
	bool cut = false;
	if (disk_scan(disk, "", &d, own, &e) < 0)
		return false;
	if (d.table == TABLE_NONE && d.count && fs_for_type(d.items[0].content.type)) {
		struct fs *fs = fs_open(d.items[0].content.type, disk, "", own, &e);
		cut = fs && fs_info(fs)->size > source_size(disk);
		fs_destroy(fs);
	}
	disk_layout_free(&d);
	for (size_t i = 0; i < own->count && !cut; i++)
		cut = own->items[i].outcome == OUTCOME_BROKEN && !strcmp(own->items[i].check, "partition.bounds");
	return cut;
}

/*
 * A raw disk below a longer one is not necessarily cut: the upper one may have been enlarged, and behind the end of the
 * lower one are zeros. It is when what is on it goes on there.
 */
static int judge_base(struct opener *o, const struct part *pt, struct error *e)
{
	struct findings own; /* of a disk that is not looked at by itself: nothing else of it is told */
	const struct image *upper = pt->head ? &pt->head->image : NULL;
	if (pt->kind != PART_COMPANION || !pt->raw.disks.count || !upper || !upper->disks.count ||
	    source_size(upper->disks.items[0].source) <= source_size(pt->bytes))
		return 0;
	if (findings_init(&own) < 0)
		return error_nomem(e);
	if (is_cut(pt->bytes, &own))
		finding_add(o->f, PROOF_STRUCTURE, "disk.base", pt->name, OUTCOME_BROKEN,
			    &(struct finding_text){.error = ERROR_CORRUPT},
			    "cut: what is on this disk, on which %s lies, goes on behind its end at byte %llu",
			    pt->head->name, (unsigned long long)source_size(pt->bytes));
	findings_free(&own);
	return 0;
}

int disks_open(struct opener *o, struct error *e)
{
	struct subject *s = o->s;
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		/* What was wrong with it as an image of its own says nothing where only its bytes are wanted. */
		if (pt->kind != PART_COMPANION || pt->image_used)
			findings_append(o->f, &pt->later);
		if (judge_base(o, pt, e) < 0)
			return -1;
		if (pt->kind != PART_DISK)
			continue;
		if (pt->image.format)
			pt->content_size = 0;
		vec_each(&pt->image.disks, d) if (pt->image.format) pt->content_size += source_size(d->source);
		if (open_image_disks(o, pt, e) < 0)
			return -1;
	}
	vec_each(&s->composed.disks, d)
	{
		if (disk_open(o, NULL, d->name ? d->name : s->point->label, d->name, d->source, NULL, e) < 0)
			return -1;
	}
	if (groups_open(o, e) < 0)
		return -1;
	volumes_settle(o->s, o->f);
	return 0;
}

void disks_close(struct subject *s)
{
	vec_each(&s->disks, it)
	{
		struct subject_disk *d = *it;
		disk_layout_free(&d->layout);
		free(d->device);
		free(d->name);
		free(d);
	}
	vec_free(&s->disks);
}

void subject_images_verify(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		struct image *im = &pt->image;
		struct error e = {0};
		bool covered = false;
		if (!im->ops || !im->ops->verify)
			continue;
		if (im->ops->verify(im, pt->name, f, p->budget, &covered, &e) < 0) {
			finding_error(f, PROOF_INTEGRITY, "image.verify", pt->name, &e);
			continue;
		}
		if (covered)
			finding_add(f, PROOF_INTEGRITY, "image.checksum", pt->name, OUTCOME_HELD, NULL,
				    "%s checksums cover all content", im->format->name);
		pt->content_checked |= covered;
	}
}
