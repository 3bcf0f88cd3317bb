// SPDX-License-Identifier: GPL-3.0-or-later
/* ESE databases that are made here: headers, their copies and pages that contradict each other, every sum right. */
#include "../../src/sample/witness/ese.h"
#include "witness_help.h"

#define PAGE 2048
#define PAGES 6 /* behind the two headers */
#define PATH "Windows/System32/a.edb"

static uint8_t file[(PAGES + 2) * PAGE];

static uint32_t words(const uint8_t *p)
{
	uint32_t sum = 0;
	for (size_t i = 4; i < PAGE; i += 4)
		sum ^= get_le32(p + i);
	return sum ^ ESE_MAGIC;
}

static void seal(size_t at)
{
	put_number(file + at, words(file + at), 4, false);
}

static void page(uint32_t number, uint32_t before, uint32_t behind)
{
	uint8_t *p = file + (number + 1) * PAGE;
	memset(p, 0, PAGE);
	put_number(p + 4, number, 4, false);
	put_number(p + 16, before, 4, false);
	put_number(p + 20, behind, 4, false);
	memset(p + 100, (int)number, 900);
	seal((number + 1) * PAGE);
}

/* Headers of 2 KiB pages; of those the last two are empty. */
static void make(void)
{
	memset(file, 0, sizeof file);
	for (size_t at = 0; at <= PAGE; at += PAGE) {
		put_number(file + at + 4, ESE_MAGIC, 4, false);
		put_number(file + at + 8, 0x620, 4, false);
		memset(file + at + 24, 0x77, 28);
		put_number(file + at + 52, ESE_CLEAN, 4, false);
		put_number(file + at + 232, 9, 4, false);
		put_number(file + at + 236, PAGE, 4, false);
		seal(at);
	}
	for (uint32_t n = 1; n <= PAGES - 2; n++)
		page(n, n - 1, n < PAGES - 2 ? n + 1 : 0);
}

static void expect(size_t len, enum outcome want, const char *text, int line)
{
	enum outcome o = ask_row(row_of("ese"), PATH, file, len, len);
	if (o == want && strstr(why.text, text))
		return;
	fprintf(stderr, "line or row %d: %s: %s; not \"%s\"\n", line, outcome_name(o), why.text, text);
	test_bad_here++;
}

static void test_headers(void)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *words;
	} rows[] = {
		{236, 0, "page size 0"},	{236, 1024, "page size 1024"}, {236, 3000, "page size 3000"},
		{236, 65536, "page size 65536"}, {52, 0, "state 0"},	       {52, 9, "state 9"},
		{PAGE + 4, 1, "no signature"},	{PAGE + 236, 4096, "two databases"},
		{PAGE + 8, 0x621, "two databases"}, {PAGE + 24, 0x78787878, "two databases"},
		{PAGE + 236, 3, "page size 3"},
	};
	make();
	expect(sizeof file, OUTCOME_HELD, "", __LINE__);
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		make();
		put_number(file + rows[i].at, rows[i].value, 4, false);
		seal(rows[i].at / PAGE * PAGE);
		expect(sizeof file, OUTCOME_BROKEN, rows[i].words, (int)i);
	}
	make();
	file[500] ^= 1;
	expect(sizeof file, OUTCOME_BROKEN, "the header's checksum is wrong", __LINE__);
	make();
	file[PAGE + 500] ^= 1;
	expect(sizeof file, OUTCOME_BROKEN, "the checksum of the header's copy", __LINE__);
	/* No copy is needed where the header says so; it is damage where it does not. */
	make();
	memset(file + PAGE, 0, PAGE);
	expect(sizeof file, OUTCOME_BROKEN, "the checksum of the header's copy", __LINE__);
	put_number(file + 208, 1, 4, false);
	seal(0);
	expect(sizeof file, OUTCOME_HELD, "", __LINE__);
	/* Older ones have pages of 4 KiB and do not say so. */
	struct ese_header h;
	put_number(file + 236, 0, 4, false);
	put_number(file + 232, 8, 4, false);
	CHECK(!ese_header_read(file, &h, &why) && h.page_size == 4096);
}

static void test_pages(void)
{
	make();
	page(2, 1, 6);
	expect(sizeof file, OUTCOME_BROKEN, "page 6 belongs to a tree, and is all zeros", __LINE__);
	/* A place behind the end, and a database whose logs were not replayed: that proves nothing of a page. */
	page(2, 1, 700);
	expect(sizeof file, OUTCOME_HELD, "", __LINE__);
	page(2, 1, 6);
	for (size_t at = 0; at <= PAGE; at += PAGE) {
		put_number(file + at + 52, 2, 4, false);
		seal(at);
	}
	CHECK(ask_row(row_of("ese"), PATH, file, sizeof file, sizeof file) != OUTCOME_BROKEN);
	make();
	page(2, 1, 3);
	put_number(file + 3 * PAGE + 4, 3, 4, false);
	seal(3 * PAGE);
	expect(sizeof file, OUTCOME_BROKEN, "says that it is page 3", __LINE__);
	make();
	file[3 * PAGE + 200] ^= 4;
	expect(sizeof file, OUTCOME_BROKEN, "page 2: checksum is", __LINE__);
	make();
	expect(sizeof file - 100, OUTCOME_BROKEN, "the last page is cut off", __LINE__);
	for (size_t len = 0; len < sizeof file; len += 1500)
		CHECK(ask_row(row_of("ese"), PATH, file, len, len) != OUTCOME_HELD || len % PAGE == 0);
}

/* Three bits that would point at one place outside, and what one flip looks like. */
static void test_bits(void)
{
	uint32_t links[2];
	for (size_t at = 8; at < PAGE; at += 61) {
		make();
		uint8_t *p = file + 3 * PAGE;
		put_number(p + 36, 0x2000, 4, false); /* sums of the newer kind */
		put_number(p, ese_checksum(p, PAGE, 2, true), 8, false);
		CHECK_INT(ese_page_check(p, PAGE, 2, links, &why), ESE_PAGE_HELD);
		CHECK_INT(ese_page_check(p, PAGE, 3, links, &why), ESE_PAGE_BROKEN);
		if (at / 4 == 9)
			continue;
		p[at] ^= 0x10;
		CHECK_INT(ese_page_check(p, PAGE, 2, links, &why), ESE_PAGE_BROKEN);
		CHECK(strstr(why.text, "one bit is wrong") && why.offset == 3 * PAGE + (int64_t)at);
		p[at] ^= 0x30;
		CHECK_INT(ese_page_check(p, PAGE, 2, links, &why), ESE_PAGE_BROKEN);
		p[at] ^= 0x20;
		/* The sum itself: no bit of the page explains it. */
		for (int bit = 0; bit < 64; bit++) {
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
			CHECK_INT(ese_page_check(p, PAGE, 2, links, &why), ESE_PAGE_BROKEN);
			p[bit / 8] ^= (uint8_t)(1 << bit % 8);
		}
	}
}

int main(void)
{
	RUN(test_headers);
	RUN(test_pages);
	RUN(test_bits);
	return test_done();
}
