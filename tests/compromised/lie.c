// SPDX-License-Identifier: GPL-3.0-or-later
/* What a reader might tell the gate. The gate's answer is its verdict: the script that runs this looks at it. */
#include <fcntl.h>
#include <sys/socket.h>
#include <time.h>

#include "../../src/gate/reader.h"
#include "attempt.h"
#include "backproof/door.h"

#define SOCKET READER_SOCKET

static const uint8_t nonsense[32] = {1, 2, 3, 4};

/* As a reader is, that has found nothing but good; of `count` files, which it says that it has read, or not. */
static void put_safe(struct wire_out *w, size_t count, bool read_whole, uint64_t bytes, enum outcome outcome)
{
	struct host_result r = {.hostname = (char *)"web01"};
	struct reader_file files[8] = {0};
	if (findings_init(&r.findings) < 0)
		_exit(ATTEMPT_UNKNOWN);
	for (int i = 0; i < PROOF_COUNT; i++)
		finding_add(&r.findings, (enum proof)i, "forged", "web01", outcome, NULL, "all is well, believe me");
	r.measures = (struct measures){.bytes_read = bytes, .bytes_decoded = bytes, .files_sampled = 20,
				       .files_restored = 20, .bytes_restored = 1000, .restore_seconds = 1,
				       .image_data = bytes};
	r.taken_at = time(NULL) - 100;
	for (size_t i = 0; i < count; i++) {
		struct proved_file *f = vec_push(&r.files);
		if (!f)
			_exit(ATTEMPT_UNKNOWN);
		f->has_sha256 = f->has_fsverity = read_whole;
		memcpy(f->sha256, nonsense, 32);
		memcpy(f->fsverity, nonsense, 32);
		files[i].read_whole = read_whole;
	}
	reader_result_put(w, &r, files, count);
}

/* What the gate takes its time over, is waited for. */
static bool lasting(void)
{
	uint8_t head[READER_HEAD];
	struct error e;
	(void)!reader_receive(SOCKET, head, sizeof head, NULL, &e);
	_exit(0);
}

