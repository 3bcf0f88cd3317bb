// SPDX-License-Identifier: GPL-3.0-or-later
/* WIM: links and what is no file, values that can't be where all digests are right, descriptions, small reads. */
#include "wim_help.h"

static struct image whole; /* none.wim */

/* Links of any kind; `at` counts in the reparse data of /Users/Public/link. */
static void test_links(void)
{
	static const struct {
		uint32_t tag;
		unsigned at, width;
		uint64_t value;
		const char *want; /* NULL: CORRUPT */
	} cases[] = {
		{0xa000000c, 0, 0, 0, "hello.txt"},	/* as it is */
		{0xa000000c, 6, 2, 0, "hello.txt"},	/* no name for people */
		{0xa000000c, 2, 6, 0, NULL},		/* no name at all */
		{0xa000000c, 6, 2, 5000, NULL},
		{0xa000000c, 4, 2, 5000, NULL},
		{0xa000000c, 6, 2, 10, "hello"},
		{0xa000000c, 8, 4, 0, "hello.txt"},
		{0xa0000003, 0, 8, 0, NULL},
		{0xa0000003, 0, 8, UINT64_C(10) << 48 | UINT64_C(4) << 32, "hello"}, /* a junction has no flags */
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		struct seen s;
		struct fs_entry it;
		uint64_t size;
		put(content_of(&i, "link", &size) + cases[k].at, cases[k].value, cases[k].width);
		put(entry(&i, "link") + 88, cases[k].tag, 4);
		mend(&i);
		look("wim", &i, i.size, &s);
		scrub(&s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs && fs_lookup(s.fs, "Users/Public/link", false, &it, &s.e) == 1);
		CHECK(it.type == ENTRY_LINK);
		autofree char *target = fs_read_link(s.fs, &it, &s.e);
		if (cases[k].want)
			CHECK_STR(target, cases[k].want);
		else
			CHECK(!target && s.e.cls == ERROR_CORRUPT);
		drop(&s);
		free(i.data);
	}
}

/* Names of Windows for places, and of Linux; a link to itself. */
static void test_targets(void)
{
	static const struct {
		const char *text;
		uint32_t tag, flags;
		const char *want;
	} cases[] = {
		{"\\??\\C:\\ab", 0xa000000c, 0, "/ab"},	  {"\\\\?\\z:\\abc", 0xa000000c, 0, "/abc"},
		{"C:\\abcdef", 0xa000000c, 1, "C:/abcdef"}, {"[:\\abcdef", 0xa000000c, 0, "[:/abcdef"},
		{"{:\\abcde\\", 0xa000000c, 0, "{:/abcde"}, {"@:abcdefg", 0xa000000c, 0, "@:abcdefg"},
		{"\\", 0xa000000c, 0, "/"},		  {"link", 0xa000000c, 1, "link"},
		{"../hello", 0xa000001d, 0, NULL},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		struct seen s;
		struct fs_entry it;
		uint64_t size;
		uint8_t *p = content_of(&i, "link", &size);
		size_t n = strlen(cases[k].text);
		NEED(12 + 2 * n <= size);
		put(p + 4, 0, 2);
		put(p + 6, 2 * n, 2);
		put(p + 8, cases[k].flags, 4);
		for (size_t c = 0; c < n; c++)
			put(p + 12 + 2 * c, (uint8_t)cases[k].text[c], 2);
		if (cases[k].tag == 0xa000001d)
			memset(p + 4, 'x', size - 4);
		put(entry(&i, "link") + 88, cases[k].tag, 4);
		mend(&i);
		look("wim", &i, i.size, &s);
		NEED(s.fs && fs_lookup(s.fs, "Users/Public/link", false, &it, &s.e) == 1);
		autofree char *target = fs_read_link(s.fs, &it, &s.e);
		if (cases[k].want)
			CHECK_STR(target, cases[k].want);
		else
			CHECK(target && strlen(target) == size - 4 && target[0] == 'x');
		/* None of them leads to anything. */
		CHECK_INT(fs_lookup(s.fs, "Users/Public/link", true, &it, &s.e), !strcmp(cases[k].text, "\\"));
		drop(&s);
		free(i.data);
	}
}

