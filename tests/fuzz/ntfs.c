// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the NTFS reader: the input is a volume. What must hold of any input: what is called HELD can be
 * walked, and each of its plain files read to a clean end. Compressed files may be damaged inside.
 *
 *     ntfs [FILE...]        without files: fixtures/ntfs (zstd), and seeded mutants of it
 */
#include <glob.h>
#include <zstd.h>

#include "backproof/fs.h"
#include "test.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

struct visit {
	struct fs *fs;
	bool sound;
	unsigned left;
};

static size_t held, broken, files;

static int read_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)ctx, (void)value, (void)e;
	if (!*name || len > MIB)
		abort();
	return 0;
}

static int read_one(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct visit *v = ctx;
	struct error why = {0};
	struct fs_entry again;
	(void)e;
	if (strstr(it->path, "//") || *it->path == '/' || strstr(it->path, "/../") || !*it->path)
		abort();
	if (!v->left--)
		return 1;
	if (fs_lookup(v->fs, it->path, false, &again, &why) != 1 && v->sound)
		abort();
	if (fs_lookup(v->fs, it->path, true, &again, &why) < 0 && v->sound && it->type != ENTRY_LINK)
		abort();
	if (fs_xattrs(v->fs, it, read_xattr, NULL, &why) < 0 && v->sound) {
		fprintf(stderr, "HELD, but the streams of %s: %s\n", it->path, why.text);
		abort();
	}
	if (it->type == ENTRY_LINK) {
		free(fs_read_link(v->fs, it, &why));
		return 0;
	}
	if (it->type != ENTRY_FILE || it->size > 4 * MIB)
		return 0;
	autosource struct source *at_random = fs_open_source(v->fs, it, &why);
	uint8_t last;
	uint64_t size = at_random ? source_size(at_random) : 0;
	if (size && source_read_at(at_random, size - 1, &last, 1, &why) < 0 && v->sound) {
		fprintf(stderr, "HELD, but the end of %s: %s\n", it->path, why.text);
		abort();
	}
	autostream struct stream *s = fs_open_file(v->fs, it, &why);
	bool good = s && !stream_drain(s, &why);
	files += good;
	if (v->sound && !good && why.cls != ERROR_UNSUPPORTED && why.cls != ERROR_ENCRYPTED &&
	    strncmp(it->path, "packed/", 7) && strncmp(it->path, "xpress", 6) && strncmp(it->path, "lzx/", 4)) {
		fprintf(stderr, "HELD, but %s can't be read: %s\n", it->path, why.text);
		abort();
	}
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings f;
	struct error e;
	int64_t newest;
	if (findings_init(&f))
		abort();
	autosource struct source *src = source_memory(data, size, "image", &e);
	autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open("ntfs", src, "image", &f, &e) : NULL;
	bool sound = fs && !fs_verify(fs, &f, NULL, INT64_MAX, &newest, &e) &&
		     findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD;
	held += sound;
	broken += !sound;
	struct visit v = {fs, sound, 150};
	if (fs && fs_walk(fs, "", NULL, read_one, &v, &e) < 0 && sound) {
		fprintf(stderr, "HELD, but: %s\n", e.text);
		abort();
	}
	findings_free(&f);
	return 0;
}

#ifndef BACKPROOF_LIBFUZZER
static uint8_t *load(const char *path, size_t *size)
{
	FILE *fp = fopen(path, "rb");
	NEED(fp);
	fseek(fp, 0, SEEK_END);
	size_t stored = (size_t)ftell(fp), n = strlen(path);
	rewind(fp);
	uint8_t *raw = malloc(stored + 1);
	NEED(raw && fread(raw, 1, stored, fp) == stored);
	fclose(fp);
	*size = stored;
	if (n < 4 || strcmp(path + n - 4, ".zst"))
		return raw;
	*size = (size_t)ZSTD_getFrameContentSize(raw, stored);
	NEED(*size < 64 * MIB);
	uint8_t *data = malloc(*size);
	NEED(data && ZSTD_decompress(data, *size, raw, stored) == *size);
	free(raw);
	return data;
}

static char **paths;
static size_t path_count;

static void replay(void)
{
	for (size_t i = 0; i < path_count; i++) {
		size_t size;
		autofree uint8_t *data = load(paths[i], &size);
		LLVMFuzzerTestOneInput(data, size);
	}
}

struct change {
	size_t at;
	uint8_t was;
};

/* What is in use is more telling than zeros and the empty log. */
static size_t pick(struct rng *r, const uint8_t *data, size_t size)
{
	size_t at = 0;
	for (unsigned tries = 0; tries < 200; tries++) {
		at = (size_t)rng_below(r, rng_below(r, 8) ? size : 4096);
		if ((data[at] && data[at] != 0xff) || !rng_below(r, 100))
			break;
	}
	return at;
}

static void mutated(void)
{
	struct rng r = {getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 0) : 1};
	unsigned n = getenv("FUZZ_MUTANTS") ? (unsigned)atoi(getenv("FUZZ_MUTANTS")) : 150;
	CHECK(held == path_count);
	CHECK(files > 70 * (path_count - 1));
	for (size_t i = 0; i < path_count; i++) {
		size_t size;
		autofree uint8_t *data = load(paths[i], &size);
		for (unsigned m = 0; m < n; m++) {
			struct change c[6];
			size_t count = 1 + (size_t)rng_below(&r, 6);
			for (size_t k = 0; k < count; k++) {
				c[k].at = pick(&r, data, size);
				c[k].was = data[c[k].at];
				data[c[k].at] = rng_below(&r, 2) ? (uint8_t)rng_next(&r)
								 : (uint8_t)(c[k].was ^ 1u << rng_below(&r, 8));
			}
			LLVMFuzzerTestOneInput(data, size);
			for (size_t k = count; k-- > 0;)
				data[c[k].at] = c[k].was;
		}
	}
	CHECK(broken > n / 4);
}

int main(int argc, char **argv)
{
	glob_t found = {0};
	if (argc > 1) {
		paths = argv + 1;
		path_count = (size_t)argc - 1;
	} else {
		NEED(glob("fixtures/ntfs/*.img.zst", 0, NULL, &found) == 0);
		NEED(glob("fixtures/ntfs/compact/*.img.zst", GLOB_APPEND, NULL, &found) == 0);
		paths = found.gl_pathv;
		path_count = found.gl_pathc;
	}
	RUN(replay);
	if (argc == 1)
		RUN(mutated);
	globfree(&found);
	return test_done();
}
#endif
