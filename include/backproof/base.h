// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Small things used everywhere: cleanup attributes, checked arithmetic, byte order, growing arrays.
 */
#ifndef BACKPROOF_BASE_H
#define BACKPROOF_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/types.h>
#include <unistd.h>

#include "backproof/error.h"

#define KIB UINT64_C(1024)
#define MIB (KIB * 1024)
#define GIB (MIB * 1024)

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* Ownership: locals are NULL-initialised and released at the end of scope; take() lets one leave. */
#define autodestroy(fn) __attribute__((cleanup(fn)))
#define take(p)                                                                                    \
	({                                                                                         \
		__auto_type take_value_ = (p);                                                     \
		(p) = NULL;                                                                        \
		take_value_;                                                                       \
	})
#define DEFINE_AUTO(type, fn)                                                                      \
	static inline void fn##_auto(type **p)                                                     \
	{                                                                                          \
		fn(*p);                                                                            \
	}
static inline void free_auto(void *p)
{
	free(*(void **)p);
}
static inline void close_auto(int *fd)
{
	if (*fd >= 0)
		close(*fd);
}
#define autofree autodestroy(free_auto)
#define autoclose autodestroy(close_auto)

/* As pread, through interruptions and short reads: fewer bytes only where the file ends. -1 with errno. */
ssize_t read_whole_at(int fd, void *to, size_t len, off_t off);

/* true when the result does not fit: the caller reports LIMIT or CORRUPT, never wraps. */
#define add_overflows(a, b, out) __builtin_add_overflow((a), (b), (out))
#define mul_overflows(a, b, out) __builtin_mul_overflow((a), (b), (out))

/* Seconds from then to now; INT64_MAX where somebody made up a time before all clocks. now is a clock's. */
static inline int64_t seconds_since(int64_t then, int64_t now)
{
	int64_t age;
	return __builtin_sub_overflow(now, then, &age) ? INT64_MAX : age;
}

static inline uint16_t get_le16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}
static inline uint32_t get_le32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}
static inline uint64_t get_le64(const void *p)
{
	return (uint64_t)get_le32(p) | (uint64_t)get_le32((const uint8_t *)p + 4) << 32;
}
static inline uint16_t get_be16(const void *p)
{
	return __builtin_bswap16(get_le16(p));
}
static inline uint32_t get_be32(const void *p)
{
	return __builtin_bswap32(get_le32(p));
}
static inline uint64_t get_be64(const void *p)
{
	return __builtin_bswap64(get_le64(p));
}

/*
 * A growing array: struct { T *items; size_t count, capacity; }. vec_push gives a pointer to a new
 * zeroed item, or NULL when memory is out.
 */
#define VEC(type)                                                                                  \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t count, capacity;                                                            \
	}
int vec_grow(void **items, size_t *capacity, size_t count, size_t item_size) must_check;
#define vec_push(v)                                                                                \
	(vec_grow((void **)&(v)->items, &(v)->capacity, (v)->count, sizeof *(v)->items) < 0        \
		 ? NULL                                                                            \
		 : (memset(&(v)->items[(v)->count], 0, sizeof *(v)->items),                        \
		    &(v)->items[(v)->count++]))
#define vec_each(v, it)                                                                            \
	for (__auto_type it = (v)->items; (size_t)(it - (v)->items) < (v)->count; it++)
#define vec_free(v)                                                                                \
	do {                                                                                       \
		free((v)->items);                                                                  \
		memset((v), 0, sizeof *(v));                                                       \
	} while (0)

/*
 * The index of the last of count > 0 items, sorted by a key, whose key is at most `at`; 0 where none is. key is what
 * comes behind an item: .start, or nothing for an array of numbers.
 */
#define last_at_most(items, count, key, at)                                                        \
	({                                                                                         \
		size_t low_ = 0, high_ = (count);                                                  \
		while (high_ - low_ > 1) {                                                         \
			size_t middle_ = low_ + (high_ - low_) / 2;                                \
			if ((items)[middle_] key <= (at))                                          \
				low_ = middle_;                                                    \
			else                                                                       \
				high_ = middle_;                                                   \
		}                                                                                  \
		low_;                                                                              \
	})

/* true when all of len bytes are zero. Any alignment. */
bool is_zero(const void *p, size_t len);

/* What is behind the last slash of a path: points into it. */
const char *path_base(const char *path);
/* What is before the last slash; "." where there is none, "/" of what lies there. Allocated; NULL: memory. */
char *path_directory(const char *path);

/* *to: an owned copy, NULL of NULL. -1: memory, and NULL. */
int string_copy(char **to, const char *from) must_check;
/* NULL is the same as NULL only. */
bool string_same(const char *a, const char *b);

/* A list of owned strings. */
struct strings {
	char **items;
	size_t count, capacity;
};
int strings_add(struct strings *s, const char *text) must_check; /* copies; -1 when memory is out */
/* Adds it before all others. */
int strings_add_first(struct strings *s, const char *text) must_check;
/* Adds all of them. */
int strings_add_all(struct strings *to, const struct strings *from) must_check;
bool strings_has(const struct strings *s, const char *text);
void strings_sort(struct strings *s);
/* As strings_has, of sorted ones. */
bool strings_sorted_has(const struct strings *s, const char *text);
void strings_free(struct strings *s);
/* Adds the words of text, split at white space. */
int strings_split(struct strings *s, const char *text) must_check;
struct text;
/*
 * Adds the words of a command: split at blanks; what stands in '...' or "..." is one word, and a backslash takes the
 * meaning of what follows (not in '...'). -1: a quotation mark is not closed; -2: memory.
 */
int words_split(const char *text, struct strings *out) must_check;
/* As words_split reads it again. */
void words_put(const struct strings *words, struct text *out);

/* Repeatable pseudo-random numbers (splitmix64): the seed is in the report. Not for secrets. */
struct rng {
	uint64_t state;
};
static inline uint64_t rng_next(struct rng *r)
{
	uint64_t z = (r->state += UINT64_C(0x9e3779b97f4a7c15));
	z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
	return z ^ (z >> 31);
}
/* Uniform in 0 .. bound-1; bound > 0. */
static inline uint64_t rng_below(struct rng *r, uint64_t bound)
{
	return (uint64_t)(((unsigned __int128)rng_next(r) * bound) >> 64);
}
uint64_t rng_fresh_seed(void);

/* FNV-1a with a final mix, for hash tables over names. */
uint64_t hash_bytes(const void *p, size_t len);

#endif
