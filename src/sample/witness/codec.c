// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Compressed files: decoded to their end by the codec rows, which check every member. The name must
 * promise the format: an initramfs begins with a member and goes on with something else.
 */
#include <strings.h>

#include "backproof/format.h"
#include "rows.h"

/* A bomb of a few KiB must not hold the check up. */
#define MAX_DECODED (4 * GIB)
/* Nor must a sample of such files: nothing that anybody wants to keep is so empty. */
#define EMPTY_DECODED (256 * MIB)
#define MAX_EXPANSION 4096

struct kind {
	const char *codec;
	const char *suffixes[6];
	const char *magics[3];
	uint8_t magic_length;
	bool trailing; /* its own tool only warns of bytes after the last member */
};

static const struct kind gzip = {"gzip", {".gz", ".tgz", ".svgz"}, {"\x1f\x8b\x08"}, 3, true};
static const struct kind xz = {"xz", {".xz", ".txz"}, {"\xfd" "7zXZ\0"}, 6, false};
static const struct kind zstd = {"zstd", {".zst", ".zstd", ".tzst"}, {"\x28\xb5\x2f\xfd"}, 4, false};
static const struct kind bzip2 = {"bzip2", {".bz2", ".tbz2", ".tbz"}, {"BZh"}, 3, true};
static const struct kind lz4 = {
	"lz4", {".lz4"}, {"\x04\x22\x4d\x18", "\x02\x21\x4c\x18"}, 4, false};

static bool recognise(const struct kind *k, const char *path, const uint8_t *head, size_t len)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	if (!witness_suffix(path, k->suffixes) || !strncasecmp(base, "init", 4))
		return false;
	for (const char *const *m = k->magics; *m; m++)
		if (len >= k->magic_length && !memcmp(head, *m, k->magic_length))
			return true;
	return witness_lost_head(head, len);
}

static const struct format *codec(const char *name)
{
	size_t count;
	const struct format *const *rows = format_rows(&count);
	for (size_t i = 0; i < count; i++)
		if (rows[i]->kind == FORMAT_CODEC && !strcmp(rows[i]->name, name))
			return rows[i];
	return NULL;
}

/* Decodes all of src. 0, or -1 with e. */
int witness_decode(const struct format *f, struct source *src, struct codec_info *info,
		  struct error *e)
{
	autostream struct stream *raw = stream_from_source(src, e);
	if (!raw)
		return -1;
	autostream struct stream *s = f->decode(raw, info, e);
	if (!s)
		return -1;
	raw = NULL;
	autofree uint8_t *buf = malloc(256 * KIB);
	if (!buf)
		return error_nomem(e);
	for (;;) {
		ssize_t n = stream_read(s, buf, 256 * KIB, e);
		if (n < 0)
			return -1;
		if (n == 0)
			return stream_finish(s, e);
		if (stream_offset(s) > MAX_DECODED)
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
					 "decodes to more than 4 GiB: not checked here");
		if (stream_offset(s) > EMPTY_DECODED && stream_offset(s) / MAX_EXPANSION > source_size(src))
			return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET,
					 "decodes to more than %d times its size: not checked here", MAX_EXPANSION);
	}
}

/*
 * gzip and bzip2 print a warning about bytes after the last member and succeed. True when what lies before
 * the offset of the complaint is whole: then the rest is not of this format.
 */
static bool only_trailing(const struct kind *k, const struct format *f, struct source *src,
			  const struct error *e)
{
	struct error ignored;
	struct codec_info info;
	if (!k->trailing || e->offset <= 0 || (uint64_t)e->offset >= source_size(src))
		return false;
	autosource struct source *part =
		source_window(src, 0, (uint64_t)e->offset, "members", &ignored);
	return part && witness_decode(f, part, &info, &ignored) == 0;
}

static enum outcome check(const struct kind *k, int fd, uint64_t size, const char *path,
			  struct error *e)
{
	uint8_t head[16];
	size_t n = size < sizeof head ? (size_t)size : sizeof head;
	if (witness_read(fd, size, 0, head, n, e) < 0)
		return witness_failed(path, e);
	if (witness_lost_head(head, n)) {
		error_set(e, ERROR_CORRUPT, 0, "zeros where a %s header belongs", k->codec);
		return witness_failed(path, e);
	}
	if (!recognise(k, path, head, n))
		return OUTCOME_SKIPPED;
	const struct format *f = codec(k->codec);
	if (!f || !f->decode) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "this build can't decode %s",
			  k->codec);
		return OUTCOME_UNPROVEN;
	}
	autoclose int own = dup(fd);
	if (own < 0) {
		error_sys(e, "can't read the restored file");
		return OUTCOME_UNPROVEN;
	}
	autosource struct source *src = source_open_fd(own, path, e);
	if (!src)
		return OUTCOME_UNPROVEN;
	own = -1;
	struct codec_info info = {.members = 0};
	if (witness_decode(f, src, &info, e) < 0) {
		if (e->cls != ERROR_CORRUPT || !only_trailing(k, f, src, e))
			return witness_failed(path, e);
		error_set(e, ERROR_CORRUPT, e->offset, "bytes after the last member");
		return OUTCOME_SKIPPED;
	}
	if (info.unchecked || !info.members) {
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "carries no checksum of its content");
		return OUTCOME_SKIPPED;
	}
	return OUTCOME_HELD;
}

#define ROW(k)                                                                                     \
	static bool recognise_##k(const char *path, const uint8_t *head, size_t len)               \
	{                                                                                          \
		return recognise(&k, path, head, len);                                             \
	}                                                                                          \
	static enum outcome check_##k(int fd, uint64_t size, const char *path, struct error *e)    \
	{                                                                                          \
		return check(&k, fd, size, path, e);                                               \
	}                                                                                          \
	const struct witness witness_##k = {#k, recognise_##k, check_##k};

ROW(gzip)
ROW(xz)
ROW(zstd)
ROW(bzip2)
ROW(lz4)
