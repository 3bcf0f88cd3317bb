// SPDX-License-Identifier: GPL-3.0-or-later
/* Which seals speak for a restore point, and what they say before a byte of it is read. */
#include "backproof/sealed.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/digest.h"
#include "backproof/sweep.h"
#include "../../src/check/sealed.h"
#include "test.h"

static char dir[] = "/tmp/backproof-sealed-XXXXXX";
static struct signer *key, *other;
static char key_path[128], other_path[128];

static char *at(const char *name)
{
	static char buf[8][256];
	static int next;
	char *to = buf[next++ % 8];
	snprintf(to, sizeof buf[0], "%s/%s", dir, name);
	return to;
}

static void write_file(const char *name, const void *data, size_t length)
{
	FILE *f = fopen(at(name), "w");
	NEED(f && fwrite(data, 1, length, f) == length && fclose(f) == 0);
}

/* So many bytes that follow from a seed. */
static void make_file(const char *name, size_t length, uint64_t seed)
{
	struct rng r = {seed};
	uint8_t *data = malloc(length + 8);
	NEED(data);
	for (size_t i = 0; i < length; i += 8) {
		uint64_t x = rng_next(&r);
		memcpy(data + i, &x, 8);
	}
	write_file(name, data, length);
	free(data);
}

static struct strings list(const char *const *names)
{
	struct strings s = {0};
	for (; *names; names++)
		NEED(strings_add(&s, *names) == 0);
	return s;
}
#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

/* Seals files that are there. fill may be NULL. */
static void seal_as(const char *path, const char *const *names, const struct signer *k, void (*fill)(struct seal *))
{
	struct seal s = {.sealed_at = 1800000000};
	struct chunks *chunks[8] = {NULL};
	struct error e = {0};
	for (size_t i = 0; names[i]; i++) {
		struct seal_file *x = vec_push(&s.files);
		NEED(x && (x->name = strdup(names[i])) && (chunks[i] = chunks_new(&e)));
		autosource struct source *src = source_open_file(at(names[i]), &e);
		NEED(src);
		struct sweep w = {.mask = 1u << DIGEST_SHA256 | 1u << DIGEST_FSVERITY,
				  .observer = chunks_observe,
				  .ctx = chunks[i]};
		NEED(sweep_source(src, &w, &e) == 0);
		x->size = source_size(src);
		memcpy(x->sha256, w.digests[DIGEST_SHA256], 32);
		memcpy(x->fsverity, w.digests[DIGEST_FSVERITY], 32);
	}
	if (fill)
		fill(&s);
	NEED(seal_write(&s, (const struct chunks *const *)chunks, k, at(path), &e) == 0);
	for (size_t i = 0; i < ARRAY_SIZE(chunks); i++)
		chunks_destroy(chunks[i]);
	seal_free(&s);
}

static struct run {
	struct restore_point point;
	struct subject s;
	struct findings f;
} run;

static void forget(void)
{
	for (size_t i = 0; i < run.s.part_count; i++) {
		free(run.s.parts[i].name);
		free(run.point.items[i].path);
	}
	free(run.s.parts);
	free(run.point.items);
	sealed_free(run.s.sealed);
	findings_free(&run.f);
	memset(&run, 0, sizeof run);
}

/* Looks for the seals of a restore point of these files. */
static void look(const char *const *names, bool require, const char *const *keys)
{
	struct policy policy = {.require_signature = require};
	struct check_parameters p = {.policy = &policy, .depth = DEPTH_FULL};
	struct error e = {0};
	forget();
	NEED(findings_init(&run.f) == 0);
	if (keys)
		policy.trusted_keys = list(keys);
	run.point.label = (char *)"point";
	run.s.point = &run.point;
	for (; names[run.point.count]; run.point.count++)
		;
	run.s.part_count = run.point.count;
	run.point.items = calloc(run.point.count, sizeof *run.point.items);
	run.s.parts = calloc(run.point.count, sizeof *run.s.parts);
	NEED(run.point.items && run.s.parts);
	for (size_t i = 0; i < run.point.count; i++) {
		struct stat st;
		NEED(stat(at(names[i]), &st) == 0);
		run.point.items[i] = (struct point_file){.path = strdup(at(names[i])), .size = (uint64_t)st.st_size};
		run.s.parts[i] = (struct part){.name = strdup(names[i]), .file = &run.point.items[i], .index = i};
	}
	CHECK_INT(sealed_load(&run.s, &p, &run.f, &e), 0);
	strings_free(&policy.trusted_keys);
}

