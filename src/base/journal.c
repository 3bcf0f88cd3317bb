// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * systemd.io/JOURNAL_NATIVE_PROTOCOL: one datagram an entry, "NAME=value\n" a field; a value that has lines of its own
 * stands behind its length, so that no text can begin a field. What no datagram has room for goes as a sealed memfd.
 */
#include "backproof/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdatomic.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>

#include "backproof/text.h"

#define JOURNAL_SOCKET "/run/systemd/journal/socket"
#define SYSLOG_SOCKET "/dev/log"
#define SYSLOG_DAEMON (3 << 3) /* facility */
#define VALUE_MOST (64 * KIB)
#define MESSAGE_MOST (4 * KIB)
#define SYSLOG_MOST (1 * KIB)

/*
 * Milliseconds that an entry may wait for a journal that is behind, and this process in all. One that has not taken an
 * entry in that time hangs, and is not waited for until it takes one again.
 */
#define WAIT_MOST 300
static atomic_int patience = 10000;
static atomic_bool hangs;

/* Escaped; with lines kept: each by itself. */
static void put_value(struct text *out, const char *value, size_t most, bool lines)
{
	autofree char *copy = text_bounded(value, strlen(value), most);
	if (!copy) {
		out->failed = true;
		return;
	}
	for (char *line = copy, *end; line; line = end) {
		end = lines ? strchr(line, '\n') : NULL;
		if (end)
			*end++ = 0;
		text_put_safe(out, line);
		if (end)
			text_put(out, "\n");
	}
}

static void put_field(struct text *out, const char *name, const char *value, size_t most, bool lines)
{
	autotext struct text safe = {0};
	uint8_t length[8];
	put_value(&safe, value, most, lines);
	out->failed |= safe.failed;
	text_put(out, name);
	if (!lines || !strchr(text_str(&safe), '\n')) {
		text_printf(out, "=%s\n", text_str(&safe));
		return;
	}
	for (size_t i = 0; i < sizeof length; i++)
		length[i] = (uint8_t)((uint64_t)safe.length >> 8 * i);
	text_put(out, "\n");
	text_put_bytes(out, length, sizeof length);
	text_put(out, text_str(&safe));
	text_put(out, "\n");
}

static bool is_name(const char *name)
{
	size_t n = strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_");
	return n && n <= 64 && !name[n] && name[0] >= 'A' && name[0] <= 'Z';
}

static bool wait_a_bit(int *waited)
{
	if (*waited >= WAIT_MOST || atomic_load(&hangs) || atomic_load(&patience) <= 0)
		return false;
	(void)poll(NULL, 0, 5);
	atomic_fetch_sub(&patience, 5);
	*waited += 5;
	return true;
}

static bool send_to(const char *path, const struct text *t, int attached)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {0};
	struct iovec data = {t->data, t->length};
	struct msghdr m = {.msg_name = &to, .msg_namelen = sizeof to};
	if (strlen(path) >= sizeof to.sun_path)
		return false;
	strcpy(to.sun_path, path);
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return false;
	if (attached < 0) {
		m.msg_iov = &data;
		m.msg_iovlen = 1;
	} else {
		m.msg_control = &control;
		m.msg_controllen = sizeof control;
		struct cmsghdr *c = CMSG_FIRSTHDR(&m);
		c->cmsg_level = SOL_SOCKET;
		c->cmsg_type = SCM_RIGHTS;
		c->cmsg_len = CMSG_LEN(sizeof attached);
		memcpy(CMSG_DATA(c), &attached, sizeof attached);
	}
	int waited = 0;
	while (sendmsg(fd, &m, MSG_NOSIGNAL) < 0) {
		int cause = errno;
		if (cause == EINTR || (cause == EAGAIN && wait_a_bit(&waited)))
			continue;
		if (cause == EAGAIN)
			atomic_store(&hangs, true);
		errno = cause;
		return false;
	}
	atomic_store(&hangs, false);
	return true;
}

/* The journal takes a descriptor only when nobody can change what it reads. */
static int sealed_copy(const struct text *t)
{
	autoclose int fd = memfd_create("backproof-journal", MFD_CLOEXEC | MFD_ALLOW_SEALING);
	for (size_t done = 0; fd >= 0 && done < t->length;) {
		ssize_t n = write(fd, t->data + done, t->length - done);
		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return -1;
		done += (size_t)n;
	}
	if (fd < 0 || fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE | F_SEAL_SEAL) < 0)
		return -1;
	int out = fd;
	fd = -1;
	return out;
}

static bool send_entry(const char *path, const struct text *t)
{
	if (send_to(path, t, -1))
		return true;
	if (errno != EMSGSIZE && errno != ENOBUFS)
		return false;
	autoclose int fd = sealed_copy(t);
	return fd >= 0 && send_to(path, t, fd);
}

/* RFC 3164, as syslogd takes it from its socket: the message, and nothing of the fields. */
static bool send_line(const char *path, enum journal_priority priority, const char *message)
{
	autotext struct text t = {0};
	char when[32];
	struct tm tm;
	time_t now = time(NULL);
	if (!localtime_r(&now, &tm) || !strftime(when, sizeof when, "%b %e %H:%M:%S", &tm))
		return false;
	text_printf(&t, "<%d>%s backproof[%d]: ", SYSLOG_DAEMON | (int)priority, when, (int)getpid());
	put_value(&t, message, SYSLOG_MOST, false);
	return !t.failed && send_to(path, &t, -1);
}

bool journal_send(const char *message_id, enum journal_priority priority, const char *message,
		  const struct journal_field *fields, size_t count)
{
	static const char syslog[] = "syslog:";
	autotext struct text t = {0};
	const char *path = secure_getenv("BACKPROOF_JOURNAL");
	if (path && !*path)
		path = NULL;
	if (path && !strcmp(path, "none"))
		return false;
	if (path && !strncmp(path, syslog, strlen(syslog)))
		return send_line(path + strlen(syslog), priority, message);
	put_field(&t, "MESSAGE", message, MESSAGE_MOST, false);
	text_printf(&t, "MESSAGE_ID=%s\nPRIORITY=%d\nSYSLOG_IDENTIFIER=backproof\n", message_id, (int)priority);
	for (size_t i = 0; i < count; i++)
		if (fields[i].value && is_name(fields[i].name))
			put_field(&t, fields[i].name, fields[i].value, VALUE_MOST, true);
	if (t.failed)
		return false;
	if (path)
		return send_entry(path, &t);
	return send_entry(JOURNAL_SOCKET, &t) || send_line(SYSLOG_SOCKET, priority, message);
}
