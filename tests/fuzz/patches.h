// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Hostile images that are too large to be inputs: an input is a list of changes to one of some stored images.
 *
 *     byte 0	  which image
 *     byte 1	  PATCH_MEND: checksums are made right again where something was changed; PATCH_CUT: the end is missing
 *     bytes 2, 3 where it is cut, in 65536ths
 *     then 16 bytes each: le32 unit, le16 offset in it, what is done, how many bytes; 8 bytes
 *
 * A unit is a sector of 512 bytes that is not all zeros in the stored image: what is empty is not worth a change.
 * The mutator makes changes of what is there (one more, one bit, the value of another place, the ends of ranges), for
 * libFuzzer and for the plain program alike; of four changes three are of fields, where the driver knows them
 * (PATCH_FIELDS, vhd_fields.h). A driver has
 *
 *     static void mend(struct patched *p, size_t at);	  makes right the checksums that cover `at`; may do nothing
 *     static void look_at(const struct patched *p);	  everything that must hold
 *
 * before it includes this, and ends with PATCHES_MAIN(mutants, patterns...).
 */
#ifndef FUZZ_PATCHES_H
#define FUZZ_PATCHES_H

#include <sys/mman.h>

#include "backproof/base.h"
#include "corpus.h"
#include "no_cmp.h"

enum { PATCH_MEND = 1, PATCH_CUT = 2 };
enum patch_op { PATCH_SET, PATCH_ADD, PATCH_ADD_BE, PATCH_XOR, PATCH_COPY, PATCH_FILL, PATCH_OPS };
#define PATCH_UNIT 512u
#define PATCH_HEAD 4u
#define PATCH_SIZE 16u
#define PATCH_MOST 48u /* changes */

struct patched {
	uint8_t *data;
	size_t size;   /* what is left of it */
	size_t stored; /* as it was stored */
	size_t which;  /* of the images */
	const char *path;
	bool mended, cut;
	size_t changes;
	/* for undoing */
	size_t *touched;
	uint8_t (*saved)[PATCH_UNIT];
	size_t count, capacity;
};

struct patch_base {
	const char *path;
	uint8_t *data;
	size_t size;
	uint32_t *units;
	size_t unit_count;
};
static struct patch_base *patch_bases;
static size_t patch_base_count;

static void mend(struct patched *p, size_t at);
static void look_at(const struct patched *p);

/* Before something is written there. */
static inline void patch_touch(struct patched *p, size_t at, size_t len)
{
	for (size_t u = at / PATCH_UNIT * PATCH_UNIT; u < at + len; u += PATCH_UNIT) {
		bool known = false;
		for (size_t i = 0; i < p->count && !known; i++)
			known = p->touched[i] == u;
		if (known)
			continue;
		if (p->count == p->capacity) {
			p->capacity = p->capacity ? p->capacity * 2 : 64;
			p->touched = realloc(p->touched, p->capacity * sizeof *p->touched);
			p->saved = realloc(p->saved, p->capacity * sizeof *p->saved);
			NEED(p->touched && p->saved);
		}
		p->touched[p->count] = u;
		memcpy(p->saved[p->count++], p->data + u, PATCH_UNIT);
	}
}

static inline void patch_write(struct patched *p, size_t at, const void *bytes, size_t len)
{
	if (at > p->stored || len > p->stored - at)
		return;
	patch_touch(p, at, len);
	memcpy(p->data + at, bytes, len);
}

static inline void patch_le32(struct patched *p, size_t at, uint32_t v)
{
	uint8_t b[4] = {(uint8_t)v, (uint8_t)(v >> 8), (uint8_t)(v >> 16), (uint8_t)(v >> 24)};
	patch_write(p, at, b, 4);
}

static inline void patch_be32(struct patched *p, size_t at, uint32_t v)
{
	patch_le32(p, at, __builtin_bswap32(v));
}

