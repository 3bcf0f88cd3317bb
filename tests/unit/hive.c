// SPDX-License-Identifier: GPL-3.0-or-later
/* Registry hives of which one thing is not as it must be: each is CORRUPT where it is come to, and nothing is made up. */
#include "hive_help.h"

static struct made_hive m;
static uint32_t root;
static struct hive h;
static struct error why;

static void begin(void)
{
	m = hive_begin(&root);
}

/* In a block of its very size, so that a sanitizer sees the end. */
static int open_it(void)
{
	hive_end(&m);
	memset(&why, 0, sizeof why);
	return hive_open(&h, m.data, m.len, &why);
}

static void refused(int rc, const char *text)
{
	CHECK_INT(rc, -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	if (!strstr(why.text, text))
		fprintf(stderr, "said: %s\n", why.text);
	CHECK(strstr(why.text, text) != NULL);
	CHECK(why.offset >= 0);
}

static int find(const char *path)
{
	uint32_t key;
	memset(&why, 0, sizeof why);
	return hive_key(&h, h.root, path, &key, &why);
}

static void done(void)
{
	free(m.data);
}

static void test_found(void)
{
	uint32_t key;
	begin();
	hive_put_path(&m, root, "One\\Two");
	NEED(open_it() == 0);
	CHECK_INT(h.root, root);
	CHECK_INT(h.written, 0);
	CHECK_INT(find("one\\TWO"), 1);
	CHECK_INT(find("\\One\\\\Two\\"), 1); /* nothing between two of them is no name */
	CHECK_INT(find("One\\Three"), 0);
	CHECK_INT(find("One\\Two\\Three"), 0);
	CHECK_INT(find("Tw"), 0);
	refused(hive_key(&h, 8, "One", &key, &why), "marked as free");
	refused(hive_values(&h, 8, NULL, NULL, &why), "marked as free");
	done();
}

/* Two values of the checksum stand for two others. */
static void test_kept_free(void)
{
	static const uint32_t sums[][2] = {{0, 1}, {UINT32_MAX, UINT32_MAX - 1}};
	for (size_t i = 0; i < ARRAY_SIZE(sums); i++) {
		begin();
		hive_end(&m);
		hput32(m.data + 200, 0);
		uint32_t sum = 0;
		for (size_t k = 0; k < 508; k += 4)
			sum ^= get_le32(m.data + k);
		hput32(m.data + 200, sum ^ sums[i][0]);
		hput32(m.data + 508, sums[i][1]);
		CHECK_INT(hive_open(&h, m.data, m.len, &why), 0);
		hput32(m.data + 508, sums[i][0]);
		refused(hive_open(&h, m.data, m.len, &why), "checksum");
		done();
	}
}

static void test_base(void)
{
	begin();
	hput32(m.data + 20, 2);
	CHECK_INT(open_it(), -1);
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	hput32(m.data + 20, 1);
	static const uint32_t sizes[] = {0, 4095, HIVE_BINS + 4096, UINT32_MAX};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		hput32(m.data + 40, sizes[i]);
		refused(open_it(), "shorter than its bins");
	}
	done();
}

static void test_bins(void)
{
	static const struct {
		size_t at;
		uint32_t value;
		const char *text;
	} cases[] = {{0, 0, "no bin"},			{4, 4096, "wrong place"},
		     {8, 0, "wrong place or size"},	{8, 4097, "wrong place or size"},
		     {8, HIVE_BINS + 4096, "or size"}, {32, 0, "out of its bin"},
		     {32, 12, "out of its bin"},	{32, HIVE_BINS, "out of its bin"},
		     {32, 0u - HIVE_BINS, "out of its bin"}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		begin();
		hive_end(&m);
		hput32(m.data + 4096 + cases[i].at, cases[i].value);
		refused(hive_open(&h, m.data, m.len, &why), cases[i].text);
		done();
	}
}

static void test_root(void)
{
	begin();
	uint32_t small = hive_put(&m, "nk\0", 4), list = hive_put(&m, NULL, 200), key = hive_put_key(&m, "key", true);
	hput32(m.data + 36, HIVE_NONE);
	refused(open_it(), "beyond its end");
	hput32(m.data + 36, HIVE_BINS);
	refused(open_it(), "beyond its end");
	hput32(m.data + 36, root + 4);
	refused(open_it(), "beyond its end");
	hput32(m.data + 36, small);
	refused(open_it(), "wrong size");
	hput32(m.data + 36, list);
	refused(open_it(), "no key");
	hput32(m.data + 36, m.top);
	refused(open_it(), "marked as free");
	hput16(hcell(&m, key) + 72, 100); /* a name longer than its cell */
	hput32(m.data + 36, key);
	refused(open_it(), "no key");
	done();
}

