// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Everything the reader of ext does, on damaged images. With file names: runs those. Without: mutants of
 * the stored images (or those that FUZZ_GLOB matches), seeded by FUZZ_SEED; FUZZ_ROUNDS of each (default 150).
 */
#include "../unit/ext_help.h"

#include <glob.h>

static int count_attribute(void *ctx, const char *name, const void *value, size_t len,
			   struct error *e)
{
	(void)e;
	*(uint64_t *)ctx += strlen(name) + len + (len ? *(const uint8_t *)value : 0);
	return 0;
}

struct tour {
	struct fs *fs;
	uint64_t sum;
	unsigned entries;
};

static int visit(void *ctx, const struct fs_entry *en, struct error *e)
{
	struct tour *t = ctx;
	struct fs_entry again;
	struct error ignored;
	uint8_t buf[5000];
	(void)e;
	(void)!fs_xattrs(t->fs, en, count_attribute, &t->sum, &ignored);
	if (en->type == ENTRY_LINK)
		free(fs_read_link(t->fs, en, &ignored));
	if (en->type == ENTRY_FILE) {
		autostream struct stream *s = fs_open_file(t->fs, en, &ignored);
		uint64_t got = 0;
		while (s && got < 300000) {
			ssize_t n = stream_read(s, buf, sizeof buf, &ignored);
			if (n <= 0)
				break;
			got += (uint64_t)n;
		}
		t->sum += got;
	}
	if (t->entries % 8 == 0)
		(void)!fs_lookup(t->fs, en->path, true, &again, &ignored);
	return ++t->entries > 2000;
}

static void tour_image(const struct image *im)
{
	struct opened o = open_image(im, true);
	struct budget b;
	budget_init(&b);
	if (o.fs) {
		struct tour t = {.fs = o.fs};
		(void)!fs_walk(o.fs, "", &b, visit, &t, &o.e);
	}
	close_image(&o);
}

/* A superblock whose checksum is made right again, so that mutants of it get further. */
static void mend(struct image *im, struct rng *r)
{
	if (rng_below(r, 2) && im->len > 2048) {
		uint32_t crc = ~0u;
		for (size_t i = 0; i < 1020; i++) {
			crc ^= im->data[1024 + i];
			for (int k = 0; k < 8; k++)
				crc = crc & 1 ? crc >> 1 ^ 0x82f63b78u : crc >> 1;
		}
		for (int i = 0; i < 4; i++)
			im->data[1024 + 1020 + i] = (uint8_t)(crc >> 8 * i);
		/* Or no checksums at all: everything is then parsed as it stands. */
		if (rng_below(r, 2))
			im->data[1024 + 0x65] &= (uint8_t)~4;
	}
}

static void mutate(struct image *im, struct rng *r)
{
	unsigned changes = 1 + (unsigned)rng_below(r, 12);
	for (unsigned i = 0; i < changes; i++) {
		size_t block, at;
		unsigned tries = 0;
		do
			block = (size_t)rng_below(r, im->len / 1024) * 1024;
		while (is_zero(im->data + block, 1024) && ++tries < 1000);
		at = block + (size_t)rng_below(r, 1024);
		switch (rng_below(r, 5)) {
		case 0:
			im->data[at] ^= (uint8_t)(1 << rng_below(r, 8));
			break;
		case 1:
			im->data[at] = (uint8_t)rng_next(r);
			break;
		case 2:
			im->data[at] = 0xff;
			break;
		case 3:
			memset(im->data + (at & ~(size_t)3), (int)rng_below(r, 2) * 255, 4);
			break;
		default:
			memcpy(im->data + block,
			       im->data + (size_t)rng_below(r, im->len / 1024) * 1024, 1024);
			break;
		}
	}
	/* Half of the changes in the superblock and the descriptors, where little is changed by chance. */
	if (rng_below(r, 3) == 0)
		im->data[1024 + (size_t)rng_below(r, 3072)] ^= (uint8_t)(1 << rng_below(r, 8));
	mend(im, r);
}

static void test_mutants(void)
{
	const char *rounds = getenv("FUZZ_ROUNDS"), *seed = getenv("FUZZ_SEED");
	unsigned long n = rounds ? strtoul(rounds, NULL, 10) : 150;
	const char *pattern = getenv("FUZZ_GLOB");
	glob_t g;
	NEED(glob(pattern ? pattern : "fixtures/ext/*.img.zst", 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		struct image clean = load_zst(g.gl_pathv[i]), im = {malloc(clean.len), clean.len};
		for (unsigned long k = 0; k < n; k++) {
			struct rng r = {k * 1000 + i +
					(seed ? strtoul(seed, NULL, 10) * 1000003 : 0)};
			memcpy(im.data, clean.data, clean.len);
			mutate(&im, &r);
			if (k % 16 == 0)
				im.len = (size_t)rng_below(&r, clean.len);
			tour_image(&im);
			im.len = clean.len;
		}
		free(im.data);
		free(clean.data);
	}
	CHECK(g.gl_pathc > 0);
	globfree(&g);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct image im = strstr(argv[i], ".zst") ? load_zst(argv[i]) : load(argv[i]);
		NEED(im.data);
		tour_image(&im);
		free(im.data);
		test_passed++;
	}
	if (argc < 2)
		RUN(test_mutants);
	return test_done();
}
