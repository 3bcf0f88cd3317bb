// SPDX-License-Identifier: GPL-3.0-or-later
/* LVM2 labels, headers and copies of metadata that contradict themselves or each other, every checksum right. */
#include "backproof/volume.h"
#include "lvm_help.h"

#define MEMBERS 3
#define AREAS (512 + 32 + 40) /* of a label whose content begins at 32: the list of data areas */

static uint8_t kinds[PV_SIZE], pv[MEMBERS][PV_SIZE];
static char good[PV_TEXT], text[PV_TEXT];
static struct findings f;
static struct volume_set set;
static struct source *src[MEMBERS];

static void look(size_t count)
{
	static const char *const names[MEMBERS] = {"one", "two", "three"};
	struct volume_member m[MEMBERS];
	struct error e;
	NEED(!findings_init(&f));
	for (size_t i = 0; i < count; i++) {
		src[i] = source_memory(pv[i], PV_SIZE, names[i], &e);
		NEED(src[i]);
		m[i] = (struct volume_member){src[i], names[i]};
	}
	NEED(!volume_groups_assemble(m, count, &set, &f, &e));
}

static void drop(void)
{
	volume_set_free(&set);
	for (size_t i = 0; i < MEMBERS; i++)
		source_destroy(take(src[i]));
	findings_free(&f);
}

static const struct finding *get(const char *check, enum outcome o, const char *words)
{
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check) && f.items[i].outcome == o && strstr(f.items[i].detail, words))
			return &f.items[i];
	return NULL;
}

static void fresh(int n)
{
	memcpy(pv[n], kinds, PV_SIZE);
	put_text(pv[n], good, strlen(good) + 1, PV_AREA_SIZE);
}

