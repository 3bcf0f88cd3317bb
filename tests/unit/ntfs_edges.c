// SPDX-License-Identifier: GPL-3.0-or-later
/* NTFS: rarer shapes of records, runs and sizes: what Windows has, and what nobody can have. */
#include "ntfs_make.h"

#define RECORDS "ntfs.records"
#define CLUSTERS "ntfs.clusters"
#define DIRS "ntfs.directories"

static uint8_t *named_attribute(uint8_t *r, uint32_t type)
{
	for (uint8_t *p = r + get_le16(r + 20); get_le32(p) != 0xffffffff; p += get_le32(p + 4))
		if (get_le32(p) == type && p[9])
			return p;
	NEED(!"attribute");
	return NULL;
}

static struct rec file_of(const struct image *i, const char *name)
{
	return rec_read(i, number_of(&whole, name));
}

/* An attribute of the runs given, and of so many bytes. */
static void add_runs(struct rec *r, uint32_t type, const char *runs, size_t n, uint64_t clusters, uint64_t bytes)
{
	uint8_t a[96] = {0};
	put(a, type, 4);
	put(a + 4, (64 + n + 1 + 7) & ~7ul, 4);
	a[8] = 1;
	put(a + 14, 77, 2);
	put(a + 24, clusters - 1, 8);
	put(a + 32, 64, 2);
	put(a + 40, clusters * 4096, 8);
	put(a + 48, bytes, 8);
	put(a + 56, bytes, 8);
	memcpy(a + 64, runs, n);
	rec_add(r, a, get_le32(a + 4));
}

/* The data of random.bin in other runs. */
static struct image with_runs(const char *runs, size_t n, uint64_t clusters, uint64_t bytes)
{
	struct image i = copy_image(&whole);
	struct rec r = file_of(&i, "random.bin");
	uint8_t out[256];
	rec_cut(&r, 0x80, out);
	add_runs(&r, 0x80, runs, n, clusters, bytes);
	rec_write(&r);
	return i;
}

/* Data that nobody has; what was its own is in use by no file, which is no damage. */
static void test_runs(void)
{
	static const struct {
		const char *runs;
		size_t n;
		uint64_t clusters, bytes;
		enum outcome want;
		const char *check;
	} cases[] = {
		{"", 0, 0, 0, OUTCOME_HELD, CLUSTERS},			      /* emptied: up to cluster -1 */
		{"", 0, 1, 0, OUTCOME_BROKEN, CLUSTERS},
		{"\x11\1\xff", 3, 1, 10, OUTCOME_BROKEN, CLUSTERS},	      /* before the first cluster */
		{"\x21\1\xfe\x05", 4, 1, 10, OUTCOME_BROKEN, CLUSTERS},	      /* the last is 1534 */
		{"\x21\2\xfe\x05", 4, 2, 10, OUTCOME_BROKEN, CLUSTERS},
		{"\x21\4\x90\x05", 4, 4, 5 * 4096, OUTCOME_BROKEN, RECORDS},  /* more bytes than clusters */
		{"\x18\xff\xff\xff\xff\xff\xff\xff\x7f\1\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 19, 1, 10, OUTCOME_BROKEN,
		 CLUSTERS},
		{"\x08\xff\xff\xff\xff\xff\xff\xff\x7f\x08\xff\xff\xff\xff\xff\xff\xff\x7f", 18, 1, 10, OUTCOME_BROKEN,
		 CLUSTERS},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = with_runs(cases[k].runs, cases[k].n, cases[k].clusters, cases[k].bytes);
		int before = test_bad_here;
		if (k == 5 || k == 7) { /* marked as sparse: holes are as they should be */
			struct rec r = file_of(&i, "random.bin");
			uint8_t *a = attribute(r.b, 0x80);
			if (k == 5)
				put(a + 40, 5 * 4096, 8);
			else
				a[13] |= 0x80;
			rec_write(&r);
		}
		EXPECT(&i, cases[k].want, cases[k].check);
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
		free(i.data);
	}
}

