// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The lines of a sidecar. Each is read strictly: `sha256sum -c` is content with one good line among ten
 * of garbage, and a digest that was cut to the length of a weaker kind must not pass for that kind.
 */
#include "backproof/sidecar.h"

#include <ctype.h>
#include <strings.h>

#include "sidecar_names.h"
#include "sidecar_windows.h"

#define LINE_MAX_BYTES (16 * KIB) /* an escaped PATH_MAX name and a digest, with room */
#define NONE ERROR_NO_OFFSET

/* A line taken apart. The pointers go into the line. */
struct parts {
	bool has_tag, tagged; /* tagged: has_tag and the tag said which kind */
	enum digest_kind kind;
	char *hex, *name; /* name: NULL for a bare digest */
};

static int read_tag(const char *tag, struct parts *out, struct error *e)
{
	static const struct {
		const char *name;
		enum digest_kind kind;
	} tags[] = {
		{"MD5", DIGEST_MD5},	       {"SHA1", DIGEST_SHA1},
		{"SHA-1", DIGEST_SHA1},	       {"SHA224", DIGEST_SHA224},
		{"SHA2-224", DIGEST_SHA224},   {"SHA256", DIGEST_SHA256},
		{"SHA-256", DIGEST_SHA256},    {"SHA2-256", DIGEST_SHA256},
		{"SHA384", DIGEST_SHA384},     {"SHA2-384", DIGEST_SHA384},
		{"SHA512", DIGEST_SHA512},     {"SHA-512", DIGEST_SHA512},
		{"SHA2-512", DIGEST_SHA512},   {"BLAKE2b", DIGEST_BLAKE2B},
		{"BLAKE2b-512", DIGEST_BLAKE2B}, {"BLAKE2b512", DIGEST_BLAKE2B},
	};
	for (size_t i = 0; i < ARRAY_SIZE(tags); i++)
		if (!strcasecmp(tag, tags[i].name)) {
			out->kind = tags[i].kind;
			out->tagged = true;
			return 0;
		}
	return error_set(e, ERROR_UNSUPPORTED, NONE, "digest kind \"%.32s\" is not supported", tag);
}

static size_t hex_run(const char *s)
{
	size_t n = 0;
	while (isxdigit((unsigned char)s[n]))
		n++;
	return n;
}

/* "TAG (name) = HEX", "TAG(name)= HEX" and openssl's "(stdin)= HEX". 1: it is one, 0: it is not. */
static int split_tagged(char *s, struct parts *out, struct error *e)
{
	char *open = strchr(s, '('), *close = strrchr(s, ')');
	if (!open || !close || close < open || (open > s && !isalpha((unsigned char)*s)))
		return 0;
	char *p = close + 1;
	p += strspn(p, " ");
	if (*p++ != '=')
		return 0;
	p += strspn(p, " ");
	char *tag_end = open;
	while (tag_end > s && tag_end[-1] == ' ')
		tag_end--;
	if (strcspn(s, " (") != (size_t)(tag_end - s))
		return 0;
	*tag_end = *close = 0;
	out->has_tag = true;
	out->name = open + 1;
	out->hex = p;
	if (tag_end > s && read_tag(s, out, e) < 0)
		return -1;
	return 1;
}

#define FSVERITY_SHA256 "sha256:"

/*
 * "sha256:HEX name", as fsverity prints it: the digest of a tree, where the name of the sidecar says so. Elsewhere the
 * same line may mean anything. 1: it is one, 0: it is not.
 */
static int split_fsverity(char *s, const struct sidecar_naming *n, struct parts *out, struct error *e)
{
	size_t prefix = strcspn(s, ":") + 1, digits = s[prefix - 1] ? hex_run(s + prefix) : 0;
	if (digits < 32 || (strncmp(s, FSVERITY_SHA256, prefix) && strncmp(s, "sha512:", prefix)))
		return 0;
	if (!n->has_kind || n->kind != DIGEST_FSVERITY)
		return error_set(e, ERROR_CORRUPT, NONE,
				 "this is how fsverity writes a digest, which belongs into NAME.fsverity");
	if (strncmp(s, FSVERITY_SHA256, prefix))
		return error_set(e, ERROR_UNSUPPORTED, NONE, "digests of fs-verity by SHA-512 are not supported");
	out->hex = s + prefix;
	s += prefix + digits;
	if (*s == ' ') {
		out->name = s + 1;
		*s = 0;
	}
	return 1;
}

