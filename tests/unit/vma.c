// SPDX-License-Identifier: GPL-3.0-or-later
/* Proxmox VE backups against what their generator says is in them; then damage. */
#include "clone_help.h"

#define HEADER_MD5 32
#define EXTENT_MD5 24

static struct bytes two;
static size_t extents[8], extent_count; /* offsets of the headers in two */

static void md5_again(uint8_t *p, size_t len, size_t at)
{
	struct error e;
	uint8_t sum[DIGEST_MAX];
	struct digest *d = digest_new(DIGEST_MD5, &e);
	memset(p + at, 0, 16);
	digest_update(d, p, len);
	NEED(!digest_final(d, sum, &e));
	memcpy(p + at, sum, 16);
	digest_destroy(d);
}

static void test_content(void)
{
	char file[64], disk[64], size[32], sum[65], got[65], path[128], line[256];
	FILE *f = fopen("fixtures/vma/expected", "r");
	size_t lines = 0, index = 0;
	char last[64] = "";
	NEED(f);
	while (fgets(line, sizeof line, f)) {
		NEED(sscanf(line, "%63s %63s %31s %64s", file, disk, size, sum) == 4);
		index = strcmp(file, last) ? 0 : index + 1;
		strcpy(last, file);
		snprintf(path, sizeof path, "fixtures/vma/%s", file);
		struct bytes b = bytes_load(path);
		struct opened_image o = image_of("vma", &b);
		CHECK_INT(o.rc, 0);
		if (!o.rc && index < o.im.disks.count) {
			CHECK_INT(o.im.disks.count, 2);
			CHECK_STR(o.im.disks.items[index].name, disk);
			CHECK_INT(source_size(o.im.disks.items[index].source), strtoll(size, NULL, 10));
			CHECK_INT(disk_digest(o.im.disks.items[index].source, got), 0);
			CHECK_STR(got, sum);
		}
		CHECK_INT(count_findings(&o.f, "vma.vmstate", OUTCOME_SKIPPED), !strcmp(file, "state.vma"));
		image_shut(&o);
		free(b.p);
		lines++;
	}
	fclose(f);
	CHECK_INT(lines, 4);
}

static void test_what_goes_with_it(void)
{
	struct opened_image o = image_of("vma", &two);
	CHECK_INT(o.rc, 0);
	CHECK_STR(o.im.host, "web01");
	CHECK_STR(o.im.id, "01234567-89ab-cdef-fedc-ba9876543210");
	CHECK_INT(o.im.made, 1795305600);
	CHECK_INT(o.im.notes.count, 2);
	CHECK_STR(o.im.notes.items[0].name, "qemu-server.conf");
	CHECK_STR(o.im.notes.items[1].name, "fw.conf");
	CHECK(strstr(o.im.notes.items[0].data, "memory: 2048\n"));
	CHECK_INT(count_findings(&o.f, "vma.header", OUTCOME_HELD), 1);
	CHECK_INT(count_findings(&o.f, "vma.extents", OUTCOME_HELD), 1);
	image_shut(&o);
}

/* Opens a changed copy; text is what the message must say, or NULL for a file that is whole. */
static void expect(struct bytes b, int cls, const char *text)
{
	struct opened_image o = image_of("vma", &b);
	CHECK_INT(o.rc, text ? -1 : 0);
	if (text && o.rc) {
		CHECK_INT(o.e.cls, cls);
		if (!strstr(o.e.text, text))
			CHECK_STR(o.e.text, text);
	}
	image_shut(&o);
	free(b.p);
}

static void test_every_cut(void)
{
	for (size_t len = 0; len < two.len; len += len < 600 || len % 4096 < 1024 ? 61 : 977)
		expect(bytes_copy(&two, len), ERROR_CORRUPT, "");
	for (size_t i = 0; i < extent_count; i++) /* where nothing but the missing clusters tells */
		expect(bytes_copy(&two, extents[i]), ERROR_CORRUPT, "is missing");
	expect(bytes_copy(&two, extents[1] - 1), ERROR_CORRUPT, "cut in its blocks");
	expect(bytes_copy(&two, two.len + 1), ERROR_CORRUPT, "bytes follow");
	expect(bytes_copy(&two, two.len + 512), ERROR_CORRUPT, "no extent header");
}

