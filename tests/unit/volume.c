// SPDX-License-Identifier: GPL-3.0-or-later
/* Partition tables made by sgdisk, sfdisk and parted, whole and damaged. */
#include "backproof/text.h"
#include "backproof/volume.h"
#include "test.h"

#include <pthread.h>
#include <stdarg.h>
#include <sys/wait.h>

static char dir[64];

static int sh(const char *fmt, ...) printf_like(1, 2);
static int sh(const char *fmt, ...)
{
	autofree char *body = NULL, *all = NULL;
	va_list ap;
	va_start(ap, fmt);
	NEED(vasprintf(&body, fmt, ap) >= 0);
	va_end(ap);
	NEED(asprintf(&all, "cd %s && export LC_ALL=C.UTF-8 PATH=$PATH:/sbin:/usr/sbin && { %s; } >>log 2>&1", dir,
		      body) >= 0);
	int rc = system(all);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : 255;
}

struct image {
	uint8_t *data;
	size_t size;
};

static struct image load(const char *name, size_t room)
{
	char path[128];
	struct image i = {0};
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *fp = fopen(path, "rb");
	NEED(fp);
	fseek(fp, 0, SEEK_END);
	i.size = (size_t)ftell(fp);
	rewind(fp);
	i.data = calloc(1, i.size + room);
	NEED(i.data && fread(i.data, 1, i.size, fp) == i.size);
	fclose(fp);
	return i;
}

struct seen {
	struct source *src;
	struct disk_layout d;
	struct findings f;
	struct error e;
};

static void look(const struct image *i, size_t size, struct seen *s)
{
	memset(s, 0, sizeof *s);
	NEED(!findings_init(&s->f));
	s->src = source_memory(i->data, size, "disk", &s->e);
	NEED(s->src);
	CHECK_INT(disk_scan(s->src, "disk", &s->d, &s->f, &s->e), 0);
}

static void drop(struct seen *s)
{
	disk_layout_free(&s->d);
	source_destroy(s->src);
	findings_free(&s->f);
}

static enum outcome structure(const struct seen *s)
{
	return findings_proof(&s->f, PROOF_STRUCTURE);
}

static const struct finding *get(const struct seen *s, const char *check, enum outcome o)
{
	for (size_t i = 0; i < s->f.count; i++)
		if (!strcmp(s->f.items[i].check, check) && s->f.items[i].outcome == o)
			return &s->f.items[i];
	return NULL;
}

static void dump(const struct seen *s)
{
	for (size_t i = 0; i < s->f.count; i++)
		fprintf(stderr, "  %s %s: %s\n", s->f.items[i].check,
			outcome_name(s->f.items[i].outcome), s->f.items[i].detail);
	for (size_t i = 0; i < s->d.count; i++)
		fprintf(stderr, "  %u at %llu: %s %s\n", s->d.items[i].number,
			(unsigned long long)s->d.items[i].offset, s->d.items[i].type,
			s->d.items[i].content.type);
}

static void expect(const struct image *i, size_t size, const char *check, size_t volumes, int line)
{
	struct seen s;
	look(i, size, &s);
	bool good = check ? structure(&s) == OUTCOME_BROKEN && (!*check || get(&s, check, OUTCOME_BROKEN))
			  : structure(&s) == OUTCOME_HELD;
	if (!good || (volumes != SIZE_MAX && s.d.count != volumes)) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: not %s with %zu volumes\n", __FILE__, line, check ? check : "HELD",
			volumes);
		dump(&s);
	}
	drop(&s);
}
#define EXPECT_BROKEN(i, check, volumes) expect(i, (i)->size, check, volumes, __LINE__)
#define EXPECT_HELD(i, volumes) expect(i, (i)->size, NULL, volumes, __LINE__)

/* A disk with an ESP, ext4, swap and a partition that is empty. */
static void make_gpt(const char *name)
{
	NEED(!sh("rm -f %s esp root swap; truncate -s 24M %s && sgdisk -o -U 11111111-2222-3333-4444-555555555555"
		 " -n 1:2048:+4M -t 1:ef00 -c 1:'EFI Söstem €' -n 2:0:+8M -t 2:8304 -u 2:AAAAAAAA-BBBB-CCCC-DDDD-EEEEEEEEEEEE"
		 " -n 3:0:+2M -t 3:8200 -n 5:0:+1M -A 5:set:2 %s &&"
		 "truncate -s 4M esp && mkfs.fat -F 12 -n ESPLABEL -i 1234abcd esp && truncate -s 8M root &&"
		 "mkfs.ext4 -q -L root-fs -U 01234567-89ab-cdef-0123-456789abcdef root && truncate -s 2M swap && mkswap swap &&"
		 "dd if=esp of=%s bs=1M seek=1 conv=notrunc && dd if=root of=%s bs=1M seek=5 conv=notrunc &&"
		 "dd if=swap of=%s bs=1M seek=13 conv=notrunc",
		 name, name, name, name, name, name));
}