/* "HEX  name", "HEX *name", "HEX name" (md5 -r) and "HEX" alone. */
static int split_plain(char *s, struct parts *out)
{
	size_t n = hex_run(s);
	out->hex = s;
	if (!n)
		return 0;
	if (!s[n + strspn(s + n, " \t")]) {
		s[n] = 0;
		return 1;
	}
	if (s[n] != ' ')
		return 0;
	s[n] = 0;
	char *name = s + n + 1;
	if (*name == ' ' || *name == '*')
		name++;
	out->name = name;
	return 1;
}

static int unescape(char *s, struct error *e)
{
	char *to = s;
	for (; *s; s++) {
		if (*s != '\\') {
			*to++ = *s;
			continue;
		}
		s++;
		if (*s != 'n' && *s != 'r' && *s != '\\')
			return error_set(e, ERROR_CORRUPT, NONE, "bad escape in the file name");
		*to++ = *s == 'n' ? '\n' : *s == 'r' ? '\r' : '\\';
	}
	*to = 0;
	return 0;
}

static int kind_by_length(size_t digits, const struct sidecar_naming *n, struct parts *p,
			  struct error *e)
{
	bool b2 = n->has_kind && n->kind == DIGEST_BLAKE2B;
	if (b2 && digits != 128 && digits % 2 == 0 && digits > 0 && digits < 128)
		return error_set(e, ERROR_UNSUPPORTED, NONE,
				 "BLAKE2b of %zu bits is not supported (only of 512), or the digest is cut",
				 digits * 4);
	if (n->has_kind) {
		p->kind = n->kind;
		return 0;
	}
	for (int k = 0; k < DIGEST_KINDS; k++)
		if (k != DIGEST_BLAKE2B && k != DIGEST_FSVERITY && digits == 2 * digest_size((enum digest_kind)k)) {
			p->kind = (enum digest_kind)k;
			return 0;
		}
	return error_set(e, ERROR_CORRUPT, NONE, "no digest has %zu hexadecimal digits", digits);
}

static bool is_windows_path(const char *s)
{
	return *s == '\\' || (isalpha((unsigned char)s[0]) && s[1] == ':' && (s[2] == '\\' || s[2] == '/'));
}

/*
 * NAME.sha256 is of NAME, in whatever directory NAME was when it was digested: `sha256sum /srv/backup/NAME` writes all
 * of that, and another machine mounts it elsewhere. The bytes have to be the same in any case.
 */
static char *own_name(const char *stem, char *name)
{
	char *base = strrchr(name, '/'), *other = is_windows_path(name) ? strrchr(name, '\\') : NULL;
	base = other && (!base || other > base) ? other : base;
	return base && *stem && !strcmp(base + 1, stem) ? base + 1 : name;
}

static int check_name(const char *s, struct error *e)
{
	if (!*s)
		return error_set(e, ERROR_CORRUPT, NONE, "no file name");
	if (is_windows_path(s))
		return error_set(e, ERROR_UNSUPPORTED, NONE, "the file name \"%.200s\" is a path of Windows", s);
	for (const char *p = s; p; p = strchr(p, '/')) {
		p += *p == '/';
		if (p[0] == '.' && p[1] == '.' && (!p[2] || p[2] == '/'))
			return error_set(e, ERROR_CORRUPT, NONE,
					 "the file name \"%.200s\" leaves the sidecar's directory", s);
	}
	return 0;
}

struct parser {
	const char *base;
	struct sidecar_naming naming;
	char stem[256]; /* the file it stands beside, "" for a list */
};

