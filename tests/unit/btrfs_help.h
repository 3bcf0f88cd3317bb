// SPDX-License-Identifier: GPL-3.0-or-later
/* What the tests of btrfs share: sparse images in memory, what is in them, and checksums made right again. */
#ifndef BTRFS_HELP_H
#define BTRFS_HELP_H

#include <sys/mman.h>
#include <zstd.h>

#include "../../src/fs/btrfs.h"
#include "backproof/digest.h"
#include "backproof/text.h"
#include "test.h"

struct image {
	uint8_t *data;
	size_t len;
};

/* What is zero is not touched: the images are much larger than what is in them. */
static inline struct image load(const char *name)
{
	char path[128];
	struct image i = {0};
	static uint8_t in[65536], out[65536];
	snprintf(path, sizeof path, "fixtures/btrfs/%s.img.zst", name);
	FILE *fp = fopen(path, "rb");
	ZSTD_DStream *z = ZSTD_createDStream();
	NEED(fp && z);
	size_t room = 256 * MIB, n;
	i.data = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	NEED(i.data != MAP_FAILED);
	while ((n = fread(in, 1, sizeof in, fp)) > 0) {
		ZSTD_inBuffer from = {in, n, 0};
		while (from.pos < from.size) {
			ZSTD_outBuffer to = {out, sizeof out, 0};
			NEED(!ZSTD_isError(ZSTD_decompressStream(z, &to, &from)) && i.len + to.pos <= room);
			if (!is_zero(out, to.pos))
				memcpy(i.data + i.len, out, to.pos);
			i.len += to.pos;
		}
	}
	for (;;) { /* what is left inside */
		ZSTD_inBuffer none = {in, 0, 0};
		ZSTD_outBuffer to = {out, sizeof out, 0};
		NEED(!ZSTD_isError(ZSTD_decompressStream(z, &to, &none)));
		if (!to.pos)
			break;
		memcpy(i.data + i.len, out, to.pos);
		i.len += to.pos;
	}
	ZSTD_freeDStream(z);
	fclose(fp);
	return i;
}

static inline void drop_image(struct image *i)
{
	munmap(i->data, 256 * MIB);
}

struct seen {
	struct source *src;
	struct fs *fs;
	struct findings f;
	struct error e;
	int64_t newest;
	int scrubbed;
};

static inline void look(const struct image *i, size_t len, struct seen *s)
{
	memset(s, 0, sizeof *s);
	NEED(!findings_init(&s->f));
	s->src = source_memory(i->data, len, "image", &s->e);
	NEED(s->src);
	s->fs = fs_open("btrfs", s->src, "image", &s->f, &s->e);
	if (!s->fs) {
		finding_error(&s->f, PROOF_STRUCTURE, "fs.open", "image", &s->e);
		return;
	}
	if (fs_verify(s->fs, &s->f, NULL, INT64_MAX, &s->newest, &s->e) < 0)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.verify", "image", &s->e);
	s->scrubbed = fs_scrub(s->fs, &s->f, NULL, &s->e);
	if (s->scrubbed < 0)
		finding_error(&s->f, PROOF_STRUCTURE, "fs.scrub", "image", &s->e);
}

static inline void drop(struct seen *s)
{
	fs_destroy(s->fs);
	source_destroy(s->src);
	findings_free(&s->f);
}

static inline enum outcome structure(const struct seen *s)
{
	return findings_proof(&s->f, PROOF_STRUCTURE);
}

static inline bool has(const struct seen *s, const char *check, enum outcome o)
{
	for (size_t i = 0; i < s->f.count; i++)
		if (!strcmp(s->f.items[i].check, check) && s->f.items[i].outcome == o)
			return true;
	return false;
}

static inline void dump(const struct seen *s)
{
	for (size_t i = 0; i < s->f.count; i++)
		fprintf(stderr, "  %s %s: %s\n", s->f.items[i].check, outcome_name(s->f.items[i].outcome),
			s->f.items[i].detail);
}

struct listing {
	struct fs *fs;
	struct strings lines;
	unsigned failed; /* files that could not be read */
};

static inline int list_entry(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct listing *l = ctx;
	autofree char *what = NULL;
	struct error why;
	char hex[2 * DIGEST_MAX + 1] = "-";
	uint8_t sum[DIGEST_MAX];
	if (it->type == ENTRY_LINK) {
		what = fs_read_link(l->fs, it, &why);
		l->failed += !what;
	} else if (it->type == ENTRY_FILE) {
		autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, e);
		autostream struct stream *s = fs_open_file(l->fs, it, &why);
		NEED(d);
		if (!s || stream_tap(s, digest_update, d, &why) < 0 || stream_drain(s, &why) < 0) {
			l->failed++;
			return 0;
		}
		CHECK_INT(stream_offset(s), it->size);
		NEED(!digest_final(d, sum, e));
		hex_encode(sum, digest_size(DIGEST_SHA256), hex);
	}
	autofree char *line = text_format("%c %o %u %llu %s %s", "fdlo"[it->type], it->mode & 07777, it->links,
					  (unsigned long long)it->size, what ? what : hex, it->path);
	NEED(line && !strings_add(&l->lines, line));
	return 0;
}

static inline int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* All of the tree as text, sorted. NULL when the walk failed. */
static inline char *list_of(struct fs *fs, unsigned *failed)
{
	struct listing l = {.fs = fs};
	struct error e;
	struct text t = {0};
	int rc = fs_walk(fs, "", NULL, list_entry, &l, &e);
	if (l.lines.count)
		qsort(l.lines.items, l.lines.count, sizeof *l.lines.items, compare_paths);
	for (size_t i = 0; i < l.lines.count; i++)
		text_printf(&t, "%s\n", l.lines.items[i]);
	*failed = l.failed;
	strings_free(&l.lines);
	if (rc < 0) {
		text_free(&t);
		return NULL;
	}
	return t.data ? t.data : strdup("");
}

/* The list that a kernel gave, in the same order. */
static inline char *expected_list(const char *name)
{
	char path[128], line[4096];
	struct strings lines = {0};
	struct text t = {0};
	snprintf(path, sizeof path, "fixtures/btrfs/%s.list", name);
	FILE *fp = fopen(path, "r");
	NEED(fp);
	while (fgets(line, sizeof line, fp)) {
		line[strcspn(line, "\n")] = 0;
		NEED(!strings_add(&lines, line));
	}
	fclose(fp);
	NEED(lines.count);
	qsort(lines.items, lines.count, sizeof *lines.items, compare_paths);
	for (size_t i = 0; i < lines.count; i++)
		text_printf(&t, "%s\n", lines.items[i]);
	strings_free(&lines);
	return t.data;
}

/* Makes the checksum of a superblock or node right. */
static inline void resum(const struct image *i, uint64_t at, size_t bytes)
{
	btrfs_sum(get_le16(i->data + 0x10000 + 0xc4), i->data + at + 32, bytes - 32, i->data + at);
}

/* Where something lies that looks like a node, in use or not. */
static inline size_t find_nodes(const struct image *i, uint64_t *at, size_t room)
{
	size_t count = 0, node = get_le32(i->data + 0x10000 + 0x94);
	for (uint64_t p = 0; p + node <= i->len && count < room; p += 4096)
		if (p != 0x10000 && p != 0x4000000 && !memcmp(i->data + p + 0x20, i->data + 0x10000 + 0x20, 16))
			at[count++] = p;
	return count;
}

#endif
