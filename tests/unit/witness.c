// SPDX-License-Identifier: GPL-3.0-or-later
/* Whole files prove themselves, damaged ones do not, odd but healthy ones raise no alarm. */
#include <elf.h>
#include <sys/mman.h>

#include "../../src/sample/witness/pe.h"
#include "backproof/witness.h"
#include "test.h"

struct data {
	uint8_t *p;
	size_t len;
};

static struct data load(const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "fixtures/witness/%s", name);
	FILE *f = fopen(path, "r");
	NEED(f);
	struct data d = {malloc(1 << 20), 0};
	NEED(d.p);
	d.len = fread(d.p, 1, 1 << 20, f);
	fclose(f);
	return d;
}

static struct error why;
static const char *row;

/* What the right row says of these bytes at this path; SKIPPED and row "" when no row wants them. */
static enum outcome ask(const char *path, const uint8_t *p, size_t len)
{
	const struct witness *w = witness_for(path, p, len < 512 ? len : 512);
	memset(&why, 0, sizeof why);
	row = w ? w->name : "";
	if (!w)
		return OUTCOME_SKIPPED;
	int fd = memfd_create("witness", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, p, len) == (ssize_t)len);
	enum outcome o = w->check(fd, len, path, &why);
	close(fd);
	return o;
}

static enum outcome ask_file(const char *name)
{
	char path[200];
	struct data d = load(name);
	snprintf(path, sizeof path, "usr/share/%s", name);
	enum outcome o = ask(path, d.p, d.len);
	free(d.p);
	return o;
}

static void whole(void)
{
	static const struct {
		const char *file, *row;
		enum outcome outcome;
	} cases[] = {
		{"one.gz", "gzip", OUTCOME_HELD},
		{"one.xz", "xz", OUTCOME_HELD},
		{"one.zst", "zstd", OUTCOME_HELD},
		{"one.bz2", "bzip2", OUTCOME_HELD},
		{"one.lz4", "lz4", OUTCOME_HELD},
		{"nocheck.zst", "zstd", OUTCOME_SKIPPED},
		{"stored.zip", "zip", OUTCOME_HELD},
		{"deflated.zip", "zip", OUTCOME_HELD},
		{"wide.zip", "zip", OUTCOME_HELD},
		{"encrypted.zip", "zip", OUTCOME_SKIPPED},
		{"prefixed.jar", "zip", OUTCOME_HELD},
		{"image.png", "png", OUTCOME_HELD},
		{"code.so", "elf", OUTCOME_HELD},
		{"relocatable.elf", "elf", OUTCOME_HELD},
		{"code.debug", "elf", OUTCOME_SKIPPED},
#ifdef HAVE_SQLITE3
		{"rollback.sqlite", "sqlite", OUTCOME_HELD},
		{"wal.sqlite", "sqlite", OUTCOME_HELD},
		{"constraint.sqlite", "sqlite", OUTCOME_HELD},
#endif
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		enum outcome o = ask_file(cases[i].file);
		if (o != cases[i].outcome || strcmp(row, cases[i].row)) {
			fprintf(stderr, "%s: %s says %s: %s\n", cases[i].file, row, outcome_name(o),
				why.text);
			test_bad_here++;
		}
	}
}

static const char *const damageable[] = {
	"one.gz",	"one.xz",    "one.zst",	  "one.bz2", "one.lz4",
	"deflated.zip", "wide.zip", "stored.zip", "image.png", "code.so",
#ifdef HAVE_SQLITE3
	"rollback.sqlite",
#endif
};

static void complain(const char *file, const char *what, size_t at, enum outcome o)
{
	fprintf(stderr, "%s: %s at %zu: %s\n", file, what, at, outcome_name(o));
	test_bad_here++;
}

/* However it is cut, it is never whole; past the header it is always called broken. */
static void cut(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(damageable); i++) {
		char path[200];
		struct data d = load(damageable[i]);
		snprintf(path, sizeof path, "usr/share/%s", damageable[i]);
		size_t step = d.len / 150 + 1;
		for (size_t n = 0; n < d.len; n += d.len - n > 40 ? step : 1) {
			enum outcome o = ask(path, d.p, n);
			if (o == OUTCOME_HELD || (n >= 64 && o != OUTCOME_BROKEN))
				complain(damageable[i], "cut", n, o);
		}
		free(d.p);
	}
}

