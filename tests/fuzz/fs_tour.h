// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Everything that is asked of a file system, of hostile bytes: opened, all of its metadata verified, gone through,
 * every file read. What is HELD can be walked, looked up and read.
 */
#ifndef FUZZ_FS_TOUR_H
#define FUZZ_FS_TOUR_H

#include "backproof/fs.h"

struct fs_tour {
	const char *type;
	/* An error of a file (or its attributes) that may be although all is HELD; NULL: none may be. */
	bool (*excused)(const struct fs_entry *it, const struct error *why);
	unsigned most; /* entries */
	/* Out: */
	bool held, checksums, told;
	uint64_t listing; /* of names, kinds, sizes, modes and times; ext keeps targets as data */
	unsigned entries, files;
	char said[200]; /* the outcome, and what is wrong: checks and classes of errors */
	/* While it goes on: */
	struct fs *fs;
	unsigned unread;
	enum error_class first; /* of what could not be read */
};

static inline void fs_tour_demand(struct fs_tour *t, bool is, const char *what, const struct fs_entry *it,
				  const struct error *why)
{
	if (!is && !t->unread++)
		t->first = why->cls;
	if (is || !t->held || (it && t->excused && t->excused(it, why)))
		return;
	fprintf(stderr, "HELD, but %s of %s: %s\n", what, it ? it->path : "the whole", why->text);
	abort();
}

static inline int fs_tour_xattr(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	volatile size_t sum = strlen(name) + (len ? *(const uint8_t *)value + ((const uint8_t *)value)[len - 1] : 0u);
	(void)ctx, (void)e, (void)sum;
	return 0;
}

/* To its end, into one buffer for all: where streams make their own, half of the time goes into asking for memory. */
static inline bool fs_tour_read(struct fs *fs, const struct fs_entry *it, struct error *why)
{
	static uint8_t buf[64 * KIB];
	autostream struct stream *s = fs_open_file(fs, it, why);
	ssize_t n = s ? 1 : -1;
	while (n > 0)
		n = stream_read(s, buf, sizeof buf, why);
	return n == 0 && stream_finish(s, why) == 0;
}

static inline int fs_tour_visit(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct fs_tour *t = ctx;
	struct error why = {0};
	struct fs_entry again;
	const char *p = it->path;
	uint64_t facts[4] = {it->type, it->size, it->mode, (uint64_t)it->mtime};
	(void)e;
	if (!*p || *p == '/' || strstr(p, "//") || strstr(p, "/../") || !strncmp(p, "../", 3) || !strcmp(p, ".."))
		abort();
	if (it->type == ENTRY_DIR) /* sizes of directories are told differently */
		facts[1] = 0;
	t->listing = t->listing * 31 + hash_bytes(p, strlen(p)) + hash_bytes(facts, sizeof facts);
	if (++t->entries > t->most)
		return 1;
	if (t->entries % 4 == 0) {
		fs_tour_demand(t, fs_lookup(t->fs, p, false, &again, &why) == 1, "looking", it, &why);
		int rc = fs_lookup(t->fs, p, true, &again, &why);
		fs_tour_demand(t, rc >= 0 || it->type == ENTRY_LINK, "following", it, &why);
	}
	fs_tour_demand(t, fs_xattrs(t->fs, it, fs_tour_xattr, NULL, &why) >= 0, "attributes", it, &why);
	if (it->type == ENTRY_LINK) {
		autofree char *target = fs_read_link(t->fs, it, &why);
		fs_tour_demand(t, target, "the target", it, &why);
	}
	if (it->type != ENTRY_FILE || it->size > 4 * MIB)
		return 0;
	autosource struct source *at_random = fs_open_source(t->fs, it, &why);
	uint8_t last;
	uint64_t size = at_random ? source_size(at_random) : 0;
	if (size)
		fs_tour_demand(t, source_read_at(at_random, size - 1, &last, 1, &why) == 0, "the end", it, &why);
	bool good = fs_tour_read(t->fs, it, &why);
	t->files += good;
	fs_tour_demand(t, good, "the content", it, &why);
	return 0;
}

/* The first finding that is neither HELD nor only information. */
static inline void fs_tour_say(struct fs_tour *t, const struct findings *f, const char *more)
{
	const struct finding *it = f->items, *end = it + f->count;
	while (it < end && (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED))
		it++;
	snprintf(t->said, sizeof t->said, "%s%s%s", outcome_name(findings_proof(f, PROOF_STRUCTURE)),
		 *more && *more != ',' ? ", not verified: " : "", more);
	size_t n = strlen(t->said);
	if (it < end)
		snprintf(t->said + n, sizeof t->said - n, ", %s %s", it->check, error_class_name(it->error));
}

static inline void fs_tour_unread(struct fs_tour *t)
{
	size_t n = strlen(t->said);
	if (t->unread)
		snprintf(t->said + n, sizeof t->said - n, ", unread %s", error_class_name(t->first));
}

/* Which parts are in use, by its own account. */
static inline void fs_tour_used(struct fs_tour *t, uint64_t size)
{
	struct error e = {0};
	struct extent x = {.length = 1};
	int rc = 1;
	for (uint64_t at = 0, n = 0; at < size && n < 300 && rc == 1; at += x.length, n++)
		rc = fs_used_at(t->fs, at, &x, &e);
	fs_tour_demand(t, rc >= 0, "what is in use", NULL, &e);
}

static inline void fs_tour(struct fs_tour *t, const uint8_t *data, size_t size)
{
	struct findings f;
	struct budget b;
	struct error e = {0};
	int64_t newest;
	if (findings_init(&f) < 0)
		abort();
	budget_init(&b);
	t->held = t->checksums = t->told = false;
	t->listing = t->entries = t->files = t->unread = 0;
	autosource struct source *src = source_memory(data, size, "image", &e);
	t->fs = src ? fs_open(t->type, src, "image", &f, &e) : NULL;
	if (t->fs) {
		bool verified = fs_verify(t->fs, &f, &b, INT64_MAX, &newest, &e) == 0, stale = fs_info(t->fs)->stale_view;
		t->held = verified && findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD && !stale;
		t->checksums = fs_info(t->fs)->checksums;
		fs_tour_say(t, &f, verified ? stale ? ", stale" : "" : error_class_name(e.cls));
		int rc = fs_walk(t->fs, "", &b, fs_tour_visit, t, &e);
		fs_tour_demand(t, rc >= 0, "the tree", NULL, &e);
		t->told = rc == 0;
		fs_tour_used(t, size);
		fs_tour_unread(t);
		fs_destroy(t->fs);
	} else if (e.cls == ERROR_NONE || !e.text[0]) {
		abort(); /* a refusal has a reason */
	} else {
		snprintf(t->said, sizeof t->said, "refused, %s", error_class_name(e.cls));
	}
	findings_free(&f);
}

#endif
