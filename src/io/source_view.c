// SPDX-License-Identifier: GPL-3.0-or-later
/* The two simplest sources: a window on another source, and memory. */
#include "backproof/source.h"

struct window {
	struct source *parent;
	uint64_t start, length;
};

static int window_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct window *w = self;
	return source_read_at(w->parent, w->start + off, buf, len, e);
}

static int window_extent_at(void *self, uint64_t off, struct extent *out, struct error *e)
{
	struct window *w = self;
	return source_extent_at(w->parent, w->start + off, out, e);
}

static void window_expect(void *self, uint64_t off, uint64_t len)
{
	struct window *w = self;
	source_expect(w->parent, w->start + off, len);
}

static const struct source_ops window_ops = {
	.kind = "window",
	.read_at = window_read_at,
	.extent_at = window_extent_at,
	.destroy = free,
	.expect = window_expect,
};

struct source *source_window(struct source *parent, uint64_t off, uint64_t len, const char *name,
			     struct error *e)
{
	uint64_t end;
	if (add_overflows(off, len, &end) || end > source_size(parent)) {
		error_set(e, ERROR_CORRUPT, (int64_t)off,
			  "%s: lies beyond the end of %s (ends at %llu, there are %llu bytes)", name,
			  source_name(parent), (unsigned long long)end,
			  (unsigned long long)source_size(parent));
		return NULL;
	}
	struct window *w = malloc(sizeof *w);
	if (!w) {
		error_nomem(e);
		return NULL;
	}
	*w = (struct window){parent, off, len};
	struct source *s = source_new(&window_ops, w, len, name, e);
	if (!s)
		free(w);
	return s;
}

struct memory {
	const uint8_t *data;
};

static int memory_read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct memory *m = self;
	(void)e;
	memcpy(buf, m->data + off, len);
	return 0;
}

static const struct source_ops memory_ops = {"memory", memory_read_at, NULL, free};

struct source *source_memory(const void *data, size_t len, const char *name, struct error *e)
{
	struct memory *m = malloc(sizeof *m);
	if (!m) {
		error_nomem(e);
		return NULL;
	}
	m->data = data;
	struct source *s = source_new(&memory_ops, m, len, name, e);
	if (!s)
		free(m);
	return s;
}
