// SPDX-License-Identifier: GPL-3.0-or-later
/* Images that mke2fs makes: everything in them comes out, all is held; then damage of every kind. */
#include "ext_help.h"

#include <dirent.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <ext2fs/ext2fs.h>

#include "backproof/fs_probe.h"
#include "share_help.h"

static char dir[200];

/* ext_help.h's lines for a directory of this machine. */
static void list_host(struct strings *lines, const char *root, const char *below)
{
	autofree char *path = text_format("%s/%s", root, below);
	DIR *d = opendir(path);
	NEED(d);
	for (struct dirent *de; (de = readdir(d));) {
		if (!strcmp(de->d_name, ".") || !strcmp(de->d_name, ".."))
			continue;
		autofree char *rel = text_format("%s%s%s", below, *below ? "/" : "", de->d_name);
		autofree char *full = text_format("%s/%s", root, rel);
		struct stat st;
		char value[2 * DIGEST_MAX + 1200] = "-";
		NEED(lstat(full, &st) == 0);
		char kind = S_ISDIR(st.st_mode) ? 'd' : S_ISLNK(st.st_mode) ? 'l' : 'f';
		if (S_ISLNK(st.st_mode)) {
			ssize_t n = readlink(full, value, sizeof value - 1);
			NEED(n > 0);
			value[n] = 0;
		} else if (S_ISREG(st.st_mode) && (uint64_t)st.st_size <= LISTED_MAX) {
			struct error e;
			struct source *src = source_open_file(full, &e);
			NEED(src);
			struct stream *s = stream_from_source(src, &e);
			struct digest *dg = digest_new(DIGEST_SHA256, &e);
			uint8_t sum[DIGEST_MAX];
			NEED(s && dg && stream_tap(s, digest_update, dg, &e) == 0);
			NEED(stream_drain(s, &e) == 0 && digest_final(dg, sum, &e) == 0);
			hex_encode(sum, 32, value);
			digest_destroy(dg);
			stream_destroy(s);
			source_destroy(src);
		}
		autofree char *line = text_format(
			"%c %o %u %llu %s %s", kind, st.st_mode & 07777u, (unsigned)st.st_nlink,
			kind == 'd' ? 0ULL : (unsigned long long)st.st_size, value, rel);
		NEED(strings_add(lines, line) == 0);
		if (kind == 'd')
			list_host(lines, root, rel);
	}
	closedir(d);
}

static int run(const char *fmt, ...) printf_like(1, 2);
static int run(const char *fmt, ...)
{
	char command[2000];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(command, sizeof command, fmt, ap);
	va_end(ap);
	int rc = system(command);
	return WIFEXITED(rc) ? WEXITSTATUS(rc) : -1;
}

static char *image_path(void)
{
	static char path[300];
	snprintf(path, sizeof path, "%s/image", dir);
	return path;
}

static bool make_image(const char *size, const char *options)
{
	return !run("rm -f '%s/image' && truncate -s %s '%s/image' && "
		    "mke2fs -q -F -d '%s/tree' %s '%s/image' >'%s/log' 2>&1",
		    dir, size, dir, dir, options, dir, dir);
}

static struct opened open_file_image(struct source **src)
{
	struct opened o = {.verify = 1};
	struct budget b;
	budget_init(&b);
	NEED(findings_init(&o.f) == 0);
	o.src = *src = source_open_file(image_path(), &o.e);
	NEED(o.src);
	o.fs = fs_open("ext4", o.src, "image", &o.f, &o.e);
	if (o.fs)
		o.verify = fs_verify(o.fs, &o.f, &b, INT64_MAX, &o.newest, &o.e);
	else
		fprintf(stderr, "%s\n", o.e.text);
	return o;
}

