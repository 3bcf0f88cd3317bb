// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * VMDK: a descriptor and the extents that it names, or a sparse extent with the descriptor inside. "VMware
 * Virtual Disk Format 5.0".
 */
#include <strings.h>

#include "known.h"
#include "packed.h"
#include "vmdk.h"

/* What was decoded is only noted for so many grains: 8 MiB of memory. */
#define NOTED (64 * MIB)
#define CORRUPT(...) error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, __VA_ARGS__)

static int disk_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e);
static int disk_extent_at(void *self, uint64_t off, struct extent *out, struct error *e);
static const struct source_ops disk_ops = {"vmdk", disk_read_at, disk_extent_at, NULL};

/* The part in which a byte of the disk lies. */
static struct vmdk_part *part_at(const struct vmdk *v, uint64_t off)
{
	return &v->parts.items[last_at_most(v->parts.items, v->parts.count, .start, off)];
}

static int read_parts(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct vmdk *v = self;
	uint8_t *to = buf;
	while (len) {
		struct vmdk_part *p = part_at(v, off);
		uint64_t in = off - p->start, left = p->length - in;
		size_t n = left < len ? (size_t)left : len;
		int rc = 0;
		if (p->kind == VMDK_ZERO)
			memset(to, 0, n);
		else if (p->kind == VMDK_FLAT)
			rc = source_read_at(p->file, in, to, n, e);
		else
			rc = vmdk_sparse_read(&p->sparse, in, to, n, e);
		if (rc < 0)
			return -1;
		to += n;
		off += n;
		len -= n;
	}
	return 0;
}

/* Decompressing takes the time: a long read is done by all cores. */
static int disk_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct vmdk *v = self;
	return v->packed && len >= SLICES_FROM ? slices_read(read_parts, self, off, buf, len, v->packed, e)
					       : read_parts(self, off, buf, len, e);
}

static int disk_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct vmdk_part *p = part_at(self, off);
	uint64_t in = off - p->start, left = p->length - in;
	*out = (struct extent){left, true};
	if (p->kind == VMDK_ZERO)
		return 0;
	if ((p->kind == VMDK_FLAT ? source_extent_at(p->file, in, out, e)
				  : vmdk_sparse_extent(&p->sparse, in, out, e)) < 0)
		return -1;
	if (out->length > left)
		out->length = left;
	return 0;
}

static void vmdk_destroy(void *self)
{
	struct vmdk *v = self;
	if (!v)
		return;
	vec_each(&v->parts, p)
	{
		source_destroy(p->file);
		vmdk_sparse_close(&p->sparse);
	}
	vec_free(&v->parts);
	vmdk_descriptor_free(&v->d);
	vmdk_cache_free(&v->tables);
	vmdk_cache_free(&v->grains);
	free(v);
}
DEFINE_AUTO(struct vmdk, vmdk_destroy)

static const struct image_ops plain_ops = {.destroy = vmdk_destroy};
static const struct image_ops compressed_ops = {.verify = vmdk_verify, .destroy = vmdk_destroy};

/* A sparse extent may be rounded up to whole grains, and may not be anything else than what the descriptor says. */
static int check_capacity(struct vmdk_sparse *s, uint64_t sectors, const struct image_context *c, struct error *e)
{
	uint64_t rounded = (sectors + s->grain - 1) / s->grain * s->grain;
	char expected[32], measured[32];
	if (s->capacity == sectors || s->capacity == rounded)
		return 0;
	if (s->capacity < sectors)
		return CORRUPT("%s: it holds %llu sectors, and the descriptor says %llu", source_name(s->src),
			       (unsigned long long)s->capacity, (unsigned long long)sectors);
	s->contradicted = true;
	snprintf(expected, sizeof expected, "%llu", (unsigned long long)sectors);
	snprintf(measured, sizeof measured, "%llu", (unsigned long long)s->capacity);
	finding_add(c->f, PROOF_STRUCTURE, "vmdk.capacity", c->subject, OUTCOME_BROKEN,
		    &(struct finding_text){.expected = expected, .measured = measured},
		    "%s: its header has more sectors than its descriptor gives it", source_name(s->src));
	return 0;
}

