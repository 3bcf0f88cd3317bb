// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What keeper.c can't have without calls that fail, or a door behind which things change: where the gate answers a
 * reader, and where it looks back on what it gave away.
 */
#include "reader_help.h"

#include <sys/file.h>
#include <sys/time.h>

#include "backproof/text.h"

static struct restore_point point;
static struct policy policy;
static struct reader_keeper *keeper;
static struct error e;

static int ask(enum reader_message kind, struct wire_out *q, struct wire_out *answer, int *fd)
{
	struct wire_in in;
	wire_in_init(&in, q->data, q->length);
	int rc = reader_keeper_answer(keeper, kind, &in, answer, fd, &e);
	wire_out_free(q);
	return rc;
}

/* errno of opening it, or -1; the number that it has. */
static int opened(const char *path, enum door_how how, uint32_t *number)
{
	struct wire_out q = {0}, answer = {0};
	struct wire_in in;
	int fd;
	wire_put_u8(&q, (uint8_t)how);
	wire_put_string(&q, path);
	if (ask(READER_OPEN, &q, &answer, &fd) < 0) {
		close_auto(&fd);
		wire_out_free(&answer);
		return -1;
	}
	wire_in_init(&in, answer.data, answer.length);
	int sys = (int)wire_get_u32(&in);
	*number = wire_get_u32(&in);
	CHECK(wire_in_done(&in) && (fd >= 0) == (sys == 0));
	close_auto(&fd);
	wire_out_free(&answer);
	return sys;
}

static void renew(void)
{
	reader_keeper_destroy(keeper);
	NEED((keeper = reader_keeper_new(&point, &policy, NULL, &e)));
}

/* --- a door behind which things change --- */

static const char *instead; /* what is opened, whatever is asked for */
static size_t names_count;
static int names_errno;

static int other_open(void *self, const char *path, enum door_how how)
{
	(void)self, (void)how;
	return open(instead ? instead : path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
}
static int other_stat(void *self, const char *path, bool follow, struct stat *out)
{
	(void)self;
	return follow ? stat(path, out) : lstat(path, out);
}
static char *other_real(void *self, const char *path)
{
	(void)self;
	return strdup(path);
}
static bool is_second(const char *name)
{
	static int asked;
	NEED(!strcmp(name, "n.mf"));
	return ++asked % 2 == 0;
}
static int other_names(void *self, const char *directory, size_t most, struct strings *out)
{
	(void)self, (void)directory;
	for (size_t i = 0; i < names_count && i < most; i++)
		NEED(strings_add(out, "n.mf") == 0);
	errno = names_errno;
	return names_errno ? -1 : 0;
}
static bool other_written(void *self, int fd)
{
	(void)self;
	return fd >= 0;
}
static void other_cached(void *self, int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out)
{
	(void)self, (void)fd, (void)off, (void)granule;
	memset(out, 7, count);
}
static int other_again(void *self, int fd)
{
	(void)self;
	return dup(fd);
}
static const struct door_keeper other = {other_open, other_stat, other_real, other_names, other_written, other_cached,
					 other_again, NULL};

/* Is it said of fd when somebody else has locked that much of the file, and it is not ours, so that leases tell nothing? */
static bool locked(int fd, int how, short type, off_t from, off_t len)
{
	struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = len};
	autoclose int writer = open(at("web01.img"), how | O_CLOEXEC);
	NEED(writer >= 0 && fcntl(writer, F_OFD_SETLK, &l) == 0);
	uid_t self = geteuid();
	NEED(self != 0 || seteuid(65534) == 0);
	bool is = door_written(fd);
	NEED(self != 0 || seteuid(0) == 0);
	return is;
}

