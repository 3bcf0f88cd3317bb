// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * .xz whose blocks tell their sizes, made piece by piece: each piece is right by its own CRC, and what they say of each
 * other is not, or asks for more than there is.
 */
#include <lzma.h>

#include "../../src/codec/random.h"
#include "../../src/codec/rows.h"
#include "../../src/codec/xz_blocks.h"
#include "codec_support.h"
#include "test.h"

#define CONTENT 1000u
#define BLOCKS 3

static uint8_t content[BLOCKS * CONTENT];
static struct error e;

/* What a stream is made of; each part can be changed before it is put together. */
struct made {
	lzma_stream_flags flags, footer;
	lzma_index *index;
	struct bytes block[BLOCKS], tail; /* tail: the index, as it is stored */
	bool no_footer;
};

static lzma_options_lzma options(uint32_t dictionary)
{
	lzma_options_lzma o;
	NEED(!lzma_lzma_preset(&o, 6));
	o.dict_size = dictionary;
	return o;
}

static void put_block(struct bytes *out, lzma_filter *filters, const uint8_t *p, size_t len, lzma_index *index)
{
	static uint8_t room[4 * CONTENT];
	lzma_block b = {.version = 1, .check = LZMA_CHECK_CRC32, .filters = filters};
	size_t at = 0;
	NEED(lzma_block_buffer_encode(&b, NULL, p, len, room, &at, sizeof room) == LZMA_OK);
	bytes_put(out, room, at);
	if (index)
		NEED(lzma_index_append(index, NULL, lzma_block_unpadded_size(&b), b.uncompressed_size) == LZMA_OK);
}

static void begin(struct made *m)
{
	lzma_options_lzma small = options(64 * KIB);
	lzma_options_delta delta = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 1};
	lzma_filter one[] = {{LZMA_FILTER_LZMA2, &small}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_filter four[] = {{LZMA_FILTER_DELTA, &delta}, {LZMA_FILTER_DELTA, &delta}, {LZMA_FILTER_DELTA, &delta},
			      {LZMA_FILTER_LZMA2, &small}, {LZMA_VLI_UNKNOWN, NULL}};
	*m = (struct made){.flags = {.version = 0, .check = LZMA_CHECK_CRC32}};
	NEED((m->index = lzma_index_init(NULL)));
	for (size_t i = 0; i < BLOCKS; i++)
		put_block(&m->block[i], i == 1 ? four : one, content + i * CONTENT, CONTENT, m->index);
	static uint8_t room[200];
	size_t at = 0;
	NEED(lzma_index_buffer_encode(m->index, room, &at, sizeof room) == LZMA_OK);
	bytes_put(&m->tail, room, at);
	m->footer = m->flags;
	m->footer.backward_size = lzma_index_size(m->index);
}

static void end(struct made *m, struct bytes *out)
{
	uint8_t ends[2][XZ_HEADER_SIZE];
	NEED(lzma_stream_header_encode(&m->flags, ends[0]) == LZMA_OK);
	NEED(lzma_stream_footer_encode(&m->footer, ends[1]) == LZMA_OK);
	out->length = 0;
	bytes_put(out, ends[0], XZ_HEADER_SIZE);
	for (size_t i = 0; i < BLOCKS; i++)
		bytes_put(out, m->block[i].data, m->block[i].length);
	bytes_put(out, m->tail.data, m->tail.length);
	if (!m->no_footer)
		bytes_put(out, ends[1], XZ_HEADER_SIZE);
	for (size_t i = 0; i < BLOCKS; i++)
		bytes_free(&m->block[i]);
	bytes_free(&m->tail);
	lzma_index_end(m->index, NULL);
}

/* On one core and on two, read in bytes and at once. */
static void comes_to(const struct bytes *b, enum error_class cls)
{
	for (unsigned width = 1; width <= 2; width++)
		for (size_t step = 1; step <= MIB; step *= 1024) {
			struct run r = {.codec = &codec_xz, .step = step};
			struct result got;
			codec_tuning.width = width;
			decode_run(&r, b->data, b->length, &got);
			CHECK(got.finished == (cls == ERROR_NONE));
			if (!got.finished)
				CHECK_INT(got.error.cls, cls);
			else
				CHECK(got.out.length == sizeof content && !memcmp(got.out.data, content, sizeof content));
			bytes_free(&got.out);
		}
	codec_tuning.width = 0;
}