/* Bits inside the content; headers have fields that nothing vouches for (times, names). */
static void flipped(void)
{
	static const struct {
		const char *file;
		size_t from, end; /* end: bytes before the end of the file that are left out */
	} cases[] = {
		{"one.gz", 10, 0},   {"one.xz", 0, 0},	   {"one.zst", 8, 0}, {"one.bz2", 0, 0},
		{"one.lz4", 4, 0},   {"image.png", 8, 0}, {"stored.zip", 90, 150},
		{"deflated.zip", 90, 3000},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char path[200];
		struct data d = load(cases[i].file);
		snprintf(path, sizeof path, "usr/share/%s", cases[i].file);
		for (size_t at = cases[i].from; at < d.len - cases[i].end; at += 1 + d.len / 400) {
			d.p[at] ^= (uint8_t)(1u << (at % 8));
			enum outcome o = ask(path, d.p, d.len);
			d.p[at] ^= (uint8_t)(1u << (at % 8));
			/* Huffman tables have bits that nothing depends on: the content is the same. */
			bool unused = (at == 2241 && strstr(path, ".zst")) ||
				      (at == 72 && strstr(path, ".bz2"));
			if (unused && o == OUTCOME_HELD)
				continue;
			if (o == OUTCOME_HELD || (at > 16 && o != OUTCOME_BROKEN && o != OUTCOME_SKIPPED))
				complain(cases[i].file, "flipped", at, o);
		}
		free(d.p);
	}
}

/* A block that was not written, or not read, is zeros. */
static void lost_blocks(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(damageable); i++) {
		char path[200];
		struct data d = load(damageable[i]);
		snprintf(path, sizeof path, "usr/share/%s", damageable[i]);
		size_t block = d.len > 9000 ? 4096 : 1024;
		for (size_t at = 0; at + block <= d.len; at += block) {
			uint8_t keep[4096];
			/* Without its magic a database or program is any file. */
			bool blind = at == 0 && (strstr(path, ".so") || strstr(path, ".sqlite"));
			memcpy(keep, d.p + at, block);
			memset(d.p + at, 0, block);
			enum outcome o = ask(path, d.p, d.len);
			memcpy(d.p + at, keep, block);
			if (o != OUTCOME_BROKEN && !blind)
				complain(damageable[i], "zeros", at, o);
		}
		free(d.p);
	}
}

static void trailing(void)
{
	struct data d = load("one.gz"), x = load("one.xz"), p = load("image.png");
	memcpy(d.p + d.len, "signature", 9);
	CHECK_INT(ask("usr/share/a.gz", d.p, d.len + 9), OUTCOME_SKIPPED);
	memcpy(x.p + x.len, "signature", 9);
	CHECK_INT(ask("usr/share/a.xz", x.p, x.len + 9), OUTCOME_BROKEN);
	memcpy(p.p + p.len, "appended", 8);
	CHECK_INT(ask("usr/share/a.png", p.p, p.len + 8), OUTCOME_HELD);
	/* Two members, the second one cut */
	memcpy(d.p + d.len, d.p, d.len);
	CHECK_INT(ask("usr/share/a.gz", d.p, 2 * d.len), OUTCOME_HELD);
	CHECK_INT(ask("usr/share/a.gz", d.p, 2 * d.len - 5), OUTCOME_BROKEN);
	free(d.p);
	free(x.p);
	free(p.p);
}

