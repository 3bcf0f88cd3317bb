// SPDX-License-Identifier: GPL-3.0-or-later
/* VHDX disks against what QEMU and a generator say is in them; then damage, of which none may look fine. */
#include <sys/resource.h>

#include "backproof/crc32c.h"
#include "vhd_help.h"

#define DIR "fixtures/vhdx"
#define LOG (1 * MIB)
#define METADATA (2 * MIB)
#define BAT (3 * MIB)
#define SECTOR 4096u

static void test_content(void)
{
	check_content("vhdx", DIR);
}

static void put_le32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void put_le64(uint8_t *p, uint64_t v)
{
	put_le32(p, (uint32_t)v);
	put_le32(p + 4, (uint32_t)(v >> 32));
}

/* The checksum at byte 4 of all of len bytes, made right again. */
static void sum_again(uint8_t *p, size_t len)
{
	put_le32(p + 4, 0);
	put_le32(p + 4, crc32c(p, len));
}

static struct opened_image opened(const struct bytes *b, int rc, enum error_class cls)
{
	struct opened_image o = image_of("vhdx", b);
	CHECK_INT(o.rc, rc);
	if (rc && o.rc)
		CHECK_INT(o.e.cls, cls);
	return o;
}

static void fails(const struct bytes *b, enum error_class cls)
{
	struct opened_image o = opened(b, -1, cls);
	image_shut(&o);
}

static void test_facts(void)
{
	static struct folder d;
	struct error e;
	struct extent run;
	folder_load(&d, "vhdx", DIR);
	struct file *x = file_in(&d, "last.avhdx");
	NEED(!file_open(&d, x, &e));
	CHECK_STR(x->o.im.parent, "middle.avhdx");
	CHECK_STR(x->o.im.id, "0000abcd-0000-0000-0000-000000000005");
	CHECK_INT(count_findings(&x->o.f, "vhdx.parent", OUTCOME_HELD), 1);
	x = file_in(&d, "states.vhdx");
	NEED(!file_open(&d, x, &e));
	CHECK_INT(source_extent_at(x->o.im.disks.items[0].source, 5 * MIB, &run, &e), 0);
	CHECK(run.zero && run.length == 3 * MIB);
	folder_shut(&d);
}

static void test_chains(void)
{
	static struct folder d;
	struct error e;
	static const struct {
		const char *child, *alias, *of;
		enum error_class cls;
		const char *says;
	} cases[] = {
	    {"middle.avhdx", "base.vhdx", "states.vhdx", ERROR_CORRUPT, "0000abcd-0000-0000-0000-000000000003"},
	    {"middle.avhdx", "base.vhdx", "middle.avhdx", ERROR_CORRUPT, "back to itself"},
	    {"middle.avhdx", "base.vhdx", "nowhere", ERROR_MISSING, "base.vhdx"},
	    {"last.avhdx", "base.vhdx", "nowhere", ERROR_MISSING, "base.vhdx"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		folder_load(&d, "vhdx", DIR);
		d.alias = cases[i].alias;
		d.alias_of = cases[i].of;
		struct file *x = file_in(&d, cases[i].child);
		CHECK_INT(file_open(&d, x, &e), -1);
		CHECK_INT(x->o.e.cls, cases[i].cls);
		CHECK(strstr(x->o.e.text, cases[i].says) != NULL);
		folder_shut(&d);
	}
	/* Its parent was written to: another DataWriteGuid in the header that counts. */
	folder_load(&d, "vhdx", DIR);
	uint8_t *header = file_in(&d, "base.vhdx")->b.p + 128 * KIB;
	header[32] ^= 1;
	sum_again(header, 4096);
	CHECK_INT(file_open(&d, file_in(&d, "middle.avhdx"), &e), -1);
	CHECK_INT(file_in(&d, "middle.avhdx")->o.e.cls, ERROR_CORRUPT);
	folder_shut(&d);
}

static void test_every_cut(void)
{
	static const char *const names[] = {"qemu-dynamic", "qemu-fixed", "base", "log", "states"};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		char path[64];
		snprintf(path, sizeof path, DIR "/%s.vhdx.zst", names[k]);
		struct bytes b = unpacked(path);
		const size_t len = b.len;
		CHECK(bytes_fine("vhdx", &b));
		/* The last block of these is longer than the disk: nothing is lost with what lies behind the disk's end. */
		size_t slack = k < 2 || !strcmp(names[k], "states") ? MIB : 0;
		for (size_t cut = slack + 1; cut < len; cut += cut < 3000 ? 499 : 131101) {
			b.len = len - cut;
			CHECK(!bytes_fine("vhdx", &b));
		}
		for (size_t at = 0; at < 5 * MIB; at += 64 * KIB)
			for (b.len = at ? at - 1 : 0; b.len <= at + 1; b.len++)
				CHECK(!bytes_fine("vhdx", &b));
		free(b.p);
	}
}

