// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Codecs at their edges: heads that nearly are one, headers that are whole and ask for what no reader has, bytes that
 * are lent, and files whose pieces are not worth it. What is not understood is UNSUPPORTED or LIMIT, what is damaged
 * CORRUPT, and nothing of it ever finishes.
 */
#include "codec_make.h"
#include "../../src/codec/known.h"

static struct error e;

static int bid_of(const struct format *f, const void *head, size_t length)
{
	uint8_t exact[64] = {0};
	memcpy(exact, head, length);
	const struct probe p = {.head = exact, .head_length = length};
	return f->bid(&p);
}
#define BID(format, head) bid_of(format, head, sizeof head - 1)

static void heads(void)
{
	const struct format *compress = codec_known_rows[0], *lzip = codec_known_rows[1], *age = codec_known_rows[2],
			    *openssl = codec_known_rows[3];
	CHECK(BID(compress, "\x1f\x9d\x90x") > 0);
	CHECK(!BID(compress, "\x1f\x9d\xf0x") && !BID(compress, "\x1f\x9d\x88x") && !BID(compress, "\x1f\x9d\x91x") &&
	      !BID(compress, "\x1f\x9d"));
	CHECK(BID(lzip, "LZIP\1x") > BID(lzip, "LZIP\2x") && BID(lzip, "LZIP\2x") > 0 && !BID(lzip, "LZIQ\1x"));
	CHECK(BID(age, "age-encryption.org/v1\nx") > 0 && !BID(age, "age-encryption.org/v2\nx"));
	CHECK(BID(openssl, "Salted__x") > 0 && !BID(openssl, "salted__x"));
	/* gzip: reserved flags, another method, an unknown system, a block of no type. */
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\0\0\0\0\0\0\3\3"), 80);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\0\0\0\0\0\0\xff\3"), 80);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\0\0\0\0\0\0\x0e\3"), 30);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\0\0\0\0\0\0\3\7"), 30);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\x08\0\0\0\0\0\3\7"), 80);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\x20\0\0\0\0\0\3\3"), 0);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x07\0\0\0\0\0\0\3\3"), 0);
	CHECK_INT(BID(&codec_gzip, "\x1f\x8b\x08\0\0\0\0\0\0\3"), 0);
	/* bzip2: levels, and what follows. */
	CHECK_INT(BID(&codec_bzip2, "BZh9\x31\x41\x59\x26\x53\x59"), 95);
	CHECK_INT(BID(&codec_bzip2, "BZh1\x17\x72\x45\x38\x50\x90"), 95);
	CHECK_INT(BID(&codec_bzip2, "BZh9\x17\x72\x45\x38\x50\x91"), 0);
	CHECK_INT(BID(&codec_bzip2, "BZh0\x31\x41\x59\x26\x53\x59"), 0);
	CHECK_INT(BID(&codec_bzip2, "BZh:\x31\x41\x59\x26\x53\x59"), 0);
	CHECK_INT(BID(&codec_bzip2, "BZx9\x31\x41\x59\x26\x53\x59"), 0);
	CHECK_INT(BID(&codec_bzip2, "BZh9\x31\x41\x59\x26\x53"), 0);
	/* lz4: each bit that must be or must not be, and the old format's first size. */
	CHECK_INT(BID(&codec_lz4, "\x04\x22\x4d\x18\x64\x40\xa7\0"), 95);
	CHECK_INT(BID(&codec_lz4, "\x04\x22\x4d\x18\xa4\x40\xa7\0"), 30);
	CHECK_INT(BID(&codec_lz4, "\x04\x22\x4d\x18\x66\x40\xa7\0"), 30);
	CHECK_INT(BID(&codec_lz4, "\x04\x22\x4d\x18\x64\x41\xa7\0"), 30);
	CHECK_INT(BID(&codec_lz4, "\x04\x22\x4d\x18\x64\x30\xa7\0"), 30);
	CHECK_INT(BID(&codec_lz4, "\x05\x22\x4d\x18\x64\x40\xa7\0"), 0);
	CHECK(BID(&codec_lz4, "\x02\x21\x4c\x18\x10\0\0\0") > 0);
	CHECK_INT(BID(&codec_lz4, "\x02\x21\x4c\x18\xff\xff\xff\xff"), 0);
	CHECK_INT(BID(&codec_lz4, "\x04\x22\x4d\x18\x64\x40\xa7"), 0);
	/* Only what is skipped: both may be, and the name tells. */
	CHECK_INT(BID(&codec_lz4, "\x50\x2a\x4d\x18\1\0\0\0x"), 10);
	CHECK_INT(BID(&codec_zstd, "\x50\x2a\x4d\x18\1\0\0\0x"), 10);
	CHECK_INT(BID(&codec_lz4, ""), 0);
	CHECK_INT(BID(&codec_zstd, ""), 0);
	/* zstd: reserved bit, and the formats that were before it. */
	CHECK_INT(BID(&codec_zstd, "\x28\xb5\x2f\xfd\x20\0\1\0"), 90);
	CHECK_INT(BID(&codec_zstd, "\x28\xb5\x2f\xfd\x28\0\1\0"), 0);
	CHECK_INT(BID(&codec_zstd, "\x28\xb5\x2f\xfd"), 0);
	CHECK_INT(BID(&codec_zstd, "\x1e\xb5\x2f\xfd\x20"), 50);
	CHECK_INT(BID(&codec_zstd, "\x27\xb5\x2f\xfd\x20"), 50);
	CHECK_INT(BID(&codec_zstd, "\x22\xb5\x2f\xfd\x20"), 50);
	CHECK_INT(BID(&codec_zstd, "\x21\xb5\x2f\xfd\x20"), 0);
	/* xz: reserved flags. */
	CHECK_INT(BID(&codec_xz, "\xfd""7zXZ\0\0\4\xe6\xd6\xb4\x46"), 95);
	CHECK_INT(BID(&codec_xz, "\xfd""7zXZ\0\1\4\xe6\xd6\xb4\x46"), 40);
	CHECK_INT(BID(&codec_xz, "\xfd""7zXZ\0\0\x14\xe6\xd6\xb4\x46"), 40);
	CHECK_INT(BID(&codec_xz, "\xfd""7zXY\0\0\4\xe6\xd6\xb4\x46"), 0);
}

