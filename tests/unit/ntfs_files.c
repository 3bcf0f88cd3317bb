// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS: what a file is by its reparse point, where links lead, streams, and a Windows that sleeps. */
#include "ntfs_make.h"

static const char *content;
static size_t content_size = 8192;

static void make_hiberfil(ntfs_volume *vol, ntfs_inode *root)
{
	(void)vol;
	if (!content) {
		NEED(!ntfs_inode_close(new_file(root, "hiberfil.sys", S_IFDIR)));
		return;
	}
	ntfs_inode *ni = new_file(root, "HiberFil.sys", S_IFREG);
	ntfs_attr *na = ntfs_attr_open(ni, AT_DATA, AT_UNNAMED, 0);
	NEED(na && !ntfs_attr_truncate(na, (s64)content_size));
	NEED(ntfs_attr_pwrite(na, 0, (s64)strlen(content), content) == (s64)strlen(content));
	ntfs_attr_close(na);
	NEED(!ntfs_inode_close(ni));
}

static void test_sleep(void)
{
	static const struct {
		const char *content; /* NULL: a directory */
		size_t size;
		enum outcome want;
	} cases[] = {
		{"hibr", 8192, OUTCOME_UNPROVEN}, {"HIBR", 8192, OUTCOME_UNPROVEN}, {"HIBX", 8192, OUTCOME_HELD},
		{"wake", 8192, OUTCOME_HELD},	  {"hibr", 4000, OUTCOME_HELD},	    {NULL, 0, OUTCOME_HELD},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct seen s;
		content = cases[k].content;
		content_size = cases[k].size;
		struct image i = changed(make_hiberfil);
		bool asleep = cases[k].want != OUTCOME_HELD;
		EXPECT(&i, cases[k].want, asleep ? "ntfs.hibernation" : NULL);
		look("ntfs", &i, i.size, &s);
		CHECK(s.fs && fs_info(s.fs)->stale_view == asleep && fs_info(s.fs)->clean == !asleep);
		drop(&s);
		/* One that can't be read may hold anything. */
		if (!k) {
			struct rec r = rec_read(&i, number_of(&i, "hiberfil.sys"));
			uint8_t *t = attribute(r.b, 0x10);
			attribute(r.b, 0x80)[13] |= 0x40;
			t[get_le16(t + 20) + 33] |= 0x40;
			rec_write(&r);
			EXPECT(&i, OUTCOME_UNPROVEN, "ntfs.hibernation");
		}
		free(i.data);
	}
}

/* Makes the file a reparse point; value: from the tag on. */
static void set_reparse(const struct image *i, const char *path, const uint8_t *value, size_t n)
{
	struct rec r = rec_read(i, number_of(&whole, path));
	uint8_t *t = attribute(r.b, 0x10);
	t[get_le16(t + 20) + 33] |= 4;
	if (n)
		rec_add_resident(&r, 0xc0, value, n);
	rec_write(&r);
}

static size_t reparse(uint8_t *to, uint32_t tag, const void *body, size_t n)
{
	memset(to, 0, 8);
	put(to, tag, 4);
	put(to + 4, n, 2);
	memcpy(to + 8, body, n);
	return 8 + n;
}

/* Both names of a link; flags: of symbolic links. */
static size_t link_body(uint8_t *b, const char *name, const char *shown, int flags)
{
	size_t head = flags < 0 ? 8 : 12, n = wide(b + head, name), m = wide(b + head + n, shown);
	put(b, 0, 2);
	put(b + 2, n, 2);
	put(b + 4, n, 2);
	put(b + 6, m, 2);
	if (flags >= 0)
		put(b + 8, (unsigned)flags, 4);
	return head + n + m;
}

