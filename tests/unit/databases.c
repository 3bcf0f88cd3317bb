// SPDX-License-Identifier: GPL-3.0-or-later
/* Databases where they lie: which files are some, whether their pages hold, and whether the logs that they need are there. */
#include "../../src/subject/databases.h"
#include "ese_help.h"
#include "volumes_help.h"

static struct databases found;
static struct policy policy;
static struct budget budget;
static struct check_parameters parameters;

static void note(struct subject_volume *v, const char *path, uint64_t size)
{
	struct fs_entry entry = {.path = path, .type = ENTRY_FILE, .size = size, .id = 77};
	CHECK_INT(databases_note(&found, v, &entry, &why), 0);
}

static void test_names(void)
{
	static const char *const databases[] = {"NTDS/ntds.dit", "a.EDB", "x/y.mdb", "sru/SRUDB.dat", "qmgr.db",
						"WebCacheV01.dat"};
	static const char *const none[] = {"a.ed", "edb", "ntds.dit.bak", "srudb.dat2", "WebCache.dat", "webcache1.dat",
					   "webcachev1.txt", "E0.log", "E00.lox", "E-0.log", "E00123.log", "E0000001.txt",
					   "E00zz001.log", "E001234567890.log"};
	struct subject_volume v = {.name = strdup("disk:1")};
	for (size_t i = 0; i < ARRAY_SIZE(databases); i++)
		note(&v, databases[i], 4096);
	CHECK_INT(found.files.count, ARRAY_SIZE(databases));
	CHECK_STR(found.files.items[0].path, "NTDS/ntds.dit");
	CHECK(found.files.items[0].entry.path == found.files.items[0].path && found.files.items[0].entry.id == 77);
	for (size_t i = 0; i < ARRAY_SIZE(none); i++)
		note(&v, none[i], 4096);
	note(&v, "small.edb", 4095); /* not even a header */
	CHECK_INT(found.files.count, ARRAY_SIZE(databases));
	CHECK_INT(found.logs.count, 0);
	/* By directory and prefix, whatever the case. */
	note(&v, "db/E00.log", 1);
	note(&v, "db/E0000012.log", 1);
	note(&v, "db/e0000000013.LOG", 1);
	note(&v, "db/edb00014.jtx", 1);
	note(&v, "db2/E0000015.log", 1);
	NEED(found.logs.count == 3);
	CHECK_STR(found.logs.items[0].directory, "disk:1:/db/");
	CHECK_STR(found.logs.items[0].prefix, "e00");
	CHECK(found.logs.items[0].current && !found.logs.items[1].current);
	CHECK_INT(found.logs.items[0].numbers.count, 2);
	CHECK_INT(found.logs.items[0].numbers.items[0], 0x12);
	CHECK_INT(found.logs.items[0].numbers.items[1], 0x13);
	CHECK_INT(found.numbers, 4);
	CHECK(!found.incomplete);
	found.numbers = 4000000;
	note(&v, "db/E0000016.log", 1);
	CHECK(found.incomplete && found.logs.items[0].numbers.count == 2);
	databases_free(&found);
	free(v.name);
}

static void test_too_many(void)
{
	struct subject_volume v = {.name = strdup("disk:1")};
	char path[32];
	for (int i = 0; i <= 10000; i++) {
		CHECK(!found.incomplete);
		snprintf(path, sizeof path, "%d.edb", i);
		note(&v, path, 4096);
	}
	CHECK(found.incomplete && found.files.count == 10000);
	databases_free(&found);
	free(v.name);
}

static void test_logs(void)
{
	struct subject_volume v = {.name = strdup("d")};
	note(&v, "a/E00.log", 1);
	CHECK(databases_logs(&found, "d:/a/", 5, 5) == &found.logs.items[0]); /* the newest may have no number yet */
	CHECK(!databases_logs(&found, "d:/b/", 5, 5)); /* elsewhere it may be anybody's */
	CHECK(!databases_logs(&found, "d:/a/", 4, 5));
	CHECK(!databases_logs(&found, "d:/a/", 0, UINT32_MAX));
	note(&v, "b/E0000004.log", 1);
	note(&v, "b/E0000005.log", 1);
	note(&v, "c/E0000004.log", 1);
	note(&v, "c/E0000006.log", 1);
	CHECK(databases_logs(&found, "d:/x/", 5, 5) == &found.logs.items[1]); /* a number agrees */
	CHECK(databases_logs(&found, "d:/b/", 4, 5) == &found.logs.items[1]);
	CHECK(!databases_logs(&found, "d:/c/", 4, 6)); /* one between is missing */
	CHECK(!databases_logs(&found, "d:/b/", 4, 6));
	databases_free(&found);
	free(v.name);
}

