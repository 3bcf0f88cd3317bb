// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile bytes for the NTFS reader: the input is a volume. What must hold of any input: what is called HELD can be
 * walked, and each of its plain files read to a clean end. Compressed files may be damaged inside.
 *
 *     ntfs [FILE...]        without files: fixtures/ntfs (zstd), and seeded mutants of it
 */
#include "backproof/fs.h"
#include "replay.h"

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
static void mutated(void)
{
	CHECK(held == path_count);
	CHECK(files > 70 * (path_count - 1));
	unsigned n = mutate_volumes();
	CHECK(broken > n / 4);
}

REPLAY_MAIN(mutated, "fixtures/ntfs/*.img.zst", "fixtures/ntfs/compact/*.img.zst")
#endif