static void test_gpt(void)
{
	make_gpt("gpt");
	struct image i = load("gpt", 0);
	struct seen s;
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(s.d.table, TABLE_GPT);
	CHECK_INT(s.d.sector_size, 512);
	CHECK_STR(s.d.disk_id, "11111111-2222-3333-4444-555555555555");
	CHECK(!s.d.boot_code);
	NEED(s.d.count == 4);
	struct volume *v = s.d.items;
	CHECK_INT(v[0].number, 1);
	CHECK_INT(v[0].offset, 1 << 20);
	CHECK_INT(v[0].size, 4 << 20);
	CHECK_INT(v[0].role, ROLE_ESP);
	CHECK_STR(v[0].partlabel, "EFI Söstem €");
	CHECK_STR(v[0].content.type, "vfat");
	CHECK_STR(v[0].content.label, "ESPLABEL");
	CHECK_STR(v[0].content.uuid, "1234-ABCD");
	CHECK_STR(v[0].content.usage, "filesystem");
	CHECK_INT(v[1].role, ROLE_LINUX);
	CHECK_STR(v[1].type, "4f68bce3-e8cd-4db1-96e7-fbcaf984b709");
	CHECK_STR(v[1].partuuid, "aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee");
	CHECK_STR(v[1].content.type, "ext4");
	CHECK_STR(v[1].content.label, "root-fs");
	CHECK_STR(v[1].content.uuid, "01234567-89ab-cdef-0123-456789abcdef");
	CHECK_INT(v[2].role, ROLE_SWAP);
	CHECK_STR(v[2].content.type, "swap");
	CHECK_STR(v[2].content.usage, "other");
	CHECK_INT(v[3].number, 5);
	CHECK(v[3].active && !v[2].active);
	CHECK(v[3].content.all_zero && !*v[3].content.type);
	CHECK_INT(source_size(v[1].window), 8 << 20);
	CHECK_INT(source_sticky(v[1].window) == NULL, 1);
	drop(&s);
	i.data[100] = 1;
	look(&i, i.size, &s);
	CHECK(s.d.boot_code);
	drop(&s);
	free(i.data);
}

/* Every byte of both headers and of both copies of the entries in use: BROKEN, and the list from the other. */
static void test_gpt_flips(void)
{
	struct image i = load("gpt", 0);
	size_t backup = i.size - 512, entries = i.size - 33 * 512;
	for (size_t at = 0; at < 92; at++) {
		i.data[512 + at] ^= 0x10;
		EXPECT_BROKEN(&i, "gpt.primary", 4);
		i.data[512 + at] ^= 0x10;
		i.data[backup + at] ^= 0x01;
		EXPECT_BROKEN(&i, "gpt.backup", 4);
		i.data[backup + at] ^= 0x01;
	}
	/* What is reserved behind them is told twice alike, if it is told. */
	for (size_t at = 92; at < 512; at += 59) {
		i.data[512 + at] ^= 0x02;
		EXPECT_BROKEN(&i, "gpt.backup", 4);
		i.data[backup + at] ^= 0x02;
		EXPECT_HELD(&i, 4);
		i.data[512 + at] ^= 0x02;
		EXPECT_BROKEN(&i, "gpt.backup", 4);
		i.data[backup + at] ^= 0x02;
	}
	for (size_t at = 0; at < 5 * 128; at += 7) {
		i.data[1024 + at] ^= 0x80;
		EXPECT_BROKEN(&i, "gpt.entries", 4);
		i.data[1024 + at] ^= 0x80;
		i.data[entries + at] ^= 0x80;
		EXPECT_BROKEN(&i, "gpt.entries", 4);
		i.data[entries + at] ^= 0x80;
	}
	/* The protective MBR: signature, type, place. */
	for (size_t k = 0; k < 4; k++) {
		static const size_t places[] = {510, 511, 446 + 4, 446 + 8};
		i.data[places[k]] ^= 0x04;
		EXPECT_BROKEN(&i, "gpt.protective", 4);
		i.data[places[k]] ^= 0x04;
	}
	EXPECT_HELD(&i, 4);
	free(i.data);
}

