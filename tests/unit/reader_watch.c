// SPDX-License-Identifier: GPL-3.0-or-later
/* The room that a reader takes, in scratch and in files without names: here this test is the reader. */
#include "reader_help.h"

#include <sys/mman.h>

#include "../../src/gate/reader_life.h"

static struct restore_point point;
static struct policy policy;
static struct check_parameters parameters;
static struct error e;
static struct reader_life life;

/* "" is: it may go on. */
static const char *watched(void)
{
	life.why = (struct error){0};
	life.look_at = 0;
	int rc = reader_life_watch(&life, monotonic_ns());
	CHECK_INT(rc, life.why.cls == ERROR_NONE ? 0 : -1);
	CHECK(rc == 0 || life.why.cls == ERROR_LIMIT);
	return life.why.text;
}

static int room_at(int fd, uint64_t bytes)
{
	NEED(fd >= 0 && posix_fallocate(fd, 0, (off_t)bytes) == 0);
	return fd;
}

static int in_scratch(const char *name)
{
	return openat(scratch_fd(parameters.scratch), name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int memory(void)
{
	return memfd_create("room", MFD_CLOEXEC);
}

static void what_it_may(void)
{
	policy.scratch_limit = MIB;
	CHECK_STR(watched(), "");
	close(room_at(in_scratch("a"), 64 * MIB));
	CHECK_STR(watched(), "");
	close(room_at(in_scratch("b"), 2 * MIB));
	CHECK(strstr(watched(), "may write 1.0 MiB (scratch_limit)"));
	/* Where nothing is limited, or there is no scratch, nobody looks; and not all the time. */
	policy.scratch_limit = 0;
	CHECK_STR(watched(), "");
	policy.scratch_limit = MIB;
	parameters.scratch = NULL;
	CHECK_STR(watched(), "");
	parameters.scratch = (struct scratch *)life.ctx;
	life.why = (struct error){0};
	life.look_at = monotonic_ns() + 1000000000;
	CHECK_INT(reader_life_watch(&life, monotonic_ns()), 0);
	/* What can't be looked at does not count. */
	fail_at("openat64", 0, EMFILE);
	CHECK_STR(watched(), "");
	fail_at("fdopendir", 0, ENOMEM);
	CHECK_STR(watched(), "");
	fail_at("fstatat64", 0, EIO);
	CHECK_STR(watched(), "");
	CHECK(fail_no_more());
	NEED(unlinkat(scratch_fd(parameters.scratch), "a", 0) == 0);
	CHECK_STR(watched(), "");
}

static void without_names(void)
{
	int fd = room_at(memory(), 70 * MIB), other = dup(fd);
	CHECK(strstr(watched(), "scratch_limit"));
	/* Each counts once, and nothing where nobody may look. */
	NEED(ftruncate(fd, 40 * MIB) == 0);
	CHECK_STR(watched(), "");
	fail_at("fstatat64", 0, 0); /* the same number on another disk is another file */
	CHECK(strstr(watched(), "scratch_limit"));
	fail_no_more();
	NEED(ftruncate(fd, 0) == 0);
	room_at(fd, 70 * MIB);
	fail_at("opendir", 0, EACCES);
	CHECK_STR(watched(), "");
	fail_at("memory", 0, ENOMEM);
	CHECK_STR(watched(), "");
	CHECK(fail_no_more());
	close(fd);
	close(other);
	/* What the restore point is does not count, though its name is gone. */
	struct wire_out q = {0}, answer = {0};
	struct wire_in in;
	put_file("web01.img", 1);
	int image = open(at("web01.img"), O_RDWR | O_CLOEXEC);
	NEED(posix_fallocate(image, 0, 70 * MIB) == 0);
	wire_put_u8(&q, DOOR_READ);
	wire_put_string(&q, at("web01.img"));
	wire_in_init(&in, q.data, q.length);
	NEED(reader_keeper_answer(life.keeper, READER_OPEN, &in, &answer, &fd, &e) == 0 && fd >= 0);
	wire_out_free(&q);
	wire_out_free(&answer);
	NEED(unlink(at("web01.img")) == 0);
	CHECK_STR(watched(), "");
	/* The same number on another disk is another file. */
	struct stat st;
	NEED(fstat(fd, &st) == 0 && reader_keeper_has(life.keeper, &st));
	st.st_dev++;
	CHECK(!reader_keeper_has(life.keeper, &st));
	close(fd);
	close(image);
	put_file("web01.img", READER_BYTES);
}

/* Of more than are counted one by one, each counts every time. */
static void very_many(void)
{
	enum { MOST = 4096, MORE = 8 };
	static int fds[MOST + MORE];
	struct rlimit before, more;
	NEED(getrlimit(RLIMIT_NOFILE, &before) == 0);
	more = before;
	more.rlim_cur = MOST + 100;
	if (more.rlim_max < more.rlim_cur)
		more.rlim_max = more.rlim_cur;
	NEED(setrlimit(RLIMIT_NOFILE, &more) == 0);
	for (size_t i = 0; i < MOST + MORE; i++)
		NEED((fds[i] = memory()) >= 0);
	CHECK_STR(watched(), "");
	for (size_t i = MOST; i < MOST + MORE; i++)
		room_at(fds[i], 10 * MIB);
	CHECK(strstr(watched(), "scratch_limit"));
	for (size_t i = 0; i < MOST + MORE; i++)
		close(fds[i]);
	setrlimit(RLIMIT_NOFILE, &before);
}

static void without_end(void)
{
	int fd = scratch_fd(parameters.scratch), deep = dup(fd);
	fail_at("readdir64", 0, 0);
	CHECK(strstr(watched(), "files in scratch without end"));
	CHECK(fail_no_more());
	for (int i = 0; i < 20; i++) {
		NEED(mkdirat(deep, "d", 0700) == 0);
		int next = openat(deep, "d", O_RDONLY | O_DIRECTORY);
		close(deep);
		deep = next;
		if (i == 14)
			CHECK_STR(watched(), "");
	}
	close(deep);
	CHECK(strstr(watched(), "files in scratch without end"));
}

int main(void)
{
	set_up_top();
	add_to_point(&point, "web01.img", READER_BYTES);
	NEED(policy_defaults(&policy, "default") == 0);
	parameters.policy = &policy;
	NEED((parameters.scratch = scratch_open(at("scratch"), GIB, &e)));
	life = (struct reader_life){.point = &point, .p = &parameters, .pid = getpid(), .ctx = parameters.scratch};
	NEED((life.keeper = reader_keeper_new(&point, &policy, NULL, &e)));
	RUN(what_it_may);
	RUN(without_names);
	RUN(very_many);
	RUN(without_end);
	reader_keeper_destroy(life.keeper);
	scratch_destroy(parameters.scratch);
	free_point(&point);
	policy_free(&policy);
	remove_top();
	return test_done();
}
