// SPDX-License-Identifier: GPL-3.0-or-later
/* FAT against mkfs.fat, mtools and fsck.fat; then damage. FAT_MUTANTS=n tries n mutants an image. */
#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/text.h"
#include "test.h"

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
	NEED(asprintf(&all, "cd %s && export LC_ALL=C.UTF-8 MTOOLS_SKIP_CHECK=1 TZ=UTC && %s", dir, body) >= 0);
	int rc = system(all);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : 255;
}

struct image {
	uint8_t *data;
	size_t size;
};

static struct image load(const char *name)
{
	char path[128];
	struct image i = {0};
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *fp = fopen(path, "rb");
	NEED(fp);
	fseek(fp, 0, SEEK_END);
	i.size = (size_t)ftell(fp);
	rewind(fp);
	i.data = malloc(i.size);
	NEED(i.data && fread(i.data, 1, i.size, fp) == i.size);
	fclose(fp);
	return i;
}

/* Writes one byte of the image in memory to that on disk. */
static void store(const struct image *i, const char *name, uint64_t at)
{
	char path[128];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	FILE *fp = fopen(path, "r+b");
	NEED(fp && !fseek(fp, (long)at, SEEK_SET) && fputc(i->data[at], fp) != EOF && !fclose(fp));
}

struct seen {
	struct source *src;
	struct fs *fs;
	struct findings f;
	struct error e;
	int64_t newest;
};

static void look(const struct image *i, size_t size, struct seen *s)
{
	memset(s, 0, sizeof *s);
	NEED(!findings_init(&s->f));
	s->src = source_memory(i->data, size, "image", &s->e);
	NEED(s->src);
	s->fs = fs_open("vfat", s->src, "image", &s->f, &s->e);
	if (!s->fs)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.open", "image", &s->e);
	else if (fs_verify(s->fs, &s->f, NULL, INT64_MAX, &s->newest, &s->e) < 0)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.verify", "image", &s->e);
}

static void drop(struct seen *s)
{
	fs_destroy(s->fs);
	source_destroy(s->src);
	findings_free(&s->f);
}

static enum outcome structure(const struct seen *s)
{
	return findings_proof(&s->f, PROOF_STRUCTURE);
}

static bool has(const struct seen *s, const char *check, enum outcome o)
{
	for (size_t i = 0; i < s->f.count; i++)
		if (!strcmp(s->f.items[i].check, check) && s->f.items[i].outcome == o)
			return true;
	return false;
}

static void dump(const struct seen *s)
{
	for (size_t i = 0; i < s->f.count; i++)
		fprintf(stderr, "  %s %s: %s\n", s->f.items[i].check,
			outcome_name(s->f.items[i].outcome), s->f.items[i].detail);
}

/* What the image does when it is damaged: BROKEN with that check, and no trouble in walk and read. */
static int touch_file(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct fs *fs = ctx;
	if (it->type != ENTRY_FILE)
		return 0;
	autostream struct stream *s = fs_open_file(fs, it, e);
	if (s && stream_drain(s, e) < 0)
		return 0;
	return 0;
}

static void walk_all(struct seen *s)
{
	struct error e;
	if (s->fs && fs_walk(s->fs, "", NULL, touch_file, s->fs, &e) < 0)
		CHECK(e.cls == ERROR_CORRUPT);
}

static void expect_broken(const struct image *i, size_t size, const char *check, int line)
{
	struct seen s;
	look(i, size, &s);
	walk_all(&s);
	if (structure(&s) != OUTCOME_BROKEN || (check && !has(&s, check, OUTCOME_BROKEN))) {
		test_bad_here++;
		fprintf(stderr, "%s:%d: not BROKEN %s\n", __FILE__, line, check ? check : "");
		dump(&s);
	}
	drop(&s);
}
#define EXPECT_BROKEN(i, check) expect_broken(i, (i)->size, check, __LINE__)

/* ------------------------------------------------------------------ contents against the host's */

static size_t files_seen, dirs_seen;

static void sum_of(struct stream *s, char hex[2 * DIGEST_MAX + 1])
{
	struct error e;
	uint8_t out[DIGEST_MAX];
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, &e);
	NEED(d && !stream_tap(s, digest_update, d, &e));
	if (stream_drain(s, &e) < 0) {
		snprintf(hex, 32, "failed");
		fprintf(stderr, "  %s\n", e.text);
		return;
	}
	NEED(!digest_final(d, out, &e));
	hex_encode(out, digest_size(DIGEST_SHA256), hex);
}