static void test_gpt_sizes(void)
{
	struct image i = load("gpt", 1 << 20);
	struct seen s;
	/* Cut: the backup is gone, and the last partition too when it goes on. */
	static const size_t cuts[] = {1, 512, 4096, 1 << 20, 5 << 20, 16 << 20};
	for (size_t k = 0; k < ARRAY_SIZE(cuts); k++) {
		look(&i, i.size - cuts[k], &s);
		CHECK_INT(structure(&s), OUTCOME_BROKEN);
		const struct finding *it = get(&s, "gpt.size", OUTCOME_BROKEN);
		NEED(it);
		CHECK_STR(it->expected, "25165824");
		char want[64];
		snprintf(want, sizeof want, "the disk is %zu bytes shorter than its table says", cuts[k]);
		CHECK_STR(it->detail, want);
		CHECK(get(&s, "gpt.backup", OUTCOME_BROKEN));
		drop(&s);
	}
	expect(&i, i.size - (16 << 20), "partition.bounds", 2, __LINE__);
	/* Something was appended: an odd length, a sector, less than disks are enlarged by. */
	expect(&i, i.size + 100, "gpt.size", 4, __LINE__);
	expect(&i, i.size + 512, "gpt.size", 4, __LINE__);
	expect(&i, i.size + (1 << 20) - 512, "gpt.size", 4, __LINE__);
	/* Enlarged and not repartitioned: as good as before. */
	expect(&i, i.size + (1 << 20), NULL, 4, __LINE__);
	/* The same length, but not of zeros. */
	i.data[i.size + (1 << 20) - 1] = 1;
	expect(&i, i.size + (1 << 20), "gpt.size", 4, __LINE__);
	i.data[i.size + (1 << 20) - 1] = 0;
	/* Grown, and the primary lost: the protective MBR tells where the backup is. */
	memset(i.data + 512, 0, 512);
	expect(&i, i.size + (1 << 20), "gpt.primary", 4, __LINE__);
	free(i.data);
	/* Everything cut, at any length. */
	i = load("gpt", 0);
	for (size_t n = 0; n < 40 * 512; n += 509) {
		look(&i, n, &s);
		CHECK(structure(&s) != OUTCOME_HELD);
		if (n >= 1024)
			CHECK_INT(structure(&s), OUTCOME_BROKEN);
		drop(&s);
	}
	free(i.data);
}

static void test_gpt_zeroed(void)
{
	struct image i = load("gpt", 0), whole = load("gpt", 0);
	struct seen s;
#define RESET() memcpy(i.data, whole.data, i.size)
	memset(i.data, 0, 1 << 20);
	EXPECT_BROKEN(&i, "gpt.primary", 4);
	EXPECT_BROKEN(&i, "gpt.protective", 4);
	RESET();
	memset(i.data, 0, 512);
	EXPECT_BROKEN(&i, "gpt.protective", 4);
	RESET();
	memset(i.data + i.size - (1 << 20), 0, 1 << 20);
	EXPECT_BROKEN(&i, "gpt.backup", 4);
	memset(i.data + 512, 0, 512);
	EXPECT_BROKEN(&i, "gpt.primary", 0);
	memset(i.data, 0, 512);
	look(&i, i.size, &s);
	/* Nothing is left to tell of a table: one volume of unknown content, which the caller has to judge. */
	CHECK_INT(s.d.table, TABLE_NONE);
	NEED(s.d.count == 1);
	CHECK(!*s.d.items[0].content.type && !s.d.items[0].content.all_zero);
	CHECK_INT(s.f.count, 0);
	drop(&s);
	/* A wrong copy of another disk's backup. */
	RESET();
	NEED(!sh("cp gpt other && sgdisk -G other"));
	struct image other = load("other", 0);
	memcpy(i.data + i.size - 33 * 512, other.data + i.size - 33 * 512, 33 * 512);
	EXPECT_BROKEN(&i, "gpt.backup", 4);
	free(other.data);
	free(i.data);
	free(whole.data);
}

