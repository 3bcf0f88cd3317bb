// SPDX-License-Identifier: GPL-3.0-or-later
/* LVM2 metadata whose checksums are right and which is wrong all the same: what it says of itself can't be. */
#include "lvm_help.h"

static uint8_t kinds[PV_SIZE], pv[PV_SIZE];
static char text[PV_TEXT], good[PV_TEXT];
static struct findings f;
static struct volume_set set;
static struct source *src;

static void look(void)
{
	struct error e;
	NEED(!findings_init(&f));
	src = source_memory(pv, sizeof pv, "pv", &e);
	struct volume_member m = {src, "pv"};
	NEED(src && !volume_groups_assemble(&m, 1, &set, &f, &e));
}

static void look_at_text(const char *of, size_t len)
{
	memcpy(pv, kinds, sizeof pv);
	put_text(pv, of, len, PV_AREA_SIZE);
	look();
}

static void drop(void)
{
	volume_set_free(&set);
	source_destroy(src);
	findings_free(&f);
}

static bool has(const char *name)
{
	vec_each(&set, v)
		if (!strcmp(v->name, name))
			return true;
	return false;
}

static bool says(const char *check, enum error_class cls, const char *words)
{
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check) && f.items[i].error == cls &&
		    f.items[i].outcome != OUTCOME_HELD && strstr(f.items[i].detail, words))
			return true;
	return false;
}

/* The last of the kinds is of one that is not read; here all of them are. */
static void test_good(void)
{
	load_kinds(kinds, good);
	replace(good, "type = \"error\"", "type = \"linear\"\nstripe_count = 1\nstripes = [\"pv0\",18]");
	look_at_text(good, strlen(good) + 1);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	CHECK_INT(set.count, 4);
	drop();
}

struct row {
	const char *old, *new;
	const char *words;	/* NULL: it is good */
	enum error_class cls;	/* 0: CORRUPT */
	const char *check;	/* NULL: of its kind */
	const char *volume;	/* the one that is not there; NULL: none of them is */
};

static void go_through(const struct row *rows, size_t count, const char *check)
{
	for (size_t i = 0; i < count; i++) {
		const struct row *r = &rows[i];
		strcpy(text, good);
		replace(text, r->old, r->new);
		look_at_text(text, strlen(text) + 1);
		int before = test_bad_here;
		if (!r->words) {
			CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
			CHECK_INT(set.count, 4);
		} else {
			CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
			CHECK(says(r->check ? r->check : check, r->cls ? r->cls : ERROR_CORRUPT, r->words));
			if (r->volume)
				CHECK(!has(r->volume));
			CHECK_INT(set.count, r->volume ? 3 : 0);
		}
		if (before != test_bad_here) {
			fprintf(stderr, "\"%s\" in the place of \"%s\"\n", r->new, r->old ? r->old : "(the end)");
			for (size_t k = 0; k < f.count; k++)
				fprintf(stderr, "\t%s: %s: %s\n", f.items[k].check, outcome_name(f.items[k].outcome),
					f.items[k].detail);
		}
		drop();
	}
}

#define TWO "id = \"aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg\"\nseqno = 7\n"
#define SEVEN "{a{a{a{a{a{a{a"