static int finish_sparse(struct vmdk *v, struct vmdk_part *p, const struct image_context *c, struct error *e)
{
	struct vmdk_sparse *s = &p->sparse;
	uint64_t grains = s->capacity / s->grain + 1;
	if (s->compressed && grains < NOTED - v->noted) {
		v->noted += grains;
		if (!(s->decoded = calloc((size_t)(grains / 64 + 1), sizeof *s->decoded)))
			return error_nomem(e);
	}
	p->sparse.parent_at = p->start;
	p->sparse.cached_tables = &v->tables;
	p->sparse.cached_grains = &v->grains;
	return vmdk_tables_check(&p->sparse, c, e);
}

static int open_flat(struct vmdk_part *p, const struct vmdk_line *l, struct source *file, struct error *e)
{
	uint64_t at;
	if (mul_overflows(l->offset, VMDK_SECTOR, &at) || at > source_size(file) || p->length > source_size(file) - at)
		return CORRUPT(
		    "%s is cut: it has %llu bytes, and the descriptor puts %llu sectors at sector %llu of it",
		    companion_base(l->name), (unsigned long long)source_size(file), (unsigned long long)l->sectors,
		    (unsigned long long)l->offset);
	p->file = source_window(file, at, p->length, companion_base(l->name), e);
	return p->file ? 0 : -1;
}

static int open_part(struct vmdk *v, struct vmdk_part *p, const struct vmdk_line *l, const struct image_context *c,
		     struct error *e)
{
	int rc;
	if (l->kind == VMDK_FOREIGN || l->no_access)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "an extent of type %s%s%s", l->type,
				 l->no_access ? " that may not be read" : "",
				 strcasecmp(l->type, "SESPARSE")
				     ? ""
				     : " (VMFS 6 snapshot): consolidate the snapshots before the backup");
	if (l->kind == VMDK_ZERO)
		return 0;
	struct source *file = companion_bytes(c, l->name, e);
	if (!file)
		return error_prefix(e, "extent %s", companion_base(l->name));
	if (l->kind == VMDK_FLAT)
		return open_flat(p, l, file, e);
	rc = l->kind == VMDK_COWD ? vmdk_sparse_open_cowd(file, c, &v->map_bytes, &p->sparse, e)
				  : vmdk_sparse_open(file, c, &v->map_bytes, &p->sparse, e);
	if (rc < 0 || check_capacity(&p->sparse, l->sectors, c, e) < 0)
		return -1;
	return finish_sparse(v, p, c, e);
}

static int by_place(const void *a, const void *b)
{
	const struct vmdk_line *x = *(const struct vmdk_line *const *)a, *y = *(const struct vmdk_line *const *)b;
	int order = strcmp(companion_base(x->name), companion_base(y->name));
	return order ? order : (x->offset > y->offset) - (x->offset < y->offset);
}

/* A file's end that no extent holds: a line was lost, or a number. */
static int check_end(const struct vmdk_line *l, const struct image_context *c, struct error *e)
{
	struct source *file = l->kind == VMDK_FLAT ? companion_bytes(c, l->name, e) : NULL;
	uint64_t end = (l->offset + l->sectors) * VMDK_SECTOR;
	struct finding_text where = {.offset = (int64_t)end, .has_offset = true};
	if (l->kind != VMDK_FLAT)
		return 0;
	if (!file)
		return -1;
	if (source_size(file) > end)
		finding_add(c->f, PROOF_STRUCTURE, "vmdk.capacity", c->subject, OUTCOME_BROKEN, &where,
			    "%s: the descriptor uses %llu of its %llu bytes", companion_base(l->name),
			    (unsigned long long)end, (unsigned long long)source_size(file));
	return 0;
}

