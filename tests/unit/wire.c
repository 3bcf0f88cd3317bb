// SPDX-License-Identifier: GPL-3.0-or-later
/* What goes over a wire comes off it; what is cut, too large or no such thing makes it bad, once and for all. */
#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <sys/socket.h>

#include "backproof/wire.h"
#include "test.h"
#include "../../src/gate/reader.h"

static struct error e;

static void put_all(struct wire_out *w, const struct strings *list)
{
	wire_put_u8(w, 1);
	wire_put_u8(w, 6);
	wire_put_u32(w, 0xdeadbeef);
	wire_put_u64(w, UINT64_MAX);
	wire_put_i64(w, INT64_MIN);
	wire_put_double(w, 0.25);
	wire_put_string(w, NULL);
	wire_put_string(w, "");
	wire_put_string(w, "text");
	wire_put_strings(w, list);
	wire_put_strings(w, NULL);
}

static bool take_all(const void *data, size_t length)
{
	struct wire_in w;
	struct strings got = {0}, none = {0};
	wire_in_init(&w, data, length);
	bool good = wire_get_bool(&w);
	good &= wire_get_enum(&w, 7) == 6;
	good &= wire_get_u32(&w) == 0xdeadbeef;
	good &= wire_get_u64(&w) == UINT64_MAX;
	good &= wire_get_i64(&w) == INT64_MIN;
	good &= wire_get_double(&w) == 0.25;
	char *absent = wire_get_string(&w, 10), *empty = wire_get_string(&w, 10), *text = wire_get_string(&w, 4);
	good &= !absent && empty && !*empty && text && !strcmp(text, "text");
	wire_get_strings(&w, &got, 2, 3);
	good &= got.count == 2 && !strcmp(got.items[0], "one") && !strcmp(got.items[1], "two");
	wire_get_strings(&w, &none, 2, 3);
	good &= !none.count;
	CHECK(w.bad == (w.why != NULL));
	CHECK(!w.bad || !wire_in_done(&w));
	good &= wire_in_done(&w);
	free(absent);
	free(empty);
	free(text);
	strings_free(&got);
	strings_free(&none);
	return good;
}

static void all_of_it_or_nothing(void)
{
	struct wire_out w = {0};
	struct strings list = {0};
	NEED(!strings_add(&list, "one") && !strings_add(&list, "two"));
	put_all(&w, &list);
	CHECK(!w.failed);
	CHECK(take_all(w.data, w.length));
	for (size_t n = 0; n < w.length; n++) {
		uint8_t *cut = malloc(n + 1); /* its very size: a sanitizer sees more */
		NEED(cut);
		memcpy(cut, w.data, n);
		CHECK(!take_all(cut, n));
		free(cut);
	}
	wire_put_u8(&w, 0);
	CHECK(!take_all(w.data, w.length)); /* something is left over */
	strings_free(&list);
	wire_out_free(&w);
	CHECK(!w.data && !w.length);
}

/* Bytes that are taken as one thing: bad, with the reason, and then nothing more comes off. */
#define BAD(reason, take, ...)                                                                     \
	do {                                                                                       \
		static const uint8_t bytes_[] = {__VA_ARGS__, 1};                                  \
		struct wire_in w;                                                                  \
		wire_in_init(&w, bytes_, sizeof bytes_);                                           \
		CHECK(!(take));                                                                    \
		CHECK(w.bad);                                                                      \
		CHECK_STR(w.why ? w.why : "(none)", reason);                                       \
		CHECK(!wire_in_done(&w));                                                          \
		const uint8_t *at = w.at;                                                          \
		CHECK(!wire_get_u8(&w) && !wire_get_u64(&w) && !wire_get(&w, 0) && w.at == at);    \
		CHECK(!wire_get_string(&w, 9) && !wire_get_count(&w, 1, 9) && !wire_get_bool(&w)); \
		wire_bad(&w, "another");                                                           \
		CHECK_STR(w.why, reason); /* the first is told */                                  \
	} while (0)

static bool list_of(struct wire_in *w)
{
	struct strings got = {0};
	wire_get_strings(w, &got, 3, 3);
	bool any = w->bad ? false : got.count;
	strings_free(&got);
	return any;
}

static void what_can_not_be(void)
{
	BAD("a value that does not exist", wire_get_bool(&w), 2);
	BAD("a value that does not exist", wire_get_enum(&w, 7), 7);
	BAD("it ends in the middle", wire_get_u32(&w), 1, 2);
	BAD("it ends in the middle", wire_get_u64(&w), 1, 2, 3, 4, 5, 6);
	BAD("a number that is none", wire_get_double(&w), 0, 0, 0, 0, 0, 0, 0xf0, 0x7f); /* infinite */
	BAD("a number that is none", wire_get_double(&w), 1, 0, 0, 0, 0, 0, 0xf8, 0x7f); /* NaN */
	BAD("a number that is none", wire_get_double(&w), 0, 0, 0, 0, 0, 0, 0xf0, 0xbf); /* -1 */
	BAD("more of something than there can be", wire_get_count(&w, 1, 3), 4, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3);
	BAD("more of something than there can be", wire_get_count(&w, 3, 9), 2, 0, 0, 0, 0, 0, 0, 0, 1, 2);
	BAD("a text that is too long", wire_get_string(&w, 1), 2, 0, 0, 0, 'a', 'b');
	BAD("a text with a NUL in it", wire_get_string(&w, 9), 2, 0, 0, 0, 'a', 0);
	BAD("it ends in the middle", wire_get_string(&w, 9), 9, 0, 0, 0, 'a');
	BAD("a list with a text missing", list_of(&w), 2, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff, 0, 0,
	    0, 0);
}

