// SPDX-License-Identifier: GPL-3.0-or-later
/* What apt is about to do, from the descriptor that it names. */
#include <errno.h>

#include "hook.h"
#include "hook_apt.h"

/* Until apt has closed its end. */
static int read_apt(int fd, struct text *out, struct error *e)
{
	char buf[16384];
	for (;;) {
		ssize_t n = read(fd, buf, sizeof buf);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return error_sys(e, "what apt is about to do (descriptor %d)", fd);
		if (!n)
			return out->failed ? error_nomem(e) : 0;
		if (out->length + (size_t)n > HOOK_APT_MAX)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "apt tells more than can be looked at");
		text_put_bytes(out, buf, (size_t)n);
	}
}

int hook_ask_apt(struct hook_shared *shared, struct hook_answer *out, struct error *e)
{
	const char *said = getenv("APT_HOOK_INFO_FD");
	struct apt_transaction t;
	autotext struct text text = {0};
	uint64_t fd;
	hook_doing(shared, "reading what apt is about to do", NULL);
	if (!said || parse_u64(said, &fd) < 0 || fd > INT16_MAX)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
				 "apt has not said what it is about to do: APT_HOOK_INFO_FD is not set");
	if (read_apt((int)fd, &text, e) < 0 || apt_transaction_parse(text_str(&text), text.length, &t, e) < 0)
		return -1;
	int gated = apt_transaction_is_gated(&t);
	out->code = gated ? CODE_CANNOT_TELL : CODE_SAFE;
	if (t.upgrades && t.repairs)
		text_printf(&out->says,
			    "backproof: a repair, asked of nobody: %zu package%s upgraded with it (%s%s)\n", t.upgrades,
			    t.upgrades == 1 ? " is" : "s are", t.first, t.upgrades > 1 ? ", ..." : "");
	apt_transaction_free(&t);
	return gated;
}