static int compare_file(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct fs *fs = ctx;
	char path[900], ours[2 * DIGEST_MAX + 1] = "", theirs[2 * DIGEST_MAX + 1] = "";
	struct fs_entry again;
	CHECK_INT(fs_lookup(fs, it->path, true, &again, e), 1);
	CHECK_INT(again.id, it->id);
	if (it->type == ENTRY_DIR) {
		dirs_seen++;
		return 0;
	}
	files_seen++;
	snprintf(path, sizeof path, "%s/tree/%s", dir, it->path);
	autosource struct source *host = source_open_file(path, e);
	if (!host) {
		fprintf(stderr, "no such file on the host: %s\n", it->path);
		test_bad_here++;
		return 0;
	}
	autostream struct stream *a = stream_from_source(host, e), *b = fs_open_file(fs, it, e);
	NEED(a && b);
	sum_of(a, theirs);
	sum_of(b, ours);
	CHECK_STR(ours, theirs);
	CHECK_INT(it->size, source_size(host));
	CHECK_INT(it->mtime, 1700000000);
	return 0;
}

static void make_tree(void)
{
	NEED(!sh("mkdir -p tree/many tree/nested/a/b/c/d tree/EFI/debian tree/empty &&"
		 "head -c 300001 /dev/urandom > 'tree/Long file name with many words in it.bin' &&"
		 "head -c 5000 /dev/urandom > 'tree/ünïködé 文件.txt' &&"
		 "printf x > tree/UPPER.TXT && printf yy > tree/lower.txt && printf zzz > tree/Mixed.Txt &&"
		 ": > tree/nothing && head -c 4096 /dev/urandom > tree/nested/a/b/c/d/deep.dat &&"
		 "head -c 70000 /dev/urandom > tree/EFI/debian/shimx64.efi &&"
		 "i=0; while [ $i -lt 500 ]; do echo $i > tree/many/file-number-$i.txt; i=$((i+1)); done;"
		 "find tree -exec touch -d @1700000000 {} +"));
}

static const struct {
	const char *name, *size, *options;
	const char *version;
} kinds[] = {
	/* The directory of 500 is in f16 and f32 only: mcopy takes a second for it. */
	{"f12", "4M", "-F 12 -s 4", "FAT12"},
	{"f12s", "8M", "-F 12 -S 1024 -s 2 -f 1", "FAT12"},
	{"f16", "20M", "-F 16 -s 1 -n LABEL", "FAT16"},
	{"f16s", "32M", "-F 16 -S 4096 -s 1 -f 3", "FAT16"},
	{"f32", "40M", "-F 32 -s 1 -n 'My Disk' -i 1234abcd", "FAT32"},
	{"f32s", "72M", "-F 32 -S 1024 -s 1 -I", "FAT32"},
};

static void test_contents(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		const char *n = kinds[k].name;
		bool many = !strcmp(n, "f16") || !strcmp(n, "f32");
		NEED(!sh("truncate -s %s %s && mkfs.fat %s %s >/dev/null 2>&1 && mcopy -s -m -i %s tree/%s ::",
			 kinds[k].size, n, kinds[k].options, n, n, many ? "*" : "[!m]*"));
		struct image i = load(n);
		struct seen s;
		look(&i, i.size, &s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		if (structure(&s) != OUTCOME_HELD)
			dump(&s);
		NEED(s.fs);
		const struct fs_info *info = fs_info(s.fs);
		CHECK_STR(info->type, "vfat");
		CHECK(info->clean);
		CHECK(!info->errors);
		CHECK(info->free > 0 && info->free < info->size);
		files_seen = dirs_seen = 0;
		CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
		CHECK_INT(files_seen, many ? 508 : 8);
		CHECK_INT(dirs_seen, many ? 9 : 8);
		CHECK(has(&s, "fat.boot", OUTCOME_HELD));
		CHECK(has(&s, "fat.copies", strstr(kinds[k].options, "-f 1") ? OUTCOME_SKIPPED : OUTCOME_HELD));
		if (!strcmp(n, "f32")) {
			CHECK_STR(info->label, "My Disk");
			CHECK_STR(info->uuid, "1234-ABCD");
		}
		drop(&s);
		free(i.data);
	}
}

