// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * md RAID1: members made by fixtures/md/make.py, which `mdadm --examine` has to find correct. And the encrypted
 * volumes that have to be known as such.
 */
#include <stdarg.h>

#include "backproof/volume.h"
#include "backproof/volume_group.h"
#include "test.h"

#define SIZE (2 * MIB) /* libblkid looks for no arrays on what is as small as a floppy disk */

static char dir[] = "/tmp/md-test-XXXXXX";
static uint8_t disk[3][SIZE];
static struct source *src[3];
static struct findings f;
static struct volume_set set;

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

static void make(int n, const char *version, const char *rest)
{
	char path[64];
	NEED(!sh("fixtures/md/make.py %s %s/m %s", version, dir, rest));
	NEED(!sh("PATH=$PATH:/sbin:/usr/sbin mdadm --examine %s/m 2>/dev/null | grep -Eq 'Checksum.*correct'", dir));
	snprintf(path, sizeof path, "%s/m", dir);
	FILE *p = fopen(path, "rb");
	NEED(p && fread(disk[n], 1, SIZE, p) == SIZE);
	fclose(p);
}

static void look_at(size_t count, size_t size)
{
	struct error e;
	struct volume_member m[3];
	NEED(!findings_init(&f));
	for (size_t i = 0; i < count; i++) {
		src[i] = source_memory(disk[i], size, "disk", &e);
		NEED(src[i]);
		m[i] = (struct volume_member){src[i], i == 0 ? "zero" : i == 1 ? "one" : "two"};
	}
	NEED(!volume_groups_assemble(m, count, &set, &f, &e));
}

static void drop(void)
{
	volume_set_free(&set);
	for (int i = 0; i < 3; i++) {
		source_destroy(src[i]);
		src[i] = NULL;
	}
	findings_free(&f);
}

static bool begins(uint64_t sector, const char *want)
{
	char have[512];
	struct error e;
	return set.count == 1 && !source_read_at(set.items[0].source, sector * 512, have, sizeof have, &e) &&
	       !strncmp(have, want, strlen(want));
}

static void test_versions(void)
{
	static const char *const versions[] = {"0.90", "1.0", "1.1", "1.2"};
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		make(0, versions[i], "100 0");
		make(1, versions[i], "100 1");
		look_at(2, SIZE);
		CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
		NEED(set.count == 1);
		CHECK_INT(set.items[0].manager, MANAGER_MD);
		CHECK_STR(set.items[0].name, i ? "md/web01:data" : "md/7");
		CHECK_STR(set.items[0].uuid, i ? "00010203:04050607:08090a0b:0c0d0e0f"
					       : "03020100:07060504:0b0a0908:0f0e0d0c");
		CHECK(begins(0, "member 0 sector 000000 event 100"));
		CHECK(begins(77, "member 0 sector 000077 event 100"));
		CHECK_INT(source_size(set.items[0].source), (i == 1 ? 2032 : 1984) * KIB);
		CHECK(volume_answers_to(&set.items[0], i ? "/dev/md/data" : "/dev/md7"));
		CHECK(volume_answers_to(&set.items[0], i ? "/dev/md/web01:data" : "/dev/md/7"));
		CHECK(!volume_answers_to(&set.items[0], i ? "/dev/mddata" : "/dev/md77"));
		CHECK(volume_answers_to(&set.items[0],
					i ? "/dev/disk/by-id/md-uuid-00010203:04050607:08090a0b:0c0d0e0f"
					  : "/dev/disk/by-id/md-uuid-03020100:07060504:0b0a0908:0f0e0d0c"));
		CHECK(!volume_answers_to(&set.items[0], "/dev/disk/by-id/md-uuid-00010203:04050607:08090a0b:0c0d0e00"));
		CHECK(volume_answers_to(&set.items[0], i ? "/dev/disk/by-id/md-name-web01:data" : "/dev/disk/by-id/md-name-7"));
		CHECK(!volume_answers_to(&set.items[0], "/dev/disk/by-id/md-name-web01"));
		struct content c;
		struct error e;
		NEED(!content_probe(src[0], &c, &e));
		CHECK_STR(c.type, "linux_raid_member");
		drop();
	}
}

/* A member that fell out says of itself that it is well; only the count of events tells. */
static void test_newest(void)
{
	make(0, "1.2", "90 0");
	make(1, "1.2", "120 1 0");
	look_at(2, SIZE);
	CHECK(begins(3, "member 1 sector 000003 event 120"));
	drop();
	/* The newest is marked faulty by itself: then nothing is left that could be trusted. */
	make(1, "1.2", "120 1 1");
	look_at(2, SIZE);
	CHECK_INT(set.count, 0);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	drop();
}

