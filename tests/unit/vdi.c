// SPDX-License-Identifier: GPL-3.0-or-later
/* VDI: what qemu-img makes reads as it should (tests/cli/qcow2.sh too); damage to header, map and length is told. */
#include "backproof/format.h"
#include "test.h"

extern const struct format image_vdi;

static uint8_t file[64 * KIB];
static size_t size;
static struct findings f;
static struct image im;
static struct source *src;
static struct error why;

static int opens(size_t length)
{
	struct image_context c = {.subject = "v", .f = &f};
	memset(&why, 0, sizeof why);
	memset(&im, 0, sizeof im);
	NEED(!findings_init(&f));
	src = source_memory(file, length, "v", &why);
	NEED(src);
	return image_vdi.open_image(src, &c, &im, &why);
}

static void drop(void)
{
	image_close(&im);
	source_destroy(src);
	findings_free(&f);
}

static void put32(size_t at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		file[at + (size_t)i] = (uint8_t)(v >> 8 * i);
}

static int reads(uint64_t off, uint8_t *to, size_t len)
{
	return source_read_at(im.disks.items[0].source, off, to, len, &why);
}

static void test_whole(void)
{
	static uint8_t got[200 * KIB];
	NEED(opens(size) == 0);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	CHECK_STR(im.id, "03020100-0504-0706-0809-0a0b0c0d0e0f");
	struct source *d = im.disks.items[0].source;
	CHECK_INT(source_size(d), sizeof got);
	NEED(reads(0, got, sizeof got) == 0);
	CHECK(!memcmp(got, "1\n2\n3\n4\n", 8));
	uint64_t zeros = 0;
	for (uint64_t at = 0; at < sizeof got;) {
		struct extent x;
		NEED(!source_extent_at(d, at, &x, &why));
		CHECK(!x.zero || is_zero(got + at, x.length));
		zeros += x.zero ? x.length : 0;
		at += x.length;
	}
	CHECK(zeros > 100 * KIB);
	/* The blocks follow each other in the file: each byte of data is there once. */
	for (size_t block = 0, n = 0; block < sizeof got / 4096; block++)
		if (get_le32(file + 512 + 4 * block) != UINT32_MAX)
			CHECK(!memcmp(got + block * 4096, file + 1024 + 4096 * n++, 4096));
	drop();
}

static void refused(size_t at, uint32_t value, enum error_class cls, int line)
{
	uint32_t was = get_le32(file + at);
	put32(at, value);
	int rc = opens(size);
	if (rc == 0 || why.cls != cls)
		printf("line %d: %d %s %s\n", line, rc, error_class_name(why.cls), why.text);
	CHECK(rc < 0 && why.cls == cls);
	drop();
	put32(at, was);
}

static void test_header(void)
{
	refused(0x40, 0, ERROR_CORRUPT, __LINE__);
	refused(0x44, 0x20000, ERROR_UNSUPPORTED, __LINE__);
	refused(0x48, 10, ERROR_CORRUPT, __LINE__);
	refused(0x4c, 3, ERROR_UNSUPPORTED, __LINE__);
	refused(0x4c, 4, ERROR_MISSING, __LINE__);
	refused(0x1a8, 1, ERROR_MISSING, __LINE__);
	refused(0x154, 0x1000, ERROR_CORRUPT, __LINE__);
	refused(0x158, 512, ERROR_CORRUPT, __LINE__);
	refused(0x158, 0x7ffffe00, ERROR_CORRUPT, __LINE__);
	refused(0x170, 1 << 20, ERROR_CORRUPT, __LINE__);
	refused(0x174, UINT32_C(1) << 31, ERROR_CORRUPT, __LINE__);
	refused(0x178, 0, ERROR_CORRUPT, __LINE__);
	refused(0x178, 5000, ERROR_CORRUPT, __LINE__);
	refused(0x17c, 1, ERROR_UNSUPPORTED, __LINE__);
	refused(0x180, 0, ERROR_CORRUPT, __LINE__);
	refused(0x184, 1000, ERROR_CORRUPT, __LINE__);
}

static void test_map(void)
{
	uint8_t buf[4096];
	uint32_t was = get_le32(file + 512);
	static const uint32_t wrong[] = {1, 5000, 0x7fffffff, UINT32_MAX, UINT32_MAX - 1};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		put32(512, wrong[i]);
		NEED(opens(size) == 0);
		CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
		if (wrong[i] == 5000 || wrong[i] == 0x7fffffff)
			CHECK(reads(0, buf, sizeof buf) < 0 && why.cls == ERROR_CORRUPT);
		drop();
	}
	put32(512, was);
	put32(0x184, get_le32(file + 0x184) - 1);
	NEED(opens(size) == 0);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	drop();
	put32(0x184, get_le32(file + 0x184) + 1);
}

static void test_cut(void)
{
	static uint8_t got[200 * KIB];
	for (size_t length = 0; length < size; length += 317) {
		if (opens(length) == 0) {
			CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
			CHECK(reads(0, got, sizeof got) < 0 && why.cls == ERROR_CORRUPT);
		}
		drop();
	}
}

int main(void)
{
	FILE *p = fopen("fixtures/vdi/small.vdi", "rb");
	NEED(p);
	size = fread(file, 1, sizeof file, p);
	fclose(p);
	RUN(test_whole);
	RUN(test_header);
	RUN(test_map);
	RUN(test_cut);
	return test_done();
}