/* Streams that nobody opens are asked as well whether their runs have room for their bytes. */
static void test_other_runs(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct image i = copy_image(&whole);
		struct rec r = file_of(&i, "empty");
		struct seen s;
		bool told = false;
		add_runs(&r, 0x100, "\x21\1\x90\x05", 4, 1, 4096);
		put(attribute(r.b, 0x100) + 40, 8192, 8);
		put(attribute(r.b, 0x100) + 48, 4096 + k, 8);
		rec_write(&r);
		look("ntfs", &i, i.size, &s);
		for (size_t n = 0; n < s.f.count; n++)
			told |= s.f.items[n].outcome == OUTCOME_BROKEN && strstr(s.f.items[n].detail, "more bytes");
		CHECK_INT(told, k);
		drop(&s);
		free(i.data);
	}
}

/* What lies in its record always, said to lie elsewhere. */
static void test_always_resident(void)
{
	static const uint32_t types[] = {0x10, 0x30, 0x90};
	for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
		struct image i = copy_image(&whole);
		struct rec r = file_of(&i, types[k] == 0x90 ? "many" : "sparse");
		uint8_t out[1024];
		rec_cut(&r, types[k], out);
		add_runs(&r, types[k], "\x21\1\x90\x05", 4, 1, 80);
		rec_write(&r);
		EXPECT(&i, OUTCOME_BROKEN, RECORDS);
		free(i.data);
	}
}

/* Records of NTFS before XP have no number in them. */
static void test_old_record(void)
{
	for (unsigned k = 0; k < 2; k++) {
		struct image i = copy_image(&whole);
		struct rec r = file_of(&i, "sparse");
		size_t from = get_le16(r.b + 20);
		NEED(get_le16(r.b + 4) == 48 && from == 56);
		memmove(r.b + 48, r.b + from, r.used - from);
		r.used -= 8;
		put(r.b + 20, 48, 2);
		put(r.b + 4, 42, 2);
		put(r.b + 42, k ? 0 : 0x1234, 6);
		rec_write(&r);
		EXPECT(&i, OUTCOME_HELD, RECORDS);
		free(i.data);
	}
	/* One that is said to be a part of itself. */
	struct image i = copy_image(&whole);
	struct rec r = file_of(&i, "sparse");
	put(r.b + 32, rec_ref(&r), 8);
	rec_write(&r);
	EXPECT(&i, OUTCOME_BROKEN, RECORDS);
	free(i.data);
}

/* Windows' own record of bad clusters is one hole, which is not called sparse. */
static void test_bad_clusters(void)
{
	struct image i = copy_image(&whole);
	struct rec r = rec_read(&i, 8);
	named_attribute(r.b, 0x80)[13] &= 0x7f;
	rec_write(&r);
	EXPECT(&i, OUTCOME_HELD, CLUSTERS);
	free(i.data);
}

/* Of the system files, as the volume is opened with them. */
static void test_system_files(void)
{
	static const struct {
		unsigned no, at;
		uint32_t type;
		unsigned width;
		uint64_t value;
		enum outcome want;
	} cases[] = {
		{3, 24 + 8, 0x70, 1, 9, OUTCOME_UNSUPPORTED}, /* a version of later days, or none */
		{3, 24 + 8, 0x70, 1, 0, OUTCOME_UNSUPPORTED},
		{0, 48, 0x80, 8, 1 << 20, OUTCOME_BROKEN},
		{6, 72, 0x80, 1, 0x7f, OUTCOME_BROKEN},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		struct rec r = rec_read(&i, cases[k].no);
		int before = test_bad_here;
		put(attribute(r.b, cases[k].type) + cases[k].at, cases[k].value, cases[k].width);
		rec_write(&r);
		struct seen s;
		look("ntfs", &i, i.size, &s);
		CHECK(has(&s, "fs.open", cases[k].want));
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k), dump(&s);
		drop(&s);
		free(i.data);
	}
	/* $Bitmap inside its record: nobody makes it so. */
	struct image i = copy_image(&whole);
	struct rec r = rec_read(&i, 6);
	uint8_t out[256], ones[192];
	memset(ones, 0xff, sizeof ones);
	rec_cut(&r, 0x80, out);
	rec_add_resident(&r, 0x80, ones, sizeof ones);
	rec_write(&r);
	EXPECT(&i, OUTCOME_BROKEN, "fs.open");
	free(i.data);
	/* $UpCase's $Info of another length is not known here: nothing is said of it. */
	i = copy_image(&whole);
	r = rec_read(&i, 10);
	uint8_t *info = named_attribute(r.b, 0x80);
	info[get_le16(info + 20)] = 24;
	rec_write(&r);
	struct seen s;
	look("ntfs", &i, i.size, &s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	CHECK(!has(&s, "ntfs.upcase", OUTCOME_HELD));
	drop(&s);
	put(info + 16, 24, 4);
	rec_write(&r);
	look("ntfs", &i, i.size, &s);
	CHECK(!has(&s, "ntfs.upcase", OUTCOME_HELD) && structure(&s) == OUTCOME_HELD);
	drop(&s);
	info[8] = 1;
	rec_write(&r);
	EXPECT(&i, OUTCOME_BROKEN, NULL);
	free(i.data);
}