/* No file is used twice, unless flat and in different places. Before any is opened: that bounds the work. */
static int check_files(const struct vmdk_descriptor *d, const struct image_context *c, bool ends, struct error *e)
{
	size_t n = 0;
	autofree const struct vmdk_line **lines = malloc(d->lines.count * sizeof *lines);
	if (!lines)
		return error_nomem(e);
	vec_each(&d->lines, l)
		if (l->kind != VMDK_ZERO && l->kind != VMDK_FOREIGN)
			lines[n++] = l;
	qsort(lines, n, sizeof *lines, by_place);
	for (size_t i = 0; i < n; i++) {
		bool same = i + 1 < n && !strcmp(companion_base(lines[i]->name), companion_base(lines[i + 1]->name));
		if (same && (lines[i]->kind != VMDK_FLAT || lines[i + 1]->kind != VMDK_FLAT ||
			     lines[i]->sectors > lines[i + 1]->offset - lines[i]->offset))
			return CORRUPT("the descriptor uses the same place of %s twice",
				       companion_base(lines[i]->name));
		if (ends && !same && check_end(lines[i], c, e) < 0)
			return -1;
	}
	return 0;
}

static int open_parts(struct vmdk *v, const struct image_context *c, struct error *e)
{
	uint64_t at = 0;
	if (check_files(&v->d, c, false, e) < 0)
		return -1;
	vec_each(&v->d.lines, l)
	{
		struct vmdk_part *p = vec_push(&v->parts);
		if (!p)
			return error_nomem(e);
		*p = (struct vmdk_part){.start = at, .length = l->sectors * VMDK_SECTOR, .kind = l->kind};
		at += p->length;
		if (open_part(v, p, l, c, e) < 0)
			return -1;
	}
	/* It is no disk, and nothing is lost without it: asked for, so that it is known to belong to this one. */
	struct error none;
	if (v->d.tracking && c->companions && !companion_bytes(c, v->d.tracking, &none) && none.cls != ERROR_MISSING) {
		*e = none;
		return error_prefix(e, "%s", companion_base(v->d.tracking));
	}
	return check_files(&v->d, c, true, e);
}

static int read_descriptor(struct vmdk *v, struct source *src, uint64_t at, uint64_t len, struct error *e)
{
	autofree char *text = malloc(len + 1);
	if (!text)
		return error_nomem(e);
	if (source_read_at(src, at, text, len, e) < 0)
		return -1;
	return vmdk_descriptor_parse(text, len, &v->d, e);
}

static int open_text(struct vmdk *v, struct source *src, const struct image_context *c, struct error *e)
{
	uint64_t len = source_size(src);
	if (len > VMDK_MAX_TEXT)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "a descriptor of more than 4 MiB");
	if (read_descriptor(v, src, 0, len, e) < 0)
		return -1;
	return open_parts(v, c, e);
}

/* One sparse extent, in this file, whatever name the descriptor inside gives it: it may have been renamed. */
static int open_single(struct vmdk *v, struct source *src, const struct image_context *c, struct error *e)
{
	uint8_t first = 0;
	struct vmdk_part *p = vec_push(&v->parts);
	if (!p)
		return error_nomem(e);
	p->kind = VMDK_SPARSE;
	if (vmdk_sparse_open(src, c, &v->map_bytes, &p->sparse, e) < 0)
		return -1;
	struct vmdk_sparse *s = &p->sparse;
	uint64_t at = s->descriptor * VMDK_SECTOR;
	if (s->descriptor_sectors && source_read_at(src, at, &first, 1, e) < 0)
		return -1;
	if (!first)
		return error_set(
		    e, ERROR_MISSING, ERROR_NO_OFFSET,
		    "it is one extent of a disk in several files: the descriptor that names it (the small .vmdk "
		    "without a number) is needed, and is not there");
	if (read_descriptor(v, src, at, s->descriptor_sectors * VMDK_SECTOR, e) < 0)
		return -1;
	if (v->d.lines.count != 1 || v->d.lines.items->kind != VMDK_SPARSE)
		return CORRUPT("the descriptor inside it does not have exactly one sparse extent");
	if (check_capacity(s, v->d.lines.items->sectors, c, e) < 0)
		return -1;
	p->length = s->capacity * VMDK_SECTOR;
	return finish_sparse(v, p, c, e);
}

