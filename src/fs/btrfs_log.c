// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The log trees: what was fsynced since the last commit. A mount replays them; here that is done into overlays
 * over the subvolumes. A log that can't be replayed leaves an older view, and that is said.
 */
#include "btrfs.h"

static int by_start(const void *a, const void *b)
{
	const struct btrfs_log_sum *x = a, *y = b;
	return x->start < y->start ? -1 : x->start > y->start;
}

static int take_sums(struct btrfs *fs, const struct btrfs_tree *log, struct error *e)
{
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_CSUM_OBJECT, KEY_CSUM, 0};
	uint64_t end = 0;
	int rc = btrfs_seek(&c, fs, log, &from, e);
	for (; rc > 0 && c.key.objectid == BTRFS_CSUM_OBJECT && c.key.type == KEY_CSUM; rc = btrfs_next(&c, e)) {
		if (!c.size || c.size % fs->sum_bytes || c.key.offset % fs->sector)
			return btrfs_bad(e, btrfs_cursor_place(&c), "checksums in the log of what is no data");
		/* A kernel takes no leaf of such; one that wrote them would have lost some of them in the replay. */
		if (c.key.offset < end ||
		    add_overflows(c.key.offset, c.size / fs->sum_bytes * (uint64_t)fs->sector, &end))
			return btrfs_bad(e, btrfs_cursor_place(&c), "checksums in the log overlap");
		struct btrfs_log_sum *s = vec_push(&fs->log_sums);
		if (!s || !(s->data = malloc(c.size + 1u)))
			return error_nomem(e);
		memcpy(s->data, c.data, c.size);
		s->start = c.key.offset;
		s->count = c.size / fs->sum_bytes;
	}
	return rc < 0 ? -1 : 0;
}

/* Subvolumes that share an extent may each have its checksums in their logs: the same, and they are kept once. */
static int part_sums(struct btrfs *fs, struct error *e)
{
	size_t all = fs->log_sums.count;
	uint64_t end = 0;
	bool alike = true;
	if (all)
		qsort(fs->log_sums.items, all, sizeof *fs->log_sums.items, by_start);
	fs->log_sums.count = 0;
	for (size_t i = 0; i < all; i++) {
		struct btrfs_log_sum s = fs->log_sums.items[i];
		uint64_t over = s.start < end ? (end - s.start) / fs->sector : 0;
		over = over < s.count ? over : s.count;
		for (uint64_t k = 0; k < over; k++) {
			uint64_t at = s.start + k * fs->sector;
			const struct btrfs_log_sum *have = btrfs_log_sum(fs, at);
			alike &= !memcmp(have->data + (at - have->start) / fs->sector * fs->sum_bytes,
					 s.data + k * fs->sum_bytes, fs->sum_bytes);
		}
		if (over == s.count) {
			free(s.data);
			continue;
		}
		s.start += over * fs->sector;
		s.count -= over;
		memmove(s.data, s.data + over * fs->sum_bytes, (size_t)s.count * fs->sum_bytes);
		end = s.start + s.count * fs->sector;
		fs->log_sums.items[fs->log_sums.count++] = s;
	}
	return alike ? 0 : btrfs_bad(e, ERROR_NO_OFFSET, "two logs have different checksums for the same data");
}

static int replay_one(struct btrfs *fs, const struct btrfs_tree *log, struct btrfs_tree *tree, struct error *e)
{
	struct btrfs_replay r = {.fs = fs, .tree = tree, .log = log};
	tree->overlay = btrfs_overlay_new(e); /* it has one log */
	if (!tree->overlay)
		return -1;
	int rc = btrfs_replay_tree(&r, e);
	vec_free(&r.fixups);
	return rc < 0 ? error_prefix(e, "log of subvolume %llu", (unsigned long long)tree->id) : take_sums(fs, log, e);
}

static int replay_all(struct btrfs *fs, unsigned *count, struct error *e)
{
	struct btrfs_tree logs = {.id = BTRFS_LOG_TREE, .owner = BTRFS_LOG_TREE, .bytenr = fs->log_root,
				  .generation = fs->generation + 1, .level = fs->raw[0xc8], .refs = 1};
	struct btrfs_cursor c autocursor = {0};
	struct btrfs_key from = {BTRFS_LOG_TREE, KEY_ROOT, 0};
	int rc = btrfs_seek(&c, fs, &logs, &from, e);
	for (; rc > 0 && c.key.objectid == BTRFS_LOG_TREE && c.key.type == KEY_ROOT; rc = btrfs_next(&c, e)) {
		struct btrfs_tree log, *tree = btrfs_tree_by_id(fs, c.key.offset);
		if (btrfs_root_parse(&c.key, c.data, c.size, &log, e) < 0)
			return -1;
		if (!btrfs_is_subvolume(c.key.offset))
			return btrfs_bad(e, btrfs_cursor_place(&c), "a log of what is no subvolume");
		if (!tree || !tree->refs) /* deleted since */
			continue;
		log.owner = BTRFS_LOG_TREE;
		if (replay_one(fs, &log, tree, e) < 0)
			return -1;
		++*count;
	}
	return rc < 0 ? -1 : part_sums(fs, e);
}

static void forget(struct btrfs *fs)
{
	vec_each(&fs->trees, t)
	{
		btrfs_overlay_destroy(t->overlay);
		t->overlay = NULL;
	}
	vec_each(&fs->log_sums, s) free(s->data);
	vec_free(&fs->log_sums);
}

int btrfs_log_open(struct btrfs *fs, const char *subject, struct findings *f, struct fs_info *info, struct error *e)
{
	struct error why = {0};
	unsigned count = 0;
	if (!fs->log_root)
		return 0;
	if (replay_all(fs, &count, &why) == 0) {
		info->replayed = true;
		btrfs_finding(f, "btrfs.log", subject, OUTCOME_HELD, -1,
			      "the logs of %u subvolumes were replayed", count);
		return 0;
	}
	if (why.cls == ERROR_IO || why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	forget(fs);
	info->stale_view = true;
	/* A damaged log keeps the kernel from mounting: that is damage. One too large here is not. */
	if (why.cls == ERROR_CORRUPT)
		finding_error(f, PROOF_STRUCTURE, "btrfs.log", subject, &why);
	finding_add(f, PROOF_STRUCTURE, "btrfs.log", subject, OUTCOME_UNPROVEN, NULL,
		    "its log could not be replayed (%s): what was synced since the last commit is not seen", why.text);
	return 0;
}
