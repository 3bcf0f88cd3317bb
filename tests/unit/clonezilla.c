// SPDX-License-Identifier: GPL-3.0-or-later
/* Directories of Clonezilla against what a restore writes; then with files gone, cut or contradicting each other. */
#include "backproof/volume.h"
#include "clonezilla_help.h"

#include "../../src/image/clonezilla.h"

#define GPT "2026-11-20-03-img"

static void test_content(void)
{
	char dir[64], disk[16], size[32], sum[65], got[65], line[256];
	FILE *f = fopen("fixtures/clonezilla/expected", "r");
	size_t lines = 0;
	NEED(f);
	while (fgets(line, sizeof line, f)) {
		NEED(sscanf(line, "%63s %15s %31s %64s", dir, disk, size, sum) == 4);
		struct shelf s = load(dir);
		compose(&s);
		CHECK_INT(s.rc, 0);
		CHECK(clonezilla_is(&s.names));
		CHECK_INT(s.out.disks.count, 1);
		CHECK_INT(s.out.made, 1795145510);
		if (!s.rc && s.out.disks.count) {
			CHECK_STR(s.out.disks.items[0].name, disk);
			CHECK_INT(source_size(s.out.disks.items[0].source), strtoll(size, NULL, 10));
			CHECK_INT(disk_digest(s.out.disks.items[0].source, got), 0);
			if (*sum != '-')
				CHECK_STR(got, sum);
		}
		for (size_t i = 0; i < s.f.count; i++)
			CHECK(s.f.items[i].outcome == OUTCOME_HELD || s.f.items[i].outcome == OUTCOME_SKIPPED);
		unload(&s);
		lines++;
	}
	fclose(f);
	CHECK_INT(lines, 3);
}

/* What stands above sees ordinary disks. */
static void scan(const char *dir, const char *found)
{
	struct shelf s = load(dir);
	struct disk_layout d = {0};
	struct text t = {0};
	compose(&s);
	CHECK_INT(s.rc, 0);
	size_t before = s.f.count;
	CHECK_INT(s.rc ? -1 : disk_scan(s.out.disks.items[0].source, "dir", &d, &s.f, &s.e), 0);
	for (size_t i = 0; i < d.count; i++)
		text_printf(&t, "%s%llu+%llu", i ? " " : "", (unsigned long long)d.items[i].offset / 512,
			    (unsigned long long)d.items[i].size / 512);
	CHECK_STR(text_str(&t), found);
	for (size_t i = before; i < s.f.count; i++)
		CHECK(s.f.items[i].outcome == OUTCOME_HELD || s.f.items[i].outcome == OUTCOME_SKIPPED);
	text_free(&t);
	disk_layout_free(&d);
	unload(&s);
}

static void test_tables(void)
{
	scan(GPT, "2048+2048 4096+10240 14336+2048 16384+128 18432+2048");
	scan("web01-2026-11-19-img", "128+4096 6144+2048");
	scan("logical-img", "2048+2048 6144+2048 10240+2048 14336+1024");
}

static void without(const char *name, int rc, enum error_class cls, const char *word)
{
	struct shelf s = load(GPT);
	drop(&s, name);
	expect(&s, rc, cls, word);
}

/* So many pieces that one is called .gz, which ends no row; and three letters. */
static void test_many_pieces(void)
{
	for (int three = 0; three <= 1; three++) {
		struct strings names = {0};
		struct findings f;
		const struct image_context c = {.subject = "x", .f = &f};
		const char *first;
		struct error e = {0};
		bool gap;
		char name[64];
		NEED(findings_init(&f) == 0);
		for (int i = 0; i < 200; i++) {
			snprintf(name, sizeof name, "sda1.vfat-ptcl-img.gz.%s%c%c", three ? "a" : "", 'a' + i / 26, 'a' + i % 26);
			NEED(strings_add(&names, name) == 0);
		}
		CHECK_INT(cz_find_image(&names, &c, "sda1", &first, &gap, &e), 0);
		CHECK_STR(first, three ? "sda1.vfat-ptcl-img.gz.aaa" : "sda1.vfat-ptcl-img.gz.aa");
		CHECK(!gap);
		free(names.items[100]);
		memmove(names.items + 100, names.items + 101, 99 * sizeof *names.items);
		names.count--;
		CHECK_INT(cz_find_image(&names, &c, "sda1", &first, &gap, &e), 0);
		CHECK(gap);
		strings_free(&names);
		findings_free(&f);
	}
}