/* What would be too much to send fails before it is put anywhere. */
static void too_much(void)
{
	struct wire_out w = {.length = SIZE_MAX};
	wire_put_u8(&w, 1);
	CHECK(w.failed && !w.data);
	w = (struct wire_out){.length = GIB / 2};
	wire_put_u8(&w, 1);
	CHECK(w.failed && !w.data);
	wire_put_u8(&w, 1); /* it sticks */
	CHECK(w.failed && w.length == GIB / 2);
	/* Larger than what is put in at first, byte by byte and at once. */
	w = (struct wire_out){0};
	static uint8_t many[5000];
	memset(many, 7, sizeof many);
	for (int i = 0; i < 5000; i++)
		wire_put_u8(&w, 7);
	wire_put(&w, many, sizeof many);
	CHECK(!w.failed && w.length == 10000 && !memcmp(w.data + 5000, many, 5000) && !memcmp(w.data, many, 5000));
	wire_out_free(&w);
}

static void heads(void)
{
	enum reader_message kind;
	size_t length;
	for (int first = 0; first < 256; first++) {
		uint8_t head[READER_HEAD] = {(uint8_t)first, 0, 0, 0, 1, 2, 0, 0};
		int rc = reader_head(head, &kind, &length, &e);
		CHECK_INT(rc, first > 0 && first < READER_MESSAGES ? 0 : -1);
		if (rc == 0)
			CHECK(kind == (enum reader_message)first && length == 0x201);
		else
			CHECK_INT(e.cls, ERROR_CORRUPT);
	}
	for (int i = 1; i < 4; i++) {
		uint8_t head[READER_HEAD] = {READER_RESULT};
		head[i] = 1;
		CHECK(reader_head(head, &kind, &length, &e) < 0);
	}
}

static void messages(void)
{
	int pair[2], passed, other;
	uint8_t head[READER_HEAD], body[8];
	enum reader_message kind;
	size_t length;
	NEED(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
	NEED(fd >= 0);
	CHECK(reader_send(pair[0], READER_ANSWER, "answer", 6, fd, &e) == 0);
	CHECK_INT(reader_receive(pair[1], head, sizeof head, &passed, &e), 1);
	CHECK(reader_head(head, &kind, &length, &e) == 0 && kind == READER_ANSWER && length == 6);
	CHECK(passed >= 0 && passed != fd && fcntl(passed, F_GETFD) == FD_CLOEXEC);
	CHECK_INT(reader_receive(pair[1], body, 6, &other, &e), 1);
	CHECK(!memcmp(body, "answer", 6));
	CHECK_INT(other, -1);
	close(passed);
	/* Whoever did not ask for a descriptor has none afterwards. */
	int next = dup(fd);
	close(next);
	CHECK(reader_send(pair[0], READER_DONE, NULL, 0, fd, &e) == 0);
	CHECK_INT(reader_receive(pair[1], head, sizeof head, NULL, &e), 1);
	int now = dup(fd);
	CHECK_INT(now, next);
	close(now);
	/* Of two, one is kept. */
	CHECK(reader_send(pair[0], READER_DONE, NULL, 0, fd, &e) == 0);
	CHECK(reader_send(pair[0], READER_DONE, NULL, 0, fd, &e) == 0);
	uint8_t both[2 * READER_HEAD];
	CHECK_INT(reader_receive(pair[1], both, sizeof both, &passed, &e), 1);
	CHECK_INT(passed, next);
	now = dup(fd);
	CHECK_INT(now, next + 1);
	close(now);
	close(passed);
	/* It breaks off in the middle, then there is nothing. */
	CHECK(write(pair[0], "abc", 3) == 3);
	close(pair[0]);
	CHECK_INT(reader_receive(pair[1], body, 4, &passed, &e), -1);
	CHECK(strstr(e.text, "broke off"));
	CHECK_INT(reader_receive(pair[1], body, 4, &passed, &e), 0);
	CHECK_INT(reader_send(pair[1], READER_DONE, "x", 1, -1, &e), -1);
	CHECK_INT(e.sys, EPIPE);
	close(pair[1]);
	CHECK_INT(reader_receive(pair[1], body, 4, NULL, &e), -1);
	CHECK_INT(e.sys, EBADF);
	CHECK_INT(reader_send(fd, READER_DONE, NULL, (size_t)UINT32_MAX + 1, -1, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	close(fd);
}

int main(void)
{
	RUN(all_of_it_or_nothing);
	RUN(what_can_not_be);
	RUN(too_much);
	RUN(heads);
	RUN(messages);
	return test_done();
}
