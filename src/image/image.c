// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/image.h"

int image_add_disk(struct image *im, const char *name, struct source *source, struct error *e)
{
	char *copy = name ? strdup(name) : NULL;
	struct image_disk *d = name && !copy ? NULL : vec_push(&im->disks);
	if (!d) {
		free(copy);
		source_destroy(source);
		return error_nomem(e);
	}
	*d = (struct image_disk){.name = copy, .source = source};
	return 0;
}

int image_add_note(struct image *im, const char *name, const void *data, size_t length, struct error *e)
{
	autofree char *copy = strdup(name), *bytes = malloc(length + 1);
	struct image_note *n = copy && bytes ? vec_push(&im->notes) : NULL;
	if (!n)
		return error_nomem(e);
	memcpy(bytes, data, length);
	bytes[length] = '\0';
	*n = (struct image_note){.name = take(copy), .data = take(bytes), .length = length};
	return 0;
}

void image_close(struct image *im)
{
	vec_each(&im->disks, d)
	{
		if (!d->borrowed)
			source_destroy(d->source);
		free(d->name);
	}
	vec_each(&im->notes, n)
	{
		free(n->name);
		free(n->data);
	}
	free(im->disks.items);
	free(im->notes.items);
	if (im->ops && im->ops->destroy)
		im->ops->destroy(im->self);
	memset(im, 0, sizeof *im);
}

const char *companion_base(const char *name)
{
	const char *base = name;
	for (; *name; name++)
		if ((*name == '/' || *name == '\\') && name[1])
			base = name + 1;
	return base;
}

const char *companion_qemu(const char *name, char *plain)
{
	static const char key[] = "\"filename\"";
	if (!strncmp(name, "file:", 5))
		return name + 5;
	const char *at = strncmp(name, "json:", 5) ? NULL : strstr(name, key);
	if (!at || strstr(at + 1, key) || strchr(name, '\\') || strstr(name, "\"offset\"") || strstr(name, "\"size\""))
		return name;
	at += sizeof key - 1;
	at += strspn(at, " :");
	size_t n = *at == '"' ? strcspn(at + 1, "\"") : 0;
	if (!n || at[1 + n] != '"')
		return name;
	memcpy(plain, at + 1, n);
	plain[n] = '\0';
	return plain;
}

struct source *companion_bytes(const struct image_context *c, const char *name, struct error *e)
{
	if (c->companions)
		return c->companions->bytes(c->companions->ctx, name, e);
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "it needs %s, which is not there", companion_base(name));
	return NULL;
}

const struct image *companion_image(const struct image_context *c, const char *name, bool raw, struct error *e)
{
	if (c->companions)
		return c->companions->image(c->companions->ctx, name, raw, e);
	error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "it needs %s, which is not there", companion_base(name));
	return NULL;
}