static uint32_t crc32_of(const uint8_t *p, size_t n)
{
	uint32_t crc = ~0u;
	while (n--) {
		crc ^= *p++;
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320 : 0);
	}
	return ~crc;
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* All of it is refused so, by each library that reads it. */
static void refused(const struct format *codec, const struct bytes *b, enum error_class cls, const char *words)
{
	const struct format *rows[3];
	for (size_t v = 0, n = variants(codec, rows); v < n; v++)
		for (size_t step = 1; step <= MIB; step *= 1024) {
			struct run r = {.codec = rows[v], .step = step};
			struct result got;
			decode_run(&r, b->data, b->length, &got);
			CHECK(says(&got, cls, words));
			bytes_free(&got.out);
		}
}

/* What can be read at random says the same, or nothing: then it is read from its beginning. */
static void not_at_random(const struct format *codec, const struct bytes *b)
{
	autosource struct source *src = source_memory(b->data, b->length, "x", &e), *out = NULL;
	NEED(src);
	int rc = codec->open_random ? codec->open_random(src, &out, &e) : 0;
	if (rc > 0) {
		uint64_t size = source_size(out);
		autofree uint8_t *buf = malloc(size);
		NEED(buf);
		CHECK(source_read_at(out, 0, buf, size, &e) < 0);
	}
	CHECK(rc >= 0 || e.cls != ERROR_NONE);
}

