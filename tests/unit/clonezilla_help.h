// SPDX-License-Identifier: GPL-3.0-or-later
/* A Clonezilla directory of the fixtures in memory, to be changed and composed. */
#ifndef CLONEZILLA_HELP_H
#define CLONEZILLA_HELP_H

#include <dirent.h>

#include "backproof/composite.h"
#include "clone_help.h"

/* A restore point in memory: what the core provides. */
struct file {
	char name[96];
	struct bytes b;
	struct source *raw, *joined;
	struct bytes content;
	struct image im;
	bool open;
};
struct shelf {
	struct file files[64];
	size_t count;
	struct strings names;
	struct companions companions;
	struct findings f;
	struct image out;
	struct error e;
	int rc;
};

static struct file *file_of(struct shelf *s, const char *name)
{
	for (size_t i = 0; i < s->count; i++)
		if (!strcmp(s->files[i].name, name))
			return &s->files[i];
	return NULL;
}

static struct file *add(struct shelf *s, const char *name, struct bytes b)
{
	struct file *f = &s->files[s->count++];
	NEED(s->count <= ARRAY_SIZE(s->files));
	snprintf(f->name, sizeof f->name, "%.95s", name);
	f->b = b;
	return f;
}

static inline void set_text(struct shelf *s, const char *name, const char *text)
{
	struct file *f = file_of(s, name);
	if (!f)
		f = add(s, name, (struct bytes){NULL, 0});
	free(f->b.p);
	f->b = (struct bytes){(uint8_t *)strdup(text), strlen(text)};
}

static inline void drop(struct shelf *s, const char *name)
{
	struct file *f = file_of(s, name);
	NEED(f);
	free(f->b.p);
	*f = s->files[--s->count];
}

static inline struct shelf load(const char *dir)
{
	struct shelf s = {.count = 0};
	char path[400];
	snprintf(path, sizeof path, "fixtures/clonezilla/%s", dir);
	DIR *d = opendir(path);
	NEED(d);
	for (struct dirent *it; (it = readdir(d));)
		if (*it->d_name != '.') {
			snprintf(path, sizeof path, "fixtures/clonezilla/%s/%s", dir, it->d_name);
			add(&s, it->d_name, bytes_load(path));
		}
	closedir(d);
	return s;
}

static struct source *content_of(struct shelf *s, struct file *f, struct error *e)
{
	struct source *pieces[16] = {f->raw};
	size_t n = 1, len = strlen(f->name);
	const char *codec = strstr(f->name, ".zst") ? "zstd" : strstr(f->name, ".gz") ? "gzip" : NULL;
	if (f->joined)
		return f->joined;
	if (len > 3 && !strcmp(f->name + len - 3, ".aa"))
		for (; n < 16; n++) {
			char next[96];
			snprintf(next, sizeof next, "%.*s%c", (int)len - 1, f->name, (char)('a' + (int)n));
			struct file *g = file_of(s, next);
			if (!g)
				break;
			pieces[n] = g->raw;
		}
	if (!codec && n == 1)
		return f->raw;
	struct stream *up = n == 1 ? stream_from_source(f->raw, e) : stream_from_sources(pieces, n, f->name, e);
	NEED(up);
	autostream struct stream *st = codec ? row_of(codec)->decode(up, NULL, e) : up;
	NEED(st);
	f->content.p = malloc(12 << 20);
	NEED(f->content.p);
	ssize_t got = stream_read_full(st, f->content.p, 12 << 20, e);
	if (got < 0 || stream_drain(st, e) < 0)
		return NULL;
	f->content.len = (size_t)got;
	f->joined = source_memory(f->content.p, f->content.len, f->name, e);
	return f->joined;
}

static struct source *bytes_cb(void *ctx, const char *name, struct error *e)
{
	struct file *f = file_of(ctx, name);
	if (f)
		return strstr(name, "-img") && strcmp(name, "clonezilla-img") ? content_of(ctx, f, e) : f->raw;
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s", name);
	return NULL;
}

static const struct image *image_cb(void *ctx, const char *name, bool raw, struct error *e)
{
	struct shelf *s = ctx;
	struct file *f = file_of(s, name);
	NEED(f); /* only what is there is asked for */
	struct source *src = content_of(s, f, e);
	if (!src)
		return NULL;
	struct image_context c = {.subject = name, .f = &s->f};
	if (f->open)
		return &f->im;
	if (raw) {
		struct source *w = source_window(src, 0, source_size(src), name, e);
		NEED(w && !image_add_disk(&f->im, NULL, w, e));
	} else if (row_of("partclone")->open_image(src, &c, &f->im, e) < 0) {
		return NULL;
	}
	f->open = true;
	return &f->im;
}

static void compose(struct shelf *s)
{
	NEED(!findings_init(&s->f));
	for (size_t i = 0; i < s->count; i++) {
		struct file *f = &s->files[i];
		f->raw = source_memory(f->b.p, f->b.len, f->name, &s->e);
		NEED(f->raw && !strings_add(&s->names, f->name));
	}
	s->companions = (struct companions){s, bytes_cb, image_cb};
	struct image_context c = {.subject = "dir", .f = &s->f, .companions = &s->companions};
	s->rc = clonezilla_compose(&s->names, &c, &s->out, &s->e);
}

static void unload(struct shelf *s)
{
	image_close(&s->out);
	for (size_t i = 0; i < s->count; i++) {
		struct file *f = &s->files[i];
		image_close(&f->im);
		source_destroy(f->joined);
		source_destroy(f->raw);
		free(f->content.p);
		free(f->b.p);
	}
	strings_free(&s->names);
	findings_free(&s->f);
}

/* Composes what was changed. rc, class of the error or of the BROKEN finding, and a word of it. */
static inline void expect(struct shelf *s, int rc, enum error_class cls, const char *word)
{
	bool told = false;
	compose(s);
	CHECK_INT(s->rc, rc);
	for (size_t i = 0; i < s->f.count; i++) {
		const struct finding *it = &s->f.items[i];
		if (it->outcome != OUTCOME_HELD && it->outcome != OUTCOME_SKIPPED)
			told = told || (it->error == cls && strstr(it->detail, word));
	}
	if (rc < 0)
		told = s->e.cls == cls && strstr(s->e.text, word);
	CHECK(told);
	if (!told)
		fprintf(stderr, "  wanted \"%s\", said \"%s\"\n", word, rc < 0 ? s->e.text : "");
	/* Nothing that is missing reads as if it were there. */
	char hex[65];
	if (!rc && s->out.disks.count && !told)
		CHECK(disk_digest(s->out.disks.items[0].source, hex) < 0);
	unload(s);
}

#endif