static void test_lookup(void)
{
	struct image i = load("f32");
	struct seen s;
	struct fs_entry it;
	look(&i, i.size, &s);
	NEED(s.fs);
	CHECK_INT(fs_lookup(s.fs, "", true, &it, &s.e), 1);
	CHECK_INT(it.id, 1);
	CHECK(it.type == ENTRY_DIR);
	CHECK_INT(fs_lookup(s.fs, "/efi/DEBIAN/ShimX64.efi", true, &it, &s.e), 1);
	CHECK_INT(it.size, 70000);
	CHECK_INT(fs_lookup(s.fs, "longfi~1.bin", true, &it, &s.e), 1);
	CHECK_INT(it.size, 300001);
	CHECK_INT(fs_lookup(s.fs, "EFI/debian/none", true, &it, &s.e), 0);
	CHECK_INT(fs_lookup(s.fs, "UPPER.TXT/x", true, &it, &s.e), 0);
	files_seen = 0;
	CHECK_INT(fs_walk(s.fs, "/EFI/", NULL, compare_file, s.fs, &s.e), 0);
	CHECK_INT(files_seen, 1);
	CHECK_INT(fs_walk(s.fs, "EFI/nothing", NULL, compare_file, s.fs, &s.e), -1);
	char *data;
	size_t len;
	CHECK_INT(fs_read_file(s.fs, "mixed.txt", 100, &data, &len, &s.e), 1);
	CHECK_STR(data, "zzz");
	free(data);
	/* Local time is taken as that of the furthest zone: never younger than it can be. */
	CHECK(s.newest > 1700000000 - 15 * 3600);
	drop(&s);
	free(i.data);
}

static void test_fragmented(void)
{
	NEED(!sh("rm -rf frag && mkdir frag && truncate -s 2M fr && mkfs.fat -F 12 -s 1 fr >/dev/null &&"
		 "for i in 1 2 3 4 5 6 7 8; do head -c 100000 /dev/urandom > frag/$i; mcopy -i fr frag/$i ::; done &&"
		 "mdel -i fr ::2 ::4 ::6 ::8 && head -c 1000000 /dev/urandom > frag/big && mcopy -i fr frag/big :: &&"
		 "fsck.fat -n fr >/dev/null && sha256sum < frag/big | cut -c1-64 > frag/sum"));
	struct image i = load("fr"), sum = load("frag/sum");
	struct seen s;
	struct fs_entry it;
	char hex[2 * DIGEST_MAX + 1];
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK_INT(fs_lookup(s.fs, "BIG", true, &it, &s.e), 1);
	struct stream *st = fs_open_file(s.fs, &it, &s.e);
	NEED(st);
	sum_of(st, hex);
	CHECK(!memcmp(hex, sum.data, 64));
	stream_destroy(st);
	drop(&s);
	free(i.data);
	free(sum.data);
}

/* ------------------------------------------------------------------------------------- damage */

struct places { /* of an image in memory */
	uint64_t fat, fat_bytes, root, data;
	unsigned bits, copies;
	uint32_t cluster;
};

static struct places places_of(const struct image *i)
{
	const uint8_t *b = i->data;
	uint32_t ss = get_le16(b + 11), len = get_le16(b + 22);
	struct places p = {.fat = (uint64_t)get_le16(b + 14) * ss, .copies = b[16], .cluster = b[13] * ss};
	p.fat_bytes = (uint64_t)(len ? len : get_le32(b + 36)) * ss;
	p.root = p.fat + p.copies * p.fat_bytes;
	p.data = p.root + get_le16(b + 17) * 32u;
	p.bits = len ? 16 : 32; /* FAT12 images are not asked */
	return p;
}

static void put_entry(struct image *i, uint32_t cluster, uint32_t value)
{
	struct places p = places_of(i);
	for (unsigned c = 0; c < p.copies; c++) {
		uint8_t *to = i->data + p.fat + c * p.fat_bytes + cluster * p.bits / 8;
		for (unsigned k = 0; k < p.bits / 8; k++)
			to[k] = (uint8_t)(value >> 8 * k);
	}
}