static uint32_t crc32_slow(const uint8_t *p, size_t n)
{
	uint32_t c = ~0u;
	while (n--) {
		c ^= *p++;
		for (int k = 0; k < 8; k++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}
static void put32(uint8_t *p, uint32_t v)
{
	for (int k = 0; k < 4; k++)
		p[k] = (uint8_t)(v >> 8 * k);
}
/* Makes the checksums of both headers right again. */
static void resum(struct image *i)
{
	size_t at[2] = {512, i->size - 512}, entries[2] = {1024, i->size - 33 * 512};
	for (int k = 0; k < 2; k++) {
		uint8_t *h = i->data + at[k];
		put32(h + 88, crc32_slow(i->data + entries[k], get_le32(h + 80) * get_le32(h + 84)));
		put32(h + 16, 0);
		put32(h + 16, crc32_slow(h, 92));
	}
}
static void both(struct image *i, size_t in, uint32_t v)
{
	put32(i->data + 1024 + in, v);
	put32(i->data + i->size - 33 * 512 + in, v);
}

/* Tables whose checksums are right and that make no sense all the same. */
static void test_gpt_nonsense(void)
{
	struct image i = load("gpt", 0), whole = load("gpt", 0);
	resum(&i);
	EXPECT_HELD(&i, 4);
	both(&i, 128 + 32, 4096); /* the second begins in the first */
	resum(&i);
	EXPECT_BROKEN(&i, "partition.overlap", 4);
	RESET();
	both(&i, 128 + 40, 0x7fffffff);
	resum(&i);
	EXPECT_BROKEN(&i, "partition.bounds", 4);
	RESET();
	both(&i, 128 + 32 + 4, 0x7fffffff);
	resum(&i);
	EXPECT_BROKEN(&i, "partition.bounds", 3);
	RESET();
	both(&i, 32, 1); /* over the header itself */
	resum(&i);
	EXPECT_BROKEN(&i, "partition.bounds", 4);
	RESET();
	both(&i, 128 + 36, 0xffffffff);
	both(&i, 128 + 44, 0xffffffff);
	both(&i, 128 + 40, 0xffffffff);
	resum(&i);
	EXPECT_BROKEN(&i, "partition.bounds", 3);
	static const struct {
		size_t at;
		uint32_t value;
	} fields[] = {{8, 0x20000}, {12, 91}, {12, 513}, {24, 2}, {72, 0}, {72, 100000}, {80, 0},
		      {80, 0x7fffffff}, {84, 127}, {84, 8192}, {84, 0}, {40, 0x7fffff}, {48, 3}};
	for (size_t k = 0; k < ARRAY_SIZE(fields); k++) {
		RESET();
		uint8_t *h = i.data + 512;
		put32(h + fields[k].at, fields[k].value);
		put32(h + 16, 0);
		put32(h + 16, crc32_slow(h, 92));
		EXPECT_BROKEN(&i, "gpt.primary", 4);
	}
	free(i.data);
	free(whole.data);
}

static void test_gpt_4096(void)
{
	struct seen s;
	/* sfdisk and sgdisk need a device for sectors of this size; fdisk does not. */
	NEED(!sh("truncate -s 32M big && printf 'g\\nn\\n1\\n256\\n+4M\\nt\\n1\\nn\\n2\\n\\n+8M\\nw\\n' | fdisk -b 4096 big"));
	struct image i = load("big", 0);
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(s.d.sector_size, 4096);
	NEED(s.d.count == 2);
	CHECK_INT(s.d.items[0].offset, 1 << 20);
	CHECK_INT(s.d.items[1].size, 8 << 20);
	drop(&s);
	for (size_t at = 0; at < 92; at++) {
		i.data[4096 + at] ^= 2;
		EXPECT_BROKEN(&i, "gpt.primary", 2);
		i.data[4096 + at] ^= 2;
		i.data[i.size - 4096 + at] ^= 2;
		EXPECT_BROKEN(&i, "gpt.backup", 2);
		i.data[i.size - 4096 + at] ^= 2;
	}
	expect(&i, i.size - 4096, "gpt.size", 2, __LINE__);
	memset(i.data, 0, 1 << 20);
	EXPECT_BROKEN(&i, "gpt.primary", 2);
	free(i.data);
}

static void test_hybrid(void)
{
	struct seen s;
	NEED(!sh("cp gpt hybrid && sgdisk -h 2:EE hybrid"));
	struct image i = load("hybrid", 0);
	look(&i, i.size, &s);
	if (!get(&s, "gpt.hybrid", OUTCOME_SKIPPED))
		dump(&s);
	CHECK(get(&s, "gpt.hybrid", OUTCOME_SKIPPED));
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(s.d.count, 4);
	drop(&s);
	free(i.data);
}

/* parted writes both kinds in its own way. */
static void test_parted(void)
{
	NEED(!sh("rm -f p; truncate -s 64M p && parted -s p mklabel gpt mkpart ESP fat32 1MiB 9MiB set 1 esp on"
		 " mkpart root ext4 9MiB 40MiB mkpart swap linux-swap 40MiB 100%%"));
	struct image i = load("p", 0);
	EXPECT_HELD(&i, 3);
	free(i.data);
	NEED(!sh("rm -f p; truncate -s 64M p && parted -s p mklabel msdos mkpart primary ext4 1MiB 9MiB"
		 " mkpart extended 9MiB 100%% mkpart logical 10MiB 20MiB mkpart logical 21MiB 30MiB"
		 " mkpart logical 31MiB 63MiB && parted -s p rm 6 && parted -s p mkpart logical 22MiB 29MiB"));
	i = load("p", 0);
	EXPECT_HELD(&i, 4);
	free(i.data);
}

/* ------------------------------------------------------------------------------------------ MBR */

static void make_mbr(void)
{
	NEED(!sh("truncate -s 32M mbr && printf 'label: dos\\nlabel-id: 0xdeadbeef\\n2048,4M,c,*\\n,4M,83\\n,16M,5\\n,2M,82\\n"
		 ",3M,83\\n,4M,8e\\n,2M,7\\n' | sfdisk mbr && sfdisk -d mbr && truncate -s 3M lroot &&"
		 "mkfs.ext2 -q lroot && dd if=esp of=mbr bs=1M seek=1 conv=notrunc &&"
		 "start=$(sfdisk -d mbr | sed -n 's/^mbr5 : start= *\\([0-9]*\\),.*/\\1/p') &&"
		 "dd if=lroot of=mbr bs=512 seek=$start conv=notrunc"));
}

static void test_mbr(void)
{
	make_mbr();
	struct image i = load("mbr", 0);
	struct seen s;
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(s.d.table, TABLE_MBR);
	CHECK_STR(s.d.disk_id, "deadbeef");
	if (s.d.count != 6)
		dump(&s);
	NEED(s.d.count == 6);
	struct volume *v = s.d.items;
	static const unsigned numbers[] = {1, 2, 5, 6, 7, 4};
	static const enum volume_role roles[] = {ROLE_WINDOWS, ROLE_LINUX, ROLE_LINUX, ROLE_LVM, ROLE_WINDOWS,
						 ROLE_SWAP};
	for (size_t k = 0; k < 6; k++) {
		char want[160];
		CHECK_INT(v[k].number, numbers[k]);
		CHECK_INT(v[k].role, roles[k]);
		/* As sfdisk sees it. */
		snprintf(want, sizeof want, "sfdisk -d mbr | grep -q '^mbr%u : start= *%llu, size= *%llu,'", numbers[k],
			 (unsigned long long)v[k].offset / 512, (unsigned long long)v[k].size / 512);
		CHECK_INT(sh("%s", want), 0);
	}
	CHECK(v[0].active && !v[1].active);
	CHECK_STR(v[0].type, "0x0c");
	CHECK_STR(v[0].partuuid, "deadbeef-01");
	CHECK_STR(v[2].partuuid, "deadbeef-05");
	CHECK_STR(v[0].content.type, "vfat");
	CHECK_STR(v[2].content.type, "ext2");
	CHECK(get(&s, "mbr.logical", OUTCOME_HELD));
	drop(&s);
	free(i.data);
}

/* The EBRs of the disk, in order. */
static size_t chain_of(const struct image *i, size_t at[8])
{
	uint32_t first = 0, next = 0;
	size_t n = 0;
	for (int k = 0; k < 4; k++)
		if (i->data[446 + 16 * k + 4] == 5)
			first = get_le32(i->data + 446 + 16 * k + 8);
	NEED(first);
	do {
		at[n++] = (size_t)(first + next) * 512;
		next = get_le32(i->data + at[n - 1] + 446 + 16 + 8);
	} while (next && n < 8);
	return n;
}

static void test_mbr_damage(void)
{
	struct image i = load("mbr", 0), whole = load("mbr", 0);
	size_t ebr[8], n = chain_of(&i, ebr);
	CHECK_INT(n, 3);
	uint8_t *first = i.data + 446, *link = i.data + ebr[1] + 446;
	/* The signature of the table, and of each link. */
	i.data[510] ^= 1;
	EXPECT_BROKEN(&i, "mbr.signature", 6);
	RESET();
	for (size_t k = 0; k < n; k++) {
		i.data[ebr[k] + 511] = 0;
		EXPECT_BROKEN(&i, "mbr.logical", 3 + k);
		RESET();
	}
	/* A circle; a link beyond the end; a partition beyond the extended one. */
	put32(link + 16 + 8, 0);
	EXPECT_BROKEN(&i, "mbr.logical", 5);
	RESET();
	put32(link + 16 + 8, 0x00ffffff);
	EXPECT_BROKEN(&i, "mbr.logical", 5);
	RESET();
	put32(link + 12, 0x00ffffff);
	EXPECT_BROKEN(&i, "mbr.logical", SIZE_MAX);
	RESET();
	/* Overlaps: primaries, a primary and the extended one, logical ones. */
	put32(first + 16 + 8, get_le32(first + 16 + 8) - 100);
	EXPECT_BROKEN(&i, "partition.overlap", 6);
	RESET();
	put32(first + 16 + 12, get_le32(first + 16 + 12) + 100);
	EXPECT_BROKEN(&i, "partition.overlap", 6);
	RESET();
	put32(link + 12, get_le32(link + 12) + 5000);
	EXPECT_BROKEN(&i, "partition.overlap", 6);
	RESET();
	/* Status, type, size. */
	first[0] = 0x42;
	EXPECT_BROKEN(&i, "mbr.table", 6);
	RESET();
	first[4] = 0;
	EXPECT_BROKEN(&i, "mbr.table", 6);
	RESET();
	put32(first + 12, 0);
	EXPECT_BROKEN(&i, "mbr.table", 5);
	RESET();
	/* Cut. */
	expect(&i, i.size / 4, "partition.bounds", SIZE_MAX, __LINE__);
	expect(&i, i.size - (6 << 20), "partition.bounds", SIZE_MAX, __LINE__);
	put32(first + 12, 0x7fffffff);
	EXPECT_BROKEN(&i, "partition.bounds", SIZE_MAX);
	RESET();
	/* A table that is gone is no table: no volume with content comes of it. */
	memset(first, 0, 64);
	struct seen s;
	look(&i, i.size, &s);
	CHECK_INT(s.d.table, TABLE_NONE);
	CHECK(!*s.d.items[0].content.type);
	drop(&s);
	free(i.data);
	free(whole.data);
}

/* The same disk with sectors of 4096 bytes: nothing in an MBR says so but what lies where. */
static void test_mbr_4096(void)
{
	struct image i = {calloc(1, 32 << 20), 32 << 20}, esp = load("esp", 0);
	NEED(i.data);
	i.data[510] = 0x55;
	i.data[511] = 0xaa;
	i.data[446 + 4] = 0x0c;
	put32(i.data + 446 + 8, 256);
	put32(i.data + 446 + 12, 1024);
	memcpy(i.data + (1 << 20), esp.data, esp.size);
	struct seen s;
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(s.d.sector_size, 4096);
	NEED(s.d.count == 1);
	CHECK_STR(s.d.items[0].content.type, "vfat");
	drop(&s);
	free(i.data);
	free(esp.data);
}

static void test_no_table(void)
{
	static const struct {
		const char *make, *type;
	} kinds[] = {
		{"truncate -s 4M bare && mkfs.fat -I -F 12 bare", "vfat"},
		{"truncate -s 20M bare && mkfs.fat -I -F 16 bare", "vfat"},
		{"truncate -s 40M bare && mkfs.fat -I -F 32 bare", "vfat"},
		{"truncate -s 40M bare && mkfs.fat -I -F 32 --mbr=y bare", "vfat"},
		{"truncate -s 8M bare && mkfs.ext4 -q bare", "ext4"},
		{"truncate -s 8M bare && mkswap bare", "swap"},
		/* An ext4 on a disk that had a GPT: mke2fs leaves the backup at the end. */
		{"cp gpt bare && dd if=/dev/zero of=bare bs=512 count=2 conv=notrunc && mkfs.ext4 -q -F bare", "ext4"},
		/* A boot loader in the first sector of a bare ext4. */
		{"truncate -s 8M bare && mkfs.ext4 -q bare && printf '\\125\\252' | dd of=bare bs=1 seek=510 conv=notrunc",
		 "ext4"},
		{"truncate -s 8M bare", ""},
	};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		NEED(!sh("rm -f bare && %s", kinds[k].make));
		struct image i = load("bare", 0);
		struct seen s;
		look(&i, i.size, &s);
		CHECK_INT(s.d.table, TABLE_NONE);
		NEED(s.d.count == 1);
		CHECK_INT(s.d.items[0].number, 0);
		CHECK_INT(s.d.items[0].size, i.size);
		CHECK_STR(s.d.items[0].content.type, kinds[k].type);
		CHECK_INT(s.d.items[0].content.all_zero, !*kinds[k].type);
		CHECK(structure(&s) == OUTCOME_UNPROVEN); /* information at most */
		if (structure(&s) != OUTCOME_UNPROVEN)
			dump(&s);
		drop(&s);
		free(i.data);
	}
}

/* An MBR over a disk that had a GPT. */
static void test_stale_gpt(void)
{
	NEED(!sh("cp gpt stale && printf 'label: dos\\n2048,8192,ef\\n,16384,83\\n' | sfdisk --wipe never stale"));
	struct image i = load("stale", 0), g = load("gpt", 0);
	struct seen s;
	memcpy(i.data + i.size - 33 * 512, g.data + i.size - 33 * 512, 33 * 512);
	memcpy(i.data + 512, g.data + 512, 512);
	look(&i, i.size, &s);
	CHECK_INT(s.d.table, TABLE_MBR);
	CHECK(get(&s, "gpt.stale", OUTCOME_SKIPPED));
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(s.d.count, 2);
	drop(&s);
	free(i.data);
	free(g.data);
}

/* --------------------------------------------------------------------------------------- content */

static void test_content(void)
{
	static const char *const kinds[] = {
		"truncate -s 8M c && mkfs.ext2 -q -L two c",
		"truncate -s 8M c && mkfs.ext3 -q c",
		"truncate -s 64M c && mkfs.ext4 -q -L four c",
		"truncate -s 4M c && mkfs.fat -F 12 -n TWELVE c",
		"truncate -s 20M c && mkfs.fat -F 16 -n SIXTEEN c",
		"truncate -s 300M c && mkfs.fat -F 32 -n 'THIRTY TWO' c",
		"truncate -s 300M c && mkfs.fat -F 32 -R 2000 -n FAROFF c",
		"truncate -s 8M c && mkswap -L swapped c",
		"truncate -s 400M c && mkfs.xfs -q -L ex c",
		"truncate -s 400M c && mkfs.btrfs -q -L bee c",
		"truncate -s 64M c && mkntfs -F -q -Q -L 'NT fs' c",
		"truncate -s 64M c && mkfs.exfat -L exf c",
		"truncate -s 8M c && mkfs.ext4 -q -O ^resize_inode -b 1024 c",
		"truncate -s 64M c && printf pass | cryptsetup -q luksFormat --type luks2 --pbkdf pbkdf2 --pbkdf-force-iterations 1000 c -",
		"truncate -s 64M c && printf pass | cryptsetup -q luksFormat --type luks1 --pbkdf-force-iterations 1000 c -",
		"truncate -s 64M c && l=$(losetup -f --show c) && pvcreate -y --config 'devices{use_devicesfile=0}' $l; rc=$?; losetup -d $l; [ $rc = 0 ]",
		"truncate -s 64M c",
		"truncate -s 64M c && head -c 20M /dev/urandom > c",
	};
	size_t tried = 0;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		char path[128], line[600];
		struct content c, want = {0};
		struct error e;
		/* Where a tool or a loop device is missing, there is nothing to compare. */
		if (sh("rm -f c && %s", kinds[k])) {
			fprintf(stderr, "not made: %s\n", kinds[k]);
			continue;
		}
		tried++;
		sh("rm -f blkid.out; blkid -p -o export c > blkid.out");
		snprintf(path, sizeof path, "%s/blkid.out", dir);
		FILE *fp = fopen(path, "r");
		NEED(fp);
		while (fgets(line, sizeof line, fp)) {
			line[strcspn(line, "\n")] = 0;
			char *value = strchr(line, '=');
			if (!value)
				continue;
			*value++ = 0;
			char *to = value;
			for (char *from = value; *from; from++) /* as a shell would read it */
				if (*from != '\\')
					*to++ = *from;
			*to = 0;
			char *out = !strcmp(line, "TYPE")    ? want.type
				    : !strcmp(line, "UUID")  ? want.uuid
				    : !strcmp(line, "LABEL") ? want.label
				    : !strcmp(line, "USAGE") ? want.usage
							     : NULL;
			size_t room = out == want.type ? sizeof want.type : out == want.uuid ? 64 : out == want.usage ? 16 : 256;
			if (out)
				snprintf(out, room, "%s", value);
		}
		fclose(fp);
		snprintf(path, sizeof path, "%s/c", dir);
		autosource struct source *src = source_open_file(path, &e);
		NEED(src);
		CHECK_INT(content_probe(src, &c, &e), 0);
		CHECK_STR(c.type, want.type);
		CHECK_STR(c.uuid, want.uuid);
		CHECK_STR(c.label, want.label);
		CHECK_STR(c.usage, want.usage);
		CHECK(!c.ambivalent);
		CHECK_INT(c.all_zero, k == ARRAY_SIZE(kinds) - 2);
		CHECK(*c.type || k >= ARRAY_SIZE(kinds) - 2);
		/* Cheap: a few MiB at most are read. */
		CHECK(source_bytes_read(src) < 12 * MIB);
	}
	CHECK(tried >= 10);
}