static void test_missing(void)
{
	without("sda-gpt-1st", -1, ERROR_MISSING, "gpt-1st");
	without("sda-gpt-2nd", -1, ERROR_MISSING, "gpt-2nd");
	without("sda1.vfat-ptcl-img.zst.ab", 0, ERROR_MISSING, "2 of 3 pieces");
	without("sda2.ext4-ptcl-img.zst.aa", 0, ERROR_MISSING, "1 of 2 pieces");
	without("sda2.ext4-ptcl-img.zst.ab", 0, ERROR_CORRUPT, "");
	without("sda4.dd-img.zst.aa", 0, ERROR_MISSING, "sda4 is listed");
	struct shelf s = load(GPT);
	drop(&s, "sda2.ext4-ptcl-img.zst.aa");
	drop(&s, "sda2.ext4-ptcl-img.zst.ab");
	compose(&s);
	CHECK_INT(s.rc, 0);
	uint8_t one[512];
	CHECK(!s.rc && source_read_at(s.out.disks.items[0].source, 4096 * 512, one, 512, &s.e) < 0);
	CHECK_INT(s.e.cls, ERROR_MISSING);
	CHECK(!s.rc && source_read_at(s.out.disks.items[0].source, 2048 * 512, one, 512, &s.e) == 0);
	unload(&s);
	/* Without the list of what was saved, all of the table was: sda3 is swap, and sda5 has no image. */
	static const char *const emptied[] = {"", " \n", NULL};
	for (size_t i = 0; i < ARRAY_SIZE(emptied); i++) {
		s = load(GPT);
		if (emptied[i])
			set_text(&s, "parts", emptied[i]);
		else
			drop(&s, "parts");
		compose(&s);
		CHECK_INT(s.rc, 0);
		CHECK_INT(count_findings(&s.f, "clonezilla.parts", OUTCOME_BROKEN), 1);
		for (size_t k = 0; k < s.f.count; k++)
			CHECK(s.f.items[k].outcome != OUTCOME_BROKEN || strstr(s.f.items[k].detail, "no image of sda5, and no list"));
		unload(&s);
	}
	/* With all images there, it is no loss; nor is a partition that holds no more than others. */
	static const char *const whole[] = {"web01-2026-11-19-img", "logical-img"};
	for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
		s = load(whole[i]);
		drop(&s, "parts");
		compose(&s);
		CHECK_INT(s.rc, 0);
		CHECK_INT(count_findings(&s.f, "clonezilla.parts", OUTCOME_BROKEN), 0);
		unload(&s);
	}
	s = load("web01-2026-11-19-img");
	drop(&s, "vda-mbr");
	expect(&s, -1, ERROR_MISSING, "vda-mbr");
	s = load("web01-2026-11-19-img");
	set_text(&s, "parts", "vda1 vda2 md0\n");
	expect(&s, 0, ERROR_MISSING, "md0 is listed");
	s = load("web01-2026-11-19-img");
	set_text(&s, "disk", "vda vdb\n");
	expect(&s, 0, ERROR_MISSING, "the disk vdb");
}

static void test_contradictions(void)
{
	struct shelf s = load("web01-2026-11-19-img");
	set_text(&s, "vda-pt.sf", "label: dos\n/dev/vda1 : start= 128, size= 100, type=83\n/dev/vda2 : start= 6144, size= 2048, type=83\n");
	expect(&s, 0, ERROR_CORRUPT, "larger than its partition");
	s = load("web01-2026-11-19-img");
	set_text(&s, "vda-pt.sf", "label: dos\n/dev/vda1 : start= 128, size= 4096, type=83\n/dev/vda2 : start= 2048, size= 2048, type=83\n");
	expect(&s, -1, ERROR_CORRUPT, "two things");
	s = load("web01-2026-11-19-img");
	set_text(&s, "vda-pt.sf", "/dev/vda1 : start= 128, size= 99999999999999999999, type=83\n");
	expect(&s, -1, ERROR_CORRUPT, "without a place");
	s = load(GPT);
	set_text(&s, "sda-gpt-1st", "");
	expect(&s, -1, ERROR_CORRUPT, "cut");
	s = load(GPT);
	set_text(&s, "ecryptfs.info", "cipher aes\n");
	expect(&s, -1, ERROR_ENCRYPTED, "eCryptfs");
	s = load(GPT);
	add(&s, "sda2.ext4-ptcl-img.gz", bytes_load("fixtures/clonezilla/expected"));
	expect(&s, -1, ERROR_AMBIGUOUS, "two images of sda2");
}

