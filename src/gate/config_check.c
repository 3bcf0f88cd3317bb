// SPDX-License-Identifier: GPL-3.0-or-later
/* What no single value can tell. Faults are told in the order of the sections. */
#include "backproof/text.h"
#include "config_values.h"

struct check {
	struct config *c;
	struct error *e;
	bool *repository_named; /* by a host */
	bool *policy_used;
	bool all_named; /* there are hosts, and each names its repositories */
};

/* Of a key that the section gives. */
static struct config_place place_of(const struct config_section *s, const char *key)
{
	size_t count;
	return s->values[config_key_find(s->kind, key) - config_keys(s->kind, &count)].at;
}

static int unknown(struct check *k, const struct config_section *s, const char *key,
		   enum config_kind kind, const char *name)
{
	VEC(const char *) names = {0};
	vec_each(k->c->values, t) {
		const char **n = t->kind == kind ? vec_push(&names) : NULL;
		if (n)
			*n = t->name;
	}
	const char *near = names.count ? nearest_name(name, names.items, names.count) : NULL;
	const char *what = config_kind_name(kind);
	struct config_place at = place_of(s, key);
	int rc = near ? config_fault(k->c->values, at, k->e,
				     "there is no [%s \"%s\"]; did you mean \"%s\"?", what, name, near)
		      : config_fault(k->c->values, at, k->e, "there is no [%s \"%s\"]", what, name);
	vec_free(&names);
	return rc;
}

static int check_host(struct check *k, const struct config_section *s)
{
	const struct host_config *h = &k->c->hosts[s->index];
	const struct config_values *v = k->c->values;
	for (size_t i = 0; i < h->repositories.count; i++) {
		const char *name = h->repositories.items[i];
		const struct config_section *r = config_values_find(v, CONFIG_REPOSITORY, name);
		if (!r)
			return unknown(k, s, "repository", CONFIG_REPOSITORY, name);
		k->repository_named[r->index] = true;
	}
	k->all_named = k->all_named && h->repositories.count;
	const char *policy = config_policy_name(NULL, h);
	const struct config_section *p = config_values_find(v, CONFIG_POLICY, policy);
	if (p)
		k->policy_used[p->index] = true;
	else if (strcmp(policy, "default"))
		return unknown(k, s, "policy", CONFIG_POLICY, policy);
	return 0;
}

/*
 * Without {host} nothing in a name says whose backup it is: any host would be shown any other's. So exactly one host
 * may use such a repository, and says so; the repository then answers no one else.
 */
static int check_owner(struct check *k, const struct config_section *s, struct repository *r)
{
	bool has_host = false;
	const struct host_config *owner = NULL;
	size_t named = 0;
	if (!r->match)
		return 0;
	if (catalog_match_check(r->match, &has_host, k->e) < 0)
		return -1;
	for (size_t i = 0; !has_host && i < k->c->host_count; i++)
		if (strings_has(&k->c->hosts[i].repositories, r->name)) {
			owner = &k->c->hosts[i];
			named++;
		}
	if (has_host)
		return 0;
	if (named != 1)
		return config_fault(k->c->values, place_of(s, "match"), k->e,
				    "match has no {host}, so exactly one [host] must name the repository "
				    "\"%s\", and %zu do",
				    r->name, named);
	r->host = strdup(owner->name);
	return r->host ? 0 : error_nomem(k->e);
}

static int check_repository(struct check *k, const struct config_section *s)
{
	struct repository *r = &k->c->repositories[s->index];
	if (!r->path)
		return config_fault(k->c->values, s->at, k->e, "[repository \"%s\"] has no path",
				    s->name);
	if (check_owner(k, s, r) < 0)
		return -1;
	if (k->all_named && !k->repository_named[s->index])
		return config_fault(k->c->values, s->at, k->e,
				    "[repository \"%s\"] is not used: every host names others", s->name);
	return 0;
}

static int check_policy(struct check *k, const struct config_section *s, const char *used)
{
	if (!strcmp(s->name, "default") || k->policy_used[s->index] || (used && !strcmp(used, s->name)))
		return 0;
	return config_fault(k->c->values, s->at, k->e, "[policy \"%s\"] is not used by any host",
			    s->name);
}

static int check_group(struct check *k, const struct config_section *s)
{
	for (size_t i = 0; i < k->c->host_count; i++)
		if (strings_has(&k->c->hosts[i].groups, s->name))
			return 0;
	return config_fault(k->c->values, s->at, k->e, "[group \"%s\"] has no host", s->name);
}

/* What a section of another name says is never asked, and one that asks for less may be in its place. */
static int check_hook_name(struct check *k, const struct config_section *s)
{
	static const char *const names[] = {"default", "apt", "dnf", "pacman", "zypper", "systemd"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!strcmp(names[i], s->name))
			return 0;
	const char *near = nearest_name(s->name, names, ARRAY_SIZE(names));
	return config_fault(k->c->values, s->at, k->e,
			    "[hook \"%s\"] is asked by nobody; there are default, apt, dnf, pacman, zypper and "
			    "systemd%s%s%s",
			    s->name, near ? "; is " : "", near ? near : "", near ? " meant?" : "");
}

/* A pass that nobody has to sign is one that anybody writes. */
static int check_hook(struct check *k, const struct config_section *s)
{
	struct hook_config *h = &k->c->hooks[s->index];
	const struct config_section *p = h->policy ? config_values_find(k->c->values, CONFIG_POLICY, h->policy) : NULL;
	if (check_hook_name(k, s) < 0)
		return -1;
	if (h->pass && !h->pass_keys.count)
		return config_fault(k->c->values, place_of(s, "pass"), k->e,
				    "[hook \"%s\"] has a pass and no pass_keys to trust", s->name);
	if (!h->pass && (h->pass_keys.count || h->state || h->fetch.count))
		return config_fault(k->c->values, s->at, k->e,
				    "[hook \"%s\"] has pass_keys, state or fetch, and no pass", s->name);
	if (h->policy && !h->pass && !p && strcmp(h->policy, "default"))
		return config_fault(k->c->values, place_of(s, "policy"), k->e, "there is no [policy \"%s\"]",
				    h->policy);
	if (p)
		k->policy_used[p->index] = true;
	return 0;
}

static int check_all(struct check *k, const char *used_policy)
{
	vec_each(k->c->values, s)
		if ((s->kind == CONFIG_HOST && check_host(k, s) < 0) ||
		    (s->kind == CONFIG_HOOK && check_hook(k, s) < 0) ||
		    (s->kind == CONFIG_GROUP && check_group(k, s) < 0))
			return -1;
	vec_each(k->c->values, s) {
		if (s->kind == CONFIG_REPOSITORY && check_repository(k, s) < 0)
			return -1;
		if (s->kind == CONFIG_POLICY && check_policy(k, s, used_policy) < 0)
			return -1;
	}
	return 0;
}

int config_check(struct config *c, const char *used_policy, struct error *e)
{
	autofree bool *named = calloc(c->repository_count + 1, sizeof *named);
	autofree bool *used = calloc(c->policy_count + 1, sizeof *used);
	if (!named || !used)
		return error_nomem(e);
	struct check k = {c, e, named, used, c->host_count > 0};
	return check_all(&k, used_policy);
}