static void test_ambivalent(void)
{
	struct content c;
	struct error e;
	NEED(!sh("rm -f c && truncate -s 300M c && mkfs.btrfs -q c && cp c b && mkfs.ext4 -q -F c &&"
		 "dd if=b of=c bs=4096 skip=16 seek=16 count=1 conv=notrunc"));
	char path[128];
	snprintf(path, sizeof path, "%s/c", dir);
	autosource struct source *src = source_open_file(path, &e);
	NEED(src);
	CHECK_INT(content_probe(src, &c, &e), 0);
	CHECK(c.ambivalent);
	CHECK(*c.type && !c.all_zero);
}

/* A source that fails from one offset on: never "nothing found". */
struct faulty {
	const struct image *i;
	uint64_t from, to;
};
static int faulty_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct faulty *f = self;
	if (off < f->to && off + len > f->from)
		return error_set(e, ERROR_IO, (int64_t)off, "bad sector");
	memcpy(buf, f->i->data + off, len);
	return 0;
}
static const struct source_ops faulty_ops = {"faulty", faulty_read, NULL, NULL};

static void test_read_errors(void)
{
	struct image i = load("gpt", 0);
	static const uint64_t bad[] = {0, 512, 1024, (1 << 20) + 10, (5 << 20) + 1024, (24 << 20) - 512};
	for (size_t k = 0; k < ARRAY_SIZE(bad); k++) {
		struct faulty f = {&i, bad[k], bad[k] + 1};
		struct disk_layout d;
		struct findings all;
		struct error e = {0};
		NEED(!findings_init(&all));
		autosource struct source *src = source_new(&faulty_ops, &f, i.size, "faulty", &e);
		CHECK_INT(disk_scan(src, "disk", &d, &all, &e), -1);
		CHECK_INT(e.cls, ERROR_IO);
		CHECK_INT(d.count, 0);
		findings_free(&all);
	}
	free(i.data);
}

