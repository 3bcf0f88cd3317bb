// SPDX-License-Identifier: GPL-3.0-or-later
/* What a path says of the restore point that it belongs to. */
#include "guess.h"

#include <ctype.h>
#include <stdio.h>

#include "backproof/text.h"
#include "label.h"

/* NULL where there is none, or no memory. */
static const char *copy_span(struct arena *a, const char *name, struct span s)
{
	return s.to ? arena_text(a, name + s.from, s.to - s.from) : NULL;
}

/* The names of directories that a date of a path stands in. */
struct dated {
	size_t end;	/* of the last of them in rel; 0: it is top's */
	bool from_top;	/* its first are top's */
	struct civil civil;
};

/* A date that top's own names begin: 2026 and 11/23/sda.img. */
static bool across_top(const char *top_name, const char *rel, struct dated *d)
{
	char both[NAME_LIMIT + sizeof "/11/23T22:00:00+01:00/"];
	const size_t top = strlen(top_name);
	struct civil c;
	if (!isdigit((unsigned char)*rel))
		return false;
	snprintf(both, sizeof both, "%.*s/%.21s", NAME_LIMIT, top_name, rel);
	const size_t used = name_date_pieces(both, &c);
	if (used <= top + 1 || rel[used - top - 1] != '/')
		return false;
	*d = (struct dated){.end = used - top - 1, .from_top = true, .civil = c};
	return true;
}

/* The deepest directory of rel that is dated. top itself counts as the outermost. */
static bool dated_directory(const char *top_name, const char *rel, struct dated *d)
{
	struct span where;
	bool found = false;
	*d = (struct dated){0};
	if (top_name)
		found = label_time(top_name, &d->civil) || across_top(top_name, rel, d);
	for (const char *s = rel; strchr(s, '/'); s = strchr(s, '/') + 1) {
		size_t len = strcspn(s, "/");
		struct civil t;
		if (!name_time_find(s, len, &t, &where) && (!(len = name_date_pieces(s, &t)) || s[len] != '/'))
			continue;
		*d = (struct dated){.end = (size_t)(s - rel) + len, .civil = t};
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

static const char *finish(struct arena *a, struct text *t)
{
	const char *s = t->failed ? NULL : arena_text(a, text_str(t), t->length);
	text_free(t);
	return s;
}

static void put_cut(struct text *t, const char *base, const struct span *cuts, size_t count, bool tidy)
{
	char out[NAME_LIMIT + 1];
	text_put_bytes(t, out, name_cut(out, base, strlen(base), cuts, count, tidy));
}

/* from .. and base, which is its end, without disk, partition and segment. */
static const char *cut_path(struct arena *a, const char *prefix, const char *from, const char *base,
			    const struct name_info *info, bool tidy)
{
	struct text t = {0};
	const struct span cuts[] = {info->disk, info->part, info->segment};
	text_put(&t, prefix);
	text_put_bytes(&t, from, (size_t)(base - from));
	put_cut(&t, base, cuts, ARRAY_SIZE(cuts), tidy);
	return finish(a, &t);
}

int guess_describe(struct candidate *c, struct arena *a, const char *top_name, const char *path, size_t at,
		   struct error *e)
{
	const char *rel = path + at, *slash = strrchr(rel, '/'), *base = slash ? slash + 1 : rel;
	struct name_info info;
	struct dated d;
	struct text key = {0}, label = {0};
	name_read(base, strlen(base), &info);
	bool dated = !info.time.to && dated_directory(top_name, rel, &d);
	const struct civil *civil = dated ? &d.civil : &info.civil;
	civil_range(civil, &c->named_from, &c->named_to);
	c->named_zone = civil->has_zone;
	c->disk = copy_span(a, base, info.disk_value);
	c->part = copy_span(a, base, info.part_value);
	c->segment = copy_span(a, base, info.segment);
	c->loose = dated;
	c->fine_key = cut_path(a, "f:", path, base, &info, false);
	c->fine_label = cut_path(a, "", rel, base, &info, true);
	if (dated) {
		text_put(&key, "d:");
		text_put_bytes(&key, path, at + d.end);
		put_clocks(&key, d.end ? rel + d.end + 1 : rel, base, &info);
		text_printf(&label, "%s%s", d.from_top || !d.end ? top_name : "", d.from_top ? "/" : "");
		text_put_bytes(&label, rel, d.end);
	} else {
		const struct span cuts[] = {info.disk, info.part, info.segment, info.time};
		text_put(&key, "n:");
		text_put_bytes(&key, path, (size_t)(base - path));
		put_cut(&key, base, cuts, ARRAY_SIZE(cuts), false);
		text_printf(&key, "@%lld", (long long)c->named_from);
		text_put(&label, c->fine_label ? c->fine_label : "");
	}
	c->key = finish(a, &key);
	c->label = finish(a, &label);
	if (!c->key || !c->label || !c->fine_key || !c->fine_label ||
	    (info.disk_value.to && !c->disk) || (info.part_value.to && !c->part) ||
	    (info.segment.to && !c->segment))
		return error_nomem(e);
	return 0;
}