static void test_label(void)
{
	static const struct {
		unsigned at, len;
		uint64_t value;
		const char *check, *words;
		enum outcome outcome;
	} rows[] = {
		{512, 8, 0, NULL, NULL, 0},			  /* no label: no member */
		{512 + 24, 8, 0, NULL, NULL, 0},		  /* one of something else */
		{512 + 8, 8, 2, "lvm.label", "in sector 1 is damaged", OUTCOME_BROKEN},
		{512 + 16, 4, 1, "lvm.label", "in sector 1 is damaged", OUTCOME_BROKEN},
		{512 + 20, 4, 31, "lvm.label", "in sector 1 is damaged", OUTCOME_BROKEN},
		{512 + 20, 4, 441, "lvm.label", "in sector 1 is damaged", OUTCOME_BROKEN},
		{512 + 64, 8, PV_SIZE + 1, "lvm.label", "is cut", OUTCOME_BROKEN},
		{512 + 40, 8, 0x1b80ffff41424344, "lvm.label", "-zzDC-BA\?\?-\?\?zz-", OUTCOME_HELD},
		/* Where the area of metadata is. */
		{AREAS + 32, 8, PV_SIZE + 1, "lvm.metadata", "beyond the end", OUTCOME_BROKEN},
		{AREAS + 32, 8, UINT64_MAX, "lvm.metadata", "beyond the end", OUTCOME_BROKEN},
		{AREAS + 40, 8, PV_SIZE, "lvm.metadata", "beyond the end", OUTCOME_BROKEN},
		{AREAS + 40, 8, UINT64_MAX, "lvm.metadata", "beyond the end", OUTCOME_BROKEN},
		{AREAS + 40, 8, 1023, "lvm.metadata", "beyond the end", OUTCOME_BROKEN},
		{AREAS + 32, 8, PV_AREA + 512, "lvm.metadata", "is damaged", OUTCOME_BROKEN},
		{AREAS + 40, 8, PV_AREA_SIZE - 512, "lvm.metadata", "is damaged", OUTCOME_BROKEN},
		{PV_AREA + 4, 4, 1, "lvm.metadata", "is damaged", OUTCOME_BROKEN},
		{PV_AREA + 20, 4, 2, "lvm.metadata", "is damaged", OUTCOME_BROKEN},
		{PV_AREA + 24, 8, 8192, "lvm.metadata", "is damaged", OUTCOME_BROKEN},
		{PV_AREA + 32, 8, 8192, "lvm.metadata", "is damaged", OUTCOME_BROKEN},
		/* Where the text is in it. */
		{PV_AREA + 40, 8, 511, "lvm.metadata", "outside its area", OUTCOME_BROKEN},
		{PV_AREA + 40, 8, PV_AREA_SIZE, "lvm.metadata", "outside its area", OUTCOME_BROKEN},
		{PV_AREA + 48, 8, PV_TEXT + 1, "lvm.metadata", "outside its area", OUTCOME_BROKEN},
		{PV_AREA + 48, 8, 100, "lvm.metadata", "does not match its checksum", OUTCOME_BROKEN},
		{PV_AREA + 40, 8, 513, "lvm.metadata", "does not match its checksum", OUTCOME_BROKEN},
		{PV_AREA + 40, 8, 0, "lvm.members", "belongs to no group", OUTCOME_SKIPPED},
		{PV_AREA + 48, 8, 0, "lvm.members", "belongs to no group", OUTCOME_SKIPPED},
		{PV_AREA + 60, 4, 1, "lvm.members", "nothing here says", OUTCOME_UNPROVEN}, /* to be ignored */
		{AREAS + 32, 8, 0, "lvm.members", "nothing here says", OUTCOME_UNPROVEN},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		fresh(0);
		uint8_t value[8];
		put64(value, rows[i].value);
		memcpy(pv[0] + rows[i].at, value, rows[i].len);
		seal_area(pv[0]);
		if (rows[i].at != 512 + 16)
			seal_label(pv[0]);
		look(1);
		int before = test_bad_here;
		if (rows[i].check)
			CHECK(get(rows[i].check, rows[i].outcome, rows[i].words) != NULL);
		else
			CHECK_INT(f.count, 0);
		CHECK_INT(set.count, rows[i].at == 512 + 64 ? 4 : 0); /* what is there of it is read */
		if (rows[i].outcome != OUTCOME_SKIPPED)
			CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
		if (before != test_bad_here)
			fprintf(stderr, "row %zu\n", i);
		drop();
	}
}

/* A text of more than 4 MiB is no text, however large its area is. */
static void test_huge(void)
{
	size_t size = 6 * MIB;
	autofree uint8_t *large = calloc(1, size);
	autofree char *spaces = malloc(5 * MIB);
	struct error e;
	NEED(large && spaces);
	memset(spaces, ' ', 5 * MIB);
	memcpy(large, kinds, PV_SIZE);
	put_text(large, spaces, 4 * MIB + 1, 5 * MIB);
	NEED(!findings_init(&f));
	src[0] = source_memory(large, size, "one", &e);
	struct volume_member m = {src[0], "one"};
	NEED(src[0] && !volume_groups_assemble(&m, 1, &set, &f, &e));
	CHECK(get("lvm.metadata", OUTCOME_BROKEN, "outside its area"));
	drop();
}

