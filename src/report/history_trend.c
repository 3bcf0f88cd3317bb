// SPDX-License-Identifier: GPL-3.0-or-later
/* The median of ten is not moved by the one that was odd. */
#include "backproof/history_report.h"

#include "common.h"

bool history_trend_feed(struct history_trend *t, const struct history_record *r)
{
	struct trend_point *to = NULL;
	if (!r->bytes)
		return false;
	const char *label = r->label ? r->label : "";
	uint64_t parts[] = {hash_bytes(label, strlen(label)), (uint64_t)r->taken_at, r->bytes,
			    r->files.count ? (uint64_t)r->files.items[0].mtime_ns : 0};
	uint64_t point = hash_bytes(parts, sizeof parts);
	for (size_t i = 0; i < t->count && !to; i++)
		to = t->points[i].point == point ? &t->points[i] : NULL;
	if (!to) {
		if (t->count == TREND_POINTS)
			return true;
		to = &t->points[t->count++];
		*to = (struct trend_point){.point = point, .bytes = r->bytes};
	}
	if (!to->rate)
		to->rate = report_rate_of(r->bytes_restored, r->restore_seconds);
	return false;
}

static int by_value(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;
	return *x < *y ? -1 : *x > *y;
}

/* Of what is not 0. Fewer than three say nothing. */
static bool median_of(uint64_t *values, size_t count, uint64_t *out)
{
	if (count < 3)
		return false;
	qsort(values, count, sizeof *values, by_value);
	uint64_t low = values[(count - 1) / 2], high = values[count / 2];
	*out = low + (high - low) / 2;
	return *out > 0;
}

bool history_trend_size(const struct history_trend *t, uint64_t *now, uint64_t *median)
{
	uint64_t values[TREND_POINTS];
	for (size_t i = 1; i < t->count; i++)
		values[i - 1] = t->points[i].bytes;
	*now = t->count ? t->points[0].bytes : 0;
	return t->count && median_of(values, t->count - 1, median);
}

bool history_trend_rate(const struct history_trend *t, uint64_t *now, uint64_t *median)
{
	uint64_t values[TREND_POINTS];
	size_t n = 0;
	for (size_t i = 1; i < t->count; i++)
		if (t->points[i].rate)
			values[n++] = t->points[i].rate;
	*now = t->count ? t->points[0].rate : 0;
	return *now && median_of(values, n, median);
}
