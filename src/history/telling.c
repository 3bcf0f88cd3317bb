// SPDX-License-Identifier: GPL-3.0-or-later
/* Of several verdicts of a host, the one that counts. */
#include "backproof/history.h"

#define SKEW 300 /* seconds that clocks may differ, and that a verdict may wait to be written */
#define LOOK_BACK 32

struct choice {
	int64_t now, id, at;
	bool safe;
};

/* In the order in which they were recorded, the last first. 1: none before can have begun later. */
static int choose(void *ctx, const struct history_record *r, struct error *e)
{
	struct choice *c = ctx;
	(void)e;
	if (!c->id) {
		*c = (struct choice){c->now, r->id, r->checked_at, r->code == 0};
		return !c->safe;
	}
	if (r->code != 0 && r->checked_at > c->at && r->checked_at <= c->now + SKEW) {
		c->id = r->id;
		c->at = r->checked_at;
	}
	return (double)r->checked_at + r->duration_seconds + SKEW < (double)c->at;
}

int history_telling(struct history *h, const char *host, int64_t now, int64_t *id, struct error *e)
{
	struct choice c = {.now = now};
	int rc = history_each(h, host, LOOK_BACK, choose, &c, e);
	*id = c.id;
	return rc < 0 ? -1 : c.id != 0;
}