static size_t count(const char *check, enum outcome o)
{
	size_t n = 0;
	vec_each(&run.f, it) n += !strcmp(it->check, check) && it->outcome == o;
	return n;
}

/* How many findings speak against it. */
static size_t against(void)
{
	size_t n = 0;
	vec_each(&run.f, it) n += it->outcome != OUTCOME_HELD && it->outcome != OUTCOME_SKIPPED;
	return n;
}

static void clear(void)
{
	forget();
	autofree char *command = text_format("rm -rf %s/*", dir);
	NEED(command && system(command) == 0);
}

static void test_none(void)
{
	clear();
	make_file("a.img", 5000, 1);
	look(NAMES("a.img"), false, NULL);
	CHECK(!run.s.sealed);
	CHECK_INT(run.f.count, 0);
	look(NAMES("a.img"), true, NAMES(key_path));
	CHECK(!run.s.sealed);
	CHECK_INT(count("seal.signature", OUTCOME_BROKEN), 1);
	CHECK_INT(run.f.items[0].blame, BLAME_INCOMPLETE);
	look(NAMES("a.img"), false, NAMES("/no/such/key"));
	CHECK_INT(count("seal.keys", OUTCOME_UNPROVEN), 1);
}

static void test_plain(void)
{
	clear();
	make_file("a.img", 5000000, 1);
	seal_as("a.img.seal", NAMES("a.img"), NULL, NULL);
	look(NAMES("a.img"), false, NULL);
	NEED(run.s.sealed);
	CHECK_INT(against(), 0);
	CHECK_STR(run.s.parts[0].known_from, "seal");
	NEED(run.s.parts[0].known_chunks);
	CHECK_INT(chunks_count(run.s.parts[0].known_chunks), 10);
	CHECK(run.s.sealed->items.items[0].vouches);
	CHECK(sealed_is_own(&run.s, &run.s.sealed->items.items[0]));
	CHECK(sealed_is_whole(&run.s, &run.s.sealed->items.items[0]));
	look(NAMES("a.img"), true, NAMES(key_path));
	CHECK_INT(count("seal.signature", OUTCOME_BROKEN), 1);
	CHECK(!run.s.sealed->items.items[0].vouches);
	/* Trusted keys alone do not ask for a signature. */
	look(NAMES("a.img"), false, NAMES(key_path));
	CHECK_INT(against(), 0);
	run.s.parts[0].parent = true;
	CHECK(!sealed_is_own(&run.s, &run.s.sealed->items.items[0]));
}

static void test_signed(void)
{
	clear();
	make_file("a.img", 5000, 1);
	seal_as("a.img.seal", NAMES("a.img"), key, NULL);
	look(NAMES("a.img"), true, NAMES(key_path));
	CHECK_INT(against(), 0);
	CHECK_INT(count("seal.signature", OUTCOME_HELD), 1);
	look(NAMES("a.img"), true, NAMES(other_path, key_path));
	CHECK_INT(against(), 0);
	look(NAMES("a.img"), false, NULL);
	CHECK_INT(count("seal.signature", OUTCOME_SKIPPED), 1);
	CHECK(run.s.sealed->items.items[0].vouches);
	for (int require = 0; require < 2; require++) {
		look(NAMES("a.img"), require, NAMES(other_path));
		CHECK_INT(count("seal.signature", OUTCOME_BROKEN), 1);
		CHECK_INT(run.f.items[0].blame, BLAME_INCOMPLETE);
		CHECK(!run.s.sealed->items.items[0].vouches);
	}
	/* To take the signature away gains nothing. */
	seal_as("a.img.seal", NAMES("a.img"), NULL, NULL);
	look(NAMES("a.img"), false, NULL);
	CHECK(run.s.sealed->items.items[0].vouches);
	look(NAMES("a.img"), false, NAMES(key_path));
	CHECK_INT(against(), 0);
	CHECK(!run.s.sealed->items.items[0].vouches);
}