static size_t flips(struct bytes *b, size_t at, size_t len, size_t step)
{
	size_t unseen = 0;
	for (size_t i = 0; i < len; i += step) {
		b->p[at + i] ^= (uint8_t)(1 << i % 8);
		bool ok = bytes_fine("vhdx", b);
		if (ok)
			fprintf(stderr, "byte %zu changed, and nothing was said\n", at + i);
		unseen += ok;
		b->p[at + i] ^= (uint8_t)(1 << i % 8);
	}
	return unseen;
}

static void test_every_bit_under_a_checksum(void)
{
	struct bytes b = unpacked(DIR "/log.vhdx.zst");
	for (int i = 0; i < 2; i++) {
		CHECK_INT(flips(&b, (64 + 64 * i) * KIB, 80, 1), 0);
		CHECK_INT(flips(&b, (64 + 64 * i) * KIB + 80, 4016, 61), 0);
		CHECK_INT(flips(&b, (192 + 64 * i) * KIB, 80, 1), 0);
		CHECK_INT(flips(&b, (192 + 64 * i) * KIB + 80, 64 * KIB - 80, 907), 0);
	}
	/* Three entries of 3, 3 and 2 sectors. */
	CHECK(!memcmp(b.p + LOG + 6 * SECTOR, "loge", 4));
	for (size_t s = 0; s < 8; s++) {
		CHECK_INT(flips(&b, LOG + s * SECTOR, 200, 3), 0);
		CHECK_INT(flips(&b, LOG + s * SECTOR + 200, SECTOR - 200, 101), 0);
	}
	CHECK(bytes_fine("vhdx", &b));
	free(b.p);
	/* Damage to the last entry, by the sector: nothing newer would be missed, if it were not for what is left. */
	b = unpacked(DIR "/log-wrapped-before.vhdx.zst");
	for (size_t s = 0; s < 4; s++) {
		uint8_t kept[SECTOR], *p = b.p + LOG + (s + 252) % 256 * SECTOR;
		memcpy(kept, p, SECTOR);
		memset(p, 0, SECTOR);
		CHECK(!bytes_fine("vhdx", &b));
		memcpy(p, kept, SECTOR);
	}
	CHECK(bytes_fine("vhdx", &b));
	free(b.p);
}

static void test_logs_that_cannot_be_replayed(void)
{
	struct bytes b = unpacked(DIR "/log.vhdx.zst"), all;
	/* Cut below what was stable. */
	all = b;
	all.len--;
	fails(&all, ERROR_CORRUPT);
	/* Nothing in it. */
	all = bytes_copy(&b, b.len);
	memset(all.p + LOG, 0, MIB);
	fails(&all, ERROR_CORRUPT);
	free(all.p);
	/* Of another log. */
	all = bytes_copy(&b, b.len);
	for (int i = 0; i < 2; i++) {
		all.p[(64 + 64 * i) * KIB + 48] ^= 1;
		sum_again(all.p + (64 + 64 * i) * KIB, 4096);
	}
	fails(&all, ERROR_CORRUPT);
	free(all.p);
	/* Of a version to come; at a place that can't be. */
	all = bytes_copy(&b, b.len);
	for (int i = 0; i < 2; i++) {
		all.p[(64 + 64 * i) * KIB + 64] = 1;
		sum_again(all.p + (64 + 64 * i) * KIB, 4096);
	}
	fails(&all, ERROR_UNSUPPORTED);
	free(all.p);
	all = bytes_copy(&b, b.len);
	for (int i = 0; i < 2; i++) {
		put_le64(all.p + (64 + 64 * i) * KIB + 72, b.len);
		sum_again(all.p + (64 + 64 * i) * KIB, 4096);
	}
	fails(&all, ERROR_CORRUPT);
	free(all.p);
	/* The middle entry is damaged: the first alone would be a sequence, and an older disk. */
	all = bytes_copy(&b, b.len);
	all.p[LOG + 4 * SECTOR + 100] ^= 1;
	struct opened_image o = opened(&all, 0, ERROR_NONE);
	CHECK(count_findings(&o.f, "vhdx.log", OUTCOME_BROKEN) == 2);
	image_shut(&o);
	free(all.p);
	free(b.p);
}

