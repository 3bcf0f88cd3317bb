// SPDX-License-Identifier: GPL-3.0-or-later
#include "range.h"

/* Seconds: some thousand years, and no sum of them wraps. */
#define MOST INT64_C(1000000000000)

static int64_t unit_of(char c)
{
	switch (c) {
	case 's':
		return 1;
	case 'm':
		return 60;
	case 'h':
		return 3600;
	case 'd':
		return 86400;
	case 'w':
		return 7 * 86400;
	default:
		return 0;
	}
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* A number at *s, which is moved behind it. */
static int take_number(const char **s, int64_t *out)
{
	const char *p = *s;
	bool negative = *p == '-', any = false;
	int64_t value = 0, scale = 1000, unit;
	p += negative;
	for (; is_digit(*p); p++, any = true) {
		value = value * 10 + (*p - '0');
		if (value > MOST)
			return -1;
	}
	value *= 1000;
	if (*p == '.') {
		for (p++; is_digit(*p); p++, any = true) {
			scale /= 10;
			if (!scale)
				return -1;
			value += (*p - '0') * scale;
		}
	}
	if (!any)
		return -1;
	unit = unit_of(*p);
	if (unit) {
		p++;
		if (mul_overflows(value, unit, &value))
			return -1;
	}
	if (value > MOST * 1000)
		return -1;
	*out = negative ? -value : value;
	*s = p;
	return 0;
}

int range_parse(const char *s, struct range *out)
{
	struct range r = {.given = true};
	memset(out, 0, sizeof *out);
	r.inside = *s == '@';
	s += r.inside;
	const char *colon = strchr(s, ':');
	bool starts = colon && colon != s; /* ":10" is "0:10" */
	if (starts && *s == '~') {
		r.no_low = true;
		s++;
	} else if (starts && take_number(&s, &r.low) < 0) {
		return -1;
	}
	if (colon) {
		if (s != colon)
			return -1;
		r.no_high = !*++s;
		/* ":" and "~:" leave nothing out. */
		if (r.no_high && (!starts || r.no_low))
			return -1;
	}
	if (!r.no_high && take_number(&s, &r.high) < 0)
		return -1;
	if (*s || (!r.no_low && !r.no_high && r.low > r.high))
		return -1;
	*out = r;
	return 0;
}

bool range_alerts(const struct range *r, int64_t seconds)
{
	int64_t at;
	if (!r->given)
		return false;
	if (mul_overflows(seconds, INT64_C(1000), &at))
		return true;
	bool within = (r->no_low || at >= r->low) && (r->no_high || at <= r->high);
	return r->inside ? within : !within;
}

static void put_number(struct text *out, int64_t v)
{
	text_printf(out, "%s%lld", v < 0 ? "-" : "", (long long)(v < 0 ? -v : v) / 1000);
	if (v % 1000)
		text_printf(out, ".%03lld", (long long)(v < 0 ? -v : v) % 1000);
}

void range_put(struct text *out, const struct range *r)
{
	if (!r->given)
		return;
	text_put(out, r->inside ? "@" : "");
	if (r->no_low)
		text_put(out, "~:");
	else if (r->low || r->no_high) {
		put_number(out, r->low);
		text_put(out, ":");
	}
	if (!r->no_high)
		put_number(out, r->high);
}
