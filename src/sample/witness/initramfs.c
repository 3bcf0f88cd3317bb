// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * An initramfs: cpio archives one after the other, with zeros between them; the last is compressed, and
 * its checksum is the witness. No package knows it, and without it the machine does not boot.
 * Layout: the kernel's documentation, "initramfs buffer format".
 */
#include <ctype.h>

#include "backproof/format.h"
#include "rows.h"

#define NEWC_HEADER 110

static bool recognise(const char *path, const uint8_t *head, size_t len)
{
	const char *slash = strrchr(path, '/');
	const char *base = slash ? slash + 1 : path;
	/* Still being written when the snapshot fell. */
	static const char *const unfinished[] = {".new", ".tmp", "~", NULL};
	(void)head;
	return len >= 6 && (!strncmp(base, "initrd", 6) || !strncmp(base, "initramfs", 9)) &&
	       !witness_suffix(path, unfinished);
}

/* Eight hexadecimal digits. */
static int field(const uint8_t *p, uint32_t *out)
{
	*out = 0;
	for (int i = 0; i < 8; i++) {
		if (!isxdigit(p[i]))
			return -1;
		uint32_t digit = p[i] <= '9' ? p[i] - (uint32_t)'0' : (p[i] | 0x20u) - 'a' + 10;
		*out = *out << 4 | digit;
	}
	return 0;
}

static int bad(uint64_t off, const char *what, struct error *e)
{
	return error_set(e, ERROR_CORRUPT, (int64_t)off, "%s", what);
}

/* An uncompressed archive up to its trailer; *off moves behind it. */
static int skip_cpio(struct source *src, uint64_t *off, struct error *e)
{
	for (;;) {
		uint8_t h[NEWC_HEADER + 16] = {0};
		uint64_t size = source_size(src), at = *off;
		uint32_t file, name;
		if (at > size || size - at < NEWC_HEADER)
			return bad(at, "cut off in a cpio header", e);
		size_t n = size - at < sizeof h ? (size_t)(size - at) : sizeof h;
		if (source_read_at(src, at, h, n, e) < 0)
			return -1;
		if (memcmp(h, "07070", 5) || (h[5] != '1' && h[5] != '2') || field(h + 54, &file) < 0 ||
		    field(h + 94, &name) < 0 || !name)
			return bad(at, "a damaged cpio header", e);
		uint64_t data = (at + NEWC_HEADER + name + 3) & ~UINT64_C(3);
		*off = (data + file + 3) & ~UINT64_C(3);
		if (data + file > size)
			return bad(at, "cut off in a cpio member", e);
		if (name == 11 && !memcmp(h + NEWC_HEADER, "TRAILER!!!", 11))
			return 0;
	}
}

/* The first byte from off on that is not zero; the size when there is none. */
static int skip_zeros(struct source *src, uint64_t *off, struct error *e)
{
	uint8_t buf[4096];
	while (*off < source_size(src)) {
		uint64_t left = source_size(src) - *off;
		size_t n = left < sizeof buf ? (size_t)left : sizeof buf;
		if (source_read_at(src, *off, buf, n, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++)
			if (buf[i]) {
				*off += i;
				return 0;
			}
		*off += n;
	}
	return 0;
}

/* A compressed archive; *off moves behind it. 1: its checksum held, 0: it has none that we read, -1. */
static int decode_rest(struct source *src, uint64_t *off, struct error *e)
{
	uint8_t head[4096];
	uint64_t left = source_size(src) - *off;
	struct probe probe = {.head = head, .head_length = left < sizeof head ? (size_t)left : sizeof head};
	struct codec_info info = {0};
	const struct format *f;
	if (source_read_at(src, *off, head, probe.head_length, e) < 0 ||
	    format_identify(&probe, FORMAT_CODEC, &f, e) < 0)
		return -1;
	if (!f || !f->decode)
		return error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "compressed in a way that is not read here");
	autosource struct source *rest = source_window(src, *off, left, "initramfs", e);
	if (!rest)
		return -1;
	if (witness_decode(f, rest, &info, e) < 0) {
		/* Padding or another archive may follow: then what lies before it is whole by itself. */
		uint64_t end = e->offset > 0 ? (uint64_t)e->offset : 0;
		if (e->cls != ERROR_CORRUPT || !end || end >= left)
			return -1;
		struct error ignored;
		autosource struct source *whole = source_window(src, *off, end, "initramfs", &ignored);
		if (!whole || witness_decode(f, whole, &info, &ignored) < 0)
			return -1;
		left = end;
	}
	*off += left;
	return info.members && !info.unchecked;
}

static int walk(struct source *src, bool *held, struct error *e)
{
	uint64_t off = 0;
	for (;;) {
		uint8_t magic[6] = {0};
		if (skip_zeros(src, &off, e) < 0)
			return -1;
		uint64_t left = source_size(src) - off;
		if (!left)
			return 0;
		if (source_read_at(src, off, magic, left < 6 ? (size_t)left : 6, e) < 0)
			return -1;
		if (!memcmp(magic, "07070", 5)) {
			if (skip_cpio(src, &off, e) < 0)
				return -1;
			continue;
		}
		int rc = decode_rest(src, &off, e);
		if (rc < 0)
			return -1;
		*held |= rc > 0;
	}
}

static enum outcome check(int fd, uint64_t size, const char *path, struct error *e)
{
	bool held = false;
	(void)size;
	autoclose int own = dup(fd);
	if (own < 0) {
		error_sys(e, "can't read the restored file");
		return OUTCOME_UNPROVEN;
	}
	autosource struct source *src = source_open_fd(own, path, e);
	if (!src)
		return OUTCOME_UNPROVEN;
	own = -1;
	if (walk(src, &held, e) < 0)
		return witness_failed(path, e);
	if (!held)
		error_set(e, ERROR_UNSUPPORTED, ERROR_NO_OFFSET, "carries no checksum of its content");
	return held ? OUTCOME_HELD : OUTCOME_SKIPPED;
}

const struct witness witness_initramfs = {"initramfs", recognise, check};
