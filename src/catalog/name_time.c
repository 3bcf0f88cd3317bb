// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Times in names. A wrong guess here would be a wrong clock in the freshness proof: what is not surely a
 * time is none.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <time.h>

#include "name.h"

static bool digit(char c)
{
	return c >= '0' && c <= '9';
}

/* n digits at s as a number, or -1. */
static int number(const char *s, size_t len, size_t n)
{
	int v = 0;
	if (len < n)
		return -1;
	for (size_t i = 0; i < n; i++) {
		if (!digit(s[i]))
			return -1;
		v = v * 10 + (s[i] - '0');
	}
	return v;
}

static bool is_day(int y, int m, int d)
{
	static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
	/* Years that no backup has are numbers that only look like dates. */
	if (y < 1990 || y > 2199 || m < 1 || m > 12 || d < 1)
		return false;
	bool leap = (y % 4 == 0 && y % 100 != 0) || y % 400 == 0;
	return d <= days[m - 1] + (m == 2 && leap);
}

size_t name_date_at(const char *s, size_t len, struct civil *c)
{
	int y = number(s, len, 4), m, d;
	size_t used;
	if (y < 0 || len < 8)
		return 0;
	if (digit(s[4])) {
		m = number(s + 4, len - 4, 2);
		d = number(s + 6, len - 6, 2);
		used = 8;
	} else {
		if (len < 10 || !strchr("-_.", s[4]) || s[7] != s[4])
			return 0;
		m = number(s + 5, len - 5, 2);
		d = number(s + 8, len - 8, 2);
		used = 10;
	}
	if (!is_day(y, m, d))
		return 0;
	c->year = y;
	c->month = m;
	c->day = d;
	c->has_date = true;
	return used;
}

/* Z, +HHMM, +HH:MM or -HH:MM; -HHMM could as well be a counter. */
static size_t zone_at(const char *s, size_t len, int *zone)
{
	if (len >= 1 && s[0] == 'Z') {
		*zone = 0;
		return 1;
	}
	if (len < 5 || (s[0] != '+' && s[0] != '-'))
		return 0;
	bool colon = s[3] == ':';
	if (s[0] == '-' && !colon)
		return 0;
	int h = number(s + 1, len - 1, 2), m = number(s + 3 + colon, len - 3 - colon, 2);
	if (h < 0 || h > 14 || m < 0 || m > 59)
		return 0;
	*zone = (h * 60 + m) * 60 * (s[0] == '-' ? -1 : 1);
	return 5 + colon;
}

size_t name_clock_at(const char *s, size_t len, bool seconds, bool zone, struct civil *c)
{
	int h = number(s, len, 2), m, sec = 0;
	if (h < 0 || h > 23 || len < 4)
		return 0;
	size_t gap = digit(s[2]) ? 0 : 1, used = 4 + gap;
	if (gap && !strchr(":-_.", s[2]))
		return 0;
	m = number(s + 2 + gap, len - 2 - gap, 2);
	if (m < 0 || m > 59)
		return 0;
	if (seconds) {
		if (gap && (len <= used || s[used] != s[2]))
			return 0;
		used += gap;
		sec = used < len ? number(s + used, len - used, 2) : -1;
		if (sec < 0 || sec > 59)
			return 0;
		used += 2;
	}
	c->has_zone = false;
	if (zone) {
		size_t n = zone_at(s + used, len - used, &c->zone);
		if (!n)
			return 0;
		c->has_zone = true;
		used += n;
	}
	c->hour = h;
	c->minute = m;
	c->second = sec;
	c->has_clock = true;
	return used;
}

/* The longest clock at s that no digit follows. */
static size_t whole_clock(const char *s, size_t len, bool compact, struct civil *c)
{
	for (int i = 0; i < 4; i++) {
		struct civil t = *c;
		size_t n = name_clock_at(s, len, i < 2, i % 2 == 0, &t);
		if (!n || (n < len && digit(s[n])) || (compact && !digit(s[2])))
			continue;
		*c = t;
		return n;
	}
	return 0;
}

bool name_time_find(const char *name, size_t len, struct civil *c, struct span *where)
{
	for (size_t i = 0; i + 8 <= len; i++) {
		if (!digit(name[i]) || (i && digit(name[i - 1])))
			continue;
		struct civil t = {0};
		size_t n = name_date_at(name + i, len - i, &t), end = i + n, clock = 0;
		if (!n)
			continue;
		if (end < len && digit(name[end])) {
			/* 20261121030000: either all of it is a time or it is some other number. */
			clock = n == 8 ? whole_clock(name + end, len - end, true, &t) : 0;
			if (!clock)
				continue;
		} else if (end + 1 < len && strchr("Tt_-. @", name[end])) {
			clock = whole_clock(name + end + 1, len - end - 1, false, &t);
			end += clock ? 1 : 0;
		}
		*c = t;
		*where = (struct span){i, end + clock};
		return true;
	}
	return false;
}

static bool ends_name(char c)
{
	return !c || c == '/';
}

size_t name_date_pieces(const char *path, struct civil *c)
{
	const size_t len = strlen(path);
	struct civil t = {.year = number(path, len, 4), .has_date = true};
	if (t.year < 0 || len < 10 || !strchr("/-_.", path[4]) || !strchr("/-_.", path[7]) ||
	    (path[4] != '/' && path[7] != '/'))
		return 0;
	t.month = number(path + 5, len - 5, 2);
	t.day = number(path + 8, len - 8, 2);
	size_t used = 10;
	if (!is_day(t.year, t.month, t.day))
		return 0;
	if (!ends_name(path[used]) && strchr("Tt_-. @", path[used])) {
		const char *s = path + used + 1;
		used += 1 + whole_clock(s, strcspn(s, "/"), false, &t);
	}
	if (!ends_name(path[used]))
		return 0;
	*c = t;
	return used;
}