static const char *const kinds[] = {
	"-t ext4",
	"-t ext4 -b 1024",
	"-t ext4 -b 2048",
	"-t ext4 -b 4096",
	"-t ext3 -b 1024",
	"-t ext2 -b 4096",
	"-t ext2 -b 1024",
	"-t ext2 -O ^filetype",
	"-t ext4 -O ^metadata_csum",
	"-t ext4 -O ^metadata_csum,uninit_bg",
	"-t ext4 -O ^64bit",
	"-t ext4 -O inline_data",
	"-t ext4 -b 4096 -O inline_data -I 512",
	"-t ext4 -O bigalloc -C 16384",
	"-t ext4 -O meta_bg,^resize_inode",
	"-t ext4 -O ^flex_bg",
	"-t ext4 -O ea_inode",
	"-t ext4 -O casefold",
	"-t ext4 -O encrypt,verity",
	"-t ext4 -O mmp",
	"-t ext4 -O orphan_file",
	"-t ext4 -O sparse_super2,^resize_inode",
	"-t ext4 -O large_dir",
	"-t ext4 -O metadata_csum_seed",
	"-t ext4 -O quota,project",
	"-t ext4 -I 1024",
	"-t ext4 -O ^has_journal",
	"-t ext4 -O ^dir_index",
	"-t ext4 -b 1024 -g 1024 -G 4",
	"-t ext4 -O fast_commit",
	"-t ext4 -b 65536",
};

/* mke2fs 1.47 forgets the hole at the end of a file where there is inline data. */
static void drop_line(char *lines, const char *end)
{
	char *p = strstr(lines, end);
	if (!p)
		return;
	char *from = p;
	while (from > lines && from[-1] != '\n')
		from--;
	memmove(from, p + strlen(end), strlen(p + strlen(end)) + 1);
}

static void test_every_kind(void)
{
	char tree[300];
	struct strings lines = {0};
	struct text want = {0};
	snprintf(tree, sizeof tree, "%s/tree", dir);
	list_host(&lines, tree, "");
	/* mke2fs adds it. */
	NEED(strings_add(&lines, "d 700 2 0 - lost+found") == 0);
	qsort(lines.items, lines.count, sizeof *lines.items, by_text);
	for (size_t i = 0; i < lines.count; i++)
		text_printf(&want, "%s\n", lines.items[i]);
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		struct source *src;
		int before = test_bad_here;
		if (!make_image(strstr(kinds[i], "65536") ? "400M" : "48M", kinds[i])) {
			fprintf(stderr, "skipped: this mke2fs can't: %s\n", kinds[i]);
			continue;
		}
		struct opened o = open_file_image(&src);
		CHECK(o.fs && o.verify == 0);
		if (o.fs) {
			const struct fs_info *info = fs_info(o.fs);
			char want_type[5];
			snprintf(want_type, sizeof want_type, "%s", kinds[i] + 3);
			CHECK_STR(info->type, want_type);
			CHECK(info->clean && !info->replayed && !info->stale_view && !info->errors);
			CHECK(info->made > 0 && info->free < info->size && strlen(info->uuid) == 36);
			CHECK_INT(findings_proof(&o.f, PROOF_STRUCTURE), OUTCOME_HELD);
			CHECK(o.newest > 1500000000);
			autofree char *have = list_fs(o.fs, 65536, &o.e);
			autofree char *expected = strdup(want.data);
			NEED(have && expected);
			if (strstr(kinds[i], "inline_data")) {
				drop_line(have, " - huge\n");
				drop_line(have, " sparse\n");
				drop_line(expected, " - huge\n");
				drop_line(expected, " sparse\n");
			}
			CHECK(!strcmp(have, expected));
		}
		if (test_bad_here != before) {
			fprintf(stderr, "mke2fs %s:\n", kinds[i]);
			show_findings(&o.f);
		}
		close_image(&o);
	}
	strings_free(&lines);
	text_free(&want);
}

static void test_shared(void)
{
	struct source *src;
	NEED(make_image("48M", kinds[0]));
	struct opened o = open_file_image(&src);
	NEED(o.fs);
	check_shared(take(o.fs));
	close_image(&o);
}

static int find_attribute(void *ctx, const char *name, const void *value, size_t len,
			  struct error *e)
{
	(void)e;
	if (!strcmp(name, "user.colour") && len == 4 && !memcmp(value, "blue", 4))
		*(bool *)ctx = true;
	return 0;
}

/* 3 GiB of zeros with "end\n" at 2,500,000,000. */
static void read_huge(struct fs *fs, const struct fs_entry *en, struct error *e)
{
	autostream struct stream *s = fs_open_file(fs, en, e);
	uint8_t *buf = malloc(4 * MIB);
	uint64_t at = 0, odd = 0;
	ssize_t n;
	NEED(s && buf);
	while ((n = stream_read(s, buf, 4 * MIB, e)) > 0) {
		uint64_t mark = 2500000000u;
		if (at <= mark && mark + 4 <= at + (uint64_t)n) {
			CHECK(!memcmp(buf + (mark - at), "end\n", 4));
			memset(buf + (mark - at), 0, 4);
		}
		odd += !is_zero(buf, (size_t)n);
		at += (uint64_t)n;
	}
	CHECK(!n && !odd && at == en->size);
	CHECK_INT(stream_finish(s, e), 0);
	free(buf);
}

