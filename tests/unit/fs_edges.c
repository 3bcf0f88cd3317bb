// SPDX-License-Identifier: GPL-3.0-or-later
/* All readers of file systems alike: limits that end them in the middle, ids and paths of nobody. */
#include "backproof/budget.h"
#include "volume_image.h"

static const struct {
	const char *path, *type;
} rows[] = {
	{"fixtures/fat/fat12.img.zst", "vfat"},
	{"fixtures/fat/fat16.img.zst", "vfat"},
	{"fixtures/fat/fat32.img.zst", "vfat"},
	{"fixtures/exfat/c4096.img.zst", "exfat"},
	{"fixtures/exfat/c512.img.zst", "exfat"},
	{"fixtures/ext_small/csum.img", "ext4"},
	{"fixtures/xfs/wide.zst", "xfs"},
	{"fixtures/btrfs/plain.img.zst", "btrfs"},
#ifdef HAVE_LIBNTFS_3G
	{"fixtures/ntfs/c4096.img.zst", "ntfs"},
#endif
#ifdef HAVE_WIM
	{"fixtures/wim/lzx.wim", "wim"},
	{"fixtures/wim/solid.esd", "wim"},
#endif
};

/* A source after whose Nth read the time is over. */
static struct {
	struct image i;
	struct budget b;
	uint64_t reads, last;
} late;

static int late_read(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	(void)self, (void)e;
	memcpy(buf, late.i.data + off, len);
	if (++late.reads == late.last)
		late.b.deadline_ns = 1;
	return 0;
}

static const struct source_ops late_ops = {.kind = "late", .read_at = late_read};

struct first {
	char file[300], dir[300];
	uint64_t id;
};

static int note(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct first *f = ctx;
	(void)e;
	const char *slash = strchr(it->path, '/');
	if (it->type == ENTRY_FILE && it->size > 10 && (!*f->file || (slash && !*f->dir))) {
		snprintf(f->file, sizeof f->file, "%s", it->path);
		snprintf(f->dir, sizeof f->dir, "%.*s", slash ? (int)(slash - it->path) : 0, it->path);
		f->id = it->id;
	}
	return 0;
}

static int nothing(void *ctx, const struct fs_entry *it, struct error *e)
{
	(void)ctx, (void)it, (void)e;
	return 0;
}

static int open_late(size_t row, struct findings *f, struct source **src, struct fs **fs)
{
	struct error e;
	NEED(!findings_init(f));
	budget_init(&late.b);
	late.reads = late.last = 0;
	*src = source_new(&late_ops, NULL, late.i.size, "image", &e);
	*fs = *src ? fs_open(rows[row].type, *src, "image", f, &e) : NULL;
	return *fs ? 0 : -1;
}

/* What a run comes to whose time ends with the Nth read of it: LIMIT, or it was all done by then. */
static bool run_late(size_t row, unsigned what, uint64_t last, uint64_t *reads)
{
	struct findings f;
	struct source *src;
	struct fs *fs;
	struct error e = {0};
	int64_t newest;
	NEED(!open_late(row, &f, &src, &fs));
	late.reads = 0;
	late.last = last;
	int rc = what == 0 ? fs_verify(fs, &f, &late.b, INT64_MAX, &newest, &e)
			   : what == 1 ? fs_walk(fs, "", &late.b, nothing, NULL, &e) : fs_scrub(fs, &f, &late.b, &e);
	*reads = late.reads;
	CHECK(rc >= 0 || (e.cls == ERROR_LIMIT && last));
	CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_BROKEN);
	fs_destroy(fs);
	source_destroy(src);
	findings_free(&f);
	return rc >= 0;
}

static void test_time(void)
{
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		late.i = strstr(rows[row].path, ".zst") ? load_image(rows[row].path) : (struct image){0};
		if (!late.i.data)
			late.i.data = load_file(rows[row].path, &late.i.size);
		for (unsigned what = 0; what < 3; what++) {
			uint64_t reads, other;
			CHECK(run_late(row, what, 0, &reads));
			uint64_t step = reads / 150 + 1, told = 0;
			for (uint64_t n = 1; n <= reads; n += step)
				told += !run_late(row, what, n, &other);
			CHECK(what == 2 || told || reads < 3);
		}
		free(late.i.data);
	}
}

