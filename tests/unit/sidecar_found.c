// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which files sidecars are taken to speak of, and which sidecars are found: pieces and what they were, odd places and
 * names, what can't be read. What is said of a file is never lost in silence, and never another file's.
 */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/catalog/sidecar_names.h"
#include "backproof/sidecar.h"
#include "backproof/text.h"
#include "put_file.h"
#include "test.h"

static char root[64];
static struct sidecars s;
static struct findings f;

static char *full(const char *name)
{
	return path_below(root, name);
}

static void unload(void)
{
	sidecars_free(&s);
	findings_free(&f);
	memset(&f, 0, sizeof f);
}

static void load_files(const char *const *names, size_t count)
{
	struct point_file files[6];
	struct restore_point point = {.items = files, .count = count};
	struct error e = {0};
	unload();
	memset(files, 0, sizeof files);
	for (size_t i = 0; i < count; i++)
		files[i].path = full(names[i]);
	NEED(findings_init(&f) == 0);
	CHECK_INT(sidecars_load(&point, &s, &f, &e), 0);
}
#define LOAD(...)                                                                                                      \
	load_files((const char *const[]){__VA_ARGS__}, sizeof (const char *const[]){__VA_ARGS__} / sizeof(char *))

static size_t found(const char *check, enum outcome o)
{
	size_t n = 0;
	for (size_t i = 0; i < f.count; i++)
		n += !strcmp(f.items[i].check, check) && f.items[i].outcome == o;
	return n;
}

/* "FILE KIND what;..." */
static const char *lines(void)
{
	static char text[600];
	text[0] = '\0';
	for (size_t i = 0; i < s.count; i++)
		snprintf(text + strlen(text), sizeof text - strlen(text), "%zu %s%s%s;", s.items[i].file,
			 digest_name(s.items[i].kind), s.items[i].content ? " content" : "",
			 s.items[i].joined ? " joined" : "");
	return text;
}

static const char *sum(char c)
{
	static char text[4][65];
	static unsigned next;
	char *to = text[next++ % 4];
	memset(to, c, 64);
	to[64] = '\0';
	return to;
}

static void put(const char *name, const char *text)
{
	put_file(root, name, text);
}

static void put_sum(const char *name, char c, const char *of)
{
	char text[400];
	snprintf(text, sizeof text, "%s  %s\n", sum(c), of);
	put(name, text);
}

static void clear(void)
{
	fresh_root(root);
}

/* --- pieces --- */

static void test_pieces(void)
{
	clear();
	put_sum("p/a.img.zst.sha256", '1', "a.img.zst");
	LOAD("p/a.img.zst.ab", "p/a.img.zst.aa", "p/a.img.zst.ac");
	CHECK_STR(lines(), "1 sha256 joined;");
	CHECK_INT(f.count, 0); /* all are covered */
	/* Bare, and of what they decode to. */
	put("p/a.img.zst.sha256", sum('1'));
	put_sum("p/a.img.sha256", '2', "a.img");
	LOAD("p/a.img.zst.aa", "p/a.img.zst.ab");
	CHECK_STR(lines(), "0 sha256 joined;0 sha256 content;");
	CHECK_INT(f.count, 0);
	/* Two that contradict each other. */
	put_sum("p/SHA256SUMS", '3', "a.img.zst");
	LOAD("p/a.img.zst.aa", "p/a.img.zst.ab");
	CHECK_INT(found("sidecar.conflict", OUTCOME_BROKEN), 1);
	NEED(unlink(full("p/SHA256SUMS")) == 0);
	/* Garbage beside them is not passed over. */
	put("p/a.img.zst.sha256", "junk\n");
	LOAD("p/a.img.zst.aa", "p/a.img.zst.ab");
	CHECK_INT(found("sidecar.format", OUTCOME_BROKEN), 1);
	put("p/a.img.zst.sha256", "");
	LOAD("p/a.img.zst.aa", "p/a.img.zst.ab");
	CHECK_INT(found("sidecar.format", OUTCOME_BROKEN), 1);
	NEED(unlink(full("p/a.img.zst.sha256")) == 0 && mkfifo(full("p/a.img.zst.sha256"), 0644) == 0);
	LOAD("p/a.img.zst.aa", "p/a.img.zst.ab");
	CHECK_INT(found("sidecar.read", OUTCOME_UNREADABLE), 1);
	/* Of one piece alone: the others have none. */
	clear();
	put_sum("p/a.img.zst.ab.sha256", '1', "a.img.zst.ab");
	LOAD("p/a.img.zst.aa", "p/a.img.zst.ab", "p/a.img.zst.ac");
	CHECK_STR(lines(), "1 sha256;");
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 2);
	/* There is a file of just that name: it is meant. */
	clear();
	put("p/a.img", "x");
	put_sum("p/a.img.sha256", '1', "a.img");
	LOAD("p/a.img.001", "p/a.img.002");
	CHECK_INT(s.count, 0);
	/* Another backup's pieces beside ours are not covered by it. */
	clear();
	put_sum("p/SHA256SUMS", '1', "a.img");
	LOAD("p/a.img.000", "p/a.img.001", "p/b.img.000", "p/b.img.001");
	CHECK_STR(lines(), "0 sha256 joined;");
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 2);
	/* Logs and suffixes are no pieces. */
	put_sum("p/SHA256SUMS", '1', "b");
	LOAD("p/b.img", "p/b.zst");
	CHECK_STR(lines(), "1 sha256 content;");
}