static void test_regions_and_metadata(void)
{
	struct bytes b = unpacked(DIR "/base.vhdx.zst");
	uint8_t *m = b.p + METADATA, *items = m + 64 * KIB, kept[64];
	/* Regions: an unknown one that is required, and one that is not. */
	for (int required = 1; required >= 0; required--) {
		for (int i = 0; i < 2; i++) {
			uint8_t *t = b.p + (192 + 64 * i) * KIB;
			t[8] = 3;
			memset(t + 16 + 64, 0x55, 16);
			t[16 + 64 + 28] = (uint8_t)required;
			sum_again(t, 64 * KIB);
		}
		if (required)
			fails(&b, ERROR_UNSUPPORTED);
		else
			CHECK(bytes_fine("vhdx", &b));
	}
	/* Tables that differ. */
	b.p[192 * KIB + 16 + 64] ^= 1;
	sum_again(b.p + 192 * KIB, 64 * KIB);
	CHECK(!bytes_fine("vhdx", &b));
	b.p[192 * KIB + 16 + 64] ^= 1;
	sum_again(b.p + 192 * KIB, 64 * KIB);
	/* Metadata that can't be. */
	static const struct {
		size_t at;
		uint64_t value;
	} bad[] = {{0, 0}, {0, 3 * MIB}, {0, 512 * MIB}, {0, 512 * KIB}, {8, 0}, {8, 6 * MIB + 1}, {8, UINT64_C(1) << 47},
		   {8, 200000 * MIB}, {32, 0}, {32, 1024}, {36, 2048}, {0, MIB | UINT64_C(2) << 32}};
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memcpy(kept, items, 64);
		put_le32(items + bad[i].at, (uint32_t)bad[i].value);
		if (bad[i].at == 8 || bad[i].value >> 32)
			put_le64(items + bad[i].at, bad[i].value);
		fails(&b, ERROR_CORRUPT);
		memcpy(items, kept, 64);
	}
	/* Items outside the region, twice, unknown and required. */
	memcpy(kept, m + 32, 32);
	put_le32(m + 32 + 16, MIB - 4);
	fails(&b, ERROR_CORRUPT);
	memcpy(m + 32, m + 64, 32);
	fails(&b, ERROR_CORRUPT);
	memcpy(m + 32, kept, 32);
	m[32] ^= 1;
	fails(&b, ERROR_UNSUPPORTED);
	m[32] ^= 1;
	CHECK(bytes_fine("vhdx", &b));
	free(b.p);
}

