// SPDX-License-Identifier: GPL-3.0-or-later
/* qcow2: images that qemu-img makes, and damage to every part of them. tests/cli/qcow2.sh compares bytes. */
#include <stdarg.h>

#include "backproof/format.h"
#include "test.h"

extern const struct format image_qcow2;

#define DISK (1 * MIB)

static char dir[] = "/tmp/qcow2-test-XXXXXX";
static uint8_t disk[DISK], *file;
static size_t size;
static struct findings f;
static struct image im;
static struct source *src;
static struct error why;

static int sh(const char *fmt, ...) printf_like(1, 2);
static int sh(const char *fmt, ...)
{
	char command[1024];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	return system(command);
}

static uint8_t *load(const char *name, size_t *length)
{
	char path[96];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *p = fopen(path, "rb");
	NEED(p && !fseek(p, 0, SEEK_END));
	*length = (size_t)ftell(p);
	rewind(p);
	uint8_t *data = malloc(*length + 1);
	NEED(data && fread(data, 1, *length, p) == *length);
	fclose(p);
	return data;
}

/* Words, noise and holes in turn. */
static void make_disk(void)
{
	struct rng r = {7};
	for (size_t at = 0; at < DISK; at += 8192)
		for (size_t i = 0; i < 8192; i++)
			disk[at + i] = at / 8192 % 4 == 0   ? (uint8_t)"backproof "[i % 10]
				       : at / 8192 % 4 == 1 ? (uint8_t)rng_next(&r)
							    : 0;
	char path[96];
	snprintf(path, sizeof path, "%s/raw", dir);
	FILE *p = fopen(path, "wb");
	NEED(p && fwrite(disk, 1, DISK, p) == DISK && !fclose(p));
}

static void make(const char *options)
{
	free(file);
	NEED(!sh("qemu-img convert -O qcow2 %s %s/raw %s/q", options, dir, dir));
	file = load("q", &size);
}

static int opens(size_t length)
{
	struct image_context c = {.subject = "q", .f = &f};
	memset(&why, 0, sizeof why);
	NEED(!findings_init(&f));
	src = source_memory(file, length, "q", &why);
	NEED(src);
	memset(&im, 0, sizeof im);
	return image_qcow2.open_image(src, &c, &im, &why);
}

static void drop(void)
{
	image_close(&im);
	source_destroy(src);
	findings_free(&f);
}

static int reads(uint8_t *to)
{
	return source_read_at(im.disks.items[0].source, 0, to, DISK, &why);
}

static bool has(const char *check, enum outcome o)
{
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check) && f.items[i].outcome == o)
			return true;
	return false;
}

static const char *const kinds[] = {
	"-o cluster_size=512", "-o cluster_size=4k", "-o compat=0.10", "-c", "-c -o compression_type=zstd",
	"-o extended_l2=on,cluster_size=16k", "-c -o cluster_size=2M",
};

static void test_whole(void)
{
	autofree uint8_t *got = malloc(DISK);
	struct rng r = {3};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		make(kinds[k]);
		NEED(opens(size) == 0 && im.disks.count == 1);
		struct source *s = im.disks.items[0].source;
		CHECK_INT(source_size(s), DISK);
		CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
		CHECK(has("qcow2.map", OUTCOME_HELD) && has("qcow2.refcounts", OUTCOME_HELD));
		CHECK(reads(got) == 0 && !memcmp(got, disk, DISK));
		for (int i = 0; i < 300; i++) {
			size_t at = rng_below(&r, DISK), n = rng_below(&r, (DISK - at < 50000 ? DISK - at : 50000) + 1);
			CHECK(!source_read_at(s, at, got, n, &why) && !memcmp(got, disk + at, n));
		}
		for (uint64_t at = 0; at < DISK;) {
			struct extent x;
			NEED(!source_extent_at(s, at, &x, &why));
			CHECK(!x.zero || is_zero(disk + at, x.length));
			at += x.length;
		}
		drop();
	}
}