static void doors(void)
{
	struct strings names = {0};
	struct stat st;
	uint8_t cached[2];
	/* The system's own. */
	int fd = door_open(at("web01.img"), DOOR_READ), direct = door_open(at("web01.img"), DOOR_DIRECT);
	NEED(fd >= 0);
	CHECK(direct < 0 || (fcntl(direct, F_GETFL) & O_DIRECT));
	close_auto(&direct);
	CHECK_INT(door_stat(at("link"), false, &st), 0);
	CHECK(S_ISLNK(st.st_mode));
	CHECK_INT(door_stat(at("link"), true, &st), 0);
	CHECK(S_ISREG(st.st_mode));
	autofree char *real = door_realpath(at("link"));
	CHECK_STR(real, at("web01.img"));
	CHECK_INT(door_names(top, NULL, 100, &names), 0);
	CHECK(names.count >= 2 && strings_has(&names, "link") && !strings_has(&names, ".."));
	CHECK_INT(door_names(at("none"), NULL, 100, &names), -1);
	CHECK_INT(errno, ENOENT);
	fail_at("readdir64", 1, EIO);
	CHECK_INT(door_names(top, NULL, 100, &names), -1);
	CHECK_INT(errno, EIO);
	fail_at("memory", 2, ENOMEM); /* the first is the directory's */
	for (unsigned n = 1; n < 3; n++) {
		fail_at("memory", n, ENOMEM);
		strings_free(&names);
		if (door_names(top, NULL, 100, &names) < 0)
			CHECK_INT(errno, ENOMEM);
		CHECK(fail_no_more());
	}
	strings_free(&names);
	int again = door_again(fd);
	CHECK(again >= 0 && again != fd);
	close_auto(&again);
	CHECK(!door_written(fd));
	/* Who writes, who has locked it, and where neither can be learned. */
	int writer = open(at("web01.img"), O_WRONLY | O_CLOEXEC);
	CHECK(door_written(fd));
	close(writer);
	writer = open(at("web01.img"), O_RDONLY | O_CLOEXEC);
	NEED(flock(writer, LOCK_EX) == 0);
	CHECK(door_written(fd));
	close(writer);
	CHECK(locked(fd, O_RDWR, F_WRLCK, 0, 0) && locked(fd, O_RDWR, F_WRLCK, 7, 1));
	/* As QEMU's programs lock an image that they read, write to, and resize. */
	CHECK(!locked(fd, O_RDONLY, F_RDLCK, 100, 1) && !locked(fd, O_RDONLY, F_RDLCK, 201, 1));
	CHECK(locked(fd, O_RDONLY, F_RDLCK, 101, 1) && locked(fd, O_RDONLY, F_RDLCK, 103, 1));
	fail_at("flock", 1, ENOLCK);
	CHECK(!door_written(fd));
	fail_at("fcntl64", 1, EINVAL);
	CHECK(!door_written(fd));
	fail_no_more();
	door_cached(fd, 0, MIB, 1, cached);
	CHECK(cached[0] <= 1);
	/* Another's. */
	door_keep(&other);
	names_count = 2;
	CHECK(door_written(fd) && door_names("/", NULL, 9, &names) == 0 && names.count == 2);
	strings_free(&names);
	CHECK(door_names("/", is_second, 9, &names) == 0 && names.count == 1);
	strings_free(&names);
	door_cached(fd, 0, MIB, 2, cached);
	CHECK(cached[0] == 7 && cached[1] == 7);
	again = door_again(fd);
	CHECK(again >= 0);
	close_auto(&again);
	instead = at("web01.img");
	again = door_open("/nowhere", DOOR_READ);
	CHECK(again >= 0);
	close_auto(&again);
	autofree char *said = door_realpath("/a/../b");
	CHECK_STR(said, "/a/../b");
	CHECK(door_stat("/", false, &st) == 0 && door_stat("/", true, &st) == 0);
	door_keep(NULL);
	instead = NULL;
	names_count = 0;
	close(fd);
}

static void moved_under_it(void)
{
	uint32_t number;
	renew();
	door_keep(&other);
	/* Between looking and opening a link came to stand there: it is not given away. */
	instead = "/etc/passwd";
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_READ, &number), EXDEV);
	instead = top;
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_READ, &number), EISDIR);
	instead = NULL;
	fail_at("fstat64", 1, EIO);
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_READ, &number), EISDIR);
	fail_at("readlink", 1, EIO);
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_READ, &number), EXDEV);
	CHECK(fail_no_more());
	/* Given, and nothing kept of it: past the page cache, where nothing is known of it, and where nothing can be. */
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_DIRECT, &number), 0);
	CHECK_INT(number, 0);
	fail_at("fstat64", 1, EIO);
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), 0);
	CHECK(fail_no_more() && !number);
	fail_at("fcntl64", 1, EMFILE);
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), 0);
	CHECK(fail_no_more() && !number);
	/* Another file by the same name is another. */
	uint32_t first, second;
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &first), 0);
	fail_at("fstat64", 1, 0); /* the same number on another disk */
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &second), 0);
	CHECK(fail_no_more() && second && first != second);
	first = second;
	instead = at("other.img");
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &second), 0);
	CHECK(first && second && first != second);
	instead = "/proc/self/status";
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &second), 0);
	instead = NULL;
	door_keep(NULL);
}