static uint8_t *entry_of(struct image *i, const char *path, uint32_t *cluster)
{
	struct seen s;
	struct fs_entry it;
	look(i, i->size, &s);
	NEED(s.fs && fs_lookup(s.fs, path, true, &it, &s.e) == 1);
	drop(&s);
	uint8_t *raw = i->data + it.id;
	*cluster = get_le16(raw + 26) | (uint32_t)get_le16(raw + 20) << 16;
	return raw;
}

static struct image copy_of(const struct image *i)
{
	struct image c = {malloc(i->size), i->size};
	NEED(c.data);
	memcpy(c.data, i->data, i->size);
	return c;
}

static void damage(const char *name)
{
	struct image whole = load(name), i = copy_of(&whole);
	struct places p = places_of(&i);
	uint32_t big, shim, deep, many;
	uint8_t *big_raw = entry_of(&i, "Long file name with many words in it.bin", &big);
	uint8_t *shim_raw = entry_of(&i, "EFI/debian/shimx64.efi", &shim);
	uint8_t *many_raw = entry_of(&i, "many", &many);
	uint8_t *deep_raw = entry_of(&i, "nested/a/b/c/d", &deep);
	uint32_t eoc = p.bits == 16 ? 0xffff : 0x0fffffff;
#define RESET() memcpy(i.data, whole.data, i.size)
	/* One bit of either FAT. */
	i.data[p.fat + 100 * p.bits / 8] ^= 1;
	EXPECT_BROKEN(&i, "fat.copies");
	RESET();
	i.data[p.fat + p.fat_bytes + 100 * p.bits / 8] ^= 1;
	EXPECT_BROKEN(&i, "fat.copies");
	RESET();
	/* Both FATs zeroed, or one. */
	memset(i.data + p.fat, 0, 2 * p.fat_bytes);
	EXPECT_BROKEN(&i, NULL);
	RESET();
	memset(i.data + p.fat + p.fat_bytes, 0, p.fat_bytes);
	EXPECT_BROKEN(&i, "fat.copies");
	RESET();
	/* Chains: to each other, in a circle, too short, too long, through free, bad and absent clusters. */
	put_entry(&i, shim, big + 1);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	put_entry(&i, big + 3, big);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	put_entry(&i, big + 3, eoc);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	put_entry(&i, big + 3, 0);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	put_entry(&i, big + 3, eoc - 8);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	put_entry(&i, big + 3, eoc - 16);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	put_entry(&i, many, many);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	big_raw[28] ^= 0xff;
	big_raw[29] ^= 0xff;
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	shim_raw[26] ^= 1;
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	/* Directories: a child that is its own ancestor, no dots, wrong dots, names, marks. */
	memcpy(deep_raw + 26, (uint8_t[]){(uint8_t)many, (uint8_t)(many >> 8)}, 2);
	EXPECT_BROKEN(&i, "fat.chains");
	RESET();
	i.data[p.data + (uint64_t)(deep - 2) * p.cluster + 32 + 26] ^= 1;
	EXPECT_BROKEN(&i, "fat.directories");
	RESET();
	i.data[p.data + (uint64_t)(deep - 2) * p.cluster] = 'x';
	EXPECT_BROKEN(&i, "fat.directories");
	RESET();
	shim_raw[0] = 0x01;
	EXPECT_BROKEN(&i, "fat.directories");
	RESET();
	many_raw[28] = 7;
	EXPECT_BROKEN(&i, "fat.directories");
	RESET();
	i.data[p.data + (uint64_t)(many - 2) * p.cluster + 96] = 0;
	EXPECT_BROKEN(&i, "fat.directories");
	RESET();
	shim_raw[11] |= 8;
	EXPECT_BROKEN(&i, "fat.directories");
	RESET();
	/* The boot sector and what repeats it. */
	memset(i.data, 0, 512);
	EXPECT_BROKEN(&i, "fs.open");
	RESET();
	i.data[21] = 0xf0;
	EXPECT_BROKEN(&i, "fat.boot");
	RESET();
	if (p.bits == 32) {
		i.data[6 * 512 + 36] ^= 1;
		EXPECT_BROKEN(&i, "fat.boot");
		RESET();
		memset(i.data + 6 * 512, 0, 512);
		EXPECT_BROKEN(&i, "fat.boot");
		RESET();
		i.data[512] ^= 1;
		EXPECT_BROKEN(&i, "fat.boot");
		RESET();
		i.data[36] ^= 1;
		EXPECT_BROKEN(&i, NULL);
		RESET();
	}
	/* Cut, at every size that matters; and one sector too few. */
	expect_broken(&i, i.size - 512, "fat.size", __LINE__);
	expect_broken(&i, p.data + 100, NULL, __LINE__);
	for (size_t cut = 0; cut < p.data; cut += 511)
		expect_broken(&i, cut, NULL, __LINE__);
	free(i.data);
	free(whole.data);
}

