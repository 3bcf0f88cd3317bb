// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Any bytes as an ext image: opened, all of its metadata verified, walked, and every file read. What must hold of
 * any input: what is called HELD can be walked, and each of its files read to a clean end.
 */
#include "backproof/fs.h"
#include "mutate.h"

#define FILE_MAX (4 * MIB)

struct tour {
	struct fs *fs;
	bool sound;
	unsigned left;
};

static void demand(bool is, const char *what, const struct error *e)
{
	if (is)
		return;
	fprintf(stderr, "not so: %s: %s\n", what, e->text);
	abort();
}

static int attribute(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)e;
	*(size_t *)ctx += strlen(name) + (len ? *(const uint8_t *)value + ((const uint8_t *)value)[len - 1] : 0);
	return 0;
}

static int visit(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct tour *t = ctx;
	struct error why = {0};
	size_t sum = 0;
	(void)e;
	if (!t->left--)
		return 1;
	demand(*it->path && *it->path != '/' && !strstr(it->path, "//") && !strstr(it->path, "/../"), it->path, &why);
	demand(fs_xattrs(t->fs, it, attribute, &sum, &why) == 0 || !t->sound, "HELD has attributes", &why);
	if (it->type == ENTRY_LINK) {
		char *link = fs_read_link(t->fs, it, &why);
		demand(link || !t->sound, "HELD has links", &why);
		free(link);
	}
	if (it->type != ENTRY_FILE || it->size > FILE_MAX)
		return 0;
	autostream struct stream *s = fs_open_file(t->fs, it, &why);
	bool good = s && !stream_drain(s, &why);
	demand(good || !t->sound, "HELD can be read", &why);
	return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct findings f;
	struct budget b;
	struct error e = {0};
	int64_t newest;
	NEED(findings_init(&f) == 0);
	budget_init(&b);
	autosource struct source *src = source_memory(data, size, "fuzz", &e);
	autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open("ext4", src, "fuzz", &f, &e) : NULL;
	if (fs) {
		struct tour t = {fs, false, 500};
		t.sound = fs_verify(fs, &f, &b, INT64_MAX, &newest, &e) == 0 &&
			  findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD;
		int rc = fs_walk(fs, "", &b, visit, &t, &e);
		demand(rc >= 0 || !t.sound, "HELD can be walked", &e);
	} else {
		demand(e.cls != ERROR_NONE && e.text[0], "a refusal has a reason", &e);
	}
	findings_free(&f);
	return 0;
}

MUTATE_MAIN(1500, "fixtures/ext_small/*.img")
