// SPDX-License-Identifier: GPL-3.0-or-later
/* ESE databases: a real one whose every page holds, and what each kind of damage to it comes to. */
#include <sys/mman.h>
#include <zstd.h>

#include "backproof/witness.h"
#include "ese_help.h"

#define PATH "Windows/System32/catroot2/Catalog.edb"

static uint8_t *real;
static size_t real_len;
static struct error why;

static void load(void)
{
	FILE *f = fopen("fixtures/third-party/Catalog1.edb.zst", "r");
	NEED(f);
	uint8_t *packed = malloc(4 << 20);
	NEED(packed);
	size_t n = fread(packed, 1, 4 << 20, f);
	fclose(f);
	real = malloc(4 << 20);
	NEED(real);
	real_len = ZSTD_decompress(real, 4 << 20, packed, n);
	NEED(!ZSTD_isError(real_len) && real_len == 3153920);
	free(packed);
}

static enum outcome ask(const char *path, const uint8_t *p, size_t len)
{
	const struct witness *w = witness_for(path, p, len < 512 ? len : 512);
	memset(&why, 0, sizeof why);
	if (!w)
		return OUTCOME_SKIPPED;
	int fd = memfd_create("ese", MFD_CLOEXEC);
	NEED(fd >= 0 && write(fd, p, len) == (ssize_t)len);
	enum outcome o = w->check(fd, len, path, &why);
	close(fd);
	return o;
}

static void test_whole(void)
{
	struct error e;
	uint32_t links[2];
	size_t held = 0, empty = 0;
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_HELD);
	for (uint32_t i = 1; (i + 1) * 4096u < real_len; i++) {
		enum ese_page p = ese_page_check(real + (i + 1) * 4096u, 4096, i, links, &e);
		held += p == ESE_PAGE_HELD;
		empty += p == ESE_PAGE_EMPTY;
	}
	CHECK_INT(held, 209);
	CHECK_INT(empty, 559);
}

/* In every page, at its checksum, header, links, data and end. */
static void test_flips(void)
{
	static const size_t places[] = {0, 4, 9, 16, 20, 36, 37, 40, 100, 2047, 4095};
	size_t missed = 0, named = 0, asked = 0;
	for (size_t page = 0; page < real_len / 4096; page++) {
		uint8_t *p = real + page * 4096;
		if (page > 8 && (is_zero(p, 4096) || page % 11))
			continue;
		for (size_t k = 0; k < ARRAY_SIZE(places); k++) {
			p[places[k]] ^= 0x20;
			asked++;
			missed += ask(PATH, real, real_len) != OUTCOME_BROKEN;
			named += why.offset >= (int64_t)(page * 4096) && why.offset < (int64_t)((page + 1) * 4096);
			p[places[k]] ^= 0x20;
		}
	}
	CHECK_INT(missed, 0);
	CHECK_INT(named, asked);
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_HELD);
}

static void test_one_bit(void)
{
	real[5 * 4096 + 1234] ^= 0x08;
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_BROKEN);
	CHECK_INT(why.offset, 5 * 4096 + 1234);
	CHECK(strstr(why.text, "page 4") != NULL);
	CHECK(strstr(why.text, "one bit") != NULL);
	real[5 * 4096 + 1235] ^= 0x41;
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_BROKEN);
	CHECK(strstr(why.text, "checksum is") != NULL);
	real[5 * 4096 + 1235] ^= 0x41;
	real[5 * 4096 + 1234] ^= 0x08;
}

static void test_swapped(void)
{
	static uint8_t page[4096];
	memcpy(page, real + 4 * 4096, 4096);
	memcpy(real + 4 * 4096, real + 5 * 4096, 4096); /* whole, but of another place */
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_BROKEN);
	memcpy(real + 4 * 4096, page, 4096);
}

/* Pages that were lost to zeros: those that others link to are missed. */
static void test_zeroed(void)
{
	static uint8_t page[4096];
	size_t missed = 0, linked = 0;
	for (size_t i = 2; i < real_len / 4096; i++) {
		uint8_t *p = real + i * 4096;
		uint32_t prev = get_le32(p + 16);
		/* Pages that were given up keep links that nothing leads back to. */
		if (is_zero(p, 4096) || !prev || get_le32(real + (prev + 1) * 4096u + 20) != i - 1)
			continue;
		memcpy(page, p, 4096);
		memset(p, 0, 4096);
		linked++;
		missed += ask(PATH, real, real_len) != OUTCOME_BROKEN;
		memcpy(p, page, 4096);
	}
	CHECK(linked > 5);
	CHECK_INT(missed, 0);
	memcpy(page, real, 4096);
	memset(real, 0, 4096);
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_BROKEN);
	memcpy(real, page, 4096);
}

static void test_cut(void)
{
	size_t held = 0;
	for (size_t n = 16; n < real_len; n += n < 9000 ? 61 : 40961)
		held += ask(PATH, real, n) != OUTCOME_BROKEN;
	CHECK_INT(held, 0);
}