/* Cut anywhere: refused, or something is BROKEN; and what is read is right or an error. */
static void test_cut(void)
{
	autofree uint8_t *got = malloc(DISK);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		make(kinds[k]);
		size_t step = size / 60 | 511;
		for (size_t length = 0; length < size - 512; length += step) {
			if (opens(length) == 0) {
				bool right = reads(got) == 0;
				CHECK(!right || !memcmp(got, disk, DISK));
				CHECK(right || why.cls == ERROR_CORRUPT);
				/* What is cut off and belongs to nothing does no harm, but that is rare. */
				CHECK(right || findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_BROKEN || strchr(kinds[k], 'c'));
			}
			drop();
		}
	}
}

static void put64(uint8_t *p, uint64_t v)
{
	for (int i = 7; i >= 0; i--, v >>= 8)
		p[i] = (uint8_t)v;
}

static void refused(enum error_class cls, const char *text, int line)
{
	int rc = opens(size);
	if (rc == 0 || why.cls != cls || !strstr(why.text, text))
		printf("line %d: %d %s %s\n", line, rc, error_class_name(why.cls), why.text);
	CHECK(rc < 0 && why.cls == cls && strstr(why.text, text));
	drop();
}

static void test_features(void)
{
	make("-o cluster_size=4k");
	uint64_t was = get_be64(file + 72);
	put64(file + 72, UINT64_C(1) << 40);
	refused(ERROR_UNSUPPORTED, "feature 40", __LINE__);
	put64(file + 72, 32);
	refused(ERROR_UNSUPPORTED, "feature 5", __LINE__);
	put64(file + 72, was);
	file[35] = 1;
	refused(ERROR_ENCRYPTED, "AES", __LINE__);
	file[35] = 2;
	refused(ERROR_ENCRYPTED, "LUKS", __LINE__);
	file[35] = 0;
	put64(file + 72, 4);
	refused(ERROR_MISSING, "does not name", __LINE__);
	put64(file + 72, 2);
	NEED(opens(size) == 0);
	CHECK(has("qcow2.corrupt", OUTCOME_BROKEN));
	drop();
	put64(file + 72, 1);
	NEED(opens(size) == 0);
	CHECK(has("qcow2.dirty", OUTCOME_SKIPPED));
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	drop();
	put64(file + 72, 0);
	file[7] = 4;
	refused(ERROR_UNSUPPORTED, "version 4", __LINE__);
	file[7] = 3;
	file[23] = 8;
	refused(ERROR_CORRUPT, "smaller than 512", __LINE__);
	file[23] = 22;
	refused(ERROR_UNSUPPORTED, "2^22", __LINE__);
}

static void test_map(void)
{
	autofree uint8_t *got = malloc(DISK);
	make("-o cluster_size=4k");
	uint64_t l1 = get_be64(file + 40), l2 = get_be64(file + l1) & 0xfffffffffffe00, l2_raw = get_be64(file + l1);
	uint64_t first = get_be64(file + l2), refs = get_be64(file + get_be64(file + 48));
	struct {
		uint64_t at, value;
		const char *check;
		bool reads;
	} wrong[] = {
		{l2, first + 4096, "qcow2.overlap", true},	   /* the place of the second cluster */
		{l2, UINT64_C(1) << 63 | l2, "qcow2.overlap", true}, /* an L2 table as data */
		{l2, UINT64_C(1) << 63 | 1 << 30, "qcow2.map", false}, /* beyond the end */
		{l2, first | 1 << 9, "qcow2.map", false},	   /* not aligned */
		{l2, first | 2, "qcow2.map", false},		   /* reserved bits */
		{l2, first | UINT64_C(1) << 60, "qcow2.map", false},
		{l2, UINT64_C(1) << 62 | 1 << 30, "qcow2.map", false},
		{refs, 0, "qcow2.refcounts", true},
		{get_be64(file + 48), 1 << 30, "qcow2.refcounts", true},
	};
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		uint64_t was = get_be64(file + wrong[i].at);
		put64(file + wrong[i].at, wrong[i].value);
		NEED(opens(size) == 0);
		CHECK(has(wrong[i].check, OUTCOME_BROKEN));
		CHECK_INT(reads(got) == 0, wrong[i].reads);
		drop();
		put64(file + wrong[i].at, was);
	}
	put64(file + l1, 1 << 30);
	refused(ERROR_CORRUPT, "L2 table", __LINE__);
	put64(file + l1, l2_raw | 4);
	refused(ERROR_CORRUPT, "L1 entry", __LINE__);
	put64(file + l1, l2_raw);
	put64(file + 40, 1 << 30);
	refused(ERROR_CORRUPT, "L1 table", __LINE__);
	put64(file + 40, l1);
	put64(file + 24, UINT64_C(1) << 50);
	refused(ERROR_CORRUPT, "L1 table", __LINE__);
	put64(file + 24, DISK);
	/* A cluster that reads as zeros: no data is lost that is not said to be. */
	put64(file + l2, 1);
	NEED(opens(size) == 0 && reads(got) == 0);
	CHECK(is_zero(got, 4096) && !memcmp(got + 4096, disk + 4096, DISK - 4096));
	drop();
}

