// SPDX-License-Identifier: GPL-3.0-or-later
/* Who looks into files for whoever finds backups: see peeker.h. */
#include <sys/syscall.h>

#include "backproof/peek.h"
#include "reader.h"

#define MEMORY (256 * MIB) /* a descriptor of 16 MiB, and what is found in it */
#define FILES_OPEN 16

static int say(enum reader_message kind, struct wire_out *w)
{
	struct error e = {0};
	int rc = w->failed ? -1 : reader_send(READER_SOCKET, kind, w->data, w->length, -1, &e);
	wire_out_free(w);
	return rc;
}

static int shut_in(void)
{
	struct confine_account account = {.uid = 0};
	struct confinement state;
	struct wire_out w = {0};
	struct wire_in in;
	struct error e = {0};
	size_t length;
	autofree uint8_t *data = reader_hear(READER_REQUEST, READER_QUESTION_MOST, &length, NULL);
	if (!data)
		return -1;
	wire_in_init(&in, data, length);
	bool root = wire_get_bool(&in);
	reader_account_get(&in, &account);
	const struct confine_request c = {.directory = -1,
					  .account = root ? &account : NULL,
					  .memory = MEMORY,
					  .files = FILES_OPEN};
	if (!wire_in_done(&in) || confine_process(&c, &state, &e) < 0)
		return -1;
	state.reader = true;
	reader_confined_put(&w, &state);
	return say(READER_CONFINED, &w);
}

static int answer(enum peek_kind kind, int fd)
{
	struct strings names = {0};
	struct wire_out w = {0};
	struct error e = {0};
	int rc = peek_here(kind, fd, &names, &e);
	wire_put_u8(&w, rc < 0 ? (uint8_t)e.cls : 0);
	if (rc < 0)
		wire_put_string(&w, e.text);
	else
		wire_put_strings(&w, &names);
	strings_free(&names);
	return say(READER_PEEKED, &w);
}

int gate_peeker(void)
{
	(void)syscall(SYS_close_range, READER_SOCKET + 1, ~0u, 0u);
	if (shut_in() < 0)
		_exit(EXIT_FAILURE);
	for (;;) {
		int fd = -1;
		size_t length;
		autofree uint8_t *question = reader_hear(READER_PEEK, READER_QUESTION_MOST, &length, &fd);
		/* Whoever asked is gone, or has all that he wanted. */
		if (!question)
			_exit(EXIT_SUCCESS);
		if (length != 1 || question[0] >= PEEK_KINDS || fd < 0 || answer((enum peek_kind)question[0], fd) < 0)
			_exit(EXIT_FAILURE);
		close(fd);
	}
}
