// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An input that is several small files: each begins with FILES_MARK, its name and a new line. What stands before the
 * first is passed over. Names are paths below a directory, without anything that leads out of it.
 */
#ifndef FUZZ_FILES_H
#define FUZZ_FILES_H

#include "backproof/base.h"
#include "backproof/text.h"

#define FILES_MARK "\1=\2"
#define FILES_MOST 24

struct input_file {
	char name[256];
	const uint8_t *data;
	size_t size;
};
struct input_files {
	struct input_file items[FILES_MOST];
	size_t count;
};

static inline bool files_name_good(const char *name, size_t n)
{
	if (!n || n > 250 || *name == '/' || name[n - 1] == '/' || memchr(name, 0, n))
		return false;
	for (size_t from = 0, at = 0; at <= n; at++) {
		if (at < n && name[at] != '/')
			continue;
		size_t len = at - from;
		if (!len || (len == 1 && name[from] == '.') || (len == 2 && !memcmp(name + from, "..", 2)))
			return false;
		from = at + 1;
	}
	return true;
}

static inline const struct input_file *files_named(const struct input_files *x, const char *name)
{
	for (size_t i = 0; i < x->count; i++)
		if (!strcmp(x->items[i].name, name))
			return &x->items[i];
	return NULL;
}

static inline void files_split(const uint8_t *data, size_t size, struct input_files *x)
{
	const uint8_t *end = data + size, *at = memmem(data, size, FILES_MARK, 3);
	x->count = 0;
	while (at && x->count < FILES_MOST) {
		const uint8_t *name = at + 3, *line = memchr(name, '\n', (size_t)(end - name));
		if (!line)
			return;
		at = memmem(line, (size_t)(end - line), FILES_MARK, 3);
		struct input_file *f = &x->items[x->count];
		size_t n = (size_t)(line - name);
		if (!files_name_good((const char *)name, n))
			continue;
		memcpy(f->name, name, n);
		f->name[n] = 0;
		if (files_named(x, f->name))
			continue;
		f->data = line + 1;
		f->size = (size_t)((at ? at : end) - line - 1);
		x->count++;
	}
}

/* As a tree reader asks (witness.h); ctx is the struct input_files. */
static inline int files_read(void *ctx, const char *path, size_t max, char **data, size_t *len, int64_t *mtime,
			     struct error *e)
{
	const struct input_file *f = files_named(ctx, path);
	if (!f)
		return 0;
	if (f->size > max)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s is too large", path);
	*data = malloc(f->size + 1);
	if (!*data)
		abort();
	memcpy(*data, f->data, f->size);
	(*data)[f->size] = 0;
	*len = f->size;
	if (mtime)
		*mtime = 1700000000;
	return 1;
}

static inline int files_list(void *ctx, const char *path, struct strings *names, struct error *e)
{
	const struct input_files *x = ctx;
	size_t n = strlen(path);
	int found = 0;
	for (size_t i = 0; i < x->count; i++) {
		if (strncmp(x->items[i].name, path, n) || x->items[i].name[n] != '/')
			continue;
		char name[256];
		snprintf(name, sizeof name, "%s", x->items[i].name + n + 1);
		name[strcspn(name, "/")] = 0;
		found = 1;
		if (!strings_has(names, name) && strings_add(names, name) < 0)
			return error_nomem(e);
	}
	return found;
}

#endif
