// SPDX-License-Identifier: GPL-3.0-or-later
/* LVM2: the physical volumes of fixtures/lvm, where every sector says which it is, and damage to them. */
#include "backproof/volume.h"
#include "backproof/volume_group.h"
#include "test.h"

#define SIZE (2 * MIB)
#define START (128 * KIB)
#define EXTENT (64 * KIB)

static uint8_t pv[2][SIZE];
static struct findings f;
static struct volume_set set;

static void load(void)
{
	for (int n = 0; n < 2; n++) {
		char command[64];
		snprintf(command, sizeof command, "zstd -dqc fixtures/lvm/pv%d.zst", n + 1);
		FILE *p = popen(command, "r");
		NEED(p && fread(pv[n], 1, SIZE, p) == SIZE);
		NEED(pclose(p) == 0);
	}
}

static struct source *src[2];

static void look_at(size_t size, size_t count)
{
	struct error e;
	struct volume_member m[2];
	NEED(!findings_init(&f));
	for (size_t n = 0; n < count; n++) {
		src[n] = source_memory(pv[n], n ? size : SIZE, n ? "two" : "one", &e);
		NEED(src[n]);
		m[n] = (struct volume_member){src[n], n ? "two" : "one"};
	}
	NEED(!volume_groups_assemble(m, count, &set, &f, &e));
}

static void drop(void)
{
	volume_set_free(&set);
	source_destroy(src[0]);
	source_destroy(src[1]);
	src[0] = src[1] = NULL;
	findings_free(&f);
}

static const struct finding *get(const char *check, enum outcome o)
{
	for (size_t i = 0; i < f.count; i++)
		if (!strcmp(f.items[i].check, check) && f.items[i].outcome == o)
			return &f.items[i];
	return NULL;
}

static const struct assembled_volume *find(const char *name)
{
	vec_each(&set, v)
		if (!strcmp(v->name, name))
			return v;
	return NULL;
}

/* The sector at an offset of a volume is sector `extent * 128 + rest` behind the start of a physical volume. */
static bool is_at(const struct assembled_volume *v, uint64_t off, int n, uint64_t extent, uint64_t rest)
{
	char want[512], have[512];
	struct error e;
	memset(want, '.', sizeof want);
	int len = snprintf(want, sizeof want, "pv%d sector %06llu\n", n,
			   (unsigned long long)((START + extent * EXTENT + rest) / 512));
	want[len] = '.';
	return source_read_at(v->source, off, have, sizeof have, &e) == 0 && !memcmp(want, have, sizeof want);
}

static void test_whole(void)
{
	look_at(SIZE, 2);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_HELD);
	CHECK_INT(set.count, 3);
	const struct assembled_volume *root = find("vg-0/root"), *st = find("vg-0/st"), *ab = find("vg-0/a-b");
	NEED(root && st && ab);
	CHECK_INT(source_size(root->source), 40 * EXTENT);
	CHECK_INT(root->member_count, 2);
	CHECK_INT(ab->member_count, 1);
	CHECK_INT(ab->members[0], 1);
	CHECK_INT(strlen(root->uuid), 38);
	/* As lvs of make.sh shows it. */
	for (uint64_t i = 0; i < 40; i++)
		for (uint64_t rest = 0; rest < EXTENT; rest += EXTENT - 512)
			CHECK(i < 26 ? is_at(root, i * EXTENT + rest, 2, 4 + i, rest)
				     : is_at(root, i * EXTENT + rest, 1, i - 26 + 6, rest));
	CHECK(is_at(ab, EXTENT, 2, 3, 0));
	for (uint64_t i = 0; i < 64; i++)
		CHECK(is_at(st, i * 4096, i % 2 ? 2 : 1, i % 2 ? 0 : 4, i / 2 * 4096));
	/* One read over everything is the sum of small ones. */
	autofree uint8_t *all = malloc(4 * EXTENT);
	uint8_t one[512];
	struct error e;
	NEED(all && !source_read_at(st->source, 0, all, 4 * EXTENT, &e));
	for (uint64_t at = 0; at < 4 * EXTENT; at += 512) {
		NEED(!source_read_at(st->source, at, one, 512, &e));
		CHECK(!memcmp(one, all + at, 512));
	}
	drop();
}

static void test_names(void)
{
	look_at(SIZE, 2);
	const struct assembled_volume *ab = find("vg-0/a-b");
	NEED(ab);
	CHECK(volume_answers_to(ab, "/dev/vg-0/a-b"));
	CHECK(volume_answers_to(ab, "/dev/mapper/vg--0-a--b"));
	CHECK(volume_answers_to(ab, "/dev/disk/by-id/dm-name-vg--0-a--b"));
	CHECK(!volume_answers_to(ab, "/dev/mapper/vg-0-a-b"));
	CHECK(!volume_answers_to(ab, "/dev/vg-0/a"));
	CHECK(!volume_answers_to(ab, "vg-0/a-b"));
	drop();
}