/* Damage that leaves all data as it was. */
static void tables(void)
{
	struct data d = load("deflated.zip");
	uint8_t *end = d.p + d.len - 22;
	NEED(!memcmp(end, "PK\5\6", 4));
	end[10]--;
	CHECK_INT(ask("usr/share/a.zip", d.p, d.len), OUTCOME_BROKEN);
	end[10]++;
	d.p[get_le32(end + 16)] ^= 1;
	CHECK_INT(ask("usr/share/a.zip", d.p, d.len), OUTCOME_BROKEN);
	free(d.p);

	d = load("code.so");
	Elf64_Ehdr h;
	memcpy(&h, d.p, sizeof h);
	unsigned tried = 0;
	for (unsigned i = 0; i < h.e_shnum; i++) {
		Elf64_Shdr s;
		memcpy(&s, d.p + h.e_shoff + i * sizeof s, sizeof s);
		/* The last byte of names, a name in symbols, the first entry of the dynamic section */
		size_t at = s.sh_type == SHT_STRTAB   ? s.sh_offset + s.sh_size - 1
			    : s.sh_type == SHT_DYNSYM ? s.sh_offset + 24 + 3
						      : s.sh_offset;
		uint8_t old[8];
		memcpy(old, d.p + at, 8);
		if (s.sh_type != SHT_STRTAB && s.sh_type != SHT_DYNSYM && s.sh_type != SHT_DYNAMIC)
			continue;
		if (s.sh_type == SHT_DYNAMIC)
			memset(d.p + at, 0, 8);
		else
			d.p[at] = 0x7f;
		CHECK_INT(ask("usr/lib/code.so", d.p, d.len), OUTCOME_BROKEN);
		memcpy(d.p + at, old, 8);
		tried |= 1u << (s.sh_type & 31);
	}
	CHECK_INT(__builtin_popcount(tried), 3);
	CHECK_INT(ask("usr/lib/code.so", d.p, d.len), OUTCOME_HELD);
	free(d.p);
}

static void places(void)
{
	struct data d = load("one.gz");
	CHECK_INT(ask("usr/share/doc/a.gz", d.p, d.len - 1), OUTCOME_BROKEN);
	CHECK_INT(ask("home/joe/a.gz", d.p, d.len - 1), OUTCOME_BROKEN);
	/* Half-written on a healthy system */
	CHECK_INT(ask("var/log/syslog.2.gz", d.p, d.len - 1), OUTCOME_SKIPPED);
	CHECK(why.cls == ERROR_CORRUPT && !strcmp(row, "gzip"));
	CHECK_INT(ask("home/joe/Downloads/a.gz", d.p, d.len - 1), OUTCOME_SKIPPED);
	CHECK_INT(ask("home/joe/.cache/x/a.gz", d.p, d.len - 1), OUTCOME_SKIPPED);
	/* but whole is whole */
	CHECK_INT(ask("var/log/syslog.2.gz", d.p, d.len), OUTCOME_HELD);
	/* Broken on purpose */
	CHECK_INT(ask("usr/lib/python3/test/a.gz", d.p, d.len - 1), OUTCOME_SKIPPED);
	CHECK_STR(row, "");
	CHECK_INT(ask("usr/share/x/bad-crc.gz", d.p, d.len - 1), OUTCOME_SKIPPED);
	CHECK_STR(row, "");
	ask("usr/share/badge/badger.gz", d.p, d.len);
	CHECK_STR(row, "gzip");
	/* An initramfs goes on behind a member, by rules of its own; and the name must promise the format. */
	ask("boot/initrd.gz", d.p, d.len);
	CHECK_STR(row, "initramfs");
	ask("boot/initrd.img-6.1.0.new", d.p, d.len);
	CHECK_STR(row, "");
	ask("boot/blob", d.p, d.len);
	CHECK_STR(row, "");
	/* A plain file that is called so */
	ask("usr/share/a.gz", (const uint8_t *)"this is plain text, sorry", 25);
	CHECK_STR(row, "");
	CHECK_INT(ask("usr/share/a.gz", (const uint8_t *)"", 0), OUTCOME_SKIPPED);
	free(d.p);
}

