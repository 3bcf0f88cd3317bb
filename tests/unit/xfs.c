// SPDX-License-Identifier: GPL-3.0-or-later
/* XFS images that the real tools made: everything in them comes out, all is held; then damage of
 * every kind. */
#include "share_help.h"
#include "xfs_help.h"

static const char *const images[] = {"plain", "dirty", "wide", "small-blocks", "old"};

static const char *folder = "fixtures/xfs";

static struct image image_of(const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s.zst", folder, name);
	return load_xfs(path);
}

static char *list_of(const char *name)
{
	char path[200];
	snprintf(path, sizeof path, "%s/%s.list.zst", folder, name);
	struct image packed = load_xfs(path);
	char *text = strndup((char *)packed.data, packed.len);
	NEED(text);
	char *sorted = sorted_lines(text);
	free(text);
	free(packed.data);
	return sorted;
}

static void check_image(const char *name)
{
	struct image im = image_of(name);
	struct opened o = open_xfs(&im, true);
	autofree char *want = list_of(name);
	int before = test_bad_here;
	bool dirty = !strcmp(name, "dirty");
	NEED(o.fs);
	const struct fs_info *info = fs_info(o.fs);
	CHECK_INT(o.verify, 0);
	CHECK_INT(findings_proof(&o.f, PROOF_STRUCTURE), OUTCOME_HELD);
	CHECK_STR(info->type, "xfs");
	CHECK(info->clean == !dirty && info->replayed == dirty && !info->stale_view &&
	      !info->errors);
	CHECK(info->checksums && strlen(info->uuid) == 36 && info->free < info->size);
	CHECK_INT(info->size, im.len);
	CHECK(o.newest > 1500000000);
	for (size_t buffer = 1000; buffer <= 65536; buffer *= 65) {
		autofree char *have = list_fs(o.fs, buffer, &o.e);
		CHECK(have && !strcmp(have, want));
	}
	if (test_bad_here != before) {
		fprintf(stderr, "%s: %s\n", name, o.e.text);
		show_findings(&o.f);
	}
	close_image(&o);
	free_image(&im);
}

static void test_images(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++)
		check_image(images[i]);
}

static void test_shared(void)
{
	for (size_t i = 0; i < ARRAY_SIZE(images); i++) {
		struct image im = image_of(images[i]);
		struct opened o = open_xfs(&im, false);
		NEED(o.fs);
		check_shared(take(o.fs));
		close_image(&o);
		free_image(&im);
	}
}

/* A crash made here and now, if that is possible: the kernel's replay and ours see the same. */
static void test_crash_here(void)
{
	char dir[] = "/tmp/backproof-xfs-XXXXXX", command[300];
	NEED(mkdtemp(dir));
	snprintf(command, sizeof command, "LEVEL=1 fixtures/xfs/make.sh %s dirty >%s/log 2>&1", dir,
		 dir);
	if (system(command) == 0) {
		folder = dir;
		check_image("dirty");
		folder = "fixtures/xfs";
	} else {
		fprintf(stderr, "no XFS can be mounted here: the stored images have to do\n");
	}
	snprintf(command, sizeof command, "rm -rf %s", dir);
	NEED(system(command) == 0);
}

static int find_attribute(void *ctx, const char *name, const void *value, size_t len,
			  struct error *e)
{
	struct text *t = ctx;
	(void)e;
	text_printf(t, "%s=%zu:", name, len);
	if (len < 20)
		text_put_bytes(t, value, len);
	else
		text_printf(t, "%c%c", ((const char *)value)[0], ((const char *)value)[len - 1]);
	text_put(t, " ");
	return 0;
}

static void attributes_of(struct fs *fs, const char *path, struct text *t)
{
	struct fs_entry en;
	struct error e;
	NEED(fs_lookup(fs, path, true, &en, &e) == 1);
	CHECK_INT(fs_xattrs(fs, &en, find_attribute, t, &e), 0);
}

static void test_attributes(void)
{
	struct image im = image_of("plain");
	struct opened o = open_xfs(&im, false);
	struct text t = {0};
	NEED(o.fs);
	attributes_of(o.fs, "etc/hostname", &t);
	CHECK(strstr(text_str(&t), "user.small=5:value ") &&
	      strstr(text_str(&t), "security.thing=6:secret "));
	text_free(&t);
	attributes_of(o.fs, "small/f2", &t);
	CHECK(strstr(text_str(&t), "user.large=40000:vw "));
	text_free(&t);
	attributes_of(o.fs, "small/f3", &t);
	CHECK(strstr(text_str(&t), "user.many-1=1:y ") &&
	      strstr(text_str(&t), "user.many-399=199:yy "));
	text_free(&t);
	close_image(&o);
	free_image(&im);
}