static void test_damage_16(void)
{
	damage("f16");
}
static void test_damage_32(void)
{
	damage("f32");
}

static int find_lower(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)e;
	if (!strcmp(it->path, "upper.TXT"))
		*(bool *)ctx = true;
	return 0;
}

static void test_information(void)
{
	struct image whole = load("f32"), i = copy_of(&whole);
	struct places p = places_of(&i);
	uint32_t shim, mixed;
	uint8_t *raw = entry_of(&i, "Long file name with many words in it.bin", &shim);
	uint8_t *mixed_raw = entry_of(&i, "UPPER.TXT", &mixed);
	struct seen s;
	struct fs_entry it;
	/* Dirty: as every file system is that was mounted when its image was taken. */
	i.data[65] |= 1;
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(!fs_info(s.fs)->clean && !fs_info(s.fs)->errors);
	drop(&s);
	i.data[65] = 0;
	put_entry(&i, 1, 0x07ffffff);
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(!fs_info(s.fs)->clean);
	drop(&s);
	put_entry(&i, 1, 0x0bffffff);
	look(&i, i.size, &s);
	CHECK(fs_info(s.fs)->clean && fs_info(s.fs)->errors);
	drop(&s);
	RESET();
	/* A long name of somebody else: the short one is shown. */
	raw[-32 + 13] ^= 1;
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(has(&s, "fat.names", OUTCOME_SKIPPED));
	CHECK_INT(fs_lookup(s.fs, "LONGFI~1.BIN", true, &it, &s.e), 1);
	drop(&s);
	RESET();
	/* A label that is none: the boot sector's own is shown. */
	uint8_t *label = i.data + p.data;
	while (label[11] != 8)
		label += 32;
	memcpy(label, "NO NAME    ", 11);
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(s.fs && strcmp(fs_info(s.fs)->label, "NO NAME"));
	drop(&s);
	RESET();
	/* Lost clusters. */
	put_entry(&i, (uint32_t)(p.fat_bytes / 4 - 200), 0x0fffffff);
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(has(&s, "fat.lost", OUTCOME_SKIPPED));
	drop(&s);
	RESET();
	/* Lower-case bits of short names. */
	mixed_raw[12] = 0x08;
	look(&i, i.size, &s);
	bool found = false;
	CHECK_INT(fs_walk(s.fs, "", NULL, find_lower, &found, &s.e), 0);
	CHECK(found);
	drop(&s);
	RESET();
	/* One FAT switched off: the other one counts. */
	i.data[40] = i.data[6 * 512 + 40] = 0x81;
	memset(i.data + p.fat, 0, p.fat_bytes);
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(has(&s, "fat.copies", OUTCOME_SKIPPED));
	files_seen = 0;
	CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
	CHECK_INT(files_seen, 508);
	drop(&s);
	free(i.data);
	free(whole.data);
}

/* Names that would leave their directory, or say nothing. */
static void test_hostile_names(void)
{
	struct image i = load("f16");
	struct seen s;
	struct fs_entry it;
	uint32_t c;
	uint8_t *raw = entry_of(&i, "Long file name with many words in it.bin", &c);
	raw[-32 + 1] = '/';
	uint8_t *upper = entry_of(&i, "UPPER.TXT", &c);
	memcpy(upper, "../../..   ", 11);
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_BROKEN);
	CHECK_INT(fs_lookup(s.fs, "LONGFI~1.BIN", true, &it, &s.e), 1);
	CHECK_INT(it.size, 300001);
	CHECK_INT(fs_lookup(s.fs, "______._", true, &it, &s.e), 0);
	CHECK_INT(fs_lookup(s.fs, "________", true, &it, &s.e), 1);
	drop(&s);
	free(i.data);
}

