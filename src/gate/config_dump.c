// SPDX-License-Identifier: GPL-3.0-or-later
/* The configuration as understood: what is printed here, read again, means the same. */
#include <ctype.h>

#include "backproof/text.h"
#include "config_values.h"

/* As a value in a file: in quotation marks where it would be cut or trimmed otherwise. */
static void put_value(struct text *out, const char *value)
{
	struct text quoted = {0};
	bool quote = *value == '"' || isspace((unsigned char)*value) || *value == ';' || *value == '#';
	for (const char *s = value; *s; s++) {
		char next = s[1];
		if (isspace((unsigned char)*s) && (!next || next == ';' || next == '#'))
			quote = true;
		text_printf(&quoted, *s == '"' || *s == '\\' ? "\\%c" : "%c", *s);
	}
	if (quote)
		text_put(out, "\"");
	text_put_safe(out, quote ? text_str(&quoted) : value);
	if (quote)
		text_put(out, "\"");
	out->failed |= quoted.failed;
	text_free(&quoted);
}

static void put_line(struct text *out, const struct config_values *v, const char *key,
		     const char *value, const struct config_value *from)
{
	text_printf(out, "%s = ", key);
	put_value(out, value);
	if (from && from->text) {
		text_put(out, " ; ");
		text_put_safe(out, v->files.items[from->at.file]);
		text_printf(out, ":%u\n", from->at.line);
	} else {
		text_put(out, " ; default\n");
	}
}

/* section: NULL when it stands nowhere; base: what it inherits from, or NULL (then there is a section). */
static void put_section(struct text *out, const struct config *c, enum config_kind kind,
			const char *name, const void *target, const struct config_section *section,
			const struct config_section *base)
{
	size_t count;
	const struct config_key *keys = config_keys(kind, &count);
	text_printf(out, "%s[%s \"", out->length ? "\n" : "", config_kind_name(kind));
	text_put_safe(out, name);
	text_put(out, "\"]\n");
	for (size_t i = 0; i < count; i++) {
		struct text value = {0};
		const struct config_value *from = section ? &section->values[i] : NULL;
		if (base && !from->text)
			from = &base->values[i];
		config_value_put(&keys[i], target, &value);
		if (value.length)
			put_line(out, c->values, keys[i].name, text_str(&value), from);
		else if (keys[i].value)
			put_line(out, c->values, keys[i].name, keys[i].value, NULL);
		out->failed |= value.failed;
		text_free(&value);
	}
}

static void put_host(struct text *out, const struct config *c, const struct host_config *h)
{
	struct host_config shown = *h;
	VEC(char *) all = {0};
	/* One that names no repositories has all of them, but for those of a host that names them. */
	if (!h->repositories.count) {
		for (size_t i = 0; i < c->repository_count; i++) {
			if (c->repositories[i].host)
				continue;
			char **name = vec_push(&all);
			if (!name)
				out->failed = true;
			else
				*name = c->repositories[i].name;
		}
		shown.repositories.items = all.items;
		shown.repositories.count = all.count;
	}
	put_section(out, c, CONFIG_HOST, h->name, &shown,
		    config_values_find(c->values, CONFIG_HOST, h->name), NULL);
	vec_free(&all);
}

void config_dump(const struct config *c, struct text *out)
{
	const struct config_section *base = config_values_find(c->values, CONFIG_POLICY, "default");
	for (size_t i = 0; i < c->repository_count; i++) {
		const struct repository *r = &c->repositories[i];
		put_section(out, c, CONFIG_REPOSITORY, r->name, r,
			    config_values_find(c->values, CONFIG_REPOSITORY, r->name), NULL);
	}
	for (size_t i = 0; i < c->policy_count; i++) {
		const struct policy *p = &c->policies[i];
		put_section(out, c, CONFIG_POLICY, p->name, p,
			    config_values_find(c->values, CONFIG_POLICY, p->name), base);
	}
	for (size_t i = 0; i < c->host_count; i++)
		put_host(out, c, &c->hosts[i]);
	for (size_t i = 0; i < c->group_count; i++)
		put_section(out, c, CONFIG_GROUP, c->groups[i].name, &c->groups[i],
			    config_values_find(c->values, CONFIG_GROUP, c->groups[i].name), NULL);
	for (size_t i = 0; i < c->hook_count; i++)
		put_section(out, c, CONFIG_HOOK, c->hooks[i].name, &c->hooks[i],
			    config_values_find(c->values, CONFIG_HOOK, c->hooks[i].name), NULL);
}
