// SPDX-License-Identifier: GPL-3.0-or-later
/* Passes over compressed pieces, and long reads in slices: what comes out does not depend on how threads ran. */
#include "../../src/image/packed.h"

#include <stdatomic.h>

#include "test.h"

#define PIECE 1000u
#define COUNT 150000u /* more than two batches */

/* A file of pieces of PIECE bytes with gaps; each begins with its number. Reads from `bad` on fail. */
struct fake {
	uint64_t bad;
	uint64_t gap;	   /* behind every hundredth piece */
	uint32_t broken;   /* every so many: 0: none */
	uint64_t last_told;
	size_t told, tools;
	_Atomic size_t open, decoded;
	bool in_order;
};

static uint64_t place(const struct fake *x, uint64_t n)
{
	return n * PIECE + n / 100 * x->gap;
}

static int fake_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	const struct fake *x = self;
	if (off + len > x->bad)
		return error_set(e, ERROR_IO, (int64_t)x->bad, "the disk is broken");
	uint8_t *to = buf;
	memset(to, 0xee, len);
	uint64_t per = 100 * PIECE + x->gap;
	for (uint64_t n = off / per * 100; place(x, n) < off + len; n++)
		if (place(x, n) >= off && place(x, n) + 8 <= off + len)
			memcpy(to + (place(x, n) - off), &n, 8);
	return 0;
}

static const struct source_ops fake_ops = {"fake", fake_read, NULL, NULL};

static void *open_tool(struct packed_pass *pass, struct error *e)
{
	struct fake *x = pass->ctx;
	(void)e;
	x->open++;
	return malloc(64); /* for the leak checker to see that it is closed */
}

static void close_tool(struct packed_pass *pass, void *tool)
{
	struct fake *x = pass->ctx;
	x->open--;
	free(tool);
}

static int decode(struct packed_pass *pass, void *tool, struct packed *p, const uint8_t *in, struct error *e)
{
	struct fake *x = pass->ctx;
	uint64_t n;
	(void)tool, (void)e;
	memcpy(&n, in, 8);
	x->decoded++;
	p->used = PIECE;
	if (n != p->guest)
		p->wrong = "another one";
	else if (x->broken && n % x->broken == 0)
		p->wrong = "broken";
	return 0;
}

static void tell(struct packed_pass *pass, const struct packed *p)
{
	struct fake *x = pass->ctx;
	if (x->told && p->at <= x->last_told)
		x->in_order = false;
	x->last_told = p->at;
	x->told++;
}

static const struct packed_ops together = {open_tool, close_tool, decode, tell, false},
			       apart = {open_tool, close_tool, decode, tell, true};

static int pass_over(struct fake *x, const struct packed_ops *ops, struct packed_pass *pass, bool known, struct error *e)
{
	autosource struct source *s = source_new(&fake_ops, x, UINT64_C(1) << 40, "fake", e);
	NEED(s);
	x->in_order = true;
	x->told = 0;
	x->decoded = 0;
	*pass = (struct packed_pass){.ops = ops, .ctx = x, .src = s, .tool_bytes = 1000};
	int rc = 0;
	for (uint64_t i = 0; i < COUNT && !rc; i++) {
		/* Each batch comes in no order. */
		uint64_t n = i / 1000 * 1000 + i * 7 % 1000;
		struct packed p = {.at = place(x, n), .guest = n, .room = PIECE};
		if (known && n % 3)
			p.used = PIECE;
		rc = packed_add(pass, &p, e);
	}
	if (!rc)
		rc = packed_finish(pass, e);
	packed_free(pass);
	CHECK_INT(x->open, 0);
	return rc;
}

static void test_good(void)
{
	struct error e = {0};
	struct packed_pass pass;
	static const uint64_t gaps[] = {0, 100, 200000};
	for (size_t i = 0; i < ARRAY_SIZE(gaps); i++) {
		struct fake x = {.bad = UINT64_MAX, .gap = gaps[i]};
		CHECK_INT(pass_over(&x, &apart, &pass, false, &e), 0);
		CHECK_INT(pass.good, COUNT);
		CHECK_INT(pass.bad, 0);
		CHECK_INT(x.decoded, COUNT);
		CHECK_INT(pass_over(&x, &apart, &pass, true, &e), 0);
		CHECK_INT(pass.good, COUNT);
		CHECK_INT(x.decoded, COUNT / 3);
	}
}

static void test_bad(void)
{
	struct error e = {0};
	struct packed_pass pass;
	struct fake x = {.bad = UINT64_MAX, .broken = 7};
	CHECK_INT(pass_over(&x, &together, &pass, false, &e), 0);
	CHECK_INT(pass.bad, (COUNT + 6) / 7);
	CHECK_INT(x.told, pass.bad);
	CHECK_INT(pass.good + pass.bad, COUNT);
	CHECK(x.in_order);
}

