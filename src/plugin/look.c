// SPDX-License-Identifier: GPL-3.0-or-later
/* Which hosts, which history, and what it holds of them. */
#include <strings.h>

#include "../report/common.h"
#include "backproof/config.h"
#include "backproof/ledger.h"
#include "backproof/waiver.h"
#include "plugin.h"

static void known_host_free(struct known_host *h)
{
	free(h->name);
	free(h->policy);
	free(h->label);
	free(h->expected_policy);
	free(h->suspect);
	text_free(&h->says);
	strings_free(&h->details);
}

void known_hosts_free(struct known_hosts *k)
{
	vec_each(&k->list, h) known_host_free(h);
	vec_free(&k->list);
	k->state = STATE_UNKNOWN;
}

static int add_new(struct known_hosts *k, const char *name, const char *policy, struct error *e)
{
	struct known_host *h = vec_push(&k->list);
	if (!h)
		return error_nomem(e);
	return string_copy(&h->name, name) < 0 || string_copy(&h->expected_policy, policy) < 0 ? error_nomem(e) : 0;
}

static int add(struct known_hosts *k, const char *name, const char *policy, struct error *e)
{
	vec_each(&k->list, h) if (!strcasecmp(h->name, name)) return 0;
	return add_new(k, name, policy, e);
}

static int add_group(struct known_hosts *k, const struct config *c, const char *group, const struct plugin_options *o,
		     struct error *e)
{
	bool any = false;
	for (size_t i = 0; i < c->host_count; i++) {
		const struct host_config *h = &c->hosts[i];
		if (group && !strings_has(&h->groups, group))
			continue;
		any = true;
		if (add(k, h->name, config_policy_name(o->policy, h), e) < 0)
			return -1;
	}
	return any ? 0
		   : error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
			       group ? "no configured host is in group %.100s" : "no host is configured%s",
			       group ? group : "");
}

static int add_named(struct known_hosts *k, const struct config *c, const struct plugin_options *o, struct error *e)
{
	for (size_t i = 0; i < o->hosts.count; i++) {
		const char *name = o->hosts.items[i];
		const char *policy = o->configured ? config_policy_name(o->policy, config_host(c, name)) : o->policy;
		if ((*name == '@' ? add_group(k, c, name + 1, o, e) : add(k, name, policy, e)) < 0)
			return -1;
	}
	return o->configured && !o->hosts.count ? add_group(k, c, NULL, o, e) : 0;
}

/* Of all hosts the one history that their policies name. */
static int find_history(const struct known_hosts *k, const struct config *c, const struct plugin_options *o,
			const char **path, struct error *e)
{
	*path = o->history;
	for (size_t i = 0; i < k->list.count && o->configured && !o->history; i++) {
		const struct policy *p = config_policy(c, k->list.items[i].expected_policy);
		if (!p)
			return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "there is no policy \"%.100s\"",
					 k->list.items[i].expected_policy);
		const char *own = p->history ? p->history : history_usual();
		if (*path && strcmp(*path, own))
			return error_set(e, ERROR_AMBIGUOUS, ERROR_NO_OFFSET,
					 "these hosts have several histories: ask for each by itself, or say -f");
		*path = own;
	}
	if (!*path)
		*path = history_usual();
	if (!strcmp(*path, "none"))
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "no history is kept: it is \"none\"");
	return 0;
}

static int take_record(void *ctx, const struct history_record *r, struct error *e)
{
	struct known_host *h = ctx;
	if (r->id != h->verdict)
		return 0;
	h->has_verdict = true;
	h->checked_at = r->checked_at;
	h->taken_at = r->taken_at;
	h->code = r->code;
	h->depth = r->depth;
	h->waiver = r->waiver;
	h->bytes = r->bytes;
	h->rate = report_rate_of(r->bytes_restored, r->restore_seconds);
	if (string_copy(&h->label, r->label) < 0 || string_copy(&h->policy, r->policy) < 0 ||
	    strings_add_all(&h->details, &r->reasons) < 0)
		return error_nomem(e);
	return 1;
}

/* Of the verdict's waiver, if it is in force now. */
struct wanted_waiver {
	int64_t id;
	bool found;
	struct waiver copy;
};

static int take_waiver(void *ctx, const struct waiver *w, struct error *e)
{
	struct wanted_waiver *want = ctx;
	if (w->id != want->id)
		return 0;
	want->found = true;
	return waiver_copy(&want->copy, w) == 0 ? 1 : error_nomem(e);
}

static int look_at(struct known_host *h, struct history *from, const struct plugin_options *o, struct error *e)
{
	struct wanted_waiver want = {0};
	int told = history_telling(from, h->name, o->now, &h->verdict, e);
	if (told < 0 || (told && history_each(from, h->name, 0, take_record, h, e) < 0))
		return -1;
	want.id = h->waiver;
	int rc = 0;
	if (h->has_verdict && h->waiver)
		rc = history_waivers(from, h->name, o->now, take_waiver, &want, e);
	if (rc >= 0 && h->has_verdict && h->label)
		rc = history_suspect(from, h->name, h->label, h->taken_at, &h->suspect, e);
	if (rc >= 0)
		known_host_judge(h, want.found ? &want.copy : NULL, o);
	waiver_free(&want.copy);
	return rc < 0 ? -1 : 0;
}

struct remembered {
	struct known_hosts *hosts;
	const char *policy;
};

static int add_remembered(void *ctx, const char *name, struct error *e)
{
	const struct remembered *r = ctx;
	return add_new(r->hosts, name, r->policy, e);
}

static int look(struct known_hosts *k, const struct config *c, const struct plugin_options *o, struct error *e)
{
	const char *path;
	if (add_named(k, c, o, e) < 0 || find_history(k, c, o, &path, e) < 0)
		return -1;
	struct history *from autodestroy(history_destroy_auto) = history_open(path, HISTORY_READ, e);
	struct remembered all = {k, o->policy};
	if (!from || (!k->list.count && history_hosts(from, add_remembered, &all, e) < 0))
		return -1;
	if (!k->list.count)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET, "%s: nothing is remembered yet", path);
	k->state = STATE_OK;
	vec_each(&k->list, h) {
		if (look_at(h, from, o, e) < 0)
			return -1;
		k->state = state_worse(k->state, h->state);
	}
	return 0;
}

int known_hosts_look(struct known_hosts *k, const struct plugin_options *o, struct error *e)
{
	struct config c = {0};
	memset(k, 0, sizeof *k);
	k->state = STATE_UNKNOWN;
	if (o->configured && config_load(o->config, o->policy, &c, e) < 0)
		return -1;
	int rc = look(k, &c, o, e);
	if (o->configured)
		config_free(&c);
	if (rc < 0)
		k->state = STATE_UNKNOWN;
	return rc;
}