/* Sizes of indexes, and where they lie. */
static void test_indexes(void)
{
	static const struct {
		uint32_t type;
		unsigned at, width;
		uint64_t value;
		bool sizes; /* all three of them */
	} cases[] = {
		{0xa0, 0, 8, UINT64_C(1) << 37, true}, {0xa0, 0, 8, 32 << 20, true}, {0xa0, 75, 1, 0x7f, false},
		{0xa0, 13, 1, 0x40, false},	       {0xa0, 13, 1, 0x80, false},  {0xa0, 12, 1, 1, false},
		{0x90, 32 + 8, 4, 1000, false},	       {0x90, 32 + 8, 4, 4 << 20, false},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		struct rec r = file_of(&i, "many");
		uint8_t *a = attribute(r.b, cases[k].type);
		int before = test_bad_here;
		if (cases[k].sizes)
			for (unsigned n = 40; n < 64; n += 8)
				put(a + n, cases[k].value, 8);
		else
			put(a + cases[k].at, cases[k].value, cases[k].width);
		rec_write(&r);
		/* (Indexes are neither sparse nor encrypted: nobody asks.) */
		if (k == 3 || k == 4)
			EXPECT(&i, OUTCOME_HELD, DIRS);
		else
			EXPECT(&i, OUTCOME_BROKEN, NULL);
		if (test_bad_here != before)
			fprintf(stderr, "case %zu\n", k);
		free(i.data);
	}
	/* Entries of a block that begin in its header. */
	struct image i = copy_image(&whole);
	size_t length;
	uint8_t *block = run_of(&i, number_of(&whole, "many"), 0xa0, &length);
	put(block + 24, 8, 4);
	EXPECT(&i, OUTCOME_BROKEN, DIRS);
	free(i.data);
	/* A bitmap longer than it has to be, and one that is longer than anything. */
	for (unsigned k = 0; k < 2; k++) {
		i = copy_image(&whole);
		struct rec r = file_of(&i, "many");
		uint8_t out[256];
		NEED(rec_cut(&r, 0xb0, out) == 40 && !out[8]);
		if (k) {
			put(out + 4, 80, 4);
			memset(out + 8, 0, 72);
			out[8] = 1;
			out[9] = 4;
			put(out + 10, 64, 2);
			put(out + 32, 72, 2);
			put(out + 24, 15, 8);
			put(out + 40, 65536, 8);
			put(out + 48, 65536, 8);
			put(out + 56, 65536, 8);
			memcpy(out + 64, "$\0I\0003\0000\0\x21\x10\x90\x05", 12);
			rec_add(&r, out, 80);
		} else {
			put(out + 4, 104, 4);
			put(out + 16, 72, 4);
			memset(out + 40, 0, 64);
			rec_add(&r, out, 104);
		}
		rec_write(&r);
		/* (The clusters of that bitmap are not marked as its own either.) */
		EXPECT(&i, k ? OUTCOME_BROKEN : OUTCOME_HELD, k ? NULL : DIRS);
		free(i.data);
	}
}