static void names_of(const char *path, uint64_t most, int expected)
{
	struct wire_out q = {0}, answer = {0};
	int fd;
	wire_put_u64(&q, most);
	wire_put_string(&q, path);
	CHECK_INT(ask(READER_NAMES, &q, &answer, &fd), 0);
	struct wire_in in;
	wire_in_init(&in, answer.data, answer.length);
	CHECK_INT(wire_get_u32(&in), expected);
	wire_out_free(&answer);
}

static void directories(void)
{
	renew();
	door_keep(&other);
	names_errno = EIO;
	names_of(top, 10, EIO);
	names_errno = 0;
	names_count = READER_NAMES_MOST + 5;
	names_of(top, UINT64_MAX, EOVERFLOW);
	names_count = 0;
	door_keep(NULL);
	/* What lies in its own directories it may know the way to. */
	struct wire_out q = {0}, answer = {0};
	int fd;
	wire_put_string(&q, at("link"));
	CHECK_INT(ask(READER_REAL, &q, &answer, &fd), 0);
	CHECK(answer.length > 8 && memmem(answer.data, answer.length, "web01.img", 9));
	wire_out_free(&answer);
	/* A question of a kind that is none, and one that reaches beyond all files. */
	static const enum reader_message kinds[] = {READER_REQUEST, READER_DONE, READER_PROGRESS, READER_RESULT};
	for (size_t i = 0; i < ARRAY_SIZE(kinds); i++) {
		wire_put_string(&q, "x");
		CHECK_INT(ask(kinds[i], &q, &answer, &fd), -1);
		CHECK_STR(e.text, "a question of no kind");
		wire_out_free(&answer);
	}
	wire_put_u32(&q, 1);
	wire_put_u64(&q, UINT64_MAX);
	wire_put_u64(&q, 1);
	wire_put_u64(&q, 1);
	CHECK_INT(ask(READER_CACHED, &q, &answer, &fd), -1);
	CHECK(strstr(e.text, "can't be"));
	wire_out_free(&answer);
}

/* Restore points by all kinds of names: what lies beside them is found, and nowhere is no place. */
static void places(void)
{
	static const char *const names[] = {"web01.img", "//web01.img", "/./web01.img", "/sub/.././web01.img", "/none/web01.img",
					    "/none.img", "./web01.img"};
	uint32_t number;
	char here[300];
	NEED(getcwd(here, sizeof here) && chdir(top) == 0);
	for (size_t i = 0; i <= ARRAY_SIZE(names); i++) {
		char path[300];
		struct point_file file = {.path = path, .size = READER_BYTES};
		struct restore_point one = {.items = &file, .count = 1, .label = (char *)"x"};
		snprintf(path, sizeof path, "%s%s", i && i < 6 ? top : "",
			 i < ARRAY_SIZE(names) ? names[i] : "/backproof-none.img");
		struct reader_keeper *before = keeper;
		NEED((keeper = reader_keeper_new(&one, &policy, NULL, &e)));
		CHECK_INT(opened(path, DOOR_READ, &number), i < 4 || i == 6 ? 0 : ENOENT);
		CHECK_INT(opened(i && i != 6 ? at("SHA256SUMS") : "SHA256SUMS", DOOR_READ, &number),
			  i == 7 ? EACCES : 0);
		CHECK_INT(opened("/etc/passwd", DOOR_READ, &number), EACCES);
		reader_keeper_destroy(keeper);
		keeper = before;
	}
	/* A source that it is held against is named; what is not is not. */
	struct reader_keeper *before = keeper;
	NEED((keeper = reader_keeper_new(&point, &policy, at("other.img"), &e)));
	CHECK_INT(opened(at("other.img"), DOOR_READ, &number), 0);
	CHECK_INT(opened("/etc/passwd", DOOR_READ, &number), EACCES);
	reader_keeper_destroy(keeper);
	keeper = before;
	NEED(chdir(here) == 0);
}