/* --------------------------------------------------------------------- against fsck.fat, mutants */

static int note_place(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct {
		uint64_t at[64];
		size_t count;
	} *all = ctx;
	(void)e;
	if (all->count < ARRAY_SIZE(all->at))
		all->at[all->count++] = it->id;
	return 0;
}

/*
 * What fsck.fat calls an error and is not one here, with the reason:
 *  - long names without their short name, or with a wrong checksum: the file is there under its short name;
 *  - clusters in use that nobody owns, and a wrong count of free ones: every crash leaves them;
 *  - the dirty bit: set in each image of a mounted file system;
 *  - the label kept twice, once in the boot sector: only a name;
 *  - reserved bits beside the lower-case bits of a short name: no system heeds them;
 *  - differences of the backup boot sector outside the geometry (boot code, label, state).
 */
static const char *const excused[] = {
	"Orphaned long file name", "Wrong checksum for long file name", "long name", "long file name",
	"LFN", "Reclaimed", "Free cluster summary", "Dirty bit is set", "Label ", "label from boot sector",
	"differences between boot sector and its backup", "This is mostly harmless",
	/* what every report holds */
	"fsck.fat", "mm:", "Leaving filesystem", "Auto", "auto",
};

static int fsck(const char *name)
{
	return sh("timeout 20 fsck.fat -n %s > fsck.out 2>&1", name);
}

/* Each line of the report is excused; those of paths and of bytes that differ say nothing by themselves. */
static bool all_excused(void)
{
	struct image out = load("fsck.out");
	bool ok = true;
	out.data[out.size - 1] = 0;
	for (char *line = strtok((char *)out.data, "\n"); line; line = strtok(NULL, "\n")) {
		unsigned a, b, c;
		bool known = *line == '/' || sscanf(line, " %x:%x/%x", &a, &b, &c) == 3;
		for (size_t k = 0; k < ARRAY_SIZE(excused) && !known; k++)
			known = strstr(line, excused[k]) != NULL;
		ok &= known;
	}
	free(out.data);
	return ok;
}

