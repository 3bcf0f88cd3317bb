// SPDX-License-Identifier: GPL-3.0-or-later
#include "backproof/digest.h"
#include "backproof/stream.h"
#include "test.h"

/* A stream of n bytes that counts up, in pieces, and can fail at an offset or in finish. */
struct counting {
	size_t at, size, piece, fail_at;
	bool fail_finish;
	int *destroyed;
};

static ssize_t counting_read(void *self, void *buf, size_t cap, struct error *e)
{
	struct counting *c = self;
	size_t n = c->size - c->at;
	if (c->at >= c->fail_at)
		return error_set(e, ERROR_IO, (int64_t)c->at, "broken cable");
	n = n > c->piece ? c->piece : n;
	n = n > cap ? cap : n;
	for (size_t i = 0; i < n; i++)
		((uint8_t *)buf)[i] = (uint8_t)(c->at + i);
	c->at += n;
	return (ssize_t)n;
}

static int counting_finish(void *self, struct error *e)
{
	struct counting *c = self;
	return c->fail_finish ? error_set(e, ERROR_CORRUPT, 7, "bad trailer") : 0;
}

static void counting_destroy(void *self)
{
	struct counting *c = self;
	if (c->destroyed)
		++*c->destroyed;
	free(c);
}

static const struct stream_ops counting_ops = {"counting", counting_read, counting_finish, counting_destroy};

static struct stream *counting(size_t size, size_t piece, size_t fail_at, bool fail_finish, int *destroyed)
{
	struct counting *c = calloc(1, sizeof *c);
	*c = (struct counting){0, size, piece, fail_at, fail_finish, destroyed};
	return stream_new(&counting_ops, c, "counting", NULL);
}

static void tap_sum(void *ctx, const void *data, size_t len)
{
	for (size_t i = 0; i < len; i++)
		*(uint64_t *)ctx = *(uint64_t *)ctx * 31 + ((const uint8_t *)data)[i];
}

static void finish_needs_a_drain(void)
{
	struct error e = {0};
	uint8_t buf[64];
	struct stream *s = counting(100, 10, SIZE_MAX, false, NULL);
	CHECK(stream_finish(s, &e) < 0);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	CHECK_INT(stream_read_full(s, buf, 64, &e), 64);
	CHECK_INT(stream_read_full(s, buf, 64, &e), 36);
	CHECK_INT(stream_state(s), STREAM_DRAINED);
	CHECK_INT(stream_finish(s, &e), 0);
	CHECK_INT(stream_state(s), STREAM_FINISHED);
	CHECK_INT(stream_read(s, buf, 64, &e), 0);
	stream_destroy(s);
}

static void failure_sticks(void)
{
	struct error e = {0};
	uint8_t buf[64];
	struct stream *s = counting(100, 10, 50, false, NULL);
	CHECK(stream_read_full(s, buf, 64, &e) < 0);
	memset(&e, 0, sizeof e);
	CHECK(stream_read(s, buf, 1, &e) < 0);
	CHECK_INT(e.cls, ERROR_IO);
	CHECK_INT(e.offset, 50);
	CHECK(stream_finish(s, &e) < 0);
	CHECK(stream_peek(s, buf, 1, &e) < 0);
	stream_destroy(s);
	s = counting(10, 10, SIZE_MAX, true, NULL);
	CHECK(stream_drain(s, &e) < 0);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	CHECK_INT(stream_state(s), STREAM_FAILED);
	stream_destroy(s);
}

static void peek_shows_and_keeps(void)
{
	struct error e = {0};
	uint8_t a[200], b[200];
	uint64_t direct = 0, peeked = 0;
	struct stream *s = counting(1000, 7, SIZE_MAX, false, NULL), *t = counting(1000, 7, SIZE_MAX, false, NULL);
	CHECK_INT(stream_tap(s, tap_sum, &peeked, &e), 0);
	CHECK_INT(stream_tap(t, tap_sum, &direct, &e), 0);
	CHECK_INT(stream_peek(s, a, 200, &e), 200);
	CHECK_INT(stream_offset(s), 0);
	CHECK_INT(stream_read_full(s, b, 150, &e), 150);
	CHECK(!memcmp(a, b, 150));
	CHECK_INT(stream_peek(s, b, 200, &e), 200);
	CHECK_INT(b[0], 150);
	CHECK_INT(stream_drain(s, &e), 0);
	CHECK_INT(stream_offset(s), 1000);
	CHECK_INT(stream_drain(t, &e), 0);
	CHECK(direct == peeked && direct);
	stream_destroy(s);
	stream_destroy(t);
	s = counting(5, 7, SIZE_MAX, false, NULL);
	CHECK_INT(stream_peek(s, a, 200, &e), 5);
	CHECK_INT(stream_state(s), STREAM_OPEN);
	stream_destroy(s);
}

