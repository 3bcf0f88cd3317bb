// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of NTFS share: a small volume in memory, its records and attributes, and how to change them. */
#ifndef NTFS_HELP_H
#define NTFS_HELP_H

#include "volume_image.h"

#define EXPECT(i, want, check) expect_at("ntfs", i, (i)->size, want, check, __LINE__)
#define FIXTURE "fixtures/ntfs/c4096.img.zst"

static struct image whole; /* c4096 */

static inline uint32_t cluster_of(const struct image *i)
{
	return get_le16(i->data + 11) * (uint32_t)i->data[13];
}

static inline uint8_t *record(const struct image *i, unsigned no)
{
	return i->data + get_le64(i->data + 48) * cluster_of(i) + no * 1024ul;
}

static inline void put(uint8_t *p, uint64_t v, unsigned n)
{
	for (; n--; v >>= 8)
		*p++ = (uint8_t)v;
}

/* Undoes and redoes an update sequence. */
static inline void unprotect(uint8_t *r, size_t size)
{
	for (size_t s = 1; s <= size / 512; s++)
		memcpy(r + s * 512 - 2, r + get_le16(r + 4) + 2 * s, 2);
}

static inline void protect(uint8_t *r, size_t size)
{
	for (size_t s = 1; s <= size / 512; s++) {
		memcpy(r + get_le16(r + 4) + 2 * s, r + s * 512 - 2, 2);
		memcpy(r + s * 512 - 2, r + get_le16(r + 4), 2);
	}
}

/* The first attribute of a type in an unprotected record. */
static inline uint8_t *attribute(uint8_t *r, uint32_t type)
{
	uint8_t *p = r + get_le16(r + 20);
	while (get_le32(p) != 0xffffffff) {
		if (get_le32(p) == type)
			return p;
		p += get_le32(p + 4);
	}
	NEED(!"attribute");
	return NULL;
}

/* Number of the record whose name it is. */
static inline unsigned number_of(const struct image *i, const char *path)
{
	struct seen s;
	struct fs_entry it;
	look("ntfs", i, i->size, &s);
	NEED(s.fs && fs_lookup(s.fs, path, false, &it, &s.e) == 1);
	drop(&s);
	return (unsigned)(it.id & 0xffffffff);
}

/* Where the first run of an attribute lies, and its length. */
static inline uint8_t *run_of(const struct image *i, unsigned no, uint32_t type, size_t *length)
{
	uint8_t r[1024];
	memcpy(r, record(i, no), sizeof r);
	unprotect(r, sizeof r);
	uint8_t *a = attribute(r, type), *p = a + get_le16(a + 32);
	uint64_t n = 0, lcn = 0;
	for (unsigned k = *p & 15; k; k--)
		n = n << 8 | p[k];
	for (unsigned k = *p >> 4; k; k--)
		lcn = lcn << 8 | p[(*p & 15) + k];
	*length = (size_t)(n * cluster_of(i));
	return i->data + lcn * cluster_of(i);
}

/* A record taken apart, to be changed and put back. */
struct rec {
	const struct image *i;
	unsigned no;
	uint8_t b[1024];
	size_t used;
};

static inline struct rec rec_read(const struct image *i, unsigned no)
{
	struct rec r = {.i = i, .no = no};
	memcpy(r.b, record(i, no), sizeof r.b);
	unprotect(r.b, sizeof r.b);
	r.used = get_le32(r.b + 24);
	return r;
}

static inline void rec_write(struct rec *r)
{
	put(r->b + 24, r->used, 4);
	memcpy(record(r->i, r->no), r->b, sizeof r->b);
	protect(record(r->i, r->no), sizeof r->b);
	if (r->no < 4) /* the first ones have copies */
		memcpy(r->i->data + get_le64(r->i->data + 56) * cluster_of(r->i) + r->no * 1024ul,
		       record(r->i, r->no), sizeof r->b);
}

/* Takes an attribute out; its bytes go to out. */
static inline size_t rec_cut(struct rec *r, uint32_t type, uint8_t *out)
{
	uint8_t *a = attribute(r->b, type);
	size_t n = get_le32(a + 4);
	memcpy(out, a, n);
	memmove(a, a + n, (size_t)(r->b + r->used - (a + n)));
	r->used -= n;
	return n;
}

/* Puts one in behind those of lower types. */
static inline void rec_add(struct rec *r, const uint8_t *a, size_t n)
{
	uint8_t *p = r->b + get_le16(r->b + 20);
	while (get_le32(p) < get_le32(a))
		p += get_le32(p + 4);
	NEED(n % 8 == 0 && r->used + n <= sizeof r->b);
	memmove(p + n, p, (size_t)(r->b + r->used - p));
	memcpy(p, a, n);
	r->used += n;
}

/* A resident attribute without a name. */
static inline void rec_add_resident(struct rec *r, uint32_t type, const uint8_t *value, size_t n)
{
	uint8_t a[1024] = {0};
	NEED(n <= 900);
	put(a, type, 4);
	put(a + 4, (24 + n + 7) & ~7ul, 4);
	put(a + 10, 24, 2);
	put(a + 14, 77, 2);
	put(a + 16, n, 4);
	put(a + 20, 24, 2);
	memcpy(a + 24, value, n);
	rec_add(r, a, (24 + n + 7) & ~7ul);
}

/* A record that was free, in use from now on: empty, and a part of another (base: its reference, 0: of none). */
static inline struct rec rec_new(const struct image *i, uint64_t base)
{
	size_t length;
	uint8_t *map = run_of(i, 0, 0xb0, &length);
	for (unsigned no = 30;; no++) {
		if (map[no / 8] >> no % 8 & 1)
			continue;
		struct rec r = rec_read(i, 5);
		map[no / 8] |= (uint8_t)(1u << no % 8);
		r.no = no;
		r.used = get_le16(r.b + 20) + 8ul;
		put(r.b + 16, 9, 2);
		put(r.b + 18, 0, 2);
		put(r.b + 22, 1, 2);
		put(r.b + 32, base, 8);
		put(r.b + 44, no, 4);
		put(r.b + r.used - 8, 0xffffffff, 8);
		return r;
	}
}

static inline uint64_t rec_ref(const struct rec *r)
{
	return (uint64_t)get_le16(r->b + 16) << 48 | r->no;
}

#endif