static void test_links(void)
{
	static const struct {
		const char *name, *shown;
		int flags; /* -1: a junction */
		const char *want;
	} cases[] = {
		{"\\??\\C:\\deep\\a", "C:\\deep\\a", 0, "/deep/a"},
		{"\\??\\z:\\deep\\", "", 0, "/deep"},
		{"\\\\?\\D:\\x", "", -1, "/x"},
		{"\\??\\Volume{1-2}\\", "", -1, "Volume{1-2}"},
		{"..\\C:x", "", 1, "../C:x"},
		{"c:x", "c:x", 1, "c:x"},
		{"\\", "\\", 1, "/"},
		{"[:\\x", "", -1, "[:/x"},
		{"@:\\x", "", -1, "@:/x"},
		{"{:\\x", "", -1, "{:/x"},
		{"x", "x", -1, "x"},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		uint8_t body[400], value[400];
		struct seen s;
		struct fs_entry it;
		size_t n = link_body(body, cases[k].name, cases[k].shown, cases[k].flags);
		n = reparse(value, cases[k].flags < 0 ? 0xa0000003 : 0xa000000c, body, n);
		set_reparse(&i, "empty", value, n);
		look("ntfs", &i, i.size, &s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs && fs_lookup(s.fs, "empty", false, &it, &s.e) == 1);
		CHECK(it.type == ENTRY_LINK);
		autofree char *target = fs_read_link(s.fs, &it, &s.e);
		CHECK_STR(target, cases[k].want);
		/* What is behind a link is another's. */
		CHECK(!fs_open_file(s.fs, &it, &s.e));
		drop(&s);
		free(i.data);
	}
}

/* Links that are cut or lead out of themselves; those of Linux. */
static void test_bad_links(void)
{
	static const struct {
		unsigned at;
		uint64_t value;
		unsigned width;
	} cases[] = {{14, 0, 0}, {12, 5000, 2}, {14, 5000, 2}, {14, 0, 2}, {4, 6, 2}, {4, 10, 2}};
	for (unsigned kind = 0; kind < 2; kind++)
		for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
			struct image i = copy_image(&whole);
			uint8_t body[100], value[100];
			struct seen s;
			struct fs_entry it;
			size_t n = link_body(body, "", "deep", kind ? -1 : 1);
			n = reparse(value, kind ? 0xa0000003 : 0xa000000c, body, n);
			put(value + cases[k].at, cases[k].value, cases[k].width);
			set_reparse(&i, "empty", value, n);
			look("ntfs", &i, i.size, &s);
			NEED(s.fs && fs_lookup(s.fs, "empty", false, &it, &s.e) == 1);
			autofree char *target = fs_read_link(s.fs, &it, &s.e);
			if (k)
				CHECK(!target && s.e.cls == ERROR_CORRUPT);
			else
				CHECK_STR(target, "deep");
			drop(&s);
			free(i.data);
		}
	for (unsigned k = 0; k < 2; k++) {
		struct image i = copy_image(&whole);
		uint8_t value[100];
		struct seen s;
		struct fs_entry it;
		size_t n = reparse(value, 0xa000001d, "\2\0\0\0deep/a", k ? 4 : 10);
		set_reparse(&i, "empty", value, n);
		look("ntfs", &i, i.size, &s);
		NEED(s.fs && fs_lookup(s.fs, "empty", false, &it, &s.e) == 1);
		autofree char *target = fs_read_link(s.fs, &it, &s.e);
		CHECK(k ? !target && s.e.cls == ERROR_CORRUPT : target && !strcmp(target, "deep/a"));
		drop(&s);
		free(i.data);
	}
}

/* What the tag says of a file, and what becomes of its content. */
static void test_kinds(void)
{
	static const struct {
		uint32_t tag;
		enum entry_type type, dir;
		const char *said;
	} cases[] = {
		{0x80000013, ENTRY_FILE, ENTRY_DIR, "deduplicated"},
		{0x80000007, ENTRY_FILE, ENTRY_DIR, "deduplicated"},
		{0x9000601a, ENTRY_FILE, ENTRY_DIR, "placeholder"},
		{0xc0000004, ENTRY_FILE, ENTRY_DIR, "placeholder"},
		{0x80001234, ENTRY_FILE, ENTRY_DIR, "another driver"},
		{0x80000023, ENTRY_OTHER, ENTRY_DIR, "special"},
		{0x80000024, ENTRY_OTHER, ENTRY_DIR, "special"},
		{0x80000025, ENTRY_OTHER, ENTRY_DIR, "special"},
		{0x80000026, ENTRY_OTHER, ENTRY_DIR, "special"},
		{0x8000001b, ENTRY_OTHER, ENTRY_DIR, "special"},
		{0xa000001d, ENTRY_LINK, ENTRY_LINK, "special"},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		uint8_t value[100];
		struct seen s;
		struct fs_entry it;
		size_t n = reparse(value, cases[k].tag, "0123456789abcdef01234567", 24);
		set_reparse(&i, "random.bin", value, n);
		set_reparse(&i, "many", value, n);
		look("ntfs", &i, i.size, &s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs && fs_lookup(s.fs, "many", false, &it, &s.e) == 1);
		CHECK_INT(it.type, cases[k].dir);
		NEED(fs_lookup(s.fs, "random.bin", false, &it, &s.e) == 1);
		CHECK_INT(it.type, cases[k].type);
		CHECK(!fs_open_file(s.fs, &it, &s.e) && s.e.cls == ERROR_UNSUPPORTED);
		CHECK(strstr(s.e.text, cases[k].said) != NULL);
		drop(&s);
		free(i.data);
	}
	/* Marked, and without; or cut. */
	for (unsigned k = 0; k < 3; k++) {
		struct image i = copy_image(&whole);
		uint8_t value[100];
		size_t n = reparse(value, 0x80000023, "0123456789", 10);
		set_reparse(&i, "random.bin", value, k == 2 ? n - 1 : k ? 6 : 0);
		EXPECT(&i, OUTCOME_BROKEN, "ntfs.records");
		free(i.data);
	}
}

