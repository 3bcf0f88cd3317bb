// SPDX-License-Identifier: GPL-3.0-or-later
/* Plugin output and performance data as the Monitoring Plugins Development Guidelines have them. */
#include "../report/cells.h"
#include "plugin.h"

#define WORDS_MOST 300
/* Monitors keep some kilobytes of what follows the first line. */
#define LINES_MOST 60

const char *state_name(enum state s)
{
	static const char *const names[] = {"OK", "WARNING", "CRITICAL", "UNKNOWN"};
	return names[s];
}

enum state state_worse(enum state a, enum state b)
{
	static const int weight[] = {[STATE_OK] = 0, [STATE_WARNING] = 1, [STATE_UNKNOWN] = 2, [STATE_CRITICAL] = 3};
	return weight[a] >= weight[b] ? a : b;
}

void plugin_put(struct text *out, const char *s)
{
	autotext struct text safe = {0};
	cells_put(&safe, s, WORDS_MOST, CELLS_CUT_END);
	out->failed |= safe.failed;
	for (size_t i = 0; i < safe.length; i++)
		if (safe.data[i] == '|')
			safe.data[i] = '/'; /* performance data would begin there */
	text_put(out, text_str(&safe));
}

static void put_age(struct text *out, const char *label, int64_t age, const struct range *w, const struct range *c)
{
	text_printf(out, " '%s'=%llds;", label, (long long)age);
	range_put(out, w);
	text_put(out, ";");
	range_put(out, c);
	text_put(out, ";0;");
}

static void put_one(struct text *out, const struct known_host *h, const struct plugin_options *o)
{
	text_put(out, text_str(&h->says));
	if (!h->has_verdict)
		return;
	text_put(out, " |");
	put_age(out, "age", h->age, &o->warning, &o->critical);
	if (h->taken_at)
		put_age(out, "backup_age", h->backup_age, &o->backup_warning, &o->backup_critical);
	if (h->bytes)
		text_printf(out, " 'size'=%lluB;;;0;", (unsigned long long)h->bytes);
	if (h->rate)
		text_printf(out, " 'restore_rate'=%lluB;;;0;", (unsigned long long)h->rate);
}

static void put_all(struct text *out, const struct known_hosts *k, const struct plugin_options *o)
{
	size_t counts[4] = {0};
	int64_t oldest = -1;
	bool first = true;
	for (size_t i = 0; i < k->list.count; i++) {
		const struct known_host *h = &k->list.items[i];
		counts[h->state]++;
		if (h->has_verdict && h->age > oldest)
			oldest = h->age;
	}
	text_printf(out, "%zu of %zu hosts ok", counts[STATE_OK], k->list.count);
	for (int s = STATE_WARNING; s <= STATE_UNKNOWN; s++) {
		if (!counts[s])
			continue;
		text_printf(out, "%s%zu %s", first ? ": " : ", ", counts[s], state_name((enum state)s));
		first = false;
	}
	text_printf(out, " | 'hosts'=%zu;;;0; 'ok'=%zu;;;0; 'warning'=%zu;;;0; 'critical'=%zu;;;0; 'unknown'=%zu;;;0;",
		    k->list.count, counts[STATE_OK], counts[STATE_WARNING], counts[STATE_CRITICAL],
		    counts[STATE_UNKNOWN]);
	if (oldest >= 0)
		put_age(out, "age", oldest, &o->warning, &o->critical);
}

/* The worst first; with verbose also those that are well. */
static void put_lines(struct text *out, const struct known_hosts *k, const struct plugin_options *o)
{
	static const enum state order[] = {STATE_CRITICAL, STATE_UNKNOWN, STATE_WARNING, STATE_OK};
	size_t lines = 0, left = 0;
	for (size_t s = 0; s < ARRAY_SIZE(order); s++) {
		if (order[s] == STATE_OK && !o->verbose)
			continue;
		vec_each(&k->list, h) {
			if (h->state != order[s])
				continue;
			if (lines >= LINES_MOST) {
				left++;
				continue;
			}
			lines++;
			text_printf(out, "%s - %s\n", state_name(h->state), text_str(&h->says));
		}
	}
	if (left)
		text_printf(out, "and %zu more\n", left);
}

void plugin_say(struct text *out, const struct known_hosts *k, const struct plugin_options *o)
{
	text_printf(out, "BACKPROOF %s - ", state_name(k->state));
	if (k->list.count != 1) {
		put_all(out, k, o);
		text_put(out, "\n");
		put_lines(out, k, o);
		return;
	}
	const struct known_host *h = k->list.items;
	put_one(out, h, o);
	text_put(out, "\n");
	/* The first reason stands in the line above. */
	for (size_t i = o->verbose ? 0 : 1; i < h->details.count && i < (o->verbose ? LINES_MOST : 4); i++) {
		plugin_put(out, h->details.items[i]);
		text_put(out, "\n");
	}
}

void plugin_say_error(struct text *out, const char *why)
{
	text_printf(out, "BACKPROOF %s - ", state_name(STATE_UNKNOWN));
	plugin_put(out, why);
	text_put(out, "\n");
}