static void *probe_often(void *arg)
{
	struct image *i = arg;
	for (int k = 0; k < 25; k++) {
		struct seen s;
		look(i, i->size, &s);
		CHECK_INT(s.d.count, 4);
		CHECK_STR(s.d.items[1].content.type, "ext4");
		drop(&s);
	}
	return NULL;
}

static void test_threads(void)
{
	struct image i = load("gpt", 0);
	pthread_t t[4];
	for (int k = 0; k < 4; k++)
		NEED(!pthread_create(&t[k], NULL, probe_often, &i));
	for (int k = 0; k < 4; k++)
		pthread_join(t[k], NULL);
	free(i.data);
}

/* Whether the parts of a GPT that carry checksums differ. */
static bool gpt_differs(const struct image *a, const struct image *b)
{
	size_t end = a->size - 33 * 512;
	return memcmp(a->data + 512, b->data + 512, 92) || memcmp(a->data + 1024, b->data + 1024, 16384) ||
	       memcmp(a->data + end, b->data + end, 16384) ||
	       memcmp(a->data + a->size - 512, b->data + a->size - 512, 92);
}

/* Seeded mutants of the tables: no crash, and a GPT that changed is BROKEN. VOLUME_MUTANTS=n: more. */
static void test_mutants(void)
{
	static const char *const names[] = {"gpt", "mbr", "big"};
	unsigned n = getenv("VOLUME_MUTANTS") ? (unsigned)atoi(getenv("VOLUME_MUTANTS")) : 200;
	struct rng r = {7};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++) {
		struct image i = load(names[k], 0), whole = load(names[k], 0);
		size_t ebr[8], links = k == 1 ? chain_of(&i, ebr) : 0;
		for (unsigned m = 0; m < n; m++) {
			size_t at[6], count = 1 + rng_below(&r, 6);
			for (size_t c = 0; c < count; c++) {
				at[c] = rng_below(&r, 20000);
				if (k == 1)
					at[c] = 440 + rng_below(&r, 72);
				else if (rng_below(&r, 2))
					at[c] = i.size - 1 - at[c];
				if (links && rng_below(&r, 2))
					at[c] = ebr[rng_below(&r, links)] + 446 + rng_below(&r, 66);
				i.data[at[c]] ^= (uint8_t)(1u << rng_below(&r, 8));
			}
			struct seen s;
			look(&i, i.size, &s);
			if (!k && gpt_differs(&i, &whole))
				CHECK_INT(structure(&s), OUTCOME_BROKEN);
			drop(&s);
			while (count--)
				i.data[at[count]] = whole.data[at[count]];
		}
		free(i.data);
		free(whole.data);
	}
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%.40s/backproof-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	RUN(test_gpt);
	RUN(test_gpt_flips);
	RUN(test_gpt_sizes);
	RUN(test_gpt_zeroed);
	RUN(test_gpt_nonsense);
	RUN(test_gpt_4096);
	RUN(test_hybrid);
	RUN(test_parted);
	RUN(test_mbr);
	RUN(test_mbr_damage);
	RUN(test_mbr_4096);
	RUN(test_no_table);
	RUN(test_stale_gpt);
	RUN(test_content);
	RUN(test_ambivalent);
	RUN(test_read_errors);
	RUN(test_threads);
	RUN(test_mutants);
	sh("rm -rf %s", dir);
	return test_done();
}
