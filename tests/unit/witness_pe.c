// SPDX-License-Identifier: GPL-3.0-or-later
/* Programs of Windows, of 32 and 64 bits: headers, sections that go beyond the file, readers that fail, paths. */
#include "../../src/sample/witness/pe.h"
#include "witness_help.h"

#define HEAD 128u
#define OPTIONAL (HEAD + 24)

struct program {
	uint8_t p[4096];
	size_t len, directories, section;
};

static void sum_up(struct program *d)
{
	uint32_t sum = 0;
	put_number(d->p + OPTIONAL + 64, 0, 4, false);
	for (size_t i = 0; i < d->len; i += 2) {
		sum += (uint32_t)(d->p[i] | d->p[i + 1] << 8);
		sum = (sum & 0xffff) + (sum >> 16);
	}
	put_number(d->p + OPTIONAL + 64, sum + d->len, 4, false);
}

static struct program make(bool plus)
{
	struct program d = {.len = 2048, .directories = OPTIONAL + (plus ? 112 : 96)};
	size_t length = plus ? 240 : 224;
	uint8_t *nt = d.p + HEAD, *opt = d.p + OPTIONAL;
	d.section = OPTIONAL + length;
	memcpy(d.p, "MZ", 2);
	put_number(d.p + 60, HEAD, 4, false);
	memcpy(nt, plus ? "PE\0\0\x64\x86\1" : "PE\0\0\x4c\x01\1", 7);
	nt[20] = (uint8_t)length;
	memcpy(opt, plus ? "\x0b\x02" : "\x0b\x01", 2);
	put_number(opt + 36, 512, 4, false);
	put_number(d.p + d.directories - 4, 16, 4, false);
	memcpy(d.p + d.section, ".text\0\0\0", 8);
	put_number(d.p + d.section + 16, 1024, 4, false);
	put_number(d.p + d.section + 20, 1024, 4, false);
	for (size_t i = 0; i < 1024; i++)
		d.p[1024 + i] = (uint8_t)(i * 31);
	sum_up(&d);
	return d;
}

/* Fails with the call whose turn it is, or ends too early. */
static struct {
	const struct program *d;
	size_t at, end;
	unsigned calls, fail;
} reading;

static int begin(void *ctx, struct error *e)
{
	(void)ctx;
	reading.at = 0;
	return ++reading.calls == reading.fail ? error_set(e, ERROR_IO, ERROR_NO_OFFSET, "its turn") : 0;
}

static ssize_t give(void *ctx, void *buf, size_t cap, struct error *e)
{
	size_t n = reading.end - reading.at;
	(void)ctx;
	if (++reading.calls == reading.fail)
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "its turn");
	n = n < cap ? n : cap;
	n = n < 999 ? n : 999;
	memcpy(buf, reading.d->p + reading.at, n);
	reading.at += n;
	return (ssize_t)n;
}

static enum pe_verdict check(const char *path, const struct program *d, size_t end, unsigned fail)
{
	struct pe_reader r = {NULL, begin, give};
	autofree uint8_t *buf = malloc(PE_BUFFER);
	NEED(buf);
	memset(&why, 0, sizeof why);
	reading.d = d;
	reading.end = end;
	reading.calls = 0;
	reading.fail = fail;
	return pe_check(&r, d->len, path, buf, &why);
}