static int open_parent(struct vmdk *v, const struct image_context *c, struct error *e)
{
	if (!*v->d.parent_cid)
		return 0;
	const struct image *parent = companion_image(c, v->d.hint, false, e);
	if (!parent)
		return error_prefix(e, "parent %s", companion_base(v->d.hint));
	if (parent->disks.count != 1)
		return CORRUPT("the parent, %s, holds %zu disks", companion_base(v->d.hint), parent->disks.count);
	bool same = !strcasecmp(parent->id, v->d.parent_cid);
	finding_add(c->f, PROOF_STRUCTURE, "vmdk.chain", c->subject, same ? OUTCOME_HELD : OUTCOME_BROKEN,
		    &(struct finding_text){.expected = v->d.parent_cid, .measured = parent->id}, "%s %s",
		    companion_base(v->d.hint),
		    same ? "is the parent" : "is not as it was when the snapshot was made: its content ID is another");
	v->parent = parent->disks.items[0].source;
	vec_each(&v->parts, p)
		p->sparse.parent = v->parent;
	return 0;
}

static int refuse(struct source *src, const uint8_t *head, struct error *e)
{
	if (!memcmp(head, "COWD", 4))
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
				 "it is an extent of a VMFS snapshot: the descriptor that names it (the .vmdk "
				 "without -delta) is "
				 "needed, and is not there");
	if (get_le64(head) == 0xcafebabe)
		return error_set(
		    e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET,
		    "an extent of a VMFS 6 snapshot (SESPARSE): consolidate the snapshots before the backup");
	return CORRUPT("%s: neither a descriptor nor a sparse extent of a VMDK", source_name(src));
}

static int open_vmdk(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	uint8_t head[16];
	if (source_size(src) < sizeof head)
		return CORRUPT("%s: it ends inside its header", source_name(src));
	if (source_read_at(src, 0, head, sizeof head, e) < 0)
		return -1;
	autodestroy(vmdk_destroy_auto) struct vmdk *v = calloc(1, sizeof *v);
	if (!v)
		return error_nomem(e);
	vmdk_cache_init(&v->tables);
	vmdk_cache_init(&v->grains);
	bool sparse = !memcmp(head, "KDMV", 4);
	if (!sparse && strncasecmp((const char *)head, "# Disk Descripto", sizeof head))
		return refuse(src, head, e);
	if ((sparse ? open_single(v, src, c, e) : open_text(v, src, c, e)) < 0 || open_parent(v, c, e) < 0)
		return -1;
	vec_each(&v->parts, p)
		if (p->sparse.compressed)
			v->packed = p->sparse.grain * VMDK_SECTOR;
	const struct vmdk_part *last = &v->parts.items[v->parts.count - 1];
	struct source *disk = source_new(&disk_ops, v, last->start + last->length, source_name(src), e);
	if (!disk)
		return -1;
	finding_add(c->f, PROOF_STRUCTURE, "vmdk.descriptor", c->subject, OUTCOME_HELD, NULL,
		    "%s: %zu extents, content ID %s", v->d.type, v->parts.count, v->d.cid);
	snprintf(out->id, sizeof out->id, "%s", v->d.cid);
	if (v->d.hint)
		snprintf(out->parent, sizeof out->parent, "%s", companion_base(v->d.hint));
	out->ops = v->packed ? &compressed_ops : &plain_ops;
	out->self = take(v);
	return image_add_disk(out, NULL, disk, e);
}

/* Sparse extents, the older and the newer kind of ESX, and the text that describes extents. */
static int bid_vmdk(const struct probe *p)
{
	if (HEAD_HAS(p, 0, "KDMV") || HEAD_HAS(p, 0, "COWD"))
		return 90;
	if (HEAD_HAS(p, 0, "\xbe\xba\xfe\xca\0\0\0\0\1\0\0\0\2\0\0\0"))
		return 95;
	return HEAD_HAS(p, 0, "# Disk DescriptorFile") ? 95 : 0;
}

const struct format image_vmdk = {
    .name = "vmdk",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".vmdk"),
    .bid = bid_vmdk,
    .checksums = CHECKSUMS_DATA,
    .product = "VMware virtual disk (VMDK)",
    .open_image = open_vmdk,
};