static void test_packed(void)
{
	autofree uint8_t *got = malloc(DISK);
	for (int zstd = 0; zstd < 2; zstd++) {
		make(zstd ? "-c -o compression_type=zstd" : "-c");
		uint64_t l1 = get_be64(file + 40), l2 = get_be64(file + l1) & 0xfffffffffffe00;
		uint64_t at = get_be64(file + l2) & ((UINT64_C(1) << 54) - 1);
		memset(file + at, 0x5a, 64);
		NEED(opens(size) == 0);
		CHECK(reads(got) < 0 && why.cls == ERROR_CORRUPT);
		drop();
	}
}

/* A compressed cluster of the disk: where it is, and at most how long. 0: it is not compressed. */
static uint64_t packed_at(uint64_t cluster, uint64_t *entry, uint64_t *length)
{
	unsigned bits = get_be32(file + 20), x = 62 - (bits - 8);
	uint64_t per = UINT64_C(1) << (bits - 3), l1 = get_be64(file + 40);
	uint64_t l2 = get_be64(file + l1 + cluster / per * 8) & 0xfffffffffffe00;
	*entry = l2 + cluster % per * 8;
	uint64_t raw = l2 ? get_be64(file + *entry) : 0, host = raw & ((UINT64_C(1) << x) - 1);
	if (!(raw >> 62 & 1))
		return 0;
	*length = (((raw & ((UINT64_C(1) << 62) - 1)) >> x) + 1) * 512 - host % 512;
	return host;
}

/* What a full check says of the file: HELD or BROKEN; read: after all of the disk was read, as far as that goes. */
static enum outcome verdict(bool read, const char *check)
{
	static uint8_t got[DISK];
	bool covered = true;
	NEED(opens(size) == 0);
	bool whole = reads(got) == 0;
	if (!read) {
		drop();
		NEED(opens(size) == 0);
	}
	CHECK_INT(im.ops->verify(&im, "q", &f, NULL, &covered, &why), 0);
	CHECK(!covered);
	enum outcome o = findings_proof(&f, PROOF_STRUCTURE);
	CHECK(o == OUTCOME_BROKEN || whole);
	CHECK_INT(has(check, o), 1);
	drop();
	return o;
}

static const char *const packed_kinds[] = {"-c -o cluster_size=4k", "-c", "-c -o compression_type=zstd",
					   "-c -o compression_type=zstd,cluster_size=4k"};

/* Every compressed cluster in turn: what can't be decompressed is told by verify, whether or not it was read before. */
static void test_each_packed(void)
{
	struct rng r = {11};
	for (size_t k = 0; k < ARRAY_SIZE(packed_kinds); k++) {
		make(packed_kinds[k]);
		CHECK_INT(verdict(false, "qcow2.clusters"), OUTCOME_HELD);
		CHECK_INT(verdict(true, "qcow2.clusters"), OUTCOME_HELD);
		uint64_t cluster = UINT64_C(1) << get_be32(file + 20), packed = 0, entry, length;
		for (uint64_t n = 0; n < DISK / cluster; n++) {
			uint64_t at = packed_at(n, &entry, &length);
			uint8_t kept[64];
			if (!at)
				continue;
			size_t bytes = length < sizeof kept ? (size_t)length : sizeof kept;
			memcpy(kept, file + at, bytes);
			memset(file + at, 0xff, bytes < 4 ? bytes : 4);
			CHECK_INT(verdict(packed % 2, "qcow2.clusters"), OUTCOME_BROKEN);
			memcpy(file + at, kept, bytes);
			/* A bit: there is no checksum, and what decompresses is a cluster. Told or not, reading agrees. */
			uint64_t bit = rng_below(&r, bytes * 8);
			file[at + bit / 8] ^= (uint8_t)(1u << bit % 8);
			(void)verdict(packed % 2, "qcow2.clusters");
			memcpy(file + at, kept, bytes);
			packed++;
		}
		CHECK(packed > 5);
	}
}