static void test_lookup(void)
{
	struct image im = image_of("plain");
	struct opened o = open_xfs(&im, false);
	struct fs_entry en, link;
	NEED(o.fs);
	CHECK_INT(fs_lookup(o.fs, "", true, &en, &o.e), 1);
	CHECK(en.type == ENTRY_DIR);
	CHECK_INT(fs_lookup(o.fs, "small/link", true, &en, &o.e), 1);
	CHECK(en.type == ENTRY_FILE && en.size == 5 && en.place);
	CHECK_INT(fs_lookup(o.fs, "/small/../small/./link", false, &link, &o.e), 1);
	CHECK(link.type == ENTRY_LINK && link.id != en.id);
	CHECK_INT(fs_lookup(o.fs, "small/nothing", true, &en, &o.e), 0);
	CHECK_INT(fs_lookup(o.fs, "etc/hostname/x", true, &en, &o.e), 0);
	CHECK_INT(fs_lookup(o.fs, "big/a-rather-long-name-for-a-file-number-599", true, &en, &o.e),
		  1);
	close_image(&o);
	free_image(&im);
}

/* Headers, and every kind of block by its magic: a changed bit in any is told. */
static void test_flips(void)
{
	static const struct {
		const char *magic;
		size_t at, sum; /* sum: bytes that the checksum goes over */
	} kinds[] = {{"XFSB", 0, 512},	    {"XAGF", 0, 512},	   {"XAGI", 0, 512},
		     {"XAFL", 0, 512},	    {"AB3B", 0, 4096},	   {"AB3C", 0, 4096},
		     {"IAB3", 0, 4096},	    {"FIB3", 0, 4096},	   {"R3FC", 0, 4096},
		     {"BMA3", 0, 4096},	    {"XDB3", 0, 4096},	   {"XDD3", 0, 4096},
		     {"XSLM", 0, 4096},	    {"XARM", 0, 4096},	   {"IN", 0, 512},
		     {"\x3d\xff", 8, 4096}, {"\x3b\xee", 8, 4096}, {"\x3e\xbe", 8, 4096}};
	struct image im = image_of("plain");
	struct rng r = {1};
	struct xfs_log_place log = find_xfs_log(&im);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		unsigned seen = 0;
		for (size_t at = 0; at + 4096 <= im.len && seen < 3; at += 512) {
			size_t n = strlen(kinds[k].magic);
			if ((at >= log.start && at < log.start + log.size) ||
			    memcmp(im.data + at + kinds[k].at, kinds[k].magic, n))
				continue;
			seen++;
			for (int i = 0; i < 6; i++) {
				uint8_t *p =
				    im.data + at + (i ? rng_below(&r, kinds[k].sum) : kinds[k].at);
				*p ^= 0x10;
				CHECK(judged_xfs(&im) != OUTCOME_HELD);
				*p ^= 0x10;
			}
		}
		if (!seen)
			fprintf(stderr, "no block of kind %zu\n", k);
		CHECK(seen > 0);
	}
	CHECK_INT(judged_xfs(&im), OUTCOME_HELD);
	free_image(&im);
}

static void test_cuts(void)
{
	struct image im = image_of("plain");
	size_t len = im.len;
	static const size_t cuts[] = {0, 1, 511, 512, 4095, 4096, 65536, 1 << 20};
	for (size_t i = 0; i < ARRAY_SIZE(cuts); i++) {
		im.len = cuts[i];
		CHECK(judged_xfs(&im) != OUTCOME_HELD);
	}
	for (size_t i = 1; i < 8; i++) {
		im.len = len / 8 * i;
		CHECK(judged_xfs(&im) != OUTCOME_HELD);
	}
	im.len = len - 1;
	CHECK(judged_xfs(&im) != OUTCOME_HELD);
	im.len = len;
	free_image(&im);
}

/* A log that can't be replayed is never an older tree that looks whole. */
static void test_log_damage(void)
{
	struct image im = image_of("dirty");
	struct xfs_log_place log = find_xfs_log(&im);
	struct rng r = {7};
	for (int i = 0; i < 60; i++) {
		uint64_t at = log.start + log.tail + rng_below(&r, log.used - log.tail);
		if (get_be32(im.data + at / 512 * 512) == 0xfeedbabe)
			at = at / 512 * 512 + at % 328; /* the rest means nothing */
		if (i >= 40) /* the number of the round, which says where the log ends */
			at = at / 512 * 512 + (get_be32(im.data + at / 512 * 512) == 0xfeedbabe ? 7 : 3);
		uint8_t bit = i >= 40 ? 1 : 4;
		im.data[at] ^= bit;
		struct opened o = open_xfs(&im, false);
		NEED(o.fs);
		CHECK(findings_proof(&o.f, PROOF_STRUCTURE) != OUTCOME_HELD && fs_info(o.fs)->stale_view);
		close_image(&o);
		im.data[at] ^= bit;
	}
	/* No log at all. */
	memset(im.data + log.start, 0, log.size);
	struct opened o = open_xfs(&im, false);
	NEED(o.fs);
	CHECK(fs_info(o.fs)->stale_view && findings_proof(&o.f, PROOF_STRUCTURE) != OUTCOME_HELD);
	close_image(&o);
	free_image(&im);
}

