// SPDX-License-Identifier: GPL-3.0-or-later
/* Messages when they come in pieces, late, not at all, or with what nobody asked for. */
#include "reader_help.h"

#include <netinet/in.h>

static struct error e;
static int pair[2];

static void fresh_pair(void)
{
	static bool open;
	if (open) {
		close(pair[0]);
		close(pair[1]);
	}
	NEED(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) == 0);
	open = true;
}

static void in_pieces(void)
{
	uint8_t head[READER_HEAD], body[10];
	enum reader_message kind;
	size_t length;
	fresh_pair();
	fail_at("sendmsg", 0, 0); /* three bytes a time: within the head, and within the body */
	CHECK_INT(reader_send(pair[0], READER_ANSWER, "0123456789", 10, -1, &e), 0);
	CHECK(fail_no_more() == 7);
	fail_at("recvmsg", 1, EINTR);
	CHECK_INT(reader_receive(pair[1], head, sizeof head, NULL, &e), 1);
	CHECK(fail_no_more());
	CHECK(reader_head(head, &kind, &length, &e) == 0 && kind == READER_ANSWER && length == 10);
	CHECK_INT(reader_receive(pair[1], body, sizeof body, NULL, &e), 1);
	CHECK(!memcmp(body, "0123456789", 10));
	fail_at("sendmsg", 1, EIO);
	CHECK_INT(reader_send(pair[0], READER_ANSWER, "x", 1, -1, &e), -1);
	CHECK_INT(e.cls, ERROR_IO);
	fail_at("sendmsg", 1, EAGAIN);
	CHECK_INT(reader_send(pair[0], READER_ANSWER, "x", 1, -1, &e), -1);
	CHECK(strstr(e.text, "does not listen") && e.cls == ERROR_LIMIT);
	fail_at("sendmsg", 1, EINTR);
	CHECK_INT(reader_send(pair[0], READER_ANSWER, "x", 1, -1, &e), 0);
	fail_at("recvmsg", 1, EIO);
	CHECK_INT(reader_receive(pair[1], head, sizeof head, NULL, &e), -1);
	CHECK_INT(e.cls, ERROR_IO);
	fail_no_more();
}

/* One that takes a byte now and then holds nobody up for long. */
static void hardly(void)
{
	static uint8_t much[4 * MIB];
	fresh_pair();
	fail_at("monotonic_ns", 2, 0); /* an hour later, when it is looked at again */
	fcntl(pair[0], F_SETFL, O_NONBLOCK); /* a part of it goes */
	CHECK_INT(reader_send(pair[0], READER_ANSWER, much, sizeof much, -1, &e), -1);
	CHECK_STR(e.text, "it hardly listens to its answers");
	fail_no_more();
}

static int pass(const int *fds, size_t count)
{
	char room[CMSG_SPACE(4 * sizeof(int))] = {0};
	struct iovec v = {.iov_base = (char *)"x", .iov_len = 1};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1, .msg_control = room,
			   .msg_controllen = CMSG_SPACE(count * sizeof(int))};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(count * sizeof(int));
	memcpy(CMSG_DATA(c), fds, count * sizeof(int));
	return __real_sendmsg(pair[0], &m, 0) == 1 ? 0 : -1;
}

/* Of several in one message one is kept, and none of the others stays open. */
static void several_at_once(void)
{
	uint8_t byte;
	int fds[4], passed;
	fresh_pair();
	for (int i = 0; i < 4; i++)
		NEED((fds[i] = open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0);
	int next = dup(0), second = dup(0);
	close(next);
	close(second);
	for (size_t count = 1; count <= 4; count++) {
		NEED(pass(fds, count) == 0);
		CHECK_INT(reader_receive(pair[1], &byte, 1, &passed, &e), 1);
		CHECK_INT(passed, next);
		int other = dup(0);
		CHECK_INT(other, second);
		close(other);
		close(passed);
		/* Who did not ask has none. */
		NEED(pass(fds, count) == 0);
		CHECK_INT(reader_receive(pair[1], &byte, 1, NULL, &e), 1);
		other = dup(0);
		CHECK_INT(other, next);
		close(other);
	}
	for (int i = 0; i < 4; i++)
		close(fds[i]);
}

/* What the kernel tells of a message besides is no descriptor. */
static void other_words(void)
{
	uint8_t byte;
	int passed, on = 1;
	fresh_pair();
	NEED(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, sizeof on) == 0);
	NEED(write(pair[0], "x", 1) == 1);
	CHECK_INT(reader_receive(pair[1], &byte, 1, &passed, &e), 1);
	CHECK_INT(passed, -1);
	struct sockaddr_in a = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
	socklen_t length = sizeof a;
	int in = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	NEED(in >= 0 && bind(in, (struct sockaddr *)&a, sizeof a) == 0);
	NEED(getsockname(in, (struct sockaddr *)&a, &length) == 0);
	NEED(setsockopt(in, IPPROTO_IP, IP_RECVTTL, &on, sizeof on) == 0);
	NEED(sendto(in, "x", 1, 0, (struct sockaddr *)&a, sizeof a) == 1);
	CHECK_INT(reader_receive(in, &byte, 1, &passed, &e), 1);
	CHECK_INT(passed, -1);
	close(in);
}

int main(void)
{
	RUN(in_pieces);
	RUN(hardly);
	RUN(several_at_once);
	RUN(other_words);
	return test_done();
}
