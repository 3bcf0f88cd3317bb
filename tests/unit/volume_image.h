// SPDX-License-Identifier: GPL-3.0-or-later
/* What tests of NTFS and exFAT share: an image in memory, what the reader says of it, its files against a list of sums. */
#ifndef VOLUME_IMAGE_H
#define VOLUME_IMAGE_H

#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/text.h"
#include "fixture.h"

struct image {
	uint8_t *data;
	size_t size;
};

static inline void *load_file(const char *path, size_t *size)
{
	void *p = fixture_file(path, size);
	NEED(p);
	return p;
}

static inline struct image load_image(const char *path)
{
	struct image i;
	i.data = fixture_zst(path, &i.size);
	return i;
}

static inline struct image copy_image(const struct image *from)
{
	struct image i = {malloc(from->size), from->size};
	NEED(i.data);
	memcpy(i.data, from->data, from->size);
	return i;
}

struct seen {
	struct source *src;
	struct fs *fs;
	struct findings f;
	struct error e;
	int64_t newest;
};

static inline void look(const char *type, const struct image *i, size_t size, struct seen *s)
{
	memset(s, 0, sizeof *s);
	NEED(!findings_init(&s->f));
	s->src = source_memory(i->data, size, "image", &s->e);
	NEED(s->src);
	s->fs = fs_open(type, s->src, "image", &s->f, &s->e);
	if (!s->fs)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.open", "image", &s->e);
	else if (fs_verify(s->fs, &s->f, NULL, INT64_MAX, &s->newest, &s->e) < 0)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.verify", "image", &s->e);
}

static inline void drop(struct seen *s)
{
	fs_destroy(s->fs);
	source_destroy(s->src);
	findings_free(&s->f);
}

static inline enum outcome structure(const struct seen *s)
{
	return findings_proof(&s->f, PROOF_STRUCTURE);
}

static inline bool has(const struct seen *s, const char *check, enum outcome o)
{
	for (size_t i = 0; i < s->f.count; i++)
		if (!strcmp(s->f.items[i].check, check) && s->f.items[i].outcome == o)
			return true;
	return false;
}

static inline void dump(const struct seen *s)
{
	for (size_t i = 0; i < s->f.count; i++)
		fprintf(stderr, "  %s %s: %s\n", s->f.items[i].check, outcome_name(s->f.items[i].outcome),
			s->f.items[i].detail);
}

static inline int touch_file(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct error why;
	(void)e;
	if (it->type != ENTRY_FILE)
		return 0;
	autostream struct stream *s = fs_open_file(ctx, it, &why);
	if (s && stream_drain(s, &why) < 0)
		return 0;
	return 0;
}

/* The damaged image is never fine: `want` comes out, by that check, and reading meets no trouble. */
static inline void expect_at(const char *type, const struct image *i, size_t size, enum outcome want,
			     const char *check, int line)
{
	struct seen s;
	struct error e;
	look(type, i, size, &s);
	if (s.fs && fs_walk(s.fs, "", NULL, touch_file, s.fs, &e) < 0)
		CHECK(e.cls == ERROR_CORRUPT);
	if (structure(&s) != want || (check && !has(&s, check, want))) {
		test_bad_here++;
		fprintf(stderr, "line %d: not %s by %s\n", line, outcome_name(want), check ? check : "any");
		dump(&s);
	}
	drop(&s);
}

/* Files whose sums were found in the list, and others. */
static const char *sums_text;
static size_t sums_met, sums_missed, dirs_met;

static inline void sum_of(struct stream *s, char hex[2 * DIGEST_MAX + 1])
{
	struct error e;
	uint8_t out[DIGEST_MAX];
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, &e);
	NEED(d && !stream_tap(s, digest_update, d, &e));
	snprintf(hex, 32, "failed");
	if (stream_drain(s, &e) < 0) {
		fprintf(stderr, "  %s\n", e.text);
		return;
	}
	NEED(!digest_final(d, out, &e));
	hex_encode(out, digest_size(DIGEST_SHA256), hex);
}

static inline int compare_file(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct fs *fs = ctx;
	struct fs_entry again;
	char hex[2 * DIGEST_MAX + 1];
	CHECK_INT(fs_lookup(fs, it->path, false, &again, e), 1);
	CHECK_INT(again.id, it->id);
	dirs_met += it->type == ENTRY_DIR;
	if (it->type != ENTRY_FILE)
		return 0;
	autostream struct stream *s = fs_open_file(fs, it, e);
	if (!s) {
		sums_missed++;
		return 0;
	}
	sum_of(s, hex);
	autofree char *line = text_format("%s  ./%s\n", hex, it->path);
	if (strstr(sums_text, line)) {
		sums_met++;
	} else {
		test_bad_here++;
		fprintf(stderr, "not in the list: %s", line);
	}
	return 0;
}

static inline size_t lines_of(const char *s)
{
	size_t n = 0;
	while ((s = strchr(s, '\n')))
		n++, s++;
	return n;
}

#endif
