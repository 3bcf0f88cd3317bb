// SPDX-License-Identifier: GPL-3.0-or-later
#include "pass_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <time.h>

#include "backproof/budget.h"
#include "backproof/pass.h"
#include "backproof/seal.h"
#include "backproof/subject.h"
#include "backproof/whole_file.h"
#include "commands.h"
#include "output.h"

#define PASS_START "{\"payloadType\":"

static char *path_of(const struct options *o, const char *host)
{
	return o->pass ? strdup(o->pass) : text_format("%s/%s.pass", o->pass_dir, host);
}

/* They begin alike. */
static bool is_seal(const char *path)
{
	struct error unsaid = {0};
	struct seal s;
	if (seal_is_name(path))
		return true;
	bool is = seal_load(path, NULL, &s, &unsaid) == 0;
	seal_free(&s);
	return is;
}

/* A slip of the pen must not cost a file that is no pass. */
static int check_place(const char *path, struct error *e)
{
	char start[sizeof PASS_START - 1];
	struct stat st;
	if (stat(path, &st) < 0)
		return errno == ENOENT ? 0 : error_sys(e, "%s", path);
	if (!S_ISREG(st.st_mode))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: not a regular file: no place for a pass", path);
	if (!st.st_size)
		return 0;
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	if (fd < 0)
		return error_sys(e, "%s", path);
	if (read_whole_at(fd, start, sizeof start, 0) != (ssize_t)sizeof start ||
	    memcmp(start, PASS_START, sizeof start) ||
	    is_seal(path))
		return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s is no pass: a pass is not written over it", path);
	return 0;
}

static int check_directory(const char *path, struct error *e)
{
	const char *slash = strrchr(path, '/');
	autofree char *directory = !slash ? strdup(".") : strndup(path, slash == path ? 1 : (size_t)(slash - path));
	if (!directory)
		return error_nomem(e);
	return access(directory, W_OK | X_OK) < 0 ? error_sys(e, "%s: no pass can be written there", directory) : 0;
}

static const struct signer *signer_of(const struct passes *p, const char *path)
{
	if (p->given)
		return p->given;
	vec_each(&p->signers, it) if (path && !strcmp(it->path, path)) return it->signer;
	return NULL;
}

static enum code prepare_key(struct passes *p, const struct config *c, const char *host)
{
	struct error e = {0};
	const char *path = NULL;
	if (p->given)
		return CODE_SAFE;
	if (gate_pass_key(c, &p->o->overrides, host, &path, &e) < 0)
		return (enum code)complain(e.cls == ERROR_UNSUPPORTED ? CODE_CONFIG : CODE_INTERNAL, e.text);
	if (!path)
		return (enum code)complain(CODE_USAGE, "a pass is signed: give --key FILE, or pass_key in the policy "
						       "(backproof key new makes one)");
	if (signer_of(p, path))
		return CODE_SAFE;
	struct pass_signer *to = vec_push(&p->signers);
	if (!to || !(to->path = strdup(path)))
		return (enum code)complain(CODE_INTERNAL, "out of memory");
	to->signer = signer_load(path, &e);
	return to->signer ? CODE_SAFE : (enum code)complain(CODE_CONFIG, e.text);
}

static enum code prepare_host(struct passes *p, const struct config *c, const char *host)
{
	struct error e = {0};
	autofree char *path = path_of(p->o, host);
	if (!path)
		return (enum code)complain(CODE_INTERNAL, "out of memory");
	if (!*host || strlen(host) > PASS_NAME_MAX || !text_is_utf8(host) || (p->o->pass_dir && strchr(host, '/')))
		return (enum code)complain(CODE_USAGE, "no pass can be written for a host of that name");
	if (check_directory(path, &e) < 0 || check_place(path, &e) < 0)
		return (enum code)complain(CODE_USAGE, e.text);
	return prepare_key(p, c, host);
}

enum code passes_prepare(struct passes *p, const struct options *o, const struct config *c, const struct strings *hosts)
{
	struct error e = {0};
	*p = (struct passes){.o = o, .wanted = o->pass || o->pass_dir};
	if (!p->wanted)
		return o->keys.count ? (enum code)complain(CODE_USAGE, "--key signs a pass, and no pass is asked for")
				     : CODE_SAFE;
	if (o->keys.count > 1)
		return (enum code)complain(CODE_USAGE, "--key is given twice: one key signs a pass");
	if (o->keys.count && !(p->given = signer_load(o->keys.items[0], &e)))
		return (enum code)complain(CODE_USAGE, e.text);
	for (size_t i = 0; i < hosts->count; i++) {
		enum code code = prepare_host(p, c, hosts->items[i]);
		if (code != CODE_SAFE)
			return code;
	}
	return CODE_SAFE;
}