static void test_text(void)
{
	static const struct row rows[] = {
		{"version = 1", "version = 1 # to the end"},
		{"description = \"say \\\"so\\\"\"", "# the last line has no end"},
		{"description = \"say \\\"so\\\"\"", "last = 1"},
		{"max_lv = 0", "max_lv = [1,\"b\", c ]"},
		{"max_lv = 0", "a+b.c-d_1 = +1.5"},
		{"\\\"\"", "", "a string without an end"},
		{"\\\"so\\\"\"", "\\", "a string without an end"},
		{"seqno = 7", "\"seqno\" = 7", "a key is missing"},
		{"seqno = 7", "= 7", "a word is missing"},
		{"seqno = 7", "seqno = ", "a word is missing"}, /* `format`, and then no key */
		{"seqno = 7", "seqno = }", "a word is missing"},
		{"seqno = 7", "seqno 7", "neither a value nor a section"},
		{"seqno = 7", "seqno = 7{", "a number that runs into something else"},
		{"description = \"say \\\"so\\\"\"", "last", "neither a value nor a section"},
		{"description = \"say \\\"so\\\"\"", "last =", "a word is missing"},
		{"description = \"say \\\"so\\\"\"", "last = [", "a word is missing"},
		{"description = \"say \\\"so\\\"\"", "last = [1", "a list without an end"},
		{"description = \"say \\\"so\\\"\"", "last = [1,", "a word is missing"},
		{"\"READ\", \"WRITE\"", "\"READ\" \"WRITE\"", "a list without an end"},
		{"max_lv = 0", "a" SEVEN SEVEN SEVEN "{}", "sections in sections without end"},
		{NULL, "\n}\n", "the braces do not match"},
		{"}\n}\ncontents", "}\ncontents", "the braces do not match"},
		{"vg {", "x = 1\nvg {"},
		{"vg {", "x { }\nvg {"},
		{"vg {", "x = [ 1 ]\nvg {", "tells of no volume group"},
		{"seqno = 7", "seqno = 7x", "tells of no volume group"},
		{"seqno = 7", "seqno = \"\"", "tells of no volume group"},
		{"seqno = 7", "seqno { }", "tells of no volume group"},
		{"seqno = 7", "seqno = [ 7 ]", "tells of no volume group"},
		{"seqno = 7", "", "tells of no volume group"},
		{"seqno = 7", "seqno = 99999999999999999999999", "tells of no volume group"},
		{"seqno = 7", "seqno = 18446744073709551616", "tells of no volume group"},
		{TWO, "seqno = 7\n", "tells of no volume group"},
		{"vg {", "vg { }\nx = 1\n# ", "the braces do not match"},
	};
	go_through(rows, ARRAY_SIZE(rows), "lvm.metadata");
	/* Bytes behind a NUL are none of it, and without one the text ends where its area says. */
	strcpy(text, good);
	size_t len = strlen(text);
	memcpy(text + len + 1, "} } }", 6);
	look_at_text(text, len + 6);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	drop();
	look_at_text(text, len);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	drop();
	for (size_t cut = 1; cut < len; cut += 5) {
		look_at_text(text, cut);
		if (strncmp(text + cut, "\ncontents", 9) && cut < len - 70)
			CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
		drop();
	}
	look_at_text("x = 1\n", 6);
	CHECK(says("lvm.metadata", ERROR_CORRUPT, "tells of no volume group"));
	drop();
}

/* A text of up to 1 MiB, and the extents behind it. */
static void look_at_long(const char *of, size_t len)
{
	static uint8_t large[2 * MIB];
	struct error e;
	memcpy(large, kinds, sizeof kinds);
	memcpy(large + 3 * MIB / 2, kinds + PV_START, sizeof kinds - PV_START);
	put_text(large, of, len, 1 * MIB);
	NEED(!findings_init(&f));
	src = source_memory(large, sizeof large, "pv", &e);
	struct volume_member m = {src, "pv"};
	NEED(src && !volume_groups_assemble(&m, 1, &set, &f, &e));
}

/* More words than any group has. */
static void test_too_long(void)
{
	autofree char *words = malloc(1 * MIB);
	NEED(words);
	size_t len = (size_t)sprintf(words, "x = [1");
	for (int i = 0; i < 300001; i++, len += 2)
		memcpy(words + len, ",1", 2);
	memcpy(words + len, "]\n", 2);
	look_at_long(words, len + 2);
	CHECK(says("lvm.metadata", ERROR_CORRUPT, "too long"));
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	drop();
}