/* An offset into the inside of a cell, where any number may stand for its size: as small as none has, or too large. */
static void test_inside(void)
{
	static const uint32_t sizes[] = {UINT32_MAX, UINT32_MAX - 1, UINT32_MAX - 3, 0u - 2 * HIVE_BINS, 0x80000000u};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		begin();
		uint32_t cell = hive_put(&m, NULL, 120);
		uint8_t *in = hcell(&m, cell) + 4;
		NEED((size_t)(in - m.data) % 8 == 0);
		hput32(in, sizes[i]);
		memcpy(in + 4, "nk", 2);
		hput16(in + 4 + 72, 0xffff);
		hput32(m.data + 36, cell + 8);
		refused(open_it(), "wrong size");
		/* The same as a list of keys, whose length would be without end. */
		memcpy(in + 4, "lf\xff\xff", 4);
		hput32(m.data + 36, root);
		hive_set_below(&m, root, 1, cell + 8);
		NEED(open_it() == 0);
		refused(find("x"), "wrong size");
		hput32(hcell(&m, root) + 36, 1);
		hput32(hcell(&m, root) + 40, cell + 8);
		refused(hive_values(&h, root, NULL, NULL, &why), "wrong size");
		done();
	}
}

static void test_subkeys(void)
{
	begin();
	uint32_t key = hive_put_key(&m, "key", true), wide = hive_put_key(&m, "wide", false), keys[] = {key, wide};
	uint32_t leaf = hive_put_list(&m, "li", keys, 2), leaves[] = {leaf, leaf}, none[] = {HIVE_NONE}, roots[] = {root};
	uint32_t two = hive_put_list(&m, "ri", leaves, 2), self = hive_put_list(&m, "ri", roots, 1);
	uint32_t lost = hive_put_list(&m, "ri", none, 1), bad = hive_put_list(&m, "lf", roots, 1);
	hput32(hcell(&m, self) + 4, self);
	hput16(hcell(&m, bad) + 2, 3);
	NEED(open_it() == 0);
	hive_set_below(&m, root, 2, leaf);
	CHECK_INT(find("KEY"), 1);
	CHECK_INT(find("wide"), 1);
	CHECK_INT(find("other"), 0);
	hive_set_below(&m, root, 2, two);
	CHECK_INT(find("wide"), 1);
	CHECK_INT(find("other"), 0);
	hive_set_below(&m, root, 1, self); /* a list of lists is never in a list of lists */
	refused(find("key"), "no list of keys");
	hive_set_below(&m, root, 1, lost);
	refused(find("key"), "beyond its end");
	hive_set_below(&m, root, 1, bad);
	refused(find("key"), "longer than its cell");
	hive_set_below(&m, root, 1, key);
	refused(find("key"), "no list of keys");
	hive_set_below(&m, root, 1, HIVE_NONE);
	refused(find("key"), "beyond its end");
	hive_set_below(&m, root, 1000001, leaf);
	refused(find("key"), "too many keys");
	hive_set_below(&m, root, 1, two);
	hput16(hcell(&m, two) + 2, 1000);
	refused(find("key"), "no list of keys");
	hive_set_below(&m, root, 2, leaf);
	hput32(hcell(&m, leaf) + 4, leaf); /* a list in the place of a key */
	refused(find("key"), "wrong size");
	done();
}

/* A name that is longer than any is read as far as it goes: it is nobody's. */
static void test_names(void)
{
	static char name[1500];
	begin();
	memset(name, 'x', sizeof name - 1);
	memset(name, 0xe4, 700); /* two bytes each as UTF-8 */
	uint32_t key = hive_put_key(&m, name, true), keys[] = {key, 0};
	keys[1] = hive_put_key(&m, "\xe4", true);
	hive_set_below(&m, root, 2, hive_put_list(&m, "lh", keys, 2));
	NEED(open_it() == 0);
	CHECK_INT(find("xxx"), 0);
	CHECK_INT(find("\xc3\xa4"), 1);
	done();
}

static int count_values(void *ctx, const struct hive_value *v, struct error *e)
{
	(void)e;
	++*(int *)ctx;
	return strcmp(v->name, "stop") ? 0 : 7;
}

static int values(int *count)
{
	*count = 0;
	memset(&why, 0, sizeof why);
	return hive_values(&h, root, count_values, count, &why);
}

