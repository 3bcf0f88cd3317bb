// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The gate's side of the door. A reader may belong to whoever wrote what it reads: it gets what it was asked about, and
 * nothing that it names beyond.
 */
#include <errno.h>
#include <fcntl.h>

#include "backproof/door.h"
#include "backproof/sidecar.h"
#include "backproof/text.h"
#include "reader_keeper.h"

#define PATH_MOST 8192
#define OPENS_MOST 200000
#define BESIDE_MOST 64 /* files that are not the restore point's and stay open */

/* The directory that a path lies in, as realpath gives it. NULL: errno. */
static char *place_of(const char *path)
{
	autofree char *directory = path_directory(path);
	return directory ? realpath(directory, NULL) : NULL;
}

static int add_once(struct strings *to, const char *text)
{
	return strings_has(to, text) ? 0 : strings_add(to, text);
}

/* And the one above, which may have a list of sums, or the seal of a directory. */
static int add_place(struct reader_keeper *k, const char *place)
{
	if (!place)
		return 0;
	autofree char *above = path_directory(place);
	return !above || add_once(&k->places, place) < 0 || add_once(&k->places, above) < 0 ? -1 : 0;
}

/*
 * Where the directory of a file lies by its name: where that is a link, in another place than where it leads to, and
 * what is beside the link speaks, too. NULL: there is none.
 */
static char *place_above(const char *path)
{
	const char *slash = strrchr(path, '/');
	autofree char *directory = slash ? strndup(path, (size_t)(slash - path)) : NULL;
	size_t n = directory ? strlen(directory) : 0;
	while (n && (directory[n - 1] == '/' || (n > 1 && directory[n - 1] == '.' && directory[n - 2] == '/')))
		directory[--n] = '\0';
	return n ? place_of(directory) : NULL;
}

struct reader_keeper *reader_keeper_new(const struct restore_point *point, const struct policy *policy,
					const char *source, struct error *e)
{
	autodestroy(reader_keeper_destroy_auto) struct reader_keeper *k = calloc(1, sizeof *k);
	if (!k) {
		error_nomem(e);
		return NULL;
	}
	k->point = point;
	k->keys = &policy->trusted_keys;
	k->source = source;
	for (size_t i = 0; i < point->count; i++) {
		autofree char *real = realpath(point->items[i].path, NULL);
		autofree char *beside = place_of(point->items[i].path), *there = real ? place_of(real) : NULL;
		autofree char *above = place_above(point->items[i].path);
		if (add_place(k, beside) < 0 || add_place(k, there) < 0 || (above && add_once(&k->places, above) < 0)) {
			error_nomem(e);
			return NULL;
		}
	}
	return take(k);
}

void reader_keeper_destroy(struct reader_keeper *k)
{
	if (!k)
		return;
	vec_each(&k->files, it) close(it->fd);
	vec_free(&k->files);
	strings_free(&k->places);
	free(k);
}

/* Something that lies in one of the directories, by a plain name. */
static bool is_near(const struct reader_keeper *k, const char *path)
{
	const char *name = path_base(path);
	autofree char *place = place_of(path);
	return place && *name && strcmp(name, ".") && strcmp(name, "..") && strings_has(&k->places, place);
}

static size_t item_of(const struct reader_keeper *k, const char *path)
{
	for (size_t i = 0; i < k->point->count; i++)
		if (!strcmp(k->point->items[i].path, path))
			return i;
	return SIZE_MAX;
}

/* Named by who asked for all this. */
static bool is_named(const struct reader_keeper *k, const char *path)
{
	return item_of(k, path) != SIZE_MAX || strings_has(k->keys, path) || (k->source && !strcmp(k->source, path));
}

/* A link must not lead elsewhere. */
static bool stays(const struct reader_keeper *k, const char *path)
{
	autofree char *real = realpath(path, NULL);
	return !real || is_near(k, real);
}