#ifdef HAVE_SQLITE3
static void databases(void)
{
	struct data d = load("wal.sqlite");
	memset(d.p + 3 * 1024, 0x55, 4096);
	/* The WAL that would make it whole is not seen. */
	CHECK_INT(ask("var/lib/app/wal.sqlite", d.p, d.len), OUTCOME_SKIPPED);
	free(d.p);
	d = load("rollback.sqlite");
	memset(d.p + 3 * 1024, 0x55, 4096);
	CHECK_INT(ask("var/lib/app/a.db", d.p, d.len), OUTCOME_BROKEN);
	CHECK_INT(ask("var/cache/app/a.db", d.p, d.len), OUTCOME_SKIPPED);
	/* A schema that names what only its application has. */
	free(d.p);
	d = load("rollback.sqlite");
	for (size_t i = 0; i + 7 < d.len; i++)
		if (!memcmp(d.p + i, "on t(b)", 7))
			memcpy(d.p + i, "on t(q)", 7);
	enum outcome o = ask("var/lib/app/a.db", d.p, d.len);
	CHECK(o == OUTCOME_SKIPPED || o == OUTCOME_BROKEN);
	free(d.p);
}
#endif

static void put32(uint8_t *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

/* A PE32+ library of one section, and its checksum by the plain algorithm. */
static struct data make_pe(void)
{
	struct data d = {calloc(1, 4096), 2048};
	NEED(d.p);
	uint8_t *nt = d.p + 128, *opt = nt + 24, *section = opt + 240;
	memcpy(d.p, "MZ", 2);
	put32(d.p + 60, 128);
	memcpy(nt, "PE\0\0\x64\x86\1", 7);
	nt[20] = 240;
	memcpy(opt, "\x0b\x02", 2);
	put32(opt + 36, 512);
	put32(opt + 108, 16);
	memcpy(section, ".text\0\0\0", 8);
	put32(section + 16, 1024);
	put32(section + 20, 1024);
	for (size_t i = 0; i < 1024; i++)
		d.p[1024 + i] = (uint8_t)(i * 31);
	uint32_t sum = 0;
	for (size_t i = 0; i < d.len; i += 2) {
		sum += (uint32_t)(d.p[i] | d.p[i + 1] << 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	put32(opt + 64, sum + (uint32_t)d.len);
	return d;
}

/* As version information has it. */
static void name_company(uint8_t *p)
{
	static const char text[] = "CompanyName\0\0Microsoft Corporation";
	for (size_t i = 0; i < sizeof text; i++) {
		p[2 * i] = (uint8_t)text[i];
		p[2 * i + 1] = 0;
	}
}

static struct data load_program(const char *kind)
{
	char path[64];
	snprintf(path, sizeof path, "fixtures/windows/pe/%s.exe", kind);
	FILE *fp = fopen(path, "rb");
	struct data d = {calloc(1, 16384), 0};
	NEED(fp && d.p);
	d.len = fread(d.p, 1, 16384, fp);
	fclose(fp);
	NEED(d.len > 3000 && d.len < 16384);
	return d;
}

struct in_memory {
	struct data d;
	size_t at, step;
};

static int begin(void *ctx, struct error *e)
{
	(void)e;
	((struct in_memory *)ctx)->at = 0;
	return 0;
}

static ssize_t give(void *ctx, void *buf, size_t cap, struct error *e)
{
	struct in_memory *m = ctx;
	size_t n = m->d.len - m->at;
	(void)e;
	n = n < cap ? n : cap;
	n = n < m->step ? n : m->step;
	memcpy(buf, m->d.p + m->at, n);
	m->at += n;
	return (ssize_t)n;
}

static enum pe_verdict verdict_of(const char *path, struct data d)
{
	struct in_memory m = {d, 0, 1001};
	struct pe_reader r = {&m, begin, give};
	struct error e;
	autofree uint8_t *buf = malloc(PE_BUFFER);
	NEED(buf);
	return pe_check(&r, d.len, path, buf, &e);
}

/* The same with the pieces as small as they come. */
static enum pe_signed signed_in_pieces(struct data d, size_t step, bool *microsoft)
{
	struct pe pe;
	struct error e;
	NEED(pe_headers(d.p, d.len, d.len, &pe, &e) == 1);
	autodestroy(pe_deep_free_auto) struct pe_deep *x = pe_deep_new(&pe, &e);
	NEED(x);
	for (size_t at = 0; at < d.len; at += step)
		NEED(!pe_deep_add(x, d.p + at, d.len - at < step ? d.len - at : step, &e));
	*microsoft = pe_deep_microsoft(x);
	return pe_deep_signed(x);
}

static void windows_signatures(void)
{
	static const char *const kinds[] = {"sha1", "sha256", "sha384"};
	const size_t sum = 64 + 24 + 64;
	bool microsoft;
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct data d = load_program(kinds[k]);
		bool known = k < 2; /* nobody signs with another digest */
		CHECK_INT(verdict_of("Windows/System32/a.exe", d), PE_HELD);
		for (size_t step = 1; step < 5000; step += 1 + step / 2) {
			CHECK_INT(signed_in_pieces(d, step, &microsoft), known ? PE_SIGNED_SO : PE_UNSIGNED);
			CHECK(!microsoft);
		}
		/* An old sum over bytes that are as they were signed; a driver must not have one. */
		d.p[sum] ^= 1;
		CHECK_INT(verdict_of("Windows/System32/a.exe", d), known ? PE_STALE : PE_UNCLEAR);
		CHECK_INT(verdict_of("Windows/System32/drivers/a.sys", d), PE_BROKEN);
		CHECK_INT(verdict_of("Program Files/a.exe", d), PE_UNCLEAR);
		d.p[sum] ^= 1;
		/* Each byte that is signed. */
		for (size_t at = 512; at < 3500; at += 41) {
			d.p[at] ^= 0x10;
			CHECK_INT(verdict_of("Windows/System32/a.exe", d), known ? PE_BROKEN : PE_UNCLEAR);
			d.p[at] ^= 0x10;
		}
		d.len -= 100; /* of the signature */
		CHECK_INT(verdict_of("Windows/System32/a.exe", d), PE_BROKEN);
		free(d.p);
	}
	struct data d = load_program("microsoft");
	CHECK_INT(verdict_of("Windows/System32/a.exe", d), PE_HELD);
	for (size_t step = 1; step < 3000; step += 1 + step / 3) {
		CHECK_INT(signed_in_pieces(d, step, &microsoft), PE_UNSIGNED);
		CHECK(microsoft);
	}
	d.p[2000] ^= 1;
	CHECK_INT(verdict_of("Windows/System32/a.exe", d), PE_BROKEN);
	CHECK_INT(verdict_of("WINNT/system32/a.exe", d), PE_BROKEN);
	d.p[1030] ^= 8; /* no company any more; nor does the sum come out even */
	CHECK_INT(verdict_of("Windows/System32/a.exe", d), PE_UNCLEAR);
	for (size_t cut = 0; cut < d.len; cut += 1 + cut / 4)
		CHECK(verdict_of("Windows/System32/drivers/a.sys", (struct data){d.p, cut}) == PE_BROKEN);
	memset(d.p, 0, 512);
	CHECK_INT(verdict_of("Windows/System32/a.exe", d), PE_UNCLEAR);
	CHECK_INT(verdict_of("Windows/System32/drivers/a.sys", d), PE_BROKEN);
	CHECK_INT(verdict_of("Windows/System32/himem.sys", d), PE_UNCLEAR);
	d.p[0] = 0xff;
	CHECK_INT(verdict_of("Windows/System32/himem.sys", d), PE_NONE);
	free(d.p);
}

static void windows_programs(void)
{
	struct data d = make_pe();
	CHECK_INT(ask("Windows/System32/a.dll", d.p, d.len), OUTCOME_HELD);
	CHECK_STR(row, "pe");
	d.p[1500] ^= 4;
	CHECK_INT(ask("Windows/System32/ntdll.dll", d.p, d.len), OUTCOME_BROKEN);
	/* Third parties leave wrong sums behind; Microsoft does not. */
	CHECK_INT(ask("Windows/System32/a.dll", d.p, d.len), OUTCOME_SKIPPED);
	name_company(d.p + 1600);
	CHECK_INT(ask("Windows/System32/a.dll", d.p, d.len), OUTCOME_BROKEN);
	CHECK_INT(ask("Program Files/x/a.exe", d.p, d.len), OUTCOME_SKIPPED);
	free(d.p);
	d = make_pe();
	d.p[1500] ^= 4;
	CHECK_INT(ask("Program Files/x/driver.sys", d.p, d.len), OUTCOME_BROKEN);
	/* Elsewhere tools leave wrong sums behind. */
	CHECK_INT(ask("Program Files/x/a.exe", d.p, d.len), OUTCOME_SKIPPED);
	CHECK_INT(ask("EFI/Linux/debian-6.1.efi", d.p, d.len), OUTCOME_SKIPPED);
	CHECK_INT(ask("EFI/debian/grubx64.efi", d.p, d.len), OUTCOME_BROKEN);
	CHECK_INT(ask("boot/efi/EFI/BOOT/BOOTX64.EFI", d.p, d.len), OUTCOME_BROKEN);
	d.p[1500] ^= 4;
	CHECK_INT(ask("EFI/debian/grubx64.efi", d.p, d.len), OUTCOME_HELD);
	CHECK_INT(ask("Program Files/x/a.exe", d.p, 1500), OUTCOME_BROKEN);
	put32(d.p + 128 + 24 + 64, 0);
	CHECK_INT(ask("EFI/debian/grubx64.efi", d.p, d.len), OUTCOME_SKIPPED);
	CHECK_INT(ask("EFI/debian/grubx64.efi", d.p, 1500), OUTCOME_BROKEN);
	/* A DOS program is none of ours. */
	memset(d.p + 2, 0xff, 100);
	CHECK_INT(ask("dos/a.exe", d.p, d.len), OUTCOME_SKIPPED);
	free(d.p);
}

/* A newc member: header, name and data, each padded to four bytes. */
static size_t put_cpio(uint8_t *to, const char *name, const char *data)
{
	size_t n = (size_t)sprintf((char *)to,
				   "070701%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%08x%s", 1, 0100644, 0, 0, 1, 0,
				   (unsigned)strlen(data), 0, 0, 0, 0, (unsigned)strlen(name) + 1, 0, name) + 1;
	while (n % 4)
		to[n++] = 0;
	memcpy(to + n, data, strlen(data));
	n += strlen(data);
	while (n % 4)
		to[n++] = 0;
	return n;
}

static void initramfs(void)
{
	static uint8_t buf[1 << 16];
	static const char path[] = "boot/initrd.img-6.1.0";
	struct data gz = load("one.gz");
	NEED(gz.len + 4096 < sizeof buf);
	/* As initramfs-tools lays it out: microcode in plain cpio, zeros, then what is compressed. */
	size_t n = put_cpio(buf, "kernel/x86/microcode/AuthenticAMD.bin", "microcode bytes");
	n += put_cpio(buf + n, "TRAILER!!!", "");
	n = (n + 511) / 512 * 512;
	size_t start = n;
	memcpy(buf + n, gz.p, gz.len);
	n += gz.len;
	CHECK_INT(ask(path, buf, n), OUTCOME_HELD);
	CHECK_STR(row, "initramfs");
	CHECK_INT(ask(path, buf, n + 100), OUTCOME_HELD); /* padding */
	CHECK_INT(ask(path, buf + start, n - start), OUTCOME_HELD);
	CHECK_INT(ask(path, buf, n - 1), OUTCOME_BROKEN);
	CHECK_INT(ask(path, buf, start - 480), OUTCOME_BROKEN); /* cut in the first archive */
	for (size_t at = start + 20; at < n; at += 13) {
		buf[at] ^= 0x10;
		CHECK_INT(ask(path, buf, n), OUTCOME_BROKEN);
		buf[at] ^= 0x10;
	}
	buf[8 * 11 + 6 + 7] ^= 0x01; /* a length in the first header */
	CHECK_INT(ask(path, buf, n), OUTCOME_BROKEN);
	buf[8 * 11 + 6 + 7] ^= 0x01;
	/* Nothing in it has a checksum: it can't prove itself, and that is no fault. */
	CHECK_INT(ask(path, buf, start), OUTCOME_SKIPPED);
	free(gz.p);
}

#define KERNEL (5 * 512 + 65536)

static void put_le16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)v;
	p[1] = (uint8_t)(v >> 8);
}
static void put_le32(uint8_t *p, uint32_t v)
{
	put_le16(p, (uint16_t)v);
	put_le16(p + 2, (uint16_t)(v >> 16));
}

