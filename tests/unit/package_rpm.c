// SPDX-License-Identifier: GPL-3.0-or-later
/* What rpm's headers and its SQLite database vouch for, and what is said of those that are damaged. */
#include <sqlite3.h>

#include "../../src/sample/witness/rpm.h"
#include "test.h"

#define PLACE "usr/lib/sysimage/rpm/"

static struct vouchers v;
static struct error why;

/* A header in the making: tags are added one by one. */
struct made {
	uint8_t index[4000], data[4000], whole[8008];
	size_t entries, length;
};

static struct made made;

static void put32(uint8_t *at, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(value >> (24 - 8 * i));
}

static void tag(uint32_t number, uint32_t type, uint32_t count, const void *data, size_t len)
{
	uint8_t *x = made.index + 16 * made.entries++;
	put32(x, number);
	put32(x + 4, type);
	put32(x + 8, (uint32_t)made.length);
	put32(x + 12, count);
	memcpy(made.data + made.length, data, len);
	made.length += len;
}

static void numbers(uint32_t number, uint32_t count, const uint32_t *values)
{
	uint8_t out[400];
	for (uint32_t i = 0; i < count; i++)
		put32(out + 4 * (size_t)i, values[i]);
	tag(number, 4, count, out, 4 * (size_t)count);
}

static size_t finish(void)
{
	put32(made.whole, (uint32_t)made.entries);
	put32(made.whole + 4, (uint32_t)made.length);
	memcpy(made.whole + 8, made.index, 16 * made.entries);
	memcpy(made.whole + 8 + 16 * made.entries, made.data, made.length);
	return 8 + 16 * made.entries + made.length;
}

static void begin(void)
{
	vouchers_free(&v);
	memset(&made, 0, sizeof made);
	memset(&why, 0, sizeof why);
}

#define SHA256_OF_NOTHING "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"

/* Files of every kind: plain, configuration, ghost, not installed, a link, not verified, without a digest. */
static const char names[] = "a\0b.conf\0c\0d\0e\0f\0g";
static const char digests[] = SHA256_OF_NOTHING "\0" SHA256_OF_NOTHING "\0" SHA256_OF_NOTHING "\0" SHA256_OF_NOTHING
						"\0" SHA256_OF_NOTHING "\0" SHA256_OF_NOTHING "\0";
static const uint32_t flags[] = {0, 1, 64, 0, 0, 0, 8}, verify[] = {~0u, ~0u, ~0u, ~0u, ~0u, ~1u, ~0u};
static const uint32_t times[] = {11, 12, 13, 14, 15, 16, 17}, dirs[] = {0, 1, 0, 0, 0, 0, 0};
static const uint8_t modes[] = {0x81, 0xa4, 0x81, 0xa4, 0x81, 0xa4, 0x81, 0xa4, 0xa1, 0xff, 0x81, 0xa4, 0x81, 0xa4};
static const uint32_t algorithm = 8, installed = 1700000000;

/* All but one tag; 0: all. */
static void all_but(uint32_t left_out)
{
	begin();
#define UNLESS(number, call)                                                                                           \
	if (left_out != (number))                                                                                      \
		call
	UNLESS(1008, numbers(1008, 1, &installed));
	UNLESS(1029, tag(1029, 1, 7, "\0\0\0\2\0\0\0", 7));
	UNLESS(1030, tag(1030, 3, 7, modes, sizeof modes));
	UNLESS(1034, numbers(1034, 7, times));
	UNLESS(1035, tag(1035, 8, 7, digests, sizeof digests));
	UNLESS(1037, numbers(1037, 7, flags));
	UNLESS(1045, numbers(1045, 7, verify));
	UNLESS(1116, numbers(1116, 7, dirs));
	UNLESS(1117, tag(1117, 8, 7, names, sizeof names));
	UNLESS(1118, tag(1118, 8, 2, "/usr/bin/\0/etc/", 16));
	UNLESS(5011, numbers(5011, 1, &algorithm));
}

static const struct vouched *of(const char *path)
{
	vec_each(&v, it) if (!strcmp(it->path, path)) return it;
	return NULL;
}