static void test_group(void)
{
	static const struct row rows[] = {
		{"extent_size = 8\n", "", "size of extents"},
		{"extent_size = 8\n", "extent_size = 0\n", "size of extents"},
		{"extent_size = 8\n", "extent_size = 4294967296\n", "size of extents"},
		{"pe_start = 64\n", "", "physical volume pv0 can't be read"},
		{"pe_start = 64\n", "pe_start = 18014398509481985\n", "physical volume pv0 can't be read"},
		{"pe_count = 24\n", "", "physical volume pv0 can't be read"},
		{"physical_volumes {", "physical_volumes = [\"a\"]\nx {", "physical volume  can't be read"},
		{"physical_volumes {", "x {", "which the group has not", 0, "lvm.volume"},
		{"zzzzzz-zzzz", "zzzzzz-yyyy", "needs the physical volume", ERROR_MISSING, "lvm.volume"},
		{"zzzzzz-zzzz", "zzzzzz-yyyy", "is not in the restore point", ERROR_MISSING, "lvm.members"},
	};
	go_through(rows, ARRAY_SIZE(rows), "lvm.metadata");
	/* No volume is no damage; what hides is not shown. */
	static const struct row none[] = {
		{"logical_volumes {", "x {"},
		{"logical_volumes {", "logical_volumes = [\"root\"]\nx {"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		strcpy(text, good);
		replace(text, none[i].old, none[i].new);
		look_at_text(text, strlen(text));
		CHECK_INT(set.count, 0);
		drop();
	}
	static const char *const hidden[] = {"status { VISIBLE = 1 }", "status { VISIBLE { a = 1 } }", "status = []", ""};
	for (size_t i = 0; i < ARRAY_SIZE(hidden); i++) {
		strcpy(text, good);
		replace(text, "status = [\"READ\", \"WRITE\", \"VISIBLE\"]", hidden[i]);
		look_at_text(text, strlen(text));
		CHECK_INT(set.count, 3);
		CHECK(!has("vg/root"));
		drop();
	}
}

#define ROOT .volume = "vg/root"
#define ST .volume = "vg/st"
#define MIR .volume = "vg/mir"
#define FIRST "start_extent = 0\nextent_count = 2\n"
#define SECOND "start_extent = 2\nextent_count = 3\n"
#define STRIPES "stripe_count = 2\nstripe_size = 2\n"
#define BOTH "\"pv0\", 2,\n\"pv0\", 4"
/* A snapshot of it, as lvcreate -s or, with an order to merge, lvconvert leaves it. */
#define SNAPSHOT(store, of)                                                                                            \
	"logical_volumes {\nsnapshot0 {\nstatus = [\"READ\", \"WRITE\"]\nsegment_count = 1\nsegment1 {\nstart_extent = 0\n"   \
	"extent_count = 5\ntype = \"snapshot\"\nchunk_size = 8\norigin = \"" of "\"\n" store " = \"bad\"\n}\n}"

static void test_segments(void)
{
	static const struct row rows[] = {
		{"segment_count = 2\n", "", "number of segments", ROOT},
		{"segment_count = 2\n", "segment_count = 0\n", "number of segments", ROOT},
		{"segment_count = 2\n", "segment_count = 65537\n", "number of segments", ROOT},
		{"segment_count = 2\n", "segment_count = 3\n", "a segment is missing", ROOT},
		{"segment_count = 2\n", "segment_count = 1\n", "more segments than it says", ROOT},
		{"segment_count = 2\n", "segment_count = [ 1 ]\n", "number of segments", ROOT},
		{FIRST, "extent_count = 2\n", "impossible size", ROOT},
		{FIRST, "start_extent = 0\n", "impossible size", ROOT},
		{FIRST, "start_extent = 0\nextent_count = 0\n", "impossible size", ROOT},
		{FIRST, "start_extent = 0\nextent_count = 1152921504606846976\n", "impossible size", ROOT},
		{FIRST, "start_extent = 0\nextent_count = 2251799813685248\n", "impossible size", ROOT},
		{FIRST, "start_extent = 1152921504606846976\nextent_count = 2\n", "impossible size", ROOT},
		{SECOND, "start_extent = 3\nextent_count = 3\n", "don't follow each other", ROOT},
		{SECOND, "start_extent = 2\nextent_count = 2251799813685247\n", "its size is impossible", ROOT},
		{"type = \"striped\"", "", "type (none)", ERROR_UNSUPPORTED, ROOT},
		{"type = \"striped\"", "type = \"linear\""},
		{"type = \"striped\"", "type = \"thin\"", "type thin, which is not read", ERROR_UNSUPPORTED, ROOT},
		{"stripe_count = 1", "", "number of stripes", ROOT},
		{"stripe_count = 1", "stripe_count = 0", "number of stripes", ROOT},
		{"stripe_count = 1", "stripe_count = 257", "number of stripes", ROOT},
		{"stripes = [", "x = [", "stripes can't be read", ROOT},
		{"\"pv0\", 0", "\"pv0\"", "stripes can't be read", ROOT},
		{"\"pv0\", 0", "\"pv0\", x", "stripes can't be read", ROOT},
		{"\"pv0\", 0", "\"pv0\", \"\"", "stripes can't be read", ROOT},
		{"\"pv0\", 0", "\"pv0\", -1", "stripes can't be read", ROOT},
		{"stripes = [\n\"pv0\", 0\n]", "stripes {\na = \"pv0\"\nb {\nc = 1\n}\n}\n", "stripes can't be read", ROOT},
		{"stripes = [\n\"pv0\", 0\n]", "stripes {\na {\nc = 1\n}\nb = 1\n}\n", "stripes can't be read", ROOT},
		{"\"pv0\", 0", "\"pv1\", 0", "lies on pv1, which the group has not", ROOT},
		{"\"pv0\", 0", "\"mir\", 0", "another logical volume (mir)", ERROR_UNSUPPORTED, ROOT},
		{"\"pv0\", 0", "\"pv0\", 25", "leaves its physical volume", ROOT},
		{"\"pv0\", 0", "\"pv0\", 23", "leaves its physical volume", ROOT},
		{STRIPES, "stripe_count = 2\n", "its stripes are impossible", ST},
		{STRIPES, "stripe_count = 2\nstripe_size = 0\n", "its stripes are impossible", ST},
		{STRIPES, "stripe_count = 2\nstripe_size = 4194305\n", "its stripes are impossible", ST},
		{STRIPES, "stripe_count = 2\nstripe_size = 3\n", "its stripes are impossible", ST},
		{STRIPES, "stripe_count = 3\nstripe_size = 2\n", "its stripes are impossible", ST},
		{BOTH, "\"pv0\", 2", "stripes can't be read", ST},
		{BOTH, "\"pv0\", 2, \"pv0\"", "stripes can't be read", ST},
		{BOTH, "\"pv0\", 2, \"pv0\", 23", "leaves its physical volume", ST},
		{"logical_volumes {", SNAPSHOT("cow_store", "root")},
		{"logical_volumes {", SNAPSHOT("merging_store", "none")},
		{"logical_volumes {", SNAPSHOT("merging_store", "root"), "being merged", ERROR_UNSUPPORTED, ROOT},
		/* Places that only wrong arithmetic would find inside. */
		{"pe_count = 24\n", "pe_count = 4611686018427387904\n"},
	};
	go_through(rows, ARRAY_SIZE(rows), "lvm.volume");
	static const char *const places[][2] = {
		{"64", "1152921504606846976"}, {"64", "4503599627370495"}, {"1", "4503599627370495"}};
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		char start[64], at[64];
		snprintf(start, sizeof start, "pe_start = %s\npe_count = 4611686018427387904\n", places[i][0]);
		snprintf(at, sizeof at, "\"pv0\", %s", places[i][1]);
		strcpy(text, good);
		replace(text, "pe_start = 64\npe_count = 24\n", start);
		replace(text, "\"pv0\", 0", at);
		look_at_text(text, strlen(text));
		CHECK(says("lvm.volume", ERROR_CORRUPT, "its place is impossible"));
		CHECK(!has("vg/root"));
		drop();
	}
}

