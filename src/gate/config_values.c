// SPDX-License-Identifier: GPL-3.0-or-later
#include "config_values.h"

#include <ctype.h>
#include <stdarg.h>
#include <strings.h>


void config_values_free(struct config_values *v)
{
	if (!v)
		return;
	vec_each(v, s) {
		for (size_t i = 0; i < CONFIG_KEYS_MAX; i++)
			free(s->values[i].text);
		free(s->name);
	}
	free(v->items);
	strings_free(&v->files);
	free(v->table);
	free(v);
}

int config_fault(const struct config_values *v, struct config_place at, struct error *e,
		 const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s:%u: %s",
			 at.file < v->files.count ? v->files.items[at.file] : "?", at.line, text);
}

static bool same_name(enum config_kind kind, const char *a, const char *b)
{
	return kind == CONFIG_HOST ? !strcasecmp(a, b) : !strcmp(a, b);
}

static size_t slot_of(const struct config_values *v, enum config_kind kind, const char *name)
{
	char lower[256];
	size_t n = 0;
	for (; name[n] && n < sizeof lower - 1; n++)
		lower[n] = (char)tolower((unsigned char)name[n]);
	size_t at = (hash_bytes(lower, n) + kind) & (v->slots - 1);
	for (; v->table[at]; at = (at + 1) & (v->slots - 1)) {
		const struct config_section *s = &v->items[v->table[at] - 1];
		if (s->kind == kind && same_name(kind, s->name, name))
			break;
	}
	return at;
}

struct config_section *config_values_find(const struct config_values *v, enum config_kind kind,
					  const char *name)
{
	if (!v || !v->slots)
		return NULL;
	uint32_t i = v->table[slot_of(v, kind, name)];
	return i ? &v->items[i - 1] : NULL;
}

static int grow_table(struct config_values *v)
{
	if (v->count * 2 < v->slots)
		return 0;
	size_t slots = v->slots ? v->slots * 2 : 64;
	uint32_t *table = calloc(slots, sizeof *table);
	if (!table)
		return -1;
	free(v->table);
	v->table = table;
	v->slots = slots;
	for (size_t i = 0; i < v->count; i++)
		table[slot_of(v, v->items[i].kind, v->items[i].name)] = (uint32_t)i + 1;
	return 0;
}

struct config_section *config_values_add(struct config_values *v, enum config_kind kind,
					 const char *name)
{
	char *copy = strdup(name);
	struct config_section *s = copy && grow_table(v) == 0 ? vec_push(v) : NULL;
	if (!s) {
		free(copy);
		return NULL;
	}
	s->kind = kind;
	s->name = copy;
	v->table[slot_of(v, kind, name)] = (uint32_t)v->count;
	return s;
}
