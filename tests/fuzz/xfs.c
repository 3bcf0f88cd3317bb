// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Everything the reader of XFS does, on damaged images: what is held can be walked and every file
 * read. With file names: runs those. Without: mutants of the stored images, seeded by FUZZ_SEED;
 * FUZZ_ROUNDS of each (default 60).
 */
#include "../unit/xfs_help.h"

#include <glob.h>

struct tour {
	struct fs *fs;
	uint64_t sum;
	unsigned entries, failed;
	struct error why; /* of the last failure */
};

static int count_attribute(void *ctx, const char *name, const void *value, size_t len,
			   struct error *e)
{
	(void)e;
	*(uint64_t *)ctx += strlen(name) + len + (len ? ((const uint8_t *)value)[len - 1] : 0);
	return 0;
}

static int visit(void *ctx, const struct fs_entry *en, struct error *e)
{
	struct tour *t = ctx;
	struct fs_entry again;
	uint8_t buf[5000];
	(void)e;
	if (fs_xattrs(t->fs, en, count_attribute, &t->sum, &t->why) < 0)
		t->failed++;
	if (en->type == ENTRY_LINK) {
		char *target = fs_read_link(t->fs, en, &t->why);
		t->failed += !target;
		free(target);
	}
	if (en->type == ENTRY_FILE) {
		autostream struct stream *s = fs_open_file(t->fs, en, &t->why);
		uint64_t got = 0;
		ssize_t n = 0;
		while (s && got < 300000 && (n = stream_read(s, buf, sizeof buf, &t->why)) > 0)
			got += (uint64_t)n;
		t->failed += !s || n < 0;
		t->sum += got;
	}
	if (t->entries % 8 == 0 && fs_lookup(t->fs, en->path, false, &again, &t->why) != 1)
		t->failed++;
	return ++t->entries > 3000;
}

static void tour_image(const struct image *im)
{
	struct opened o = open_xfs(im, true);
	struct budget b;
	budget_init(&b);
	if (o.fs) {
		struct tour t = {.fs = o.fs};
		int rc = fs_walk(o.fs, "", &b, visit, &t, &o.e);
		bool held = o.verify == 0 && findings_proof(&o.f, PROOF_STRUCTURE) == OUTCOME_HELD;
		if (held && (rc < 0 || t.failed)) {
			fprintf(stderr, "held, but %s\n", rc < 0 ? o.e.text : t.why.text);
			abort();
		}
	}
	close_image(&o);
}

/* Of a kind of block, by its magic: how much its checksum covers, and where that is. */
static void mend(struct image *im, size_t block)
{
	uint8_t *p = im->data + block;
	uint32_t size = get_be32(im->data + 4) <= 4096 ? get_be32(im->data + 4) : 4096;
	unsigned da = get_be16(p + 8);
	if (block + 4096 > im->len || size < 512)
		return;
	if (!memcmp(p, "XFSB", 4))
		xfs_mend(p, 512, 224);
	else if (!memcmp(p, "XAGF", 4))
		xfs_mend(p, 512, 216);
	else if (!memcmp(p, "XAGI", 4))
		xfs_mend(p, 512, 312);
	else if (!memcmp(p, "XAFL", 4))
		xfs_mend(p, 512, 32);
	else if (!memcmp(p, "IN", 2))
		xfs_mend(p, 512, 100);
	else if (!memcmp(p, "BMA3", 4))
		xfs_mend(p, size, 64);
	else if (!memcmp(p, "AB3", 3) || !memcmp(p, "IAB3", 4) || !memcmp(p, "FIB3", 4) ||
		 !memcmp(p, "R3FC", 4) || !memcmp(p, "RMB3", 4))
		xfs_mend(p, size, 52);
	else if (!memcmp(p, "XDB3", 4) || !memcmp(p, "XDD3", 4) || !memcmp(p, "XDF3", 4))
		xfs_mend(p, 4096, 4);
	else if (da == 0x3ebe || da == 0x3df1 || da == 0x3dff)
		xfs_mend(p, 4096, 12);
	else if (da == 0x3bee || !memcmp(p, "XSLM", 4) || !memcmp(p, "XARM", 4))
		xfs_mend(p, size, 12);
}

static void mutate(struct image *im, struct rng *r, const size_t *places, size_t count)
{
	for (unsigned n = 1 + (unsigned)rng_below(r, 6); n; n--) {
		size_t block = places[rng_below(r, count)],
		       at = block + (size_t)rng_below(r, rng_below(r, 2) ? 512 : 128);
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
			memcpy(im->data + block, im->data + places[rng_below(r, count)], 512);
		}
		if (rng_below(r, 8))
			mend(im, block);
	}
}

static void test_mutants(void)
{
	const char *rounds = getenv("FUZZ_ROUNDS"), *seed = getenv("FUZZ_SEED");
	unsigned long n = rounds ? strtoul(rounds, NULL, 10) : 60;
	glob_t g;
	NEED(glob("fixtures/xfs/*.zst", 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		if (strstr(g.gl_pathv[i], ".list."))
			continue;
		struct image im = load_xfs(g.gl_pathv[i]);
		uint8_t *clean = malloc(im.len);
		size_t count = 0, *places = malloc(im.len / 512 * sizeof *places);
		NEED(clean && places);
		memcpy(clean, im.data, im.len);
		/* Sectors that hold metadata or log; user data has nothing to say. */
		for (size_t at = 0; at < im.len; at += 512)
			if (!is_zero(clean + at, 64))
				places[count++] = at;
		for (unsigned long k = 0; k < n; k++) {
			struct rng r = {k * 1000 + i +
					(seed ? strtoul(seed, NULL, 10) * 1000003 : 0)};
			size_t len = im.len;
			mutate(&im, &r, places, count);
			if (k % 16 == 0)
				im.len = (size_t)rng_below(&r, len);
			tour_image(&im);
			im.len = len;
			memcpy(im.data, clean, len);
		}
		free(places);
		free(clean);
		free_image(&im);
	}
	globfree(&g);
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		struct image im = strstr(argv[i], ".zst") ? load_xfs(argv[i]) : load(argv[i]);
		NEED(im.data);
		tour_image(&im);
		free_image(&im);
		test_passed++;
	}
	if (argc < 2)
		RUN(test_mutants);
	return test_done();
}