static void test_every_header_byte(void)
{
	for (size_t i = 0; i < extents[0]; i += 7) {
		struct bytes b = bytes_copy(&two, two.len);
		b.p[i] ^= 4;
		struct opened_image o = image_of("vma", &b);
		CHECK(o.rc < 0);
		image_shut(&o);
		free(b.p);
	}
	for (size_t k = 0; k < extent_count; k++)
		for (size_t i = 0; i < 512; i++) {
			struct bytes b = bytes_copy(&two, two.len);
			b.p[extents[k] + i] ^= 1;
			expect(b, ERROR_CORRUPT, "");
		}
}

/* With checksums that match: only the sense of it is wrong. */
static struct bytes change(size_t k, size_t at, uint8_t value)
{
	struct bytes b = bytes_copy(&two, two.len);
	b.p[extents[k] + at] = value;
	md5_again(b.p + extents[k], 512, EXTENT_MD5);
	return b;
}

static void test_extents_that_lie(void)
{
	expect(change(0, 8, 0xee), ERROR_CORRUPT, "another backup");
	expect(change(0, 5, 1), ERROR_CORRUPT, "reserved");
	expect(change(0, 7, (uint8_t)(two.p[extents[0] + 7] + 1)), ERROR_CORRUPT, "contradicts");
	expect(change(1, 40 + 3, 9), ERROR_CORRUPT, ""); /* a device that is not there */
	expect(change(1, 40 + 6, 0xff), ERROR_CORRUPT, "behind the end");
	/* a cluster once more, in the place of another that has as many blocks */
	struct bytes b = bytes_copy(&two, two.len);
	size_t from = 0, to = 0;
	for (size_t i = 1; i < 59 && !to; i++)
		for (size_t j = 0; j < i && !to; j++)
			if (!memcmp(b.p + extents[0] + 40 + i * 8, b.p + extents[0] + 40 + j * 8, 4)) {
				from = j;
				to = i;
			}
	NEED(to);
	memcpy(b.p + extents[0] + 40 + to * 8, b.p + extents[0] + 40 + from * 8, 8);
	md5_again(b.p + extents[0], 512, EXTENT_MD5);
	expect(b, ERROR_CORRUPT, "");
	/* an extent that is there twice */
	size_t len = extents[1] - extents[0];
	b = bytes_copy(&two, two.len + len);
	memcpy(b.p + two.len, two.p + extents[0], len);
	expect(b, ERROR_CORRUPT, "twice");
	/* extents in another order are as good */
	b = bytes_copy(&two, two.len);
	memcpy(b.p + extents[0], two.p + extents[1], two.len - extents[1]);
	memcpy(b.p + two.len - len, two.p + extents[0], len);
	expect(b, 0, NULL);
}

static struct bytes change_head(size_t at, uint32_t value)
{
	struct bytes b = bytes_copy(&two, two.len);
	value = __builtin_bswap32(value);
	memcpy(b.p + at, &value, 4);
	if (at != 56)
		md5_again(b.p, extents[0], HEADER_MD5);
	return b;
}

static void test_headers_that_lie(void)
{
	expect(change_head(4, 2), ERROR_UNSUPPORTED, "version 2");
	expect(change_head(56, 0xfffffe00), ERROR_LIMIT, "");
	expect(change_head(56, 0), ERROR_CORRUPT, "impossible");
	expect(change_head(48, 0x7fffffff), ERROR_CORRUPT, "blob buffer");
	expect(change_head(52, 0xffffffff), ERROR_CORRUPT, "blob buffer");
	expect(change_head(4096 + 32, 0xffff), ERROR_CORRUPT, "outside");
	expect(change_head(4096 + 32 + 8, 0x7fffffff), ERROR_CORRUPT, "impossible");
	expect(change_head(4096 + 32 + 8, 1), ERROR_CORRUPT, "missing"); /* 4 GiB longer */
	expect(change_head(2044, 0xfffffff0), ERROR_CORRUPT, "outside");
	expect(change_head(3068, 0), ERROR_CORRUPT, "outside");
}

int main(void)
{
	two = bytes_load("fixtures/vma/two.vma");
	for (size_t at = get_be32(two.p + 56); at < two.len; at += 512 + 4096 * (size_t)get_be16(two.p + at + 6))
		extents[extent_count++] = at;
	NEED(extent_count == 3);
	RUN(test_content);
	RUN(test_what_goes_with_it);
	RUN(test_every_cut);
	RUN(test_every_header_byte);
	RUN(test_extents_that_lie);
	RUN(test_headers_that_lie);
	free(two.p);
	return test_done();
}
