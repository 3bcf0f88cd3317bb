// SPDX-License-Identifier: GPL-3.0-or-later
/* Every recognised format is claimed by exactly one row, and what is none of them by nobody. */
#include <fcntl.h>
#include <glob.h>
#include <stdarg.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/format.h"
#include "backproof/text.h"
#include "test.h"

static char dir[256];

struct ends {
	uint8_t *head, tail[4096];
	struct probe probe;
};

static struct ends ends_of(const char *path)
{
	struct ends x = {.head = malloc(STREAM_PEEK)};
	struct stat st;
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		fprintf(stderr, "%s: missing\n", path);
	NEED(x.head && fd >= 0 && fstat(fd, &st) == 0);
	ssize_t n = pread(fd, x.head, STREAM_PEEK, 0);
	size_t tail = (size_t)st.st_size < sizeof x.tail ? (size_t)st.st_size : sizeof x.tail;
	NEED(n >= 0 && pread(fd, x.tail, tail, st.st_size - (off_t)tail) == (ssize_t)tail);
	x.probe = (struct probe){.head = x.head,
				 .tail = NULL,
				 .head_length = (size_t)n,
				 .tail_length = tail,
				 .size = (uint64_t)st.st_size};
	return x;
}

/* The best row over all kinds, NULL when there is none; two best ones are a failure. */
static const struct format *best(const struct probe *p)
{
	size_t count;
	const struct format *const *rows = format_rows(&count), *winner = NULL;
	int top = 0;
	bool tie = false;
	for (size_t i = 0; i < count; i++) {
		int bid = rows[i]->bid ? rows[i]->bid(p) : 0;
		CHECK(bid >= 0 && bid <= 100);
		tie = bid && (bid == top || (tie && bid < top));
		if (bid > top) {
			top = bid;
			winner = rows[i];
			tie = false;
		}
	}
	CHECK(!tie);
	return winner;
}

static const char *row_of(const char *path)
{
	struct ends x = ends_of(path);
	x.probe.tail = x.tail;
	const struct format *row = best(&x.probe);
	if (row) {
		struct error e;
		const struct format *same = NULL;
		CHECK_INT(format_identify(&x.probe, row->kind, &same, &e), 0);
		CHECK(same == row);
		/* Not one byte of the magic may be missing. */
		struct probe none = {.head = x.head, .tail = x.tail, .size = x.probe.size};
		CHECK(best(&none) == NULL);
	}
	free(x.head);
	return row ? row->name : "nobody";
}

static void sh(const char *fmt, ...) printf_like(1, 2);
static void sh(const char *fmt, ...)
{
	char command[2048];
	va_list ap;
	va_start(ap, fmt);
	NEED(vsnprintf(command, sizeof command, fmt, ap) < (int)sizeof command);
	va_end(ap);
	if (system(command) != 0) {
		fprintf(stderr, "failed: %s\n", command);
		exit(99);
	}
}

static const char *in_dir(const char *name)
{
	static char path[512];
	snprintf(path, sizeof path, "%s/%s", dir, name);
	return path;
}

static void qemu_images(void)
{
	static const struct {
		const char *options, *file, *row;
	} images[] = {
	    {"-f qcow2", "a.qcow2", "qcow2"},
	    {"-f qcow2 -o compat=0.10", "b.qcow2", "qcow2"},
	    {"-f vdi", "a.vdi", "vdi"},
	    {"-f vpc", "dynamic.vhd", "vhd"},
	    {"-f vpc -o subformat=fixed", "fixed.vhd", "vhd"},
	    {"-f vhdx", "a.vhdx", "vhdx"},
	    {"-f vhdx -o subformat=fixed", "b.vhdx", "vhdx"},
	    {"-f qed", "a.qed", "qed"},
	    {"-f parallels", "a.hds", "parallels"},
	    {"-f vmdk", "a.vmdk", "vmdk"},
	    {"-f vmdk -o subformat=streamOptimized", "b.vmdk", "vmdk"},
	    {"-f vmdk -o subformat=twoGbMaxExtentSparse", "c.vmdk", "vmdk"},
	    {"-f vmdk -o subformat=monolithicFlat", "d.vmdk", "vmdk"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		sh("qemu-img create -q %s '%s/%s' 4M", images[i].options, dir, images[i].file);
		CHECK_STR(row_of(in_dir(images[i].file)), images[i].row);
		size_t stem;
		const struct format *named = format_by_suffix(images[i].file, &stem);
		CHECK_STR(named ? named->name : NULL, images[i].row);
	}
	CHECK_STR(row_of(in_dir("c-s001.vmdk")), "vmdk");
	CHECK_STR(row_of(in_dir("d-flat.vmdk")), "nobody");
	sh("qemu-img convert -f raw -O vmdk -o subformat=streamOptimized '%s/ext4.img' '%s/e.vmdk'",
	   dir, dir);
	CHECK_STR(row_of(in_dir("e.vmdk")), "vmdk");
}

/* fixtures/known/ROW.anything */
static void fixtures(void)
{
	glob_t g;
	size_t seen = 0;
	NEED(glob("fixtures/known/*.*", 0, NULL, &g) == 0);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		const char *base = strrchr(g.gl_pathv[i], '/') + 1;
		autofree char *expected = strndup(base, strcspn(base, "."));
		const char *row = row_of(g.gl_pathv[i]);
		if (strcmp(row, expected))
			fprintf(stderr, "%s:\n", g.gl_pathv[i]);
		CHECK_STR(row, expected);
		seen++;
	}
	globfree(&g);
	CHECK(seen >= 20);
}

