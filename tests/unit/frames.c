// SPDX-License-Identifier: GPL-3.0-or-later
/* Compressed pieces at random: their indexes, damage in these, and the source over them with many readers. */
#include "backproof/frames.h"
#include "backproof/xxh64.h"

#include <pthread.h>
#include <time.h>

#include "../../src/codec/random.h"
#include "frames_agree.h"
#include "test.h"

static const char *const files[] = {"bgzf.gz",		  "frames.zst", "seekable.zst", "seekable-xxh64.zst",
				    "seekable-pipe.zst", "blocks.xz",	"streams.xz"};

static void load(const char *name, struct bytes *out)
{
	char path[128];
	snprintf(path, sizeof path, "fixtures/frames/%s", name);
	NEED(bytes_load(out, path) == 0);
}

static bool ends_in(const char *name, const char *end)
{
	size_t n = strlen(name), k = strlen(end);
	return n >= k && !strcmp(name + n - k, end);
}

static void test_whole_files(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		autobytes struct bytes b = {0};
		load(files[i], &b);
		CHECK_INT(agree(b.data, b.length), FINE);
	}
}

/*
 * What no checksum and no size covers may change (times, a way of coding that comes to the same), and content never does
 * without being noticed: agree looks at that. But of an index every bit that means something counts.
 */
static bool must_be_noticed(const char *name, size_t at, size_t size, int bit)
{
	size_t table = ends_in(name, "xxh64.zst") ? 8 + 4 * 12 + 9 : 8 + 4 * 8 + 9;
	if (ends_in(name, ".xz"))
		return at < 12 || at >= size - 28;
	return !strncmp(name, "seekable", 8) && at >= size - table && at < size - 4 && (at != size - 5 || bit > 1);
}

static void test_every_flip(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		autobytes struct bytes b = {0};
		size_t fine = 0;
		load(files[i], &b);
		for (size_t at = 0; at < b.length; at++)
			for (int bit = 0; bit < 8; bit += 1 + (at % 3)) {
				b.data[at] ^= (uint8_t)(1 << bit);
				enum agreement a = agree(b.data, b.length);
				if (a == FINE && must_be_noticed(files[i], at, b.length, bit))
					fprintf(stderr, "%s: byte %zu, bit %d\n", files[i], at, bit);
				CHECK(a != FINE || !must_be_noticed(files[i], at, b.length, bit));
				fine += a == FINE;
				b.data[at] ^= (uint8_t)(1 << bit);
			}
		/* Times in headers, bits without a meaning. */
		CHECK(fine < b.length);
	}
}

/* A file that was cut is opened only where its format allows an end there, and a table never is. */
static void test_every_cut(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(files); i++) {
		autobytes struct bytes b = {0};
		size_t fine = 0;
		load(files[i], &b);
		for (size_t n = 0; n < b.length; n++) {
			/* A copy of the very size: a sanitizer sees one byte too many. */
			autofree uint8_t *copy = malloc(n ? n : 1);
			NEED(copy);
			memcpy(copy, b.data, n);
			fine += agree(copy, n) == FINE;
		}
		CHECK(fine <= 4);
	}
}

