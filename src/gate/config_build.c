// SPDX-License-Identifier: GPL-3.0-or-later
/* From values as written to what they mean, with what is inherited. */
#include "config_values.h"

/* Index of the section among the n of its kind, and the section by that index. */
static size_t number(struct config_values *v, enum config_kind kind)
{
	size_t n = 0;
	vec_each(v, s)
		if (s->kind == kind)
			s->index = n++;
	return n;
}

/* Each value was tried where it was read: what fails now is memory. *name is the target's, and of none before. */
static int fill(const struct config_section *s, char **name, void *target, bool defaults, struct error *e)
{
	size_t count;
	const struct config_key *keys = config_keys(s->kind, &count);
	*name = strdup(s->name);
	if (!*name)
		return error_nomem(e);
	for (size_t i = 0; i < count; i++) {
		const char *value = s->values[i].text || !defaults ? s->values[i].text : keys[i].value;
		if (value && config_value_set(&keys[i], value, target, e) < 0)
			return -1;
	}
	return 0;
}

static bool gives(const struct config_section *s, const char *key)
{
	size_t count;
	return s->values[config_key_find(s->kind, key) - config_keys(s->kind, &count)].text;
}

static int build_policies(struct config *c, struct error *e)
{
	struct config_values *v = c->values;
	struct config_section *base = config_values_find(v, CONFIG_POLICY, "default");
	size_t n = number(v, CONFIG_POLICY), next = 1;
	c->policies = calloc(n + !base, sizeof *c->policies);
	if (!c->policies || policy_defaults(&c->policies[0], "default") < 0)
		return error_nomem(e);
	c->policy_count = 1;
	struct policy *first = &c->policies[0];
	if (base) {
		base->index = 0;
		free(first->name);
		if (fill(base, &first->name, first, false, e) < 0)
			return -1;
		first->critical_given = gives(base, "critical");
	}
	vec_each(v, s) {
		if (s->kind != CONFIG_POLICY || s == base)
			continue;
		struct policy *p = &c->policies[next];
		if (policy_copy(p, first) < 0)
			return error_nomem(e);
		c->policy_count = next + 1;
		s->index = next++;
		free(p->name);
		if (fill(s, &p->name, p, false, e) < 0)
			return -1;
		p->critical_given = p->critical_given || gives(s, "critical");
	}
	return 0;
}

static int build_repositories(struct config *c, struct error *e)
{
	size_t n = number(c->values, CONFIG_REPOSITORY);
	c->repositories = calloc(n ? n : 1, sizeof *c->repositories);
	if (!c->repositories)
		return error_nomem(e);
	vec_each(c->values, s) {
		if (s->kind != CONFIG_REPOSITORY)
			continue;
		struct repository *r = &c->repositories[c->repository_count++];
		if (fill(s, &r->name, r, true, e) < 0)
			return -1;
	}
	return 0;
}

static int build_hosts(struct config *c, struct error *e)
{
	size_t n = number(c->values, CONFIG_HOST);
	c->hosts = calloc(n ? n : 1, sizeof *c->hosts);
	if (!c->hosts)
		return error_nomem(e);
	vec_each(c->values, s) {
		if (s->kind != CONFIG_HOST)
			continue;
		struct host_config *h = &c->hosts[c->host_count++];
		if (fill(s, &h->name, h, false, e) < 0)
			return -1;
	}
	return 0;
}

static int build_groups(struct config *c, struct error *e)
{
	size_t n = number(c->values, CONFIG_GROUP);
	c->groups = calloc(n ? n : 1, sizeof *c->groups);
	if (!c->groups)
		return error_nomem(e);
	vec_each(c->values, s) {
		if (s->kind != CONFIG_GROUP)
			continue;
		struct group_config *g = &c->groups[c->group_count++];
		if (fill(s, &g->name, g, false, e) < 0)
			return -1;
	}
	return 0;
}

static int build_hooks(struct config *c, struct error *e)
{
	size_t n = number(c->values, CONFIG_HOOK);
	c->hooks = calloc(n ? n : 1, sizeof *c->hooks);
	if (!c->hooks)
		return error_nomem(e);
	vec_each(c->values, s) {
		if (s->kind != CONFIG_HOOK)
			continue;
		struct hook_config *k = &c->hooks[c->hook_count++];
		if (fill(s, &k->name, k, true, e) < 0)
			return -1;
	}
	return 0;
}

int config_build(struct config *c, struct error *e)
{
	return build_repositories(c, e) < 0 || build_policies(c, e) < 0 || build_hosts(c, e) < 0 ||
			       build_groups(c, e) < 0 || build_hooks(c, e) < 0
		       ? -1
		       : 0;
}