static void test_sound(void)
{
	struct made m;
	autobytes struct bytes b = {0};
	begin(&m);
	end(&m, &b);
	comes_to(&b, ERROR_NONE);
	/* Cut anywhere, and with any byte of the index and the footer changed. */
	for (size_t n = 1; n < b.length; n++) {
		struct run r = {.codec = &codec_xz};
		struct result got;
		decode_run(&r, b.data, n, &got);
		CHECK(!got.finished && got.error.cls == ERROR_CORRUPT);
		bytes_free(&got.out);
	}
	for (size_t at = b.length - 30; at < b.length; at++) {
		b.data[at] ^= 0x11;
		struct run r = {.codec = &codec_xz};
		struct result got;
		decode_run(&r, b.data, b.length, &got);
		CHECK(!got.finished && (got.error.cls == ERROR_CORRUPT || got.error.cls == ERROR_UNSUPPORTED));
		bytes_free(&got.out);
		b.data[at] ^= 0x11;
	}
}

/* Each is right in itself. */
static void test_ends(void)
{
	static uint8_t room[200];
	struct made m;
	autobytes struct bytes b = {0};
	size_t at = 0;
	begin(&m); /* the footer has another size of the index */
	m.footer.backward_size += 4;
	end(&m, &b);
	comes_to(&b, ERROR_CORRUPT);
	begin(&m); /* another check */
	m.footer.check = LZMA_CHECK_CRC64;
	end(&m, &b);
	comes_to(&b, ERROR_CORRUPT);
	begin(&m); /* no footer */
	m.no_footer = true;
	end(&m, &b);
	comes_to(&b, ERROR_CORRUPT);
	begin(&m); /* an index of one block more */
	NEED(lzma_index_append(m.index, NULL, 40, 1) == LZMA_OK);
	NEED(lzma_index_buffer_encode(m.index, room, &at, sizeof room) == LZMA_OK);
	m.tail.length = 0;
	bytes_put(&m.tail, room, at);
	m.footer.backward_size = at;
	end(&m, &b);
	comes_to(&b, ERROR_CORRUPT);
	begin(&m); /* a block less than the index has */
	m.block[2].length = 0;
	end(&m, &b);
	comes_to(&b, ERROR_CORRUPT);
}

/* The header of a block that is not there; sizes as given. */
static size_t header(uint8_t *p, uint32_t dictionary, lzma_vli stored, lzma_vli decoded)
{
	lzma_options_lzma o = options(dictionary);
	lzma_filter filters[] = {{LZMA_FILTER_LZMA2, &o}, {LZMA_VLI_UNKNOWN, NULL}};
	lzma_block b = {.version = 1, .check = LZMA_CHECK_CRC32, .filters = filters, .compressed_size = stored,
			.uncompressed_size = decoded};
	NEED(lzma_block_header_size(&b) == LZMA_OK && lzma_block_header_encode(&b, p) == LZMA_OK);
	return b.header_size;
}

static void test_memory(void)
{
	struct made m;
	autobytes struct bytes b = {0};
	uint8_t head[LZMA_BLOCK_HEADER_SIZE_MAX], out[CONTENT];
	size_t taken, made;
	size_t n = header(head, 1u << 30, LZMA_VLI_UNKNOWN, LZMA_VLI_UNKNOWN);
	begin(&m); /* the second block wants a dictionary of 1 GiB */
	m.block[1].length = 0;
	bytes_put(&m.block[1], head, n);
	end(&m, &b);
	comes_to(&b, ERROR_LIMIT);
	CHECK_INT(xz_block_decode(LZMA_CHECK_CRC32, head, n, out, sizeof out, &taken, &made, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	begin(&m); /* a header with bits that nobody knows */
	m.block[1].data[1] |= 0x04;
	end(&m, &b);
	comes_to(&b, ERROR_CORRUPT);
}

static void test_looks(void)
{
	uint8_t p[LZMA_BLOCK_HEADER_SIZE_MAX];
	struct unit u = {0};
	size_t n = header(p, 64 * KIB, 500, CONTENT);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, 0, &u), SPLIT_MORE);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n - 1, &u), SPLIT_MORE);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_MORE);
	CHECK(u.room == CONTENT && u.length == n + 500 + 4 && u.work < MIB);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, (const uint8_t *)"", 1, &u), SPLIT_NONE);
	p[2] ^= 1;
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_NONE);
	n = header(p, 64 * KIB, LZMA_VLI_UNKNOWN, CONTENT);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_NONE);
	n = header(p, 64 * KIB, 500, LZMA_VLI_UNKNOWN);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_NONE);
	n = header(p, 64 * KIB, 500, UNIT_ROOM + 1);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_NONE);
	n = header(p, 64 * KIB, UNIT_ROOM, CONTENT);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_NONE);
	n = header(p, 1u << 30, 500, CONTENT);
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, p, n, &u), SPLIT_NONE);
}