static int open_at_random(const struct bytes *b, struct error *e)
{
	autosource struct source *stored = source_memory(b->data, b->length, "stored", e), *random = NULL;
	NEED(stored);
	return row_of(b->data, b->length)->open_random(stored, &random, e);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* Two entries that make up for each other, in sizes and in what is stored. */
static void test_tables_that_lie(void)
{
	static const char *const names[] = {"seekable.zst", "seekable-xxh64.zst", "seekable-pipe.zst"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		for (size_t field = 0; field < 8; field += 4) {
			autobytes struct bytes b = {0};
			struct error e = {0};
			load(names[i], &b);
			size_t entry = b.data[b.length - 5] & 0x80 ? 12 : 8;
			uint8_t *first = b.data + b.length - 9 - 4 * entry + field, *second = first + entry;
			put_le32(first, get_le32(first) + 1);
			put_le32(second, get_le32(second) - 1);
			CHECK(agree(b.data, b.length) != FINE);
			/* Where the header gives the size, it is seen before anything is decoded. */
			if (!ends_in(names[i], "pipe.zst"))
				CHECK(open_at_random(&b, &e) == -1 && e.cls == ERROR_CORRUPT);
		}
}

static void test_swapped_frames(void)
{
	autobytes struct bytes b = {0}, swapped = {0};
	load("seekable-xxh64.zst", &b);
	const uint8_t *entry = b.data + b.length - 9 - 4 * 12;
	size_t n[4];
	for (size_t i = 0; i < 4; i++)
		n[i] = get_le32(entry + 12 * i);
	bytes_put(&swapped, b.data + n[0], n[1]);
	bytes_put(&swapped, b.data, n[0]);
	bytes_put(&swapped, b.data + n[0] + n[1], b.length - n[0] - n[1]);
	CHECK(agree(swapped.data, swapped.length) != FINE);
	/* With their sizes swapped too, only the hashes tell. */
	uint8_t *e = swapped.data + (entry - b.data), half[8];
	memcpy(half, e, 8);
	memcpy(e, e + 12, 8);
	memcpy(e + 12, half, 8);
	CHECK_INT(agree(swapped.data, swapped.length), FAILED);
	memcpy(half, e + 8, 4);
	memcpy(e + 8, e + 20, 4);
	memcpy(e + 20, half, 4);
	CHECK_INT(agree(swapped.data, swapped.length), FINE);
}

/* A frame left out, or told twice; frames that the table does not know. */
static void test_tables_of_other_files(void)
{
	autobytes struct bytes b = {0}, two = {0}, more = {0};
	struct error e = {0};
	load("seekable.zst", &b);
	size_t first = get_le32(b.data + b.length - 9 - 4 * 8);
	bytes_put(&two, b.data + first, b.length - first);
	CHECK(open_at_random(&two, &e) == -1 && e.cls == ERROR_CORRUPT);
	bytes_put(&more, b.data, first);
	bytes_put(&more, b.data, b.length);
	CHECK(open_at_random(&more, &e) == -1 && e.cls == ERROR_CORRUPT);
	/* Two whole files, one behind the other, are nobody's lie. */
	two.length = 0;
	bytes_put(&two, b.data, b.length);
	bytes_put(&two, b.data, b.length);
	CHECK_INT(agree(two.data, two.length), NOT_IN_PIECES);
}

static void test_counts_beyond_all(void)
{
	static const uint32_t counts[] = {5, 1000, 0x7ffffff, 0x8000001, 0xffffffff};
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		autobytes struct bytes b = {0};
		struct error e = {0};
		load("seekable.zst", &b);
		put_le32(b.data + b.length - 9, counts[i]);
		CHECK(open_at_random(&b, &e) == -1 && e.cls == ERROR_CORRUPT);
	}
}

#ifdef HAVE_LIBLZMA
#include <lzma.h>
/* An index of some 10^15 blocks in 16 bytes. */
static void test_xz_index_without_end(void)
{
	uint8_t file[12 + 16 + 12] = {0}, *index = file + 12;
	lzma_stream_flags flags = {.check = LZMA_CHECK_CRC32, .backward_size = 16};
	struct bytes b = {file, sizeof file, sizeof file};
	struct error e = {0};
	size_t at = 1;
	NEED(lzma_stream_header_encode(&flags, file) == LZMA_OK);
	NEED(lzma_vli_encode(UINT64_C(1) << 50, NULL, index, &at, 12) == LZMA_OK);
	put_le32(index + 12, lzma_crc32(index, 12, 0));
	NEED(lzma_stream_footer_encode(&flags, index + 16) == LZMA_OK);
	CHECK(open_at_random(&b, &e) == -1);
	CHECK(e.cls == ERROR_LIMIT);
}
#else
static void test_xz_index_without_end(void) {}
#endif

static void test_xxh64(void)
{
	CHECK((uint32_t)xxh64("", 0) == 0x51d8e999);
	CHECK((uint32_t)xxh64("abc", 3) == 0xad770999);
}

/* The index stays small: neighbours are merged where the codec can go through several. */
static void test_many_pieces(void)
{
	struct frames x = {.merge = true}, y = {0};
	struct error e = {0};
	uint64_t at = 0, count = 3 * FRAMES_MAX + 5, size = 60000;
	for (uint64_t i = 0; i < count; i++, at += 1000) {
		struct frames_piece p = {.stored = at, .stored_length = 1000, .length = (uint32_t)size};
		NEED(frames_add(&x, &p, &e) == 1);
	}
	CHECK(x.count <= FRAMES_MAX && x.size == count * size);
	for (size_t i = 0; i < x.count; i++) {
		uint64_t end = i + 1 < x.count ? x.items[i + 1].decoded : x.size;
		if (x.items[i].decoded + x.items[i].length != end || x.items[i].length > FRAMES_PIECE_MAX ||
		    x.items[i].stored * 60 != x.items[i].decoded) {
			CHECK(false);
			break;
		}
	}
	frames_free(&x);
	int rc = 1;
	for (at = 0; rc == 1 && at < FRAMES_MAX + 1; at++) {
		struct frames_piece p = {.stored = at, .stored_length = 1, .length = 1};
		rc = frames_add(&y, &p, &e);
	}
	CHECK(rc == 0 && at == FRAMES_MAX + 1);
	frames_free(&y);
	struct frames_piece large = {.stored_length = 100, .length = FRAMES_PIECE_MAX + 1};
	CHECK_INT(frames_add(&y, &large, &e), 0);
	large = (struct frames_piece){.stored_length = 2 * MIB, .length = 4096};
	CHECK_INT(frames_add(&y, &large, &e), 0);
	frames_free(&y);
}

/* A codec for the source alone: every byte of a piece is a byte that is stored; 0xee can't be decoded. */
static _Atomic uint64_t toy_runs, toy_now, toy_most;

static void *toy_open(struct error *e)
{
	(void)e;
	return malloc(1);
}

static int toy_decode(void *decoder, const struct frames_piece *p, const uint8_t *in, uint8_t *out, struct error *e)
{
	struct timespec some = {0, 50000};
	(void)decoder;
	toy_now += p->length;
	uint64_t now = toy_now;
	if (now > toy_most)
		toy_most = now;
	toy_runs++;
	nanosleep(&some, NULL);
	memset(out, *in, p->length);
	toy_now -= p->length;
	return *in == 0xee ? error_set(e, ERROR_CORRUPT, 0, "made to fail") : 0;
}

static const struct frames_ops toy_ops = {"toy", "piece", toy_open, toy_decode, free};

static struct source *toy_source(struct source *stored, uint32_t length, struct error *e)
{
	struct frames x = {.ops = &toy_ops};
	for (uint64_t i = 0; i < source_size(stored); i++) {
		struct frames_piece p = {.stored = i, .stored_length = 1, .length = length};
		NEED(frames_add(&x, &p, e) == 1);
	}
	x.units = x.count;
	toy_runs = toy_most = 0;
	struct source *s = source_frames(stored, &x, e);
	NEED(s);
	return s;
}

struct reader {
	pthread_t thread;
	struct source *s;
	const uint8_t *stored;
	uint32_t length;
	uint64_t seed;
	size_t reads, most, wrong, failed;
};

static void *read_about(void *arg)
{
	struct reader *r = arg;
	struct rng rng = {r->seed};
	autofree uint8_t *buf = malloc(r->most);
	NEED(buf);
	for (size_t i = 0; i < r->reads; i++) {
		uint64_t at = rng_below(&rng, source_size(r->s));
		size_t n = 1 + rng_below(&rng, r->most);
		struct error e = {0};
		if (n > source_size(r->s) - at)
			n = (size_t)(source_size(r->s) - at);
		if (source_read_at(r->s, at, buf, n, &e) < 0) {
			r->failed++;
			continue;
		}
		for (size_t k = 0; k < n; k += 1 + n / 16)
			r->wrong += buf[k] != r->stored[(at + k) / r->length] || buf[k] == 0xee;
	}
	return NULL;
}

static void read_by_many(struct source *s, const uint8_t *stored, uint32_t length, size_t reads, size_t *failed)
{
	struct reader r[8];
	*failed = 0;
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		r[i] = (struct reader){.s = s, .stored = stored, .length = length, .seed = i, .reads = reads};
		r[i].most = length < MIB ? 3 * (size_t)length : MIB;
		NEED(pthread_create(&r[i].thread, NULL, read_about, &r[i]) == 0);
	}
	for (size_t i = 0; i < ARRAY_SIZE(r); i++) {
		pthread_join(r[i].thread, NULL);
		CHECK_INT(r[i].wrong, 0);
		*failed += r[i].failed;
	}
}

