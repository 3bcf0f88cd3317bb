// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a file system's reader sees, as text, to compare with what a kernel's mount shows (tests/tool/fslist.py).
 *
 *     fslist TYPE IMAGE [verify] [subvol=PATH]
 *
 * Lines: type, mode, links, uid:gid, size (- for directories of some), digest or target, attributes, path. Names as
 * they are, with \n for a line's end. Findings and times go to standard error; 1 when anything is not held.
 */
#include "backproof/digest.h"
#include "backproof/fs.h"
#include "backproof/text.h"

struct list {
	struct fs *fs;
	uint64_t bytes;
	int failed;
};

/* Order does not matter: attributes are summed. */
static int add_attribute(void *ctx, const char *name, const void *value, size_t len, struct error *e)
{
	(void)e;
	uint64_t *sum = ctx;
	if (!strncmp(name, "user.", 5))
		*sum += hash_bytes(name, strlen(name)) ^ hash_bytes(value, len);
	return 0;
}

static int digest_of(struct list *l, const struct fs_entry *it, char hex[2 * DIGEST_MAX + 1], struct error *e)
{
	uint8_t sum[DIGEST_MAX];
	autodestroy(digest_destroy_auto) struct digest *d = digest_new(DIGEST_SHA256, e);
	autostream struct stream *s = fs_open_file(l->fs, it, e);
	if (!d || !s || stream_tap(s, digest_update, d, e) < 0 || stream_drain(s, e) < 0 || digest_final(d, sum, e) < 0)
		return -1;
	l->bytes += stream_offset(s);
	hex_encode(sum, digest_size(DIGEST_SHA256), hex);
	return 0;
}

static void put_name(const char *s)
{
	for (; *s; s++)
		if (*s == '\n')
			fputs("\\n", stdout);
		else
			putchar(*s);
}

static int show(void *ctx, const struct fs_entry *it, struct error *e)
{
	struct list *l = ctx;
	char hex[2 * DIGEST_MAX + 1] = "-";
	struct error why;
	uint64_t attributes = 0;
	autofree char *target = it->type == ENTRY_LINK ? fs_read_link(l->fs, it, &why) : NULL;
	if ((it->type == ENTRY_LINK && !target) || (it->type == ENTRY_FILE && digest_of(l, it, hex, &why) < 0) ||
	    fs_xattrs(l->fs, it, add_attribute, &attributes, &why) < 0) {
		fprintf(stderr, "%s: %s\n", it->path, why.text);
		l->failed = 1;
	}
	printf("%c %o %u %u:%u %llu ", "fdlo"[it->type], it->mode & 07777, it->links, it->uid, it->gid,
	       (unsigned long long)it->size);
	put_name(target ? target : hex);
	printf(" %016llx ", (unsigned long long)attributes);
	put_name(it->path);
	putchar('\n');
	(void)e;
	return 0;
}

static int look(struct fs *fs, struct findings *f, bool verify, struct error *e)
{
	struct list l = {.fs = fs};
	int64_t newest, began = monotonic_ns();
	if (verify && (fs_verify(fs, f, NULL, INT64_MAX, &newest, e) < 0 || fs_scrub(fs, f, NULL, e) < 0))
		return -1;
	int64_t verified = monotonic_ns();
	if (fs_walk(fs, "", NULL, show, &l, e) < 0)
		return -1;
	double seconds = (double)(monotonic_ns() - verified) / 1e9;
	fprintf(stderr, "%.3f s to verify; %.1f MB of files in %.3f s, %.0f MB/s\n", (double)(verified - began) / 1e9,
		(double)l.bytes / 1e6, seconds, (double)l.bytes / 1e6 / seconds);
	return l.failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct error e = {0};
	struct findings f;
	bool verify = false;
	const char *subvolume = NULL;
	if (argc < 3 || findings_init(&f) < 0)
		return 2;
	for (int i = 3; i < argc; i++) {
		verify |= !strcmp(argv[i], "verify");
		if (!strncmp(argv[i], "subvol=", 7))
			subvolume = argv[i] + 7;
	}
	autosource struct source *src = source_open_file(argv[2], &e);
	autodestroy(fs_destroy_auto) struct fs *fs = src ? fs_open(argv[1], src, argv[2], &f, &e) : NULL;
	autodestroy(fs_destroy_auto) struct fs *sub = fs && subvolume ? fs_open_subvolume(fs, subvolume, 0, &e) : NULL;
	struct fs *top = subvolume ? sub : fs;
	int rc = top ? look(top, &f, verify, &e) : -1;
	if (rc < 0)
		fprintf(stderr, "%s\n", e.text);
	for (size_t i = 0; i < f.count; i++) {
		fprintf(stderr, "%s %s: %s\n", f.items[i].check, outcome_name(f.items[i].outcome), f.items[i].detail);
		if (f.items[i].outcome != OUTCOME_HELD && f.items[i].outcome != OUTCOME_SKIPPED)
			rc = -1;
	}
	findings_free(&f);
	return rc < 0;
}