/* Two clusters of the disk at one place of the file, and more space than a cluster takes. */
static void test_packed_map(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(packed_kinds); k++) {
		make(packed_kinds[k]);
		uint64_t entry[2], length[2], found = 0, cluster = UINT64_C(1) << get_be32(file + 20);
		for (uint64_t n = 0; n < DISK / cluster && found < 2; n++)
			found += packed_at(n, &entry[found], &length[found]) != 0;
		NEED(found == 2);
		uint64_t was = get_be64(file + entry[1]), step = UINT64_C(1) << (62 - (get_be32(file + 20) - 8));
		for (int read = 0; read < 2; read++) {
			put64(file + entry[1], get_be64(file + entry[0]));
			CHECK_INT(verdict(read, "qcow2.clusters"), OUTCOME_BROKEN);
			put64(file + entry[1], was + step);
			CHECK_INT(verdict(read, "qcow2.clusters"), OUTCOME_BROKEN);
			put64(file + entry[1], was);
		}
		CHECK_INT(verdict(true, "qcow2.clusters"), OUTCOME_HELD);
	}
}

static void test_verify_stops(void)
{
	struct budget b;
	bool covered;
	make("-c");
	NEED(opens(size) == 0);
	budget_init(&b);
	b.deadline_ns = monotonic_ns() - 1;
	CHECK_INT(im.ops->verify(&im, "q", &f, &b, &covered, &why), -1);
	CHECK_INT(why.cls, ERROR_LIMIT);
	CHECK(!has("qcow2.clusters", OUTCOME_HELD));
	drop();
	/* Nothing compressed: nothing is said. */
	make("-o cluster_size=4k");
	NEED(opens(size) == 0);
	CHECK_INT(im.ops->verify(&im, "q", &f, NULL, &covered, &why), 0);
	CHECK(!has("qcow2.clusters", OUTCOME_HELD));
	drop();
}

static void test_backing(void)
{
	NEED(!sh("cd %s && qemu-img create -q -f qcow2 -b raw -F raw q 1M", dir));
	free(file);
	file = load("q", &size);
	refused(ERROR_MISSING, "raw", __LINE__);
	CHECK_INT(size > 0, 1);
}

/* QEMU opens no image whose table of internal snapshots is wrong, though none of them is needed. */
static void test_snapshots(void)
{
	static const struct {
		size_t at;
		uint64_t value;
	} changes[] = {{64, 4104}, {64, UINT64_C(1) << 62}, {56, 0}};
	NEED(!sh("cp fixtures/qcow2/snapshot.qcow2 %s/q", dir));
	free(file);
	file = load("q", &size);
	CHECK_INT(opens(size), 0);
	CHECK(has("qcow2.snapshots", OUTCOME_SKIPPED) && !has("qcow2.snapshots", OUTCOME_BROKEN));
	drop();
	size_t table = (size_t)get_be64(file + 64);
	NEED(table && table + 40 < size && get_be32(file + 60));
	for (size_t i = 0; i < ARRAY_SIZE(changes) + 1; i++) {
		size_t at = i < ARRAY_SIZE(changes) ? changes[i].at : table + 32;
		uint64_t was = get_be64(file + at);
		/* The number of entries keeps the refcount table's clusters before it. */
		put64(file + at, i >= ARRAY_SIZE(changes) ? was | 0x10000
				 : at == 56		   ? (was & ~UINT64_C(0xffffffff)) | 0x20000
							   : changes[i].value);
		CHECK_INT(opens(size), 0);
		CHECK(has("qcow2.snapshots", OUTCOME_BROKEN));
		drop();
		put64(file + at, was);
	}
}

int main(void)
{
	NEED(mkdtemp(dir));
	make_disk();
	RUN(test_whole);
	RUN(test_cut);
	RUN(test_features);
	RUN(test_map);
	RUN(test_packed);
	RUN(test_each_packed);
	RUN(test_packed_map);
	RUN(test_verify_stops);
	RUN(test_backing);
	RUN(test_snapshots);
	free(file);
	NEED(!sh("rm -rf %s", dir));
	return test_done();
}
