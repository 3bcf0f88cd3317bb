// SPDX-License-Identifier: GPL-3.0-or-later
/* What a path says of the restore point that it belongs to. */
#include "guess.h"

#include "backproof/text.h"

static char *copy_span(const char *name, struct span s)
{
	return s.to ? strndup(name + s.from, s.to - s.from) : NULL;
}

/* The deepest directory of rel that is dated; *end: where its name ends. top itself counts as the outermost. */
static bool dated_directory(const char *top_name, const char *rel, struct civil *c, size_t *end)
{
	struct span where;
	bool found = false;
	if (top_name && name_time_find(top_name, strlen(top_name), c, &where)) {
		found = true;
		*end = 0;
	}
	for (const char *s = rel; strchr(s, '/'); s = strchr(s, '/') + 1) {
		size_t len = strcspn(s, "/");
		struct civil t;
		if (!name_time_find(s, len, &t, &where))
			continue;
		*c = t;
		*end = (size_t)(s - rel) + len;
		found = true;
	}
	return found;
}

/* Several backups of one day are told apart by 0300 and 1500 below the day's directory, or in the name. */
static void put_clocks(struct text *key, const char *rel, const char *base,
		       const struct name_info *info)
{
	struct span where, none = {0, 0};
	for (const char *s = rel; s < base; s += strcspn(s, "/") + 1)
		if (name_bare_clock(s, strcspn(s, "/"), &none, &where))
			text_printf(key, "@%.*s", (int)(where.to - where.from), s + where.from);
	if (name_bare_clock(base, info->stem, &info->disk, &where))
		text_printf(key, "@%.*s", (int)(where.to - where.from), base + where.from);
}

static char *finish(struct text *t)
{
	if (t->failed || (!t->data && !(t->data = strdup("")))) {
		text_free(t);
		return NULL;
	}
	char *s = t->data;
	memset(t, 0, sizeof *t);
	return s;
}

/* from .. and base, which is its end, without disk, partition and segment. */
static char *cut_path(const char *prefix, const char *from, const char *base,
		      const struct name_info *info, bool tidy)
{
	struct text t = {0};
	const struct span cuts[] = {info->disk, info->part, info->segment};
	text_put(&t, prefix);
	text_put_bytes(&t, from, (size_t)(base - from));
	name_cut(&t, base, strlen(base), cuts, ARRAY_SIZE(cuts), tidy);
	return finish(&t);
}

int guess_describe(struct candidate *c, const char *top_name, const char *path, size_t at,
		   struct error *e)
{
	const char *rel = path + at, *slash = strrchr(rel, '/'), *base = slash ? slash + 1 : rel;
	struct name_info info;
	struct civil civil = {0};
	struct text key = {0}, label = {0};
	size_t end = 0;
	name_read(base, strlen(base), &info);
	bool dated = !info.time.to && dated_directory(top_name, rel, &civil, &end);
	if (!dated)
		civil = info.civil;
	civil_range(&civil, &c->named_from, &c->named_to);
	c->disk = copy_span(base, info.disk_value);
	c->part = copy_span(base, info.part_value);
	c->segment = copy_span(base, info.segment);
	c->loose = dated;
	c->fine_key = cut_path("f:", path, base, &info, false);
	c->fine_label = cut_path("", rel, base, &info, true);
	if (dated) {
		text_put(&key, "d:");
		text_put_bytes(&key, path, at + end);
		put_clocks(&key, end ? rel + end + 1 : rel, base, &info);
		text_put_bytes(&label, end ? rel : top_name, end ? end : strlen(top_name));
	} else {
		const struct span cuts[] = {info.disk, info.part, info.segment, info.time};
		text_put(&key, "n:");
		text_put_bytes(&key, path, (size_t)(base - path));
		name_cut(&key, base, strlen(base), cuts, ARRAY_SIZE(cuts), false);
		text_printf(&key, "@%lld", (long long)c->named_from);
		text_put(&label, c->fine_label ? c->fine_label : "");
	}
	c->key = finish(&key);
	c->label = finish(&label);
	if (!c->key || !c->label || !c->fine_key || !c->fine_label ||
	    (info.disk_value.to && !c->disk) || (info.part_value.to && !c->part) ||
	    (info.segment.to && !c->segment))
		return error_nomem(e);
	return 0;
}
