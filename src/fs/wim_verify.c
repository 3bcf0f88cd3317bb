// SPDX-License-Identifier: GPL-3.0-or-later
/* What is checked of a WIM: the trees of all images, that every content is there, and at last each content's SHA-1. */
#include "wim.h"

static void say(struct findings *f, const char *check, const char *subject, enum outcome o, int64_t at,
		const char *text)
{
	finding_add(f, PROOF_STRUCTURE, check, subject, o,
		    &(struct finding_text){.offset = at,
					   .has_offset = at >= 0,
					   .error = o == OUTCOME_BROKEN ? ERROR_CORRUPT : ERROR_NONE},
		    "%s", text);
}

/* The tree that is looked at was compared when it was opened; the others are now. */
static int verify_trees(struct wim *w, const char *subject, struct findings *f, const struct budget *b,
			struct error *e)
{
	size_t broken = 0;
	char text[120];
	for (size_t i = 0; i < w->metadata.count; i++) {
		struct error why = {0};
		if (b && budget_check(b, e) < 0)
			return -1;
		autofree uint8_t *p = wim_read_blob(w, &w->metadata.items[i], GIB, &why);
		if (p)
			continue;
		if (why.cls != ERROR_CORRUPT) {
			*e = why;
			return -1;
		}
		broken++;
		error_prefix(&why, "the tree of image %zu", i + 1);
		finding_error(f, PROOF_STRUCTURE, "wim.metadata", subject, &why);
	}
	snprintf(text, sizeof text, "the SHA-1 of %s tree holds", w->metadata.count == 1 ? "its" : "each image's");
	if (!broken)
		say(f, "wim.metadata", subject, OUTCOME_HELD, -1, text);
	return 0;
}

int wim_verify(void *self, const char *subject, struct findings *f, const struct budget *b, int64_t now,
	       int64_t *newest, struct error *e)
{
	struct wim *w = self;
	char text[200];
	*newest = 0;
	if (verify_trees(w, subject, f, b, e) < 0)
		return -1;
	vec_each(&w->nodes, n) if (n->ctime > *newest && n->ctime <= now) *newest = n->ctime;
	if (w->lost)
		return 0; /* said when it was opened */
	snprintf(text, sizeof text, "%zu entries with %llu streams: every content is in the file", w->nodes.count,
		 (unsigned long long)w->streams);
	say(f, "wim.contents", subject, OUTCOME_HELD, -1, text);
	return 0;
}

struct place {
	uint64_t at;
	uint32_t solid, blob;
};

static int by_place(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	if (x->solid != y->solid)
		return x->solid < y->solid ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

/* The name of a file with that content, for people. */
static void name_of(const struct wim *w, uint32_t blob, struct text *t)
{
	for (uint32_t i = 0; i < w->nodes.count; i++)
		if (w->nodes.items[i].blob == blob) {
			text_put(t, "/");
			wim_path(w, i, t);
			return;
		}
	text_put(t, "a content of no file of this image");
}

static int scrub_one(struct wim *w, uint32_t blob, uint8_t *buf, size_t room, const struct budget *b,
		     struct error *e)
{
	ssize_t n;
	autostream struct stream *s = wim_open_blob(w, &w->blobs.items[blob], e);
	if (!s)
		return -1;
	while ((n = stream_read(s, buf, room, e)) > 0)
		if (b && budget_check(b, e) < 0)
			return -1;
	return n < 0 ? -1 : stream_finish(s, e);
}

int wim_scrub(void *self, const char *subject, struct findings *f, const struct budget *b, struct error *e)
{
	struct wim *w = self;
	uint64_t bytes = 0, broken = 0;
	char text[160];
	autofree struct place *order = calloc(w->blobs.count + 1, sizeof *order);
	autofree uint8_t *buf = malloc(MIB);
	if (!order || !buf)
		return error_nomem(e);
	for (uint32_t i = 0; i < w->blobs.count; i++)
		order[i] = (struct place){w->blobs.items[i].offset, w->blobs.items[i].solid, i};
	qsort(order, w->blobs.count, sizeof *order, by_place);
	for (size_t i = 0; i < w->blobs.count; i++) {
		struct error why = {0};
		if (scrub_one(w, order[i].blob, buf, MIB, b, &why) == 0) {
			bytes += w->blobs.items[order[i].blob].size;
			continue;
		}
		if (why.cls != ERROR_CORRUPT) {
			*e = why;
			return -1;
		}
		broken++;
		if (broken < 50) {
			autotext struct text name = {0};
			name_of(w, order[i].blob, &name);
			error_prefix(&why, "%s", text_str(&name));
		}
		finding_error(f, PROOF_STRUCTURE, "wim.sha1", subject, &why);
	}
	snprintf(text, sizeof text, "%zu contents, %llu bytes: the SHA-1 of each holds", w->blobs.count,
		 (unsigned long long)bytes);
	if (!broken)
		say(f, "wim.sha1", subject, OUTCOME_HELD, -1, text);
	return 0;
}
