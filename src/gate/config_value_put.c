// SPDX-License-Identifier: GPL-3.0-or-later
/* One value: from its field as it would be written. */
#include "backproof/text.h"
#include "config_keys.h"

/* The largest unit that loses nothing, but hours up to two days: "24h" is how people say it. */
static void put_duration(struct text *out, int64_t v)
{
	static const struct {
		int64_t unit, least;
		char letter;
	} units[] = {{86400, 2 * 86400, 'd'}, {3600, 3600, 'h'}, {60, 60, 'm'}};
	for (size_t i = 0; i < ARRAY_SIZE(units); i++)
		if (v >= units[i].least && v % units[i].unit == 0) {
			text_printf(out, "%lld%c", (long long)(v / units[i].unit), units[i].letter);
			return;
		}
	text_printf(out, v ? "%llds" : "%lld", (long long)v);
}

static void put_size(struct text *out, uint64_t v)
{
	static const char units[] = "TGMK";
	for (unsigned i = 0; i < 4; i++)
		if (v && v % (UINT64_C(1) << (40 - 10 * i)) == 0) {
			text_printf(out, "%llu%c", (unsigned long long)(v >> (40 - 10 * i)), units[i]);
			return;
		}
	text_printf(out, "%llu", (unsigned long long)v);
}

static void put_word(struct text *out, size_t *count, const char *word)
{
	text_put(out, (*count)++ ? " " : "");
	text_put(out, word);
}

void config_value_put(const struct config_key *k, const void *target, struct text *out)
{
	const void *field = (const char *)target + k->offset;
	const char *string = NULL;
	char share[16];
	size_t n = 0;
	unsigned bits = 0;
	switch (k->type) {
	case TYPE_NAMES:
	case TYPE_WORDS:
	case TYPE_PATHS:
		for (size_t i = 0; i < ((const struct strings *)field)->count; i++)
			put_word(out, &n, ((const struct strings *)field)->items[i]);
		return;
	case TYPE_COMMAND:
		words_put(field, out);
		return;
	case TYPE_DURATION:
		put_duration(out, *(const int64_t *)field);
		return;
	case TYPE_SPAN:
		if (*(const int64_t *)field)
			put_duration(out, *(const int64_t *)field);
		else
			text_put(out, "none");
		return;
	case TYPE_SIZE:
		put_size(out, *(const uint64_t *)field);
		return;
	case TYPE_RATE:
	case TYPE_ROOM:
		if (*(const uint64_t *)field)
			put_size(out, *(const uint64_t *)field);
		else
			text_put(out, "none");
		return;
	case TYPE_LIMIT:
		if (*(const uint64_t *)field)
			text_printf(out, "%llu", (unsigned long long)*(const uint64_t *)field);
		else
			text_put(out, "none");
		return;
	case TYPE_COUNT:
		text_printf(out, "%u", (unsigned)*(const uint32_t *)field);
		return;
	case TYPE_SHARE:
		if (*(const uint32_t *)field || k->least)
			text_put(out, format_share(*(const uint32_t *)field, share));
		else
			text_put(out, "none");
		return;
	case TYPE_CHOICE:
		memcpy(&bits, field, sizeof bits);
		text_put(out, k->choices[bits]);
		return;
	case TYPE_SWITCH:
		text_put(out, k->choices[*(const bool *)field]);
		return;
	case TYPE_BOOL:
		text_put(out, *(const bool *)field ? "yes" : "no");
		return;
	case TYPE_PROOFS:
		memcpy(&bits, field, sizeof bits);
		for (int p = 0; p < PROOF_COUNT; p++)
			if (bits & 1u << p)
				put_word(out, &n, proof_name(p));
		return;
	default:
		memcpy(&string, field, sizeof string);
		text_put(out, string ? string : "");
	}
}
