// SPDX-License-Identifier: GPL-3.0-or-later
/* Checksums of btrfs: many runs of them in parts, long runs, disks that can't be read; and data in pieces. */
#include <errno.h>
#include <signal.h>

#include "backproof/budget.h"
#ifdef HAVE_LZO2
#include <lzo/lzo1x.h>
#endif
#ifdef HAVE_ZLIB
#include <zlib.h>
#endif

#include "btrfs_edit.h"

#define CS BTRFS_CSUM_OBJECT

static struct image im;
static struct leaf tree;
static uint8_t buf[4096];

/* All of it verified with so many runs of checksums kept at once; 0: as many as always. */
static void verify_with(size_t runs, struct seen *s)
{
	void *self = NULL;
	struct fs_info info;
	memset(s, 0, sizeof *s);
	NEED(!findings_init(&s->f));
	s->src = source_memory(im.data, im.len, "image", &s->e);
	NEED(s->src && fs_btrfs.open(s->src, "image", &s->f, &self, &info, &s->e) == 0);
	if (runs)
		((struct btrfs_view *)self)->fs->runs_max = runs;
	if (fs_btrfs.verify(self, "image", &s->f, NULL, INT64_MAX, &s->newest, &s->e) < 0)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.verify", "image", &s->e);
	fs_btrfs.destroy(self);
}

static void test_parts(void)
{
	static const uint64_t gone[] = {0, 5271552, 5345280, 5414912, 5439488, 5472256};
	for (size_t n = 0; n < ARRAY_SIZE(gone); n++)
		for (size_t runs = 0; runs < 8; runs++) {
			const struct btrfs_key key = {CS, KEY_CSUM, gone[n]};
			struct seen s;
			leaf_of(&im, BTRFS_CSUM_TREE, key, &tree);
			if (n)
				drop_item(&tree, key);
			leaf_store(&tree);
			verify_with(runs, &s);
			CHECK(has(&s, "btrfs.extents", OUTCOME_BROKEN) == (n > 0));
			CHECK(structure(&s) == (n ? OUTCOME_BROKEN : OUTCOME_HELD));
			if (!n) { /* nothing is counted twice */
				struct seen once;
				verify_with(0, &once);
				CHECK_INT(s.f.count, once.f.count);
				for (size_t k = 0; k < s.f.count && k < once.f.count; k++)
					CHECK_STR(s.f.items[k].detail, once.f.items[k].detail);
				drop(&once);
			}
			drop(&s);
			undo(&im);
		}
	/* What is damaged ends it: that is told. */
	leaf_of(&im, BTRFS_FS_TREE, key_of(260, KEY_EXTENT_DATA, 0), &tree);
	item_of(&tree, key_of(260, KEY_EXTENT_DATA, 0))->data[20] = 3;
	leaf_store(&tree);
	struct seen s;
	verify_with(1, &s);
	CHECK(structure(&s) == OUTCOME_BROKEN);
	drop(&s);
	undo(&im);
}

/* So many sectors of zeros behind all that is in use have checksums, `bad` of them wrong ones. */
static void put_sums(unsigned count, unsigned bad)
{
	static const uint8_t zero[4096];
	leaf_of(&im, BTRFS_CSUM_TREE, key_of(CS, KEY_CSUM, 0), &tree);
	for (unsigned k = 0; k < count; k++) {
		btrfs_sum(0, zero, 4096, buf + 4 * k);
		buf[4 * k] ^= k >= count - bad;
	}
	put_item(&tree, key_of(CS, KEY_CSUM, 6291456), buf, 4 * count);
	leaf_store(&tree);
}