#define RAIDS "\"mir_rmeta_0\", \"mir_rimage_0\",\n\"mir_rmeta_1\", \"mir_rimage_1\""
#define RAID1 "type = \"raid1\"\ndevice_count = 2\nregion_size = 4096\n\nraids = [\n" RAIDS "\n]"
#define META "start_extent = 0\nextent_count = 1\n\ntype = \"striped\"\nstripe_count = 1\n\nstripes = [\n\"pv0\", 12\n]"
#define IMAGE "extent_count = 2\n\ntype = \"striped\"\nstripe_count = 1\n\nstripes = [\n\"pv0\", 14\n]"

static void test_mirrors(void)
{
	static const struct row rows[] = {
		{RAID1, "type = \"raid1\"", "its mirror has no legs", MIR},
		{RAIDS, "", "its mirror has no legs", MIR},
		{RAIDS, "\"mir_rmeta_0\"", "its mirror has no legs", MIR},
		{RAIDS, "\"mir_rmeta_0\", \"other\"", "its mirror has no legs", MIR},
		{RAIDS, "\"other\", \"mir_rimage_0\"", "no record of being in step", MIR},
		{"raids = [\n" RAIDS "\n]", "raids {\na { b = 1 }\nc = 1\n}", "its mirror has no legs", MIR},
		{"raids = [\n" RAIDS "\n]", "raids {\na = mir_rmeta_0\nc { d = 1 }\n}", "its mirror has no legs", MIR},
		{RAIDS, "\"mir_rmeta_0\", \"mir_rimage_0\", \"mir_rmeta_1\""},
		{RAIDS, "\"mir_rmeta_0\", \"mir_rimage_0\""},
		{RAIDS, "\"root\", \"mir_rimage_0\"", "no record of being in step", ERROR_UNSUPPORTED, MIR},
		{IMAGE, "extent_count = 1\n\ntype = \"striped\"\nstripe_count = 1\n\nstripes = [\n\"pv0\", 14\n]",
		 "a leg of its mirror has another size", MIR},
		/* A mirror that is its own half, and one that keeps its own record: neither may run for ever. */
		{IMAGE, "extent_count = 2\n" RAID1, "it lies on itself", MIR},
		{META, "start_extent = 0\nextent_count = 1\ntype = \"raid1\"\nraids = [\n\"mir_rmeta_0\", \"mir_rimage_0\"\n]",
		 "it lies on itself", MIR},
	};
	go_through(rows, ARRAY_SIZE(rows), "lvm.volume");
	/* The other half is not in step, or not there: said, and nothing to compare. */
	static const char *const halves[] = {"\"mir_rmeta_0\", \"mir_rimage_0\", \"mir_rmeta_1\", \"other\"",
					     "\"mir_rmeta_0\", \"mir_rimage_0\", \"root\", \"mir_rimage_1\""};
	for (size_t i = 0; i < ARRAY_SIZE(halves); i++) {
		strcpy(text, good);
		replace(text, RAIDS, halves[i]);
		look_at_text(text, strlen(text));
		CHECK(says("lvm.mirror", ERROR_NONE, "its mirror 2 is not read"));
		vec_each(&set, v) CHECK_INT(v->mirror_count, 0);
		drop();
	}
}

