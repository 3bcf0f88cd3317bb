// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * WIM as an image: the file itself is what it holds, and the tree in it is read as a file system (src/fs/wim.c). Here
 * is the integrity table, which many files carry: SHA-1 of runs of the file, from behind the header to the end
 * of the table of contents.
 */
#include "backproof/digest.h"
#include "backproof/image.h"
#include "backproof/wim.h"
#include "known.h"

#define HEAD 12u
#define SHA1 20u
#define MAX_TABLE (64 * MIB)
#define PIECE MIB

struct wim {
	struct source *file; /* borrowed */
	struct wim_header header;
	uint8_t *table; /* NULL: there is none */
	uint64_t run, end;
	uint32_t count;
};

/* Its numbers are all implied by each other. */
static int read_table(struct wim *w, struct error *e)
{
	const struct wim_resource *r = &w->header.integrity;
	if (!r->stored)
		return 0;
	if (r->size > MAX_TABLE)
		return error_set(e, ERROR_LIMIT, (int64_t)r->offset, "WIM: an integrity table of %llu bytes",
				 (unsigned long long)r->size);
	w->table = malloc((size_t)r->size + HEAD);
	if (!w->table)
		return error_nomem(e);
	if (r->size >= HEAD && source_read_at(w->file, r->offset, w->table, (size_t)r->size, e) < 0)
		return -1;
	w->end = w->header.table.offset + w->header.table.stored;
	if (r->size >= HEAD) {
		w->count = get_le32(w->table + 4);
		w->run = get_le32(w->table + 8);
	}
	uint64_t covered = w->end - WIM_HEADER_SIZE;
	if (r->size < HEAD || get_le32(w->table) != r->size || r->size != HEAD + (uint64_t)w->count * SHA1 || !w->run ||
	    (covered + w->run - 1) / w->run != w->count)
		return error_set(e, ERROR_CORRUPT, (int64_t)r->offset, "WIM: the integrity table contradicts itself");
	return 0;
}

static int digest_run(struct wim *w, uint32_t i, uint8_t *buf, const struct budget *b, uint8_t out[DIGEST_MAX],
		      struct error *e)
{
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA1, e);
	uint64_t at = WIM_HEADER_SIZE + i * w->run, end = w->end - at < w->run ? w->end : at + w->run;
	if (!d)
		return -1;
	for (uint64_t n; at < end; at += n) {
		n = end - at < PIECE ? end - at : PIECE;
		if ((b && budget_check(b, e) < 0) || source_read_at(w->file, at, buf, (size_t)n, e) < 0)
			return -1;
		digest_update(d, buf, (size_t)n);
	}
	return digest_final(d, out, e);
}

static int verify(struct image *im, const char *subject, struct findings *f, const struct budget *b, bool *covered,
		  struct error *e)
{
	struct wim *w = im->self;
	uint8_t got[DIGEST_MAX];
	uint32_t bad = 0;
	*covered = false;
	if (!w->table)
		return 0;
	autofree uint8_t *buf = malloc(PIECE);
	if (!buf)
		return error_nomem(e);
	for (uint32_t i = 0; i < w->count; i++) {
		if (digest_run(w, i, buf, b, got, e) < 0)
			return -1;
		if (!memcmp(got, w->table + HEAD + (size_t)i * SHA1, SHA1))
			continue;
		bad++;
		finding_add(f, PROOF_INTEGRITY, "wim.integrity", subject, OUTCOME_BROKEN,
			    &(struct finding_text){.offset = (int64_t)(WIM_HEADER_SIZE + i * w->run),
						   .has_offset = true,
						   .error = ERROR_CORRUPT},
			    "SHA-1 of the %llu bytes from here on is not the one in the integrity table",
			    (unsigned long long)w->run);
	}
	*covered = !bad;
	if (!bad)
		finding_add(f, PROOF_INTEGRITY, "wim.integrity", subject, OUTCOME_HELD, NULL,
			    "%u SHA-1 digests of the integrity table hold", w->count);
	return 0;
}

static void destroy(void *self)
{
	struct wim *w = self;
	if (w)
		free(w->table);
	free(w);
}

static const struct image_ops ops = {.verify = verify, .destroy = destroy};

static int open_image(struct source *src, const struct image_context *c, struct image *out, struct error *e)
{
	struct wim *w = calloc(1, sizeof *w);
	if (!w)
		return error_nomem(e);
	out->self = w;
	out->ops = &ops;
	w->file = src;
	if (wim_header_read(src, &w->header, e) < 0 || read_table(w, e) < 0)
		return -1;
	hex_encode(w->header.guid, sizeof w->header.guid, out->id);
	struct image_disk *d = vec_push(&out->disks);
	if (!d)
		return error_nomem(e);
	*d = (struct image_disk){.source = src, .borrowed = true};
	finding_add(c->f, PROOF_STRUCTURE, "wim.header", c->subject, OUTCOME_HELD, NULL, "%s%s, %u %s%s",
		    w->header.version == 0xe00 ? "solid, " : "", wim_compression_name(w->header.compression),
		    w->header.images, w->header.images == 1 ? "image" : "images",
		    w->table ? ", with an integrity table" : "");
	return 0;
}

static int bid(const struct probe *p)
{
	return HEAD_HAS(p, 0, WIM_MAGIC) || HEAD_HAS(p, 0, "WLPWM\0\0\0") ? 95 : 0;
}

const struct format image_wim = {
    .name = "wim",
    .kind = FORMAT_IMAGE,
    .suffixes = SUFFIXES(".wim", ".esd", ".swm"),
    .bid = bid,
    .checksums = CHECKSUMS_DATA,
    .product = "Windows image (WIM)",
    .open_image = open_image,
};
