// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of WIM share: small files, their parts, and digests made right again where something was changed. */
#ifndef WIM_HELP_H
#define WIM_HELP_H

#include "backproof/wim.h"
#include "volume_image.h"

static inline struct image load(const char *name)
{
	autofree char *path = text_format("fixtures/wim/%s", name);
	struct image i;
	i.data = load_file(path, &i.size);
	return i;
}

static inline void put(uint8_t *p, uint64_t v, unsigned n)
{
	for (; n--; v >>= 8)
		*p++ = (uint8_t)v;
}

static inline struct wim_resource resource(const struct image *i, size_t at)
{
	struct wim_resource r;
	wim_resource_parse(i->data + at, &r);
	return r;
}

/* All that a full check looks at. */
static inline void scrub(struct seen *s)
{
	if (s->fs && fs_scrub(s->fs, &s->f, NULL, &s->e) < 0)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.scrub", "image", &s->e);
}

static inline enum outcome outcome_of(const struct image *i, size_t size)
{
	struct seen s;
	struct error e;
	look("wim", i, size, &s);
	scrub(&s);
	if (s.fs && fs_walk(s.fs, "", NULL, touch_file, s.fs, &e) < 0)
		CHECK(e.cls == ERROR_CORRUPT);
	enum outcome o = structure(&s);
	drop(&s);
	return o;
}

static inline void sha1_of(const uint8_t *p, uint64_t len, uint8_t out[DIGEST_MAX])
{
	struct error e;
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA1, &e);
	NEED(d);
	digest_update(d, p, (size_t)len);
	NEED(!digest_final(d, out, &e));
}

/* The contents and the tree of an uncompressed file, changed: their SHA-1 is made that of what is there. */
static inline void mend(struct image *i)
{
	struct wim_resource table = resource(i, 48);
	for (unsigned trees = 0; trees < 2; trees++) /* these come last: they have the others' */
		for (uint64_t at = table.offset; at < table.offset + table.stored; at += 50) {
			struct wim_resource r;
			uint8_t out[DIGEST_MAX], was[20], *sum = i->data + at + 30;
			wim_resource_parse(i->data + at, &r);
			if (trees != !!(r.flags & WIM_METADATA))
				continue;
			sha1_of(i->data + r.offset, r.stored, out);
			memcpy(was, sum, 20);
			uint8_t *p = i->data;
			while (memcmp(was, out, 20) && (p = memmem(p, i->size - (size_t)(p - i->data), was, 20)))
				memcpy(p, out, 20);
		}
}

/* Where the entry of that name is. */
static inline uint8_t *entry(struct image *i, const char *name)
{
	uint8_t units[64];
	size_t n = strlen(name);
	for (size_t k = 0; k < n; k++)
		put(units + 2 * k, (uint8_t)name[k], 2);
	uint8_t *p = memmem(i->data, i->size, units, 2 * n);
	while (p && get_le16(p - 2) != 2 * n)
		p = memmem(p + 2, i->size - (size_t)(p + 2 - i->data), units, 2 * n);
	NEED(p);
	return p - 102;
}

/* The content that an entry names; *size: its bytes. */
static inline uint8_t *content_of(struct image *i, const char *name, uint64_t *size)
{
	struct wim_resource table = resource(i, 48);
	const uint8_t *e = entry(i, name), *sum = e + 64;
	if (is_zero(sum, 20)) /* then it is one of the streams behind the entry: the first one that has any */
		for (sum = e + ((get_le64(e) + 7) & ~7ul) + 16; is_zero(sum, 20);)
			sum += (get_le64(sum - 16) + 7) & ~7ul;
	for (uint64_t at = table.offset; at < table.offset + table.stored; at += 50)
		if (!memcmp(i->data + at + 30, sum, 20)) {
			struct wim_resource r = resource(i, (size_t)at);
			*size = r.size;
			return i->data + r.offset;
		}
	NEED(!"content");
	return NULL;
}

#endif