/* disk.img.mf is the 318th piece, and no manifest of disk.ovf. */
static void test_late_piece(void)
{
	clear();
	put("p/a.img.mf", "not a manifest");
	put_sum("p/SHA256SUMS", '1', "a.img.me");
	LOAD("p/a.img.me", "p/a.img.mf");
	CHECK_STR(lines(), "0 sha256;");
	CHECK_INT(found("sidecar.format", OUTCOME_BROKEN), 0);
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 1);
	put_sum("p/SHA256SUMS", '1', "a.img");
	LOAD("p/a.img.me", "p/a.img.mf");
	CHECK_STR(lines(), "0 sha256 joined;");
	CHECK_INT(f.count, 0);
}

/* --- places and names --- */

static void test_places(void)
{
	clear();
	load_files(NULL, 0);
	CHECK(s.count == 0 && f.count == 0);
	/* In the root directory, and beside what is no directory. */
	LOAD("/backproof-no-such-file.img.zst", "/backproof-no-such-directory/a.vmdk");
	CHECK(s.count == 0 && f.count == 0);
	put("file", "x");
	LOAD("file/a.vmdk", "file/b.img.gz");
	CHECK(s.count == 0 && f.count == 0);
	/* Without a dot, with one in front, too long for one more suffix, and ".." in a path that is not there. */
	char name[300] = "p/";
	memset(name + 2, 'a', 250);
	put_sum("p/SHA256SUMS", '1', "noext");
	LOAD("p/noext", "p/.vmdk", name, "p/none/../x");
	CHECK_STR(lines(), "0 sha256;");
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 3);
	/* Dots that lead nowhere else. */
	put_sum("p/..x/SHA256SUMS", '1', "a..b");
	LOAD("p/..x/a..b");
	CHECK_STR(lines(), "0 sha256;");
	put("p/q/r/x", "x");
	LOAD("p/q/../..x/a..b");
	CHECK_STR(lines(), "0 sha256;");
	/* A directory of a sidecar's name is none. */
	NEED(mkdir(full("p/..x/a..b.sha256"), 0755) == 0);
	LOAD("p/..x/a..b");
	CHECK_INT(f.count, 0);
	char text[] = "a//./b/", rooted[] = "//./a/.b/";
	sidecar_normalise(text);
	CHECK_STR(text, "a/b");
	sidecar_normalise(rooted);
	CHECK_STR(rooted, "/a/.b");
}

