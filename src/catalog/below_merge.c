// SPDX-License-Identifier: GPL-3.0-or-later
/* What layouts have found, among what names tell: labels, dates from above, and each only once. */
#include "backproof/text.h"
#include "below.h"
#include "label.h"

/* The layout's label is below its own directory; that of a directory which is one restore point is its name. */
static char *full_label(const struct guess_layout *l, const char *label)
{
	const char *rel = l->path + l->rel;
	const char *last = path_base(rel);
	size_t n = strlen(last);
	if (!*rel)
		return strdup(label);
	if (n && !strncmp(last, label, n) && (!label[n] || label[n] == '/'))
		return text_format("%s%s", rel, label + n);
	return text_format("%s/%s", rel, label);
}

/* A layout that lies in another of its kind was read by that one, too. */
static bool is_there(struct catalog *out, const struct restore_point *p)
{
	vec_each (out, it) {
		size_t same = 0;
		while (same < it->count && same < p->count && !strcmp(it->items[same].path, p->items[same].path))
			same++;
		if (!same || same != it->count || same != p->count)
			continue;
		if (!it->named_to && p->named_to) {
			it->named_from = p->named_from;
			it->named_to = p->named_to;
			it->named_zone = p->named_zone;
			point_set_order(it);
		}
		return true;
	}
	return false;
}

/* The date may stand above all that the layout looked at, or be that of the directory which is given. */
static int date_above(const struct guess_layout *l, struct restore_point *p, struct error *e)
{
	struct civil c = {0};
	autofree char *top = strndup(l->path, l->rel);
	if (p->named_to)
		return 0;
	if (!top)
		return error_nomem(e);
	autofree char *above = NULL;
	int named = path_last_names(top, &above);
	autofree char *label = named < 0 ? NULL : text_format("%s/%s", above ? above : "", p->label);
	if (!label)
		return error_nomem(e);
	(void)label_time(label, &c);
	civil_range(&c, &p->named_from, &p->named_to);
	p->named_zone = c.has_zone;
	point_set_order(p);
	return 0;
}

int below_merge(struct guess *g, struct catalog *out, struct error *e)
{
	vec_each (&g->layouts, l) {
		vec_each (&l->found, p) {
			char *label = full_label(l, p->label);
			if (!label)
				return error_nomem(e);
			free(p->label);
			p->label = label;
			if (date_above(l, p, e) < 0)
				return -1;
			if (is_there(out, p))
				continue;
			struct restore_point *to = vec_push(out);
			if (!to)
				return error_nomem(e);
			*to = *p;
			memset(p, 0, sizeof *p);
		}
		for (size_t i = 0; i < l->found.partial.count; i++)
			if (!strings_has(&out->partial, l->found.partial.items[i]) &&
			    strings_add(&out->partial, l->found.partial.items[i]) < 0)
				return error_nomem(e);
	}
	points_sort(out);
	return 0;
}
