// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Other files for an image. Only files of the restore point are ever given: a name in an image is a wish, not a
 * path. What is taken for one image is not looked at as a disk of its own any more.
 */
#include "parts.h"

static int not_there(const char *name, struct error *e)
{
	return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "it needs %s, which is not in the restore point", name);
}

/* Each image that is being opened waits for the one below it. */
static int chain_fits(const struct opener *o, struct error *e)
{
	uint32_t waiting = 0, most = o->p->budget->max_chain;
	for (size_t i = 0; i < o->s->part_count && most; i++)
		waiting += o->s->parts[i].state == PART_OPENING;
	if (!most || waiting < most)
		return 0;
	o->s->chain_cut = true;
	return error_budget(e, "budget.chain", "a chain of more than %u images on each other (max_chain)", most);
}

/* The part by that name, opened as far as asked. */
static struct part *opened(struct companion_desk *d, const char *name, enum part_depth depth, struct error *e)
{
	const char *base = companion_base(name);
	struct part *pt = NULL;
	if (*base && companion_find(d, name, &pt, e) < 0)
		return NULL;
	if (!pt) {
		not_there(base, e);
		return NULL;
	}
	if (pt->state == PART_OPENING) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "its chain leads back to %s", base);
		return NULL;
	}
	if (pt->failure.cls == ERROR_NONE && pt->state == PART_NEW &&
	    (chain_fits(d->o, e) < 0 || part_open(d->o, pt, depth, e) < 0))
		return NULL;
	if (!pt->bytes) {
		*e = pt->failure;
		if (e->cls == ERROR_NONE)
			error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "it is no image");
		error_prefix(e, "%s", base);
		return NULL;
	}
	return pt;
}

/*
 * It is looked at through the image that asked for it. What is damaged or can't be read goes on to say so; what only
 * lacked that other file, as an extent without its descriptor, does not.
 */
static void claim(struct companion_desk *d, struct part *pt)
{
	if (pt->kind == PART_NOTE || (pt->failure.cls != ERROR_NONE && pt->failure.cls != ERROR_MISSING))
		return;
	pt->kind = PART_COMPANION;
	if (!pt->head)
		pt->head = d->asking;
}

static struct source *bytes(void *ctx, const char *name, struct error *e)
{
	struct companion_desk *d = ctx;
	struct part *pt = opened(d, name, PART_BYTES, e);
	if (!pt)
		return NULL;
	claim(d, pt);
	return pt->bytes;
}

static int as_raw(struct part *pt, struct error *e)
{
	if (pt->raw.disks.count)
		return 0;
	struct image_disk *d = vec_push(&pt->raw.disks);
	if (!d)
		return error_nomem(e);
	*d = (struct image_disk){.source = pt->bytes, .borrowed = true};
	return 0;
}

/* Opened for its bytes before, and now for what is in them. */
static int identify(struct companion_desk *d, struct part *pt, struct error *e)
{
	const struct format *row;
	if (format_identify_source(pt->bytes, FORMAT_IMAGE, &row, e) < 0)
		return -1;
	if (row && !row->open_image)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s has no reader here", row->name);
	pt->state = PART_OPENING;
	int rc = part_image(d->o, pt, row, e);
	pt->state = PART_OPENED;
	return rc;
}

static const struct image *image(void *ctx, const char *name, bool raw, struct error *e)
{
	struct companion_desk *d = ctx;
	struct part *pt = opened(d, name, raw ? PART_BYTES : PART_CONTENT, e);
	if (!pt)
		return NULL;
	pt->parent = true;
	if (raw) {
		claim(d, pt);
		return as_raw(pt, e) < 0 ? NULL : &pt->raw;
	}
	if (!pt->image.disks.count && pt->failure.cls == ERROR_NONE && identify(d, pt, e) < 0)
		return NULL;
	if (!pt->image.disks.count) {
		*e = pt->failure;
		error_prefix(e, "%s", pt->name);
		return NULL;
	}
	claim(d, pt);
	pt->image_used = true;
	return &pt->image;
}

void companion_desk_init(struct companion_desk *d, struct opener *o, struct part *asking)
{
	d->o = o;
	d->asking = asking;
	d->companions = (struct companions){.ctx = d, .bytes = bytes, .image = image};
}
