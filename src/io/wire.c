// SPDX-License-Identifier: GPL-3.0-or-later
/* Little-endian, without padding; strings with their length, so that nothing has to be looked for. */
#include "backproof/wire.h"

#include <math.h>

#define NO_STRING UINT32_MAX
#define WIRE_MOST (GIB / 2)

void wire_out_free(struct wire_out *w)
{
	free(w->data);
	memset(w, 0, sizeof *w);
}

void wire_put(struct wire_out *w, const void *p, size_t len)
{
	size_t need;
	if (w->failed || !len)
		return;
	if (add_overflows(w->length, len, &need) || need > WIRE_MOST) {
		w->failed = true;
		return;
	}
	if (need > w->capacity) {
		size_t capacity = need < 4096 ? 4096 : need + need / 2;
		uint8_t *data = realloc(w->data, capacity);
		if (!data) {
			w->failed = true;
			return;
		}
		w->data = data;
		w->capacity = capacity;
	}
	memcpy(w->data + w->length, p, len);
	w->length = need;
}

static void put_number(struct wire_out *w, uint64_t v, size_t len)
{
	uint8_t bytes[8];
	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)(v >> 8 * i);
	wire_put(w, bytes, len);
}

void wire_put_u8(struct wire_out *w, uint8_t v)
{
	put_number(w, v, 1);
}

void wire_put_u32(struct wire_out *w, uint32_t v)
{
	put_number(w, v, 4);
}

void wire_put_u64(struct wire_out *w, uint64_t v)
{
	put_number(w, v, 8);
}

void wire_put_i64(struct wire_out *w, int64_t v)
{
	put_number(w, (uint64_t)v, 8);
}

void wire_put_double(struct wire_out *w, double v)
{
	uint64_t bits;
	memcpy(&bits, &v, sizeof bits);
	put_number(w, bits, 8);
}

void wire_put_string(struct wire_out *w, const char *s)
{
	size_t len = s ? strlen(s) : 0;
	wire_put_u32(w, s ? (uint32_t)len : NO_STRING);
	wire_put(w, s, len); /* fails where the length did not fit in what stands before it */
}

void wire_put_strings(struct wire_out *w, const struct strings *s)
{
	size_t count = s ? s->count : 0;
	wire_put_u64(w, count);
	for (size_t i = 0; i < count; i++)
		wire_put_string(w, s->items[i]);
}

void wire_in_init(struct wire_in *w, const void *data, size_t length)
{
	*w = (struct wire_in){.at = data, .end = (const uint8_t *)data + length};
}

void wire_bad(struct wire_in *w, const char *why)
{
	if (w->bad)
		return;
	w->bad = true;
	w->why = why;
}

const void *wire_get(struct wire_in *w, size_t len)
{
	if (!w->bad && (size_t)(w->end - w->at) < len)
		wire_bad(w, "it ends in the middle");
	if (w->bad)
		return NULL;
	const void *p = w->at;
	w->at += len;
	return p;
}

uint8_t wire_get_u8(struct wire_in *w)
{
	const uint8_t *p = wire_get(w, 1);
	return p ? *p : 0;
}

bool wire_get_bool(struct wire_in *w)
{
	return wire_get_enum(w, 2) == 1;
}

unsigned wire_get_enum(struct wire_in *w, unsigned below)
{
	unsigned v = wire_get_u8(w);
	if (v < below)
		return v;
	wire_bad(w, "a value that does not exist");
	return 0;
}

uint32_t wire_get_u32(struct wire_in *w)
{
	const uint8_t *p = wire_get(w, 4);
	return p ? get_le32(p) : 0;
}

uint64_t wire_get_u64(struct wire_in *w)
{
	const uint8_t *p = wire_get(w, 8);
	return p ? get_le64(p) : 0;
}

int64_t wire_get_i64(struct wire_in *w)
{
	return (int64_t)wire_get_u64(w);
}

double wire_get_double(struct wire_in *w)
{
	uint64_t bits = wire_get_u64(w);
	double v;
	memcpy(&v, &bits, sizeof v);
	if (isfinite(v) && v >= 0)
		return v;
	wire_bad(w, "a number that is none");
	return 0;
}

size_t wire_get_count(struct wire_in *w, size_t each, size_t most)
{
	uint64_t count = wire_get_u64(w);
	if (!w->bad && (count > most || count > (uint64_t)(w->end - w->at) / each))
		wire_bad(w, "more of something than there can be");
	return w->bad ? 0 : (size_t)count;
}

char *wire_get_string(struct wire_in *w, size_t most)
{
	uint32_t len = wire_get_u32(w);
	if (w->bad || len == NO_STRING)
		return NULL;
	if (len > most) {
		wire_bad(w, "a text that is too long");
		return NULL;
	}
	const char *p = wire_get(w, len);
	if (p && memchr(p, 0, len))
		wire_bad(w, "a text with a NUL in it");
	char *out = w->bad ? NULL : malloc((size_t)len + 1);
	if (!out) {
		wire_bad(w, "out of memory");
		return NULL;
	}
	memcpy(out, p, len);
	out[len] = '\0';
	return out;
}

void wire_get_strings(struct wire_in *w, struct strings *out, size_t count_most, size_t most)
{
	size_t count = wire_get_count(w, 4, count_most);
	for (size_t i = 0; i < count && !w->bad; i++) {
		autofree char *s = wire_get_string(w, most);
		if (!s)
			wire_bad(w, "a list with a text missing");
		else if (strings_add(out, s) < 0)
			wire_bad(w, "out of memory");
	}
}

bool wire_in_done(const struct wire_in *w)
{
	return !w->bad && w->at == w->end;
}