/* A database as a file, the header of which has the given words set (in both copies). */
static void write_db(const char *name, uint32_t page, size_t pages, uint32_t state, uint32_t low, uint32_t high,
		     size_t spoilt)
{
	char path[300];
	uint8_t *db = generate(page, pages, false);
	for (int i = 0; i < 2; i++) {
		put32(db + i * page + 52, state);
		put32(db + i * page + 296, low);
		put32(db + i * page + 300, high);
		seal_header(db + i * page, page);
	}
	if (spoilt)
		db[spoilt] ^= 1;
	snprintf(path, sizeof path, "%s/tree/%s", dir, name);
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(db, page, pages + 2, f) == pages + 2 && fclose(f) == 0);
	free(db);
}

static int note_one(void *ctx, const struct fs_entry *entry, struct error *e)
{
	return entry->type == ENTRY_FILE ? databases_note(&found, ctx, entry, e) : 0;
}

static void note_all(struct subject_volume *v)
{
	CHECK_INT(fs_walk(v->fs, "", NULL, note_one, v, &why), 0);
}

static void check(enum depth depth, uint64_t bytes)
{
	budget_init(&budget);
	memset(&policy, 0, sizeof policy);
	policy.sample_bytes = bytes;
	parameters = (struct check_parameters){.policy = &policy, .depth = depth, .seed = 1, .budget = &budget};
	databases_check(&found, &subject, &parameters, &findings);
}

/* The finding of a check about a file, and no other outcome of it. */
static const struct finding *about(const char *name, const char *check_name)
{
	const struct finding *it = NULL;
	for (size_t i = 0; i < findings.count; i++) {
		const struct finding *f = &findings.items[i];
		const char *at = strstr(f->subject, name);
		if (at && !at[strlen(name)] && at[-1] == '/' && !strcmp(f->check, check_name)) {
			CHECK(!it);
			it = f;
		}
	}
	return it;
}

static void outcome_is(const char *name, const char *check_name, enum outcome want, const char *text)
{
	const struct finding *f = about(name, check_name);
	if (!f || f->outcome != want || !strstr(f->detail, text))
		fprintf(stderr, "%s %s: %s: %s\n", name, check_name, f ? outcome_name(f->outcome) : "nothing",
			f ? f->detail : "");
	CHECK(f && f->outcome == want && strstr(f->detail, text));
}

static void make_tree(void)
{
	sh("rm -rf %s/tree && mkdir -p %s/tree/logs %s/tree/Windows/sru %s/tree/tmp", dir, dir, dir, dir);
	write_db("clean.edb", 4096, 20, ESE_CLEAN, 0, 0, 0);
	write_db("spoilt.edb", 4096, 20, ESE_CLEAN, 0, 0, 10 * 4096 + 100);
	write_db("header.edb", 8192, 6, ESE_CLEAN, 0, 0, 100);
	write_db("copy.edb", 8192, 6, ESE_CLEAN, 0, 0, 8192 + 100);
	write_db("state.edb", 4096, 6, 9, 0, 0, 0);
	write_db("small.edb", 2048, 6, ESE_CLEAN, 0, 0, 0);
	write_db("empty.edb", 4096, 0, ESE_CLEAN, 0, 0, 0);
	write_db("logs/dirty.edb", 4096, 6, ESE_DIRTY, 7, 8, 0);
	write_db("lost.edb", 4096, 6, ESE_DIRTY, 70, 80, 0);
	write_db("Windows/sru/cache.edb", 4096, 6, ESE_DIRTY, 70, 80, 0);
	write_db("nolog.edb", 4096, 6, ESE_DIRTY, 0, 0, 0);
	write_db("odd.edb", 4096, 6, ESE_DIRTY, 9, 8, 0);
	write_db("tmp/leftover.edb", 4096, 6, ESE_CLEAN, 0, 0, 5 * 4096);
	sh("cd %s/tree && head -c 9000 /dev/urandom >text.edb && head -c 32768 /dev/zero >zero.edb && "
	   "head -c 6000 header.edb >cut.edb && cp clean.edb short.edb && truncate -s 80000 short.edb && "
	   ": >logs/E0000007.log && : >logs/E0000008.log", dir);
}