static void without_end(void)
{
	char name[40];
	uint32_t number;
	renew();
	/* So many sidecars stay open, others are given away all the same. */
	unsigned kept = 0;
	for (int i = 0; i < 80; i++) {
		snprintf(name, sizeof name, "%d.sha256", i);
		put_file(name, 1);
		CHECK_INT(opened(at(name), DOOR_READ, &number), 0);
		kept += number > 0;
	}
	CHECK_INT(kept, 64);
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), 0);
	CHECK(number > 0);
	struct wire_out q = {0}, answer = {0};
	int fd, rc = 0;
	unsigned asked = 0;
	for (; rc == 0 && asked < 300000; asked++) {
		wire_put_u32(&q, 9999);
		rc = ask(READER_AGAIN, &q, &answer, &fd);
		CHECK(fd < 0);
		wire_out_free(&answer);
	}
	CHECK(rc < 0 && asked > 100000);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
}

/* Each allocation in turn: an answer is whole, or none is given. */
static void without_memory(void)
{
	unsigned refused = 0, n;
	uint32_t number;
	/* By a way through a link, whose own place is one more. */
	struct point_file file = {.path = at("sub/way/web01.img"), .size = READER_BYTES};
	const struct restore_point linked = {.items = &file, .count = 1, .label = (char *)"x"};
	NEED(symlink("..", at("sub/way")) == 0);
	for (n = 1;; n++) {
		struct reader_keeper *k;
		fail_at("memory", n, ENOMEM);
		k = reader_keeper_new(&linked, &policy, NULL, &e);
		if (!fail_no_more()) {
			reader_keeper_destroy(k);
			break;
		}
		refused += !k;
		CHECK(k || e.cls == ERROR_INTERNAL);
		reader_keeper_destroy(k);
	}
	CHECK(refused > 3);
	for (n = 1, refused = 0;; n++) {
		renew();
		fail_at("memory", n, ENOMEM);
		int sys = opened(at("web01.img"), DOOR_READ, &number);
		if (!fail_no_more())
			break;
		refused += sys != 0;
	}
	CHECK(refused > 1);
	for (n = 1, refused = 0;; n++) {
		struct wire_out q = {0}, answer = {0};
		int fd;
		wire_put_u64(&q, 100);
		wire_put_string(&q, top);
		fail_at("memory", n, ENOMEM);
		int rc = ask(READER_NAMES, &q, &answer, &fd);
		unsigned hits = fail_no_more();
		CHECK(rc == 0 || e.cls == ERROR_INTERNAL || e.cls == ERROR_CORRUPT);
		refused += rc < 0;
		wire_out_free(&answer);
		if (!hits)
			break;
	}
	CHECK(refused > 1);
	struct reader_file files[3] = {{0}};
	fail_at("memory", 1, ENOMEM);
	CHECK_INT(reader_keeper_judge(keeper, &point, files, 0, &e), -1);
	CHECK_INT(e.cls, ERROR_INTERNAL);
	fail_no_more();
}

static int judged(const struct reader_file *files, uint64_t bytes)
{
	e = (struct error){0};
	return reader_keeper_judge(keeper, &point, files, bytes, &e);
}