static void test_lookup(void)
{
	struct source *src;
	struct fs_entry en, other;
	NEED(make_image("48M", "-t ext4 -b 1024"));
	struct opened o = open_file_image(&src);
	struct fs *fs = o.fs;
	struct error *e = &o.e;
	NEED(fs);
	CHECK_INT(fs_lookup(fs, "", true, &en, e), 1);
	CHECK(en.type == ENTRY_DIR && en.id == 2);
	CHECK_INT(fs_lookup(fs, "/d1/file1", true, &en, e), 1);
	CHECK(en.type == ENTRY_FILE && en.size == 2 && en.place);
	CHECK_INT(fs_lookup(fs, "link", true, &other, e), 1);
	CHECK(other.id == en.id);
	CHECK_INT(fs_lookup(fs, "link", false, &other, e), 1);
	CHECK(other.type == ENTRY_LINK);
	CHECK_INT(fs_lookup(fs, "absolute/file1", false, &other, e), 1);
	CHECK(other.id == en.id);
	CHECK_INT(fs_lookup(fs, "d1/above/absolute/../d1/./file1", true, &other, e), 1);
	CHECK(other.id == en.id);
	CHECK_INT(fs_lookup(fs, "../../d1/file1", true, &other, e), 1);
	CHECK_INT(fs_lookup(fs, "loop1", true, &other, e), 0);
	CHECK_INT(fs_lookup(fs, "loop1", false, &other, e), 1);
	CHECK_INT(fs_lookup(fs, "d1/none", true, &other, e), 0);
	CHECK_INT(fs_lookup(fs, "one/two", true, &other, e), 0);
	CHECK_INT(fs_lookup(fs, "many/an-entry-with-a-name-399", true, &en, e), 1);
	CHECK_INT(fs_lookup(fs, "hard1", true, &en, e), 1);
	CHECK_INT(fs_lookup(fs, "many/hard2", true, &other, e), 1);
	CHECK(en.id == other.id && en.links == 3);
	char *data;
	size_t len;
	CHECK_INT(fs_read_file(fs, "link", 100, &data, &len, e), 1);
	CHECK_STR(data, "1\n");
	free(data);
	bool seen = false;
	CHECK_INT(fs_lookup(fs, "one", true, &en, e), 1);
	CHECK_INT(fs_xattrs(fs, &en, find_attribute, &seen, e), 0);
	if (!seen)
		fprintf(stderr, "no attributes seen: does the file system of %s have them?\n", dir);
	CHECK_INT(fs_lookup(fs, "huge", true, &en, e), 1);
	CHECK_INT(en.size, 3 * GIB);
	read_huge(fs, &en, e);
	CHECK(fs_lookup(fs, "d1", true, &en, e) == 1 && !fs_open_file(fs, &en, e));
	CHECK_INT(e->cls, ERROR_CORRUPT);
	close_image(&o);
}

/* Where parts of the image are, told by libext2fs through its own reader. */
struct spot {
	const char *what;
	uint64_t at;
};