static void test_the_map(void)
{
	static const uint64_t places[] = {6, 1 * MIB | 6, 2 * MIB | 6, 3 * MIB | 6, 5 * MIB | 6, 9 * MIB | 6,
					  UINT64_C(0xfffffffffff) << 20 | 6, 4 * MIB | 4, 4 * MIB | 5, 4 * MIB | 7,
					  4 * MIB | 6 | 8, 4};
	struct bytes b = unpacked(DIR "/base.vhdx.zst");
	uint8_t sector[512];
	CHECK_INT(get_le64(b.p + BAT), 4 * MIB | 6);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		put_le64(b.p + BAT, places[i]);
		CHECK(!bytes_fine("vhdx", &b));
	}
	put_le64(b.p + BAT, 9 * MIB | 6);
	struct opened_image o = opened(&b, 0, ERROR_NONE);
	CHECK_INT(count_findings(&o.f, "vhdx.map", OUTCOME_BROKEN), 1);
	CHECK_INT(source_read_at(o.im.disks.items[0].source, 0, sector, 512, &o.e), -1);
	CHECK_INT(o.e.cls, ERROR_CORRUPT);
	CHECK_INT(source_read_at(o.im.disks.items[0].source, MIB, sector, 512, &o.e), 0);
	image_shut(&o);
	free(b.p);
	/* A block of which parts are the parent's, without the bitmap that says which. */
	static struct folder d;
	folder_load(&d, "vhdx", DIR);
	struct file *x = file_in(&d, "middle.avhdx");
	CHECK_INT(get_le64(x->b.p + BAT + 8 * 4096) & 7, 6);
	put_le64(x->b.p + BAT + 8 * 4096, 0);
	CHECK_INT(file_open(&d, x, &o.e), 0);
	CHECK(count_findings(&x->o.f, "vhdx.map", OUTCOME_BROKEN) == 1);
	CHECK_INT(source_read_at(x->o.im.disks.items[0].source, MIB, sector, 512, &o.e), -1);
	folder_shut(&d);
}

/* 64 TiB in blocks of 1 MiB: half a GiB of table, nearly all of it a hole. */
static void test_the_largest(void)
{
	char path[] = "/tmp/backproof-vhdx-XXXXXX";
	struct bytes b = unpacked(DIR "/base.vhdx.zst");
	const uint64_t bat = 16 * MIB, block_at = 600 * MIB, size = UINT64_C(64) << 40, last = size / MIB - 1;
	struct rusage before, after;
	struct error e;
	uint8_t entry[8], got[16];
	int fd = mkstemp(path);
	NEED(fd >= 0 && !unlink(path));
	for (int i = 0; i < 2; i++) {
		uint8_t *t = b.p + (192 + 64 * i) * KIB;
		put_le64(t + 16 + 16, bat);
		put_le32(t + 16 + 24, 513 * MIB);
		sum_again(t, 64 * KIB);
	}
	put_le64(b.p + METADATA + 64 * KIB + 8, size);
	put_le64(entry, block_at | 6);
	NEED(pwrite(fd, b.p, 3 * MIB, 0) == 3 * MIB && pwrite(fd, entry, 8, (off_t)(bat + (last + last / 4096) * 8)) == 8 &&
	     pwrite(fd, "at the very end.", 16, (off_t)(block_at + MIB - 16)) == 16);
	getrusage(RUSAGE_SELF, &before);
	struct opened_image o = {.src = source_open_fd(fd, "largest", &e)};
	NEED(o.src && !findings_init(&o.f));
	struct image_context c = {.subject = "largest", .f = &o.f};
	o.rc = row_of("vhdx")->open_image(o.src, &c, &o.im, &o.e);
	CHECK_INT(o.rc, 0);
	CHECK(only_good(&o.f));
	struct source *disk = o.im.disks.items[0].source;
	CHECK_INT(source_size(disk), size);
	CHECK_INT(source_read_at(disk, size - 16, got, 16, &e), 0);
	CHECK(!memcmp(got, "at the very end.", 16));
	struct extent run;
	uint64_t zeros = 0, calls = 0;
	for (uint64_t off = 0; off < size - MIB && !source_extent_at(disk, off, &run, &e) && run.zero; off += run.length) {
		zeros += run.length;
		calls++;
	}
	CHECK_INT(zeros, size - MIB);
	CHECK(calls < 5000);
	getrusage(RUSAGE_SELF, &after);
	CHECK(after.ru_maxrss - before.ru_maxrss < 64 * 1024);
	image_shut(&o);
	free(b.p);
}

int main(void)
{
	RUN(test_the_largest); /* first: what it needs shows in the peak */
	RUN(test_content);
	RUN(test_facts);
	RUN(test_chains);
	RUN(test_every_cut);
	RUN(test_every_bit_under_a_checksum);
	RUN(test_logs_that_cannot_be_replayed);
	RUN(test_regions_and_metadata);
	RUN(test_the_map);
	return test_done();
}
