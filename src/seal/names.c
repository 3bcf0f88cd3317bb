// SPDX-License-Identifier: GPL-3.0-or-later
#include "names.h"

#include "backproof/digest.h"

#define NAME_LIMIT 255
#define TREE_DIGITS 16

bool seal_name_is_plain(const char *name)
{
	if (!*name || !strcmp(name, ".") || !strcmp(name, "..") || strlen(name) > NAME_LIMIT || !text_is_utf8(name))
		return false;
	for (const char *c = name; *c; c++)
		if ((unsigned char)*c < ' ' || *c == 0x7f || *c == '/')
			return false;
	return true;
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int seal_names_differ(const struct seal *s, bool *differ, struct error *e)
{
	autofree char **names = calloc(s->files.count + 1, sizeof *names);
	if (!names)
		return error_nomem(e);
	for (size_t i = 0; i < s->files.count; i++)
		names[i] = s->files.items[i].name;
	qsort(names, s->files.count, sizeof *names, by_text);
	*differ = true;
	for (size_t i = 1; i < s->files.count; i++)
		*differ &= strcmp(names[i - 1], names[i]) != 0;
	return 0;
}

static bool ends_with(const char *name, size_t length, const char *suffix)
{
	size_t n = strlen(suffix);
	return length > n && !memcmp(name + length - n, suffix, n);
}

bool seal_is_name(const char *base)
{
	size_t n = strlen(base);
	return ends_with(base, n, SEAL_SUFFIX) || ends_with(base, n, SEAL_TREE_SUFFIX);
}

size_t seal_stem(const char *path, const char **base)
{
	const char *slash = strrchr(path, '/');
	*base = slash ? slash + 1 : path;
	size_t n = strlen(*base);
	return ends_with(*base, n, SEAL_SUFFIX) ? n - strlen(SEAL_SUFFIX) : n;
}

char *seal_tree_name(const char *stem, size_t length, const uint8_t sha256[32])
{
	char hex[TREE_DIGITS + 1];
	return text_format("%.*s.%s" SEAL_TREE_SUFFIX, (int)length, stem, hex_encode(sha256, TREE_DIGITS / 2, hex));
}

bool seal_owns_tree(const char *stem, size_t length, const char *name)
{
	size_t n = strlen(name);
	return n == length + 1 + TREE_DIGITS + strlen(SEAL_TREE_SUFFIX) && !memcmp(name, stem, length) &&
	       name[length] == '.' && strspn(name + length + 1, "0123456789abcdef") == TREE_DIGITS &&
	       ends_with(name, n, SEAL_TREE_SUFFIX);
}

char *seal_beside(const char *path, const char *name)
{
	const char *slash = strrchr(path, '/');
	return text_format("%.*s%s", slash ? (int)(slash + 1 - path) : 0, path, name);
}

void seal_free(struct seal *s)
{
	vec_each(&s->files, x) free(x->name);
	vec_free(&s->files);
	vec_each(&s->disks, d)
	{
		free(d->name);
		free(d->table);
		free(d->id);
	}
	vec_free(&s->disks);
	vec_each(&s->volumes, v)
	{
		free(v->name);
		free(v->disk);
		free(v->type);
		free(v->uuid);
		free(v->label);
		free(v->mount);
		free(v->partuuid);
	}
	vec_free(&s->volumes);
	vec_each(&s->entries, x) free(x->path);
	vec_free(&s->entries);
	strings_free(&s->formats);
	free(s->path);
	free(s->host);
	free(s->hostname);
	free(s->machine_id);
	free(s->system);
	free(s->label);
	free(s->against);
	free(s->tree_name);
	memset(s, 0, sizeof *s);
}