static void all_is_told(void)
{
	outcome_is("clean.edb", "ese.pages", OUTCOME_HELD, "pages");
	outcome_is("header.edb", "ese.pages", OUTCOME_BROKEN, "header's checksum");
	outcome_is("copy.edb", "ese.pages", OUTCOME_BROKEN, "copy");
	outcome_is("state.edb", "ese.pages", OUTCOME_BROKEN, "state");
	outcome_is("zero.edb", "ese.pages", OUTCOME_BROKEN, "signature");
	outcome_is("cut.edb", "ese.pages", OUTCOME_BROKEN, "cut off");
	outcome_is("small.edb", "ese.pages", OUTCOME_HELD, "pages");
	outcome_is("empty.edb", "ese.pages", OUTCOME_HELD, "pages");
	CHECK(!about("text.edb", "ese.pages"));
	outcome_is("short.edb", "ese.pages", OUTCOME_BROKEN, "cut off");
	outcome_is("dirty.edb", "ese.state", OUTCOME_SKIPPED, "dirty shutdown");
	outcome_is("dirty.edb", "ese.logs", OUTCOME_HELD, "logs 7 to 8");
	outcome_is("lost.edb", "ese.logs", OUTCOME_BROKEN, "no directory has them all");
	CHECK_INT(about("lost.edb", "ese.logs")->blame, BLAME_INCOMPLETE);
	outcome_is("cache.edb", "ese.logs", OUTCOME_SKIPPED, "no directory");
	outcome_is("nolog.edb", "ese.state", OUTCOME_SKIPPED, "in use");
	CHECK(!about("nolog.edb", "ese.logs") && !about("odd.edb", "ese.logs"));
	CHECK(!about("clean.edb", "ese.state"));
}

static void begin(const char *type, const char *file)
{
	subject_begin();
	memset(&found, 0, sizeof found);
	note_all(add_volume(type, file));
}

static void end(void)
{
	databases_free(&found);
	subject_end();
}

/* On a file system without reading at random: from the beginning on. */
static void test_streamed(void)
{
	make_tree();
	sh("cd %s && mke2fs -q -F -t ext4 -O ^has_journal -d tree ext 4M 2>/dev/null", dir);
	begin("ext4", "ext");
	check(DEPTH_FULL, 0);
	outcome_is("spoilt.edb", "ese.pages", OUTCOME_BROKEN, "page 9");
	outcome_is("leftover.edb", "ese.pages", OUTCOME_SKIPPED, "page"); /* a place for what nobody misses */
	all_is_told();
	end();
	begin("ext4", "ext");
	check(DEPTH_SAMPLE, 8 * 12288);
	outcome_is("clean.edb", "ese.pages", OUTCOME_HELD, "the rest is looked at by a full check");
	outcome_is("header.edb", "ese.pages", OUTCOME_BROKEN, "header's checksum");
	outcome_is("dirty.edb", "ese.logs", OUTCOME_HELD, "logs 7 to 8");
	end();
}