/* 1: a digest in *out, *digest; 0: nothing to read (empty, comment); -1: garbage, e says why. */
static int read_line(struct parser *ps, char *s, struct parts *out, uint8_t *digest,
		     struct error *e)
{
	size_t len = strlen(s);
	if (len && s[len - 1] == '\r')
		s[len - 1] = 0;
	s += strspn(s, " \t");
	if (!*s || *s == '#')
		return 0;
	bool escaped = *s == '\\';
	s += escaped;
	int kind = split_fsverity(s, &ps->naming, out, e);
	if (!kind)
		kind = split_tagged(s, out, e);
	if (kind < 0)
		return -1;
	if (!kind && !split_plain(s, out))
		return error_set(e, ERROR_CORRUPT, NONE, "not a digest line");
	size_t digits = hex_run(out->hex);
	if (out->hex[digits + strspn(out->hex + digits, " \t")])
		return error_set(e, ERROR_CORRUPT, NONE, "not a digest line");
	out->hex[digits] = 0;
	if (!out->tagged && kind_by_length(digits, &ps->naming, out, e) < 0)
		return -1;
	if (hex_decode(out->hex, digest, digest_size(out->kind)) < 0)
		return error_set(e, ERROR_CORRUPT, NONE,
				 "%zu hexadecimal digits where %s has %zu: the digest is cut or of "
				 "another kind",
				 digits, digest_name(out->kind), 2 * digest_size(out->kind));
	if (escaped && out->name && unescape(out->name, e) < 0)
		return -1;
	/* A digest taken in a pipe names no file: the sidecar's own name says which. */
	bool piped = !out->name || !strcmp(out->name, out->has_tag ? "stdin" : "-");
	if (piped && !ps->stem[0])
		return error_set(e, ERROR_CORRUPT, NONE, "the digest names no file");
	if (piped)
		out->name = ps->stem;
	out->name = own_name(ps->stem, out->name);
	return check_name(out->name, e) < 0 ? -1 : 1;
}

/* Of several the first is told, but damage before what is only not understood. */
static size_t reject(size_t bad, struct error *to, int64_t offset, unsigned line, const struct error *why)
{
	if (!bad || (to->cls == ERROR_UNSUPPORTED && why->cls != ERROR_UNSUPPORTED))
		error_set(to, why->cls, offset, "line %u: %s", line, why->text);
	return bad + 1;
}

size_t sidecar_parse(const char *data, size_t len, const char *sidecar_name, sidecar_line_fn *line,
		     void *ctx, struct error *bad)
{
	const char *slash = strrchr(sidecar_name, '/');
	struct parser ps = {.base = slash ? slash + 1 : sidecar_name};
	ps.naming = sidecar_naming(ps.base);
	if (ps.naming.stem < sizeof ps.stem)
		memcpy(ps.stem, ps.base, ps.naming.stem);
	if (len > SIDECAR_MAX) {
		error_set(bad, ERROR_LIMIT, 0, "larger than 16 MiB: no list of digests");
		return 1;
	}
	autofree char *other = NULL;
	int windows = sidecar_from_windows(data, len, ps.stem, &other, &len, bad);
	if (windows < 0)
		return 1;
	data = windows ? other : data;
	char copy[LINE_MAX_BYTES];
	size_t at = len >= 3 && !memcmp(data, "\xef\xbb\xbf", 3) ? 3 : 0, count = 0;
	unsigned number = 0;
	while (at < len) {
		const char *from = data + at, *end = memchr(from, '\n', len - at);
		size_t n = end ? (size_t)(end - from) : len - at;
		int64_t offset = windows ? NONE : (int64_t)at;
		struct error why = {.cls = ERROR_NONE};
		at += n + (end != NULL);
		number++;
		if (n >= sizeof copy || memchr(from, 0, n)) {
			error_set(&why, ERROR_CORRUPT, NONE,
				  n >= sizeof copy ? "too long for a digest line" : "holds a NUL byte");
			count = reject(count, bad, offset, number, &why);
			continue;
		}
		memcpy(copy, from, n);
		copy[n] = 0;
		struct parts p = {.has_tag = false};
		uint8_t digest[DIGEST_MAX] = {0};
		int got = read_line(&ps, copy, &p, digest, &why);
		if (got < 0)
			count = reject(count, bad, offset, number, &why);
		else if (got > 0 && line(ctx, number, p.kind, digest, p.name) < 0)
			break;
	}
	return count;
}
