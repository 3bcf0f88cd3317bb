// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * OVA: a virtual machine in one file. The disks that its descriptor names are opened by the readers of disks,
 * over windows of the file; the members are each other's companions.
 */
#include <strings.h>

#include "known.h"
#include "ova.h"
#include "rows.h"

#define ENDS 4096

static void ova_destroy(void *self)
{
	struct ova *o = self;
	if (!o)
		return;
	vec_each(&o->members, m)
		image_close(&m->image);
	vec_each(&o->members, m)
	{
		source_destroy(m->source);
		free(m->name);
	}
	vec_free(&o->members);
	free(o);
}
DEFINE_AUTO(struct ova, ova_destroy)

/* The row of a member's content among the other images. NULL: it is none of them. */
static int row_of(const struct ova_member *m, const struct format **out, struct error *e)
{
	uint8_t head[ENDS], tail[ENDS];
	size_t n = m->length < ENDS ? (size_t)m->length : ENDS;
	int top = 0;
	*out = NULL;
	if (source_read_at(m->source, 0, head, n, e) < 0 || source_read_at(m->source, m->length - n, tail, n, e) < 0)
		return -1;
	struct probe p = {head, tail, n, n, m->length};
	for (size_t i = 0; i < image_row_count; i++) {
		const struct format *row = image_rows[i];
		int bid = row->kind == FORMAT_IMAGE && row != &image_ova && row->bid ? row->bid(&p) : 0;
		if (bid > top) {
			top = bid;
			*out = row;
		}
	}
	return 0;
}

static bool looks_raw(const char *name)
{
	size_t n = strlen(name);
	return n > 4 && (!strcasecmp(name + n - 4, ".img") || !strcasecmp(name + n - 4, ".raw"));
}

static int open_content(struct ova *o, struct ova_member *m, bool raw, struct error *e)
{
	const struct format *row = NULL;
	const char *name = companion_base(m->name);
	if (!raw && row_of(m, &row, e) < 0)
		return -1;
	if (!row && (raw || looks_raw(name))) {
		struct image_disk *d = vec_push(&m->image.disks);
		if (!d)
			return error_nomem(e);
		*d = (struct image_disk){.source = m->source, .borrowed = true};
		return 0;
	}
	if (!row)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s holds no disk that could be recognised", name);
	if (!row->open_image)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
				 "%s: %s is recognised and has no reader here", name,
				 row->product ? row->product : row->name);
	struct image_context c = o->context;
	c.path = NULL;
	c.companions = &o->companions;
	if (row->open_image(m->source, &c, &m->image, e) < 0) {
		image_close(&m->image);
		return error_prefix(e, "%s", name);
	}
	return 0;
}

static struct ova_member *wanted(struct ova *o, const char *name, struct error *e)
{
	struct ova_member *m = ova_member(o, name);
	if (!m)
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s is not in the appliance", companion_base(name));
	return m;
}

static struct source *member_bytes(void *ctx, const char *name, struct error *e)
{
	struct ova_member *m = wanted(ctx, name, e);
	return m ? m->source : NULL;
}

static const struct image *member_image(void *ctx, const char *name, bool raw, struct error *e)
{
	struct ova *o = ctx;
	struct ova_member *m = wanted(o, name, e);
	if (!m)
		return NULL;
	if (m->opening) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s leads back to itself", companion_base(name));
		return NULL;
	}
	if (!m->open) {
		m->opening = true;
		m->open = open_content(o, m, raw, e) == 0;
		m->opening = false;
	}
	return m->open ? &m->image : NULL;
}

static const struct ova_file *file_of(const struct ova_descriptor *d, const char *id)
{
	vec_each(&d->files, f)
		if (f->id && !strcmp(f->id, id))
			return f;
	return NULL;
}