static inline void patch_base_add(const char *path)
{
	struct patch_base b = {.path = strdup(path)};
	size_t n = strlen(path), used = 0;
	bool packed = n > 4 && !strcmp(path + n - 4, ".zst");
	autofree uint8_t *plain = packed ? fixture_zst(path, &used) : fixture_file(path, &used);
	NEED(plain && b.path && used);
	/* Whole sectors, and one that is touched behind the last; what is zero takes no memory. */
	b.size = (used + PATCH_UNIT - 1) / PATCH_UNIT * PATCH_UNIT;
	b.data = mmap(NULL, b.size + PATCH_UNIT, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(b.data != MAP_FAILED);
	for (int pass = 0; pass < 2; pass++) {
		b.unit_count = 0;
		for (size_t at = 0; at < used; at += PATCH_UNIT) {
			size_t len = used - at < PATCH_UNIT ? used - at : PATCH_UNIT;
			if (is_zero(plain + at, len))
				continue;
			if (b.units) {
				b.units[b.unit_count] = (uint32_t)(at / PATCH_UNIT);
				memcpy(b.data + at, plain + at, len);
			}
			b.unit_count++;
		}
		if (!b.units)
			b.units = malloc((b.unit_count + 1) * sizeof *b.units);
		NEED(b.units && b.unit_count);
	}
	b.size = used;
	patch_bases = realloc(patch_bases, (patch_base_count + 1) * sizeof *patch_bases);
	NEED(patch_bases);
	patch_bases[patch_base_count++] = b;
}

static const char *const patch_patterns[];

static inline void patches_load(void)
{
	glob_t g = {0};
	if (patch_base_count)
		return;
	for (size_t i = 0; patch_patterns[i]; i++)
		NEED(glob(patch_patterns[i], i ? GLOB_APPEND : 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++)
		if (!strstr(g.gl_pathv[i], ".list"))
			patch_base_add(g.gl_pathv[i]);
	NEED(patch_base_count && patch_base_count < 256);
	globfree(&g);
}

static inline void patch_apply(struct patched *p, const struct patch_base *b, const uint8_t *r, size_t *at)
{
	size_t unit = (size_t)b->units[get_le32(r) % b->unit_count] * PATCH_UNIT, len = 1 + (r[7] - 1u) % 8;
	*at = unit + get_le16(r + 4) % PATCH_UNIT;
	if (*at >= p->stored)
		*at = p->stored - 1;
	if (len > p->stored - *at)
		len = p->stored - *at;
	patch_touch(p, *at, PATCH_UNIT);
	uint8_t *to = p->data + *at;
	unsigned carry = 0;
	switch ((enum patch_op)(r[6] % PATCH_OPS)) {
	case PATCH_ADD:
		for (size_t i = 0; i < len; i++) {
			carry += to[i] + r[8 + i];
			to[i] = (uint8_t)carry;
			carry >>= 8;
		}
		break;
	case PATCH_ADD_BE:
		for (size_t i = len; i-- > 0;) {
			carry += to[i] + r[8 + i];
			to[i] = (uint8_t)carry;
			carry >>= 8;
		}
		break;
	case PATCH_XOR:
		for (size_t i = 0; i < len; i++)
			to[i] ^= r[8 + i];
		break;
	case PATCH_COPY: {
		size_t from = (size_t)b->units[get_le32(r + 8) % b->unit_count] * PATCH_UNIT;
		for (size_t i = 0; i < PATCH_UNIT && from + i < p->stored && unit + i < p->stored; i++)
			p->data[unit + i] = p->data[from + i];
		break;
	}
	case PATCH_FILL:
		for (size_t i = 0; i < (size_t)len * len && *at + i < p->stored && *at + i < unit + PATCH_UNIT; i++)
			to[i] = r[8];
		break;
	default:
		memcpy(to, r + 8, len);
	}
}

/* All of it as it was stored; to be freed. A change touches up to two units, of which the last may end behind it. */
static inline uint8_t *patch_as_stored(const struct patched *p)
{
	uint8_t *plain = malloc(p->stored + 2 * PATCH_UNIT);
	NEED(plain);
	memcpy(plain, p->data, p->stored);
	for (size_t i = 0; i < p->count; i++)
		memcpy(plain + p->touched[i], p->saved[i], PATCH_UNIT);
	return plain;
}

/* What differs from what was stored, with FUZZ_SHOW. */
static inline void patch_show(const struct patched *p)
{
	fprintf(stderr, "%s%s, %zu of %zu bytes\n", p->path, p->mended ? ", mended" : "", p->size, p->stored);
	for (size_t i = 0; i < p->count; i++)
		for (size_t k = 0; k < PATCH_UNIT && p->touched[i] + k < p->stored; k++)
			if (p->saved[i][k] != p->data[p->touched[i] + k])
				fprintf(stderr, "  %zu: %02x, was %02x\n", p->touched[i] + k,
					p->data[p->touched[i] + k], p->saved[i][k]);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct patched p; /* its blocks are used again */
	size_t places[PATCH_MOST];
	patches_load();
	if (size < PATCH_HEAD)
		return 0;
	const struct patch_base *b = &patch_bases[data[0] % patch_base_count];
	p.data = b->data;
	p.stored = p.size = b->size;
	p.which = (size_t)(b - patch_bases);
	p.path = b->path;
	p.mended = data[1] & PATCH_MEND;
	p.cut = data[1] & PATCH_CUT;
	p.changes = 0;
	for (size_t i = PATCH_HEAD; i + PATCH_SIZE <= size && p.changes < PATCH_MOST; i += PATCH_SIZE)
		patch_apply(&p, b, data + i, &places[p.changes++]);
	for (size_t i = 0; p.mended && i < p.changes; i++)
		mend(&p, places[i]);
	if (p.cut)
		p.size = (size_t)((unsigned __int128)p.stored * get_le16(data + 2) / 65536);
	if (getenv("FUZZ_SHOW"))
		patch_show(&p);
	look_at(&p);
	while (p.count) {
		p.count--;
		memcpy(p.data + p.touched[p.count], p.saved[p.count], PATCH_UNIT);
	}
	return 0;
}

static inline void patch_put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

#ifdef BACKPROOF_LIBFUZZER
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t most);
#endif

/* The first unit that lies at `at` or behind it; unit_count: none. */
static inline size_t patch_unit(const struct patch_base *b, size_t at)
{
	size_t low = 0, high = b->unit_count;
	while (low < high) {
		size_t mid = (low + high) / 2;
		if (b->units[mid] >= at / PATCH_UNIT)
			high = mid;
		else
			low = mid + 1;
	}
	return low;
}

static inline void patch_change(uint8_t *to, uint32_t unit, size_t offset, unsigned op, size_t len, uint64_t value)
{
	patch_put_le32(to, unit);
	to[4] = (uint8_t)offset;
	to[5] = (uint8_t)(offset >> 8);
	to[6] = (uint8_t)op;
	to[7] = (uint8_t)len;
	memcpy(to + 8, &value, 8);
}

#ifdef PATCH_FIELDS
static bool patch_field(struct rng *r, const struct patch_base *b, uint8_t *to);
#endif

/* A change of what is there. */
static inline void patch_invent(struct rng *r, const struct patch_base *b, uint8_t *to)
{
	static const uint64_t ends[] = {0, 1, 0xff, 0x7f, 0x80, 0xffff, 0x7fff, 0x8000, 0xffffffff, 0x7fffffff,
					0x80000000, UINT64_MAX, INT64_MAX, 0x100000000};
#ifdef PATCH_FIELDS
	if (rng_below(r, 4) && patch_field(r, b, to))
		return;
#endif
	/* Half of them where formats begin. */
	size_t few = b->unit_count < 24 ? b->unit_count : 24;
	uint32_t unit = (uint32_t)rng_below(r, rng_below(r, 3) ? b->unit_count : few);
	const uint8_t *now = b->data + (size_t)b->units[unit] * PATCH_UNIT;
	size_t offset = 0;
	for (int tries = 0; tries < 20; tries++) { /* what is in use is more telling */
		offset = (size_t)rng_below(r, rng_below(r, 2) ? PATCH_UNIT : 96);
		if (now[offset])
			break;
	}
	size_t len = (size_t[]){1, 1, 2, 2, 4, 4, 8, 3}[rng_below(r, 8)];
	if (len > 1 && rng_below(r, 8))
		offset &= ~(len == 3 ? 0 : len - 1);
	uint64_t value = rng_next(r);
	unsigned op = (unsigned)rng_below(r, PATCH_OPS);
	switch (rng_below(r, 4)) {
	case 0:
		value = ends[rng_below(r, ARRAY_SIZE(ends))];
		break;
	case 1:
		value = op == PATCH_XOR ? 1ull << rng_below(r, 8 * len) : rng_below(r, 17) - 8;
		break;
	case 2: /* of another place */
		memcpy(&value, b->data + (size_t)b->units[rng_below(r, b->unit_count)] * PATCH_UNIT +
			       (rng_below(r, PATCH_UNIT - 8) & ~3ull), 8);
		break;
	default:
		break;
	}
	if (op == PATCH_ADD_BE && rng_below(r, 2))
		value = __builtin_bswap64(value) >> (64 - 8 * len);
	patch_change(to, unit, offset, op, len, value);
}

static inline size_t patches_mutate(struct rng *r, uint8_t *data, size_t size, size_t most)
{
	patches_load();
	if (most < PATCH_HEAD + PATCH_SIZE)
		return 0;
	if (size < PATCH_HEAD) {
		memset(data, 0, PATCH_HEAD);
		data[0] = (uint8_t)rng_below(r, patch_base_count);
		data[1] = (uint8_t)rng_below(r, 2);
		size = PATCH_HEAD;
	}
	size -= (size - PATCH_HEAD) % PATCH_SIZE;
	if (most > PATCH_HEAD + PATCH_MOST * PATCH_SIZE)
		most = PATCH_HEAD + PATCH_MOST * PATCH_SIZE;
#ifdef PATCH_FIELDS
	/* Anew: one field alone takes the way that a second change would close. */
	if (rng_below(r, 3) == 0) {
		data[0] = (uint8_t)rng_below(r, patch_base_count);
		data[1] = (uint8_t)rng_below(r, 2);
		patch_invent(r, &patch_bases[data[0]], data + PATCH_HEAD);
		return PATCH_HEAD + PATCH_SIZE;
	}
#endif
	size_t n = (size - PATCH_HEAD) / PATCH_SIZE;
	uint8_t *one = n ? data + PATCH_HEAD + PATCH_SIZE * rng_below(r, n) : NULL;
	const struct patch_base *b = &patch_bases[data[0] % patch_base_count];
	switch (rng_below(r, 12)) {
	case 0:
		data[0] = (uint8_t)rng_below(r, patch_base_count);
		break;
	case 1:
		data[1] ^= PATCH_MEND;
		break;
	case 2:
		if (rng_below(r, 4) == 0) {
			data[1] ^= PATCH_CUT;
			data[2] = (uint8_t)rng_next(r);
			data[3] = (uint8_t)rng_next(r);
		}
		break;
	case 3:
		if (one) {
			memmove(one, one + PATCH_SIZE, (size_t)(data + size - one) - PATCH_SIZE);
			size -= PATCH_SIZE;
		}
		break;
	case 4:
	case 5:
		if (one) {
			uint16_t offset = (uint16_t)(get_le16(one + 4) + (uint16_t)(4 * (rng_below(r, 9) - 4)));
			one[4] = (uint8_t)offset;
			one[5] = (uint8_t)(offset >> 8);
		}
		break;
	case 6:
		if (one)
			one[6 + rng_below(r, 10)] ^= (uint8_t)(1u << rng_below(r, 8));
		break;
#ifdef BACKPROOF_LIBFUZZER
	case 7:
		if (one)
			LLVMFuzzerMutate(one + 8, 8, 8);
		break;
#endif
	default:
		if (size + PATCH_SIZE <= most) {
			patch_invent(r, b, data + size);
			size += PATCH_SIZE;
		} else if (one) {
			patch_invent(r, b, one);
		}
	}
	return size;
}

#ifdef BACKPROOF_LIBFUZZER
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t most, unsigned seed)
{
	struct rng r = {seed};
	return patches_mutate(&r, data, size, most);
}