static void test_alone(void)
{
	struct made m;
	autobytes struct bytes b = {0};
	uint8_t out[CONTENT];
	size_t taken, made;
	begin(&m);
	bytes_put(&b, m.block[0].data, m.block[0].length);
	size_t n = b.length;
	bytes_put(&b, "\0\0\0\0", 4);
	autobytes struct bytes whole = {0};
	end(&m, &whole);
	CHECK_INT(xz_block_decode(LZMA_CHECK_CRC32, b.data, n, out, sizeof out, &taken, &made, &e), 0);
	CHECK(taken == n && made == CONTENT && !memcmp(out, content, CONTENT));
	CHECK_INT(xz_block_decode(LZMA_CHECK_CRC32, b.data, n, out, CONTENT - 1, &taken, &made, &e), -1);
	CHECK_INT(xz_block_decode(LZMA_CHECK_CRC32, b.data, 0, out, sizeof out, &taken, &made, &e), -1);
	CHECK_INT(xz_block_decode(LZMA_CHECK_CRC32, b.data, 8, out, sizeof out, &taken, &made, &e), -1);
	CHECK_INT(xz_block_decode(LZMA_CHECK_CRC32, b.data + n, 4, out, sizeof out, &taken, &made, &e), -1);
	struct unit u = {0};
	CHECK_INT(xz_block_look(LZMA_CHECK_CRC32, b.data, b.length, &u), SPLIT_UNIT);
	CHECK_INT(xz_blocks_part(&u, b.data, out), CONTENT);
	u.length += 4; /* longer than it is */
	CHECK_INT(xz_blocks_part(&u, b.data, out), -1);
}

/* Blocks that can't be: nothing more comes out of the stream. */
static void test_broken(void)
{
	struct xz_blocks x = {.lzma = LZMA_STREAM_INIT};
	const lzma_stream_flags flags = {.check = LZMA_CHECK_CRC32};
	const struct unit units[2] = {{.length = 1}, {.length = 40, .produced = 1}};
	struct feed f = {0};
	uint8_t out[1];
	bool done = false;
	NEED(xz_blocks_begin(&x, &flags, &e) == 0);
	xz_blocks_joined(&x, units + 1, 1);
	CHECK_INT(x.broken, LZMA_OK);
	xz_blocks_joined(&x, units, 2);
	CHECK(x.broken != LZMA_OK && xz_blocks_decode(&x, &f, out, 1, &done, &e) == -1 && !done);
	/* The next stream is another matter. */
	CHECK(xz_blocks_begin(&x, &flags, &e) == 0 && x.broken == LZMA_OK);
	xz_blocks_free(&x);
}

/* What is too large for a place of its own, or is empty, is read from the beginning. */
static void test_not_at_random(void)
{
	struct made m;
	autobytes struct bytes b = {0};
	lzma_options_lzma small = options(64 * KIB);
	lzma_filter one[] = {{LZMA_FILTER_LZMA2, &small}, {LZMA_VLI_UNKNOWN, NULL}};
	begin(&m);
	end(&m, &b);
	for (int i = 0; i < 2; i++) {
		struct source *random = NULL;
		autosource struct source *stored = source_memory(b.data, b.length, "stored", &e);
		NEED(stored);
		CHECK_INT(codec_xz.open_random(stored, &random, &e), !i);
		source_destroy(random);
		begin(&m);
		put_block(&m.block[2], one, content, 0, m.index);
		static uint8_t room[200];
		size_t at = 0;
		NEED(lzma_index_buffer_encode(m.index, room, &at, sizeof room) == LZMA_OK);
		m.tail.length = 0;
		bytes_put(&m.tail, room, at);
		m.footer.backward_size = at;
		end(&m, &b);
		comes_to(&b, ERROR_NONE);
	}
}

int main(void)
{
	struct rng rng = {7};
	for (size_t i = 0; i < sizeof content; i++)
		content[i] = (uint8_t)(rng_next(&rng) % 16);
	RUN(test_sound);
	RUN(test_ends);
	RUN(test_memory);
	RUN(test_looks);
	RUN(test_alone);
	RUN(test_broken);
	RUN(test_not_at_random);
	return test_done();
}
