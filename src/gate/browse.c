// SPDX-License-Identifier: GPL-3.0-or-later
/* Files of a backup for people: a list, their bytes, or copies on a disk. */
#include <errno.h>

#include "backproof/extract.h"
#include "backproof/text.h"
#include "browse.h"
#include "browse_list.h"
#include "browse_names.h"

#define CHUNK (1 * MIB)

static int say(struct browse *b, const char *path, const struct error *e)
{
	int code = e->cls == ERROR_CORRUPT	 ? CODE_DAMAGED
		   : e->cls == ERROR_UNSUPPORTED ? b->code
						 : CODE_CANNOT_TELL;
	/* Most messages name the file themselves. */
	if (strncmp(e->text, path, strlen(path))) {
		text_put_safe(b->out, path);
		text_put(b->out, ": ");
	}
	text_put_safe(b->out, e->text);
	text_put(b->out, "\n");
	b->failed++;
	if (!b->code || code == CODE_DAMAGED)
		b->code = code ? code : CODE_CANNOT_TELL;
	return 0;
}

/* Its bytes, and nothing but these: what has none is no empty file. 1: they were written, 0: they were not. */
static int cat_entry(struct browse *b, const struct fs_entry *x, const char *link, extract_read_fn *read, void *ctx,
		     struct error *e)
{
	struct error why = {0};
	uint64_t done = 0;
	if (x->type != ENTRY_FILE) {
		/* One that a glob means besides is passed over. */
		if (!strings_has(&b->wanted, x->path))
			return 0;
		error_set(&why, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, link ? "a link to %s: ask for that" : "no file%s",
			  link ? link : x->type == ENTRY_DIR ? ", but a directory" : "");
		return say(b, x->path, &why);
	}
	for (;;) {
		ssize_t n = read(ctx, b->buf, CHUNK, &why);
		if (n < 0)
			return say(b, x->path, &why);
		if (n == 0)
			break;
		if (b->write(b, b->buf, (size_t)n, e) < 0)
			return -1;
		done += (uint64_t)n;
	}
	if (done == x->size)
		return 1;
	error_set(&why, ERROR_CORRUPT, (int64_t)done, "holds %llu bytes, not the %llu that it should",
		  (unsigned long long)done, (unsigned long long)x->size);
	return say(b, x->path, &why);
}

/* One entry that is wanted. -1 only for what ends everything. */
static int take_entry(struct browse *b, const struct fs_entry *x, const char *link, extract_read_fn *read, void *ctx,
		      struct error *e)
{
	struct error why = {0};
	if (b->list) {
		browse_list_entry(b->out, b->json, !b->files++, x, link);
		return 0;
	}
	if (b->to) {
		if (extract_entry(b->to, x, link, read, ctx, &why) < 0)
			return say(b, x->path, &why);
	} else {
		int rc = cat_entry(b, x, link, read, ctx, e);
		if (rc <= 0)
			return rc;
	}
	b->files += x->type == ENTRY_FILE;
	b->bytes += x->type == ENTRY_FILE ? x->size : 0;
	b->r->budget->bytes_decoded += x->size;
	return 0;
}

static bool is_wanted(struct browse *b, const char *path)
{
	bool any = false, below = b->list || b->to;
	for (size_t i = 0; i < b->wanted.count; i++)
		if ((below ? browse_fits : browse_is)(b->wanted.items[i], path))
			any = b->met[i] = true;
	return any;
}

static ssize_t read_stream(void *ctx, void *buf, size_t cap, struct error *e)
{
	ssize_t n = stream_read(ctx, buf, cap, e);
	return n == 0 && stream_finish(ctx, e) < 0 ? -1 : n;
}

static int visit(void *ctx, struct subject_volume *v, const struct fs_entry *x, struct error *e)
{
	struct browse *b = ctx;
	struct error why = {0};
	if (!is_wanted(b, x->path))
		return 0;
	b->doubtful |= fs_info(v->fs)->stale_view;
	if (x->type == ENTRY_FILE && !b->list) {
		autostream struct stream *in = fs_open_file(v->fs, x, &why);
		return in ? take_entry(b, x, NULL, read_stream, in, e) : say(b, x->path, &why);
	}
	autofree char *link = x->type == ENTRY_LINK ? fs_read_link(v->fs, x, &why) : NULL;
	if (x->type == ENTRY_LINK && !link)
		return say(b, x->path, &why);
	return take_entry(b, x, link, NULL, NULL, e);
}

static ssize_t read_member(void *ctx, void *buf, size_t cap, struct error *e)
{
	return archive_reader_data(ctx, buf, cap, e);
}