static void test_missing(void)
{
	look_at(SIZE, 1);
	const struct finding *it = get("lvm.members", OUTCOME_BROKEN);
	NEED(it);
	CHECK_INT(it->blame, BLAME_INCOMPLETE);
	CHECK(strstr(it->detail, "vg-0"));
	CHECK_INT(set.count, 0); /* all of them need the second */
	CHECK(get("lvm.volume", OUTCOME_BROKEN));
	drop();
}

/* Every bit of label, header and text counts; whatever is said then is not that all is well. */
static void test_flips(void)
{
	static const size_t places[][3] = {{512, 1024, 3}, {4096, 4096 + 512, 5}};
	for (size_t k = 0; k < ARRAY_SIZE(places); k++)
		for (size_t at = places[k][0]; at < places[k][1]; at += places[k][2]) {
			pv[1][at] ^= 0x10;
			look_at(SIZE, 2);
			if (findings_proof(&f, PROOF_STRUCTURE) != OUTCOME_BROKEN)
				printf("flip at %zu\n", at);
			CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
			drop();
			pv[1][at] ^= 0x10;
		}
}

static void test_text(void)
{
	/* The text in force is the last in the ring; the first copy of it is damaged, the other holds. */
	uint64_t at = 4096 + get_le64(pv[0] + 4096 + 40), len = get_le64(pv[0] + 4096 + 48);
	NEED(at + len < START);
	for (uint64_t i = 0; i < len; i += 37) {
		pv[0][at + i] ^= 1;
		look_at(SIZE, 2);
		CHECK(get("lvm.metadata", OUTCOME_BROKEN));
		CHECK_INT(set.count, 3);
		drop();
		pv[0][at + i] ^= 1;
	}
}

static void test_cut(void)
{
	for (size_t size = 0; size < SIZE; size += 4096 * 7 + 512) {
		look_at(size, 2);
		CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
		drop();
	}
	look_at(SIZE - 512, 2);
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_BROKEN);
	drop();
}

static void test_twice(void)
{
	struct error e;
	struct volume_member m[3];
	NEED(!findings_init(&f));
	for (int i = 0; i < 3; i++) {
		m[i].source = source_memory(pv[i / 2], SIZE, "pv", &e);
		m[i].name = "pv";
		NEED(m[i].source);
	}
	NEED(!volume_groups_assemble(m, 3, &set, &f, &e));
	CHECK_INT(findings_proof(&f, PROOF_STRUCTURE), OUTCOME_UNPROVEN);
	volume_set_free(&set);
	for (int i = 0; i < 3; i++)
		source_destroy(m[i].source);
	findings_free(&f);
}

/* What lvcreate makes only with device-mapper: fixtures/lvm/corpus.py. */
static void test_kinds(void)
{
	static uint8_t kinds[128 * KIB];
	struct error e;
	FILE *p = fopen("fixtures/lvm/corpus/kinds", "rb");
	NEED(p && fread(kinds, 1, sizeof kinds, p) == sizeof kinds);
	fclose(p);
	for (int sync = 1; sync >= 0; sync--) {
		if (!sync) /* the mirror was being made alike */
			memset(kinds + 32768 + 12 * 4096 + 40, 0, 8);
		autosource struct source *s = source_memory(kinds, sizeof kinds, "kinds", &e);
		struct volume_member m = {s, "kinds"};
		NEED(s && !findings_init(&f) && !volume_groups_assemble(&m, 1, &set, &f, &e));
		CHECK_INT(set.count, 2 + (size_t)sync);
		NEED(find("vg/root") && find("vg/st"));
		char text[16] = "";
		CHECK(!source_read_at(find("vg/root")->source, 2 * 4096, text, 13, &e));
		CHECK_STR(text, "sector 000136"); /* extent 9 */
		CHECK(!source_read_at(find("vg/st")->source, 3 * 1024, text, 13, &e));
		CHECK_STR(text, "sector 000098"); /* extent 4, second stripe */
		const struct assembled_volume *mirror = find("vg/mir");
		CHECK_INT(mirror != NULL, sync);
		if (mirror)
			CHECK(!source_read_at(mirror->source, 0, text, 13, &e) && !strcmp(text, "sector 000176"));
		/* The other leg is given, to be compared. */
		if (mirror && mirror->mirror_count == 1)
			CHECK(!source_read_at(mirror->mirrors[0].source, 0, text, 13, &e) &&
			      strcmp(text, "sector 000176") && !strncmp(text, "sector ", 7));
		CHECK(!mirror || mirror->mirror_count == 1);
		const struct finding *it = get("lvm.volume", OUTCOME_UNSUPPORTED);
		NEED(it);
		CHECK(strstr(it->detail, sync ? "type error" : "not in step"));
		volume_set_free(&set);
		findings_free(&f);
	}
}

static void test_content(void)
{
	struct error e;
	struct content c;
	autosource struct source *s = source_memory(pv[0], SIZE, "pv", &e);
	NEED(s && !content_probe(s, &c, &e));
	CHECK_STR(c.type, "LVM2_member");
}

int main(void)
{
	load();
	RUN(test_whole);
	RUN(test_names);
	RUN(test_missing);
	RUN(test_flips);
	RUN(test_text);
	RUN(test_cut);
	RUN(test_twice);
	RUN(test_kinds);
	RUN(test_content);
	return test_done();
}
