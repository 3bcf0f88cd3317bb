// SPDX-License-Identifier: GPL-3.0-or-later
/* Hostile bytes for the WIM reader, as they are and with the SHA-1 of trees made right: what is HELD can be read. */
#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/wim.h"
#include "mutate.h"

struct visit {
	struct fs *fs;
	bool sound;
	unsigned left;
};

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
	if (it->type == ENTRY_LINK)
		free(fs_read_link(v->fs, it, &why));
	if (it->type != ENTRY_FILE || it->size > 4 * MIB)
		return 0;
	autostream struct stream *s = fs_open_file(v->fs, it, &why);
	bool good = s && !stream_drain(s, &why);
	if (v->sound && !good && why.cls == ERROR_CORRUPT) {
		fprintf(stderr, "HELD, but %s can't be read: %s\n", it->path, why.text);
		abort();
	}
	return 0;
}

static void look(const uint8_t *data, size_t size)
{
	struct findings f;
	struct error e;
	int64_t newest;
	if (findings_init(&f))
		abort();
	autosource struct source *src = source_memory(data, size, "image", &e);
	autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open("wim", src, "image", &f, &e) : NULL;
	bool sound = fs && !fs_verify(fs, &f, NULL, INT64_MAX, &newest, &e) && fs_scrub(fs, &f, NULL, &e) == 1 &&
		     findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD;
	struct visit v = {fs, sound, 150};
	if (fs && fs_walk(fs, "", NULL, read_one, &v, &e) < 0 && sound) {
		fprintf(stderr, "HELD, but: %s\n", e.text);
		abort();
	}
	findings_free(&f);
}

/* In a file without compression; false: nothing to mend. */
static bool mend(uint8_t *data, size_t size)
{
	struct wim_resource t, r;
	struct error e;
	uint8_t out[DIGEST_MAX];
	bool any = false;
	if (size < WIM_HEADER_SIZE)
		return false;
	wim_resource_parse(data + 48, &t);
	if (t.offset > size || t.stored > size - t.offset)
		return false;
	for (uint64_t at = t.offset; at + 50 <= t.offset + t.stored; at += 50) {
		wim_resource_parse(data + at, &r);
		if ((r.flags & (WIM_METADATA | WIM_COMPRESSED)) != WIM_METADATA || r.offset > size ||
		    r.stored > size - r.offset)
			continue;
		autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA1, &e);
		if (!d)
			abort();
		digest_update(d, data + r.offset, (size_t)r.stored);
		if (digest_final(d, out, &e))
			abort();
		memcpy(data + at + 30, out, 20);
		any = true;
	}
	return any;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	look(data, size);
	autofree uint8_t *copy = malloc(size + 1);
	if (!copy)
		abort();
	memcpy(copy, data, size);
	if (mend(copy, size))
		look(copy, size);
	return 0;
}

/* The small ones, which are mostly tables and trees, more often. */
MUTATE_MAIN(4000, "fixtures/wim/*.wim", "fixtures/wim/*.esd", "fixtures/wim/tiny*", "fixtures/wim/tiny*",
	    "fixtures/wim/tiny*")
