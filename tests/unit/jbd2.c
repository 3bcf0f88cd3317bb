// SPDX-License-Identifier: GPL-3.0-or-later
/* Replay against lists that a kernel made after its own, and damage in every part of a log. */
#include "ext_help.h"

#include <glob.h>
#include <sys/wait.h>

/* Where the log is, found by its superblock; other parts of the file system may lie in its midst. */
struct log {
	uint32_t block_size, start, sequence;
	size_t at; /* byte offset */
	uint32_t length;
};

static struct log find_log(const struct image *im)
{
	struct log l = {.block_size = 1024u << get_le32(im->data + 1024 + 24)};
	for (size_t at = l.block_size; at + l.block_size <= im->len; at += l.block_size) {
		const uint8_t *p = im->data + at;
		if (get_be32(p) != 0xc03b3998 || (get_be32(p + 4) != 3 && get_be32(p + 4) != 4))
			continue;
		l.at = at;
		l.length = get_be32(p + 16);
		l.sequence = get_be32(p + 24);
		l.start = get_be32(p + 28);
		break;
	}
	NEED(l.at && l.start);
	return l;
}

/* Byte offset of the block of a type in the transaction that is `skip` after the first. */
static size_t find_block(const struct image *im, const struct log *l, uint32_t type, uint32_t skip)
{
	for (uint32_t i = l->start; i < l->length + 64; i++) {
		const uint8_t *p = im->data + l->at + (size_t)i * l->block_size;
		if (get_be32(p) == 0xc03b3998 && get_be32(p + 4) == type &&
		    get_be32(p + 8) == l->sequence + skip)
			return (size_t)(p - im->data);
	}
	return 0;
}

static uint32_t transactions(const struct image *im, const struct log *l)
{
	uint32_t n = 0;
	while (find_block(im, l, 2, n))
		n++;
	return n;
}

/* Fast commits are not replayed: that must be said, and nothing be called damaged for it. */
static void expect_stale(const char *image, bool packed)
{
	struct image im = packed ? load_zst(image) : load(image);
	struct opened o = open_image(&im, true);
	CHECK(o.fs && o.verify == 0 && fs_info(o.fs)->stale_view);
	CHECK(has_finding(&o.f, "jbd2.fast-commit", OUTCOME_UNPROVEN));
	CHECK_INT(findings_proof(&o.f, PROOF_STRUCTURE), OUTCOME_UNPROVEN);
	close_image(&o);
	free(im.data);
}

static int compare(const char *image, const char *list, bool packed)
{
	if (strstr(image, "stale-")) {
		expect_stale(image, packed);
		return 0;
	}
	struct image im = packed ? load_zst(image) : load(image), expected = load(list);
	NEED(im.data && expected.data);
	struct opened o = open_image(&im, true);
	int before = test_bad_here;
	CHECK(o.fs && o.verify == 0);
	if (o.fs) {
		CHECK(fs_info(o.fs)->replayed && !fs_info(o.fs)->stale_view && !fs_info(o.fs)->clean);
		CHECK(fs_info(o.fs)->journal >= fs_info(o.fs)->mounted);
		CHECK(has_finding(&o.f, "jbd2.replay", OUTCOME_HELD));
		CHECK_INT(findings_proof(&o.f, PROOF_STRUCTURE), OUTCOME_HELD);
		autofree char *want = sorted_lines((char *)expected.data);
		static const size_t buffers[] = {1, 7, 4096, MIB};
		for (size_t i = 0; i < ARRAY_SIZE(buffers); i++) {
			autofree char *have = list_fs(o.fs, buffers[i], &o.e);
			CHECK_STR(have, want);
		}
		CHECK(strstr(want, " newest5\n"));
	}
	if (test_bad_here != before) {
		fprintf(stderr, "%s:\n", image);
		show_findings(&o.f);
	}
	close_image(&o);
	free(im.data);
	free(expected.data);
	return test_bad_here - before;
}