/* What fits is decoded once, whoever asks; what is zero takes no room at all. */
static void test_pieces_are_decoded_once(void)
{
	uint8_t bytes[300];
	struct error e = {0};
	struct frames_told told;
	size_t failed;
	for (size_t i = 0; i < sizeof bytes; i++)
		bytes[i] = (uint8_t)(i % 3 ? 1 + i % 200 : 0);
	autosource struct source *stored = source_memory(bytes, sizeof bytes, "stored", &e);
	autosource struct source *s = toy_source(stored, 65536, &e);
	read_by_many(s, bytes, 65536, 400, &failed);
	CHECK_INT(failed, 0);
	NEED(source_frames_told(s, &told));
	CHECK_INT(toy_runs, told.held);
	CHECK(told.held > 290 && told.work == told.bytes);
	struct extent x;
	CHECK(source_extent_at(s, 0, &x, &e) == 0 && x.zero && x.length == 65536);
	CHECK(source_extent_at(s, 65537, &x, &e) == 0 && !x.zero);
}

/* Far more than fits: never more than that at once, and no reader waits for ever. */
static void test_little_room(void)
{
	uint8_t bytes[40];
	struct error e = {0};
	size_t failed;
	memset(bytes, 7, sizeof bytes);
	autosource struct source *stored = source_memory(bytes, sizeof bytes, "stored", &e);
	autosource struct source *s = toy_source(stored, 16 * MIB, &e);
	uint8_t one;
	struct rng rng = {1};
	for (int i = 0; i < 5; i++)
		NEED(source_read_at(s, rng_below(&rng, source_size(s)), &one, 1, &e) == 0 && one == 7);
	read_by_many(s, bytes, 16 * MIB, 12, &failed);
	CHECK_INT(failed, 0);
	CHECK(toy_most <= FRAMES_CACHE);
}

