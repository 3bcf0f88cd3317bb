// SPDX-License-Identifier: GPL-3.0-or-later
/* WIM files against the digests of the tree that was captured; then damage at every kind of place. */
#include "wim_help.h"

/* image.h has a struct of the same name. */
#define image disk_image
#include "backproof/format.h"
#include "backproof/image.h"
#undef image
#include "backproof/volume.h"

extern const struct format image_wim;

/* What the image row says, its integrity table included; class of the error when it does not open. */
static enum error_class open_row(const struct image *i, bool *covered, enum outcome *integrity)
{
	struct findings f;
	struct error e = {0};
	struct disk_image im = {0};
	NEED(!findings_init(&f));
	autosource struct source *src = source_memory(i->data, i->size, "image", &e);
	struct image_context c = {.subject = "image", .f = &f};
	int rc = image_wim.open_image(src, &c, &im, &e);
	*covered = false;
	if (rc == 0) {
		CHECK_INT(im.disks.count, 1);
		CHECK_INT(source_size(im.disks.items[0].source), i->size);
		CHECK_INT(im.ops->verify(&im, "image", &f, NULL, covered, &e), 0);
	}
	*integrity = findings_proof(&f, PROOF_INTEGRITY);
	image_close(&im);
	findings_free(&f);
	return rc < 0 ? e.cls : ERROR_NONE;
}

static const char *const kinds[] = {"lzx.wim", "xpress.wim", "none.wim", "lzms.wim", "solid.esd", "two.wim", "unix.wim"};

static void test_contents(void)
{
	size_t len;
	autofree char *sums = load_file("fixtures/wim/tree.sums", &len);
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct seen s;
		struct fs_entry it, other;
		struct image i = load(kinds[k]);
		look("wim", &i, i.size, &s);
		scrub(&s);
		if (structure(&s) != OUTCOME_HELD)
			dump(&s);
		CHECK_INT(structure(&s), OUTCOME_HELD);
		NEED(s.fs);
		const struct fs_info *info = fs_info(s.fs);
		CHECK_STR(info->label, strcmp(kinds[k], "two.wim") ? "web" : "newer");
		CHECK(info->made > 1790000000 && info->written == info->made && info->checksums && info->clean);
		CHECK_INT(strlen(info->uuid), 32);
		CHECK(s.newest > 1790000000);
		sums_text = sums;
		sums_met = sums_missed = dirs_met = 0;
		CHECK_INT(fs_walk(s.fs, "", NULL, compare_file, s.fs, &s.e), 0);
		CHECK_INT(sums_met, lines_of(sums));
		CHECK_INT(sums_missed, 0);
		CHECK_INT(dirs_met, 8);
		CHECK_INT(fs_lookup(s.fs, "WINDOWS/system32/CONFIG/system", true, &it, &s.e), 1);
		CHECK_INT(it.size, 40960);
		CHECK_INT(fs_lookup(s.fs, "users/absolute/config/SYSTEM", true, &other, &s.e), 1);
		CHECK_INT(it.id, other.id);
		CHECK_INT(fs_lookup(s.fs, "Users/Public/link", true, &it, &s.e), 1);
		CHECK(it.type == ENTRY_FILE && it.links == 2);
		CHECK_INT(fs_lookup(s.fs, "Users/Public/linked.txt", true, &other, &s.e), 1);
		CHECK_INT(it.id, other.id);
		CHECK_INT(fs_lookup(s.fs, "Users/Public/link", false, &it, &s.e), 1);
		CHECK(it.type == ENTRY_LINK);
		autofree char *target = fs_read_link(s.fs, &it, &s.e);
		CHECK_STR(target, "hello.txt");
		CHECK_INT(fs_lookup(s.fs, "Users/none", true, &it, &s.e), 0);
		CHECK_INT(fs_lookup(s.fs, "Users/chunks.bin/x", true, &it, &s.e), 0);
		CHECK_INT(fs_lookup(s.fs, "", true, &it, &s.e), 1);
		CHECK(it.type == ENTRY_DIR);
		CHECK_INT(has(&s, "wim.image", OUTCOME_SKIPPED), !strcmp(kinds[k], "two.wim"));
		drop(&s);
		free(i.data);
	}
}