static void test_replay_of_stored_images(void)
{
	glob_t g;
	NEED(glob("fixtures/ext/*.img.zst", 0, NULL, &g) == 0);
	CHECK(g.gl_pathc >= 5);
	for (size_t i = 0; i < g.gl_pathc; i++) {
		char list[256];
		const char *p = g.gl_pathv[i];
		snprintf(list, sizeof list, "%.*s.list", (int)(strlen(p) - strlen(".img.zst")), p);
		compare(p, list, true);
	}
	globfree(&g);
}

/* The same with images made now, by the kernel of this machine. */
static void test_replay_of_fresh_images(void)
{
	const char *tmp = getenv("TMPDIR");
	char dir[200], command[512];
	snprintf(dir, sizeof dir, "%s/ext-XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(dir));
	snprintf(command, sizeof command, "sh fixtures/ext/make.sh '%s' >'%s/log' 2>&1", dir, dir);
	int rc = system(command);
	if (WEXITSTATUS(rc) == 77) {
		fprintf(stderr,
			"skipped: fresh images with a dirty log need root and loop devices\n");
	} else {
		glob_t g;
		CHECK_INT(rc, 0);
		snprintf(command, sizeof command, "%s/*.img", dir);
		CHECK_INT(glob(command, 0, NULL, &g), 0);
		for (size_t i = 0; i < g.gl_pathc; i++) {
			char list[512];
			const char *p = g.gl_pathv[i];
			snprintf(list, sizeof list, "%.*s.list", (int)(strlen(p) - 4), p);
			compare(p, list, false);
		}
		globfree(&g);
	}
	snprintf(command, sizeof command, "rm -rf '%s'", dir);
	CHECK_INT(system(command), 0);
}

static void test_log_cut_at_its_end(void)
{
	static const char *const names[] = {"csum3", "plain", "csum1", "async3"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[100];
		snprintf(path, sizeof path, "fixtures/ext/%s.img.zst", names[i]);
		struct image im = load_zst(path);
		struct log l = find_log(&im);
		uint32_t n = transactions(&im, &l);
		struct fs_entry en;
		CHECK(n > 4);
		/* A commit block that never came ends the log, and is no damage. */
		memset(im.data + find_block(&im, &l, 2, n - 1), 0, l.block_size);
		struct opened o = open_image(&im, true);
		CHECK(o.fs && o.verify == 0 && fs_info(o.fs)->replayed && !fs_info(o.fs)->stale_view);
		CHECK_INT(findings_proof(&o.f, PROOF_STRUCTURE), OUTCOME_HELD);
		CHECK_INT(fs_lookup(o.fs, "newest5", true, &en, &o.e), 0);
		CHECK_INT(fs_lookup(o.fs, "data3", true, &en, &o.e), 1);
		if (test_bad_here)
			show_findings(&o.f);
		close_image(&o);
		free(im.data);
	}
}

static void test_damage_in_the_middle(void)
{
	static const char *const names[] = {"csum3",  "plain",	"csum1",
					    "async1", "async3", "journal-data"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[100];
		snprintf(path, sizeof path, "fixtures/ext/%s.img.zst", names[i]);
		struct image clean = load_zst(path), im = {malloc(clean.len), clean.len};
		struct log l = find_log(&clean);
		uint32_t n = transactions(&clean, &l);
		for (uint32_t t = 0; t + 1 < n; t++) {
			/* Whatever the checksums: a block lost in the middle cuts off what is after it. */
			static const uint32_t types[] = {1, 2};
			for (size_t k = 0; k < ARRAY_SIZE(types); k++) {
				size_t at = find_block(&clean, &l, types[k], t);
				if (!at)
					continue;
				memcpy(im.data, clean.data, clean.len);
				im.data[at] ^= 1;
				CHECK_INT(judged(&im), OUTCOME_BROKEN);
				if (test_bad_here) {
					fprintf(stderr, "%s, transaction %u, type %u\n", names[i],
						t, types[k]);
					break;
				}
			}
		}
		free(im.data);
		free(clean.data);
	}
}

static void test_checksums_of_the_log(void)
{
	struct image clean = load_zst("fixtures/ext/csum3.img.zst"),
		     im = {malloc(clean.len), clean.len};
	struct log l = find_log(&clean);
	uint32_t n = transactions(&clean, &l);
	for (uint32_t t = 0; t < n; t++) {
		size_t descriptor = find_block(&clean, &l, 1, t),
		       commit = find_block(&clean, &l, 2, t);
		size_t revoke = find_block(&clean, &l, 5, t);
		/* The first transaction's data does not follow its descriptor in these images. */
		const size_t at[] = {descriptor ? descriptor + 40 : 0,
				     descriptor && t ? descriptor + l.block_size + 99 : 0,
				     revoke ? revoke + 20 : 0, commit + 700};
		for (size_t k = 0; k < ARRAY_SIZE(at); k++) {
			if (!at[k])
				continue;
			memcpy(im.data, clean.data, clean.len);
			im.data[at[k]] ^= 4;
			enum outcome out = judged(&im);
			/* The last commit block may be torn: not damage for sure, and never fine. */
			CHECK_INT(out, k == 3 && t == n - 1 ? OUTCOME_UNPROVEN : OUTCOME_BROKEN);
		}
	}
	free(im.data);
	free(clean.data);
}

/* Wherever the last commit block is damaged: a kernel may leave its transaction out, and that is told. */
static void test_every_byte_of_the_last_commit(void)
{
	static const char *const names[] = {"csum3", "orphan-file"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[100];
		snprintf(path, sizeof path, "fixtures/ext/%s.img.zst", names[i]);
		struct image im = load_zst(path);
		struct log l = find_log(&im);
		size_t commit = find_block(&im, &l, 2, transactions(&im, &l) - 1);
		for (size_t at = 0; at < l.block_size; at += at < 64 ? 1 : 111) {
			static const uint8_t changes[] = {0x01, 0x40, 0xff};
			for (size_t k = 0; k < ARRAY_SIZE(changes); k++) {
				im.data[commit + at] ^= changes[k];
				CHECK_INT(judged(&im), at < 12 ? OUTCOME_BROKEN : OUTCOME_UNPROVEN);
				im.data[commit + at] ^= changes[k];
			}
		}
		free(im.data);
	}
}

/* Where the last tag of a descriptor is; *count: how many there are. */
static size_t last_tag(const struct image *im, size_t descriptor, size_t size, size_t *count)
{
	size_t tag = descriptor + 12;
	for (*count = 1; !(im->data[tag + 7] & 8); ++*count)
		tag += size + (im->data[tag + 7] & 2 ? 0 : 16);
	return tag;
}

/* A descriptor that has no last tag leads beyond its own commit block. */
static void test_descriptors_that_lead_elsewhere(void)
{
	static const char *const names[] = {"csum3", "orphan-file", "plain"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[100];
		snprintf(path, sizeof path, "fixtures/ext/%s.img.zst", names[i]);
		struct image im = load_zst(path);
		struct log l = find_log(&im);
		size_t descriptor = find_block(&im, &l, 1, transactions(&im, &l) - 1), count;
		im.data[last_tag(&im, descriptor, i == 2 ? 8 : 16, &count) + 7] ^= 8;
		CHECK_INT(judged(&im), OUTCOME_BROKEN);
		free(im.data);
	}
}

/* What another log left in the same place has other sums, and is older: it is no damage, and a kernel ends there. */
static void test_leftovers_of_an_earlier_log(void)
{
	struct image im = load_zst("fixtures/ext/orphan-file.img.zst");
	struct log l = find_log(&im);
	uint32_t n = transactions(&im, &l);
	size_t descriptor = find_block(&im, &l, 1, n - 1), commit = find_block(&im, &l, 2, n - 1), count;
	last_tag(&im, descriptor, 16, &count);
	size_t left = commit + l.block_size, end = left + (count + 1) * l.block_size;
	CHECK(is_zero(im.data + left, (count + 2) * l.block_size));
	memcpy(im.data + left, im.data + descriptor, l.block_size);
	memcpy(im.data + end, im.data + commit, l.block_size);
	im.data[left + 11]++;
	im.data[end + 11]++;
	CHECK_INT(judged(&im), OUTCOME_BROKEN); /* as new as what is before it */
	im.data[end + 52]--;
	CHECK_INT(judged(&im), OUTCOME_HELD);
	free(im.data);
}

/* Commit blocks may come before the rest of their transaction; but what was committed and is wrong is never fine. */
static void test_asynchronous_commits(void)
{
	struct image im = load_zst("fixtures/ext/async3.img.zst");
	struct log l = find_log(&im);
	uint32_t n = transactions(&im, &l);
	size_t commit = find_block(&im, &l, 2, n - 1), descriptor = find_block(&im, &l, 1, n - 1);
	CHECK_INT(judged(&im), OUTCOME_HELD);
	im.data[descriptor + l.block_size + 99] ^= 4;
	CHECK_INT(judged(&im), OUTCOME_UNPROVEN);
	im.data[descriptor + l.block_size + 99] ^= 4;
	im.data[descriptor + 40] ^= 4;
	CHECK_INT(judged(&im), OUTCOME_UNPROVEN);
	im.data[descriptor + 40] ^= 4;
	/* A torn commit block ends the log, and kernels agree. */
	im.data[commit + 700] ^= 4;
	CHECK_INT(judged(&im), OUTCOME_HELD);
	free(im.data);
}

static void test_superblock_of_the_log(void)
{
	static const char *const names[] = {"csum3", "plain"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		char path[100];
		snprintf(path, sizeof path, "fixtures/ext/%s.img.zst", names[i]);
		struct image clean = load_zst(path), im = {malloc(clean.len), clean.len};
		struct log l = find_log(&clean);
		static const size_t fields[] = {0, 7, 12, 17, 21, 28, 41};
		for (size_t k = 0; k < ARRAY_SIZE(fields); k++) {
			memcpy(im.data, clean.data, clean.len);
			im.data[l.at + fields[k]] ^= 0x40;
			CHECK(judged(&im) != OUTCOME_HELD);
		}
		/* Another first sequence number: the transactions are still there to be seen. */
		if (i == 1) {
			memcpy(im.data, clean.data, clean.len);
			im.data[l.at + 27] -= 1;
			CHECK_INT(judged(&im), OUTCOME_BROKEN);
		}
		free(im.data);
		free(clean.data);
	}
}

static void test_log_that_is_not_asked_for(void)
{
	struct image im = load_zst("fixtures/ext/plain.img.zst");
	/* ext3 has no checksum in the superblock: take the flag away. */
	im.data[1024 + 96] &= (uint8_t)~4;
	struct opened o = open_image(&im, true);
	CHECK(o.fs && fs_info(o.fs)->stale_view);
	CHECK(has_finding(&o.f, "jbd2.state", OUTCOME_BROKEN));
	close_image(&o);
	free(im.data);
}

int main(void)
{
	RUN(test_replay_of_stored_images);
	RUN(test_replay_of_fresh_images);
	RUN(test_log_cut_at_its_end);
	RUN(test_damage_in_the_middle);
	RUN(test_checksums_of_the_log);
	RUN(test_every_byte_of_the_last_commit);
	RUN(test_descriptors_that_lead_elsewhere);
	RUN(test_leftovers_of_an_earlier_log);
	RUN(test_asynchronous_commits);
	RUN(test_superblock_of_the_log);
	RUN(test_log_that_is_not_asked_for);
	return test_done();
}