/* What speaks against opening it, or 0. That a link leads elsewhere does not mean that nothing is there: EXDEV. */
static int refusal(const struct reader_keeper *k, const char *path)
{
	if (is_named(k, path))
		return 0;
	return !is_near(k, path) || !sidecar_may_be(path_base(path)) ? EACCES : stays(k, path) ? 0 : EXDEV;
}

/* errno. A link may have been put there between looking and opening; and with a directory one could look around. */
static int fault_of(const struct reader_keeper *k, int fd)
{
	char name[64], path[PATH_MOST];
	struct stat st;
	if (fstat(fd, &st) < 0 || S_ISDIR(st.st_mode))
		return EISDIR;
	snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	ssize_t n = readlink(name, path, sizeof path - 1);
	path[n < 0 ? 0 : n] = '\0';
	return n > 0 && is_near(k, path) ? 0 : EXDEV;
}

static void put_errno(struct wire_out *answer, int sys)
{
	wire_put_u32(answer, (uint32_t)sys);
}

/*
 * Only what the reader may go on asking about is kept, and each file once: it may open without end, and what this
 * process has open is for all hosts. *number 0: it is not.
 */
static int keep(struct reader_keeper *k, int fd, size_t index, uint32_t *number, struct error *e)
{
	struct stat st;
	*number = 0;
	if (fstat(fd, &st) < 0)
		return 0;
	vec_each(&k->files, it)
	{
		if (it->index == index && it->st.st_ino == st.st_ino && it->st.st_dev == st.st_dev) {
			*number = (uint32_t)(it - k->files.items) + 1;
			return 0;
		}
	}
	if (index == SIZE_MAX && k->beside++ >= BESIDE_MOST)
		return 0;
	int own = fcntl(fd, F_DUPFD_CLOEXEC, 0);
	struct kept *to = own < 0 ? NULL : vec_push(&k->files);
	if (!to) {
		close_auto(&own);
		return own < 0 ? 0 : error_nomem(e);
	}
	*to = (struct kept){own, index, st};
	*number = (uint32_t)k->files.count;
	return 0;
}

static int answer_open(struct reader_keeper *k, enum door_how how, const char *path, struct wire_out *answer, int *fd,
		       struct error *e)
{
	uint32_t number = 0;
	if (++k->opens > OPENS_MOST)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "it opens files without end");
	int sys = refusal(k, path);
	*fd = sys ? -1 : door_open(path, how);
	if (!sys && *fd < 0)
		sys = errno;
	if (!sys && !is_named(k, path) && (sys = fault_of(k, *fd))) {
		close(*fd);
		*fd = -1;
	}
	if (!sys && how == DOOR_READ && keep(k, *fd, item_of(k, path), &number, e) < 0)
		return -1;
	put_errno(answer, sys);
	wire_put_u32(answer, number);
	return 0;
}

bool reader_keeper_has(const struct reader_keeper *k, const struct stat *st)
{
	vec_each(&k->files, it) if (it->st.st_ino == st->st_ino && it->st.st_dev == st->st_dev) return true;
	return false;
}

static struct kept *kept_of(struct reader_keeper *k, uint32_t number)
{
	return number && number <= k->files.count ? &k->files.items[number - 1] : NULL;
}

static int answer_again(struct reader_keeper *k, uint32_t number, struct wire_out *answer, int *fd, struct error *e)
{
	const struct kept *it = kept_of(k, number);
	if (++k->opens > OPENS_MOST)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "it opens files without end");
	*fd = it ? door_again(it->fd) : (errno = EBADF, -1);
	put_errno(answer, *fd < 0 ? errno : 0);
	wire_put_u32(answer, 0);
	return 0;
}

static void answer_stat(struct reader_keeper *k, bool follow, const char *path, struct wire_out *answer)
{
	struct stat st = {0};
	bool allowed = is_named(k, path) || is_near(k, path);
	int sys = allowed && door_stat(path, follow, &st) == 0 ? 0 : allowed ? errno : EACCES;
	put_errno(answer, sys);
	wire_put(answer, &st, sizeof st);
}

