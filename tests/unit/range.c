// SPDX-License-Identifier: GPL-3.0-or-later
/* Threshold ranges: the table of the guidelines, what is none, and that what is written is read again as the same. */
#include "../../src/plugin/range.h"
#include "test.h"

static void good(const char *s, const char *written, const char *alerts, const char *quiet)
{
	struct range r, again;
	struct text t = {0};
	if (range_parse(s, &r) < 0) {
		fprintf(stderr, "\"%s\"\n", s);
		CHECK(!"a range");
		return;
	}
	CHECK(r.given);
	range_put(&t, &r);
	CHECK_STR(text_str(&t), written);
	CHECK(range_parse(text_str(&t), &again) == 0 && !memcmp(&r, &again, sizeof r));
	text_free(&t);
	for (int k = 0; k < 2; k++) {
		const char *p = k ? quiet : alerts;
		while (*p) {
			char *end;
			long long at = strtoll(p, &end, 10);
			NEED(end != p);
			p = *end ? end + 1 : end;
			if (range_alerts(&r, at) == (k == 0))
				continue;
			fprintf(stderr, "\"%s\" at %lld\n", s, at);
			CHECK(!"as it should");
		}
	}
}

static void those_of_the_guidelines(void)
{
	good("10", "10", "-1 11 1000000", "0 1 10");
	good("10:", "10:", "9 0 -5", "10 11 999999999");
	good("~:10", "~:10", "11", "10 0 -999999999");
	good("10:20", "10:20", "9 21", "10 15 20");
	good("@10:20", "@10:20", "10 15 20", "9 21");
	good("@10", "@10", "0 5 10", "-1 11");
	good("@~:10", "@~:10", "-7 10", "11");
	good("@10:", "@10:", "10 11", "9");
	good(":10", "10", "-1 11", "0 10");
	good("0:", "0:", "-1", "0 999999999");
	good("0", "0", "-1 1", "0");
	good("0:0", "0", "-1 1", "0");
	good("-20:-10", "-20:-10", "-21 -9 0", "-20 -10");
	good("5:5", "5:5", "4 6", "5");
}

static void with_units(void)
{
	good("26h", "93600", "93601 -1", "93600 0");
	good("1m:2m", "60:120", "59 121", "60 120");
	good("@1d:2w", "@86400:1209600", "86400 1209600", "86399 1209601");
	good("10s", "10", "11", "10");
	good("10.5", "10.500", "11", "10");
	good("0.5h", "1800", "1801", "1800");
	good(".5:", "0.500:", "0", "1");
	good("-0.250:1", "-0.250:1", "-1 2", "0 1");
	good("1000000000000", "1000000000000", "1000000000001", "1");
}

static void none(void)
{
	static const char *const bad[] = {
		"", ":", "~", "~:", "@", "@:", "@~:", "10:5", "x", "10x", "10:20:30", "10 ", " 10", "10:~", "~10", "--5",
		"1.2345", "1e3", "0x10", "+5", "10::", "::10", "@@10", "10@", "1h30m", "10:20x", "nan", "inf", "-", ".", "-.",
		"9999999999999", "1000000000000h", "99999999999999999999999999", "10\n", "~~:5", "5:~", "1,5", "10;20", "h", ":h",
	};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct range r;
		if (range_parse(bad[i], &r) == 0) {
			fprintf(stderr, "\"%s\"\n", bad[i]);
			CHECK(!"none");
		}
		CHECK(!r.given && !range_alerts(&r, 0)); /* and it says nothing */
	}
	struct range r = {0};
	struct text t = {0};
	range_put(&t, &r);
	CHECK(!t.length);
	text_free(&t);
}

static void extremes(void)
{
	struct range r;
	CHECK(range_parse("10:20", &r) == 0);
	CHECK(range_alerts(&r, INT64_MAX) && range_alerts(&r, INT64_MIN));
	CHECK(range_parse("0:", &r) == 0);
	CHECK(range_alerts(&r, INT64_MAX)); /* beyond what can be compared: never quiet */
}

/* Whatever it is given: what is taken is read again as the same, and nothing else happens. */
static void anything(void)
{
	static const char letters[] = "0123456789:~@.-smhdwx ";
	struct rng rng = {7};
	size_t taken = 0;
	for (int i = 0; i < 300000; i++) {
		char s[16];
		size_t n = (size_t)rng_below(&rng, sizeof s);
		for (size_t k = 0; k < n; k++)
			s[k] = letters[rng_below(&rng, sizeof letters - 1)];
		s[n] = 0;
		struct range r, again;
		if (range_parse(s, &r) < 0)
			continue;
		struct text t = {0};
		taken++;
		range_put(&t, &r);
		if (range_parse(text_str(&t), &again) < 0 || memcmp(&r, &again, sizeof r)) {
			fprintf(stderr, "\"%s\" is written as \"%s\"\n", s, text_str(&t));
			CHECK(!"the same");
		}
		CHECK(r.no_low || r.no_high || r.low <= r.high);
		text_free(&t);
	}
	CHECK(taken > 1000);
}

int main(void)
{
	RUN(those_of_the_guidelines);
	RUN(with_units);
	RUN(none);
	RUN(extremes);
	RUN(anything);
	return test_done();
}
