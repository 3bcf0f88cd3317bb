// SPDX-License-Identifier: GPL-3.0-or-later
/* A path is worked off from the left; what was gone through lies on a stack. */
#include "lookup.h"

#include "backproof/base.h"
#include "backproof/text.h"

#define LINKS_MAX 40

struct lookup {
	const struct lookup_ops *ops;
	void *at;
	uint8_t *nodes; /* from the root to where `at` is */
	size_t count, capacity;
	enum entry_type type;
	char *left; /* to be freed; p is what is left of it */
	const char *p;
	unsigned links;
};

static void lookup_free(struct lookup *l)
{
	free(l->nodes);
	free(l->left);
}

static void *node(const struct lookup *l, size_t i)
{
	return l->nodes + i * l->ops->node;
}

static int reserve(struct lookup *l, size_t count, struct error *e)
{
	if (count <= l->capacity)
		return 0;
	size_t want = count * 2 + 6;
	uint8_t *grown = reallocarray(l->nodes, want, l->ops->node);
	if (!grown)
		return error_nomem(e);
	l->nodes = grown;
	l->capacity = want;
	return 0;
}

static int go_to_last(struct lookup *l, struct error *e)
{
	return l->ops->go(l->at, node(l, l->count - 1), &l->type, e);
}

/* Replaces the link that `at` is at by its target. */
static int splice(struct lookup *l, const char *path, struct error *e)
{
	if (++l->links > LINKS_MAX)
		return l->ops->endless ? error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: %s: too many links",
						   l->ops->endless, path)
				       : 0;
	autofree char *target = l->ops->target(l->at, e);
	if (!target)
		return -1;
	char *joined = text_format("%s%s%s", target, *l->p ? "/" : "", l->p);
	if (!joined)
		return error_nomem(e);
	free(l->left);
	l->p = l->left = joined;
	if (l->ops->path_max && strlen(joined) > l->ops->path_max)
		return 0;
	l->count = target[0] == '/' ? 1 : l->count - 1;
	return go_to_last(l, e) < 0 ? -1 : 1;
}

/* One part of the path. 1 gone on, 0 there is none, -1. */
static int component(struct lookup *l, const char *path, bool follow, struct error *e)
{
	const char *name = l->p;
	size_t len = strcspn(name, "/");
	l->p = name + len + strspn(name + len, "/");
	if (l->type != ENTRY_DIR)
		return 0;
	if (len == 1 && name[0] == '.')
		return 1;
	if (len == 2 && name[0] == '.' && name[1] == '.') {
		l->count -= l->count > 1;
		return go_to_last(l, e) < 0 ? -1 : 1;
	}
	if (reserve(l, l->count + 1, e) < 0)
		return -1;
	int rc = l->ops->find(l->at, name, len, node(l, l->count), e);
	if (rc <= 0)
		return rc;
	l->count++;
	if (go_to_last(l, e) < 0)
		return -1;
	return l->type == ENTRY_LINK && (*l->p || follow) ? splice(l, path, e) : 1;
}

int lookup_path(const struct lookup_ops *ops, void *at, const void *root, const char *path, bool follow,
		struct error *e)
{
	struct lookup l autodestroy(lookup_free) = {.ops = ops, .at = at, .p = path};
	if (ops->path_max && strlen(path) > ops->path_max)
		return 0;
	if (reserve(&l, 1, e) < 0)
		return -1;
	memcpy(node(&l, l.count++), root, ops->node);
	if (go_to_last(&l, e) < 0)
		return -1;
	for (;;) {
		l.p += strspn(l.p, "/");
		if (!*l.p)
			return 1;
		int rc = component(&l, path, follow, e);
		if (rc <= 0)
			return rc;
	}
}