/* Lists under names that nobody can know beforehand. */
static void test_own_names(void)
{
	static const char *const lists[] = {"checksums.sha256", "2026-11-21.sha256", "web01.sha256sums", "sha256",
					    "MANIFEST.sha256",  "b.SHA256"};
	for (size_t i = 0; i < ARRAY_SIZE(lists); i++) {
		char name[64];
		clear();
		snprintf(name, sizeof name, "p/%s", lists[i]);
		put_sum(name, '1', "web01-2026-11-21-sda.img");
		LOAD("p/web01-2026-11-21-sda.img");
		CHECK_STR(lines(), "0 sha256;");
		CHECK_INT(f.count, 0);
		/* One of other files is none of ours. */
		put_sum(name, '1', "web02.img");
		LOAD("p/web01-2026-11-21-sda.img");
		CHECK(s.count == 0 && f.count == 0);
		put(name, "junk\n");
		LOAD("p/web01-2026-11-21-sda.img");
		CHECK(s.count == 0 && f.count == 0);
	}
	/* What is beside another file speaks for that alone. */
	clear();
	put_sum("p/web02.img.sha256", '1', "web01.img");
	LOAD("p/web01.img");
	CHECK(s.count == 0 && f.count == 0);
	/* Of very many, those that are called as it is. */
	clear();
	for (int i = 0; i < 100; i++) {
		char name[40];
		snprintf(name, sizeof name, "p/host%03d.sha256", i);
		put_sum(name, '1', i == 57 ? "host057-sda.img" : "x");
	}
	LOAD("p/host057-sda.img");
	CHECK_STR(lines(), "0 sha256;");
	clear();
	/* They disagree, or one of them leaves out what another has. */
	put_sum("p/old.sha256", '1', "web01.img");
	put_sum("p/new.sha256", '2', "web01.img");
	LOAD("p/web01.img");
	CHECK_INT(found("sidecar.conflict", OUTCOME_BROKEN), 1);
	LOAD("p/web01.img", "p/web01-data.img");
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 1);
}

static void put_many(const char *prefix, int count, const char *of)
{
	char name[40];
	for (int i = 0; i < count; i++) {
		snprintf(name, sizeof name, "p/%s%04d.sha256", prefix, i);
		put_sum(name, '1', of);
	}
}

static void put_large(const char *name, off_t size)
{
	put(name, "x");
	NEED(truncate(full(name), size) == 0);
}

/* What may hold another digest of a file is read; where that is too much, it is told, and the nearest are read. */
static void test_many_lists(void)
{
	clear();
	put_many("a", 100, "web01.img");
	LOAD("p/web01.img");
	CHECK_INT(s.paths.count, 100);
	CHECK_INT(f.count, 0);
	clear();
	put_many("a", 4096, "x");
	LOAD("p/web01-2026-11-23.img");
	CHECK_INT(f.count, 0);
	put_many("b", 10, "x");
	put_sum("p/Web01.sha256", '1', "web01-2026-11-23.img");
	put_sum("p/of-20261123.sha256", '1', "web01-2026-11-23.img");
	put_sum("p/11-23.sha256", '1', "web01-2026-11-23.img");
	LOAD("p/web01-2026-11-23.img");
	CHECK_INT(s.paths.count, 3);
	CHECK(f.count == 1 && found("sidecar.read", OUTCOME_SKIPPED) == 1 && strstr(f.items[0].detail, "13 or more"));
	LOAD("p/web01-2026-11-23.img", "p/notes.img");
	CHECK_INT(found("sidecar.read", OUTCOME_UNPROVEN), 1);
	LOAD("p/db01.img");
	CHECK(f.count == 1 && found("sidecar.read", OUTCOME_UNPROVEN) == 1 && f.items[0].proof == PROOF_INTEGRITY);
	/* The same for what is too large, one or all together. */
	clear();
	put_large("p/a.sha256", 16 * MIB + 1);
	LOAD("p/web01.img");
	CHECK_INT(found("sidecar.read", OUTCOME_UNPROVEN), 1);
	put_sum("p/web01.img.sha256", '1', "web01.img");
	LOAD("p/web01.img");
	CHECK(f.count == 1 && found("sidecar.read", OUTCOME_SKIPPED) == 1);
	clear();
	for (char name[] = "p/a.sha256"; name[2] < 'e'; name[2]++)
		put_large(name, 15 * MIB);
	LOAD("p/web01.img");
	CHECK_INT(f.count, 0);
	put_large("p/e.sha256", 15 * MIB);
	put_sum("p/web01.sha256", '1', "web01.img"); /* near, and small */
	LOAD("p/web01.img");
	CHECK_STR(lines(), "0 sha256;");
	CHECK(f.count == 1 && found("sidecar.read", OUTCOME_SKIPPED) == 1);
	LOAD("p/db01.img");
	CHECK_INT(found("sidecar.read", OUTCOME_UNPROVEN), 1);
}

