// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/text.h"

void text_put_member(struct text *t, const char *key, const char *value)
{
	text_printf(t, ",\"%s\":", key);
	text_put_json(t, value);
}

void text_put_member_u64(struct text *t, const char *key, uint64_t value)
{
	text_printf(t, ",\"%s\":%llu", key, (unsigned long long)value);
}

void text_put_member_time(struct text *t, const char *key, int64_t at)
{
	char when[32];
	text_put_member(t, key, at ? format_rfc3339(at, when) : NULL);
}

void text_put_json_list(struct text *t, const struct strings *list)
{
	text_put(t, "[");
	for (size_t i = 0; i < list->count; i++) {
		text_put(t, i ? "," : "");
		text_put_json(t, list->items[i]);
	}
	text_put(t, "]");
}