static void test_features(void)
{
	struct image im = image_of("plain");
	static const struct {
		size_t at;
		uint32_t bit;
	} bits[] = {{216, 0x80}, {216, 0x100}, {216, 0x80000000u}};
	for (size_t i = 0; i < ARRAY_SIZE(bits); i++) {
		uint32_t old = get_be32(im.data + bits[i].at);
		xfs_put_be32(im.data + bits[i].at, old | bits[i].bit);
		xfs_mend(im.data, 512, 224);
		struct opened o = open_xfs(&im, false);
		CHECK(!o.fs && o.e.cls == ERROR_UNSUPPORTED);
		close_image(&o);
		xfs_put_be32(im.data + bits[i].at, old);
		xfs_mend(im.data, 512, 224);
	}
	/* Version 4 has no checksums. */
	im.data[101] = (uint8_t)((im.data[101] & 0xf0) | 4);
	struct opened o = open_xfs(&im, false);
	CHECK(!o.fs && o.e.cls == ERROR_UNSUPPORTED && strstr(o.e.text, "version 4"));
	close_image(&o);
	free_image(&im);
}

/* What checksums don't tell: contents that contradict each other, with checksums made right again.
 */
static void test_contradictions(void)
{
	struct image im = image_of("plain");
	struct opened o = open_xfs(&im, false);
	struct fs_entry file, other;
	NEED(o.fs && fs_lookup(o.fs, "data", true, &file, &o.e) == 1 &&
	     fs_lookup(o.fs, "etc/hostname", true, &other, &o.e) == 1);
	uint64_t a = xfs_inode_at(&im, file.id), b = xfs_inode_at(&im, other.id);
	uint8_t saved[512];
	close_image(&o);
#define TRY(place, change, check)                                                                  \
	do {                                                                                       \
		memcpy(saved, im.data + (place), 512);                                             \
		uint8_t *p = im.data + (place);                                                    \
		change;                                                                            \
		xfs_mend(p, 512, 100);                                                             \
		struct opened t = open_xfs(&im, true);                                             \
		CHECK(t.fs &&has_finding(&t.f, check, OUTCOME_BROKEN));                            \
		close_image(&t);                                                                   \
		memcpy(im.data + (place), saved, 512);                                             \
	} while (0)
	TRY(b, memcpy(p + 176, im.data + a + 176, 16), "xfs.claims"); /* blocks of another */
	TRY(b, xfs_put_be32(p + 16, 9), "xfs.links");		      /* link count */
	TRY(b, xfs_put_be32(p + 64, 0x1000), "xfs.inodes");	      /* number of blocks */
	TRY(b, p[2] = 0x41, "xfs.directories");			      /* a file turned directory */
	TRY(b, memset(p + 2, 0, 2), "xfs.inodes");		      /* not in use */
	TRY(b, p[176 + 7] = 0xff, "xfs.inodes");		      /* extent outside */
	TRY(b, xfs_put_be32(p + 156, (uint32_t)file.id), "xfs.inodes"); /* the number of another */
	CHECK_INT(judged_xfs(&im), OUTCOME_HELD);
	free_image(&im);
}

/* A log that has lost its end is known by metadata that is newer. */
static void test_newer_than_the_log(void)
{
	static const struct {
		size_t at, sequence, sum;
	} parts[] = {{512, 208, 216}, {1024, 320, 312}, {1536, 24, 32}};
	struct image im = image_of("plain");
	for (size_t i = 0; i < ARRAY_SIZE(parts); i++) {
		uint8_t *p = im.data + parts[i].at, saved[512];
		memcpy(saved, p, 512);
		p[parts[i].sequence + 2] = 1; /* rounds of the log later */
		xfs_mend(p, 512, parts[i].sum);
		struct opened o = open_xfs(&im, true);
		CHECK(o.fs && has_finding(&o.f, "xfs.groups", OUTCOME_BROKEN));
		close_image(&o);
		memset(p + parts[i].sequence, 0xff, 8); /* of a change that is in no log */
		xfs_mend(p, 512, parts[i].sum);
		CHECK_INT(judged_xfs(&im), OUTCOME_HELD);
		memcpy(p, saved, 512);
	}
	free_image(&im);
}

int main(void)
{
	RUN(test_images);
	RUN(test_shared);
	RUN(test_crash_here);
	RUN(test_attributes);
	RUN(test_lookup);
	RUN(test_flips);
	RUN(test_cuts);
	RUN(test_log_damage);
	RUN(test_features);
	RUN(test_contradictions);
	RUN(test_newer_than_the_log);
	return test_done();
}
