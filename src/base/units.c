// SPDX-License-Identifier: GPL-3.0-or-later
/* Sizes, durations and times as people type and read them. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>
#include <time.h>

#include "backproof/text.h"

int parse_u64(const char *s, uint64_t *out)
{
	uint64_t v = 0;
	if (!*s)
		return -1;
	for (; *s; s++) {
		if (!isdigit((unsigned char)*s) || mul_overflows(v, (uint64_t)10, &v) ||
		    add_overflows(v, (uint64_t)(*s - '0'), &v))
			return -1;
	}
	*out = v;
	return 0;
}

/* Digits at the front; -1 when there are none or they don't fit. */
static int leading_number(const char **s, uint64_t *out)
{
	uint64_t v = 0;
	if (!isdigit((unsigned char)**s))
		return -1;
	for (; isdigit((unsigned char)**s); (*s)++)
		if (mul_overflows(v, (uint64_t)10, &v) || add_overflows(v, (uint64_t)(**s - '0'), &v))
			return -1;
	*out = v;
	return 0;
}

int parse_share(const char *s, uint32_t *out)
{
	uint64_t v;
	if (leading_number(&s, &v) < 0 || v > 100)
		return -1;
	v *= 10000;
	if (*s == '.') {
		uint64_t unit = 1000;
		if (!isdigit((unsigned char)*++s))
			return -1;
		for (; isdigit((unsigned char)*s); s++, unit /= 10) {
			if (!unit && *s != '0')
				return -1;
			v += (uint64_t)(*s - '0') * unit;
		}
	}
	if (strcmp(s, "%") || v > 1000000)
		return -1;
	*out = (uint32_t)v;
	return 0;
}

char *format_share(uint32_t millionths, char buf[16])
{
	int n = snprintf(buf, 16, "%u.%04u", millionths / 10000, millionths % 10000);
	while (buf[n - 1] == '0')
		n--;
	n -= buf[n - 1] == '.';
	memcpy(buf + n, "%", 2);
	return buf;
}

int parse_size(const char *s, uint64_t *out)
{
	static const char units[] = "KMGT";
	uint64_t v;
	if (leading_number(&s, &v) < 0)
		return -1;
	if (*s) {
		const char *u = strchr(units, toupper((unsigned char)*s));
		if (u && *u) {
			if (mul_overflows(v, UINT64_C(1) << (10 * (u - units + 1)), &v))
				return -1;
			s++;
			if (!strcasecmp(s, "b") || !strcasecmp(s, "ib"))
				s = "";
		} else if (!strcasecmp(s, "b")) {
			s = "";
		}
	}
	if (*s || v > INT64_MAX)
		return -1;
	*out = v;
	return 0;
}

int parse_duration(const char *s, int64_t *out)
{
	uint64_t sum = 0;
	if (!strcmp(s, "0")) {
		*out = 0;
		return 0;
	}
	if (!*s)
		return -1;
	while (*s) {
		uint64_t v, unit;
		if (leading_number(&s, &v) < 0)
			return -1;
		switch (*s) {
		case 's':
			unit = 1;
			break;
		case 'm':
			unit = 60;
			break;
		case 'h':
			unit = 3600;
			break;
		case 'd':
			unit = 86400;
			break;
		case 'w':
			unit = 7 * 86400;
			break;
		default:
			return -1;
		}
		s++;
		if (mul_overflows(v, unit, &v) || add_overflows(sum, v, &sum) || sum > INT64_MAX / 4)
			return -1;
	}
	*out = (int64_t)sum;
	return 0;
}