/* Three files: one that is full, one of holes, and one that is none. */
static void holes_and_devices(void)
{
	struct restore_point before = point;
	struct reader_file files[4] = {{.read_whole = true}, {.read_whole = true}, {.read_whole = true}};
	uint32_t number;
	memset(&point, 0, sizeof point);
	add_to_point(&point, "web01.img", READER_BYTES);
	add_to_point(&point, "holes.img", 10 * MIB);
	struct point_file *device = vec_push(&point);
	NEED(device && (device->path = strdup("/dev/null")));
	renew();
	int fd = open(at("holes.img"), O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	NEED(fd >= 0 && ftruncate(fd, 10 * MIB) == 0 && pwrite(fd, "x", 1, 5 * MIB) == 1);
	/* Room that is reserved and reads as zeros is no data. */
	bool reserved = fallocate(fd, FALLOC_FL_KEEP_SIZE, 6 * MIB, 2 * MIB) == 0 && fsync(fd) == 0;
	close(fd);
	/* An empty one that nobody opened has been read whole. */
	files[0].read_whole = files[1].read_whole = files[2].read_whole = true;
	point.items[2].size = 0;
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), 0);
	CHECK_INT(opened(at("holes.img"), DOOR_READ, &number), 0);
	CHECK_INT(judged(files, UINT64_MAX), 0);
	CHECK_INT(opened("/dev/null", DOOR_READ, &number), 0);
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_READ, &number), 0);
	CHECK_INT(judged(files, UINT64_MAX), 0);
	CHECK(reader_keeper_fits(keeper, 2, 12345)); /* what is no regular file has no size */
	CHECK_INT(judged(files, READER_BYTES + 64 * KIB), 0);
	CHECK_INT(judged(files, READER_BYTES - 1), -1);
	CHECK_INT(e.cls, ERROR_CORRUPT);
	files[1].read_whole = false;
	CHECK_INT(judged(files, READER_BYTES), 0);
	CHECK_INT(judged(files, READER_BYTES - 1), -1);
	files[1].read_whole = true;
	/* Where the file system does not tell holes, all is data. */
	if (reserved) {
		CHECK_INT(judged(files, READER_BYTES + MIB), 0);
		fail_at("lseek64", 0, EINVAL);
		CHECK_INT(judged(files, READER_BYTES + MIB), -1);
		fail_at("lseek64", 2, EINVAL);
		CHECK_INT(judged(files, READER_BYTES - 1), -1);
		/* One that has grown meanwhile has no more data than it had bytes. */
		fail_at("lseek64", 0, 0);
		CHECK_INT(judged(files, READER_BYTES + 10 * MIB), 0);
		CHECK_INT(judged(files, READER_BYTES + 10 * MIB - 1), 0);
		fail_no_more();
	}
	/* What is asked about was never opened. */
	renew();
	CHECK_INT(judged(files, UINT64_MAX), -1);
	CHECK(strstr(e.text, "never asked for it"));
	memset(files, 0, sizeof files);
	CHECK_INT(judged(files, 0), 0);
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), 0);
	CHECK_INT(judged(files, 0), 0);
	free_point(&point);
	point = before;
	renew();
}

static void notes(void)
{
	struct host_result out = {0};
	uint32_t number;
	struct proved_file *f = vec_push(&out.files);
	NEED(f);
	renew();
	reader_keeper_note(keeper, &out);
	CHECK(!out.files.items[0].is_opened);
	CHECK_INT(opened(at("SHA256SUMS"), DOOR_READ, &number), 0);
	CHECK_INT(opened(at("web01.img"), DOOR_READ, &number), 0);
	reader_keeper_note(keeper, &out);
	CHECK(out.files.items[0].is_opened);
	CHECK_INT(out.files.items[0].opened.st_size, READER_BYTES);
	/* The first time it was opened counts. */
	out.files.items[0].opened.st_size = 1;
	reader_keeper_note(keeper, &out);
	CHECK_INT(out.files.items[0].opened.st_size, 1);
	vec_free(&out.files);
}

int main(void)
{
	set_up_top();
	put_file("SHA256SUMS", 10);
	put_file("other.img", READER_BYTES);
	NEED(symlink("web01.img", at("link")) == 0 && mkdir(at("sub"), 0755) == 0);
	add_to_point(&point, "web01.img", READER_BYTES);
	NEED(policy_defaults(&policy, "default") == 0);
	RUN(doors);
	RUN(moved_under_it);
	RUN(directories);
	RUN(places);
	RUN(without_end);
	RUN(without_memory);
	RUN(holes_and_devices);
	RUN(notes);
	reader_keeper_destroy(keeper);
	free_point(&point);
	policy_free(&policy);
	remove_top();
	return test_done();
}
