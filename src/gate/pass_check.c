// SPDX-License-Identifier: GPL-3.0-or-later
/* A pass in a file, held against this machine: for `pass verify`, and for what package managers ask. */
#include <errno.h>

#include "backproof/gate.h"
#include "backproof/pass.h"
#include "backproof/whole_file.h"

#define MACHINE_ID_MAX 64

/* 0: none that counts. systemd writes "uninitialized" before the first boot. */
static bool machine_id_of(const char *path, char id[33])
{
	size_t length;
	autofree char *text = whole_file_read(path, MACHINE_ID_MAX, &length, NULL);
	if (!text)
		return false;
	text[strcspn(text, "\n")] = '\0';
	if (strlen(text) != 32 || strspn(text, "0123456789abcdefABCDEF") != 32 || strspn(text, "0") == 32)
		return false;
	memcpy(id, text, 33);
	return true;
}

bool machine_id_here(char id[33])
{
	return machine_id_of("/etc/machine-id", id) || machine_id_of("/var/lib/dbus/machine-id", id);
}

enum code pass_load(const char *path, const struct trusted_keys *keys, struct pass *out, struct error *e)
{
	size_t length;
	autofree char *text = whole_file_read(path, PASS_MAX, &length, e);
	if (!text && (e->sys == ENOENT || e->sys == ENOTDIR)) {
		error_prefix(e, "there is no pass");
		return CODE_STALE;
	}
	if (!text)
		return e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
	if (pass_open(text, length, keys, out, e) == 0)
		return CODE_SAFE;
	error_prefix(e, "%s", path);
	return e->cls == ERROR_CORRUPT ? CODE_INCOMPLETE : e->cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
}

enum code pass_check(const struct pass *p, const struct pass_claims *asked, const char *state, struct text *why)
{
	char self[256] = "", id[33];
	struct pass_claims c = *asked;
	struct error e = {0};
	bool ours;
	(void)gethostname(self, sizeof self - 1);
	c.self = self;
	c.self_id = machine_id_here(id) ? id : NULL;
	enum code code = pass_judge(p, &c, &ours, why);
	if (!state || !ours)
		return code;
	/* Also of one that did not pass: it is newer than those that did. */
	int rc = pass_state_update(state, p, &e);
	if (rc == 0)
		return code;
	why->length = 0;
	text_put_safe(why, rc < 0 ? e.text : "it is a replay: a newer pass of this host was seen here");
	return rc > 0 ? CODE_INCOMPLETE : e.cls == ERROR_INTERNAL ? CODE_INTERNAL : CODE_CANNOT_TELL;
}