static void test_rows(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		bool covered, table = !strcmp(kinds[k], "lzx.wim") || !strcmp(kinds[k], "solid.esd");
		enum outcome o;
		struct image i = load(kinds[k]);
		struct content c;
		struct error e;
		CHECK_INT(open_row(&i, &covered, &o), ERROR_NONE);
		CHECK_INT(covered, table);
		CHECK_INT(o, table ? OUTCOME_HELD : OUTCOME_UNPROVEN);
		autosource struct source *src = source_memory(i.data, i.size, "image", &e);
		NEED(src && content_probe(src, &c, &e) == 0);
		CHECK_STR(c.type, "wim");
		CHECK_STR(c.usage, "filesystem");
		CHECK_INT(strlen(c.uuid), 32);
		free(i.data);
	}
	/* Every byte that the table speaks of, and the table. */
	struct image i = load("lzx.wim");
	struct wim_resource table = resource(&i, 48), integrity = resource(&i, 124);
	for (uint64_t at = 208; at < table.offset + table.stored; at += 997) {
		bool covered;
		enum outcome o;
		i.data[at] ^= 1;
		CHECK_INT(open_row(&i, &covered, &o), ERROR_NONE);
		CHECK(!covered && o == OUTCOME_BROKEN);
		i.data[at] ^= 1;
	}
	for (uint64_t at = integrity.offset; at < integrity.offset + integrity.stored; at++) {
		bool covered;
		enum outcome o;
		if (at - integrity.offset >= 8 && at - integrity.offset < 12)
			continue; /* the length of a run: one is longer than the file in any case */
		i.data[at] ^= 1;
		CHECK(open_row(&i, &covered, &o) == ERROR_CORRUPT || o == OUTCOME_BROKEN);
		CHECK(!covered);
		i.data[at] ^= 1;
	}
	free(i.data);
}

/* Fields of the header, and what must come of another value. */
static void test_header(void)
{
	static const struct {
		unsigned at, width;
		uint64_t value;
		enum error_class want;
	} cases[] = {
		{0, 5, 0x4d57504c57, ERROR_UNSUPPORTED}, /* pipable */
		{0, 1, 'X', ERROR_CORRUPT},		  {8, 4, 96, ERROR_CORRUPT},
		{12, 4, 0x20000, ERROR_UNSUPPORTED},	  {16, 4, 0x400c2, ERROR_BUSY},
		{16, 4, 0x60082, ERROR_CORRUPT},	  {16, 4, 0x82, ERROR_CORRUPT},
		{16, 4, 0x4008a, ERROR_UNSUPPORTED},	  {20, 4, 0x7000, ERROR_CORRUPT},
		{20, 4, 0, ERROR_CORRUPT},		  {20, 4, 0x40000000, ERROR_CORRUPT},
		{40, 4, 0x20001, ERROR_UNSUPPORTED},	  {40, 4, 0x20002, ERROR_UNSUPPORTED},
		{40, 4, 0, ERROR_CORRUPT},		  {44, 4, 0, ERROR_CORRUPT},
		{44, 4, 99999, ERROR_CORRUPT},		  {56, 8, 1 << 30, ERROR_CORRUPT},
		{64, 8, 50, ERROR_CORRUPT},		  {80, 8, 12, ERROR_CORRUPT},
		{88, 8, 1, ERROR_CORRUPT},		  {120, 4, 2, ERROR_CORRUPT},
	};
	struct image whole = load("lzx.wim");
	for (size_t k = 0; k < ARRAY_SIZE(cases); k++) {
		struct image i = copy_image(&whole);
		bool covered;
		enum outcome o;
		put(i.data + cases[k].at, cases[k].value, cases[k].width);
		enum error_class got = open_row(&i, &covered, &o);
		if (got != cases[k].want)
			fprintf(stderr, "case %zu: %s\n", k, error_class_name(got));
		CHECK_INT(got, cases[k].want);
		CHECK(outcome_of(&i, i.size) != OUTCOME_HELD);
		free(i.data);
	}
	/* One image that is there, two that the header says. */
	put(whole.data + 44, 2, 4);
	CHECK_INT(outcome_of(&whole, whole.size), OUTCOME_BROKEN);
	free(whole.data);
}

