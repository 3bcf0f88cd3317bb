// SPDX-License-Identifier: GPL-3.0-or-later
#include "members.h"

#include "backproof/digest.h"

const char *member_text_of(json_t *v, size_t most)
{
	const char *s = json_string_value(v);
	size_t n = s ? json_string_length(v) : 0;
	return n && n <= most && strlen(s) == n ? s : NULL;
}

const char *member_text(json_t *object, const char *key, size_t most)
{
	return member_text_of(json_object_get(object, key), most);
}

bool members_are(json_t *object, const char *const *names, size_t count, bool lax)
{
	if (!json_is_object(object) || (!lax && json_object_size(object) != count))
		return false;
	for (size_t i = 0; i < count; i++)
		if (!json_object_get(object, names[i]))
			return false;
	return true;
}

int member_copy(json_t *object, const char *key, size_t most, bool may_be_null, char **out, const char *kind,
		struct error *e)
{
	json_t *v = json_object_get(object, key);
	if (may_be_null && json_is_null(v))
		return 0;
	const char *s = member_text_of(v, most);
	if (!s)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: %s is not right", kind, key);
	return (*out = strdup(s)) ? 0 : error_nomem(e);
}

int member_time(json_t *object, const char *key, bool may_be_null, int64_t *out, const char *kind, struct error *e)
{
	char buf[32];
	if (may_be_null && json_is_null(json_object_get(object, key)))
		return 0;
	const char *s = member_text(object, key, sizeof buf);
	if (!s || parse_rfc3339(s, out) < 0 || *out <= 0 || strcmp(format_rfc3339(*out, buf), s))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: %s is no time", kind, key);
	return 0;
}

bool member_is_hex(const char *s, size_t length)
{
	return strlen(s) == length && strspn(s, "0123456789abcdef") == length;
}

int member_digest(json_t *object, const char *key, uint8_t out[32])
{
	const char *hex = member_text(object, key, 64);
	return hex && member_is_hex(hex, 64) ? hex_decode(hex, out, 32) : -1;
}