static bool forge(size_t count, bool read_whole, const char *bytes)
{
	struct wire_out w = {0};
	put_safe(&w, count, read_whole, strtoull(bytes, NULL, 10), OUTCOME_HELD);
	reader_door_say(READER_RESULT, &w);
	return lasting();
}
/* The argument is the size of the file. */
static bool says_safe(const char *bytes) { return forge(1, true, bytes); }
static bool says_safe_unread(const char *bytes) { return forge(1, false, bytes); }
static bool says_safe_of_little(const char *unused) { return (void)unused, forge(1, false, "1"); }
static bool says_other_files(const char *bytes) { return forge(3, true, bytes); }
static bool says_no_files(const char *bytes) { return forge(0, true, bytes); }
/* First that nothing is proved, then that all is. */
static bool says_twice(const char *bytes)
{
	struct wire_out first = {0}, second = {0};
	put_safe(&first, 1, false, strtoull(bytes, NULL, 10), OUTCOME_UNPROVEN);
	put_safe(&second, 1, true, strtoull(bytes, NULL, 10), OUTCOME_HELD);
	reader_door_say(READER_RESULT, &first);
	reader_door_say(READER_RESULT, &second);
	return lasting();
}
static bool says_outcome(const char *unused)
{
	struct wire_out w = {0};
	(void)unused;
	put_safe(&w, 1, true, 1, (enum outcome)99);
	reader_door_say(READER_RESULT, &w);
	return lasting();
}
static bool says_less(const char *bytes)
{
	struct wire_out w = {0};
	put_safe(&w, 1, true, strtoull(bytes, NULL, 10), OUTCOME_HELD);
	w.length -= 20;
	reader_door_say(READER_RESULT, &w);
	return lasting();
}
static bool says_more(const char *bytes)
{
	struct wire_out w = {0};
	put_safe(&w, 1, true, strtoull(bytes, NULL, 10), OUTCOME_HELD);
	wire_put_u64(&w, 1);
	reader_door_say(READER_RESULT, &w);
	return lasting();
}
/* That it is confined twice as well. */
static bool says_confined(const char *unused)
{
	struct wire_out w = {0};
	struct confinement c = {.reader = true, .landlock = 9, .seccomp = true};
	(void)unused;
	reader_confined_put(&w, &c);
	reader_door_say(READER_CONFINED, &w);
	return lasting();
}
static bool head(unsigned kind, uint32_t length)
{
	uint8_t h[READER_HEAD] = {(uint8_t)kind};
	for (int i = 0; i < 4; i++)
		h[4 + i] = (uint8_t)(length >> 8 * i);
	return send(SOCKET, h, sizeof h, MSG_NOSIGNAL) == (ssize_t)sizeof h;
}
static bool says_request(const char *unused) { return (void)unused, head(READER_REQUEST, 0), lasting(); }
static bool says_done(const char *unused) { return (void)unused, head(READER_DONE, 0), lasting(); }
static bool says_unknown(const char *unused) { return (void)unused, head(200, 0), lasting(); }
static bool says_huge(const char *unused) { return (void)unused, head(READER_RESULT, UINT32_MAX), lasting(); }
static bool says_half(const char *unused)
{
	(void)unused;
	head(READER_RESULT, 1000);
	_exit(0);
}
static bool says_random(const char *unused)
{
	struct rng r = {4711};
	(void)unused;
	for (;;) {
		uint64_t v = rng_next(&r);
		if (send(SOCKET, &v, sizeof v, MSG_NOSIGNAL) < 0)
			_exit(0);
	}
	return false;
}
static bool says_random_result(const char *unused)
{
	struct rng r = {4711};
	struct wire_out w = {0};
	(void)unused;
	for (int i = 0; i < 10000; i++)
		wire_put_u64(&w, rng_next(&r));
	reader_door_say(READER_RESULT, &w);
	return lasting();
}
/* A byte now and then, of a message that never ends. */
static bool says_endlessly(const char *unused)
{
	(void)unused;
	for (head(READER_RESULT, 200 * 1024 * 1024); send(SOCKET, "", 1, MSG_NOSIGNAL) == 1;)
		usleep(20000);
	_exit(0);
}
static bool asks_endlessly(const char *path)
{
	struct stat st;
	while (door_stat(path, true, &st) <= 0)
		;
	return false;
}
static bool progresses_endlessly(const char *unused)
{
	struct budget b = {0};
	(void)unused;
	for (;; b.bytes_read++)
		reader_door_progress(&b);
	return false;
}
/* Asks, and never takes an answer. */
static bool deaf(const char *path)
{
	struct wire_out q = {0};
	struct error e;
	wire_put_u64(&q, READER_NAMES_MOST);
	wire_put_string(&q, path);
	while (reader_send(SOCKET, READER_NAMES, q.data, q.length, -1, &e) == 0)
		;
	_exit(0);
}
static bool hangs_up(const char *unused)
{
	(void)unused;
	close(SOCKET);
	sleep(1000);
	_exit(0);
}
/* Descriptors that nobody asked for. */
static bool passes_descriptors(const char *unused)
{
	struct error e;
	(void)unused;
	for (int i = 0; i < 3000; i++)
		if (reader_send(SOCKET, READER_PROGRESS, nonsense, 0, 4, &e) < 0)
			break;
	_exit(0);
}

const struct attempt attempts_lie[] = {
#define A(fn) {#fn, fn}
	A(says_safe), A(says_safe_unread), A(says_safe_of_little), A(says_other_files), A(says_no_files), A(says_twice),
	A(says_outcome), A(says_less), A(says_more), A(says_confined), A(says_request), A(says_done), A(says_unknown),
	A(says_huge), A(says_half), A(says_random), A(says_random_result), A(says_endlessly), A(asks_endlessly),
	A(progresses_endlessly), A(deaf), A(hangs_up), A(passes_descriptors), {0},
};
