// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Anything as what apt tells a hook. Held against a reading that knows nothing but the words of a line: what is let
 * through without a question has no line that unpacks a newer version, unless it is a repair; what was cut is refused.
 */
#include "../../src/gate/hook_apt.h"
#include "mutate.h"

static bool has_upgrade(const char *text)
{
	char name[300], old[300], way[4];
	const char *line = strstr(text, "\n\n");
	for (; line && *line; line = strchr(line + 1, '\n')) {
		const char *end = strchr(line + 1, '\n'), *slash = strstr(line, " /");
		if (end && slash && slash < end &&
		    sscanf(line, "%299[^ \n] %299[^ \n] %*s %*s %3s", name, old, way) == 3 && strcmp(old, "-") &&
		    !strcmp(way, "<") && !strstr(name, "backproof"))
			return true;
	}
	return false;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct apt_transaction t;
	struct error e = {.cls = ERROR_NONE};
	char *text = malloc(size + 1);
	NEED(text);
	memcpy(text, data, size);
	text[size] = '\0';
	if (apt_transaction_parse((const char *)data, size, &t, &e) < 0) {
		if (e.cls == ERROR_NONE || !*e.text || t.upgrades || t.first)
			abort();
		free(text);
		return 0;
	}
	if (!size || memchr(data, 0, size) || data[size - 1] != '\n' || memcmp(data, "VERSION 3\n", 10) ||
	    !strstr(text, "\n\n"))
		abort();
	if (!apt_transaction_is_gated(&t) && !t.repairs && has_upgrade(text))
		abort();
	if ((t.upgrades != 0) != (t.first != NULL) || t.upgrades + t.own > t.actions)
		abort();
	if (t.repairs && (!strstr(text, "install") || !strstr(text, "apt")))
		abort();
	apt_transaction_free(&t);
	free(text);
	return 0;
}

MUTATE_MAIN(20000, "fixtures/apt_hook/*[!h]")