/* Mirrors of mirrors in so many segments: some kilobytes of text that would take years. */
static void test_steps(void)
{
	static const char head[] = "vg {\n" TWO "extent_size = 8\nphysical_volumes {\npv0 {\n"
				   "id = \"zzzzzz-zzzz-zzzz-zzzz-zzzz-zzzz-zzzzzz\"\npe_start = 3072\npe_count = 24\n}\n}\n"
				   "logical_volumes {\nmeta {\nsegment_count = 1\nsegment1 {\n" META "\n}\n}\n";
	static char all[1 * MIB];
	for (int count = 20; count <= 800; count += 780) {
		size_t len = (size_t)sprintf(all, "%simage {\nsegment_count = %d\n", head, count);
		for (int i = 0; i < count; i++)
			len += (size_t)sprintf(all + len, "segment%d {start_extent = %d extent_count = 1 type = \"linear\""
							  "stripe_count = 1 stripes = [\"pv0\", 0]}\n", i + 1, i);
		len += (size_t)sprintf(all + len, "}\nmir {status = [\"VISIBLE\"] segment_count = %d\n", count);
		for (int i = 0; i < count; i++)
			len += (size_t)sprintf(all + len, "segment%d {start_extent = %d extent_count = %d type = \"raid1\""
							  "raids = [\"meta\", \"image\"]}\n", i + 1, i * count, count);
		len += (size_t)sprintf(all + len, "}\n}\n}\n");
		look_at_long(all, len);
		CHECK_INT(has("vg/mir"), count == 20);
		CHECK_INT(says("lvm.volume", ERROR_LIMIT, "more than 500000 segments"), count != 20);
		CHECK((findings_proof(&f, PROOF_STRUCTURE) == OUTCOME_HELD) == (count == 20));
		drop();
	}
}

int main(void)
{
	RUN(test_good);
	RUN(test_text);
	RUN(test_too_long);
	RUN(test_group);
	RUN(test_segments);
	RUN(test_mirrors);
	RUN(test_steps);
	return test_done();
}