/* Made where the directory was before, or from one above. */
static void test_elsewhere(void)
{
	static const char *const names[] = {"/old/p/a.img", "/srv/./p//a.img", "p/a.img", "x/p/a.img"},
				 *const others[] = {"/old/q/a.img", "q/a.img", "p/p/b.img", "/p/b.img", "/a.img", "/xp/a.img"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		clear();
		put_sum("p/SHA256SUMS", '1', names[i]);
		LOAD("p/a.img");
		CHECK_STR(lines(), "0 sha256;");
		CHECK_INT(f.count, 0);
		/* What says another digest of it is heard. */
		put_sum("p/a.img.sha256", '2', names[i]);
		LOAD("p/a.img");
		CHECK_INT(found("sidecar.conflict", OUTCOME_BROKEN), 1);
	}
	for (size_t i = 0; i < ARRAY_SIZE(others); i++) {
		clear();
		put_sum("p/SHA256SUMS", '1', others[i]);
		LOAD("p/a.img");
		CHECK_STR(lines(), "");
		CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 1);
	}
	/* What stands beside one file is of that one, wherever it was. */
	clear();
	put_sum("p/a.img.zst.sha256", '1', "/old/q/a.img.zst");
	LOAD("p/a.img.zst");
	CHECK_STR(lines(), "0 sha256;");
	put_sum("p/a.img.zst.sha256", '1', "/old/q/a.img");
	LOAD("p/a.img.zst");
	CHECK_STR(lines(), "0 sha256 content;");
	put_sum("p/a.img.zst.sha256", '1', "/old/q/b.img.zst");
	LOAD("p/a.img.zst");
	CHECK_STR(lines(), "");
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 1);
}

static void test_links(void)
{
	clear();
	/* One list for two directories, by a link: it speaks of the names beside each. */
	put_sum("one/SHA256SUMS", '1', "a.img");
	NEED(mkdir(full("two"), 0755) == 0 && symlink("../one/SHA256SUMS", full("two/SHA256SUMS")) == 0);
	LOAD("one/a.img", "two/a.img");
	CHECK_STR(lines(), "0 sha256;1 sha256;");
	CHECK_INT(f.count, 0);
	/* The same one under two names is read once. */
	NEED(link(full("one/SHA256SUMS"), full("one/sha256sums")) == 0);
	LOAD("one/a.img");
	CHECK_INT(s.paths.count, 1);
	/* A loop can't be read. */
	NEED(symlink("a.img.md5", full("one/a.img.md5")) == 0);
	LOAD("one/a.img");
	CHECK_INT(found("sidecar.read", OUTCOME_UNREADABLE), 1);
	/* Two lists of which none names it. */
	clear();
	put_sum("p/SHA256SUMS", '1', "b.img");
	put_sum("p/CHECKSUMS", '1', "c.img");
	LOAD("p/a.img");
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 1);
}

