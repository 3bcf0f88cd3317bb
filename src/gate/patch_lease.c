// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Places among those who patch at the same time: one of the host, and one of each of its groups that has a limit. Real
 * time counts, whatever the check was told to take for now: others look at the same clock.
 */
#include "patch.h"

#include <time.h>

#include "backproof/budget.h"
#include "backproof/person.h"
#include "reason.h"

#define SECOND_NS INT64_C(1000000000)
#define RETRY_SECONDS 5 /* when the history could not be asked */

static int by_name(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

int patch_groups(const struct config *c, const char *host, struct strings *out)
{
	const struct host_config *h = config_host(c, host);
	for (size_t i = 0; h && i < h->groups.count; i++) {
		const struct group_config *g = config_group(c, h->groups.items[i]);
		if (g && g->max_parallel_patching && !strings_has(out, g->name) && strings_add(out, g->name) < 0)
			return -1;
	}
	if (out->count)
		qsort(out->items, out->count, sizeof *out->items, by_name);
	return 0;
}

static char *holder_of(const char *host)
{
	char machine[256] = "";
	struct person who;
	struct error unsaid;
	gethostname(machine, sizeof machine - 1);
	bool known = person_now(&who, &unsaid) == 0;
	char *text = text_format("%s by %s on %s, pid %ld", host, known && who.user ? who.user : "somebody", machine,
				 (long)getpid());
	person_free(&who);
	return text;
}

static void taken(struct host_result *r, const char *name, unsigned most, const struct lease *by)
{
	char until[32];
	autofree char *many = most > 1 ? text_format("%u of %u places are taken, one of them by", most, most) : NULL;
	autofree char *why = text_format("%s: %s %s, until %s if that has died by then", name,
					 many ? many : "being patched by", by->holder,
					 format_rfc3339(by->expires_at, until));
	reason_refuse(r, CODE_BUSY, why ? why : "out of memory");
}

/* 1: ours; 0: r says why not. */
static int take_one(struct patch *p, const char *name, unsigned most, const char *holder, struct host_result *r)
{
	struct error e = {0};
	struct lease l;
	int rc = history_lease_take(p->history, name, most, holder, (int64_t)time(NULL), &l, &e);
	if (rc < 0 && !p->groups.count) {
		autofree char *line = text_format("whether somebody else patches this host can't be told: %s", e.text);
		if (line)
			(void)!strings_add(&r->notes, line);
		return 1;
	}
	if (rc < 0) {
		reason_refuse(r, e.cls == ERROR_BUSY ? CODE_BUSY : CODE_CONFIG, e.text);
		return 0;
	}
	if (rc == 0) {
		taken(r, name, most, &l);
		lease_free(&l);
		return 0;
	}
	struct held_lease *to = vec_push(&p->leases);
	if (to) {
		to->lease = l;
		return 1;
	}
	(void)!history_lease_drop(p->history, &l, &e);
	lease_free(&l);
	reason_refuse(r, CODE_INTERNAL, "out of memory");
	return 0;
}

bool patch_take_leases(struct patch *p, struct host_result *r)
{
	const char *host = p->q.gate->host;
	autofree char *holder = holder_of(host), *own = text_format("host %s", host);
	bool all = holder && own;
	/* As the configuration has it: WEB01 is web01. */
	for (char *c = own; c && *c; c++)
		*c = *c >= 'A' && *c <= 'Z' ? (char)(*c - 'A' + 'a') : *c;
	if (!p->history)
		return true;
	p->renew_at = monotonic_ns() + LEASE_RENEW * SECOND_NS;
	if (!all)
		reason_refuse(r, CODE_INTERNAL, "out of memory");
	all = all && take_one(p, own, 1, holder, r);
	for (size_t i = 0; all && i < p->groups.count; i++) {
		const struct group_config *g = config_group(p->q.gate->config, p->groups.items[i]);
		autofree char *name = text_format("group %s", p->groups.items[i]);
		if (!name)
			reason_refuse(r, CODE_INTERNAL, "out of memory");
		all = name && take_one(p, name, g->max_parallel_patching, holder, r);
	}
	if (!all)
		patch_drop_leases(p);
	return all;
}

static void lose(struct patch *p, struct held_lease *l)
{
	l->lost = true;
	autofree char *line = text_format("the place of this patch (%s) was lost: others may be patched at the same "
					  "time; it goes on",
					  l->lease.name);
	if (line && p->q.say)
		p->q.say(line);
}

void patch_renew_leases(struct patch *p)
{
	bool again = false;
	if (!p->leases.count || monotonic_ns() < p->renew_at)
		return;
	vec_each(&p->leases, it)
	{
		struct error e = {0};
		int64_t now = (int64_t)time(NULL);
		int rc = it->lost ? 1 : history_lease_renew(p->history, &it->lease, now, &e);
		if (rc == 0 || (rc < 0 && now >= it->lease.expires_at))
			lose(p, it);
		again |= rc < 0;
	}
	p->renew_at = monotonic_ns() + (again ? RETRY_SECONDS : LEASE_RENEW) * SECOND_NS;
}

/* What can't be dropped expires. */
void patch_drop_leases(struct patch *p)
{
	struct error unsaid;
	vec_each(&p->leases, it)
	{
		if (!it->lost)
			(void)!history_lease_drop(p->history, &it->lease, &unsaid);
		lease_free(&it->lease);
	}
	vec_free(&p->leases);
}