/* Lists of areas that have no end before the label's, and more copies than one looks at. */
static void test_lists(void)
{
	fresh(0);
	for (size_t at = AREAS; at + 16 <= 1024; at += 16)
		put64(pv[0] + at, 4096);
	seal_label(pv[0]);
	look(1);
	CHECK(get("lvm.members", OUTCOME_UNPROVEN, "nothing here says"));
	drop();
	fresh(0);
	for (size_t at = AREAS + 32; at + 16 <= 1024; at += 16) {
		put64(pv[0] + at, PV_AREA);
		put64(pv[0] + at + 8, PV_AREA_SIZE);
	}
	seal_label(pv[0]);
	look(1);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	CHECK_INT(set.count, 4);
	size_t texts = 0;
	for (size_t i = 0; i < f.count; i++)
		texts += !strcmp(f.items[i].check, "lvm.metadata");
	CHECK_INT(texts, 8);
	drop();
	/* One that begins so late that its lists end with the sector. */
	fresh(0);
	memmove(pv[0] + 512 + 440, pv[0] + 512 + 32, 40);
	memset(pv[0] + 512 + 480, 0, 16);
	put32(pv[0] + 512 + 20, 440);
	put64(pv[0] + 512 + 496, PV_AREA);
	put64(pv[0] + 512 + 504, PV_AREA_SIZE);
	seal_label(pv[0]);
	look(1);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	CHECK_INT(set.count, 4);
	drop();
	/* The label may be in any of the first four sectors, and in no other. */
	for (unsigned sector = 0; sector < 6; sector++) {
		fresh(0);
		memmove(pv[0] + sector * 512, kinds + 512, 512);
		if (sector != 1)
			memset(pv[0] + 512, 0, 512);
		put64(pv[0] + sector * 512 + 8, sector);
		look(1);
		CHECK_INT(set.count, sector < 4 ? 4 : 0);
		drop();
	}
}

/* Another physical volume beside the first, with the same metadata but for one replacement. */
static void beside(int n, char letter, const char *old, const char *new, const char *again, const char *to)
{
	memcpy(pv[n], kinds, PV_SIZE);
	memset(pv[n] + 512 + 32, letter, 32);
	strcpy(text, good);
	if (old)
		replace(text, old, new);
	if (again)
		replace(text, again, to);
	put_text(pv[n], text, strlen(text) + 1, PV_AREA_SIZE);
}

static void test_copies(void)
{
	/* A second volume whose copy says the same: nothing is wrong with the group, but it does not name that one. */
	fresh(0);
	beside(1, 'y', NULL, NULL, NULL, NULL);
	look(2);
	CHECK(!get("lvm.copies", OUTCOME_BROKEN, ""));
	CHECK(get("lvm.members", OUTCOME_UNPROVEN, "yyyyyy-yyyy"));
	CHECK_INT(set.count, 4);
	drop();
	/* An older version and a newer one, in both orders: it is told, and the newer one counts. */
	static const char *const versions[] = {"seqno = 6", "seqno = 8"};
	for (int i = 0; i < 2; i++) {
		fresh(0);
		beside(1, 'y', "seqno = 7", versions[i], "root {", "renamed {");
		look(2);
		const struct finding *it = get("lvm.copies", OUTCOME_BROKEN, "in one place");
		NEED(it);
		CHECK_INT(it->error, ERROR_CORRUPT);
		CHECK_INT(set.count, 4);
		CHECK_STR(set.items[0].name, i ? "vg/renamed" : "vg/root");
		CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
		drop();
	}
	fresh(0);
	beside(1, 'y', "root {", "renamed {", NULL, NULL);
	look(2);
	CHECK(get("lvm.copies", OUTCOME_BROKEN, "two texts that differ"));
	drop();
	/* Three: the newest is the last of them. */
	fresh(0);
	beside(1, 'y', "seqno = 7", "seqno = 8", NULL, NULL);
	beside(2, 'x', "seqno = 7", "seqno = 9", "root {", "renamed {");
	look(3);
	NEED(set.count == 4);
	CHECK_STR(set.items[0].name, "vg/renamed");
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	drop();
}

#define GROUP "aaaaaa-bbbb-cccc-dddd-eeee-ffff-gggggg"
#define OTHER "aaaaaa-bbbb-cccc-dddd-eeee-ffff-hhhhhh"
#define PV0 "zzzzzz-zzzz-zzzz-zzzz-zzzz-zzzz-zzzzzz"
#define PVY "yyyyyy-yyyy-yyyy-yyyy-yyyy-yyyy-yyyyyy"