static void third_party(void)
{
	CHECK_STR(row_of("fixtures/third-party/ext2.E01"), "ewf");
	CHECK_STR(row_of("fixtures/third-party/image.E01"), "ewf");
	CHECK_STR(row_of("fixtures/third-party/ext2.qcow2"), "qcow2");
	CHECK_STR(row_of("fixtures/third-party/ext2.vmdk"), "vmdk");
}

/* Formats without a program here that writes them: their published magics. */
static void published_magics(void)
{
	static const struct {
		size_t at;
		const char *magic;
		size_t length;
		const char *row;
	} magics[] = {
#define MAGIC(at, literal, row) {at, literal, sizeof(literal) - 1, row}
	    MAGIC(0, "VMA\0\0\0\0\1", "vma"),
	    MAGIC(0, "COWD\1\0\0\0", "vmdk"),
	    MAGIC(0, "\xbe\xba\xfe\xca\0\0\0\0\1\0\0\0\2\0\0\0", "vmdk"),
	    MAGIC(0, "WithoutFreeSpace", "parallels"),
	    MAGIC(0, "PaRtImAgE-VoLuMe", "partimage"),
	    MAGIC(0, "EVF2\x0d\x0a\x81\0", "ewf"),
	    MAGIC(0, "LVF\x09\x0d\x0a\xff\0", "ewf"),
	    MAGIC(0, "\x2f\x7f\x41\xed\x91\xfd\x0f\xcd", "pbs"),
	    MAGIC(0, "\x1c\x91\x4e\xa5\x19\xba\xb3\xcd", "pbs"),
	    MAGIC(0, "\x42\xab\x38\x07\xbe\x83\x70\xa1", "pbs"),
	    MAGIC(0, "BORG_SEG", "borg"),
	    MAGIC(12, "BB02", "bacula"),
	    MAGIC(0, "\xce\x24\xb9\xa2\x20\0\0\0", "tib"),
	    MAGIC(0, "\xb4\x6e\x68\x44", "tib"),
	    MAGIC(0, "TAPE", "bkf"),
	    MAGIC(0, "btrfs-stream\0\1\0\0\0", "btrfs-send"),
	    MAGIC(8, "\xac\xcb\xba\xf5\2\0\0\0", "zfs-send"),
	    MAGIC(0, "Rar!\x1a\x07\0", "rar"),
	    MAGIC(0, "Rar!\x1a\x07\1\0", "rar"),
	    MAGIC(0, "PK\5\6", "zip"),
	};
	for (size_t i = 0; i < ARRAY_SIZE(magics); i++) {
		uint8_t head[4096] = {0};
		memcpy(head + magics[i].at, magics[i].magic, magics[i].length);
		struct probe p = {.head = head, .head_length = sizeof head, .size = sizeof head};
		const struct format *row = best(&p);
		CHECK_STR(row ? row->name : NULL, magics[i].row);
		/* One bit off, then cut inside the magic. */
		head[magics[i].at] ^= 0x40;
		CHECK(best(&p) == NULL);
		p.head_length = magics[i].at + 3;
		CHECK(best(&p) == NULL);
	}
	uint8_t tail[4096] = {0}, head[4096] = {0};
	struct probe p = {
	    .head = head, .head_length = 4096, .tail = tail, .tail_length = 4096, .size = 8192};
	CHECK(best(&p) == NULL);
	memcpy(tail + 4096 - 512, "koly\0\0\0\4\0\0\2\0", 12);
	CHECK_STR(best(&p)->name, "dmg");
	memset(tail, 0, sizeof tail);
	memcpy(tail + 4096 - 12, "MACRIUM_FILE", 12);
	CHECK_STR(best(&p)->name, "mrimgx");
	p.tail_length = 11;
	CHECK(best(&p) == NULL);
}