static size_t find_spots(struct spot *s)
{
	ext2_filsys fs;
	ext2_ino_t ino;
	struct ext2_inode inode;
	size_t n = 0;
	NEED(!ext2fs_open(image_path(), 0, 0, 0, unix_io_manager, &fs));
	uint64_t bs = fs->blocksize;
	s[n++] = (struct spot){"superblock", 1024 + 0x78};
	s[n++] = (struct spot){"superblock geometry", 1024 + 0x28};
	s[n++] = (struct spot){"group descriptor",
			       (uint64_t)(fs->super->s_first_data_block + 1) * bs + 4};
	s[n++] = (struct spot){"block bitmap", ext2fs_block_bitmap_loc(fs, 0) * bs + 11};
	s[n++] = (struct spot){"inode bitmap", ext2fs_inode_bitmap_loc(fs, 0) * bs + 3};
	s[n++] = (struct spot){"root inode",
			       ext2fs_inode_table_loc(fs, 0) * bs + fs->super->s_inode_size + 4};
	s[n++] = (struct spot){"inode 20", ext2fs_inode_table_loc(fs, 0) * bs +
						   19u * fs->super->s_inode_size + 0x40};
	NEED(!ext2fs_namei(fs, 2, 2, "many", &ino) && !ext2fs_read_inode(fs, ino, &inode));
	blk64_t block;
	int flags;
	NEED(!ext2fs_bmap2(fs, ino, &inode, NULL, 0, 0, &flags, &block));
	s[n++] = (struct spot){"hash tree root", block * bs + 44};
	NEED(!ext2fs_bmap2(fs, ino, &inode, NULL, 0, 1, &flags, &block));
	s[n++] = (struct spot){"directory leaf", block * bs + 13};
	NEED(!ext2fs_namei(fs, 2, 2, "d1", &ino) && !ext2fs_read_inode(fs, ino, &inode));
	NEED(!ext2fs_bmap2(fs, ino, &inode, NULL, 0, 0, &flags, &block));
	s[n++] = (struct spot){"directory", block * bs + 30};
	NEED(!ext2fs_namei(fs, 2, 2, "pieces", &ino) && !ext2fs_read_inode(fs, ino, &inode));
	if (inode.i_flags & EXT4_EXTENTS_FL) {
		struct ext3_extent_idx *idx = (void *)((char *)inode.i_block + 12);
		NEED(((struct ext3_extent_header *)(void *)inode.i_block)->eh_depth == 1);
		s[n++] = (struct spot){"extent block", idx->ei_leaf * bs + 18};
	}
	NEED(!ext2fs_namei(fs, 2, 2, "one", &ino) && !ext2fs_read_inode(fs, ino, &inode));
	if (inode.i_file_acl)
		s[n++] = (struct spot){"attribute block", inode.i_file_acl * bs + 40};
	if (fs->super->s_journal_inum) {
		NEED(!ext2fs_read_inode(fs, fs->super->s_journal_inum, &inode));
		NEED(!ext2fs_bmap2(fs, fs->super->s_journal_inum, &inode, NULL, 0, 0, &flags,
				   &block));
		s[n++] = (struct spot){"log superblock", block * bs + 1};
	}
	s[n++] = (struct spot){
		"superblock copy",
		((uint64_t)fs->super->s_blocks_per_group + fs->super->s_first_data_block) * bs +
			0x68};
	ext2fs_close(fs);
	return n;
}

static void test_damage_of_each_part(void)
{
	struct spot spots[20];
	NEED(make_image("48M", "-t ext4 -b 1024 -O ^has_journal"));
	NEED(make_image("48M", "-t ext4 -b 1024"));
	struct image im = load(image_path());
	size_t n = find_spots(spots);
	CHECK(n >= 13);
	CHECK_INT(judged(&im), OUTCOME_HELD);
	for (size_t i = 0; i < n; i++) {
		for (unsigned bit = 0; bit < 8; bit++) {
			im.data[spots[i].at] ^= (uint8_t)(1 << bit);
			int before = test_bad_here;
			CHECK_INT(judged(&im), OUTCOME_BROKEN);
			if (test_bad_here != before)
				fprintf(stderr, "%s, bit %u\n", spots[i].what, bit);
			im.data[spots[i].at] ^= (uint8_t)(1 << bit);
		}
	}
	CHECK_INT(judged(&im), OUTCOME_HELD);
	free(im.data);
}

static void test_cut(void)
{
	NEED(make_image("24M", "-t ext4 -b 1024"));
	struct image im = load(image_path());
	size_t whole = im.len;
	static const size_t lost[] = {1, 1024, 5000000, 16000000, 23000000};
	for (size_t i = 0; i < ARRAY_SIZE(lost); i++) {
		im.len = whole - lost[i];
		CHECK_INT(judged(&im), OUTCOME_BROKEN);
	}
	struct opened o;
	im.len = whole - 1;
	o = open_image(&im, false);
	CHECK(has_finding(&o.f, "ext.size", OUTCOME_BROKEN));
	close_image(&o);
	for (im.len = 0; im.len < 70000; im.len += 511)
		CHECK_INT(judged(&im), OUTCOME_BROKEN);
	free(im.data);
}

