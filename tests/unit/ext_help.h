// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of ext share: images, opening them, and lists of what is in them. */
#ifndef EXT_HELP_H
#define EXT_HELP_H

#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/text.h"
#include "fixture.h"

struct image {
	uint8_t *data;
	size_t len;
};

/* Without data when there is no such file. */
static inline struct image load(const char *path)
{
	struct image im = {0};
	im.data = fixture_file(path, &im.len);
	return im;
}

static inline struct image load_zst(const char *path)
{
	struct image im = {0};
	im.data = fixture_zst(path, &im.len);
	return im;
}

struct opened {
	struct source *src;
	struct fs *fs;
	struct findings f;
	struct error e;
	int verify; /* what fs_verify returned; 1 when not called */
	int64_t newest;
};

static inline struct opened open_image(const struct image *im, bool verify)
{
	struct opened o = {.verify = 1};
	struct budget b;
	budget_init(&b);
	NEED(findings_init(&o.f) == 0);
	o.src = source_memory(im->data, im->len, "image", &o.e);
	NEED(o.src);
	o.fs = fs_open("ext4", o.src, "image", &o.f, &o.e);
	if (!o.fs)
		finding_error(&o.f, PROOF_STRUCTURE, "ext.open", "image", &o.e);
	else if (verify)
		o.verify = fs_verify(o.fs, &o.f, &b, INT64_MAX, &o.newest, &o.e);
	return o;
}

static inline void close_image(struct opened *o)
{
	fs_destroy(o->fs);
	source_destroy(o->src);
	findings_free(&o->f);
}

static inline enum outcome judged(const struct image *im)
{
	struct opened o = open_image(im, true);
	enum outcome out = findings_proof(&o.f, PROOF_STRUCTURE);
	if (o.fs && o.verify != 0)
		out = OUTCOME_UNPROVEN;
	close_image(&o);
	return out;
}

static inline bool has_finding(const struct findings *f, const char *check, enum outcome outcome)
{
	for (size_t i = 0; i < f->count; i++)
		if (!strcmp(f->items[i].check, check) && f->items[i].outcome == outcome)
			return true;
	return false;
}

static inline void show_findings(const struct findings *f)
{
	for (size_t i = 0; i < f->count; i++)
		if (f->items[i].outcome != OUTCOME_HELD && f->items[i].outcome != OUTCOME_SKIPPED)
			fprintf(stderr, "  %s %s: %s\n", f->items[i].check,
				outcome_name(f->items[i].outcome), f->items[i].detail);
}

/* Larger files are compared by size here; one test reads such a file. */
#define LISTED_MAX (64 * MIB)

struct listing {
	struct fs *fs;
	struct strings lines;
	size_t buffer; /* size of the reads */
};

static inline int list_entry(void *ctx, const struct fs_entry *en, struct error *e)
{
	struct listing *l = ctx;
	char hex[2 * DIGEST_MAX + 1] = "-";
	autofree char *target = NULL, *line = NULL;
	if (en->type == ENTRY_FILE && en->size <= LISTED_MAX) {
		autostream struct stream *s = fs_open_file(l->fs, en, e);
		struct digest *d = digest_new(DIGEST_SHA256, e);
		uint8_t sum[DIGEST_MAX];
		autofree uint8_t *buf = malloc(l->buffer);
		ssize_t n;
		if (!s || !d || !buf) {
			digest_destroy(d);
			return -1;
		}
		while ((n = stream_read(s, buf, l->buffer, e)) > 0)
			digest_update(d, buf, (size_t)n);
		int rc = n < 0 || stream_finish(s, e) < 0 || digest_final(d, sum, e) < 0 ? -1 : 0;
		digest_destroy(d);
		if (rc < 0)
			return -1;
		hex_encode(sum, 32, hex);
	} else if (en->type == ENTRY_LINK) {
		target = fs_read_link(l->fs, en, e);
		if (!target)
			return -1;
	}
	line = text_format("%c %o %u %llu %s %s",
			   en->type == ENTRY_DIR    ? 'd'
			   : en->type == ENTRY_LINK ? 'l'
						    : 'f',
			   en->mode & 07777, en->links,
			   en->type == ENTRY_DIR ? 0ULL : (unsigned long long)en->size,
			   target ? target : hex, en->path);
	return line ? strings_add(&l->lines, line) : -1;
}

static inline int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* The whole tree as sorted lines. NULL when the walk failed. */
static inline char *list_fs(struct fs *fs, size_t buffer, struct error *e)
{
	struct listing l = {.fs = fs, .buffer = buffer};
	struct budget b;
	struct text t = {0};
	budget_init(&b);
	if (fs_walk(fs, "", &b, list_entry, &l, e) < 0) {
		strings_free(&l.lines);
		return NULL;
	}
	qsort(l.lines.items, l.lines.count, sizeof *l.lines.items, by_text);
	for (size_t i = 0; i < l.lines.count; i++)
		text_printf(&t, "%s\n", l.lines.items[i]);
	strings_free(&l.lines);
	return t.data ? t.data : strdup("");
}

/* A list made by fixtures/ext/make.sh, sorted in the same way. */
static inline char *sorted_lines(char *text)
{
	struct strings lines = {0};
	struct text t = {0};
	char *save = NULL;
	for (char *p = strtok_r(text, "\n", &save); p; p = strtok_r(NULL, "\n", &save))
		NEED(strings_add(&lines, p) == 0);
	qsort(lines.items, lines.count, sizeof *lines.items, by_text);
	for (size_t i = 0; i < lines.count; i++)
		text_printf(&t, "%s\n", lines.items[i]);
	strings_free(&lines);
	return t.data ? t.data : strdup("");
}

#endif