static uint32_t kernel_crc(const uint8_t *p, size_t len)
{
	uint32_t c = UINT32_MAX;
	for (size_t i = 0; i < len; i++) {
		c ^= p[i];
		for (int bit = 0; bit < 8; bit++)
			c = c >> 1 ^ (c & 1 ? 0xedb88320 : 0);
	}
	return c;
}

/* A kernel for x86 with its CRC-32; of Linux 6.16 and later, and signed ones, nothing is known. */
static void make_kernel(uint8_t *k, const char *version)
{
	for (size_t i = 0; i < KERNEL; i++)
		k[i] = i < 2048 ? 0 : (uint8_t)(i * 2654435761u >> 13);
	k[0x1f1] = 4;
	put_le32(k + 0x1f4, 65536 / 16);
	memcpy(k + 0x1fe, "\x55\xaa", 2);
	memcpy(k + 0x202, "HdrS\x0f\x02", 6);
	put_le16(k + 0x20e, 0x300);
	strcpy((char *)k + 0x500, version);
	put_le32(k + KERNEL - 4, kernel_crc(k, KERNEL - 4));
}

static void kernel(void)
{
	uint8_t *k = malloc(KERNEL + 1000);
	NEED(k);
	make_kernel(k, "6.1.0-13-amd64 (somebody@example.org) #1 SMP");
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, KERNEL), OUTCOME_HELD);
	CHECK(!strcmp(row, "kernel"));
	memset(k + KERNEL, 7, 1000); /* what a packer appended is not counted */
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, KERNEL + 1000), OUTCOME_HELD);
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, KERNEL - 1), OUTCOME_BROKEN);
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, 4096), OUTCOME_BROKEN);
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, 600), OUTCOME_SKIPPED);
	for (size_t at = 2049; at < KERNEL; at += 611) {
		k[at] ^= 0x20;
		CHECK_INT(ask("boot/vmlinuz-6.1.0", k, KERNEL), OUTCOME_BROKEN);
		k[at] ^= 0x20;
	}
	k[3000] ^= 1;
	memcpy(k, "MZ", 2);
	put_le32(k + 0x3c, 0x40);
	memcpy(k + 0x40, "PE\0\0", 4);
	put_le16(k + 0x40 + 24, 0x20b);
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, KERNEL), OUTCOME_BROKEN);
	put_le32(k + 0x40 + 24 + 148, 1472);
	CHECK_INT(ask("boot/vmlinuz-6.1.0", k, KERNEL), OUTCOME_SKIPPED);
	static const char *const without[] = {"6.16.1-arch", "7.0", "10.2.3", "no version"};
	for (size_t i = 0; i < ARRAY_SIZE(without); i++) {
		make_kernel(k, without[i]);
		CHECK_INT(ask("boot/vmlinuz", k, KERNEL), OUTCOME_HELD);
		k[3000] ^= 1;
		CHECK_INT(ask("boot/vmlinuz", k, KERNEL), OUTCOME_SKIPPED);
	}
	free(k);
}

int main(void)
{
	size_t count;
	(void)witness_rows(&count);
	NEED(count == 14); /* ese and mssql: ese.c */
	RUN(whole);
	RUN(cut);
	RUN(flipped);
	RUN(lost_blocks);
	RUN(trailing);
	RUN(tables);
	RUN(places);
#ifdef HAVE_SQLITE3
	RUN(databases);
#endif
	RUN(windows_programs);
	RUN(windows_signatures);
	RUN(initramfs);
	RUN(kernel);
	return test_done();
}