void passes_free(struct passes *p)
{
	signer_destroy(p->given);
	vec_each(&p->signers, it)
	{
		free(it->path);
		signer_destroy(it->signer);
	}
	vec_free(&p->signers);
	memset(p, 0, sizeof *p);
}

/*
 * A check that began earlier may end later, and two may write one pass: what passed never takes the place of a verdict
 * that is younger. One that did not pass always does, for it was found out now.
 */
static bool is_newer_there(const struct passes *p, const char *path, const struct host_result *r,
			   const struct signer *key)
{
	struct trusted_keys keys = {0};
	struct pass old = {.code = -1};
	size_t length;
	int64_t now = p->o->overrides.now ? p->o->overrides.now : (int64_t)time(NULL);
	bool newer = false;
	autofree char *text = whole_file_read(path, PASS_MAX, &length, NULL);
	if (text && trusted_keys_add_signer(&keys, key, NULL) == 0 && pass_open(text, length, &keys, &old, NULL) == 0)
		newer = old.trusted && same_host(old.host, r->host) && old.verified_at > r->checked_at &&
			old.verified_at <= now + PASS_CLOCK_SKEW;
	pass_free(&old);
	trusted_keys_free(&keys);
	return newer;
}

bool lets_patch(const struct host_result *r)
{
	return r->verdict.code == CODE_SAFE || r->verdict.code == CODE_WAIVED;
}

/* The verdict that nobody was told is none. */
static int unreported(struct pass *pass, struct error *e)
{
	pass->code = CODE_INTERNAL;
	free(take(pass->waiver.user)); /* what it covered is not what this says */
	pass->waiver.covers = 0;
	return strings_add(&pass->reasons, "internal: the report could not be written") < 0 ? error_nomem(e) : 0;
}

static int spare_backup(const char *path, const struct host_result *r, struct error *e)
{
	for (const struct host_result *it = r; it; it = it->older)
		if (output_spares(path, &it->paths, e) < 0)
			return -1;
	return check_place(path, e);
}

/* *expires: when what was written does. */
static int write_pass(const struct host_result *r, const char *path, const struct signer *key, bool reported,
		      int64_t *expires, struct error *e)
{
	struct pass pass;
	autotext struct text t = {0};
	int rc = gate_pass_fill(r, &pass, e);
	if (rc == 0 && !reported && lets_patch(r))
		rc = unreported(&pass, e);
	if (rc == 0)
		rc = key ? pass_write(&pass, key, &t, e)
			 : error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET, "no key to sign the pass of this host");
	if (rc == 0)
		rc = whole_file_write(path, t.data, t.length, 0644, true, e);
	*expires = pass.expires_at;
	pass_free(&pass);
	return rc;
}

int passes_write(const struct passes *p, const struct host_result *r, bool reported)
{
	struct error e = {0};
	/* Ended by a signal, or by a policy that does not exist: there is no verdict, and the one before stands. */
	if (!p->wanted || stop_signal || r->verdict.code == CODE_CONFIG)
		return 0;
	autofree char *path = r->host ? path_of(p->o, r->host) : NULL;
	if (!path) {
		(void)complain(CODE_INTERNAL, "out of memory");
		return -1;
	}
	if (spare_backup(path, r, &e) < 0) {
		(void)complain(CODE_INTERNAL, e.text);
		return -1;
	}
	int64_t expires;
	const struct signer *key = signer_of(p, r->pass_key);
	if (key && reported && lets_patch(r) && is_newer_there(p, path, r, key)) {
		(void)complain(CODE_SAFE, "the pass that is there is of a check that began later: it stays");
		return 0;
	}
	if (write_pass(r, path, key, reported, &expires, &e) == 0) {
		/* Its time runs from the beginning of the check: what was not looked at since may have changed. */
		if (lets_patch(r) && !p->o->overrides.now && expires <= (int64_t)time(NULL))
			(void)complain(CODE_SAFE, "the pass has expired already: the check took longer than it is "
						  "good for (valid_for), or the backup is not fresh any more, or "
						  "the waiver not in force");
		return 0;
	}
	(void)complain(CODE_INTERNAL, e.text);
	/* An older one that passed would say what is no longer so. */
	if ((r->verdict.code != CODE_SAFE || !reported) && unlink(path) < 0 && errno != ENOENT)
		(void)complain(CODE_INTERNAL, "... and the pass from before could not be removed: it is out of date");
	return -1;
}