/* Bits of contents, trees and tables. What no digest covers and nobody needs may change. */
static void test_bits(void)
{
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct image i = load(kinds[k]);
		struct wim_resource table = resource(&i, 48);
		unsigned spare = 0;
		/* Contents and trees stand before the table. */
		for (uint64_t at = 208, n = 0; at < table.offset; at += table.offset / 61 + 1, n++) {
			i.data[at] ^= (uint8_t)(1u << n % 8);
			enum outcome o = outcome_of(&i, i.size);
			spare += o == OUTCOME_HELD;
			CHECK(o == OUTCOME_BROKEN || o == OUTCOME_HELD);
			i.data[at] ^= (uint8_t)(1u << n % 8);
		}
		/* Where a compressed chunk ends, some bits mean nothing: what is HELD had its SHA-1. */
		CHECK(spare <= (strcmp(kinds[k], "none.wim") ? 2 : 0));
		for (uint64_t at = table.offset, n; at < table.offset + table.stored; at++) {
			/* The count of references, and flags of an entry that mean nothing here. */
			n = (at - table.offset) % 50;
			if ((n >= 26 && n < 30) || n == 7 || n == 24 || n == 25)
				continue;
			if (at % 5 && table.stored > 500)
				continue;
			i.data[at] ^= 0x41;
			enum outcome o = outcome_of(&i, i.size);
			/* Of a solid resource no digest stands here; a decompressor stops where it has enough. */
			if (o == OUTCOME_HELD && !(i.data[at - n + 7] & WIM_SOLID) &&
			    (n || !(i.data[at - n + 7] & WIM_COMPRESSED))) {
				test_bad_here++;
				fprintf(stderr, "%s: entry %llu, byte %llu\n", kinds[k],
					(unsigned long long)((at - table.offset) / 50), (unsigned long long)n);
			}
			i.data[at] ^= 0x41;
		}
		for (size_t cut = 0; cut < i.size; cut += 1 + (i.size - cut) / 40)
			CHECK(outcome_of(&i, cut) == OUTCOME_BROKEN);
		CHECK_INT(outcome_of(&i, i.size), OUTCOME_HELD);
		free(i.data);
	}
}

static void test_tree(void)
{
	static const struct {
		const char *name;
		unsigned at, width;
		uint64_t value;
	} cases[] = {
		{"System32", 16, 8, 8},		{"System32", 0, 8, 40},	      {"System32", 0, 8, 1 << 20},
		{"System32", 16, 8, 1 << 20},	{"SYSTEM", 100, 2, 5000},     {"SYSTEM", 100, 2, 11},
		{"SYSTEM", 96, 2, 900},		{"SYSTEM", 102, 2, '/'},      {"SYSTEM", 104, 2, 0},
		{"SYSTEM", 64, 8, 12345},	{"SYSTEM", 16, 8, 8},	      {"SYSTEM", 8, 4, 0x410},
		{"hello.txt", 104, 2, 'a' << 8},
	};
	struct image whole = load("none.wim");
	mend(&whole);
	CHECK_INT(outcome_of(&whole, whole.size), OUTCOME_HELD);
	for (size_t k = 0; k < ARRAY_SIZE(cases) - 2; k++) {
		struct image i = copy_image(&whole);
		put(entry(&i, cases[k].name) + cases[k].at, cases[k].value, cases[k].width);
		mend(&i);
		enum outcome o = outcome_of(&i, i.size);
		if (o != OUTCOME_BROKEN)
			fprintf(stderr, "case %zu\n", k);
		CHECK_INT(o, OUTCOME_BROKEN);
		free(i.data);
	}
	/* A directory that is its own child has no end. */
	struct image i = copy_image(&whole);
	uint8_t *dir = entry(&i, "Public");
	uint64_t users = get_le64(entry(&i, "Users") + 16);
	put(dir + 16, users, 8);
	mend(&i);
	CHECK_INT(outcome_of(&i, i.size), OUTCOME_BROKEN);
	free(i.data);
	/* Two of one name. */
	i = copy_image(&whole);
	memcpy(entry(&i, "SYSTEM") + 102, "S\0O\0F\0T\0W\0A\0", 12);
	uint8_t *other = entry(&i, "SOFTWARE");
	put(other + 100, 12, 2);
	mend(&i);
	CHECK_INT(outcome_of(&i, i.size), OUTCOME_BROKEN);
	free(i.data);
	free(whole.data);
}

int main(void)
{
	RUN(test_contents);
	RUN(test_rows);
	RUN(test_header);
	RUN(test_bits);
	RUN(test_tree);
	return test_done();
}