static void test_damage(void)
{
	static const char *const versions[] = {"0.90", "1.0", "1.1", "1.2"};
	static const size_t at[] = {(SIZE & ~(64 * KIB - 1)) - 64 * KIB, SIZE - 8192, 0, 4096};
	for (size_t i = 0; i < ARRAY_SIZE(versions); i++) {
		make(0, versions[i], "100 0");
		for (size_t k = 8; k < 256; k += 3) {
			disk[0][at[i] + k] ^= 4;
			look_at(1, SIZE);
			CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
			CHECK_INT(set.count, 0);
			drop();
			disk[0][at[i] + k] ^= 4;
		}
		/* Cut: no superblock where it would be, or data beyond the end. */
		for (size_t size = 0; size < SIZE; size += 65536 - 512) {
			look_at(1, size);
			CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
			CHECK_INT(set.count, 0);
			drop();
		}
	}
}

/* Level 5, with a checksum that is right: named, and not read. */
static void test_level(void)
{
	make(0, "1.2", "100 0");
	uint8_t *sb = disk[0] + 4096;
	sb[72] = 5;
	uint32_t sum = get_le32(sb + 216) + 4;
	memcpy(sb + 216, &sum, 4);
	look_at(1, SIZE);
	CHECK_INT(set.count, 0);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_UNPROVEN);
	drop();
}

static void put(uint8_t *p, uint64_t value, size_t len)
{
	for (size_t i = 0; i < len; i++)
		p[i] = (uint8_t)(value >> 8 * i);
}

/* As the kernel sums a superblock of version 1; those of the fixtures have 128 devices. */
static void sum_1(uint8_t *sb, unsigned devices)
{
	uint64_t sum = 0;
	size_t len = 256 + 2 * (size_t)devices;
	put(sb + 216, 0, 4);
	for (size_t i = 0; i + 4 <= len; i += 4)
		sum += get_le32(sb + i);
	sum += len % 4 ? get_le16(sb + len - 2) : 0;
	put(sb + 216, (sum & 0xffffffff) + (sum >> 32), 4);
}

/* What a superblock with a right checksum may say against itself or its array. */
static void test_states(void)
{
	static const struct {
		size_t at, len;
		uint64_t value;
		const char *words;
		bool read; /* the array is read all the same */
	} rows[] = {
		{144, 8, 16, "not where it says", false},
		{220, 4, 1921, "checksum", false},
		{8, 4, 0x2000, "reshaped, or has features", false},
		{8, 4, 4, "reshaped, or has features", false},
		{8, 4, 2, "being rebuilt", false},
		{8, 4, 16, "being rebuilt", false},
		{8, 4, 1, NULL, true}, /* a bitmap */
		{8, 4, 8, NULL, true}, /* a list of bad blocks, with nothing in it */
		{160, 4, 5, "a spare, faulty or a journal", false},
		{160, 4, 200, "a spare, faulty or a journal", false},
		{256, 2, 0xfffd, "a spare, faulty or a journal", false},
		{208, 8, 0, "being made alike", true},
		{128, 8, 1 << 20, "beyond the end", false},
		{80, 8, 1 << 20, "beyond the end", false},
		{72, 4, 0, "RAID level 0", false},
		{32, 1, 0, NULL, true}, /* no name: known by its number */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make(0, "1.2", "100 0");
		uint8_t *sb = disk[0] + 4096;
		put(sb + rows[i].at, rows[i].value, rows[i].len);
		sum_1(sb, rows[i].at == 220 ? 128 : get_le32(sb + 220));
		look_at(1, SIZE);
		bool said = !rows[i].words;
		for (size_t k = 0; k < f.count; k++)
			said |= rows[i].words && f.items[k].outcome != OUTCOME_HELD && strstr(f.items[k].detail, rows[i].words);
		if (!said || set.count != rows[i].read)
			fprintf(stderr, "row %zu\n", i);
		CHECK(said);
		CHECK_INT(set.count, rows[i].read);
		if (!rows[i].read)
			CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
		drop();
	}
	/* Blocks that are known to be bad; an odd number of devices, whose last half word counts. */
	make(0, "1.2", "100 0");
	put(disk[0] + 4096 + 8, 8, 4);
	put(disk[0] + 4096 + 186, 1, 2);
	sum_1(disk[0] + 4096, 128);
	look_at(1, SIZE);
	CHECK_INT(set.count, 0);
	drop();
	for (int wrong = 0; wrong < 2; wrong++) {
		make(0, "1.2", "100 0");
		put(disk[0] + 4096 + 220, 127, 4);
		sum_1(disk[0] + 4096, 127);
		disk[0][4096 + 256 + 2 * 126] ^= (uint8_t)wrong;
		look_at(1, SIZE);
		CHECK_INT(set.count, !wrong);
		drop();
	}
	/* The old version: data that would go on behind its own superblock. */
	make(0, "0.90", "100 0");
	uint8_t *old = disk[0] + (SIZE & ~(64 * KIB - 1)) - 64 * KIB;
	put(old + 32, SIZE / 1024, 4);
	uint64_t sum = 0;
	put(old + 152, 0, 4);
	for (size_t i = 0; i < 4096; i += 4)
		sum += get_le32(old + i);
	put(old + 152, (sum & 0xffffffff) + (sum >> 32), 4);
	look_at(1, SIZE);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	CHECK_INT(set.count, 0);
	drop();
}