/* No magic: raw disks, noise, text. */
static void nobody(void)
{
	struct rng rng = {7};
	autofree uint8_t *data = calloc(1, STREAM_PEEK);
	NEED(data);
	struct probe p = {.head = data,
			  .tail = data,
			  .head_length = STREAM_PEEK,
			  .tail_length = 4096,
			  .size = STREAM_PEEK};
	CHECK(best(&p) == NULL);
	for (int i = 0; i < 200; i++) {
		for (size_t at = 0; at < 33000; at++)
			data[at] = (uint8_t)rng_next(&rng);
		CHECK(best(&p) == NULL);
	}
	memset(data, 0xff, STREAM_PEEK);
	CHECK(best(&p) == NULL);
	for (size_t n = 0; n < 600; n++) {
		struct probe small = {
		    .head = data, .tail = data, .head_length = n, .tail_length = n, .size = n};
		CHECK(best(&small) == NULL);
	}
	CHECK_STR(row_of(in_dir("ext4.img")), "nobody");
	CHECK_STR(row_of(in_dir("mbr.img")), "nobody");
	CHECK_STR(row_of(in_dir("fat.img")), "nobody");
	CHECK_STR(row_of("LICENSE"), "nobody");
	CHECK_STR(row_of("fixtures/known/make"), "nobody");
}

static void suffixes(void)
{
	static const struct {
		const char *name, *row;
		size_t stem;
	} names[] = {
	    {"web01.QCOW2", "qcow2", 5},
	    {"disk-flat.vmdk", "raw", 4},
	    {"disk.vmdk", "vmdk", 4},
	    {"a.vhdx", "vhdx", 1},
	    {"a.avhdx", "vhdx", 1},
	    {"vzdump-qemu-100.vma", "vma", 15},
	    {"c.E01", "ewf", 1},
	    {"c.e01", "ewf", 1},
	    {"full.vbk", "veeam", 4},
	    {"inc.vib", "veeam", 3},
	    {"x.mrimg", "mrimg", 1},
	    {"x.mrimgx", "mrimgx", 1},
	    {"x.tib", "tib", 1},
	    {"x.tibx", "tibx", 1},
	    {"x.gho", "ghost", 1},
	    {"x.xva", "xva", 1},
	    {"x.ova", "ova", 1},
	    {"x.iso", "iso9660", 1},
	    {"x.fsa", "fsarchiver", 1},
	    {"install.wim", "wim", 7},
	    {"x.tar.lzo", "lzop", 5},
	    {"x.tar.Z", "compress", 5},
	    {"x.img.lz", "lzip", 5},
	    {"x.img.age", "age", 5},
	    {"x.tar", "tar", 1},
	    {"x.cpio", "cpio", 1},
	    {"sda1.ext4-ptcl-img", "partclone", 9},
	    {"sda2.ntfs-img", "ntfsclone", 4},
	};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		size_t stem = 0;
		const struct format *row = format_by_suffix(names[i].name, &stem);
		if (!row || strcmp(row->name, names[i].row))
			fprintf(stderr, "%s:\n", names[i].name);
		CHECK_STR(row ? row->name : NULL, names[i].row);
		CHECK_INT(stem, names[i].stem);
	}
	CHECK(format_by_suffix("web01.img", NULL) == NULL);
	CHECK(format_by_suffix("web01.raw", NULL) == NULL);
}

/* No two rows share a suffix; what is recognised by name is no codec. */
static void rows_are_sound(void)
{
	size_t count;
	const struct format *const *rows = format_rows(&count);
	for (size_t i = 0; i < count; i++) {
		for (size_t j = 0; j < count; j++) {
			CHECK(i == j || strcmp(rows[i]->name, rows[j]->name));
			for (const char *const *a = rows[i]->suffixes; i != j && a && *a; a++)
				for (const char *const *b = rows[j]->suffixes; b && *b; b++)
					CHECK(strcasecmp(*a, *b));
		}
		CHECK(!(rows[i]->product && rows[i]->decode));
		CHECK(rows[i]->suffixes || rows[i]->bid);
	}
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%s/backproof-known.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	sh("cd '%s' && truncate -s 4M ext4.img fat.img && mke2fs -q -t ext4 ext4.img && "
	   "mkfs.fat fat.img > /dev/null && (head -c 1M /dev/zero && cat ext4.img) > mbr.img && "
	   "echo '2048,' | sfdisk -q --wipe never mbr.img > /dev/null 2>&1",
	   dir);
	RUN(qemu_images);
	RUN(fixtures);
	RUN(third_party);
	RUN(published_magics);
	RUN(nobody);
	RUN(suffixes);
	RUN(rows_are_sound);
	sh("rm -rf '%s'", dir);
	return test_done();
}