static void test_long_runs(void)
{
	struct seen s;
	put_sums(700, 0);
	look(&im, im.len, &s);
	CHECK(structure(&s) == OUTCOME_HELD && has(&s, "btrfs.data", OUTCOME_HELD));
	drop(&s);
	undo(&im);
	put_sums(700, 300);
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.data", OUTCOME_BROKEN) && !has(&s, "btrfs.data", OUTCOME_HELD));
	drop(&s);
	undo(&im);
	/* Twice each, since there are two copies: at some point it is enough. */
	const struct btrfs_key chunk = {BTRFS_FIRST_FREE, KEY_CHUNK, 5242880};
	put_sums(700, 700);
	leaf_of(&im, BTRFS_CHUNK_TREE, chunk, &tree);
	struct item *it = item_of(&tree, chunk);
	memcpy(it->data + 80, it->data + 48, 32);
	put_le(it->data + 24, 0x25, 8);
	put_le(it->data + 44, 2, 2);
	it->size += 32;
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.data", OUTCOME_BROKEN) && !has(&s, "btrfs.data", OUTCOME_HELD));
	drop(&s);
	undo(&im);
	/* What is in that tree and no run of checksums says nothing of data. */
	leaf_of(&im, BTRFS_CSUM_TREE, key_of(CS, KEY_CSUM, 0), &tree);
	put_item(&tree, key_of(CS, KEY_CSUM - 1, 0), buf, 4);
	put_item(&tree, key_of(CS, KEY_CSUM + 1, 0), buf, 4);
	drop_item(&tree, key_of(CS, KEY_CSUM, 5271552));
	leaf_store(&tree);
	look(&im, im.len, &s);
	CHECK(has(&s, "btrfs.extents", OUTCOME_BROKEN) && has(&s, "btrfs.data", OUTCOME_HELD));
	unsigned failed;
	autofree char *all = list_of(s.fs, &failed);
	CHECK(all && failed == 1);
	/* Asked to stop. */
	struct budget b;
	budget_init(&b);
	stop_signal = SIGTERM;
	CHECK(fs_scrub(s.fs, &s.f, &b, &s.e) < 0 && s.e.cls == ERROR_LIMIT);
	stop_signal = 0;
	drop(&s);
	undo(&im);
}

/* ------------------------------------------------------------------------- what can't be read */

static uint64_t hole_from, hole_to;
static int read_around(void *self, uint64_t off, void *out, size_t len, struct error *e)
{
	if (off < hole_to && hole_from < off + len)
		return error_set(e, ERROR_IO, (int64_t)off, "read error");
	memcpy(out, ((const struct image *)self)->data + off, len);
	return 0;
}
static const struct source_ops around = {.kind = "around", .read_at = read_around};

static void test_unreadable(void)
{
	struct image dup = load("dup");
	struct findings f;
	struct error e;
	struct fs_entry it;
	NEED(!findings_init(&f));
	struct source *src = source_new(&around, &dup, dup.len, "image", &e);
	struct fs *fs = fs_open("btrfs", src, "image", &f, &e);
	NEED(fs && fs_lookup(fs, "a/random", true, &it, &e) == 1 && it.place);
	uint64_t other = 0;
	for (uint64_t p = 0; p + 4096 <= dup.len && !other; p += 4096)
		if (p != it.place && !memcmp(dup.data + p, dup.data + it.place, 4096))
			other = p;
	NEED(other);
	/* The first is damaged; whether the other is whole can't be said: that is no damage, nor is it fine. */
	dup.data[it.place] ^= 1;
	hole_from = other;
	hole_to = other + 4096;
	autostream struct stream *s = fs_open_file(fs, &it, &e);
	CHECK(s && stream_drain(s, &e) < 0 && e.cls == ERROR_IO);
	CHECK(fs_scrub(fs, &f, NULL, &e) < 0 && e.cls == ERROR_IO);
	hole_from = it.place; /* and the other way round: it stops at the first */
	hole_to = it.place + 4096;
	CHECK(fs_scrub(fs, &f, NULL, &e) < 0 && e.cls == ERROR_IO);
	hole_from = hole_to = 0;
	CHECK(fs_scrub(fs, &f, NULL, &e) == 1 && findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_BROKEN);
	stream_destroy(take(s));
	fs_destroy(fs);
	source_destroy(src);
	findings_free(&f);
	drop_image(&dup);
}

/* -------------------------------------------------------------------------------- data in pieces */

static void test_pieces_of_packed(void)
{
	const struct btrfs_key first = {261, KEY_EXTENT_DATA, 0}, second = {261, KEY_EXTENT_DATA, 65536};
	struct seen s;
	unsigned failed;
	autofree char *truth = expected_list("plain");
	leaf_of(&im, BTRFS_FS_TREE, first, &tree);
	struct item whole = *item_of(&tree, first);
	NEED(whole.data[16] && get_le64(whole.data + 45) == 131072);
	put_le(item_of(&tree, first)->data + 45, 65536, 8);
	put_le(whole.data + 37, 65536, 8);
	put_le(whole.data + 45, 65536, 8);
	put_item(&tree, second, whole.data, 53);
	leaf_store(&tree);
	look(&im, im.len, &s);
	autofree char *list = s.fs ? list_of(s.fs, &failed) : NULL;
	CHECK(list && !failed && !strcmp(list, truth));
	CHECK(has(&s, "btrfs.extents", OUTCOME_BROKEN)); /* it counts one reference */
	drop(&s);
	/* Over each other: neither is taken. */
	leaf_of(&im, BTRFS_FS_TREE, first, &tree);
	put_le(item_of(&tree, first)->data + 45, 131072, 8);
	leaf_store(&tree);
	look(&im, im.len, &s);
	struct fs_entry it;
	NEED(s.fs && fs_lookup(s.fs, "a/text", true, &it, &s.e) == 1);
	autostream struct stream *st = fs_open_file(s.fs, &it, &s.e);
	CHECK(st && stream_drain(st, &s.e) < 0 && s.e.cls == ERROR_CORRUPT);
	drop(&s);
	undo(&im);
}