/* Files of the appliance are there, and as long as it says. */
static int check_file(struct ova *o, const struct ova_file *f, struct error *e)
{
	struct error why = {0};
	char expected[32], measured[32];
	const struct image_context *c = &o->context;
	if (!f->id || !f->href || !*f->href)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the OVF descriptor has a file without id or name");
	const struct ova_member *m = wanted(o, f->href, &why);
	if (!m) {
		finding_error(c->f, PROOF_STRUCTURE, "ova.file", c->subject, &why);
		return 0;
	}
	if (!f->size || f->size == m->length)
		return 0;
	snprintf(expected, sizeof expected, "%llu", (unsigned long long)f->size);
	snprintf(measured, sizeof measured, "%llu", (unsigned long long)m->length);
	finding_add(c->f, PROOF_STRUCTURE, "ova.file", c->subject, OUTCOME_BROKEN,
		    &(struct finding_text){.expected = expected, .measured = measured},
		    "%s has another size than the descriptor says", companion_base(f->href));
	return 0;
}

/* The descriptor's capacity is rounded to its unit by some, and never too small. */
static void check_capacity(const struct ova *o, const struct ova_disk *d, const char *name, uint64_t size)
{
	uint64_t capacity;
	char expected[32], measured[32];
	if (!d->capacity || !d->unit || mul_overflows(d->capacity, d->unit, &capacity) || capacity < d->unit ||
	    size > capacity - d->unit)
		return;
	snprintf(expected, sizeof expected, "%llu", (unsigned long long)capacity);
	snprintf(measured, sizeof measured, "%llu", (unsigned long long)size);
	finding_add(o->context.f, PROOF_STRUCTURE, "ova.capacity", o->context.subject, OUTCOME_BROKEN,
		    &(struct finding_text){.expected = expected, .measured = measured},
		    "%s is smaller than the descriptor says", name);
}

static int open_disk(struct ova *o, const struct ova_descriptor *d, const struct ova_disk *k, struct image *out,
		     struct error *e)
{
	const struct image_context *c = &o->context;
	if (!k->file) {
		finding_add(c->f, PROOF_STRUCTURE, "ova.disk", c->subject, OUTCOME_SKIPPED, NULL,
			    "disk %s has no file: it is empty", k->id ? k->id : "without a name");
		return 0;
	}
	const struct ova_file *f = file_of(d, k->file);
	if (!f)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "the OVF descriptor has a disk in file %s, which it does not have", k->file);
	if (k->parent || f->chunked || (f->compression && *f->compression && strcmp(f->compression, "identity")))
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "%s is %s", companion_base(f->href),
				 k->parent	? "the difference to another disk"
				 : f->chunked ? "in several chunks"
						: "compressed as a whole");
	const struct image *im = member_image(o, f->href, false, e);
	if (!im)
		return -1;
	vec_each(&im->disks, inner)
	{
		struct image_disk *to = vec_push(&out->disks);
		if (!to)
			return error_nomem(e);
		*to = (struct image_disk){
		    .name = strdup(companion_base(f->href)), .source = inner->source, .borrowed = true};
		if (!to->name)
			return error_nomem(e);
		if (im->disks.count == 1)
			check_capacity(o, k, to->name, source_size(inner->source));
	}
	return 0;
}

static int describe(struct ova *o, const struct ova_descriptor *d, const struct ova_member *ovf, struct image *out,
		    struct error *e)
{
	autofree char *text = ova_text(ovf, e);
	if (!text || image_add_note(out, companion_base(ovf->name), text, ovf->length, e) < 0)
		return -1;
	if (d->systems == 1 && d->system)
		snprintf(out->host, sizeof out->host, "%s", d->system);
	vec_each(&o->members, m)
		if (m->mtime > out->made)
			out->made = m->mtime;
	finding_add(o->context.f, PROOF_STRUCTURE, "ova.descriptor", o->context.subject, OUTCOME_HELD, NULL,
		    "%s: %zu files, %zu disks, %zu members in the archive", companion_base(ovf->name), d->files.count,
		    d->disks.count, o->members.count);
	return 0;
}

