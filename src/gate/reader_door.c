// SPDX-License-Identifier: GPL-3.0-or-later
/* A reader's side of the door: each call is a question to the gate, one at a time. */
#include <errno.h>
#include <pthread.h>

#include "backproof/door.h"
#include "reader.h"

#define ANSWER_MOST (256 * MIB)
#define FILES_MOST 4096 /* descriptors whose numbers are kept */

static int gate = -1;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
/* The gate's numbers of open files; 0: it keeps none. */
static uint32_t numbers[FILES_MOST];

/* The gate is gone, or speaks another language: nothing can be told to anybody any more. */
__attribute__((noreturn)) static void lost(void)
{
	_exit(EXIT_FAILURE);
}

struct reply {
	uint8_t *data;
	int fd;
	struct wire_in in;
};

static void ask(enum reader_message kind, struct wire_out *question, struct reply *out)
{
	uint8_t head[READER_HEAD];
	enum reader_message got;
	size_t length;
	struct error e;
	memset(out, 0, sizeof *out);
	pthread_mutex_lock(&lock);
	if (question->failed || reader_send(gate, kind, question->data, question->length, -1, &e) < 0 ||
	    reader_receive(gate, head, sizeof head, &out->fd, &e) <= 0 || reader_head(head, &got, &length, &e) < 0 ||
	    got != READER_ANSWER || length > ANSWER_MOST || !(out->data = malloc(length + 1)) ||
	    (length && reader_receive(gate, out->data, length, NULL, &e) <= 0))
		lost();
	pthread_mutex_unlock(&lock);
	wire_out_free(question);
	wire_in_init(&out->in, out->data, length);
}

/* What an answer begins with. */
static int errno_of(struct reply *r)
{
	uint32_t sys = wire_get_u32(&r->in);
	if (r->in.bad)
		lost();
	errno = (int)sys;
	return sys ? -1 : 0;
}

static void note_number(int fd, uint32_t number)
{
	if (fd < FILES_MOST)
		__atomic_store_n(&numbers[fd], number, __ATOMIC_RELEASE);
}

static uint32_t number_of(int fd)
{
	return fd >= 0 && fd < FILES_MOST ? __atomic_load_n(&numbers[fd], __ATOMIC_ACQUIRE) : 0;
}

static int take_fd(struct reply *r)
{
	int rc = errno_of(r), sys = errno, fd = r->fd;
	uint32_t number = wire_get_u32(&r->in);
	free(r->data);
	if (rc == 0 && fd < 0) {
		sys = EMFILE; /* it was sent, and there is no room for it here */
		rc = -1;
	}
	if (rc < 0)
		close_auto(&fd);
	else
		note_number(fd, number);
	errno = sys;
	return rc < 0 ? -1 : fd;
}

static int ask_open(void *self, const char *path, enum door_how how)
{
	struct wire_out q = {0};
	struct reply r;
	(void)self;
	wire_put_u8(&q, (uint8_t)how);
	wire_put_string(&q, path);
	ask(READER_OPEN, &q, &r);
	return take_fd(&r);
}

static int ask_again(void *self, int fd)
{
	struct wire_out q = {0};
	struct reply r;
	(void)self;
	wire_put_u32(&q, number_of(fd));
	ask(READER_AGAIN, &q, &r);
	return take_fd(&r);
}

static int ask_stat(void *self, const char *path, bool follow, struct stat *out)
{
	struct wire_out q = {0};
	struct reply r;
	(void)self;
	wire_put_u8(&q, follow);
	wire_put_string(&q, path);
	ask(READER_STAT, &q, &r);
	int rc = errno_of(&r), sys = errno;
	const void *st = wire_get(&r.in, sizeof *out);
	if (rc == 0 && !st)
		lost();
	if (rc == 0)
		memcpy(out, st, sizeof *out);
	free(r.data);
	errno = sys;
	return rc;
}

static char *ask_real(void *self, const char *path)
{
	struct wire_out q = {0};
	struct reply r;
	(void)self;
	wire_put_string(&q, path);
	ask(READER_REAL, &q, &r);
	int rc = errno_of(&r), sys = errno;
	char *real = rc == 0 ? wire_get_string(&r.in, 64 * KIB) : NULL;
	free(r.data);
	errno = rc == 0 && !real ? ENOMEM : sys;
	return real;
}

static int ask_names(void *self, const char *directory, size_t most, struct strings *out)
{
	struct wire_out q = {0};
	struct reply r;
	(void)self;
	wire_put_u64(&q, most);
	wire_put_string(&q, directory);
	ask(READER_NAMES, &q, &r);
	int rc = errno_of(&r), sys = errno;
	if (rc == 0) {
		wire_get_strings(&r.in, out, SIZE_MAX, 64 * KIB);
		if (r.in.bad) {
			sys = ENOMEM;
			rc = -1;
		}
	}
	free(r.data);
	errno = sys;
	return rc;
}

static bool ask_written(void *self, int fd)
{
	struct wire_out q = {0};
	struct reply r;
	(void)self;
	wire_put_u32(&q, number_of(fd));
	ask(READER_WRITTEN, &q, &r);
	bool is = wire_get_bool(&r.in);
	free(r.data);
	return is;
}

static void ask_cached(void *self, int fd, uint64_t off, uint64_t granule, size_t count, uint8_t *out)
{
	(void)self;
	/* Of what is not known, nothing is taken away. */
	memset(out, 1, count);
	for (size_t done = 0, n; done < count && number_of(fd); done += n) {
		struct wire_out q = {0};
		struct reply r;
		n = count - done < READER_CACHED_MOST ? count - done : READER_CACHED_MOST;
		wire_put_u32(&q, number_of(fd));
		wire_put_u64(&q, off + done * granule);
		wire_put_u64(&q, granule);
		wire_put_u64(&q, n);
		ask(READER_CACHED, &q, &r);
		const void *told = wire_get(&r.in, n);
		if (told)
			memcpy(out + done, told, n);
		free(r.data);
	}
}

void reader_door_say(enum reader_message kind, struct wire_out *what)
{
	struct error e;
	pthread_mutex_lock(&lock);
	if (what->failed || reader_send(gate, kind, what->data, what->length, -1, &e) < 0)
		lost();
	pthread_mutex_unlock(&lock);
	wire_out_free(what);
}

void reader_door_progress(const struct budget *b)
{
	struct wire_out w = {0};
	wire_put_u64(&w, b->bytes_read);
	wire_put_u64(&w, b->bytes_total);
	wire_put_u64(&w, b->bytes_decoded);
	wire_put_string(&w, b->stage);
	reader_door_say(READER_PROGRESS, &w);
}

bool reader_door_pace(uint64_t bytes)
{
	struct wire_out q = {0};
	struct reply r;
	wire_put_u64(&q, bytes);
	ask(READER_PACE, &q, &r);
	bool on = wire_get_bool(&r.in);
	free(r.data);
	return on;
}

void reader_door_open(int fd)
{
	static const struct door_keeper keeper = {.open = ask_open,
						  .stat = ask_stat,
						  .real = ask_real,
						  .names = ask_names,
						  .written = ask_written,
						  .cached = ask_cached,
						  .again = ask_again};
	gate = fd;
	door_keep(&keeper);
}