int parse_rfc3339(const char *s, int64_t *out)
{
	int y, mo, d, h, mi, sec, used = 0;
	if (sscanf(s, "%4d-%2d-%2d%*1[Tt ]%2d:%2d:%2d%n", &y, &mo, &d, &h, &mi, &sec, &used) != 6 ||
	    used != 19)
		return -1;
	s += used;
	if (*s == '.') {
		if (!isdigit((unsigned char)*++s))
			return -1;
		while (isdigit((unsigned char)*s))
			s++;
	}
	int64_t zone = 0;
	if (*s == 'Z' || *s == 'z') {
		s++;
	} else if (*s == '+' || *s == '-') {
		int zh, zm, n = 0;
		if (sscanf(s + 1, "%2d:%2d%n", &zh, &zm, &n) != 2 || n != 5 || zh > 23 || zm > 59)
			return -1;
		zone = (zh * 60 + zm) * 60 * (*s == '-' ? -1 : 1);
		s += 6;
	} else {
		return -1;
	}
	struct tm tm = {.tm_year = y - 1900, .tm_mon = mo - 1, .tm_mday = d,
			.tm_hour = h, .tm_min = mi, .tm_sec = sec};
	if (*s || mo < 1 || mo > 12 || d < 1 || d > 31 || h < 0 || h > 23 || mi < 0 || mi > 59 ||
	    sec < 0 || sec > 60)
		return -1;
	time_t t = timegm(&tm);
	if (tm.tm_mday != d) /* 31 February */
		return -1;
	*out = (int64_t)t - zone;
	return 0;
}

char *format_size(uint64_t bytes, char buf[32])
{
	static const char *const units[] = {"bytes", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
	double v = (double)bytes;
	size_t u = 0;
	while (v >= 1024 && u + 1 < ARRAY_SIZE(units)) {
		v /= 1024;
		u++;
	}
	if (u == 0)
		snprintf(buf, 32, "%llu %s", (unsigned long long)bytes, bytes == 1 ? "byte" : "bytes");
	else
		snprintf(buf, 32, v < 10 ? "%.1f %s" : "%.0f %s", v, units[u]);
	return buf;
}

char *format_duration(int64_t seconds, char buf[32])
{
	const char *sign = seconds < 0 ? "-" : "";
	uint64_t s = seconds < 0 ? 0 - (uint64_t)seconds : (uint64_t)seconds;
	if (s < 60)
		snprintf(buf, 32, "%s%us", sign, (unsigned)s);
	else if (s < 3600)
		snprintf(buf, 32, "%s%um %us", sign, (unsigned)(s / 60), (unsigned)(s % 60));
	else if (s < 86400)
		snprintf(buf, 32, "%s%uh %um", sign, (unsigned)(s / 3600), (unsigned)(s % 3600 / 60));
	else
		snprintf(buf, 32, "%s%llud %uh", sign, (unsigned long long)(s / 86400),
			 (unsigned)(s % 86400 / 3600));
	return buf;
}

char *format_rfc3339(int64_t t, char buf[32])
{
	struct tm tm;
	time_t tt = (time_t)t;
	if (!gmtime_r(&tt, &tm) || tm.tm_year > 8099 || tm.tm_year < -1900)
		snprintf(buf, 32, "@%lld", (long long)t);
	else
		strftime(buf, 32, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return buf;
}

static size_t edit_distance(const char *a, const char *b)
{
	size_t row[65], la = strlen(a), lb = strlen(b);
	if (la > 64 || lb > 64)
		return 64;
	for (size_t j = 0; j <= lb; j++)
		row[j] = j;
	for (size_t i = 1; i <= la; i++) {
		size_t diagonal = row[0];
		row[0] = i;
		for (size_t j = 1; j <= lb; j++) {
			size_t above = row[j];
			size_t best = diagonal + (a[i - 1] != b[j - 1]);
			if (above + 1 < best)
				best = above + 1;
			if (row[j - 1] + 1 < best)
				best = row[j - 1] + 1;
			row[j] = best;
			diagonal = above;
		}
	}
	return row[lb];
}

const char *nearest_name(const char *word, const char *const *names, size_t count)
{
	const char *best = NULL;
	size_t least = strlen(word) / 3 + 2;
	for (size_t i = 0; i < count; i++) {
		size_t d = edit_distance(word, names[i]);
		if (d < least) {
			least = d;
			best = names[i];
		}
	}
	return best;
}