static int open_disks(struct ova *o, const struct ova_descriptor *d, struct image *out, struct error *e)
{
	vec_each(&d->files, f)
		if (check_file(o, f, e) < 0)
			return -1;
	for (size_t i = 0; i < d->disks.count; i++) {
		for (size_t k = 0; k < i; k++)
			if (d->disks.items[i].file && d->disks.items[k].file &&
			    !strcmp(d->disks.items[i].file, d->disks.items[k].file))
				return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
						 "the OVF descriptor has two disks in file %s", d->disks.items[i].file);
		if (open_disk(o, d, &d->disks.items[i], out, e) < 0)
			return -1;
	}
	return out->disks.count
		   ? 0
		   : error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the OVF descriptor has no disk with a file");
}

static int verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		  struct error *e)
{
	struct ova *o = im->self;
	bool each = true, listed;
	struct ova_member *manifest;
	if (ova_suffix(o, ".mf", &manifest, e) < 0 || ova_manifest_check(o, subject, f, b, &listed, e) < 0)
		return -1;
	vec_each(&o->members, m)
	{
		bool inner = false;
		if (!m->open)
			continue;
		if (m->image.ops && m->image.ops->verify &&
		    m->image.ops->verify(&m->image, subject, f, b, &inner, e) < 0)
			return -1;
		each &= inner;
	}
	*covered = manifest ? listed : each; /* a manifest that is wrong is not made up for */
	return 0;
}

static const struct image_ops ova_ops = {.verify = verify, .destroy = ova_destroy};

#define MAX_DISKS 512 /* they are compared pair by pair */

static int open_ova(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	struct ova_member *ovf;
	struct ova_descriptor d;
	autodestroy(ova_destroy_auto) struct ova *o = calloc(1, sizeof *o);
	if (!o)
		return error_nomem(e);
	o->src = src;
	o->context = *c;
	o->companions = (struct companions){o, member_bytes, member_image};
	if (ova_walk(o, c, e) < 0 || ova_suffix(o, ".ovf", &ovf, e) < 0)
		return -1;
	if (!ovf)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "the appliance has no descriptor (.ovf)");
	autofree char *text = ova_text(ovf, e);
	if (!text)
		return -1;
	int rc = ova_descriptor_parse(text, ovf->length, &d, e);
	if (rc == 0 && (d.disks.count > MAX_DISKS || d.files.count > MAX_DISKS))
		rc = error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %d disks or files", MAX_DISKS);
	if (rc == 0)
		rc = open_disks(o, &d, out, e);
	if (rc == 0)
		rc = describe(o, &d, ovf, out, e);
	ova_descriptor_free(&d);
	memset(&o->context, 0, sizeof o->context);
	if (rc < 0)
		return -1; /* the disks in out are borrowed: closing it does not touch them */
	out->ops = &ova_ops;
	out->self = take(o);
	return 0;
}

/* The descriptor is the first member (DSP0243, "Distribution as a single file"). */
static int bid_ova(const struct probe *p)
{
	if (p->head_length < 512 || !HEAD_HAS(p, 257, "ustar"))
		return 0;
	size_t n = strnlen((const char *)p->head, 100);
	return n > 4 && !memcmp(p->head + n - 4, ".ovf", 4) ? 95 : 0;
}
static int bid_image(const struct probe *p)
{
	return bid_ova(p) ? 96 : 0;
}

const struct format image_ova = {
    .name = "ova",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".ova"),
    .bid = bid_image,
    .checksums = CHECKSUMS_DATA,
    .product = "open virtual appliance (OVA)",
    .open_image = open_ova,
};

/* So that it is not taken for a system archive: as an archive it has no reader. */
const struct format image_ova_tar = {
    .name = "ova.tar",
    .kind = FORMAT_ARCHIVE,
    .bid = bid_ova,
    .product = "open virtual appliance (OVA)",
};