/* Changes of the one, then of the other, to the image of the one. */
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
				 size_t most, unsigned seed);
size_t LLVMFuzzerCustomCrossOver(const uint8_t *a, size_t a_size, const uint8_t *b, size_t b_size, uint8_t *out,
				 size_t most, unsigned seed)
{
	struct rng r = {seed};
	size_t size = PATCH_HEAD;
	if (a_size < PATCH_HEAD || most < PATCH_HEAD)
		return 0;
	memcpy(out, a, PATCH_HEAD);
	for (int k = 0; k < 2; k++) {
		const uint8_t *from = k ? b : a;
		for (size_t i = PATCH_HEAD; i + PATCH_SIZE <= (k ? b_size : a_size) && size + PATCH_SIZE <= most;
		     i += PATCH_SIZE)
			if (rng_below(&r, 2)) {
				memcpy(out + size, from + i, PATCH_SIZE);
				size += PATCH_SIZE;
			}
	}
	return size;
}

#define PATCHES_MAIN(mutants, ...) static const char *const patch_patterns[] = {__VA_ARGS__, NULL};
#elif defined(BACKPROOF_SWEEP)
#define PATCHES_MAIN(mutants, ...) static const char *const patch_patterns[] = {__VA_ARGS__, NULL};
#else

/* driver [FILE...]: inputs that are named, or the images, the kept corpus and mutants (FUZZ_MUTANTS, FUZZ_SEED). */
static inline int patches_main(int argc, char **argv, unsigned mutants)
{
	struct rng r = {getenv("FUZZ_SEED") ? strtoull(getenv("FUZZ_SEED"), NULL, 0) : 1};
	uint8_t input[PATCH_HEAD + PATCH_SIZE * 12];
	if (getenv("FUZZ_MUTANTS"))
		mutants = (unsigned)atoi(getenv("FUZZ_MUTANTS"));
	for (int i = 1; i < argc; i++, test_passed++) {
		size_t size;
		autofree uint8_t *data = fixture_file(argv[i], &size);
		NEED(data);
		LLVMFuzzerTestOneInput(data, size);
	}
	test_bad_here = 0; /* what goes wrong aborts */
	if (argc > 1)
		return test_done();
	patches_load();
	test_passed += (int)corpus_replay(argv[0]);
#ifdef PATCHES_ALSO
	test_passed += PATCHES_ALSO(argv[0]);
#endif
	for (size_t i = 0; i < patch_base_count; i++, test_passed++)
		LLVMFuzzerTestOneInput((uint8_t[]){(uint8_t)i, 0, 0, 0}, PATCH_HEAD);
	for (unsigned m = 0; m < mutants; m++, test_passed++) {
		size_t size = 0;
		for (uint64_t n = 2 + rng_below(&r, 8); n; n--)
			size = patches_mutate(&r, input, size, sizeof input);
		if (m % 16 == 0)
			input[1] |= PATCH_CUT, input[3] = (uint8_t)rng_next(&r);
		LLVMFuzzerTestOneInput(input, size);
	}
	return test_done();
}

#define PATCHES_MAIN(mutants, ...)                                          \
	static const char *const patch_patterns[] = {__VA_ARGS__, NULL};    \
	int main(int argc, char **argv)                                     \
	{                                                                   \
		return patches_main(argc, argv, mutants);                   \
	}
#endif
#endif
