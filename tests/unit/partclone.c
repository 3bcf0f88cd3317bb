// SPDX-License-Identifier: GPL-3.0-or-later
/* Partclone images against partclone.restore; then damage. */
#include "clone_help.h"

#define HEADER 110

/* fixtures/partclone/NAME.zst, decoded. */
static struct bytes unpack(const char *name)
{
	struct error e;
	char path[128];
	struct bytes b = {malloc(4 << 20), 0};
	snprintf(path, sizeof path, "fixtures/partclone/%s.zst", name);
	autosource struct source *src = source_open_file(path, &e);
	NEED(b.p && src);
	struct stream *raw = stream_from_source(src, &e);
	NEED(raw);
	autostream struct stream *s = row_of("zstd")->decode(raw, NULL, &e);
	NEED(s);
	ssize_t n = stream_read_full(s, b.p, 4 << 20, &e);
	NEED(n > 0 && n < 4 << 20);
	b.len = (size_t)n;
	return b;
}

static int verify(struct opened_image *o, bool *covered)
{
	return o->im.ops->verify(&o->im, "image", &o->f, NULL, covered, &o->e);
}

static void test_content(void)
{
	char name[64], size[32], sums[8], sum[65], got[65], line[256];
	FILE *f = fopen("fixtures/partclone/expected", "r");
	size_t lines = 0;
	NEED(f);
	while (fgets(line, sizeof line, f)) {
		NEED(sscanf(line, "%63s %31s %7s %64s", name, size, sums, sum) == 4);
		struct bytes b = unpack(name);
		struct opened_image o = image_of("partclone", &b);
		bool covered = false, want = !strcmp(sums, "y");
		CHECK_INT(o.rc, 0);
		if (!o.rc) {
			CHECK_INT(o.im.disks.count, 1);
			CHECK(!o.im.disks.items[0].name);
			CHECK_INT(source_size(o.im.disks.items[0].source), strtoll(size, NULL, 10));
			CHECK_INT(disk_digest(o.im.disks.items[0].source, got), 0);
			CHECK_STR(got, sum);
			CHECK_INT(verify(&o, &covered), 0);
			CHECK_INT(covered, want);
			CHECK_INT(count_findings(&o.f, "partclone.header", OUTCOME_HELD), 1);
			CHECK_INT(count_findings(&o.f, "partclone.blocks", OUTCOME_HELD), want);
			CHECK_INT(count_findings(&o.f, "partclone.blocks", OUTCOME_SKIPPED), !want);
		}
		image_shut(&o);
		free(b.p);
		lines++;
	}
	fclose(f);
	CHECK_INT(lines, 6);
}

static void expect(struct bytes b, int cls, const char *text)
{
	struct opened_image o = image_of("partclone", &b);
	CHECK_INT(o.rc, -1);
	if (o.rc) {
		CHECK_INT(o.e.cls, cls);
		if (!strstr(o.e.text, text))
			CHECK_STR(o.e.text, text);
	}
	image_shut(&o);
	free(b.p);
}

static void test_length(void)
{
	static const char *const names[] = {"fat", "ext4-none", "ext4-small"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes b = unpack(names[i]);
		for (size_t len = 0; len < b.len; len += len < 1024 ? 13 : 1777)
			expect(bytes_copy(&b, len), ERROR_CORRUPT, "");
		expect(bytes_copy(&b, b.len - 1), ERROR_CORRUPT, "cut");
		expect(bytes_copy(&b, b.len - 4), ERROR_CORRUPT, "cut");
		expect(bytes_copy(&b, b.len + 1), ERROR_CORRUPT, "follow");
		expect(bytes_copy(&b, b.len + 4), ERROR_CORRUPT, "follow");
		free(b.p);
	}
}

static void test_header_and_bitmap(void)
{
	struct bytes b = unpack("fat");
	size_t bitmap = (size_t)(get_le64(b.p + 60) + 7) / 8;
	for (size_t i = 0; i < HEADER + bitmap + 4; i++) {
		struct bytes c = bytes_copy(&b, b.len);
		c.p[i] ^= 0x10;
		struct opened_image o = image_of("partclone", &c);
		CHECK(o.rc < 0);
		image_shut(&o);
		free(c.p);
	}
	free(b.p);
}