static void test_kinds(void)
{
	static const struct {
		uint32_t tag;
		enum entry_type type;
	} cases[] = {
		{0x8000001b, ENTRY_OTHER}, {0x80000023, ENTRY_OTHER}, {0x80000024, ENTRY_OTHER},
		{0x80000025, ENTRY_OTHER}, {0x80000026, ENTRY_OTHER}, {0xa0001234, ENTRY_OTHER},
		{0x80000013, ENTRY_FILE},  {0x80000017, ENTRY_FILE},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		struct seen s;
		struct fs_entry it;
		put(entry(&i, "link") + 88, cases[k].tag, 4);
		mend(&i);
		look("wim", &i, i.size, &s);
		NEED(s.fs && fs_lookup(s.fs, "Users/Public/link", true, &it, &s.e) == 1);
		CHECK_INT(it.type, cases[k].type);
		CHECK(!fs_open_file(s.fs, &it, &s.e));
		CHECK_INT(s.e.cls, cases[k].type == ENTRY_FILE ? ERROR_UNSUPPORTED : ERROR_CORRUPT);
		drop(&s);
		free(i.data);
	}
}

/* Ids that nobody gave out, and paths that lead nowhere. */
static void test_no_such(void)
{
	struct seen s;
	struct fs_entry it, no = {.id = 1 << 20, .type = ENTRY_FILE};
	look("wim", &whole, whole.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "Users", true, &it, &s.e) == 1);
	CHECK(!fs_open_file(s.fs, &no, &s.e) && s.e.cls == ERROR_CORRUPT);
	no.type = ENTRY_LINK;
	CHECK(!fs_read_link(s.fs, &no, &s.e) && s.e.cls == ERROR_CORRUPT);
	it.type = ENTRY_FILE;
	CHECK(!fs_open_file(s.fs, &it, &s.e) && s.e.cls == ERROR_CORRUPT);
	it.type = ENTRY_LINK;
	CHECK(!fs_read_link(s.fs, &it, &s.e) && s.e.cls == ERROR_CORRUPT);
	CHECK(fs_walk(s.fs, "nowhere", NULL, touch_file, s.fs, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	CHECK(fs_walk(s.fs, "Users/Public/hello.txt", NULL, touch_file, s.fs, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	CHECK_INT(fs_walk(s.fs, "Users/Public//", NULL, touch_file, s.fs, &s.e), 0);
	CHECK_INT(fs_lookup(s.fs, "./Users/../Users/./Public", true, &it, &s.e), 1);
	CHECK(it.type == ENTRY_DIR);
	drop(&s);
}

static void replace(struct image *i, const char *from, const char *to)
{
	struct wim_resource xml = resource(i, 72);
	uint8_t a[200], b[200];
	size_t n = strlen(from);
	for (size_t k = 0; k < n; k++) {
		put(a + 2 * k, (uint8_t)from[k], 2);
		put(b + 2 * k, (uint8_t)to[k], 2);
	}
	uint8_t *p = memmem(i->data + xml.offset, (size_t)xml.stored, a, 2 * n);
	NEED(p && strlen(to) == n);
	memcpy(p, b, 2 * n);
}

/* The description has no digest. What is not to be found in it is not known; an image that it does not know is one. */
static void test_description(void)
{
	static const struct {
		const char *from, *to;
		bool named, dated;
	} cases[] = {
		{"<NAME>", "<NOME>", false, true},    {"</NAME>", "</NOME>", false, true},
		{"</IMAGE>", "</IMOGE>", false, false}, {"<CREATIONTIME>", "<CREATIONTAME>", true, false},
		{"<HIGHPART>", "<HAGHPART>", true, false},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		struct seen s;
		replace(&i, cases[k].from, cases[k].to);
		look("wim", &i, i.size, &s);
		NEED(s.fs);
		CHECK_STR(fs_info(s.fs)->label, cases[k].named ? "web" : "");
		CHECK_INT(fs_info(s.fs)->made > 1790000000, cases[k].dated);
		drop(&s);
		free(i.data);
	}
	struct image i = copy_image(&whole);
	replace(&i, "INDEX=\"1\"", "INDEX=\"7\"");
	CHECK_INT(outcome_of(&i, i.size), OUTCOME_BROKEN);
	free(i.data);
	/* Of two images each has its own name: none that stands in the other, nor half of one. */
	for (unsigned k = 0; k < 2; k++) {
		struct seen s;
		i = load("two.wim");
		replace(&i, k ? "</NAME>" : "<NAME>", k ? "</NOME>" : "<NOME>");
		look("wim", &i, i.size, &s);
		bool told = false;
		for (size_t n = 0; n < s.f.count; n++)
			told |= strstr(s.f.items[n].detail, "image 1 () is not looked into") != NULL;
		CHECK(told && s.fs);
		drop(&s);
		free(i.data);
	}
	/* A name that is longer than any place for it is cut. */
	struct seen s;
	i = copy_image(&whole);
	replace(&i, "</NAME>", "<?NAME>");
	replace(&i, "</LASTMODIFICATIONTIME>", "                </NAME>");
	look("wim", &i, i.size, &s);
	NEED(s.fs);
	CHECK_INT(strlen(fs_info(s.fs)->label), sizeof fs_info(s.fs)->label - 1);
	drop(&s);
	free(i.data);
}

/* Out of compressed contents in small pieces: the same as in large ones. */
static void test_small_reads(void)
{
	static const char *const names[] = {"none.wim", "xpress.wim", "lzx.wim", "lzms.wim", "solid.esd"};
	static const size_t steps[] = {1, 777, 40000};
	for (size_t k = 0; k < ARRAY_SIZE(names); k++)
		for (size_t c = 0; c < ARRAY_SIZE(steps); c++) {
			struct image i = load(names[k]);
			struct seen s;
			struct fs_entry it;
			char *all = NULL;
			size_t len = 0, at = 0;
			uint8_t part[40000];
			ssize_t n;
			look("wim", &i, i.size, &s);
			NEED(s.fs && fs_read_file(s.fs, "Users/chunks.bin", 4 * MIB, &all, &len, &s.e) == 1);
			NEED(fs_lookup(s.fs, "Users/chunks.bin", true, &it, &s.e) == 1);
			autostream struct stream *in = fs_open_file(s.fs, &it, &s.e);
			NEED(in);
			bool same = true;
			for (; (n = stream_read(in, part, steps[c], &s.e)) > 0; at += (size_t)n)
				same = same && at + (size_t)n <= len && !memcmp(part, all + at, (size_t)n);
			CHECK(same && !n && at == len && stream_finish(in, &s.e) == 0);
			free(all);
			drop(&s);
			free(i.data);
		}
}

/* The head of a solid resource, and the entries that say where in it contents are. */
static void test_solid(void)
{
	static const struct {
		unsigned at, width;
		uint64_t value;
	} cases[] = {
		{0, 8, 0}, {0, 8, 100}, {8, 4, 0}, {8, 4, 3000}, {8, 4, 2048}, {8, 4, 1 << 27}, {8, 4, 4096},
		{12, 4, 9}, {12, 4, 0}, {12, 4, 1}, {16, 4, 0}, {16, 4, UINT32_MAX}, {16, 4, 7},
	};
	struct image from = load("solid.esd");
	struct wim_resource table = resource(&from, 48), solid = {0};
	for (uint64_t at = table.offset; at < table.offset + table.stored; at += 50)
		if (from.data[at + 7] & WIM_SOLID && get_le64(from.data + at + 16) == UINT64_C(1) << 32)
			solid = resource(&from, (size_t)at);
	NEED(solid.stored);
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&from);
		put(i.data + solid.offset + cases[k].at, cases[k].value, cases[k].width);
		enum outcome o = outcome_of(&i, i.size);
		CHECK(o == OUTCOME_BROKEN || o == OUTCOME_UNPROVEN || o == OUTCOME_UNSUPPORTED);
		if (o == OUTCOME_HELD)
			fprintf(stderr, "case %zu\n", k);
		free(i.data);
	}
	free(from.data);
}

/* A budget that is used up stops it, and is no finding. Nothing is newer than now. */
static void test_deadline(void)
{
	struct seen s;
	struct budget b;
	int64_t newest;
	look("wim", &whole, whole.size, &s);
	NEED(s.fs);
	budget_init(&b);
	CHECK_INT(fs_verify(s.fs, &s.f, &b, 1000000000, &newest, &s.e), 0);
	CHECK_INT(newest, 0);
	CHECK_INT(fs_scrub(s.fs, &s.f, &b, &s.e), 1);
	b.deadline_ns = 1;
	CHECK(fs_verify(s.fs, &s.f, &b, INT64_MAX, &newest, &s.e) < 0 && s.e.cls == ERROR_LIMIT);
	CHECK(fs_scrub(s.fs, &s.f, &b, &s.e) < 0 && s.e.cls == ERROR_LIMIT);
	CHECK(fs_walk(s.fs, "", &b, touch_file, s.fs, &s.e) < 0 && s.e.cls == ERROR_LIMIT);
	drop(&s);
}

int main(void)
{
	whole = load("none.wim");
	RUN(test_links);
	RUN(test_targets);
	RUN(test_kinds);
	RUN(test_no_such);
	RUN(test_description);
	RUN(test_small_reads);
	RUN(test_solid);
	RUN(test_deadline);
	free(whole.data);
	return test_done();
}