/* Where the name before the one at s begins; s itself: there is none. */
static const char *name_before(const char *path, const char *s)
{
	if (s == path)
		return s;
	for (s--; s > path && s[-1] != '/'; s--)
		;
	return s;
}

bool name_ends_in_pieces(const char *path, struct civil *c)
{
	const size_t len = strlen(path);
	const char *s = path + len;
	for (int names = 0; names < 3; names++) {
		struct civil t;
		s = name_before(path, s);
		if (name_date_pieces(s, &t) == (size_t)(path + len - s) && len) {
			*c = t;
			return true;
		}
	}
	return false;
}

bool name_is_piece(const char *path)
{
	static const char *const rest[] = {"/01/01", "/01"};
	struct civil c;
	if (name_ends_in_pieces(path, &c))
		return true;
	const char *last = name_before(path, path + strlen(path)), *first = name_before(path, last);
	const char *const from[] = {last, first};
	for (size_t i = 0; i < ARRAY_SIZE(from); i++)
		for (size_t k = 0; k < ARRAY_SIZE(rest); k++) {
			char whole[sizeof "2026/11/23"];
			int n = snprintf(whole, sizeof whole, "%.10s%s", from[i], rest[k]);
			if (n == (int)sizeof whole - 1 && name_date_pieces(whole, &c))
				return true;
		}
	return false;
}

bool name_bare_clock(const char *name, size_t len, const struct span *skip, struct span *where)
{
	for (size_t i = 0; i < len; i++) {
		if (!digit(name[i]) || (i && !name_is_separator(name[i - 1])) ||
		    (i < skip->to && i >= skip->from))
			continue;
		struct civil t = {0};
		size_t n = whole_clock(name + i, len - i, true, &t);
		if (n && (i + n == len || name_is_separator(name[i + n]))) {
			*where = (struct span){i, i + n};
			return true;
		}
	}
	return false;
}

/* Counts the zones that this process has had: what is remembered of another one is of no use. */
static atomic_uint zones;

void civil_zone(void)
{
	/* The C library has a lock of its own here, which race detectors can't see. */
	static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
	static char last[256];
	char now[sizeof last];
	pthread_mutex_lock(&lock);
	tzset();
	const char *name = getenv("TZ");
	snprintf(now, sizeof now, "%.200s %ld %d %.20s %.20s", name ? name : "?", timezone, daylight, tzname[0],
		 tzname[1]);
	if (strcmp(now, last)) {
		strcpy(last, now);
		zones++;
	}
	pthread_mutex_unlock(&lock);
}

static int64_t offset_at(int64_t t)
{
	struct tm tm;
	time_t tt = (time_t)t;
	return localtime_r(&tt, &tm) ? tm.tm_gmtoff : 0;
}

/* Days around which the zone's offset does not change: a repository has the same few dates for each of its hosts. */
static _Thread_local struct {
	int64_t day;
	int32_t offset;
	unsigned zone; /* of zones, + 1; 0: nothing */
	bool even;
} days[64];

static bool even_day(int64_t as_utc, int64_t *offset)
{
	int64_t day = (as_utc - ((as_utc % 86400) + 86400) % 86400) / 86400;
	unsigned zone = zones + 1;
	__auto_type d = &days[day & 63];
	if (d->zone != zone || d->day != day) {
		int64_t before = offset_at((day - 1) * 86400), after = offset_at((day + 2) * 86400);
		d->day = day;
		d->zone = zone;
		d->offset = (int32_t)before;
		d->even = before == after;
	}
	*offset = d->offset;
	return d->even;
}

/*
 * What mktime does, without looking at /etc/localtime once or twice a file: that cost more than all the rest. An
 * hour that comes twice is the earlier one, the older backup; one that is left out is the one after it.
 */
static int64_t from_local(int64_t as_utc)
{
	int64_t before, after;
	if (even_day(as_utc, &before))
		return as_utc - before;
	before = offset_at(as_utc - 86400);
	after = offset_at(as_utc + 86400);
	int64_t t = as_utc - before, u = as_utc - after;
	if (before == after)
		return t;
	bool good = offset_at(t) == before;
	return offset_at(u) == after && (!good || u < t) ? u : t;
}

/* From 1970-01-01 on: timegm takes a lock. A year begins in March here, so that a leap day is its last. */
static int64_t day_number(const struct civil *c)
{
	int64_t y = c->year - (c->month <= 2), m = c->month + (c->month > 2 ? -3 : 9);
	return 365 * y + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + c->day - 1 - 719468;
}

void civil_range(const struct civil *c, int64_t *from, int64_t *to)
{
	*from = *to = 0;
	if (!c->has_date)
		return;
	int64_t day = day_number(c) * 86400;
	if (c->has_clock) {
		int64_t t = day + (c->hour * 60 + c->minute) * 60 + c->second;
		*from = *to = c->has_zone ? t - c->zone : from_local(t);
		return;
	}
	*from = from_local(day);
	*to = from_local(day + 86400) - 1;
}

bool name_is_time(const char *path)
{
	const char *slash = strrchr(path, '/'), *base = slash ? slash + 1 : path;
	struct civil c;
	struct span where;
	return name_time_find(base, strlen(base), &c, &where) && !where.from && where.to == strlen(base);
}
