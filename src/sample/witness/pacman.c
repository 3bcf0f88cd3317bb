// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * pacman: local/PACKAGE-VERSION/mtree (mtree(5), compressed) has digest, size and mtime of each file; the
 * %BACKUP% part of "files" names those that the administrator may change.
 */
#include <ctype.h>

#include "backproof/format.h"
#include "package.h"

#define LOCAL "var/lib/pacman/local"
#define MTREE_MAX (256 * MIB)

static const char *const wants[] = {LOCAL "/", NULL};

static const struct format *codec_of(const char *data, size_t len)
{
	const char *name = len > 2 && !memcmp(data, "\x1f\x8b", 2)	      ? "gzip"
			   : len > 4 && !memcmp(data, "\x28\xb5\x2f\xfd", 4) ? "zstd"
									      : NULL;
	size_t count;
	const struct format *const *rows = format_rows(&count);
	for (size_t i = 0; name && i < count; i++)
		if (!strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}

/* Replaces *data by what it decodes to. */
static int unpack(char **data, size_t *len, struct error *e)
{
	const struct format *f = codec_of(*data, *len);
	if (!f)
		return 0;
	if (!f->decode)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "this build can't decode %s",
				 f->name);
	struct codec_info info;
	autosource struct source *src = source_memory(*data, *len, "mtree", e);
	autostream struct stream *raw = src ? stream_from_source(src, e) : NULL;
	autostream struct stream *s = raw ? f->decode(raw, &info, e) : NULL;
	if (!s)
		return -1;
	raw = NULL;
	autofree char *out = NULL;
	size_t have = 0, cap = 0;
	for (;;) {
		if (cap - have < 64 * KIB) {
			char *grown = realloc(out, cap = cap ? cap * 2 : 256 * KIB);
			if (!grown)
				return error_nomem(e);
			out = grown;
		}
		ssize_t n = stream_read(s, out + have, cap - have - 1, e);
		if (n < 0)
			return -1;
		if (n == 0)
			break;
		have += (size_t)n;
		if (have > MTREE_MAX)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "an mtree is too large");
	}
	if (stream_finish(s, e) < 0)
		return -1;
	out[have] = 0;
	free(*data);
	*data = take(out);
	*len = have;
	return 0;
}

/* \ooo as mtree writes what is no printable character. In place. */
static void unescape(char *s)
{
	char *to = s;
	for (; *s; s++) {
		const char *o = s + 1;
		if (*s == '\\' && o[0] >= '0' && o[0] <= '3' && o[1] >= '0' && o[1] <= '7' &&
		    o[2] >= '0' && o[2] <= '7') {
			*to++ = (char)((o[0] - '0') << 6 | (o[1] - '0') << 3 | (o[2] - '0'));
			s += 3;
		} else {
			*to++ = *s;
		}
	}
	*to = 0;
}

struct entry {
	bool file;
	bool has_digest;
	struct vouched x;
};

static void read_word(struct entry *en, const char *word)
{
	if (!strncmp(word, "type=", 5))
		en->file = !strcmp(word + 5, "file");
	else if (!strncmp(word, "time=", 5))
		en->x.mtime = strtoll(word + 5, NULL, 10);
	else if (!strncmp(word, "size=", 5))
		en->x.size = strtoll(word + 5, NULL, 10);
	else if (!strncmp(word, "sha256digest=", 13) || !strncmp(word, "sha256=", 7)) {
		en->has_digest = hex_decode(strchr(word, '=') + 1, en->x.digest, 32) == 0;
		en->x.kind = DIGEST_SHA256;
	} else if ((!strncmp(word, "md5digest=", 10) || !strncmp(word, "md5=", 4)) &&
		   !(en->has_digest && en->x.kind == DIGEST_SHA256)) {
		en->has_digest = hex_decode(strchr(word, '=') + 1, en->x.digest, 16) == 0;
		en->x.kind = DIGEST_MD5;
	}
}

static int read_mtree(struct vouchers *v, char *text, const struct strings *backup,
		      struct error *e)
{
	bool default_file = true;
	for (char *line; (line = package_line(&text));) {
		char *at = line, *name = strsep(&at, " \t");
		struct entry en = {.file = default_file, .x = {.mtime = INT64_MIN, .size = -1}};
		if (*name == '#' || !*name)
			continue;
		for (char *word; (word = strsep(&at, " \t"));)
			read_word(&en, word);
		if (*name == '/') {
			if (!strcmp(name, "/set"))
				default_file = en.file;
			continue;
		}
		unescape(name);
		/* ./.BUILDINFO, ./.PKGINFO...: of the package itself, not installed */
		if (!en.file || !en.has_digest || strncmp(name, "./", 2) || name[2] == '.')
			continue;
		en.x.conffile = strings_has(backup, name + 2);
		if (vouchers_add(v, name, &en.x, e) < 0)
			return -1;
	}
	return 0;
}

static int read_backup(char *text, struct strings *out, struct error *e)
{
	bool inside = false;
	for (char *line; (line = package_line(&text));) {
		if (*line == '%')
			inside = !strcmp(line, "%BACKUP%");
		char *tab = inside ? strchr(line, '\t') : NULL;
		if (!tab)
			continue;
		*tab = 0;
		if (strings_add(out, line) < 0)
			return error_nomem(e);
	}
	return 0;
}

static int read_package(const struct tree_reader *t, const char *name, struct vouchers *v,
			struct error *e)
{
	struct strings backup __attribute__((cleanup(strings_free))) = {.items = NULL};
	autofree char *mtree = NULL;
	autofree char *files = NULL;
	size_t len = 0, files_len;
	int64_t mtime;
	int rc = package_read(t, PACKAGE_LIST_MAX, &mtree, &len, &mtime, e, LOCAL "/%s/mtree", name);
	if (rc <= 0 || !len)
		return rc < 0 ? -1 : 0;
	if (unpack(&mtree, &len, e) < 0)
		return error_prefix(e, LOCAL "/%s/mtree", name);
	rc = package_read(t, PACKAGE_LIST_MAX, &files, &files_len, &mtime, e, LOCAL "/%s/files", name);
	if (rc < 0 || (rc > 0 && read_backup(files, &backup, e) < 0) ||
	    read_mtree(v, mtree, &backup, e) < 0)
		return -1;
	return 1;
}

static int load(const struct tree_reader *t, struct vouchers *v, struct error *e)
{
	struct strings names __attribute__((cleanup(strings_free))) = {.items = NULL};
	int rc = t->list(t->ctx, LOCAL, &names, e), found = 0;
	if (rc <= 0)
		return rc;
	for (size_t i = 0; i < names.count; i++) {
		if (strchr(names.items[i], '/'))
			continue;
		rc = read_package(t, names.items[i], v, e);
		if (rc < 0)
			return -1;
		found |= rc;
	}
	if (!found)
		return 0;
	v->database = "pacman";
	vouchers_settle(v);
	return 1;
}

const struct package_database package_pacman = {"pacman", load, wants};