static void test_features(void)
{
	NEED(make_image("24M", "-t ext2 -b 1024"));
	struct image im = load(image_path());
	im.data[1024 + 0x61] |= 0x10; /* dirdata */
	struct opened o = open_image(&im, false);
	CHECK(!o.fs && o.e.cls == ERROR_UNSUPPORTED && strstr(o.e.text, "dirdata"));
	close_image(&o);
	im.data[1024 + 0x61] &= (uint8_t)~0x10;
	im.data[1024 + 0x3a] = 2; /* errors, and not unmounted */
	o = open_image(&im, true);
	CHECK(o.fs && fs_info(o.fs)->errors && !fs_info(o.fs)->clean);
	CHECK_INT(findings_proof(&o.f, PROOF_STRUCTURE), OUTCOME_UNPROVEN);
	close_image(&o);
	free(im.data);
}

static void test_backup_superblock(void)
{
	static const char *const sizes[] = {"-b 1024", "-b 2048", "-b 4096"};
	static const uint64_t want[] = {8193 * 1024, 16384 * 2048, 32768ull * 4096};
	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		struct error e;
		uint64_t at = 0;
		NEED(make_image("140M", sizes[i]));
		NEED(!run("dd if=/dev/zero of='%s/image' bs=4096 count=16 conv=notrunc 2>/dev/null",
			  dir));
		struct source *src = source_open_file(image_path(), &e);
		CHECK(ext_backup_superblock(src, &at) && at == want[i]);
		source_destroy(src);
	}
	uint8_t *nothing = calloc(1, 9 * MIB);
	struct error e;
	struct source *src = source_memory(nothing, 9 * MIB, "zeros", &e);
	uint64_t at;
	NEED(nothing && src);
	CHECK(!ext_backup_superblock(src, &at));
	source_destroy(src);
	free(nothing);
}

/*
 * Whenever e2fsck complains, so do we, but for: the padding of bitmaps, which nothing reads (SKIPPED
 * here).
 */
static void test_agrees_with_e2fsck(void)
{
	static const char *const options[] = {"-t ext4 -b 1024", "-t ext3 -b 1024 -N 800"};
	struct rng r = {42};
	for (size_t k = 0; k < ARRAY_SIZE(options); k++) {
		NEED(make_image("8M", options[k]));
		struct image im = load(image_path());
		unsigned complaints = 0;
		for (unsigned i = 0; i < 60; i++) {
			size_t block;
			do
				block = (size_t)rng_below(&r, im.len / 1024);
			while (is_zero(im.data + block * 1024, 1024));
			size_t at = block * 1024 + (size_t)rng_below(&r, 1024);
			uint8_t bit = (uint8_t)(1 << rng_below(&r, 8));
			im.data[at] ^= bit;
			FILE *f = fopen(image_path(), "wb");
			NEED(f && fwrite(im.data, 1, im.len, f) == im.len && !fclose(f));
			bool theirs =
				run("e2fsck -fn '%s' >'%s/log' 2>&1", image_path(), dir) != 0 &&
				run("grep -q 'Padding at end of' '%s/log'", dir) != 0;
			complaints += theirs;
			if (theirs && judged(&im) == OUTCOME_HELD) {
				fprintf(stderr, "%s: bit 0x%x at %zu is damage for e2fsck only\n",
					options[k], bit, at);
				run("cat '%s/log' >&2", dir);
				test_bad_here++;
			}
			im.data[at] ^= bit;
		}
		CHECK(complaints > 5);
		free(im.data);
	}
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(dir, sizeof dir, "%s/ext-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	NEED(run("sh fixtures/ext/tree.sh '%s/tree'", dir) == 0);
	char one[300];
	snprintf(one, sizeof one, "%s/tree/one", dir);
	char big[600];
	memset(big, 'v', sizeof big);
	(void)!setxattr(one, "user.colour", "blue", 4, 0);
	(void)!setxattr(one, "user.large", big, sizeof big, 0);
	RUN(test_every_kind);
	RUN(test_shared);
	RUN(test_lookup);
	RUN(test_damage_of_each_part);
	RUN(test_cut);
	RUN(test_features);
	RUN(test_backup_superblock);
	RUN(test_agrees_with_e2fsck);
	run("rm -rf '%s'", dir);
	return test_done();
}
