// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Verification that is told to stop, at whatever read: it stops there, and calls nothing damaged that is not. And reads
 * that fail for good from then on.
 */
#include <signal.h>

#include "backproof/budget.h"
#include "backproof/fs.h"
#include "fixture.h"

static struct reading {
	uint8_t *data;
	size_t size;
	uint64_t reads, stop_at;
	bool fails; /* or it is told to stop */
} it;

static int read_at(void *self, uint64_t off, void *buf, size_t len, struct error *e)
{
	(void)self;
	if (++it.reads >= it.stop_at) {
		if (it.fails)
			return error_set(e, ERROR_IO, (int64_t)off, "read error: Input/output error");
		stop_signal = SIGTERM;
	}
	memcpy(buf, it.data + off, len);
	return 0;
}

static const struct source_ops ops = {.kind = "stopping", .read_at = read_at};

/* true when it was not stopped any more. */
static bool verified(const char *path, const char *type)
{
	struct findings f;
	struct error e = {0};
	struct budget b;
	int64_t newest;
	int rc = -1;
	budget_init(&b);
	NEED(findings_init(&f) == 0);
	it.reads = 0;
	struct source *src = source_new(&ops, &it, it.size, "image", &e);
	NEED(src);
	struct fs *fs = fs_open(type, src, "image", &f, &e);
	if (fs)
		rc = fs_verify(fs, &f, &b, INT64_MAX, &newest, &e);
	stop_signal = 0;
	enum outcome out = findings_proof(&f, PROOF_STRUCTURE);
	bool done = rc == 0 && out == OUTCOME_HELD;
	if (out == OUTCOME_BROKEN || (!done && it.reads < it.stop_at) ||
	    (!fs || rc < 0 ? e.cls != (it.fails ? ERROR_IO : ERROR_LIMIT) : it.fails && done && it.reads >= it.stop_at)) {
		test_bad_here++;
		fprintf(stderr, "%s, read %llu of %llu: %s, %s (%s)\n", path, (unsigned long long)it.stop_at,
			(unsigned long long)it.reads, fs ? rc < 0 ? "not verified" : "verified" : "not opened",
			outcome_name(out), e.text);
		for (size_t i = 0; i < f.count; i++)
			if (f.items[i].outcome == OUTCOME_BROKEN)
				fprintf(stderr, "  %s: %s\n", f.items[i].check, f.items[i].detail);
	}
	fs_destroy(fs);
	source_destroy(src);
	findings_free(&f);
	return it.reads < it.stop_at;
}

static void test_stopped(void)
{
	static const struct {
		const char *path, *type;
		unsigned step;
	} cases[] = {
		{"fixtures/ext/rich/rich.img.zst", "ext4", 1},	   {"fixtures/ext/rich/rich2.img.zst", "ext2", 1},
		{"fixtures/ext/rich/folded.img.zst", "ext4", 1},   {"fixtures/ext/orphan-dirs.img.zst", "ext4", 1},
		{"fixtures/ext/orphan-file.img.zst", "ext4", 1},   {"fixtures/ext/plain.img.zst", "ext4", 1},
		{"fixtures/xfs/plain.zst", "xfs", 3},		   {"fixtures/xfs/small-blocks.zst", "xfs", 3},
		{"fixtures/xfs/wide.zst", "xfs", 3},		   {"fixtures/xfs/dirty.zst", "xfs", 29},
	};
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		it.data = fixture_zst(cases[k].path, &it.size);
		for (unsigned fails = 0; fails < 2; fails++) {
			it.fails = fails;
			it.stop_at = 1;
			while (!verified(cases[k].path, cases[k].type))
				it.stop_at += cases[k].step;
			CHECK(it.stop_at > 10);
		}
		free(it.data);
	}
}

int main(void)
{
	RUN(test_stopped);
	return test_done();
}