static void answer_real(struct reader_keeper *k, const char *path, struct wire_out *answer)
{
	autofree char *real = realpath(path, NULL);
	int sys = real ? 0 : errno;
	/* What it may know of anyway: its own directories, and what lies in them. */
	if (real && strcmp(path, ".") && !strings_has(&k->places, real) && !is_near(k, real))
		sys = EACCES;
	put_errno(answer, sys);
	wire_put_string(answer, sys ? NULL : real);
}

/* Of all that lies in a directory it learns only what it may open. */
static void answer_names(struct reader_keeper *k, uint64_t most, const char *path, struct wire_out *answer)
{
	struct strings names = {0};
	autofree char *real = realpath(path, NULL);
	size_t count = most <= READER_NAMES_MOST ? (size_t)most : READER_NAMES_MOST + 1;
	int sys = !real ? errno : !strings_has(&k->places, real) ? EACCES : 0;
	if (!sys && door_names(real, sidecar_may_be, count, &names) < 0)
		sys = errno;
	put_errno(answer, names.count > READER_NAMES_MOST ? EOVERFLOW : sys);
	wire_put_strings(answer, &names);
	strings_free(&names);
}

static int answer_cached(struct reader_keeper *k, struct wire_in *q, struct wire_out *answer)
{
	uint8_t cached[READER_CACHED_MOST];
	const struct kept *it = kept_of(k, wire_get_u32(q));
	uint64_t off = wire_get_u64(q), granule = wire_get_u64(q), count = wire_get_u64(q), end;
	if (count > READER_CACHED_MOST || !granule || mul_overflows(granule, count, &end) ||
	    add_overflows(off, end, &end) || end > INT64_MAX)
		wire_bad(q, "pieces of a file that can't be");
	if (q->bad)
		return 0;
	/* Of what is not known, nothing is taken away. */
	memset(cached, 1, sizeof cached);
	if (it)
		door_cached(it->fd, off, granule, (size_t)count, cached);
	wire_put(answer, cached, (size_t)count);
	return 0;
}

int reader_keeper_answer(struct reader_keeper *k, enum reader_message kind, struct wire_in *q, struct wire_out *answer,
			 int *fd, struct error *e)
{
	autofree char *path = NULL;
	uint64_t number = 0;
	int rc = 0;
	*fd = -1;
	if (kind == READER_OPEN || kind == READER_STAT)
		number = wire_get_enum(q, 2);
	if (kind == READER_NAMES)
		number = wire_get_u64(q);
	if (kind == READER_WRITTEN || kind == READER_AGAIN)
		number = wire_get_u32(q);
	if (kind == READER_CACHED)
		rc = answer_cached(k, q, answer);
	else if (kind != READER_WRITTEN && kind != READER_AGAIN && !(path = wire_get_string(q, PATH_MOST)))
		wire_bad(q, "a question without a name");
	if (!wire_in_done(q))
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s", q->why ? q->why : "a question too long");
	if (kind == READER_OPEN)
		rc = answer_open(k, (enum door_how)number, path, answer, fd, e);
	else if (kind == READER_STAT)
		answer_stat(k, number, path, answer);
	else if (kind == READER_REAL)
		answer_real(k, path, answer);
	else if (kind == READER_NAMES)
		answer_names(k, number, path, answer);
	else if (kind == READER_WRITTEN)
		wire_put_u8(answer, kept_of(k, (uint32_t)number) &&
					    door_written(kept_of(k, (uint32_t)number)->fd));
	else if (kind == READER_AGAIN)
		rc = answer_again(k, (uint32_t)number, answer, fd, e);
	else if (kind != READER_CACHED)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a question of no kind");
	return answer->failed ? error_nomem(e) : rc;
}