static void test_every_byte(void)
{
	char text[8192];
	size_t length, refused = 0;
	clear();
	make_file("a.img", 5000, 1);
	seal_as("a.img.seal", NAMES("a.img"), key, NULL);
	FILE *in = fopen(at("a.img.seal"), "r");
	NEED(in);
	length = fread(text, 1, sizeof text, in);
	fclose(in);
	NEED(length && length < sizeof text);
	for (size_t i = 0; i < length; i++)
		for (int bit = 0; bit < 8; bit += 3) {
			text[i] ^= (char)(1 << bit);
			write_file("a.img.seal", text, length);
			look(NAMES("a.img"), false, NAMES(key_path));
			/* What ends the line may be any white space. */
			if (against())
				refused++;
			else
				CHECK(text[i] == ' ' || text[i] == '\r' || text[i] == '\t' || text[i] == '\n');
			text[i] ^= (char)(1 << bit);
		}
	CHECK(refused > 2 * length);
	for (size_t cut = 0; cut + 1 < length; cut += 7) {
		write_file("a.img.seal", text, cut);
		look(NAMES("a.img"), false, NULL);
		CHECK_INT(count("seal.format", OUTCOME_BROKEN), 1);
		CHECK(run.s.sealed && run.s.sealed->rejected && !run.s.sealed->items.count);
		CHECK(!run.s.parts[0].known_from);
	}
}

static void test_files(void)
{
	clear();
	make_file("a.img", 5000, 1);
	make_file("b.img", 6000000, 2);
	seal_as("a.img.seal", NAMES("a.img", "b.img"), NULL, NULL);
	look(NAMES("a.img", "b.img"), false, NULL);
	CHECK_INT(against(), 0);
	CHECK(!run.s.parts[0].known_chunks == !chunks_of_size(5000) && run.s.parts[1].known_chunks);
	/* Half of it, whichever. */
	look(NAMES("a.img"), false, NULL);
	CHECK_INT(count("seal.files", OUTCOME_BROKEN), 1);
	look(NAMES("b.img"), false, NULL);
	CHECK_INT(count("seal.files", OUTCOME_BROKEN), 1);
	NEED(unlink(at("a.img")) == 0);
	look(NAMES("b.img"), false, NULL);
	CHECK_INT(count("seal.files", OUTCOME_BROKEN), 1);
	/* One more than was sealed. */
	make_file("a.img", 5000, 1);
	make_file("c.img", 10, 3);
	look(NAMES("a.img", "b.img", "c.img"), false, NULL);
	CHECK_INT(count("seal.coverage", OUTCOME_BROKEN), 1);
	CHECK_INT(against(), 1);
	/* Of another size. */
	make_file("b.img", 6000001, 2);
	look(NAMES("a.img", "b.img"), false, NULL);
	CHECK_INT(count("seal.size", OUTCOME_BROKEN), 1);
	CHECK(!run.s.parts[1].known_from);
}

static void test_side_file(void)
{
	clear();
	make_file("a.img", 5000000, 1);
	seal_as("a.img.seal", NAMES("a.img"), NULL, NULL);
	autofree char *command = text_format("rm %s/*.seal-tree", dir);
	NEED(command && system(command) == 0);
	look(NAMES("a.img"), false, NULL);
	CHECK_INT(against(), 0);
	CHECK_INT(count("seal.tree", OUTCOME_SKIPPED), 1);
	CHECK(run.s.parts[0].known_from && !run.s.parts[0].known_chunks);
}