/* A list above the backup may be another's; that it can't be read is told, and no more. */
static void test_above(void)
{
	clear();
	put("p/q/a.img", "x");
	NEED(mkfifo(full("p/SHA256SUMS"), 0644) == 0);
	LOAD("p/q/a.img");
	CHECK_INT(found("sidecar.read", OUTCOME_SKIPPED), 1);
	NEED(unlink(full("p/SHA256SUMS")) == 0 && symlink("nowhere", full("p/SHA256SUMS")) == 0);
	LOAD("p/q/a.img");
	CHECK_INT(found("sidecar.read", OUTCOME_SKIPPED), 1);
	/* But what may be the disk that fails, is. */
	NEED(unlink(full("p/SHA256SUMS")) == 0 && symlink("SHA256SUMS", full("p/SHA256SUMS")) == 0);
	LOAD("p/q/a.img");
	CHECK_INT(found("sidecar.read", OUTCOME_SKIPPED) + found("sidecar.read", OUTCOME_UNREADABLE), 1);
	/* As somebody who may not read it, nor list the directory. */
	NEED(unlink(full("p/SHA256SUMS")) == 0);
	put("p/SHA256SUMS", "x");
	put("p/q/a.vmdk", "x");
	put("p/q/a.vmdk.sha256", "x");
	NEED(chmod(full("p/SHA256SUMS"), 0) == 0 && chmod(full("p/q/a.vmdk.sha256"), 0) == 0 &&
	     chmod(full("p/q"), 0711) == 0);
	uid_t self = geteuid();
	NEED(self != 0 || seteuid(65534) == 0);
	LOAD("p/q/a.vmdk");
	NEED(self != 0 || seteuid(self) == 0);
	CHECK_INT(found("sidecar.read", OUTCOME_SKIPPED), 1);
	CHECK_INT(found("sidecar.read", OUTCOME_UNREADABLE), 1);
	NEED(chmod(full("p/q"), 0755) == 0);
}

/* As `sha256sum /srv/backup/a.img` writes them: whose they are, and that they are nobody else's. */
static void test_paths(void)
{
	clear();
	put_sum("p/a.img.sha256", '1', "/elsewhere/a.img");
	put_sum("p/a.img.sha512.txt", '2', "a.img");
	put_sum("p/SHA256SUMS", '1', full("p/a.img"));
	LOAD("p/a.img");
	CHECK_STR(lines(), "0 sha256;");
	CHECK_INT(found("sidecar.format", OUTCOME_BROKEN), 1); /* 64 digits are no SHA-512 */
	clear();
	put_sum("p/SHA256SUMS", '1', "/elsewhere/a.img");
	LOAD("p/a.img");
	CHECK_INT(s.count, 0);
	CHECK_INT(found("sidecar.coverage", OUTCOME_BROKEN), 1);
}