/* The CRC-32 of bit after bit, to be independent of what is tested. */
static void header_again(uint8_t *h)
{
	uint32_t crc = UINT32_MAX;
	for (size_t i = 0; i < HEADER - 4; i++) {
		crc ^= h[i];
		for (int k = 0; k < 8; k++)
			crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
	}
	for (size_t i = 0; i < 4; i++)
		h[HEADER - 4 + i] = (uint8_t)(crc >> i * 8);
}

static struct bytes changed(const struct bytes *b, size_t at, const char *to, size_t len)
{
	struct bytes c = bytes_copy(b, b->len);
	memcpy(c.p + at, to, len);
	header_again(c.p);
	return c;
}

static void test_headers_that_lie(void)
{
	struct bytes b = unpack("fat");
	expect(changed(&b, 30, "0001", 4), ERROR_UNSUPPORTED, "0001");
	expect(changed(&b, 30, "0003", 4), ERROR_UNSUPPORTED, "unknown");
	expect(changed(&b, 34, "\xc0\xde", 2), ERROR_UNSUPPORTED, "big-endian");
	expect(changed(&b, 34, "\0\0", 2), ERROR_CORRUPT, "byte order");
	expect(changed(&b, 60, "\0\0\0\0\0\0\0\0", 8), ERROR_CORRUPT, "impossible");
	expect(changed(&b, 60, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), ERROR_CORRUPT, "impossible");
	expect(changed(&b, 60, "\0\0\0\0\0\0\x10\0", 8), ERROR_LIMIT, "bitmap");
	expect(changed(&b, 60, "\0\0\0\x01\0\0\0\0", 8), ERROR_CORRUPT, "bitmap");
	expect(changed(&b, 52, "\xff\xff\xff\xff\xff\xff\xff\xff", 8), ERROR_CORRUPT, "impossible");
	expect(changed(&b, 84, "\0\0\0\0", 4), ERROR_CORRUPT, "impossible");
	expect(changed(&b, 84, "\x01\x03\0\0", 4), ERROR_CORRUPT, "impossible");
	expect(changed(&b, 84, "\0\x04\0\0", 4), ERROR_CORRUPT, "cut");
	expect(changed(&b, 88, "\x20\0\0\0", 4), ERROR_UNSUPPORTED, "feature");
	expect(changed(&b, 96, "\x02\0", 2), ERROR_UNSUPPORTED, "checksum mode");
	expect(changed(&b, 96, "\0\0", 2), ERROR_CORRUPT, "follow");
	expect(changed(&b, 100, "\0\0\0\0", 4), ERROR_CORRUPT, "no block");
	expect(changed(&b, 100, "\1\0\0\0", 4), ERROR_CORRUPT, "cut");
	expect(changed(&b, 105, "\x08", 1), ERROR_UNSUPPORTED, "bitmap mode");
	free(b.p);
}

/* One bit of any block or checksum: verify must say so, and where. */
static void test_blocks(void)
{
	static const char *const names[] = {"ext4", "ext4-small", "ext4-running"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct bytes b = unpack(names[i]);
		size_t data = HEADER + (size_t)(get_le64(b.p + 60) + 7) / 8 + 4;
		for (size_t at = data; at < b.len; at += 1231) {
			bool covered = true;
			b.p[at] ^= 1;
			struct opened_image o = image_of("partclone", &b);
			CHECK_INT(o.rc, 0);
			CHECK_INT(verify(&o, &covered), 0);
			CHECK(!covered);
			CHECK_INT(count_findings(&o.f, "partclone.blocks", OUTCOME_HELD), 0);
			CHECK_INT(count_findings(&o.f, "partclone.blocks", OUTCOME_BROKEN), 1);
			image_shut(&o);
			b.p[at] ^= 1;
		}
		free(b.p);
	}
}

int main(void)
{
	RUN(test_content);
	RUN(test_length);
	RUN(test_header_and_bitmap);
	RUN(test_headers_that_lie);
	RUN(test_blocks);
	return test_done();
}