static void test_several(void)
{
	clear();
	make_file("base.img", 5000, 1);
	make_file("mon.img", 6000, 2);
	make_file("tue.img", 7000, 3);
	seal_as("mon.img.seal", NAMES("mon.img", "base.img"), NULL, NULL);
	/* Monday's seal lists the parent, and is not Tuesday's. */
	look(NAMES("tue.img", "base.img"), false, NULL);
	CHECK(!run.s.sealed);
	CHECK_INT(against(), 0);
	/* Nor when Monday's is gone, and its seal was forgotten. */
	NEED(rename(at("mon.img"), at("aside")) == 0);
	look(NAMES("tue.img", "base.img"), false, NULL);
	CHECK(!run.s.sealed);
	CHECK_INT(against(), 0);
	NEED(rename(at("aside"), at("mon.img")) == 0);
	seal_as("tue.img.seal", NAMES("tue.img", "base.img"), NULL, NULL);
	seal_as("base.img.seal", NAMES("base.img"), NULL, NULL);
	look(NAMES("tue.img", "base.img"), false, NULL);
	CHECK_INT(against(), 0);
	NEED(run.s.sealed && run.s.sealed->items.count == 2);
	run.s.parts[1].parent = true;
	vec_each(&run.s.sealed->items, x)
	{
		CHECK_INT(sealed_is_own(&run.s, x), !strcmp(x->name, "tue.img.seal"));
		CHECK_INT(sealed_is_whole(&run.s, x), !strcmp(x->name, "tue.img.seal"));
	}
	/* They disagree. */
	make_file("base.img", 5000, 9);
	seal_as("base.img.seal", NAMES("base.img"), NULL, NULL);
	look(NAMES("tue.img", "base.img"), false, NULL);
	CHECK_INT(count("seal.conflict", OUTCOME_BROKEN), 1);
}

static void test_renamed(void)
{
	clear();
	make_file("a.img", 5000, 1);
	seal_as("a.img.seal", NAMES("a.img"), NULL, NULL);
	/* Put aside by a rotation: no business of the new one. */
	NEED(rename(at("a.img"), at("a.img.1")) == 0 && rename(at("a.img.seal"), at("a.img.1.seal")) == 0);
	make_file("a.img", 5000, 2);
	look(NAMES("a.img"), false, NULL);
	CHECK(!run.s.sealed);
	CHECK_INT(against(), 0);
	/* Beside a file it is meant for it, and it is not. */
	look(NAMES("a.img.1"), false, NULL);
	CHECK(against() > 0);
	/* By another path to the same file. */
	clear();
	NEED(mkdir(at("real"), 0755) == 0 && symlink("real", at("link")) == 0);
	make_file("real/a.img", 5000, 1);
	NEED(rename(at("real/a.img"), at("a.img")) == 0);
	seal_as("a.img.seal", NAMES("a.img"), NULL, NULL);
	NEED(rename(at("a.img"), at("real/a.img")) == 0 && rename(at("a.img.seal"), at("real/a.img.seal")) == 0);
	look(NAMES("link/a.img"), false, NULL);
	CHECK_INT(count("seal.files", OUTCOME_BROKEN), 0);
	NEED(run.s.sealed);
	CHECK_INT(run.s.sealed->items.count, 1);
}