/* What a list names besides, and is not there: a part of what is judged, or another backup that is no more. */
static void test_sisters(void)
{
	static const struct {
		const char *of, *listed;
		int missing;
	} rows[] = {
		{"p/web01-sda.img.zst", "web01-sdb.img.zst", 1},
		{"p/web01-sda.img.zst", "./web01-sdb.img.zst", 1},
		{"p/web01-sda.img.zst", "web01-sda.img.zst", 0},
		{"p/web01-sda.img.zst", "web01-sda.img", 0},
		{"p/web01-sda.img.zst", "web02-sdb.img.zst", 0},
		{"p/web01-sda.img.zst", "web01-sdb.txt", 0},
		{"p/web01-sda.img.zst", "sub/web01-sdb.img.zst", 0},
		{"p/web01-2026-11-22-sda.img", "web01-2026-11-21-sdb.img", 0},
		{"p/web01-2026-11-22-sda.img", "web01-2026-11-22-sdb.img", 1},
		{"p/web01.img.aa", "web01.img.ac", 1},
		{"p/web01-root.img", "web01-boot.img", 1},
		{"p/web01.img", "web01.img.gz", 0},
		{"p/web01.img", "web010.img", 0},
		{"p/web01-sda.img", "there-sdb.img", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		clear();
		put("p/there-sdb.img", "x");
		put_sum("p/SHA256SUMS", '1', rows[i].listed);
		put_sum("SHA256SUMS", '1', "q/nothing-sdb.img");
		LOAD(rows[i].of);
		CHECK_INT(found("sidecar.missing", OUTCOME_BROKEN), rows[i].missing);
	}
	/* It is there after all, or can't be looked at: the other checks say that. */
	put_sum("p/SHA256SUMS", '1', "web01-sdb.img.zst");
	put("p/web01-sdb.img.zst", "x");
	LOAD("p/web01-sda.img.zst");
	CHECK_INT(found("sidecar.missing", OUTCOME_BROKEN), 0);
	NEED(unlink(full("p/web01-sdb.img.zst")) == 0);
	LOAD("p/web01-sda.img.zst");
	CHECK(found("sidecar.missing", OUTCOME_BROKEN) == 1 && f.items[0].proof == PROOF_PRESENCE &&
	      f.items[0].blame == BLAME_INCOMPLETE);
	/* A list under any name, where it names what is there as well; others may be old ones of other disks. */
	static const char *const own[] = {"p/web01.sha256", "p/2026-11-23.sha256", "p/sums.md5sums", "p/web01-sda.sha256",
					  "p/web01.mf"};
	static const struct {
		const char *also;
		int missing;
	} named[] = {{"web01-sda.vmdk", 1}, {"./web01-sda.vmdk", 1}, {"web02-sda.vmdk", 0}};
	for (size_t i = 0; i < ARRAY_SIZE(own); i++)
		for (size_t k = 0; k < ARRAY_SIZE(named); k++) {
			char text[300];
			const char *sums = strstr(own[i], "md5") ? sum('1') + 32 : sum('1');
			clear();
			snprintf(text, sizeof text, "%s  web01-sdb.vmdk\n%s  web02-sdb.vmdk\n%s  %s\n", sums, sums, sums,
				 named[k].also);
			put(own[i], text);
			LOAD("p/web01-sda.vmdk");
			CHECK_INT(found("sidecar.missing", OUTCOME_BROKEN), named[k].missing);
		}
	/* By a list above. A sidecar of one file says nothing about others. */
	clear();
	put_sum("SHA256SUMS", '1', "p/web01-sdb.img.zst");
	put_sum("p/web01-sda.img.zst.sha256", '1', "web01-sdb.img.zst");
	LOAD("p/web01-sda.img.zst");
	CHECK_INT(found("sidecar.missing", OUTCOME_BROKEN), 1);
}

/* --- lines --- */

static unsigned heard;
static char last[300];
static int hear(void *ctx, unsigned line, enum digest_kind kind, const uint8_t *digest, const char *name)
{
	(void)line, (void)kind, (void)digest;
	heard++;
	snprintf(last, sizeof last, "%s", name);
	return *(int *)ctx;
}

static size_t parse(const char *name, const char *text, size_t len, int answer, struct error *e)
{
	heard = 0;
	*e = (struct error){0};
	return sidecar_parse(text, len, name, hear, &answer, e);
}

static void test_lines(void)
{
	static const struct {
		const char *of, *form; /* S: 64 hexadecimal digits */
		const char *name;      /* NULL: a bad line */
	} forms[] = {
		{"SHA256SUMS", "S  a.img\r\n", "a.img"},
		{"SHA256SUMS", "S *a.img\n", "a.img"},
		{"SHA256SUMS", "\xef\xbb\xbfS *a.img\r\n", "a.img"},
		{"SHA256SUMS", "\\S  a\\rb\n", "a\rb"},
		{"SHA256SUMS", "\\S  a\\\\b\n", "a\\b"},
		{"SHA256SUMS", "\\S  a\\tb\n", NULL},
		{"SHA256SUMS", "S  ..a\n", "..a"},
		{"SHA256SUMS", "S  a/.../b\n", "a/.../b"},
		{"SHA256SUMS", "S  a/..\n", NULL},
		{"SHA256SUMS", "S  ..\n", NULL},
		{"SHA256SUMS", "S  C:/a.img\n", NULL},
		{"SHA256SUMS", "S  \\\\server\\a.img\n", NULL},
		{"SHA256SUMS", "S  1:/a.img\n", "1:/a.img"},
		{"SHA256SUMS", "S  C:a.img\n", "C:a.img"},
		{"SHA256SUMS", "\xef\xbb\xbf\xef\xbb\xbfS  a.img\n", NULL},
		{"SHA256SUMS", "S\n", NULL},
		{"SHA256SUMS", "SS  a.img\n", NULL},
		{"SHA512SUMS", "S  a.img\n", NULL},
		{"SHA1SUMS", "S  a.img\n", NULL},
		{"MD5SUMS", "SHA256 (a.img) = S\n", "a.img"},
		{"SHA256SUMS", "MD5 (a.img) = S\n", NULL},
		{"B2SUMS", "S  a.img\n", NULL},
		{"B2SUMS", "  a.img\n", NULL},
		{"B2SUMS", "Sa  a.img\n", NULL},
		{"B2SUMS", "SSaa  a.img\n", NULL},
		{"B2SUMS", "SS  a.img\n", "a.img"},
		{"a.img.sha256", "S\n", "a.img"},
		{"a.img.sha256", "S", "a.img"},
		{"a.img.sha256", "S -\n", "a.img"},
		{"SHA256SUMS", "S  /srv/a.img\n", "/srv/a.img"},
		{"SHA256SUMS", "S  /srv/../a.img\n", NULL},
		{"a.img.sha256", "S  /srv/backup/a.img\n", "a.img"},
		{"a.img.sha256", "S  ../x/a.img\n", "a.img"},
		{"a.img.sha256.txt", "S *D:\\x\\a.img\r\n", "a.img"},
		{"a.img.sha256", "S  D:\\x/a.img\n", "a.img"},
		{"a.img.sha256", "S  D:/x\\a.img\n", "a.img"},
		{"a.img.sha256", "S  x/b.img\n", "x/b.img"},
		{"a.img.sha256", "S  x\\a.img\n", "x\\a.img"},
		{"a.img.sha256", "\xfe\xffS", NULL},
		{"a.img.sha256", ")(=S\n", NULL},
		{"a.img.sha256", "1(a.img)= S\n", NULL},
		{"a.img.sha256", "SHA256 x (a.img) = S\n", NULL},
	};
	struct error e;
	for (size_t i = 0; i < ARRAY_SIZE(forms); i++) {
		struct text t = {0};
		for (const char *p = forms[i].form; *p; p++)
			text_put_bytes(&t, *p == 'S' && (p[1] == ' ' || p[1] == '\n' || !p[1] || p[1] == 'S' || p[1] == 'a')
					       ? sum('a') : p, *p == 'S' && (p[1] == ' ' || p[1] == '\n' || !p[1] ||
									   p[1] == 'S' || p[1] == 'a') ? 64 : 1);
		size_t bad = parse(forms[i].of, text_str(&t), t.length, 0, &e);
		if (bad != !forms[i].name || heard != !!forms[i].name || (forms[i].name && strcmp(last, forms[i].name)) ||
		    (bad && (e.cls == ERROR_NONE || !*e.text))) {
			fprintf(stderr, "%zu: %s -> %zu bad, %u heard, %s\n", i, text_str(&t), bad, heard, e.text);
			test_bad_here++;
		}
		text_free(&t);
	}
	/* A digest cut anywhere is none, and of no weaker kind. */
	for (size_t n = 0; n < 64; n++) {
		char line[100];
		snprintf(line, sizeof line, "%.*s  a.img\n", (int)n, sum('b'));
		CHECK_INT(parse("a.img.sha256", line, strlen(line), 0, &e), 1);
		CHECK_INT(heard, 0);
	}
	/* Whoever has heard enough says so; and a name of nothing but suffix has no stem to speak of. */
	char many[400];
	snprintf(many, sizeof many, "%s  a\n%s  b\njunk\n", sum('a'), sum('b'));
	CHECK_INT(parse("SHA256SUMS", many, strlen(many), -1, &e), 0);
	CHECK_INT(heard, 1);
	char name[400];
	memset(name, 'x', 300);
	strcpy(name + 300, ".sha256");
	snprintf(many, sizeof many, "%s\n", sum('a'));
	CHECK_INT(parse(name, many, strlen(many), 0, &e), 1);
	CHECK(sidecar_may_be("a.seal") && sidecar_may_be("a.1.seal-tree") && sidecar_may_be("a.sig") && !sidecar_may_be("a"));
}

int main(void)
{
	const char *tmp = getenv("TMPDIR");
	snprintf(root, sizeof root, "%.40s/sidecar.XXXXXX", tmp ? tmp : "/tmp");
	NEED(mkdtemp(root));
	RUN(test_pieces);
	RUN(test_late_piece);
	RUN(test_places);
	RUN(test_own_names);
	RUN(test_many_lists);
	RUN(test_elsewhere);
	RUN(test_links);
	RUN(test_above);
	RUN(test_paths);
	RUN(test_sisters);
	RUN(test_lines);
	unload();
	clear();
	NEED(rmdir(root) == 0);
	return test_done();
}
