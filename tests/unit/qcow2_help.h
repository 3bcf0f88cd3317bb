// SPDX-License-Identifier: GPL-3.0-or-later
/* A qcow2 file that is made field by field. */
#ifndef QCOW2_HELP_H
#define QCOW2_HELP_H

#include "vmdk_help.h"

extern const struct format image_qcow2;

#define CLUSTERS 8
#define HEADER 112 /* of the files here: with the kind of compression */

static uint8_t file[CLUSTERS << 16];
static unsigned bits;
static struct files x;
static struct error why;

static inline void put(size_t at, int bytes, uint64_t v)
{
	for (int i = 0; i < bytes; i++)
		file[at + (size_t)i] = (uint8_t)(v >> 8 * (bytes - 1 - i));
}

static inline uint64_t cluster(uint64_t n)
{
	return n << bits;
}

static inline void count(unsigned order, uint64_t i, uint64_t v)
{
	if (order >= 3) {
		put(cluster(2) + (i << (order - 3)), 1 << (order - 3), v);
		return;
	}
	unsigned width = 1u << order, per = 8 / width;
	uint8_t *p = file + cluster(2) + i / per;
	*p &= (uint8_t)~(((1u << width) - 1) << i % per * width);
	*p |= (uint8_t)(v << i % per * width);
}

/* Header, refcount table and block, L1, L2; then the disk's first two clusters, of four. */
static inline void make(unsigned cluster_bits, unsigned order)
{
	bits = cluster_bits;
	memset(file, 0, sizeof file);
	memcpy(file, "QFI\xfb", 4);
	put(4, 4, 3);
	put(20, 4, bits);
	put(24, 8, cluster(4));
	put(36, 4, 1);
	put(40, 8, cluster(3));
	put(48, 8, cluster(1));
	put(56, 4, 1);
	put(96, 4, order);
	put(100, 4, HEADER);
	put(cluster(1), 8, cluster(2));
	put(cluster(3), 8, cluster(4) | UINT64_C(1) << 63);
	for (uint64_t i = 0; i < 2; i++) {
		put(cluster(4) + 8 * i, 8, cluster(5 + i) | UINT64_C(1) << 63);
		memset(file + cluster(5 + i), (int)('a' + i), cluster(1));
	}
	for (uint64_t i = 0; i < 7; i++)
		count(order, i, 1);
}

/* Of a copy of the file, under this name. */
static inline void add(const char *name, size_t len)
{
	uint8_t *copy = malloc(len + 1);
	NEED(copy);
	memcpy(copy, file, len);
	files_add(&x, name, copy, len);
}

static inline const struct image *open_as(const char *name)
{
	memset(&why, 0, sizeof why);
	return file_image(&x, name, false, &why);
}

static inline const struct image *open_it(void)
{
	files_init(&x, &image_qcow2);
	add("q", cluster(CLUSTERS));
	return open_as("q");
}

static inline bool says(const char *check, enum outcome o, const char *words)
{
	vec_each(&x.f, it)
		if (!strcmp(it->check, check) && it->outcome == o && strstr(it->detail, words))
			return true;
	return false;
}

static inline void refused(enum error_class cls, const char *words, int line)
{
	const struct image *im = open_it();
	if (im || why.cls != cls || !strstr(why.text, words)) {
		fprintf(stderr, "line or row %d: %s: %s; not %s\n", line, error_class_name(why.cls), im ? "fine" : why.text, words);
		test_bad_here++;
	}
	files_free(&x);
}

static inline void expect(const char *check, enum outcome o, const char *words, int line)
{
	const struct image *im = open_it();
	if (!im || !says(check, o, words)) {
		fprintf(stderr, "line or row %d: %s; not %s\n", line, im ? "fine, or something else" : why.text, words);
		vec_each(&x.f, it) fprintf(stderr, "\t%s: %s: %s\n", it->check, outcome_name(it->outcome), it->detail);
		test_bad_here++;
	}
	files_free(&x);
}

static inline size_t extension(size_t at, uint32_t type, const void *p, size_t len)
{
	put(at, 4, type);
	put(at + 4, 4, len);
	memcpy(file + at + 8, p, len);
	return at + 8 + (len + 7) / 8 * 8;
}

#define DATA_FILE 0x44415441

#endif