static size_t pack(unsigned kind, const char *text, size_t len, uint8_t *out, size_t room)
{
	if (kind == BTRFS_ZSTD)
		return ZSTD_compress(out, room, text, len, 3);
#ifdef HAVE_ZLIB
	uLongf n = room;
	if (kind == BTRFS_ZLIB)
		return compress(out, &n, (const uint8_t *)text, len) == Z_OK ? n : 0;
#endif
#ifdef HAVE_LZO2
	static uint8_t work[LZO1X_1_MEM_COMPRESS];
	lzo_uint got;
	if (kind == BTRFS_LZO && lzo1x_1_compress((const uint8_t *)text, len, out + 8, &got, work) == LZO_E_OK) {
		put_le(out, got + 8, 4);
		put_le(out + 4, got, 4);
		return got + 8;
	}
#endif
	return 0;
}

static void test_packed_inline(void)
{
	const struct btrfs_key key = {262, KEY_EXTENT_DATA, 0}, inode = {262, KEY_INODE, 0};
	static char text[3000];
	for (size_t k = 0; k < sizeof text; k++)
		text[k] = "abcdefgh"[k / 7 % 8];
	for (unsigned kind = BTRFS_ZLIB; kind <= BTRFS_ZSTD; kind++)
		for (int lies = 0; lies < 3; lies++) {
			struct seen s;
			char *data;
			size_t got, n = pack(kind, text, sizeof text, buf + 21, sizeof buf - 21);
			if (!n)
				continue;
			memset(buf, 0, 21);
			put_le(buf, 7, 8);
			put_le(buf + 8, lies == 1 ? 3100 : sizeof text, 8);
			buf[16] = (uint8_t)kind;
			leaf_of(&im, BTRFS_FS_TREE, inode, &tree);
			put_le(item_of(&tree, inode)->data + 16, lies == 1 ? 3100 : 3000, 8);
			leaf_store(&tree);
			leaf_of(&im, BTRFS_FS_TREE, key, &tree);
			put_item(&tree, key, buf, n + 21 - (lies == 2 ? 10 : 0));
			leaf_store(&tree);
			look(&im, im.len, &s);
			int rc = s.fs ? fs_read_file(s.fs, "a/small", 1 << 20, &data, &got, &s.e) : -1;
			if (!lies) {
				CHECK(structure(&s) == OUTCOME_HELD);
				CHECK(rc == 1 && got == sizeof text && !memcmp(data, text, got));
			}
			CHECK(!lies == (rc == 1));
			CHECK(!lies || s.e.cls == ERROR_CORRUPT);
			if (rc == 1)
				free(data);
			drop(&s);
			undo(&im);
		}
}

/* What a read left of a sector is lent. */
static void test_read_then_lend(void)
{
	struct seen s;
	struct fs_entry it;
	const uint8_t *lent;
	uint8_t head[100];
	look(&im, im.len, &s);
	NEED(s.fs && fs_lookup(s.fs, "a/random", true, &it, &s.e) == 1);
	for (size_t first = 1; first < sizeof head; first += 33) {
		autostream struct stream *st = fs_open_file(s.fs, &it, &s.e);
		uint64_t n = first;
		NEED(st && stream_read(st, head, first, &s.e) == (ssize_t)first);
		CHECK(!memcmp(head, im.data + it.place, first));
		for (ssize_t got; (got = stream_lend(st, &lent, &s.e)) > 0; n += (uint64_t)got)
			CHECK(!memcmp(lent, im.data + it.place + n, (size_t)got));
		CHECK(n == it.size && !stream_finish(st, &s.e));
	}
	drop(&s);
}

int main(void)
{
#ifdef HAVE_LZO2
	NEED(lzo_init() == LZO_E_OK);
#endif
	im = load("plain");
	RUN(test_parts);
	RUN(test_long_runs);
	RUN(test_unreadable);
	RUN(test_pieces_of_packed);
	RUN(test_packed_inline);
	RUN(test_read_then_lend);
	drop_image(&im);
	return test_done();
}
