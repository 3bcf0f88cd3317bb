// SPDX-License-Identifier: GPL-3.0-or-later
/* Messages between a reader and the gate. */
#include <errno.h>
#include <sys/socket.h>

#include "reader.h"

#define SEND_MOST_NS (INT64_C(20) * 1000000000)

/* What is left of two pieces, n bytes further on. */
static void advance(struct iovec v[2], size_t n)
{
	for (int i = 0; i < 2; i++) {
		size_t part = n < v[i].iov_len ? n : v[i].iov_len;
		v[i].iov_base = (uint8_t *)v[i].iov_base + part;
		v[i].iov_len -= part;
		n -= part;
	}
}

static int send_all(int fd, struct iovec v[2], int passed_fd, struct error *e)
{
	int64_t end = monotonic_ns() + SEND_MOST_NS;
	while (v[0].iov_len || v[1].iov_len) {
		union {
			struct cmsghdr head;
			char room[CMSG_SPACE(sizeof(int))];
		} control = {0};
		struct msghdr m = {.msg_iov = v, .msg_iovlen = 2};
		if (passed_fd >= 0) {
			m.msg_control = &control;
			m.msg_controllen = sizeof control;
			control.head = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof(int)),
							.cmsg_level = SOL_SOCKET,
							.cmsg_type = SCM_RIGHTS};
			memcpy(CMSG_DATA(&control.head), &passed_fd, sizeof passed_fd);
		}
		ssize_t n = sendmsg(fd, &m, MSG_NOSIGNAL);
		if (n < 0 && errno == EINTR)
			continue;
		/* Only the gate's end has a time: a reader that asks and does not listen must not hold it up. */
		if (n < 0 && errno == EAGAIN)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "it does not listen to its answers");
		if (n < 0)
			return error_sys(e, "talking to a reader");
		passed_fd = -1;
		advance(v, (size_t)n);
		if ((v[0].iov_len || v[1].iov_len) && monotonic_ns() > end)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "it hardly listens to its answers");
	}
	return 0;
}

int reader_send(int fd, enum reader_message kind, const void *body, size_t length, int passed_fd, struct error *e)
{
	uint8_t head[READER_HEAD] = {(uint8_t)kind};
	if (length > UINT32_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "too long a message");
	for (int i = 0; i < 4; i++)
		head[4 + i] = (uint8_t)(length >> 8 * i);
	/* One call for both: whoever waits for it wakes up once. */
	struct iovec v[2] = {{.iov_base = head, .iov_len = sizeof head},
			     {.iov_base = (void *)(uintptr_t)body, .iov_len = length}};
	return send_all(fd, v, passed_fd, e);
}

/* The first that came. Room for one has room for two, as it is rounded up: others are closed. */
static void keep_fd(struct msghdr *m, int *passed_fd)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(m); c; c = CMSG_NXTHDR(m, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		size_t count = (c->cmsg_len - CMSG_LEN(0)) / sizeof(int);
		for (size_t i = 0; i < count; i++) {
			int got;
			memcpy(&got, CMSG_DATA(c) + i * sizeof got, sizeof got);
			if (*passed_fd >= 0)
				close(got);
			else
				*passed_fd = got;
		}
	}
}

int reader_receive(int fd, void *to, size_t length, int *passed_fd, struct error *e)
{
	size_t done = 0;
	if (passed_fd)
		*passed_fd = -1;
	while (done < length) {
		union {
			struct cmsghdr head;
			char room[CMSG_SPACE(sizeof(int))];
		} control;
		struct iovec v = {.iov_base = (uint8_t *)to + done, .iov_len = length - done};
		struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
		/* Nobody takes a descriptor who did not ask for one: the kernel closes it. */
		if (passed_fd) {
			m.msg_control = &control;
			m.msg_controllen = sizeof control;
		}
		ssize_t n = recvmsg(fd, &m, MSG_CMSG_CLOEXEC);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "listening to a reader");
		if (n > 0 && passed_fd)
			keep_fd(&m, passed_fd);
		if (n == 0 && !done)
			return 0;
		if (n == 0)
			return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "the other end broke off in the middle");
		done += (size_t)n;
	}
	return 1;
}

int reader_head(const uint8_t head[READER_HEAD], enum reader_message *kind, size_t *length, struct error *e)
{
	if (!head[0] || head[0] >= READER_MESSAGES || head[1] || head[2] || head[3])
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "a message of no kind");
	*kind = (enum reader_message)head[0];
	*length = get_le32(head + 4);
	return 0;
}

void *reader_hear(enum reader_message wanted, size_t most, size_t *length, int *fd)
{
	uint8_t head[READER_HEAD];
	enum reader_message kind;
	struct error e;
	if (reader_receive(READER_SOCKET, head, sizeof head, fd, &e) <= 0 || reader_head(head, &kind, length, &e) < 0 ||
	    kind != wanted || *length > most)
		return NULL;
	autofree uint8_t *data = malloc(*length + 1);
	if (data && *length && reader_receive(READER_SOCKET, data, *length, NULL, &e) <= 0)
		return NULL;
	return take(data);
}