/* Damage fails the reads that touch it, each time, and no others; it is decoded but once. */
static void test_damaged_pieces(void)
{
	uint8_t bytes[64];
	struct error e = {0};
	struct frames_told told;
	size_t failed;
	memset(bytes, 9, sizeof bytes);
	bytes[20] = bytes[41] = 0xee;
	autosource struct source *stored = source_memory(bytes, sizeof bytes, "stored", &e);
	autosource struct source *s = toy_source(stored, 4096, &e);
	read_by_many(s, bytes, 4096, 200, &failed);
	CHECK(failed > 0 && failed < 1600);
	NEED(source_frames_told(s, &told));
	CHECK(told.failure.cls == ERROR_CORRUPT && told.failure.offset == 20);
	CHECK(told.held == 62 && toy_runs == 64);
	uint8_t one;
	CHECK(source_read_at(s, 41 * 4096, &one, 1, &e) == -1 && e.cls == ERROR_CORRUPT && e.offset == 41);
	CHECK(strstr(e.text, "toy, compressed byte 41 (piece from byte 41): made to fail") != NULL);
	CHECK(source_read_at(s, 41 * 4096 - 1, &one, 1, &e) == 0 && one == 9);
	CHECK(source_frames_verify(s, NULL, &e) == -1 && e.cls == ERROR_CORRUPT && e.offset == 20);
}

/* All pieces, and the first of the broken ones, however many there are. */
static void test_all_pieces_are_verified(void)
{
	uint8_t bytes[900];
	struct error e = {0};
	struct frames_told told;
	memset(bytes, 9, sizeof bytes);
	autosource struct source *stored = source_memory(bytes, sizeof bytes, "stored", &e);
	autosource struct source *s = toy_source(stored, 65536, &e);
	CHECK_INT(source_frames_verify(s, NULL, &e), 0);
	CHECK(source_frames_told(s, &told) && told.held == 900 && told.bytes == source_size(s));
	memset(bytes + 300, 0xee, 200);
	autosource struct source *bad = toy_source(stored, 65536, &e);
	CHECK(source_frames_verify(bad, NULL, &e) == -1 && e.offset == 300);
	CHECK(source_frames_told(bad, &told) && told.held == 700 && told.failure.offset == 300);
	CHECK_INT(source_frames_verify(stored, NULL, &e), -1);
}

int main(void)
{
	RUN(test_whole_files);
	RUN(test_every_flip);
	RUN(test_every_cut);
	RUN(test_tables_that_lie);
	RUN(test_swapped_frames);
	RUN(test_tables_of_other_files);
	RUN(test_counts_beyond_all);
	RUN(test_xz_index_without_end);
	RUN(test_xxh64);
	RUN(test_many_pieces);
	RUN(test_pieces_are_decoded_once);
	RUN(test_little_room);
	RUN(test_damaged_pieces);
	RUN(test_all_pieces_are_verified);
	return test_done();
}
