// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a reader and the process that started it tell each other, as bytes. Whoever takes something off a wire trusts
 * nothing in it: after the first thing that does not fit, the wire is bad, and everything taken off it is 0 or NULL.
 */
#ifndef BACKPROOF_WIRE_H
#define BACKPROOF_WIRE_H

#include "backproof/base.h"

/* Bytes that are put together. After a failed allocation `failed` sticks. */
struct wire_out {
	uint8_t *data;
	size_t length, capacity;
	bool failed;
};
void wire_out_free(struct wire_out *w);
void wire_put(struct wire_out *w, const void *p, size_t len);
void wire_put_u8(struct wire_out *w, uint8_t v);
void wire_put_u32(struct wire_out *w, uint32_t v);
void wire_put_u64(struct wire_out *w, uint64_t v);
void wire_put_i64(struct wire_out *w, int64_t v);
void wire_put_double(struct wire_out *w, double v);
void wire_put_string(struct wire_out *w, const char *s); /* NULL is kept apart from "" */
void wire_put_strings(struct wire_out *w, const struct strings *s);

/* Bytes that are taken apart; borrowed. */
struct wire_in {
	const uint8_t *at, *end;
	bool bad;
	const char *why; /* a literal; of the first thing that did not fit */
};
void wire_in_init(struct wire_in *w, const void *data, size_t length);
/* Marks it as bad. */
void wire_bad(struct wire_in *w, const char *why);
/* len bytes, or NULL. Borrowed. */
const void *wire_get(struct wire_in *w, size_t len);
uint8_t wire_get_u8(struct wire_in *w);
bool wire_get_bool(struct wire_in *w); /* 0 or 1, anything else is bad */
/* 0 .. below-1, anything else is bad. */
unsigned wire_get_enum(struct wire_in *w, unsigned below);
uint32_t wire_get_u32(struct wire_in *w);
uint64_t wire_get_u64(struct wire_in *w);
int64_t wire_get_i64(struct wire_in *w);
double wire_get_double(struct wire_in *w); /* finite and not negative, anything else is bad */
/* A number of things that take at least `each` bytes apiece on the wire: more than can be there is bad. */
size_t wire_get_count(struct wire_in *w, size_t each, size_t most);
/* Allocated, without NUL inside, of at most `most` bytes. NULL: none was put, or it is bad (memory, too). */
char *wire_get_string(struct wire_in *w, size_t most);
void wire_get_strings(struct wire_in *w, struct strings *out, size_t count_most, size_t most);
/* All was taken and all was good. */
bool wire_in_done(const struct wire_in *w);

#endif