/* What can't be read ends it, and what was found before is told all the same: always the same. */
static void test_unreadable(void)
{
	size_t told = 0;
	for (int i = 0; i < 20; i++) {
		struct error e = {0};
		struct packed_pass pass;
		struct fake x = {.bad = 20000000, .broken = 7};
		CHECK_INT(pass_over(&x, &together, &pass, false, &e), -1);
		CHECK_INT(e.cls, ERROR_IO);
		CHECK(x.in_order && x.told > 20000000 / PIECE / 7 - MIB / PIECE && x.last_told < 20000000);
		CHECK(!told || x.told == told);
		told = x.told;
	}
}

static void test_deadline(void)
{
	struct error e = {0};
	struct fake x = {.bad = UINT64_MAX};
	struct budget b;
	budget_init(&b);
	b.deadline_ns = monotonic_ns() - 1;
	autosource struct source *s = source_new(&fake_ops, &x, UINT64_C(1) << 40, "fake", &e);
	NEED(s);
	struct packed_pass pass = {.ops = &together, .ctx = &x, .src = s, .budget = &b};
	struct packed p = {.room = PIECE};
	CHECK_INT(packed_add(&pass, &p, &e), 0);
	CHECK_INT(packed_finish(&pass, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK_INT(x.decoded, 0);
	packed_free(&pass);
}

static void test_overlap(void)
{
	for (int known = 0; known < 2; known++) {
		struct error e = {0};
		struct fake x = {.bad = UINT64_MAX};
		autosource struct source *s = source_new(&fake_ops, &x, UINT64_C(1) << 40, "fake", &e);
		NEED(s);
		struct packed_pass pass = {.ops = &apart, .ctx = &x, .src = s};
		struct packed p[] = {{.at = 0, .guest = 0, .room = PIECE}, {.at = PIECE, .guest = 1, .room = PIECE},
				     {.at = PIECE, .guest = 1, .room = PIECE}, {.at = 2 * PIECE, .guest = 2, .room = PIECE}};
		for (size_t i = 0; i < ARRAY_SIZE(p); i++) {
			p[i].used = known ? PIECE : 0;
			CHECK_INT(packed_add(&pass, &p[i], &e), 0);
		}
		CHECK_INT(packed_finish(&pass, &e), 0);
		CHECK_INT(pass.bad, 1);
		CHECK_INT(x.last_told, PIECE);
		packed_free(&pass);
	}
}

/* Bytes that tell where they are; reads from a place on fail, and say which began first. */
static int read_place(void *ctx, uint64_t off, void *buf, size_t len, struct error *e)
{
	uint64_t bad = *(const uint64_t *)ctx;
	if (off + len > bad)
		return error_set(e, ERROR_CORRUPT, (int64_t)(off > bad ? off : bad), "bad");
	for (size_t i = 0; i < len; i++)
		((uint8_t *)buf)[i] = (uint8_t)((off + i) * 31 >> 3);
	return 0;
}

static void test_slices(void)
{
	static uint8_t buf[3 * MIB + 16];
	static const uint64_t aligns[] = {512, 65536, 3 * 65536, MIB, 2 * MIB};
	static const size_t lengths[] = {1, 70000, 512 * KIB, MIB, MIB + 1, 3 * MIB - 5};
	static const uint64_t starts[] = {0, 1, 65536, 100001, 5 * GIB + 77};
	struct error e = {0};
	for (size_t a = 0; a < ARRAY_SIZE(aligns); a++)
		for (size_t n = 0; n < ARRAY_SIZE(lengths); n++)
			for (size_t s = 0; s < ARRAY_SIZE(starts); s++) {
				uint64_t bad = UINT64_MAX;
				memset(buf, 0, lengths[n] + 8);
				CHECK_INT(slices_read(read_place, &bad, starts[s], buf, lengths[n], aligns[a], &e), 0);
				bool same = is_zero(buf + lengths[n], 8);
				for (size_t i = 0; i < lengths[n]; i += i < 1000 ? 1 : 991)
					same &= buf[i] == (uint8_t)((starts[s] + i) * 31 >> 3);
				CHECK(same);
				bad = starts[s] + lengths[n] / 2;
				CHECK_INT(slices_read(read_place, &bad, starts[s], buf, lengths[n], aligns[a], &e), -1);
				CHECK_INT(e.cls, ERROR_CORRUPT);
				CHECK_INT(e.offset, bad);
				CHECK_INT(slices_read(read_place, &bad, starts[s], buf, lengths[n], aligns[a], NULL), -1);
			}
}

int main(void)
{
	RUN(test_good);
	RUN(test_bad);
	RUN(test_unreadable);
	RUN(test_deadline);
	RUN(test_overlap);
	RUN(test_slices);
	return test_done();
}
