// SPDX-License-Identifier: GPL-3.0-or-later
/* PNG, SQLite, initramfs, kernels, SQL Server and compressed files whose headers say what can't be. */
#include <fcntl.h>

#include "witness_help.h"

static uint8_t file[512 * 1024];

static uint32_t crc_of(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX;
	while (len--) {
		c ^= *p++;
		for (int i = 0; i < 8; i++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return ~c;
}

static void expect(const char *path, size_t len, enum outcome want, const char *words)
{
	enum outcome o = ask(path, file, len);
	if (o == want && strstr(why.text, words))
		return;
	fprintf(stderr, "%s: %s says %s: %s; not \"%s\"\n", path, row, outcome_name(o), why.text, words);
	test_bad_here++;
}

static size_t put_chunk(size_t at, const char *type, size_t len)
{
	put_number(file + at, len, 4, true);
	memcpy(file + at + 4, type, 4);
	memset(file + at + 8, 0x5a, len);
	put_number(file + at + 8 + len, crc_of(file + at + 4, len + 4), 4, true);
	return at + 12 + len;
}

static void test_png(void)
{
	static const struct {
		const char *types[4];
		enum outcome outcome;
		const char *words;
	} rows[] = {
		{{"IHDR", "IDAT", "IEND"}, OUTCOME_HELD, ""},
		{{"CgBI", "IHDR", "IDAT", "IEND"}, OUTCOME_HELD, ""},
		{{"IDAT", "IHDR", "IEND"}, OUTCOME_BROKEN, "does not begin with IHDR"},
		{{"IHDR", "IEND"}, OUTCOME_BROKEN, "no image data"},
		{{"IHDR", "I1AT", "IEND"}, OUTCOME_BROKEN, "no chunk header"},
		{{"IHDR", "IDAT"}, OUTCOME_BROKEN, "cut off"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(file, "\x89PNG\r\n\x1a\n", 8);
		size_t n = 8;
		for (int k = 0; k < 4 && rows[i].types[k]; k++)
			n = put_chunk(n, rows[i].types[k], k ? 70000 : 13);
		expect("usr/share/a.png", n, rows[i].outcome, rows[i].words);
	}
	size_t n = put_chunk(put_chunk(put_chunk(8, "IHDR", 13), "IDAT", 100), "IEND", 0);
	expect("usr/share/a", n, OUTCOME_HELD, "");
	put_number(file + 8 + 25, 0x80000000, 4, true);
	expect("usr/share/a", n, OUTCOME_BROKEN, "no chunk header");
	expect("usr/share/a", 12, OUTCOME_BROKEN, "cut off");
	memset(file, 0, 600); /* a lost block */
	expect("usr/share/a.png", 600, OUTCOME_BROKEN, "zeros where a PNG header belongs");
	expect("usr/share/a.png", 12, OUTCOME_SKIPPED, "");
	CHECK_INT(ask_row(row_of("png"), "a.png", "a text", 6, 6), OUTCOME_SKIPPED);
	CHECK_INT(ask_row(row_of("png"), "a.png", "more text than a header has", 27, 27), OUTCOME_SKIPPED);
}

static void test_sqlite(void)
{
	static const struct {
		unsigned at, bytes;
		uint32_t value;
		enum outcome outcome;
		const char *words;
	} rows[] = {
		{16, 2, 256, OUTCOME_BROKEN, "page size 256"},
		{16, 2, 1000, OUTCOME_BROKEN, "page size 1000"},
		{16, 2, 0, OUTCOME_BROKEN, "page size 0"},
		{16, 2, 1, OUTCOME_BROKEN, "cut off"}, /* 64 KiB: more than there is */
		{21, 1, 63, OUTCOME_BROKEN, "payload fractions"},
		{22, 1, 31, OUTCOME_BROKEN, "payload fractions"},
		{23, 1, 31, OUTCOME_BROKEN, "payload fractions"},
		{28, 4, UINT32_MAX, OUTCOME_BROKEN, "cut off"},
	};
	size_t size;
	autofree uint8_t *good = fixture_file("fixtures/witness/rollback.sqlite", &size);
	NEED(good && size < sizeof file);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		memcpy(file, good, size);
		put_number(file + rows[i].at, rows[i].value, (int)rows[i].bytes, true);
		expect("var/lib/a.db", size, rows[i].outcome, rows[i].words);
		/* A database whose log would be needed says nothing, whatever is wrong. */
		for (int at = 18; at < 20; at++) {
			file[at] = 2;
			CHECK_INT(ask("var/lib/a.db", file, size), rows[i].at == 16 || rows[i].at > 20 ? OUTCOME_SKIPPED
													 : OUTCOME_BROKEN);
			file[at] = 1;
		}
	}
	/* The number of pages counts only where its writer says that it kept it. */
	memcpy(file, good, size);
	put_number(file + 28, UINT32_MAX, 4, true);
	put_number(file + 92, get_be32(file + 24) + 1, 4, true);
	CHECK(ask("var/lib/a.db", file, size) != OUTCOME_BROKEN || !strstr(why.text, "cut off"));
	/* Without it, too, a database that is cut off is not whole. */
	CHECK_INT(ask("var/lib/a.db", file, size), OUTCOME_HELD);
	for (size_t cut = size - 1; cut > 600; cut -= cut > 700 ? 611 : 1)
		CHECK_INT(ask("var/lib/a.db", file, cut), OUTCOME_BROKEN);
	memcpy(file, good, size);
	expect("var/lib/a.db", 50, OUTCOME_BROKEN, "cut off");
	CHECK_INT(ask_row(row_of("sqlite"), "a.db", file, 10, 10), OUTCOME_SKIPPED);
	CHECK_INT(ask_row(row_of("sqlite"), "a.db", "this is a plain text", 20, 20), OUTCOME_SKIPPED);
	int fd = open("/dev/null", O_WRONLY);
	NEED(fd >= 0);
	CHECK_INT(row_of("sqlite")->check(fd, 4096, "a.db", &why), OUTCOME_UNPROVEN);
	CHECK_INT(row_of("png")->check(fd, 4096, "a.png", &why), OUTCOME_UNPROVEN);
	CHECK_INT(row_of("elf")->check(fd, 4096, "a.so", &why), OUTCOME_UNPROVEN);
	CHECK_INT(row_of("kernel")->check(fd, 4096, "vmlinuz", &why), OUTCOME_UNPROVEN);
	CHECK_INT(row_of("mssql")->check(fd, 8192, "a.mdf", &why), OUTCOME_UNPROVEN);
	CHECK_INT(row_of("gzip")->check(fd, 8192, "a.gz", &why), OUTCOME_UNPROVEN);
	close(fd);
	CHECK_INT(row_of("gzip")->check(-1, 0, "a.gz", &why), OUTCOME_SKIPPED);
	CHECK_INT(row_of("initramfs")->check(-1, 0, "initrd", &why), OUTCOME_UNPROVEN);
	CHECK_INT(why.cls, ERROR_IO);
}

/* The members of an initramfs, and what their headers must not say. */
static size_t put_member(size_t at, const char *magic, const char *name, const char *length, const char *name_length)
{
	size_t n = at + (size_t)sprintf((char *)file + at, "%s%048d%8s%032d%8s%08d%s", magic, 0, length, 0, name_length, 0,
					name) + 1;
	while (n % 4)
		file[n++] = 0;
	return n;
}

static void test_initramfs(void)
{
	static const char path[] = "boot/initramfs-6.1.img";
	static const struct {
		const char *magic, *name, *length, *name_length, *words;
	} rows[] = {
		{"070703", "a", "00000000", "00000002", "a damaged cpio header"},
		{"070701", "a", "0000000g", "00000002", "a damaged cpio header"},
		{"070701", "a", "00000000", "0000 002", "a damaged cpio header"},
		{"070701", "a", "00000000", "00000000", "a damaged cpio header"},
		{"070701", "a", "ffffffff", "00000002", "cut off in a cpio member"},
		{"070701", "a", "00000000", "fffffff0", "cut off in a cpio"},
		{"070702", "TRAILER!!?", "00000000", "0000000b", "cut off in a cpio header"},
		{"070702", "a", "00000000", "00000002", "cut off in a cpio header"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		size_t n = put_member(0, rows[i].magic, rows[i].name, rows[i].length, rows[i].name_length);
		expect(path, n, OUTCOME_BROKEN, rows[i].words);
	}
	/* Upper and lower case; the trailer; nothing that proves itself. */
	size_t end = put_member(0, "070701", "TRAILER!!!", "00000000", "0000000B");
	expect(path, end, OUTCOME_SKIPPED, "carries no checksum");
	memcpy(file + end, "\0\0\0\0what follows is none that we know", 38);
	expect(path, end + 38, OUTCOME_SKIPPED, "compressed in a way that is not read here");
	memcpy(file + end, "\0\0\0\0tail", 8);
	expect(path, end + 6, OUTCOME_SKIPPED, "compressed in a way that is not read here");
	/* zstd without a checksum proves nothing; of two members one that does is enough. */
	size_t bare_size, size;
	autofree uint8_t *bare = fixture_file("fixtures/witness/nocheck.zst", &bare_size);
	autofree uint8_t *good = fixture_file("fixtures/witness/one.gz", &size);
	NEED(bare && good && bare_size + size + end < sizeof file);
	memcpy(file + end, bare, bare_size);
	expect(path, end + bare_size, OUTCOME_SKIPPED, "carries no checksum");
	memcpy(file + end, good, size);
	memset(file + end + size, 0, 5000);
	expect(path, end + size + 5000, OUTCOME_HELD, "");
	/* Another archive behind the compressed one, and one that begins damaged. */
	size_t again = (end + size + 3) / 4 * 4;
	put_member(again, "070701", "TRAILER!!!", "00000000", "0000000b");
	expect(path, again + end, OUTCOME_HELD, "");
	put_member(again, "070701", "TRAILER!!!", "0000000x", "0000000b");
	expect(path, again + end, OUTCOME_BROKEN, "a damaged cpio header");
	file[end + size / 2] ^= 1;
	CHECK_INT(ask(path, file, again + end), OUTCOME_BROKEN);
	static const char *const unfinished[] = {"boot/initrd.tmp", "boot/initrd~", "boot/init"};
	for (size_t i = 0; i < ARRAY_SIZE(unfinished); i++) {
		ask(unfinished[i], good, size);
		CHECK(strcmp(row, "initramfs"));
	}
}

#define KERNEL (5 * 512 + 65536)

static void make_kernel(const char *version)
{
	memset(file, 0, 2048);
	for (size_t i = 2048; i < KERNEL; i++)
		file[i] = (uint8_t)(i * 2654435761u >> 13);
	put_number(file + 0x1f4, 65536 / 16, 4, false);
	memcpy(file + 0x1fe, "\x55\xaa", 2);
	memcpy(file + 0x202, "HdrS\x0f\x02", 6);
	put_number(file + 0x20e, 0x300, 2, false);
	strcpy((char *)file + 0x500, version);
}

/* Which kernels carry a checksum, told by a version that may be anywhere or nowhere. Without setup sectors: four. */
static void test_kernel(void)
{
	static const struct {
		unsigned at, bytes;
		uint32_t value;
		enum outcome outcome;
	} rows[] = {
		{0x500, 1, '6', OUTCOME_BROKEN}, /* nothing but the checksum is wrong */
		{0x1f1, 1, 4, OUTCOME_BROKEN},
		{0x206, 2, 0x207, OUTCOME_SKIPPED},
		{0x20e, 2, 0, OUTCOME_SKIPPED},
		{0x20e, 2, 0xffff, OUTCOME_SKIPPED},
		{0x500, 1, '7', OUTCOME_SKIPPED},
		{0x501, 1, 0, OUTCOME_SKIPPED},
		{0x202, 1, 'h', OUTCOME_SKIPPED},
		{0x1f4, 4, 65536, OUTCOME_BROKEN}, /* cut */
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make_kernel("6.1.0");
		put_number(file + rows[i].at, rows[i].value, (int)rows[i].bytes, false);
		int before = test_bad_here;
		expect("boot/vmlinuz-6.1.0", KERNEL, rows[i].outcome, "");
		expect("boot/bzImage", KERNEL, rows[i].outcome, "");
		if (before != test_bad_here)
			fprintf(stderr, "row %zu\n", i);
	}
	/* Signed: where its PE header says so, and it is one. */
	for (int wide = 0; wide < 2; wide++) {
		uint8_t *nt = file + 0x40;
		make_kernel("6.1.0");
		memcpy(file, "MZ", 2);
		put_number(file + 0x3c, 0x40, 4, false);
		memcpy(nt, "PE\0\0", 4);
		put_number(nt + 24, wide ? 0x20b : 0x10b, 2, false);
		expect("boot/vmlinuz", KERNEL, OUTCOME_BROKEN, "CRC-32");
		nt[24 + 64] = 1;
		expect("boot/vmlinuz", KERNEL, OUTCOME_SKIPPED, "signed");
		nt[24 + 64] = 0;
		nt[24 + (wide ? 148 : 132)] = 1;
		expect("boot/vmlinuz", KERNEL, OUTCOME_SKIPPED, "signed");
		nt[3] = 1;
		expect("boot/vmlinuz", KERNEL, OUTCOME_BROKEN, "CRC-32");
		nt[3] = 0;
		file[1] = 'z';
		expect("boot/vmlinuz", KERNEL, OUTCOME_BROKEN, "CRC-32");
		file[1] = 'Z';
		put_number(file + 0x3c, 0x7f0, 4, false);
		expect("boot/vmlinuz", KERNEL, OUTCOME_BROKEN, "CRC-32");
		put_number(file + 0x3c, UINT32_MAX, 4, false);
		expect("boot/vmlinuz", KERNEL, OUTCOME_BROKEN, "CRC-32");
	}
	make_kernel("6.1.0");
	expect("boot/vmlinuz", 1024, OUTCOME_SKIPPED, "too short");
	CHECK_INT(row_of("kernel")->recognise("boot/vmlinuz", file, 511), false);
	file[511] = 0;
	CHECK_INT(row_of("kernel")->recognise("boot/vmlinuz", file, 512), false);
}

/* Pages of SQL Server; more than are read at once, the last of them damaged. */
static void test_mssql(void)
{
	size_t size = 40 * 8192;
	memset(file, 0, size);
	file[0] = 1;
	file[1] = 15;
	expect("data/a.mdf", size, OUTCOME_SKIPPED, "no page carries a checksum");
	for (size_t at = 0; at < size; at += 8192)
		put_number(file + at + 4, 0x200, 2, false);
	CHECK(ask("data/a.mdf", file, size) != OUTCOME_HELD);
	ask("data/a.txt", file, size);
	CHECK_STR(row, "");
	file[1] = 14;
	ask("data/a.mdf", file, size);
	CHECK_STR(row, "");
}

/* Names that promise what the bytes are not; bytes that expand to nothing anybody wants. */
static void test_compressed(void)
{
	static const char *const names[] = {"gzip", "xz", "zstd", "bzip2", "lz4"};
	static const char *const paths[] = {"a.gz", "a.xz", "a.zst", "a.bz2", "a.lz4"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		const struct witness *w = row_of(names[i]);
		CHECK_INT(ask_row(w, paths[i], "this is plain text", 18, 18), OUTCOME_SKIPPED);
		CHECK_INT(ask_row(w, "a.txt", "this is plain text", 18, 18), OUTCOME_SKIPPED);
		CHECK_INT(ask_row(w, paths[i], "", 0, 0), OUTCOME_SKIPPED);
		CHECK_INT(ask_row(w, paths[i], "\0\0\0\0", 4, 4), OUTCOME_SKIPPED);
		CHECK_INT(ask_row(w, paths[i], "", 0, 4096), OUTCOME_BROKEN); /* zeros, all of it */
		CHECK(strstr(why.text, "zeros where a"));
	}
	/* A skippable frame alone holds nothing; one that is cut is damaged. */
	CHECK_INT(ask("a.zst", "\x28\xb5\x2f\xfd", 4), OUTCOME_BROKEN);
	CHECK_INT(ask("a.lz4", "\x02\x21\x4c\x18\0\0\0\0", 8), OUTCOME_SKIPPED);
	/* 512 MiB of zeros in 16 KiB or so: frames of one repeated byte each, 128 KiB a block. */
	size_t n = 0;
	memcpy(file, "\x28\xb5\x2f\xfd\x84\x38\0\0\0\x20", 10); /* 512 MiB, with a checksum */
	n = 10;
	for (int i = 0; i < 4096; i++, n += 4)
		memcpy(file + n, i == 4095 ? "\x03\0\x10\0" : "\x02\0\x10\0", 4);
	memset(file + n, 0, 4);
	expect("usr/share/a.zst", n + 4, OUTCOME_SKIPPED, "times its size");
	CHECK_INT(why.cls, ERROR_LIMIT);
}

int main(void)
{
	RUN(test_png);
#ifdef HAVE_SQLITE3
	RUN(test_sqlite);
#endif
	RUN(test_initramfs);
	RUN(test_kernel);
	RUN(test_mssql);
	RUN(test_compressed);
	return test_done();
}