static void xz_headers(void)
{
	autobytes struct bytes b = {0};
	if (!codec_xz.decode)
		return;
	for (int i = 0; i < 5; i++) {
		make("xz --block-size=100 -c $P", "tiny", &b);
		uint8_t *p = b.data, *footer = b.data + b.length - 12;
		size_t filter = 14, end = 12 + ((size_t)p[12] + 1) * 4 - 4;
		while (filter < end && p[filter] != 0x21)
			filter++;
		NEED(filter < end);
		if (i == 0)
			p[7] = footer[9] = 2; /* a check that nobody has */
		if (i == 1)
			p[6] = footer[8] = 1; /* flags of another version */
		if (i == 2)
			p[filter] = 0x3f; /* a filter that nobody has */
		if (i == 3)
			p[filter + 2] = 40; /* a dictionary of 4 GiB */
		put_le32(p + 8, crc32_of(p + 6, 2));
		put_le32(p + end, crc32_of(p + 12, end - 12));
		put_le32(footer, crc32_of(footer + 4, 6));
		if (i == 4)
			p[8] ^= 1;
		refused(&codec_xz, &b, i == 3 ? ERROR_LIMIT : i == 4 ? ERROR_CORRUPT : ERROR_UNSUPPORTED, "");
		not_at_random(&codec_xz, &b);
	}
}

static void zstd_headers(void)
{
	autobytes struct bytes b = {0};
	static const char *const heads_[] = {"\x1e\xb5\x2f\xfd\x20", "\x22\xb5\x2f\xfd\x20", "\x27\xb5\x2f\xfd\x20"};
	if (!codec_zstd.decode)
		return;
	for (int behind = 0; behind < 2; behind++)
		for (size_t i = 0; i < ARRAY_SIZE(heads_); i++) {
			b.length = 0;
			if (behind)
				make("zstd -qc $P", "tiny", &b);
			bytes_put(&b, heads_[i], 5);
			bytes_put(&b, "\0\0\0\0\0\0\0\0", 8);
			refused(&codec_zstd, &b, ERROR_UNSUPPORTED, "");
			not_at_random(&codec_zstd, &b);
		}
	/* A window of 2 GiB; a dictionary that is not there. */
	b.length = 0;
	bytes_put(&b, "\x28\xb5\x2f\xfd\0\xa8\1\0\0", 9);
	refused(&codec_zstd, &b, ERROR_LIMIT, "");
	make("zstd -qc --no-content-size <$P | sed b", "small", &b);
	autobytes struct bytes with = {0};
	bytes_put(&with, b.data, 4);
	uint8_t fhd = b.data[4] | 1;
	bytes_put(&with, &fhd, 1);
	bytes_put(&with, b.data + 5, 1);
	bytes_put(&with, "\7", 1);
	bytes_put(&with, b.data + 6, b.length - 6);
	refused(&codec_zstd, &with, ERROR_UNSUPPORTED, "");
}

static uint32_t adler32_of(const uint8_t *p, size_t n)
{
	uint32_t a = 1, b = 0;
	while (n--) {
		a = (a + *p++) % 65521;
		b = (b + a) % 65521;
	}
	return b << 16 | a;
}

static void lzop_headers(void)
{
	autobytes struct bytes b = {0}, c = {0};
	if (!codec_lzop.decode)
		return;
	static const struct {
		uint8_t method;
		uint32_t flags;
		bool good;
	} rows[] = {{0, 0, true}, {255, 0, false}, {9, 0, false}, {0, 0x800, false}, {0, 0x400, false}, {0, 0x40, false}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make("lzop -c <$P", "small", &b);
		c.length = 0;
		uint32_t flags = get_be32(b.data + 17) | rows[i].flags;
		if (rows[i].method)
			b.data[15] = rows[i].method == 255 ? 0 : rows[i].method;
		for (int k = 0; k < 4; k++)
			b.data[17 + k] = (uint8_t)(flags >> (24 - 8 * k));
		bytes_put(&c, b.data, 21);
		if (rows[i].flags & 0x800)
			bytes_put(&c, "\0\0\0\1", 4);
		size_t end = 34 + (size_t)b.data[33];
		bytes_put(&c, b.data + 21, end - 21);
		uint32_t sum = adler32_of(c.data + 9, c.length - 9);
		for (int k = 3; k >= 0; k--)
			bytes_put(&c, &(uint8_t){(uint8_t)(sum >> 8 * k)}, 1);
		bytes_put(&c, b.data + end + 4, b.length - end - 4);
		if (!rows[i].good) {
			refused(&codec_lzop, &c, ERROR_UNSUPPORTED, "");
			continue;
		}
		struct run r = {.codec = &codec_lzop};
		struct result got;
		autobytes struct bytes plain = {0};
		load("small", &plain);
		decode_run(&r, c.data, c.length, &got);
		CHECK(got.finished && same_bytes(&got.out, &plain));
		bytes_free(&got.out);
	}
	/* Sums of what is packed, which lzop writes when it is told to. */
	make("lzop --crc32 -CC -c <$P", "small", &b);
	size_t refusals = 0;
	for (size_t at = 33 + (size_t)b.data[33]; at < b.length; at += 7) {
		struct run r = {.codec = &codec_lzop};
		struct result got;
		b.data[at] ^= 0x10;
		decode_run(&r, b.data, b.length, &got);
		b.data[at] ^= 0x10;
		CHECK(!got.finished);
		refusals += got.error.cls == ERROR_CORRUPT;
		bytes_free(&got.out);
	}
	CHECK(refusals > 100);
}