static void ahead_is_the_same_stream(void)
{
	static const size_t sizes[] = {0, 1, 99, 100, 101, 4096, 300000};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct error e = {0};
		int destroyed = 0;
		uint64_t inner = 0, outer = 0;
		struct stream *up = counting(sizes[i], 997, SIZE_MAX, false, &destroyed);
		CHECK_INT(stream_tap(up, tap_sum, &inner, &e), 0);
		struct stream *s = stream_ahead(up, 3, 100, &e);
		NEED(s);
		CHECK_INT(stream_tap(s, tap_sum, &outer, &e), 0);
		CHECK_INT(stream_drain(s, &e), 0);
		CHECK_INT(stream_offset(s), sizes[i]);
		CHECK(inner == outer);
		stream_destroy(s);
		CHECK_INT(destroyed, 1);
	}
}

static void ahead_carries_failure(void)
{
	struct error e = {0};
	uint8_t buf[1000];
	int destroyed = 0;
	struct stream *s = stream_ahead(counting(5000, 64, 3000, false, NULL), 4, 256, &e);
	NEED(s);
	ssize_t n, sum = 0;
	while ((n = stream_read(s, buf, sizeof buf, &e)) > 0)
		sum += n;
	CHECK(n < 0 && sum <= 3008);
	CHECK_INT(e.offset, 3008); /* the first piece boundary at or after it */
	CHECK(stream_finish(s, &e) < 0);
	stream_destroy(s);
	s = stream_ahead(counting(5000, 64, SIZE_MAX, true, NULL), 4, 256, &e);
	NEED(s);
	CHECK(stream_drain(s, &e) < 0);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	stream_destroy(s);
	/* Left in the middle: the thread ends, nothing leaks. */
	s = stream_ahead(counting(1 << 20, 64, SIZE_MAX, false, &destroyed), 2, 64, &e);
	NEED(s);
	CHECK(stream_read(s, buf, 10, &e) > 0);
	stream_destroy(s);
	CHECK_INT(destroyed, 1);
}

/* Lending, reading and peeking in any mixture give the same bytes, taps included. */
static void lending_is_reading(void)
{
	for (int ahead = 0; ahead < 2; ahead++) {
		struct error e = {0};
		uint64_t tapped = 0, expected = 0, got = 0;
		struct rng r = {99};
		uint8_t buf[512];
		const uint8_t *data;
		struct stream *s = counting(100000, 333, SIZE_MAX, false, NULL);
		if (ahead)
			s = stream_ahead(s, 3, 1000, &e);
		NEED(s);
		CHECK_INT(stream_tap(s, tap_sum, &tapped, &e), 0);
		for (size_t i = 0; i < 100000; i++)
			expected = expected * 31 + (uint8_t)i;
		for (;;) {
			ssize_t n;
			switch (rng_below(&r, 3)) {
			case 0:
				n = stream_read(s, buf, 1 + rng_below(&r, sizeof buf), &e);
				data = buf;
				break;
			case 1:
				NEED(stream_peek(s, buf, rng_below(&r, sizeof buf), &e) >= 0);
				continue;
			default:
				n = stream_lend(s, &data, &e);
			}
			NEED(n >= 0);
			if (!n)
				break;
			tap_sum(&got, data, (size_t)n);
		}
		CHECK_INT(stream_finish(s, &e), 0);
		CHECK(got == expected && tapped == expected);
		stream_destroy(s);
	}
}

static void sources_join(void)
{
	struct error e = {0};
	autosource struct source *a = source_memory("abc", 3, "a", &e), *b = source_memory("", 0, "b", &e),
				 *c = source_memory("defg", 4, "c", &e);
	struct source *all[] = {a, b, c};
	autostream struct stream *s = stream_from_sources(all, 3, "all", &e);
	char buf[16] = "";
	CHECK_INT(stream_read_full(s, buf, 15, &e), 7);
	CHECK_STR(buf, "abcdefg");
	CHECK_INT(stream_finish(s, &e), 0);
}

static void digests_know_their_answers(void)
{
	static const struct {
		enum digest_kind kind;
		const char *hex;
	} answers[] = {
		{DIGEST_MD5, "900150983cd24fb0d6963f7d28e17f72"},
		{DIGEST_SHA1, "a9993e364706816aba3e25717850c26c9cd0d89d"},
		{DIGEST_SHA256, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(answers); i++) {
		struct error e;
		uint8_t out[DIGEST_MAX];
		char hex[2 * DIGEST_MAX + 1];
		struct digest *d = digest_new(answers[i].kind, &e);
		NEED(d);
		digest_update(d, "a", 1);
		digest_update(d, "bc", 2);
		CHECK_INT(digest_final(d, out, &e), 0);
		CHECK_STR(hex_encode(out, digest_size(answers[i].kind), hex), answers[i].hex);
		/* Asking twice without a reset gives no second answer. */
		CHECK(digest_final(d, out, &e) < 0);
		digest_destroy(d);
	}
}

int main(void)
{
	RUN(finish_needs_a_drain);
	RUN(failure_sticks);
	RUN(peek_shows_and_keeps);
	RUN(ahead_is_the_same_stream);
	RUN(ahead_carries_failure);
	RUN(lending_is_reading);
	RUN(sources_join);
	RUN(digests_know_their_answers);
	return test_done();
}
