// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader gets when it asks for files, and above all what it does not. */
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "../../src/gate/reader.h"
#include "backproof/door.h"
#include "backproof/text.h"
#include "test.h"

static char top[] = "/tmp/backproof-keeper-XXXXXX";
static struct restore_point point;
static struct policy policy;
static struct reader_keeper *keeper;
static struct error e;
static char source[300];

static char *at(const char *name)
{
	static char paths[8][300];
	static unsigned next;
	char *p = paths[next++ % 8];
	snprintf(p, 300, "%s/%s", top, name);
	return p;
}

static void put(const char *name, const char *text)
{
	FILE *f = fopen(at(name), "w");
	NEED(f && fputs(text, f) >= 0 && fclose(f) == 0);
}

static void add(const char *name)
{
	struct point_file *f = vec_push(&point);
	NEED(f && (f->path = strdup(at(name))));
	f->size = 14;
}

static void set_up(void)
{
	NEED(mkdtemp(top));
	NEED(mkdir(at("a"), 0755) == 0 && mkdir(at("a/b"), 0755) == 0 && mkdir(at("c"), 0755) == 0);
	put("a/b/web01.img", "web01's backup");
	put("a/b/db01.img", "db01's backup!");
	put("a/b/web01.img.sha256", "a sum");
	put("a/b/web01.img.seal", "a seal");
	put("a/SHA256SUMS", "sums");
	put("a/secret", "secret");
	put("c/secret", "secret");
	put("c/x.sha256", "elsewhere");
	put("trusted.pub", "a key");
	NEED(symlink(at("c/secret"), at("a/b/evil.sha256")) == 0);
	NEED(symlink(at("a/SHA256SUMS"), at("a/b/good.sha256")) == 0);
	NEED(symlink(at("c/no-such"), at("a/b/nowhere.sha256")) == 0);
	add("a/b/web01.img");
	point.label = strdup("web01");
	NEED(policy_defaults(&policy, "default") == 0 && strings_add(&policy.trusted_keys, at("trusted.pub")) == 0);
	snprintf(source, sizeof source, "%s", at("c/secret.source"));
	NEED((keeper = reader_keeper_new(&point, &policy, source, &e)));
}

/* The answer to a question: 0 and a body, or -1 where it is none. */
static int ask(enum reader_message kind, struct wire_out *q, struct wire_out *answer, int *fd)
{
	struct wire_in in;
	wire_in_init(&in, q->data, q->length);
	int rc = reader_keeper_answer(keeper, kind, &in, answer, fd, &e);
	wire_out_free(q);
	return rc;
}

/* errno of opening it, and what is in it. */
static int opened(const char *path, enum door_how how, char text[32], uint32_t *number)
{
	struct wire_out q = {0}, answer = {0};
	struct wire_in in;
	int fd;
	wire_put_u8(&q, (uint8_t)how);
	wire_put_string(&q, path);
	NEED(ask(READER_OPEN, &q, &answer, &fd) == 0);
	wire_in_init(&in, answer.data, answer.length);
	int sys = (int)wire_get_u32(&in);
	uint32_t n = wire_get_u32(&in);
	CHECK(wire_in_done(&in) && (fd >= 0) == (sys == 0));
	if (number)
		*number = n;
	memset(text, 0, 32);
	if (fd >= 0) {
		CHECK(how == DOOR_DIRECT || pread(fd, text, 31, 0) > 0);
		CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDONLY);
		close(fd);
	}
	wire_out_free(&answer);
	return sys;
}

static void what_belongs_to_it(void)
{
	char text[32];
	CHECK_INT(opened(at("a/b/web01.img"), DOOR_READ, text, NULL), 0);
	CHECK_STR(text, "web01's backup");
	CHECK_INT(opened(at("a/b/web01.img.sha256"), DOOR_READ, text, NULL), 0);
	CHECK_STR(text, "a sum");
	CHECK_INT(opened(at("a/b/web01.img.seal"), DOOR_READ, text, NULL), 0);
	CHECK_INT(opened(at("a/SHA256SUMS"), DOOR_READ, text, NULL), 0);
	CHECK_STR(text, "sums");
	CHECK_INT(opened(at("a/b/../SHA256SUMS"), DOOR_READ, text, NULL), 0);
	CHECK_INT(opened(at("trusted.pub"), DOOR_READ, text, NULL), 0);
	CHECK_STR(text, "a key");
	CHECK_INT(opened(at("a/b/good.sha256"), DOOR_READ, text, NULL), 0);
	CHECK_INT(opened(at("a/b/no-such.sha256"), DOOR_READ, text, NULL), ENOENT);
	CHECK_INT(opened(at("a/b/nowhere.sha256"), DOOR_READ, text, NULL), ENOENT);
	CHECK_INT(opened(at("c/secret.source"), DOOR_READ, text, NULL), ENOENT); /* what it is held against */
}