static bool says(const char *check, const char *words)
{
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check) && strstr(f.items[i].detail, words))
			return true;
	return false;
}

/* Three members: two of one array, one of another; then one of the two alone. */
static void test_several(void)
{
	make(0, "1.2", "100 0");
	make(1, "1.2", "100 1");
	make(2, "1.2", "90 0");
	disk[2][4096 + 16] ^= 0x40;
	disk[2][4096 + 32] = 'v';
	sum_1(disk[2] + 4096, 128);
	look_at(3, SIZE);
	NEED(set.count == 2);
	CHECK_INT(set.items[0].mirror_count, 1);
	CHECK_INT(set.items[1].mirror_count, 0);
	CHECK_STR(set.items[1].name, "md/veb01:data");
	CHECK(says("md.degraded", "1 of 2 members"));
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	drop();
	/* Of the two, one is older, one a spare: neither is a mirror of what is read. */
	make(1, "1.2", "99 1");
	make(2, "1.2", "100 1");
	put(disk[2] + 4096 + 160, 5, 4);
	sum_1(disk[2] + 4096, 128);
	look_at(3, SIZE);
	NEED(set.count == 1);
	CHECK_INT(set.items[0].mirror_count, 0);
	CHECK(says("md.member", "an older state"));
	CHECK(says("md.member", "a spare"));
	drop();
}

static void encrypted(const char *path, const char *type, const char *uuid, const char *label)
{
	struct error e;
	struct content c;
	autosource struct source *s = source_open_file(path, &e);
	NEED(s && !content_probe(s, &c, &e));
	CHECK_STR(c.type, type);
	if (uuid)
		CHECK_STR(c.uuid, uuid);
	if (label)
		CHECK_STR(c.label, label);
}

static void test_luks(void)
{
	const char *uuid = "11111111-2222-3333-4444-555555555555";
	char path[64];
	snprintf(path, sizeof path, "%s/luks", dir);
	for (int v = 1; v <= 2; v++) {
		NEED(!sh("truncate -s 0 %s && truncate -s 20M %s && printf key | PATH=$PATH:/sbin:/usr/sbin cryptsetup -q "
			 "luksFormat --type luks%d --pbkdf pbkdf2 --pbkdf-force-iterations 1000 --uuid %s %s %s -",
			 path, path, v, uuid, v == 2 ? "--label secret" : "", path));
		encrypted(path, "crypto_LUKS", uuid, v == 2 ? "secret" : NULL);
	}
}

/* The boot sector of Windows 7 and later, and the first of the places that it names. */
static void test_bitlocker(void)
{
	static const uint8_t guid[16] = {0x3b, 0xd6, 0x67, 0x49, 0x29, 0x2e, 0xd8, 0x4a,
					 0x83, 0x99, 0xf6, 0xa3, 0x39, 0xe3, 0xd0, 0x01};
	char path[64];
	uint8_t boot[512] = {0xeb, 0x58, 0x90, '-', 'F', 'V', 'E', '-', 'F', 'S', '-', 0, 2, 8};
	uint8_t header[64] = {'-', 'F', 'V', 'E', '-', 'F', 'S', '-', 64, 0, 2, 0};
	memcpy(boot + 160, guid, 16);
	for (int i = 0; i < 3; i++)
		boot[176 + 8 * i + 2] = (uint8_t)(2 + i);
	boot[510] = 0x55;
	boot[511] = 0xaa;
	snprintf(path, sizeof path, "%s/bitlocker", dir);
	FILE *p = fopen(path, "wb");
	NEED(p && fwrite(boot, 1, sizeof boot, p) == sizeof boot);
	for (int i = 0; i < 3; i++)
		NEED(!fseek(p, (2 + i) << 16, SEEK_SET) && fwrite(header, 1, sizeof header, p) == sizeof header);
	NEED(!ftruncate(fileno(p), 1 << 20) && !fclose(p));
	encrypted(path, "BitLocker", NULL, NULL);
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(test_versions);
	RUN(test_newest);
	RUN(test_damage);
	RUN(test_level);
	RUN(test_states);
	RUN(test_several);
	RUN(test_luks);
	RUN(test_bitlocker);
	NEED(!sh("rm -rf %s", dir));
	return test_done();
}