/* Limits of policy. */
static void test_limits(void)
{
	for (size_t row = 0; row < ARRAY_SIZE(rows); row++) {
		struct findings f;
		struct source *src;
		struct fs *fs;
		struct fs_entry it, no = {.id = 0};
		struct error e = {0};
		struct first first = {0};
		struct extent x;
		char *data = NULL;
		size_t len;
		int64_t newest = 1;
		late.i = strstr(rows[row].path, ".zst") ? load_image(rows[row].path) : (struct image){0};
		if (!late.i.data)
			late.i.data = load_file(rows[row].path, &late.i.size);
		NEED(!open_late(row, &f, &src, &fs));
		CHECK_INT(fs_walk(fs, "", NULL, note, &first, &e), 0);
		if (!*first.file)
			fprintf(stderr, "%s\n", rows[row].path);
		NEED(*first.file);
		late.b.max_entries = 1;
		CHECK(fs_walk(fs, "", &late.b, nothing, NULL, &e) < 0 && e.cls == ERROR_LIMIT);
		late.b.max_entries = 0;
		late.b.max_path_depth = 1;
		int rc = fs_walk(fs, "", &late.b, nothing, NULL, &e);
		CHECK(rc == 0 || e.cls == ERROR_LIMIT);
		late.b.max_path_depth = 0;
		CHECK(fs_walk(fs, first.file, NULL, nothing, NULL, &e) < 0 && e.cls == ERROR_CORRUPT);
		CHECK(fs_walk(fs, "nowhere", NULL, nothing, NULL, &e) < 0 && e.cls == ERROR_CORRUPT);
		CHECK_INT(fs_walk(fs, first.dir, NULL, nothing, NULL, &e), 0);
		/* Ids of nobody: some by chance are somebody's. */
		const uint64_t ids[] = {1, 2, 31, 33, late.i.size - 64, late.i.size - 32, UINT64_MAX / 2, first.id + 1};
		for (size_t k = 0; k < ARRAY_SIZE(ids); k++) {
			no.id = ids[k];
			no.type = ENTRY_FILE;
			struct stream *s = fs_open_file(fs, &no, &e);
			CHECK(s || e.cls == ERROR_CORRUPT || e.cls == ERROR_IO || e.cls == ERROR_UNSUPPORTED);
			stream_destroy(s);
		}
		no.id = first.id;
		no.type = ENTRY_LINK;
		CHECK(!fs_read_link(fs, &no, &e) && e.cls == ERROR_CORRUPT);
		/* Whole files: too large a one, none, and the very bytes. */
		CHECK(fs_read_file(fs, first.file, 5, &data, &len, &e) < 0 && e.cls == ERROR_LIMIT);
		CHECK_INT(fs_read_file(fs, first.dir, 5, &data, &len, &e), 0);
		CHECK_INT(fs_read_file(fs, "nowhere", 5, &data, &len, &e), 0);
		CHECK_INT(fs_lookup(fs, first.file, true, &it, &e), 1);
		CHECK_INT(fs_read_file(fs, first.file, 64 * MIB, &data, &len, &e), 1);
		CHECK_INT(len, it.size);
		free(data);
		autofree char *below = text_format("%s/below", first.file);
		CHECK_INT(fs_lookup(fs, below, true, &it, &e), 0);
		CHECK(fs_used_at(fs, 0, &x, &e) >= 0);
		/* Nothing is newer than now. */
		CHECK_INT(fs_verify(fs, &f, NULL, 1, &newest, &e), 0);
		CHECK_INT(newest, 0);
		fs_destroy(fs);
		source_destroy(src);
		findings_free(&f);
		free(late.i.data);
	}
}

#ifdef HAVE_WIM
/* What is not what its checksum says is not given out whole; nor what can't be opened. */
static void test_whole_files(void)
{
	struct seen s;
	struct first first = {0};
	char *data = NULL;
	size_t len;
	struct image i = {0};
	i.data = load_file("fixtures/wim/none.wim", &i.size);
	look("wim", &i, i.size, &s);
	NEED(s.fs && fs_walk(s.fs, "", NULL, note, &first, &s.e) == 0 && *first.file);
	struct fs_entry it;
	NEED(fs_lookup(s.fs, first.file, true, &it, &s.e) == 1 && it.place);
	i.data[it.place] ^= 1;
	CHECK(fs_read_file(s.fs, first.file, 64 * MIB, &data, &len, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	/* Nothing that others of its kind have. */
	CHECK(!fs_share(s.fs));
	drop(&s);
	free(i.data);
}
#endif

int main(void)
{
	RUN(test_time);
	RUN(test_limits);
#ifdef HAVE_WIM
	RUN(test_whole_files);
#endif
	return test_done();
}