static int count_stream(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	size_t *n = ctx;
	(void)value;
	if (!strcmp(name, "ads.stop"))
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "enough");
	n[!strncmp(name, "ads.s", 5)]++;
	CHECK(len <= 64 * KIB);
	return 0;
}

static bool stopping;

/* More streams than are looked at; one that is too long, one of several records. */
static void make_streams(ntfs_volume *vol, ntfs_inode *root)
{
	uint8_t name[64], *large = calloc(1, 100000);
	ntfs_inode *ni = new_file(root, "with streams", S_IFREG);
	(void)vol;
	for (unsigned k = 0; k < (stopping ? 1 : 270); k++) {
		char text[20];
		snprintf(text, sizeof text, stopping ? "stop" : k == 3 ? "large" : "s%03u", k);
		size_t n = wide(name, text) / 2, size = k == 3 ? 100000 : k;
		NEED(!ntfs_attr_add(ni, AT_DATA, (void *)name, (u8)n, large, (s64)size));
	}
	NEED(!ntfs_inode_close(ni));
	free(large);
}

static void test_streams(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct seen s;
		struct fs_entry it;
		size_t n[2] = {0};
		stopping = k;
		struct image i = changed(make_streams);
		look("ntfs", &i, i.size, &s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs && fs_lookup(s.fs, "with streams", false, &it, &s.e) == 1);
		CHECK_INT(fs_xattrs(s.fs, &it, count_stream, n, &s.e), k ? -1 : 0);
		CHECK(k ? s.e.cls == ERROR_LIMIT : n[1] == 255 && !n[0]);
		drop(&s);
		free(i.data);
	}
}

/* Ids that nobody gave out. */
static void test_no_such_file(void)
{
	struct seen s;
	size_t n[2] = {0};
	struct fs_entry it = {.id = 1 << 20, .type = ENTRY_FILE}, dir;
	look("ntfs", &whole, whole.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "many", true, &dir, &s.e) == 1);
	CHECK(!fs_open_file(s.fs, &it, &s.e) && s.e.cls == ERROR_CORRUPT);
	CHECK(!fs_open_source(s.fs, &it, &s.e) && s.e.cls == ERROR_CORRUPT);
	CHECK(fs_xattrs(s.fs, &it, count_stream, n, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	it.type = ENTRY_LINK;
	CHECK(!fs_read_link(s.fs, &it, &s.e) && s.e.cls == ERROR_CORRUPT);
	dir.type = ENTRY_FILE;
	CHECK(!fs_open_file(s.fs, &dir, &s.e) && s.e.cls == ERROR_CORRUPT);
	CHECK(!fs_open_source(s.fs, &dir, &s.e) && s.e.cls == ERROR_CORRUPT);
	dir.type = ENTRY_LINK;
	CHECK(!fs_read_link(s.fs, &dir, &s.e) && s.e.cls == ERROR_CORRUPT);
	CHECK(fs_walk(s.fs, "random.bin", NULL, touch_file, s.fs, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	CHECK(fs_walk(s.fs, "nowhere", NULL, touch_file, s.fs, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	drop(&s);
}

int main(void)
{
	whole = load_image(FIXTURE);
	ntfs_log_set_handler(ntfs_log_handler_null);
	RUN(test_sleep);
	RUN(test_links);
	RUN(test_bad_links);
	RUN(test_kinds);
	RUN(test_streams);
	RUN(test_no_such_file);
	free(whole.data);
	return test_done();
}
