// SPDX-License-Identifier: GPL-3.0-or-later
/* Entries as a journal would read them: a socket of our own takes them, and a strict reader splits them. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#include "backproof/journal.h"
#include "backproof/text.h"
#include "test.h"

static char directory[64], socket_path[96];
static int server = -1;

static void listen_here(const char *prefix)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	char name[128];
	if (server >= 0)
		close(server);
	unlink(socket_path);
	strcpy(at.sun_path, socket_path);
	server = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	NEED(server >= 0 && bind(server, (struct sockaddr *)&at, sizeof at) == 0);
	snprintf(name, sizeof name, "%s%s", prefix, socket_path);
	setenv("BACKPROOF_JOURNAL", name, 1);
}

/* One entry, NUL-terminated behind its end; *as_file: it came as a descriptor, which was sealed. */
static char *receive(size_t *length, bool *as_file)
{
	static char small[262144];
	union {
		struct cmsghdr align;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control;
	struct iovec data = {small, sizeof small - 1};
	struct msghdr m = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	ssize_t n = recvmsg(server, &m, MSG_CMSG_CLOEXEC);
	if (n < 0)
		return NULL;
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	*as_file = c != NULL;
	char *out = NULL;
	if (c) {
		int fd;
		struct stat st;
		NEED(n == 0 && c->cmsg_type == SCM_RIGHTS);
		memcpy(&fd, CMSG_DATA(c), sizeof fd);
		NEED(fstat(fd, &st) == 0);
		int seals = fcntl(fd, F_GET_SEALS);
		CHECK((seals & (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE)) ==
		      (F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
		n = st.st_size;
		out = calloc(1, (size_t)n + 1);
		NEED(out && pread(fd, out, (size_t)n, 0) == n);
		close(fd);
	} else {
		out = calloc(1, (size_t)n + 1);
		NEED(out);
		memcpy(out, small, (size_t)n);
	}
	*length = (size_t)n;
	return out;
}

struct pairs {
	struct strings names, values;
};

/* As the protocol says; false: it is no entry. */
static bool split(const char *p, size_t length, struct pairs *out)
{
	const char *end = p + length;
	while (p < end) {
		size_t name = strcspn(p, "=\n");
		if (!name || p + name >= end)
			return false;
		autofree char *n = strndup(p, name), *v = NULL;
		bool counted = p[name] == '\n';
		p += name + 1;
		size_t len = 0;
		if (counted) {
			if (end - p < 8)
				return false;
			len = (size_t)get_le64(p);
			p += 8;
		} else {
			const char *stop = memchr(p, '\n', (size_t)(end - p));
			if (!stop)
				return false;
			len = (size_t)(stop - p);
		}
		if (len >= (size_t)(end - p) || p[len] != '\n')
			return false;
		v = strndup(p, len);
		p += len + 1;
		NEED(n && v && strings_add(&out->names, n) == 0 && strings_add(&out->values, v) == 0);
	}
	return true;
}

static const char *value_of(const struct pairs *p, const char *name)
{
	const char *found = NULL;
	for (size_t i = 0; i < p->names.count; i++) {
		if (strcmp(p->names.items[i], name))
			continue;
		CHECK(!found); /* never twice */
		found = p->values.items[i];
	}
	return found;
}

static void pairs_free(struct pairs *p)
{
	strings_free(&p->names);
	strings_free(&p->values);
}

static void an_entry(void)
{
	const struct journal_field fields[] = {
		{"BACKPROOF_HOST", "web01"}, {"BACKPROOF_REASON", NULL}, {"BACKPROOF_CODE", "0"}};
	struct pairs got = {0};
	size_t length;
	bool as_file = true;
	listen_here("");
	CHECK(journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "web01: safe", fields, ARRAY_SIZE(fields)));
	autofree char *entry = receive(&length, &as_file);
	NEED(entry);
	CHECK(!as_file && split(entry, length, &got));
	CHECK_INT(got.names.count, 6);
	CHECK_STR(value_of(&got, "MESSAGE"), "web01: safe");
	CHECK_STR(value_of(&got, "MESSAGE_ID"), JOURNAL_VERDICT);
	CHECK_STR(value_of(&got, "PRIORITY"), "6");
	CHECK_STR(value_of(&got, "SYSLOG_IDENTIFIER"), "backproof");
	CHECK_STR(value_of(&got, "BACKPROOF_HOST"), "web01");
	CHECK_STR(value_of(&got, "BACKPROOF_CODE"), "0");
	pairs_free(&got);
}

/* Text that would be fields, escapes of a terminal, or half a character. */
static void hostile_text(void)
{
	const char *evil = "web01\nPRIORITY=7\nBACKPROOF_CODE=0\n\nMESSAGE\n\x01\x02\x03\x04\x05\x06\x07\x08";
	const struct journal_field fields[] = {{"BACKPROOF_HOST", evil},
					       {"BACKPROOF_REASON", "\x1b[2J\xff\xc3\xe2\x80\xae\r"},
					       {"BACKPROOF_CODE", "12"},
					       {"_PID", "1"},
					       {"lower", "1"},
					       {"A=B", "1"},
					       {"A\nB", "1"},
					       {"", "1"}};
	struct pairs got = {0};
	size_t length;
	bool as_file;
	listen_here("");
	CHECK(journal_send(JOURNAL_VERDICT, JOURNAL_ERR, evil, fields, ARRAY_SIZE(fields)));
	autofree char *entry = receive(&length, &as_file);
	NEED(entry);
	CHECK(split(entry, length, &got));
	CHECK_INT(got.names.count, 7);
	CHECK_STR(value_of(&got, "PRIORITY"), "3");
	CHECK_STR(value_of(&got, "BACKPROOF_CODE"), "12");
	CHECK_STR(value_of(&got, "MESSAGE"), "web01\\x0aPRIORITY=7\\x0aBACKPROOF_CODE=0\\x0a\\x0aMESSAGE\\x0a\\x01\\x02"
					     "\\x03\\x04\\x05\\x06\\x07\\x08");
	CHECK_STR(value_of(&got, "BACKPROOF_HOST"), "web01\nPRIORITY=7\nBACKPROOF_CODE=0\n\nMESSAGE\n\\x01\\x02\\x03"
						    "\\x04\\x05\\x06\\x07\\x08");
	CHECK_STR(value_of(&got, "BACKPROOF_REASON"), "\\x1b[2J\\xff\\xc3\\u{202e}\\x0d");
	pairs_free(&got);
}

/* More than a datagram takes: a sealed file, nothing lost. */
static void large(void)
{
	static char big[60000];
	struct journal_field fields[12];
	char names[12][16];
	struct pairs got = {0};
	size_t length;
	bool as_file = false;
	for (size_t i = 0; i < sizeof big - 1; i++)
		big[i] = i % 71 ? 'x' : '\n';
	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		snprintf(names[i], sizeof names[i], "FIELD_%zu", i);
		fields[i] = (struct journal_field){names[i], big};
	}
	listen_here("");
	CHECK(journal_send(JOURNAL_PATCH_ENDED, JOURNAL_NOTICE, "big", fields, ARRAY_SIZE(fields)));
	autofree char *entry = receive(&length, &as_file);
	NEED(entry);
	CHECK(as_file && split(entry, length, &got));
	CHECK_INT(got.names.count, 16);
	CHECK_STR(value_of(&got, "FIELD_11"), big);
	pairs_free(&got);
}

/* Longer than anybody reads: cut, between two characters. */
static void cut(void)
{
	static char big[300000];
	const struct journal_field field = {"BIG", big};
	struct pairs got = {0};
	size_t length;
	bool as_file;
	for (size_t i = 0; i + 2 < sizeof big; i += 2)
		memcpy(big + i, "\xc3\xa9", 2);
	listen_here("");
	CHECK(journal_send(JOURNAL_VERDICT, JOURNAL_INFO, big, &field, 1));
	autofree char *entry = receive(&length, &as_file);
	NEED(entry);
	CHECK(split(entry, length, &got));
	const char *value = value_of(&got, "BIG"), *message = value_of(&got, "MESSAGE");
	NEED(value && message);
	CHECK(strlen(value) <= 65536 && strlen(value) > 65000 && text_is_utf8(value));
	CHECK(strlen(message) <= 4096 && strlen(message) > 4000 && text_is_utf8(message));
	CHECK(!strchr(value, '\\'));
	pairs_free(&got);
}

/* Nobody reads it: what does not fit is lost, after a moment and never more than that. */
static void nobody_reads(void)
{
	struct timespec a, b;
	int taken = 0;
	listen_here("");
	clock_gettime(CLOCK_MONOTONIC, &a);
	for (int i = 0; i < 3000; i++)
		taken += journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "again", NULL, 0);
	clock_gettime(CLOCK_MONOTONIC, &b);
	CHECK(taken > 0 && taken < 3000);
	CHECK(b.tv_sec - a.tv_sec < 5);
	/* It reads again: nothing is held against it. */
	size_t length;
	bool as_file;
	int came = 0;
	for (char *entry; (entry = receive(&length, &as_file)) != NULL; came++)
		free(entry);
	CHECK_INT(came, taken);
	CHECK(journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "again", NULL, 0));
	/* Whoever read it has gone: no signal, and no verdict of it. */
	close(server);
	server = -1;
	CHECK(!journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "again", NULL, 0));
	unlink(socket_path);
	CHECK(!journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "again", NULL, 0));
}