/* Lent or read, with or without a place for what was learned: the same bytes. */
static void lent(void)
{
	static const struct {
		const struct format *codec;
		const char *command;
	} rows[] = {{&codec_gzip, "gzip -c"},	{&codec_zstd, "zstd -qc"},   {&codec_xz, "xz -c"},
		    {&codec_lz4, "lz4 -qc -B4"}, {&codec_bzip2, "bzip2 -c"}, {&codec_lzop, "lzop -c <"},
		    {&codec_zstd, "zstd -qc --no-content-size <"}};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		const struct format *all[3];
		autobytes struct bytes packed = {0}, plain = {0};
		char command[100];
		snprintf(command, sizeof command, "%s $P", rows[i].command);
		if (!rows[i].codec->decode)
			continue;
		make(command, "large", &packed);
		load("large", &plain);
		for (size_t v = 0, n = variants(rows[i].codec, all); v < n; v++)
			for (int damaged = 0; damaged < 3; damaged++) {
				const struct run r = {.codec = all[v], .step = 5000};
				autobytes struct bytes out = {0};
				size_t length = damaged == 1 ? packed.length / 2 : packed.length;
				if (damaged == 2)
					packed.data[packed.length / 2] ^= 0x40;
				autostream struct stream *s = all[v]->decode(stutter_new(&r, packed.data, length), NULL, &e);
				NEED(s);
				if (damaged == 2)
					packed.data[packed.length / 2] ^= 0x40;
				const uint8_t *data;
				ssize_t got;
				while ((got = stream_lend(s, &data, &e)) > 0)
					bytes_put(&out, data, (size_t)got);
				bool finished = got == 0 && stream_finish(s, &e) == 0;
				CHECK_INT(finished, !damaged);
				CHECK(!finished || same_bytes(&out, &plain));
				CHECK(finished || e.cls == ERROR_CORRUPT);
			}
	}
}

/* Few and large pieces, or one, are as well read from the beginning. */
static void not_worth_it(void)
{
	autobytes struct bytes b = {0};
	static const char *const commands[] = {"xz -0 -c $P", "head -c 9000000 /dev/zero | xz -0 --block-size=3000000 -c",
					       "head -c 9000000 /dev/zero | xz -0 --block-size=100000 -c"};
	for (size_t i = 0; codec_xz.open_random && i < ARRAY_SIZE(commands); i++) {
		make(commands[i], "small", &b);
		autosource struct source *src = source_memory(b.data, b.length, "x", &e), *out = NULL;
		NEED(src);
		CHECK_INT(codec_xz.open_random(src, &out, &e), i == 2);
		CHECK_INT(out != NULL, i == 2);
	}
}

int main(void)
{
	work_begin();
	RUN(heads);
	RUN(xz_headers);
	RUN(zstd_headers);
	RUN(lzop_headers);
	RUN(lent);
	RUN(not_worth_it);
	work_end();
	return test_done();
}