static void test_values(void)
{
	int n;
	begin();
	NEED(open_it() == 0);
	CHECK_INT(values(&n), 0);
	hive_add(&m, root, "empty", SZ, "", 0);
	uint32_t second = hive_add(&m, root, "second", BINARY, "0123456789", 10);
	hput32(hcell(&m, hive_add(&m, root, "none", SZ, "12345678", 8)) + 4, 0);
	hive_end(&m);
	CHECK_INT(values(&n), 0);
	CHECK_INT(n, 3);
	uint8_t *v = hcell(&m, second), *key = hcell(&m, root), save[20];
	uint32_t list = get_le32(key + 40);
	memcpy(save, v, sizeof save);
	hput32(v + 4, 100);
	refused(values(&n), "longer than its cell");
	CHECK_INT(n, 1);
	hput32(v + 4, 0x80000005);
	refused(values(&n), "wrong size");
	hput32(v + 4, 10);
	hput32(v + 8, HIVE_NONE);
	refused(values(&n), "beyond its end");
	memcpy(v, save, sizeof save);
	hput16(v + 2, 300);
	refused(values(&n), "no value");
	memcpy(v, "nk", 2);
	refused(values(&n), "no value");
	memcpy(v, save, sizeof save);
	hput32(key + 36, 9);
	refused(values(&n), "list of values longer");
	hput32(key + 36, 65537);
	refused(values(&n), "list of values longer");
	hput32(key + 36, 3);
	hput32(key + 40, HIVE_NONE);
	refused(values(&n), "beyond its end");
	hput32(key + 40, list);
	hput32(hcell(&m, list) + 4, HIVE_NONE);
	refused(values(&n), "beyond its end");
	hput32(hcell(&m, list) + 4, second);
	hive_add(&m, root, "stop", SZ, "", 0);
	hive_add(&m, root, "behind", SZ, "", 0);
	CHECK_INT(values(&n), 7);
	CHECK_INT(n, 4);
	done();
}

static void text_is(const char *name, const char *want)
{
	char *text;
	CHECK_INT(hive_text(&h, root, name, &text, &why), 0);
	CHECK((!text && !want) || (text && want && !strcmp(text, want)));
	free(text);
}

/* Of the kind that was asked for, or there is none. */
static void test_kinds(void)
{
	static uint8_t large[2 * 4097];
	uint32_t number = 5;
	begin();
	hive_add_text(&m, root, "Text", " \tsome text\r\n ");
	hive_add_text(&m, root, "Blank", " \t ");
	hive_add(&m, root, "Path", EXPAND, "%\0x\0%\0", 6);
	hive_add(&m, root, "Bytes", BINARY, "x\0y\0z\0", 6);
	hive_add(&m, root, "Number", DWORD, "\1\2\3\4", 4);
	hive_add(&m, root, "Short", DWORD, "\1\2", 2);
	memset(large, 'x', sizeof large);
	hive_add(&m, root, "Large", SZ, large, sizeof large);
	uint32_t db = hive_add(&m, root, "Pieces", SZ, "db\1\0aaaa", 8);
	hput32(hcell(&m, db) + 4, 20000);
	NEED(open_it() == 0);
	text_is("text", "some text");
	text_is("Blank", NULL);
	text_is("Path", "%x%");
	text_is("Bytes", NULL);
	text_is("Number", NULL);
	text_is("Large", NULL);
	text_is("Pieces", NULL);
	text_is("Other", NULL);
	CHECK_INT(hive_number(&h, root, "number", &number, &why), 1);
	CHECK_INT(number, 0x04030201);
	CHECK_INT(hive_number(&h, root, "Short", &number, &why), 0);
	CHECK_INT(hive_number(&h, root, "Text", &number, &why), 0);
	CHECK_INT(hive_number(&h, root, "Pieces", &number, &why), 0);
	CHECK_INT(number, 0x04030201);
	hput32(hcell(&m, root) + 36, 60000);
	char *text;
	refused(hive_text(&h, root, "Text", &text, &why), "list of values");
	refused(hive_number(&h, root, "Number", &number, &why), "list of values");
	done();
}

int main(void)
{
	RUN(test_found);
	RUN(test_kept_free);
	RUN(test_base);
	RUN(test_bins);
	RUN(test_root);
	RUN(test_inside);
	RUN(test_subkeys);
	RUN(test_names);
	RUN(test_values);
	RUN(test_kinds);
	return test_done();
}