static void test_dirty(void)
{
	struct ese_header h;
	struct error e;
	for (int i = 0; i < 2; i++) {
		put32(real + i * 4096 + 52, ESE_DIRTY);
		put32(real + i * 4096 + 296, 7);
		put32(real + i * 4096 + 300, 9);
		seal_header(real + i * 4096, 4096);
	}
	CHECK_INT(ask(PATH, real, real_len), OUTCOME_HELD);
	CHECK_INT(ese_header_read(real, &h, &e), 0);
	CHECK_INT(h.state, ESE_DIRTY);
	CHECK_INT(h.log_low, 7);
	CHECK_INT(h.log_high, 9);
	CHECK_INT(h.revision, 0x14);
	for (int i = 0; i < 2; i++) {
		put32(real + i * 4096 + 52, ESE_CLEAN);
		put64(real + i * 4096 + 296, 0);
		seal_header(real + i * 4096, 4096);
	}
}

static void test_sizes(void)
{
	static const struct {
		size_t size;
		bool old;
	} forms[] = {{2048, false}, {4096, false}, {8192, false}, {16384, false}, {32768, false}, {4096, true}, {8192, true}};
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		size_t size = forms[i].size, len = size * 8, missed = 0;
		uint8_t *db = generate(size, 6, forms[i].old);
		CHECK_INT(ask("M:/DB1/DB1.edb", db, len), OUTCOME_HELD);
		for (size_t at = 2 * size; at < len; at += 509) {
			db[at] ^= 1;
			missed += ask("M:/DB1/DB1.edb", db, len) != OUTCOME_BROKEN;
			db[at] ^= 1;
		}
		CHECK_INT(missed, 0);
		memset(db + 4 * size, 0, size);
		CHECK_INT(ask("M:/DB1/DB1.edb", db, len), OUTCOME_BROKEN);
		free(db);
	}
}

/* Any cut of a stream into pieces gives the same. */
static void test_pieces(void)
{
	static const size_t steps[] = {1, 7, 4095, 4097, 100000};
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		struct error e = {0};
		struct ese_scan *s = ese_scan_new(real_len, &e);
		NEED(s);
		int rc = 0;
		for (size_t at = 0; at < real_len && rc == 0; at += steps[i])
			rc = ese_scan_add(s, real + at, real_len - at < steps[i] ? real_len - at : steps[i], &e);
		CHECK_INT(rc, 0);
		CHECK_INT(ese_scan_end(s, true, &e), 0);
		CHECK_INT(ese_scan_pages(s), 209);
		ese_scan_free(s);
	}
}

/* Made by another program's hand, by the definition of the checksum. */
static void test_others(void)
{
	static const char *const names[] = {"small", "old", "large", "largest"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[64];
		static uint8_t db[256 * 1024];
		snprintf(path, sizeof path, "fixtures/windows/edb/%s.edb", names[i]);
		FILE *f = fopen(path, "r");
		NEED(f);
		size_t n = fread(db, 1, sizeof db, f);
		fclose(f);
		CHECK_INT(ask("a.edb", db, n), OUTCOME_HELD);
		db[n - 3] ^= 1;
		CHECK_INT(ask("a.edb", db, n), OUTCOME_BROKEN);
		CHECK(strcmp(names[i], "old") == 0 || why.offset == (int64_t)n - 3);
	}
}

static void put_sql(uint8_t *page, uint32_t flags)
{
	uint32_t sum = 0;
	page[4] = (uint8_t)flags;
	page[5] = (uint8_t)(flags >> 8);
	put32(page + 60, 0);
	for (unsigned s = 0; s < 16; s++) {
		uint32_t part = 0;
		for (size_t i = 0; i < 512; i += 4)
			part ^= get_le32(page + s * 512 + i);
		sum ^= s == 15 ? part : part << (15 - s) | part >> (17 + s);
	}
	put32(page + 60, sum);
}

/* What SQL Server's checksums say is information: never damage. */
static void test_sql(void)
{
	static uint8_t file[4 * 8192];
	struct rng r = {7};
	for (size_t i = 0; i < sizeof file; i++)
		file[i] = (uint8_t)rng_next(&r);
	for (size_t i = 0; i < 4; i++) {
		file[i * 8192] = 1;
		file[i * 8192 + 1] = i ? 1 : 15;
		put_sql(file + i * 8192, 0x200);
	}
	CHECK_INT(ask("Data/shop.mdf", file, sizeof file), OUTCOME_HELD);
	file[2 * 8192 + 999] ^= 4;
	CHECK_INT(ask("Data/shop.mdf", file, sizeof file), OUTCOME_SKIPPED);
	CHECK(strstr(why.text, "page 2") != NULL);
	for (size_t i = 0; i < 4; i++)
		file[i * 8192 + 5] = 0;
	CHECK_INT(ask("Data/shop.mdf", file, sizeof file), OUTCOME_SKIPPED);
	CHECK(strstr(why.text, "no page") != NULL);
}

int main(void)
{
	load();
	RUN(test_whole);
	RUN(test_flips);
	RUN(test_one_bit);
	RUN(test_swapped);
	RUN(test_zeroed);
	RUN(test_cut);
	RUN(test_dirty);
	RUN(test_sizes);
	RUN(test_pieces);
	RUN(test_others);
	RUN(test_sql);
	free(real);
	return test_done();
}