static void files(void)
{
	all_but(0);
	CHECK_INT(rpm_add_header(&v, made.whole, finish(), &why), 0);
	CHECK_INT(v.count, 3);
	const struct vouched *a = of("usr/bin/a"), *b = of("etc/b.conf"), *f = of("usr/bin/f");
	NEED(a && b && f);
	CHECK(!a->conffile && b->conffile && f->conffile);
	CHECK_INT(a->kind, DIGEST_SHA256);
	CHECK_INT(a->digest[0], 0xe3);
	CHECK_INT(a->digest[31], 0x55);
	CHECK_INT(a->mtime, 11);
	CHECK_INT(b->mtime, 12);
	CHECK_INT(a->installed, installed);
	/* Written since, it has another time; else somebody must say why it is not what it was. */
	CHECK_INT(vouched_mismatch(a, 11, 0, false), OUTCOME_BROKEN);
	CHECK_INT(vouched_mismatch(a, 12, 0, false), OUTCOME_SKIPPED);
	CHECK_INT(vouched_mismatch(b, 12, 0, false), OUTCOME_SKIPPED);
	CHECK_INT(vouched_mismatch(f, 16, 0, false), OUTCOME_SKIPPED);
}

/* What is not there, and is not needed; and what is. */
static void tags(void)
{
	static const struct {
		uint32_t left_out;
		int rc;
		size_t files;
	} cases[] = {
		{1008, 0, 3}, {1029, 0, 4}, {1030, -1, 0}, {1034, -1, 0}, {1035, -1, 0}, {1037, -1, 0},
		{1045, 0, 3}, {1116, -1, 0}, {1117, 0, 0}, {1118, -1, 0}, {5011, 0, 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		all_but(cases[i].left_out);
		CHECK_INT(rpm_add_header(&v, made.whole, finish(), &why), cases[i].rc);
		CHECK_INT(v.count, cases[i].files);
		CHECK(!cases[i].rc || why.cls == ERROR_CORRUPT);
	}
}

static void algorithms(void)
{
	static const struct {
		uint32_t number;
		enum digest_kind kind;
	} cases[] = {{1, DIGEST_MD5},	 {2, DIGEST_SHA1},    {8, DIGEST_SHA256}, {9, DIGEST_SHA384},
		     {10, DIGEST_SHA512}, {11, DIGEST_SHA224}, {3, DIGEST_KINDS}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		bool known = cases[i].kind != DIGEST_KINDS;
		char one[2 * DIGEST_MAX + 2] = "";
		if (known)
			memset(one, 'a', 2 * digest_size(cases[i].kind));
		begin();
		numbers(5011, 1, &cases[i].number);
		tag(1030, 3, 1, modes, 2);
		numbers(1034, 1, times);
		tag(1035, 8, 1, one, strlen(one) + 1);
		numbers(1037, 1, flags);
		numbers(1116, 1, dirs);
		tag(1117, 8, 1, names, 2);
		tag(1118, 8, 1, "/", 2);
		CHECK_INT(rpm_add_header(&v, made.whole, finish(), &why), 0);
		CHECK_INT(v.count, known);
		CHECK(!known || (v.items[0].kind == cases[i].kind && v.items[0].digest[0] == 0xaa));
	}
}

/* Nothing reaches out of a header that is cut, or that has any other number in any place of its counts and index. */
static void damaged(void)
{
	all_but(0);
	size_t len = finish();
	for (size_t n = 0; n < len; n++) {
		uint8_t *copy = malloc(n + 1);
		NEED(copy);
		memcpy(copy, made.whole, n);
		vouchers_free(&v);
		CHECK_INT(rpm_add_header(&v, copy, n, &why), -1);
		CHECK_INT(why.cls, ERROR_CORRUPT);
		free(copy);
	}
	static const uint32_t odd[] = {0, 1, 6, 8, 0x7fffffff, 0x80000000, 0xffffffff};
	for (size_t at = 0; at < 8 + 16 * made.entries; at += 4)
		for (size_t i = 0; i < ARRAY_SIZE(odd); i++) {
			uint8_t *copy = malloc(len);
			NEED(copy);
			memcpy(copy, made.whole, len);
			put32(copy + at, odd[i]);
			vouchers_free(&v);
			memset(&why, 0, sizeof why);
			int rc = rpm_add_header(&v, copy, len, &why);
			CHECK(rc == 0 || (rc < 0 && why.cls == ERROR_CORRUPT));
			CHECK(v.count <= 7);
			free(copy);
		}
}

struct tree {
	const char *place;
	uint8_t *database;
	size_t length;
	size_t wal;   /* bytes of it; 0: none */
	bool failing; /* the WAL can't be read */
};

static int tree_read(void *ctx, const char *path, size_t max, char **data, size_t *len, int64_t *mtime,
		     struct error *e)
{
	const struct tree *t = ctx;
	size_t n = strlen(t->place);
	(void)mtime;
	if (strncmp(path, t->place, n))
		return 0;
	bool wal = !strcmp(path + n, "rpmdb.sqlite-wal");
	if (!wal && strcmp(path + n, "rpmdb.sqlite"))
		return 0;
	if (wal && t->failing)
		return error_set(e, ERROR_IO, 0, "a bad sector");
	*len = wal ? t->wal : t->length;
	if (*len > max)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too large");
	*data = calloc(1, *len + 1);
	NEED(*data);
	if (!wal)
		memcpy(*data, t->database, *len);
	return 1;
}

static int load(const struct tree *t)
{
	struct tree_reader r = {(void *)(uintptr_t)t, tree_read, NULL};
	vouchers_free(&v);
	memset(&why, 0, sizeof why);
	return package_rpm.load(&r, &v, &why);
}

/* rpm's table, with that header in it so many times; sql before it. */
static void database(struct tree *t, const char *sql, const uint8_t *blob, size_t len, int rows)
{
	sqlite3 *db;
	sqlite3_stmt *q;
	sqlite3_int64 size;
	NEED(sqlite3_open(":memory:", &db) == SQLITE_OK);
	NEED(sqlite3_exec(db, sql, NULL, NULL, NULL) == SQLITE_OK);
	for (int i = 0; i < rows; i++) {
		NEED(sqlite3_prepare_v2(db, "INSERT INTO Packages(blob) VALUES (?)", -1, &q, NULL) == SQLITE_OK);
		NEED(sqlite3_bind_blob(q, 1, blob, (int)len, SQLITE_STATIC) == SQLITE_OK);
		NEED(sqlite3_step(q) == SQLITE_DONE);
		sqlite3_finalize(q);
	}
	unsigned char *bytes = sqlite3_serialize(db, "main", &size, 0);
	NEED(bytes);
	free(t->database);
	t->length = (size_t)size;
	t->database = malloc(t->length);
	NEED(t->database);
	memcpy(t->database, bytes, t->length);
	t->database[18] = t->database[19] = 2; /* as rpm has it: with a WAL */
	sqlite3_free(bytes);
	sqlite3_close(db);
}

#define TABLE "CREATE TABLE 'Packages' (hnum INTEGER PRIMARY KEY AUTOINCREMENT, blob BLOB NOT NULL)"

static void databases(void)
{
	static const char *const places[] = {PLACE, "usr/share/rpm/", "var/lib/rpm/", "opt/rpm/"};
	struct tree t = {.place = PLACE};
	all_but(0);
	size_t len = finish();
	database(&t, TABLE, made.whole, len, 40);
	for (size_t i = 0; i < ARRAY_SIZE(places); i++) {
		t.place = places[i];
		CHECK_INT(load(&t), i < 3);
		CHECK_INT(v.count, i < 3 ? 3 : 0);
		CHECK(i == 3 || !strcmp(v.database, "rpm"));
	}
	t.place = PLACE;
	t.wal = 4096; /* by what was before it the database is whole all the same */
	CHECK_INT(load(&t), 1);
	t.length = t.length / 2;
	CHECK_INT(load(&t), -1);
	CHECK_INT(why.cls, ERROR_UNSUPPORTED);
	CHECK(strstr(why.text, "written to"));
	t.failing = true;
	CHECK_INT(load(&t), -1);
	CHECK_INT(why.cls, ERROR_IO);
	t.failing = false;
	t.wal = 0;
	CHECK_INT(load(&t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	CHECK(strstr(why.text, "rpmdb.sqlite"));
	t.length = 50;
	CHECK_INT(load(&t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	t.length = 0; /* made, and nothing in it yet */
	CHECK_INT(load(&t), 0);
	database(&t, TABLE, made.whole, len - 1, 1);
	CHECK_INT(load(&t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	database(&t, TABLE, made.whole, 0, 1);
	CHECK_INT(load(&t), -1);
	CHECK_INT(why.cls, ERROR_CORRUPT);
	/* A database of something else, and one that would never come to an end. */
	database(&t, "CREATE TABLE Other (blob BLOB)", NULL, 0, 0);
	CHECK_INT(load(&t), -1);
	database(&t, "CREATE VIEW Packages AS WITH RECURSIVE n(blob) AS (SELECT x'00' UNION ALL SELECT blob FROM n) "
		     "SELECT blob FROM n", NULL, 0, 0);
	CHECK_INT(load(&t), -1);
	free(t.database);
}

int main(void)
{
	RUN(files);
	RUN(tags);
	RUN(algorithms);
	RUN(damaged);
	RUN(databases);
	vouchers_free(&v);
	return test_done();
}
