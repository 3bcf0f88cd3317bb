// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the FAT reader: the input is the beginning of a volume, what follows is zeros. What must
 * hold of any input: what is called HELD can be walked, and each of its files read to a clean end.
 *
 *     fat [FILE...]        without files: fixtures/fat, and seeded mutants of it
 */
#include "backproof/fs.h"
#include "replay.h"

#define VOLUME_SIZE (34 * MIB)

struct head {
	const uint8_t *data;
	size_t size;
};

static int head_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct head *h = self;
	size_t have = off < h->size ? h->size - (size_t)off : 0;
	(void)e;
	if (have > len)
		have = len;
	if (have)
		memcpy(buf, h->data + off, have);
	memset((uint8_t *)buf + have, 0, len - have);
	return 0;
}
static const struct source_ops head_ops = {"head", head_read, NULL, NULL};

struct visit {
	struct fs *fs;
	bool sound;
	unsigned left;
};

static size_t held, broken, files;

static int read_one(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct visit *v = ctx;
	struct error why;
	struct fs_entry again;
	if (strstr(it->path, "//") || *it->path == '/' || strstr(it->path, "/../") || !*it->path)
		abort();
	if (!v->left--)
		return 1;
	if (fs_lookup(v->fs, it->path, true, &again, e) != 1)
		abort();
	if (it->type != ENTRY_FILE || it->size > 4 * MIB)
		return 0;
	autostream struct stream *s = fs_open_file(v->fs, it, &why);
	bool good = s && !stream_drain(s, &why);
	files += good;
	if (v->sound && !good) {
		fprintf(stderr, "HELD, but %s can't be read: %s\n", it->path, why.text);
		abort();
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct head h = {data, size};
	struct findings f;
	struct error e;
	int64_t newest;
	if (findings_init(&f))
		abort();
	autosource struct source *src = source_new(&head_ops, &h, VOLUME_SIZE, "head", &e);
	autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open("vfat", src, "head", &f, &e) : NULL;
	if (!fs || fs_verify(fs, &f, NULL, INT64_MAX, &newest, &e) < 0) {
		broken++;
		findings_free(&f);
		return 0;
	}
	struct visit v = {fs, findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD, 300};
	held += v.sound;
	broken += !v.sound;
	if (fs_walk(fs, "", NULL, read_one, &v, &e) < 0 && v.sound) {
		fprintf(stderr, "HELD, but: %s\n", e.text);
		abort();
	}
	findings_free(&f);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static void mutated(void)
{
	struct rng r = {1};
	unsigned n = getenv("FUZZ_MUTANTS") ? (unsigned)atoi(getenv("FUZZ_MUTANTS")) : 400;
	CHECK(held == 3);
	CHECK(files == 15);
	for (size_t i = 0; i < path_count; i++) {
		size_t size;
		autofree uint8_t *data = load(paths[i], &size), *whole = load(paths[i], &size);
		for (unsigned m = 0; m < n; m++) {
			for (uint64_t k = 1 + rng_below(&r, 4); k; k--) {
				size_t at = (size_t)rng_below(&r, rng_below(&r, 3) ? size : 600);
				/* Zeros stay zeros mostly: what is in use is more telling. */
				if (!data[at] && rng_below(&r, 8)) {
					k++;
					continue;
				}
				data[at] = rng_below(&r, 2) ? (uint8_t)rng_next(&r)
							    : (uint8_t)(data[at] ^ 1u << rng_below(&r, 8));
			}
			LLVMFuzzerTestOneInput(data, size);
			memcpy(data, whole, size);
		}
	}
	CHECK(broken > n / 2);
}

REPLAY_MAIN(mutated, "fixtures/fat/*.head")
#endif