static int visit_member(void *ctx, const struct archive_member *m, struct archive_reader *r, struct error *e)
{
	struct browse *b = ctx;
	if (!is_wanted(b, m->entry.path))
		return 0;
	if (m->hardlink && !b->list && !m->entry.size) {
		/* Its data went by under the first of its names. */
		struct error why;
		error_set(&why, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "a hard link to %s: ask for that name too",
			  m->hardlink);
		return say(b, m->entry.path, &why);
	}
	b->doubtful = true;
	return take_entry(b, &m->entry, m->link, read_member, r, e);
}

static struct subject_volume *chosen_volume(struct browse *b, struct error *e)
{
	struct subject_volume *found = NULL;
	unsigned n = 0, mounted = 0;
	vec_each(&b->look.s.volumes, v)
	{
		if (!v->fs)
			continue;
		mounted += v->mount != NULL;
		n++;
		if (b->r->fs ? n == b->r->fs : n == 1)
			found = v;
	}
	if (b->r->fs && !found)
		error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "there is no file system %u: %u can be read", b->r->fs, n);
	else if (!b->r->fs && mounted)
		found = NULL;
	else if (!b->r->fs && n > 1)
		error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET,
			  "no system was found that would join the %u file systems: choose one with --fs N, as "
			  "inspect shows them",
			  n);
	return found;
}

static int walk_all(struct browse *b, struct error *e)
{
	struct error why = {0};
	struct subject_volume *only = chosen_volume(b, &why);
	if (why.cls == ERROR_MISSING || (why.cls == ERROR_AMBIGUOUS)) {
		*e = why;
		return -1;
	}
	if (!b->look.s.volumes.count)
		return 0;
	for (size_t i = 0; i < b->wanted.count; i++) {
		autofree char *start = browse_start(b->wanted.items[i]);
		if (!start)
			return error_nomem(e);
		/* What a wider pattern before it has shown already is not shown again. */
		bool shown = false;
		for (size_t k = 0; k < i; k++)
			shown |= browse_fits(b->wanted.items[k], b->wanted.items[i]);
		if (shown)
			continue;
		if (subject_walk(&b->look.s, only, start, b->r->budget, visit, b, e) < 0)
			return -1;
		if (!*b->wanted.items[i] && (b->list || b->to))
			b->met[i] = true;
	}
	return 0;
}

static int prepare(struct browse *b, struct error *e)
{
	const struct strings *files = b->r->files;
	b->met = calloc(files->count + 1, sizeof *b->met);
	b->buf = malloc(CHUNK + 1);
	if (!b->met || !b->buf)
		return error_nomem(e);
	for (size_t i = 0; i < files->count || (b->list && i == 0); i++) {
		autofree char *path = browse_bare(i < files->count ? files->items[i] : "");
		if (!path || strings_add(&b->wanted, path) < 0)
			return error_nomem(e);
	}
	return 0;
}

static void missing(struct browse *b)
{
	for (size_t i = 0; i < b->wanted.count; i++) {
		if (b->met[i])
			continue;
		text_put_safe(b->out, b->r->files->items[i]);
		text_put(b->out, ": not in the backup\n");
		if (!b->code)
			b->code = CODE_INCOMPLETE;
	}
}

/* Nothing inside was shown, because something could not be opened: that is the answer then. */
static void tell_obstacles(struct browse *b)
{
	const struct findings *f = &b->look.f;
	for (size_t i = 0; i < f->count; i++) {
		const struct finding *it = &f->items[i];
		if (it->outcome == OUTCOME_HELD || it->outcome == OUTCOME_SKIPPED)
			continue;
		text_put_safe(b->out, it->subject);
		text_put(b->out, ": ");
		text_put_safe(b->out, it->detail ? it->detail : it->check);
		text_put(b->out, "\n");
	}
}

int browse_here(struct browse *b, struct error *e)
{
	b->look.p.archive_visit = visit_member;
	b->look.p.archive_ctx = b;
	if (prepare(b, e) < 0 || (b->directory && !(b->to = extractor_open(b->directory, e))) ||
	    look_open(&b->look, e) < 0 || walk_all(b, e) < 0)
		return -1;
	if (b->to && extract_end(b->to, e) < 0)
		return -1;
	bool readable = b->look.s.archive;
	vec_each(&b->look.s.volumes, v) readable |= v->fs != NULL;
	int code = look_code(&b->look.f);
	if (!b->list || !b->json) {
		if (!b->list)
			missing(b);
		else if (!b->files && b->wanted.count)
			missing(b);
		if (code && !b->list)
			tell_obstacles(b);
	}
	/* Something in the way of a part of it matters only where that part was wanted: what was asked for came. But
	 * what came out of an archive is only proved by its end, and an older tree may hold older files. */
	if (code && b->doubtful && !b->list)
		text_put(b->out, "what came out of it may be wrong\n");
	if (!readable || ((b->code || b->doubtful) && code))
		return code ? code : CODE_CANNOT_TELL;
	return b->list && !b->files && code ? code : b->code;
}
