// SPDX-License-Identifier: GPL-3.0-or-later
/* What a check leaves to others on the same machine: processors, disks, and how much is read in a second. */
#include "polite.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <sys/resource.h>
#include <sys/syscall.h>

struct paces {
	const struct config *config;
	struct pace *items[]; /* as the policies */
};

struct paces *paces_new(const struct config *c, struct error *e)
{
	struct paces *p = calloc(1, sizeof *p + c->policy_count * sizeof p->items[0]);
	if (!p) {
		error_nomem(e);
		return NULL;
	}
	p->config = c;
	for (size_t i = 0; i < c->policy_count; i++)
		if (c->policies[i].rate_limit && !(p->items[i] = pace_new(c->policies[i].rate_limit, e))) {
			paces_destroy(p);
			return NULL;
		}
	return p;
}

void paces_destroy(struct paces *p)
{
	for (size_t i = 0; p && i < p->config->policy_count; i++)
		pace_destroy(p->items[i]);
	free(p);
}

struct pace *paces_find(const struct paces *p, const char *policy)
{
	const struct policy *found = config_policy(p->config, policy);
	return found ? p->items[found - p->config->policies] : NULL;
}

/* As the kernel has it. */
static int ioprio_of(enum io_class c)
{
	if (c == IO_NONE)
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_NONE, 0);
	if (c == IO_IDLE)
		return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_IDLE, 0);
	return IOPRIO_PRIO_VALUE(IOPRIO_CLASS_BE, c == IO_BEST_EFFORT ? 4 : (int)(c - IO_BEST_EFFORT_0));
}

/* The more, the later its turn comes. What has no class of its own has one by its niceness. */
static int gentleness(int ioprio)
{
	switch (IOPRIO_PRIO_CLASS(ioprio)) {
	case IOPRIO_CLASS_IDLE:
		return 9;
	case IOPRIO_CLASS_BE:
		return 1 + (int)IOPRIO_PRIO_DATA(ioprio);
	default:
		return 0;
	}
}

static int be_nice(uint32_t wanted, struct error *e)
{
	errno = 0;
	int now = getpriority(PRIO_PROCESS, 0);
	if ((now == -1 && errno) || now >= (int)wanted)
		return 0;
	return setpriority(PRIO_PROCESS, 0, (int)wanted) < 0 ? error_sys(e, "nice = %u", (unsigned)wanted) : 0;
}

/* glibc has no function for it. 1: who, of this thread. */
static int be_io_nice(int wanted, struct error *e)
{
	long now = syscall(SYS_ioprio_get, 1, 0);
	if (now >= 0 && gentleness((int)now) >= gentleness(wanted))
		return 0;
	return syscall(SYS_ioprio_set, 1, 0, wanted) < 0 ? error_sys(e, "ionice") : 0;
}

int gate_be_polite(const struct config *c, const struct gate_overrides *o, const struct strings *hosts, struct error *e)
{
	uint32_t nice = 0;
	int ioprio = ioprio_of(IO_NONE);
	for (size_t i = 0; i < hosts->count; i++) {
		const char *name = config_policy_name(o->policy, config_host(c, hosts->items[i]));
		const struct policy *p = config_policy(c, name);
		if (!p)
			continue;
		if (p->nice > nice)
			nice = p->nice;
		if (gentleness(ioprio_of(p->ionice)) > gentleness(ioprio))
			ioprio = ioprio_of(p->ionice);
	}
	return be_nice(nice, e) < 0 || be_io_nice(ioprio, e) < 0 ? -1 : 0;
}