static void mutants(const char *size, const char *options, uint64_t seed)
{
	unsigned n = getenv("FAT_MUTANTS") ? (unsigned)atoi(getenv("FAT_MUTANTS")) : 60;
	struct rng r = {seed};
	struct {
		uint64_t at[64];
		size_t count;
	} all = {.count = 0};
	NEED(!sh("rm -rf small && mkdir -p small/sub/deeper && head -c 40000 /dev/urandom > small/one.bin &&"
		 "printf hello > small/sub/A-long-name.text && head -c 3000 /dev/urandom > small/sub/deeper/X.Y &&"
		 "printf two > small/TWO.TXT && rm -f mm && truncate -s %s mm &&"
		 "mkfs.fat %s mm >/dev/null 2>&1 && mcopy -s -i mm small/* ::",
		 size, options));
	CHECK_INT(fsck("mm"), 0);
	struct image whole = load("mm"), i = copy_of(&whole);
	struct places p = places_of(&i);
	struct seen s;
	look(&i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	NEED(s.fs && !fs_walk(s.fs, "", NULL, note_place, &all, &s.e) && all.count == 6);
	drop(&s);
	unsigned theirs = 0, ours = 0, more = 0;
	for (unsigned k = 0; k < n; k++) {
		uint64_t at, twin = 0;
		switch (rng_below(&r, 4)) {
		case 0:
			at = rng_below(&r, 90);
			break;
		case 1:
			at = p.fat + rng_below(&r, 300);
			if (rng_below(&r, 2))
				twin = at + p.fat_bytes; /* the same in both copies */
			break;
		default:
			at = all.at[rng_below(&r, all.count)] + rng_below(&r, 32);
		}
		i.data[at] ^= (uint8_t)(1 + k % 255);
		store(&i, "mm", at);
		if (twin) {
			i.data[twin] = i.data[at];
			store(&i, "mm", twin);
		}
		int rc = fsck("mm");
		look(&i, i.size, &s);
		walk_all(&s);
		bool broken = structure(&s) == OUTCOME_BROKEN;
		theirs += rc != 0;
		ours += broken;
		more += broken && !rc;
		if (rc && !broken && !(at >= p.root && at % 32 == 12) && !all_excused()) {
			test_bad_here++;
			fprintf(stderr, "%s mutant %u at %llu (%02x -> %02x): fsck.fat says %d\n", options, k,
				(unsigned long long)at, whole.data[at], i.data[at], rc);
			sh("head -12 fsck.out >&2");
			dump(&s);
		}
		if (broken && !rc && getenv("FAT_VERBOSE")) {
			fprintf(stderr, "only ours: at %llu (%02x -> %02x)\n", (unsigned long long)at,
				whole.data[at], i.data[at]);
			dump(&s);
		}
		drop(&s);
		i.data[at] = whole.data[at];
		store(&i, "mm", at);
		if (twin) {
			i.data[twin] = whole.data[twin];
			store(&i, "mm", twin);
		}
	}
	if (getenv("FAT_MUTANTS"))
		fprintf(stderr, "%s: %u mutants, fsck.fat %u, ours %u, only ours %u\n", options, n, theirs,
			ours, more);
	CHECK(ours * 10 >= theirs * 6);
	free(i.data);
	free(whole.data);
}

static void test_mutants(void)
{
	mutants("34M", "-F 32 -s 1", 2);
	mutants("1M", "-F 12", 1);
}
static void test_mutants_16(void)
{
	mutants("4M", "-F 16 -s 1", 3);
}

/* Wild damage: no crash, no hang. */
static void test_wild(void)
{
	struct rng r = {99};
	struct image whole = load("mm"), i = copy_of(&whole);
	for (int k = 0; k < 1500; k++) {
		struct seen s;
		for (uint64_t n = 1 + rng_below(&r, 12); n; n--)
			i.data[rng_below(&r, rng_below(&r, 2) ? 200 : 40000)] = (uint8_t)rng_next(&r);
		look(&i, i.size, &s);
		walk_all(&s);
		drop(&s);
		RESET();
	}
	free(i.data);
	free(whole.data);
}

/* A FAT too large for memory, on a source that is all zeros but for its first sectors. */
static bool sparse_fails;
static int sparse_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	struct image *i = self;
	if (sparse_fails)
		return error_set(e, ERROR_IO, (int64_t)off, "read error");
	memset(buf, 0, len);
	if (off < i->size)
		memcpy(buf, i->data + off, len < i->size - off ? len : i->size - off);
	return 0;
}
static void sparse_free(void *self)
{
	(void)self;
}
static const struct source_ops sparse_ops = {"sparse", sparse_read, NULL, sparse_free};

static void test_large(void)
{
	NEED(!sh("rm -f large && truncate -s 64G large && mkfs.fat -F 32 -s 8 large >/dev/null && head -c 8M large > head"));
	struct image i = load("head");
	struct places p = places_of(&i);
	CHECK(p.fat_bytes > 16 * MIB);
	struct error e;
	struct findings f;
	NEED(!findings_init(&f));
	autosource struct source *src = source_new(&sparse_ops, &i, 64 * GIB, "large", &e);
	struct fs *fs = fs_open("vfat", src, "large", &f, &e);
	NEED(fs);
	int64_t newest;
	/* Only the first copy's beginning is there: the second one differs. */
	CHECK_INT(fs_verify(fs, &f, NULL, 0, &newest, &e), 0);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	struct budget b;
	budget_init(&b);
	b.deadline_ns = 1;
	CHECK_INT(fs_verify(fs, &f, &b, 0, &newest, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	/* A table that can't be read is no damage. */
	sparse_fails = true;
	CHECK_INT(fs_verify(fs, &f, NULL, 0, &newest, &e), -1);
	CHECK_INT(e.cls, ERROR_IO);
	fs_destroy(fs);
	findings_free(&f);
	free(i.data);
	sh("rm -f large head");
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%.40s/backproof-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	make_tree();
	RUN(test_contents);
	RUN(test_lookup);
	RUN(test_fragmented);
	RUN(test_damage_16);
	RUN(test_damage_32);
	RUN(test_information);
	RUN(test_hostile_names);
	RUN(test_mutants_16);
	RUN(test_mutants);
	RUN(test_wild);
	RUN(test_large);
	sh("rm -rf %s", dir);
	return test_done();
}