/* NTFS: pages by lot. */
static void test_by_lot(void)
{
	char here[200];
	NEED(getcwd(here, sizeof here));
	sh("cd %s && zstd -qdf %s/fixtures/windows/system.ntfs.zst -o ntfs && cd tree && for f in *.edb logs/*; do "
	   "ntfscp -f -q ../ntfs $f Exchange/${f##*/} >/dev/null 2>&1 || exit 1; done", dir, here);
	begin("ntfs", "ntfs");
	CHECK_INT(found.files.count, 15);
	check(DEPTH_SAMPLE, 8 * 4096);
	outcome_is("clean.edb", "ese.pages", OUTCOME_HELD, "header and 1 of 20 pages, taken by lot");
	outcome_is("dirty.edb", "ese.logs", OUTCOME_HELD, "logs 7 to 8");
	outcome_is("lost.edb", "ese.logs", OUTCOME_BROKEN, "no directory has them all");
	outcome_is("header.edb", "ese.pages", OUTCOME_BROKEN, "header's checksum");
	outcome_is("copy.edb", "ese.pages", OUTCOME_BROKEN, "copy");
	outcome_is("state.edb", "ese.pages", OUTCOME_BROKEN, "state");
	outcome_is("zero.edb", "ese.pages", OUTCOME_BROKEN, "signature");
	outcome_is("cut.edb", "ese.pages", OUTCOME_BROKEN, "cut off in its headers");
	outcome_is("short.edb", "ese.pages", OUTCOME_BROKEN, "cut off");
	outcome_is("empty.edb", "ese.pages", OUTCOME_HELD, "header and 0 pages hold; the rest");
	CHECK(!about("text.edb", "ese.pages"));
	end();
	begin("ntfs", "ntfs"); /* all but the last page may be read: each is */
	check(DEPTH_SAMPLE, 8 * (22 * 4096 - 1));
	outcome_is("clean.edb", "ese.pages", OUTCOME_HELD, "header and 20 of 20 pages");
	outcome_is("spoilt.edb", "ese.pages", OUTCOME_BROKEN, "page 9");
	/* What the directory says of its size, and what the file says. */
	struct ese_sample lot = {0};
	struct ese_scan *x = ese_scan_new(8192, &why);
	found.files.items[0].entry.size++;
	CHECK_INT(ese_sample(subject.volumes.items[0].fs, &found.files.items[0], 4096, &parameters, x, &lot, &why), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	CHECK(strstr(why.text, "in two ways") != NULL);
	budget.deadline_ns = 1; /* long ago */
	found.files.items[0].entry.size--;
	CHECK_INT(ese_sample(subject.volumes.items[0].fs, &found.files.items[0], 4096, &parameters, x, &lot, &why), -1);
	CHECK_INT(why.cls, ERROR_LIMIT);
	ese_scan_free(x);
	end();
}

/* Of a file that streams no page carries a checksum: its headers alone tell. */
static void test_streaming_file(void)
{
	char path[300];
	size_t page = 4096, size;
	snprintf(path, sizeof path, "%s/tree/clean.edb", dir);
	uint8_t *db = fixture_file(path, &size);
	NEED(db);
	for (int i = 0; i < 2; i++) {
		put32(db + i * page + 12, 1);
		seal_header(db + i * page, page);
	}
	memset(db + 2 * page, 'x', size - 2 * page);
	FILE *f = fopen(path, "w");
	NEED(f && fwrite(db, 1, size, f) == size && fclose(f) == 0);
	free(db);
	sh("cd %s && ntfscp -f -q ntfs tree/clean.edb Exchange/clean.edb >/dev/null 2>&1", dir);
	begin("ntfs", "ntfs");
	check(DEPTH_SAMPLE, 8 * 8192);
	outcome_is("clean.edb", "ese.pages", OUTCOME_HELD, "header and 2 of 20 pages");
	end();
}

/* Logs that were not found may be where it could not be looked. */
static void test_unclear(void)
{
	struct part parts[1] = {{.kind = PART_UNKNOWN}};
	for (int i = 0; i < 4; i++) {
		begin("ext4", "ext");
		found.incomplete = i == 0;
		if (i > 0) {
			struct subject_volume *v = add_volume(NULL, NULL);
			v->needed = i != 2;
			v->member = i == 3;
			subject.parts = parts;
			subject.part_count = i > 1;
			parts[0].kind = i == 2 ? PART_UNKNOWN : PART_DISK;
		}
		check(DEPTH_FULL, 0);
		outcome_is("lost.edb", "ese.logs", i < 3 ? OUTCOME_UNPROVEN : OUTCOME_BROKEN,
			   i < 3 ? "they were not found" : "no directory");
		outcome_is("dirty.edb", "ese.logs", OUTCOME_HELD, "logs 7 to 8");
		subject.part_count = 0;
		end();
	}
}

static void test_closed(void)
{
	begin("ext4", "ext");
	struct subject_volume *v = &subject.volumes.items[0];
	fs_destroy(v->fs);
	v->fs = NULL;
	snprintf(v->volume->content.type, sizeof v->volume->content.type, "no such");
	check(DEPTH_FULL, 0);
	const struct finding *f = said("ese.open", OUTCOME_UNSUPPORTED);
	CHECK(f && !strcmp(f->subject, "disk:1"));
	CHECK(!said("ese.pages", OUTCOME_HELD) && !said("ese.pages", OUTCOME_BROKEN));
	end();
	begin("ext4", "ext"); /* an inode that is none of a file */
	vec_each(&found.files, it) it->entry.id = 2;
	check(DEPTH_FULL, 0);
	CHECK(said("ese.pages", OUTCOME_HELD) == NULL);
	end();
	begin("ext4", "ext");
	budget_init(&budget);
	memset(&policy, 0, sizeof policy);
	budget.deadline_ns = 1;
	parameters = (struct check_parameters){.policy = &policy, .depth = DEPTH_FULL, .budget = &budget};
	databases_check(&found, &subject, &parameters, &findings);
	CHECK(!said("ese.pages", OUTCOME_HELD) && !said("ese.pages", OUTCOME_BROKEN));
	outcome_is("clean.edb", "ese.pages", OUTCOME_SKIPPED, "deadline");
	end();
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(test_names);
	RUN(test_too_many);
	RUN(test_logs);
	RUN(test_streamed);
	RUN(test_by_lot);
	RUN(test_unclear);
	RUN(test_streaming_file);
	RUN(test_closed);
	sh("rm -rf %s", dir);
	return test_done();
}