static void test_groups(void)
{
	/* Two groups of one name: what the machine would take can't be told. */
	fresh(0);
	beside(1, 'y', GROUP, OTHER, PV0, PVY);
	look(2);
	const struct finding *it = get("lvm.group", OUTCOME_UNPROVEN, "two volume groups are called vg");
	NEED(it);
	CHECK_INT(it->error, ERROR_AMBIGUOUS);
	CHECK(findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_HELD);
	drop();
	/* Two names are two groups. */
	fresh(0);
	beside(1, 'y', GROUP, OTHER, PV0, PVY);
	replace(text, "vg {", "vg2 {");
	put_text(pv[1], text, strlen(text) + 1, PV_AREA_SIZE);
	/* The first of the two is there in an older version as well. */
	beside(2, 'x', "seqno = 7", "seqno = 5", NULL, NULL);
	look(3);
	CHECK(!get("lvm.group", OUTCOME_UNPROVEN, ""));
	CHECK_INT(set.count, 8);
	CHECK_STR(set.items[4].name, "vg2/root");
	drop();
	/* The same physical volume twice. */
	fresh(0);
	fresh(1);
	look(2);
	it = get("lvm.label", OUTCOME_UNPROVEN, "is there twice: in one too");
	NEED(it);
	CHECK_INT(it->error, ERROR_AMBIGUOUS);
	drop();
}

/* Of the fixture's group and its first volume, as device mapper has them. */
#define GROUP_ID "aaaaaabbbbccccddddeeeeffffgggggg"
#define ROOT_ID "rootroaaaabbbbccccddddeeee003164"

static void test_names(void)
{
	fresh(0);
	look(1);
	NEED(set.count == 4);
	const struct assembled_volume *root = &set.items[0];
	CHECK(volume_answers_to(root, "/dev/disk/by-id/dm-name-vg-root"));
	CHECK(!volume_answers_to(root, "/dev/disk/by-id/dm-name-vg-roof"));
	CHECK(!volume_answers_to(root, "/dev/disk/by-id/dm-uuid-vg-root"));
	CHECK(volume_answers_to(root, "/dev/disk/by-id/dm-uuid-LVM-" GROUP_ID ROOT_ID));
	CHECK(!volume_answers_to(root, "/dev/disk/by-id/dm-uuid-LVM-" GROUP_ID));
	CHECK(!volume_answers_to(root, "/dev/disk/by-id/dm-uuid-LVM-" GROUP_ID ROOT_ID "x"));
	CHECK(!volume_answers_to(root, "/dev/disk/by-id/dm-uuid-LVM-" ROOT_ID ROOT_ID));
	CHECK(!volume_answers_to(root, "/dev/mapper/vg-roof"));
	struct assembled_volume md = {.manager = MANAGER_MD, .name = "md/web01:data", .volume = "web01:data"};
	CHECK(volume_answers_to(&md, "/dev/md/data"));
	CHECK(volume_answers_to(&md, "/dev/md/web01:data"));
	CHECK(!volume_answers_to(&md, "/dev/md/dat"));
	CHECK(!volume_answers_to(&md, "/dev/mddata"));
	CHECK(!volume_answers_to(&md, "/dev/sda"));
	struct assembled_volume nameless = {.manager = MANAGER_MD, .name = "md/web01:", .volume = "web01:"};
	CHECK(!volume_answers_to(&nameless, "/dev/md"));
	CHECK(!volume_answers_to(&nameless, "/dev/md0"));
	struct assembled_volume number = {.manager = MANAGER_MD, .name = "md/web01:3", .volume = "web01:3"};
	CHECK(volume_answers_to(&number, "/dev/md3"));
	CHECK(!volume_answers_to(&number, "/dev/md33"));
	drop();
}

int main(void)
{
	load_kinds(kinds, good);
	replace(good, "type = \"error\"", "type = \"linear\"\nstripe_count = 1\nstripes = [\"pv0\",18]");
	RUN(test_label);
	RUN(test_huge);
	RUN(test_lists);
	RUN(test_copies);
	RUN(test_groups);
	RUN(test_names);
	return test_done();
}