static void what_does_not(void)
{
	static const char *const names[] = {"a/b/db01.img", "a/secret", "c/secret", "c/x.sha256", "a/b/evil.sha256",
					    "a/b", "a/b/.", "a/b/..", "a", "", "a/b/web01.img/", "a/b/web01.img/../db01.img",
					    "a/b/../../c/x.sha256"};
	char text[32];
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (!opened(at(names[i]), DOOR_READ, text, NULL) || *text) {
			fprintf(stderr, "opened: %s\n", names[i]);
			CHECK(false);
		}
	CHECK_INT(opened("/etc/passwd", DOOR_READ, text, NULL), EACCES);
	CHECK_INT(opened("/proc/self/mem", DOOR_READ, text, NULL), EACCES);
	CHECK_INT(opened("", DOOR_READ, text, NULL), EACCES);
	CHECK_INT(opened("web01.img", DOOR_READ, text, NULL), EACCES);
}

static int told(const char *path, bool follow, struct stat *st)
{
	struct wire_out q = {0}, answer = {0};
	struct wire_in in;
	int fd;
	wire_put_u8(&q, follow);
	wire_put_string(&q, path);
	NEED(ask(READER_STAT, &q, &answer, &fd) == 0);
	wire_in_init(&in, answer.data, answer.length);
	int sys = (int)wire_get_u32(&in);
	const void *p = wire_get(&in, sizeof *st);
	NEED(p && wire_in_done(&in) && fd < 0);
	memcpy(st, p, sizeof *st);
	wire_out_free(&answer);
	return sys;
}