/* A logical volume that was saved by itself; its physical volume was not. */
static void test_logical_volumes(void)
{
	struct shelf s = load("web01-2026-11-19-img");
	struct file *f = file_of(&s, "vda1.ext4-ptcl-img.gz");
	NEED(f);
	strcpy(f->name, "vg-root.ext4-ptcl-img.gz");
	set_text(&s, "lvm_vg_dev.list", "vg /dev/vda1 3xwGRD-Ruz3-Ld1z-YTfw-ZNre-iEIt-PyLFGo\n");
	set_text(&s, "lvm_logv.list", "/dev/vg/root  Linux rev 1.0 ext4 filesystem data\n/dev/vg/swap_1  Linux/i386 swap file\n");
	compose(&s);
	CHECK_INT(s.rc, 0);
	CHECK_INT(s.out.disks.count, 2);
	if (s.out.disks.count == 2) {
		CHECK_STR(s.out.disks.items[1].name, "vg/root");
		CHECK_INT(source_size(s.out.disks.items[1].source), 4096 * 512);
	}
	CHECK_INT(findings_against(&s.f, PROOF_PRESENCE, "dir"), 0);
	unload(&s);
	s = load("web01-2026-11-19-img");
	set_text(&s, "lvm_logv.list", "/dev/vg/root  Linux rev 1.0 ext4 filesystem data\n");
	expect(&s, 0, ERROR_MISSING, "vg/root is listed");
}

/* Notes of another time do not stand for the image of what is listed as saved. */
static void test_excuses(void)
{
	static const struct {
		const char *parts, *image, *note, *lists[2]; /* note: swappt-*; lists: lvm_vg_dev.list, lvm_logv.list */
		const char *missing;
	} rows[] = {
		{"sda1 sda2 sda4", "sda4.dd-img.zst.aa", "swappt-sda4.info", {NULL, NULL}, "sda4 is listed"},
		{"sda1 sda2 sda3 sda4", NULL, NULL, {NULL, NULL}, NULL}, /* its type is swap */
		{"sda1 sda2", "sda4.dd-img.zst.aa", "swappt-sda4.info", {NULL, NULL}, NULL},
		{"", "sda4.dd-img.zst.aa", "swappt-sda5.info", {NULL, NULL}, "no image of sda4"},
		{"sda1 sda2 sda4", "sda4.dd-img.zst.aa", NULL, {"vg /dev/sda4 x\n", NULL}, "sda4 is listed"},
		{"sda1 sda2 sda4", "sda4.dd-img.zst.aa", NULL, {"vg /dev/sda4 x\n", ""}, "sda4 is listed"},
		{"sda1 sda2 sda4", "sda4.dd-img.zst.aa", NULL, {"vg /dev/sda4 x\n", "\n/dev/vg2/a swap\n/dev/v/a swap\n/dev/vg swap\n"},
		 "sda4 is listed"},
		{"sda1 sda2 sda4", "sda4.dd-img.zst.aa", NULL, {"v /dev/sda1 y\nvg /dev/sda4 x\n", "/dev/v/a swap\n/dev/vg/a swap\n"},
		 NULL},
		{"sda1 sda2 sda4 md0", NULL, NULL, {"vg /dev/md0 x\n", "/dev/vg/a swap\n"}, NULL},
		{"sda1 sda2 sda4 md0", NULL, NULL, {"vg /dev/md0 x\n", NULL}, "md0 is listed"},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		struct shelf s = load(GPT);
		set_text(&s, "parts", rows[i].parts);
		if (rows[i].image)
			drop(&s, rows[i].image);
		if (rows[i].note)
			set_text(&s, rows[i].note, "UUID=\"x\"\n");
		if (rows[i].lists[0])
			set_text(&s, "lvm_vg_dev.list", rows[i].lists[0]);
		if (rows[i].lists[1])
			set_text(&s, "lvm_logv.list", rows[i].lists[1]);
		compose(&s);
		CHECK_INT(s.rc, 0);
		const char *told = NULL;
		for (size_t k = 0; k < s.f.count; k++)
			told = s.f.items[k].outcome == OUTCOME_BROKEN ? s.f.items[k].detail : told;
		if (!told != !rows[i].missing || (told && !strstr(told, rows[i].missing))) {
			fprintf(stderr, "%zu: %s\n", i, told ? told : "nothing is missing");
			CHECK(false);
		}
		unload(&s);
	}
}

static void test_names(void)
{
	static const char *const no[] = {"web01.img", "parts.img", "disk.img.zst"};
	struct strings s = {0};
	for (size_t i = 0; i < ARRAY_SIZE(no); i++)
		NEED(!strings_add(&s, no[i]));
	CHECK(!clonezilla_is(&s));
	CHECK(clonezilla_is_note("clonezilla-img"));
	CHECK(clonezilla_is_note("sda-pt.sf"));
	CHECK(!clonezilla_is_note("sda1.ext4-ptcl-img.zst.aa"));
	CHECK(!clonezilla_is_note("nvme0n1p2.dd-img.aa"));
	strings_free(&s);
}

int main(void)
{
	RUN(test_content);
	RUN(test_tables);
	RUN(test_many_pieces);
	RUN(test_missing);
	RUN(test_contradictions);
	RUN(test_logical_volumes);
	RUN(test_excuses);
	RUN(test_names);
	return test_done();
}