/* A reparse point that is longer than any may be. */
static void test_long_reparse(void)
{
	struct image i = copy_image(&whole);
	struct rec r = file_of(&i, "empty");
	uint8_t *t = attribute(r.b, 0x10);
	struct seen s;
	t[get_le16(t + 20) + 33] |= 4;
	add_runs(&r, 0xc0, "\x21\x10\x90\x05", 4, 16, 65536);
	rec_write(&r);
	look("ntfs", &i, i.size, &s);
	CHECK(structure(&s) != OUTCOME_HELD);
	drop(&s);
	free(i.data);
}

/* Short names: no links of their own, and not shown beside the long one. */
static void make_short(ntfs_volume *vol, ntfs_inode *root)
{
	(void)vol;
	for (unsigned k = 0; k < 3; k++) {
		char text[40];
		snprintf(text, sizeof text, "A long name, number %u.text", k);
		NEED(!ntfs_inode_close(new_file(root, text, S_IFREG)));
	}
}

static int count_name(void *ctx, const struct fs_entry *it, struct error *e)
{
	unsigned *n = ctx;
	(void)e;
	n[0] += strstr(it->path, "A long") != NULL;
	n[1] += strstr(it->path, "ALONG~") != NULL;
	if (strstr(it->path, "A long"))
		CHECK_INT(it->links, 1);
	return 0;
}

static void give_short_name(const char *path, const char *name, const char *shorter)
{
	ntfs_volume *vol = ntfs_mount(path, 0);
	ntfs_inode *dir = vol ? ntfs_inode_open(vol, FILE_root) : NULL;
	ntfs_inode *ni = dir ? ntfs_pathname_to_inode(vol, dir, name) : NULL;
	NEED(ni && !ntfs_set_ntfs_dos_name(ni, dir, shorter, strlen(shorter), 0));
	NEED(!ntfs_umount(vol, FALSE));
}

static void test_short_names(void)
{
	struct seen s;
	struct fs_entry it, other;
	struct image i = changed(make_short);
	char path[] = "/tmp/ntfs-XXXXXX";
	unsigned n[2] = {0};
	int fd = mkstemp(path);
	NEED(fd >= 0 && write(fd, i.data, i.size) == (ssize_t)i.size && !close(fd));
	give_short_name(path, "A long name, number 1.text", "ALONG~1.TEX");
	give_short_name(path, "A long name, number 2.text", "ALONG~2.TEX");
	free(i.data);
	i.data = load_file(path, &i.size);
	unlink(path);
	look("ntfs", &i, i.size, &s);
	if (structure(&s) != OUTCOME_HELD)
		dump(&s);
	CHECK_INT(structure(&s), OUTCOME_HELD);
	NEED(s.fs && fs_walk(s.fs, "", NULL, count_name, n, &s.e) == 0);
	CHECK(n[0] == 3 && n[1] == 0);
	CHECK(fs_lookup(s.fs, "along~2.tex", true, &it, &s.e) == 1);
	CHECK(fs_lookup(s.fs, "a LONG name, number 2.text", true, &other, &s.e) == 1 && it.id == other.id);
	drop(&s);
	/* A record that counts fewer links than it has names. */
	struct rec r = rec_read(&i, (unsigned)(it.id & 0xffffffff));
	put(r.b + 18, 1, 2);
	rec_write(&r);
	look("ntfs", &i, i.size, &s);
	NEED(s.fs && fs_lookup(s.fs, "along~2.tex", true, &it, &s.e) == 1);
	CHECK_INT(it.links, 1);
	drop(&s);
	free(i.data);
}

int main(void)
{
	whole = load_image(FIXTURE);
	ntfs_log_set_handler(ntfs_log_handler_null);
	RUN(test_runs);
	RUN(test_other_runs);
	RUN(test_always_resident);
	RUN(test_old_record);
	RUN(test_bad_clusters);
	RUN(test_system_files);
	RUN(test_indexes);
	RUN(test_long_reparse);
	RUN(test_short_names);
	free(whole.data);
	return test_done();
}