static void elsewhere(void)
{
	size_t length;
	bool as_file;
	const struct journal_field field = {"BACKPROOF_HOST", "web01"};
	listen_here("");
	setenv("BACKPROOF_JOURNAL", "none", 1);
	CHECK(!journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "x", NULL, 0));
	CHECK(!receive(&length, &as_file));
	char longest[300];
	memset(longest, 'a', sizeof longest);
	longest[0] = '/';
	longest[sizeof longest - 1] = 0;
	setenv("BACKPROOF_JOURNAL", longest, 1);
	CHECK(!journal_send(JOURNAL_VERDICT, JOURNAL_INFO, "x", NULL, 0));
	listen_here("syslog:");
	CHECK(journal_send(JOURNAL_VERDICT, JOURNAL_WARNING, "web01: waived\n<3>root: x", &field, 1));
	autofree char *line = receive(&length, &as_file);
	NEED(line);
	CHECK(!strncmp(line, "<28>", 4) && !strchr(line, '\n'));
	char *behind = strstr(line, " backproof[");
	NEED(behind && strchr(behind, ':'));
	CHECK_STR(strchr(behind, ':'), ": web01: waived\\x0a<3>root: x");
	CHECK_INT(behind - line, 4 + 15);
}

int main(void)
{
	snprintf(directory, sizeof directory, "/tmp/backproof-journal-XXXXXX");
	NEED(mkdtemp(directory));
	snprintf(socket_path, sizeof socket_path, "%s/socket", directory);
	RUN(an_entry);
	RUN(hostile_text);
	RUN(large);
	RUN(cut);
	RUN(elsewhere);
	RUN(nobody_reads);
	if (server >= 0)
		close(server);
	unlink(socket_path);
	rmdir(directory);
	return test_done();
}