static void what_is_told_of_files(void)
{
	struct stat st;
	CHECK_INT(told(at("a/b/web01.img"), true, &st), 0);
	CHECK_INT(st.st_size, 14);
	CHECK_INT(told(at("a/b/evil.sha256"), false, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_INT(told(at("a/b/no-such"), true, &st), ENOENT);
	CHECK_INT(told(at("c/secret"), true, &st), EACCES);
	CHECK_INT(st.st_size, 0);
	CHECK_INT(told("/etc/shadow", true, &st), EACCES);
}

static int real(const char *path, char out[300])
{
	struct wire_out q = {0}, answer = {0};
	struct wire_in in;
	int fd;
	wire_put_string(&q, path);
	NEED(ask(READER_REAL, &q, &answer, &fd) == 0);
	wire_in_init(&in, answer.data, answer.length);
	int sys = (int)wire_get_u32(&in);
	autofree char *text = wire_get_string(&in, 4096);
	snprintf(out, 300, "%s", text ? text : "");
	CHECK(wire_in_done(&in) && fd < 0);
	wire_out_free(&answer);
	return sys;
}

static int names(const char *path, uint64_t most, size_t *count)
{
	struct wire_out q = {0}, answer = {0};
	struct wire_in in;
	struct strings got = {0};
	int fd;
	wire_put_u64(&q, most);
	wire_put_string(&q, path);
	NEED(ask(READER_NAMES, &q, &answer, &fd) == 0);
	wire_in_init(&in, answer.data, answer.length);
	int sys = (int)wire_get_u32(&in);
	wire_get_strings(&in, &got, 1000, 4096);
	CHECK(wire_in_done(&in) && fd < 0);
	*count = got.count;
	strings_free(&got);
	wire_out_free(&answer);
	return sys;
}

static void directories(void)
{
	char path[300];
	size_t count;
	CHECK_INT(real(at("a/b/../b"), path), 0);
	CHECK_STR(path, at("a/b"));
	CHECK_INT(real(".", path), 0); /* where relative names begin */
	CHECK_INT(real(at("c"), path), EACCES);
	CHECK_STR(path, "");
	CHECK_INT(real("/etc", path), EACCES);
	CHECK_INT(real(at("a/b/no/such"), path), ENOENT);
	CHECK_INT(names(at("a/b"), 1000, &count), 0);
	CHECK_INT(count, 5); /* what may be opened */
	CHECK_INT(names(at("a/b"), 3, &count), 0);
	CHECK_INT(count, 3);
	CHECK_INT(names(at("c"), 1000, &count), EACCES);
	CHECK_INT(names("/etc", 1000, &count), EACCES);
	CHECK_INT(count, 0);
	CHECK_INT(names(at("no-such"), 1000, &count), ENOENT);
}

/* -1: no answer; else the first byte of one. */
static int by_number(enum reader_message kind, uint32_t number, uint64_t off, uint64_t granule, uint64_t count)
{
	struct wire_out q = {0}, answer = {0};
	int fd;
	wire_put_u32(&q, number);
	if (kind == READER_CACHED) {
		wire_put_u64(&q, off);
		wire_put_u64(&q, granule);
		wire_put_u64(&q, count);
	}
	int rc = ask(kind, &q, &answer, &fd);
	if (rc == 0)
		rc = answer.length ? answer.data[0] : 256;
	close_auto(&fd);
	wire_out_free(&answer);
	return rc;
}

static void by_their_numbers(void)
{
	char text[32];
	uint32_t number, again;
	CHECK_INT(opened(at("a/b/web01.img"), DOOR_READ, text, &number), 0);
	CHECK(number);
	CHECK_INT(opened(at("a/b/web01.img"), DOOR_READ, text, &again), 0);
	CHECK_INT(number, again); /* kept once, however often it is asked for */
	CHECK_INT(by_number(READER_AGAIN, number, 0, 0, 0), 0);
	CHECK_INT(by_number(READER_AGAIN, 999, 0, 0, 0), EBADF);
	CHECK_INT(by_number(READER_AGAIN, 0, 0, 0, 0), EBADF);
	CHECK_INT(by_number(READER_WRITTEN, 999, 0, 0, 0), 0);
	CHECK_INT(by_number(READER_WRITTEN, number, 0, 0, 0), 0);
	int writer = open(at("a/b/web01.img"), O_WRONLY);
	NEED(writer >= 0);
	CHECK_INT(by_number(READER_WRITTEN, number, 0, 0, 0), 1);
	close(writer);
	CHECK_INT(by_number(READER_CACHED, number, 0, MIB, 1), 1); /* it has just been written */
	CHECK_INT(by_number(READER_CACHED, 999, 0, MIB, 1), 1);	   /* of what is not known nothing is taken away */
	CHECK_INT(by_number(READER_CACHED, number, MIB, MIB, 1), 0);
	CHECK_INT(by_number(READER_CACHED, number, 0, MIB, READER_CACHED_MOST + 1), -1);
	CHECK_INT(by_number(READER_CACHED, number, 0, 0, 1), -1);
	CHECK_INT(by_number(READER_CACHED, number, INT64_MAX, MIB, 1), -1);
	CHECK_INT(by_number(READER_CACHED, number, 0, UINT64_MAX, 2), -1);
}

static void no_questions(void)
{
	static const uint8_t bytes[600];
	for (int kind = READER_OPEN; kind < READER_MESSAGES; kind++)
		for (size_t n = 0; n < sizeof bytes; n += 599) {
			struct wire_out q = {0}, answer = {0};
			int fd;
			wire_put(&q, bytes, n);
			CHECK_INT(ask((enum reader_message)kind, &q, &answer, &fd), -1);
			CHECK(fd < 0 && e.cls == ERROR_CORRUPT && e.text[0]);
			wire_out_free(&answer);
		}
}

static int judged(bool read_whole, uint64_t bytes)
{
	const struct reader_file files[1] = {{.read_whole = read_whole}};
	e = (struct error){0};
	return reader_keeper_judge(keeper, &point, files, bytes, &e);
}

static void what_it_says_it_has_read(void)
{
	struct reader_keeper *first = keeper;
	char text[32];
	NEED((keeper = reader_keeper_new(&point, &policy, NULL, &e)));
	CHECK_INT(judged(true, 1000), -1); /* which it has never asked for */
	CHECK_INT(e.cls, ERROR_CORRUPT);
	CHECK(!reader_keeper_fits(keeper, 0, 14) && reader_keeper_fd(keeper, 0) == -1);
	CHECK_INT(opened(at("a/b/web01.img"), DOOR_READ, text, NULL), 0);
	CHECK_INT(judged(true, 14), 0);
	CHECK_INT(judged(true, 13), -1);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	CHECK(reader_keeper_fits(keeper, 0, 14) && !reader_keeper_fits(keeper, 0, 15) &&
	      !reader_keeper_fits(keeper, 1, 14));
	struct stat st;
	CHECK(fstat(reader_keeper_fd(keeper, 0), &st) == 0 && st.st_size == 14 && reader_keeper_fd(keeper, 1) == -1);
	/* Another one stands there now. */
	put("a/b/new", "another backup");
	NEED(rename(at("a/b/new"), at("a/b/web01.img")) == 0);
	CHECK_INT(judged(true, 14), -1);
	CHECK_INT(e.cls, ERROR_BUSY);
	NEED(unlink(at("a/b/web01.img")) == 0);
	CHECK_INT(judged(false, 0), -1);
	CHECK_INT(e.cls, ERROR_BUSY);
	reader_keeper_destroy(keeper);
	keeper = first;
}

int main(void)
{
	char command[100];
	set_up();
	RUN(what_belongs_to_it);
	RUN(what_does_not);
	RUN(what_is_told_of_files);
	RUN(directories);
	RUN(by_their_numbers);
	RUN(no_questions);
	RUN(what_it_says_it_has_read);
	reader_keeper_destroy(keeper);
	free(point.items[0].path);
	free(point.items);
	free(point.label);
	policy_free(&policy);
	snprintf(command, sizeof command, "rm -rf %s", top);
	NEED(system(command) == 0);
	return test_done();
}