static void test_strangers(void)
{
	clear();
	make_file("a.img", 5000, 1);
	make_file("z.img", 5000, 2);
	seal_as("z.img.seal", NAMES("z.img"), NULL, NULL);
	write_file("rubbish.seal", "no seal", 7);
	NEED(mkfifo(at("pipe.seal"), 0600) == 0 && mkdir(at("directory.seal"), 0700) == 0);
	look(NAMES("a.img"), false, NULL);
	CHECK(!run.s.sealed);
	CHECK_INT(against(), 0);
	/* Hundreds of others: only what has lost its file is looked into. */
	for (int i = 0; i < 100; i++) {
		autofree char *copy = text_format("cp %s/z.img.seal %s/z%d.img.seal; touch %s/z%d.img", dir, dir, i,
						  dir, i);
		NEED(copy && system(copy) == 0);
	}
	make_file("b.img", 100, 4);
	seal_as("b.img.seal", NAMES("b.img", "a.img"), NULL, NULL);
	NEED(unlink(at("b.img")) == 0);
	look(NAMES("a.img"), false, NULL);
	CHECK_INT(count("seal.files", OUTCOME_BROKEN), 1);
	/* What can't be read where ours should be. */
	NEED(mkfifo(at("a.img.seal"), 0600) == 0);
	look(NAMES("a.img"), false, NULL);
	CHECK(against() > 0);
}

/* Another file takes its place between being found and being opened. */
static void test_exchanged(void)
{
	struct error e = {0};
	clear();
	make_file("a.img", 5000, 1);
	seal_as("a.img.seal", NAMES("a.img"), NULL, NULL);
	look(NAMES("a.img"), false, NULL);
	CHECK_INT(against(), 0);
	make_file("a.img", 9000, 2);
	struct part *pt = run.s.parts;
	NEED((pt->source = source_open_file(at("a.img"), &e)));
	pt->read_whole = true;
	CHECK_INT(sealed_evidence(&run.s, 0, &run.f), EVIDENCE_NONE);
	CHECK_INT(count("seal.size", OUTCOME_BROKEN), 1);
	source_destroy(pt->source);
}

static void fill_entries(struct seal *s)
{
	struct seal_entry *x = vec_push(&s->entries);
	NEED(x && (x->path = strdup("/etc/passwd")));
	x->size = 7;
	memset(x->sha256, 7, sizeof x->sha256);
}

static void test_entries(void)
{
	clear();
	make_file("a.img", 5000, 1);
	make_file("b.img", 5000, 2);
	seal_as("a.img.seal", NAMES("a.img"), NULL, fill_entries);
	look(NAMES("a.img"), false, NULL);
	NEED(sealed_entry(&run.s, "/etc/passwd"));
	CHECK_INT(sealed_entry(&run.s, "/etc/passwd")->size, 7);
	CHECK(!sealed_entry(&run.s, "/etc/shadow"));
	/* Of a part of it: its tree is not the whole one. */
	seal_as("b.img.seal", NAMES("b.img"), NULL, NULL);
	look(NAMES("a.img", "b.img"), false, NULL);
	CHECK_INT(against(), 0);
	CHECK(!sealed_entry(&run.s, "/etc/passwd"));
}

int main(void)
{
	struct error e = {0};
	NEED(mkdtemp(dir));
	char keys[] = "/tmp/backproof-sealed-keys-XXXXXX";
	NEED(mkdtemp(keys));
	snprintf(key_path, sizeof key_path, "%s/key", keys);
	snprintf(other_path, sizeof other_path, "%s/other", keys);
	NEED(signer_create(key_path, &e) == 0 && signer_create(other_path, &e) == 0);
	key = signer_load(key_path, &e);
	other = signer_load(other_path, &e);
	NEED(key && other);
	RUN(test_none);
	RUN(test_plain);
	RUN(test_signed);
	RUN(test_every_byte);
	RUN(test_files);
	RUN(test_side_file);
	RUN(test_several);
	RUN(test_renamed);
	RUN(test_strangers);
	RUN(test_exchanged);
	RUN(test_entries);
	forget();
	signer_destroy(key);
	signer_destroy(other);
	autofree char *command = text_format("rm -rf %s %s", dir, keys);
	NEED(command && system(command) == 0);
	return test_done();
}