static void test_headers(void)
{
	static const struct {
		size_t at; /* from the section's header on where it is below 64 */
		unsigned width;
		uint32_t value;
		bool again; /* with its sum made right */
		enum pe_verdict want;
	} cases[] = {
		{512, 1, 0, true, PE_HELD},		   {1500, 1, 0xee, false, PE_BROKEN},
		{16, 4, 1 << 20, true, PE_BROKEN},	   {20, 4, 1 << 20, true, PE_BROKEN},
		{16, 4, 1024 + 511, true, PE_HELD},	   {16, 4, 1024 + 512, true, PE_BROKEN},
		{36, 4, 0x80, true, PE_HELD},		   {OPTIONAL, 2, 0x30b, true, PE_BROKEN},
		{OPTIONAL + 36, 4, 1, true, PE_HELD},	   {OPTIONAL + 36, 4, 1 << 20, true, PE_HELD},
		{HEAD, 1, 'N', false, PE_BROKEN},	   {HEAD + 6, 2, 200, true, PE_BROKEN},
		{HEAD + 20, 2, 8000, true, PE_BROKEN},	   {60, 4, 2, false, PE_BROKEN},
		{60, 4, 2040, false, PE_BROKEN},	   {1, 1, 'N', false, PE_BROKEN},
	};
	for (unsigned plus = 0; plus < 2; plus++) {
		struct program d = make(plus);
		CHECK_INT(check("Windows/System32/drivers/a.sys", &d, d.len, 0), PE_HELD);
		for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
			struct program c = d;
			bool section = cases[k].at < 60;
			put_number(c.p + (section ? c.section : 0) + cases[k].at, cases[k].value, (int)cases[k].width, false);
			if (cases[k].again)
				sum_up(&c);
			/* What is not there at all takes no room. */
			if (section && cases[k].at == 36) {
				put_number(c.p + c.section + 16, 1 << 20, 4, false);
				sum_up(&c);
			}
			enum pe_verdict got = check("Windows/System32/drivers/a.sys", &c, c.len, 0);
			if (got != cases[k].want)
				fprintf(stderr, "case %zu of %u: %s\n", k, plus, why.text);
			CHECK_INT(got, cases[k].want);
		}
		/* Without a checksum; fewer directories; a signature beyond the end, one over the headers. */
		struct program c = d;
		put_number(c.p + OPTIONAL + 64, 0, 4, false);
		CHECK_INT(check("Windows/System32/drivers/a.sys", &c, c.len, 0), PE_UNSUMMED);
		c = d;
		put_number(c.p + c.directories - 4, 4, 4, false);
		put_number(c.p + c.directories + 32, 4000, 4, false);
		put_number(c.p + c.directories + 36, 4000, 4, false);
		sum_up(&c);
		CHECK_INT(check("Windows/System32/drivers/a.sys", &c, c.len, 0), PE_HELD);
		put_number(c.p + c.directories - 4, 16, 4, false);
		sum_up(&c);
		CHECK_INT(check("Windows/System32/drivers/a.sys", &c, c.len, 0), PE_BROKEN);
		put_number(c.p + c.directories + 32, 8, 4, false);
		sum_up(&c);
		CHECK_INT(check("Windows/System32/drivers/a.sys", &c, c.len, 0), PE_HELD);
		/* No room for directories. */
		c = d;
		c.p[HEAD + 20] = plus ? 112 : 96;
		memcpy(c.p + OPTIONAL + c.p[HEAD + 20], c.p + c.section, 40);
		sum_up(&c);
		CHECK_INT(check("Windows/System32/drivers/a.sys", &c, c.len, 0), PE_HELD);
	}
}

/* What can't be read is no damage, whenever that happens; nor is what ends before its size. */
static void test_unread(void)
{
	struct program d = make(true);
	for (unsigned sound = 0; sound < 2; sound++) {
		const char *path = "Windows/System32/other.dll";
		enum pe_verdict truth = check(path, &d, d.len, 0);
		CHECK_INT(truth, sound ? PE_UNCLEAR : PE_HELD);
		unsigned calls = reading.calls;
		for (unsigned n = 1; n <= calls; n++) {
			CHECK_INT(check(path, &d, d.len, n), PE_UNREAD);
			CHECK_INT(why.cls, ERROR_IO);
		}
		CHECK_INT(check(path, &d, d.len - 100, 0), PE_UNREAD);
		CHECK_INT(why.cls, ERROR_IO);
		d.p[1500] ^= 1;
	}
}

/* Who insists on a checksum. */
static void test_paths(void)
{
	static const struct {
		const char *path;
		bool kept;
	} cases[] = {
		{"EFI/Boot/bootx64.efi", true},	      {"boot/efi/EFI/Boot/bootx64.efi", true},
		{"MYEFI/Boot/bootx64.efi", false},    {"EFI/Linux/debian.efi", false},
		{"EFI/debian/linux.efi", false},      {"EFI/Boot/readme.txt", false},
		{"Windows/Boot/a.efi", true},	      {"Windows/System32/ntdll.dll", true},
		{"other/System32/ntdll.dll", false},  {"drivers/a.sys", true},
		{"Windows/System32/other.dll", false},
	};
	struct program d = make(true), text = {.len = 600};
	memset(text.p, 'a', text.len);
	d.p[1500] ^= 1;
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		CHECK_INT(pe_sum_is_kept(cases[k].path), cases[k].kept);
		enum pe_verdict got = check(cases[k].path, &d, d.len, 0);
		CHECK_INT(got, cases[k].kept ? PE_BROKEN : PE_UNCLEAR);
		/* What is no program where one must be. (Drivers of Windows 3.1 are none outside of Windows.) */
		got = check(cases[k].path, &text, text.len, 0);
		bool dos = strstr(cases[k].path, ".sys");
		CHECK_INT(got, cases[k].kept && !dos ? PE_BROKEN : PE_NONE);
	}
	CHECK_INT(check("Windows/System32/drivers/a.sys", &text, text.len, 0), PE_BROKEN);
	CHECK_INT(check("Windows/System32/himem.sys", &text, text.len, 0), PE_NONE);
	memset(text.p, 0, text.len);
	CHECK_INT(check("Windows/System32/other.dll", &text, text.len, 0), PE_UNCLEAR);
	CHECK_INT(check("programs/other.dll", &text, text.len, 0), PE_NONE);
}

int main(void)
{
	RUN(test_headers);
	RUN(test_unread);
	RUN(test_paths);
	return test_done();
}
