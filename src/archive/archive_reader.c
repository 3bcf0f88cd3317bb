// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * libarchive parses members; the frame parses the same bytes on its own. Each member has to begin
 * where both say, so that a header that one of them understands otherwise can't pass unnoticed.
 */
#include "backproof/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <locale.h>

#include "member_path.h"
#include "tar_frame.h"


enum position { BEFORE_END, AT_END, FINISHED, FAILED };

struct archive_reader {
	struct stream *upstream;
	struct archive *archive;
	struct tar_frame *frame;
	locale_t locale;
	enum position position;
	struct error failure; /* what next calls repeat */
	struct error stream_error;

	struct tar_member now;
	uint64_t id;
	enum entry_type type;
	char *path, *hardlink;
	/* data of the present member */
	uint64_t size, given;
	const uint8_t *block;
	uint64_t block_at;
	size_t block_length;
	bool data_ended;
};

static int fail(struct archive_reader *r, struct error *e)
{
	r->position = FAILED;
	if (e)
		*e = r->failure;
	return -1;
}

static int corrupt(struct archive_reader *r, const char *what, struct error *e)
{
	error_set(&r->failure, ERROR_CORRUPT, (int64_t)r->now.offset, "%s: tar: %s, at byte %llu",
		  stream_name(r->upstream), what, (unsigned long long)r->now.offset);
	return fail(r, e);
}

/* Why libarchive stopped: the stream knows best, then the frame, then libarchive itself. */
static int explain(struct archive_reader *r, struct error *e)
{
	const char *text = archive_error_string(r->archive);
	if (r->stream_error.cls) {
		r->failure = r->stream_error;
		return fail(r, e);
	}
	int wrong = stream_state(r->upstream) == STREAM_DRAINED
			? tar_frame_finish(r->frame, &r->failure)
			: tar_frame_check(r->frame, &r->failure);
	if (wrong < 0)
		error_prefix(&r->failure, "%s", stream_name(r->upstream));
	else if (archive_errno(r->archive) == ENOMEM)
		error_nomem(&r->failure);
	else
		return corrupt(r, text ? text : "damaged", e);
	return fail(r, e);
}

static la_ssize_t feed(struct archive *a, void *ctx, const void **out)
{
	struct archive_reader *r = ctx;
	const uint8_t *data = NULL;
	/* What lies behind a fault is not worth reading, and may be made to use up memory. */
	if (r->stream_error.cls || tar_frame_check(r->frame, NULL) < 0) {
		archive_set_error(a, EINVAL, "stopped");
		return ARCHIVE_FATAL;
	}
	ssize_t n = stream_lend(r->upstream, &data, &r->stream_error);
	*out = data;
	if (n < 0) {
		archive_set_error(a, EIO, "the stream failed");
		return ARCHIVE_FATAL;
	}
	tar_frame_feed(r->frame, data, (size_t)n);
	return n;
}

struct archive_reader *archive_reader_open(struct stream *upstream, struct error *e)
{
	struct archive_reader *r = calloc(1, sizeof *r);
	if (!r) {
		error_nomem(e);
		return NULL;
	}
	r->upstream = upstream;
	r->archive = archive_read_new();
	r->frame = tar_frame_new(e);
	/* In a UTF-8 locale libarchive composes accents in names; in "C" it leaves the bytes alone.
	 */
	r->locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	if (!r->archive || !r->frame || !r->locale) {
		archive_reader_destroy(r);
		error_nomem(e);
		return NULL;
	}
	locale_t before = uselocale(r->locale);
	bool opened = archive_read_support_filter_none(r->archive) == ARCHIVE_OK &&
		      archive_read_support_format_tar(r->archive) == ARCHIVE_OK &&
		      archive_read_open(r->archive, r, NULL, feed, NULL) == ARCHIVE_OK;
	uselocale(before);
	if (opened)
		return r;
	explain(r, e);
	archive_reader_destroy(r);
	return NULL;
}

void archive_reader_destroy(struct archive_reader *r)
{
	if (!r)
		return;
	/* The result means nothing here: only archive_reader_finish is evidence. */
	if (r->archive)
		archive_read_free(r->archive);
	tar_frame_destroy(r->frame);
	if (r->locale)
		freelocale(r->locale);
	free(r->path);
	free(r->hardlink);
	free(r);
}

/* The stored bytes; UTF-8 made by libarchive when it has nothing else. */
static const char *name_of(struct archive_entry *entry)
{
	const char *name = archive_entry_pathname(entry);
	return name ? name : archive_entry_pathname_utf8(entry);
}

static uint32_t owner(int64_t id)
{
	return id < 0 || id > UINT32_MAX ? UINT32_MAX : (uint32_t)id;
}

/* A hard link has no type of its own in a tar file: it counts as a file, without data as a rule. */
static enum entry_type type_of(struct archive_entry *entry)
{
	switch (archive_entry_filetype(entry)) {
	case AE_IFDIR:
		return ENTRY_DIR;
	case AE_IFLNK:
		return ENTRY_LINK;
	case AE_IFREG:
		return ENTRY_FILE;
	default:
		return archive_entry_hardlink(entry) ? ENTRY_FILE : ENTRY_OTHER;
	}
}

static int describe(struct archive_reader *r, struct archive_entry *entry,
		    struct archive_member *out, struct error *e)
{
	const char *name = name_of(entry), *target = archive_entry_hardlink(entry);
	memset(out, 0, sizeof *out);
	free(r->path);
	free(r->hardlink);
	r->hardlink = NULL;
	r->path = member_path(name ? name : "", &out->escapes, &r->failure);
	/* A link to what lies outside escapes just as well. */
	if (r->path && target)
		r->hardlink = member_path(target, &out->escapes, &r->failure);
	if (!r->path || (target && !r->hardlink)) {
		error_prefix(&r->failure, "%s", stream_name(r->upstream));
		return fail(r, e);
	}
	r->type = type_of(entry);
	out->escapes |= !r->path[0] && r->type != ENTRY_DIR;
	if (r->type == ENTRY_LINK && !(out->link = archive_entry_symlink(entry)))
		return corrupt(r, "a symbolic link without a target", e);
	if (r->now.type == '1' && !target)
		return corrupt(r, "a hard link without a target", e);
	if (r->now.sparse && archive_entry_size(entry) < 0)
		return corrupt(r, "a sparse member without a size", e);
	if (r->type == ENTRY_FILE)
		r->size = r->now.sparse ? (uint64_t)archive_entry_size(entry) : r->now.stored;
	out->hardlink = r->hardlink;
	out->native = entry;
	out->entry = (struct fs_entry){
	    .path = r->path,
	    .id = ++r->id,
	    .type = r->type,
	    .mode = archive_entry_mode(entry),
	    .uid = owner(archive_entry_uid(entry)),
	    .gid = owner(archive_entry_gid(entry)),
	    .links = 1,
	    .size = r->size,
	    .mtime = archive_entry_mtime_is_set(entry) ? archive_entry_mtime(entry) : 0,
	    .ctime = archive_entry_ctime_is_set(entry) ? archive_entry_ctime(entry) : 0,
	};
	if (r->type == ENTRY_FILE && !(out->entry.mode & S_IFMT))
		out->entry.mode |= S_IFREG;
	return 1;
}

/* libarchive says that the archive ends here. */
static int at_end(struct archive_reader *r, struct error *e)
{
	struct tar_member more;
	if (!tar_frame_ended(r->frame) || tar_frame_take(r->frame, &more)) {
		archive_set_error(r->archive, EINVAL, "the archive ends where a member should be");
		return explain(r, e);
	}
	/* A fault behind the end mark is told by finish. */
	r->position = AT_END;
	return 0;
}

/* Names that don't fit the locale keep their bytes, which is what is wanted. */
static bool harmless(struct archive *a)
{
	const char *text = archive_error_string(a);
	return text && strstr(text, " can't be converted from ");
}

int archive_reader_next(struct archive_reader *r, struct archive_member *out, struct error *e)
{
	struct archive_entry *entry = NULL;
	if (r->position == FAILED)
		return fail(r, e);
	if (r->position != BEFORE_END)
		return 0;
	locale_t before = uselocale(r->locale);
	int got = archive_read_next_header(r->archive, &entry);
	r->size = r->given = r->block_length = 0;
	r->data_ended = false;
	int result;
	if (got == ARCHIVE_EOF)
		result = at_end(r, e);
	else if (!tar_frame_take(r->frame, &r->now) ||
		 (got != ARCHIVE_OK && !(got == ARCHIVE_WARN && harmless(r->archive))))
		result = explain(r, e);
	else if ((uint64_t)archive_read_header_position(r->archive) != r->now.offset)
		result = corrupt(r, "a member does not begin where the one before ends", e);
	else
		result = describe(r, entry, out, e);
	uselocale(before);
	return result;
}

/* The next stored run. 1 there is one, 0 no more. */
static int next_block(struct archive_reader *r, struct error *e)
{
	const void *data = NULL;
	size_t length = 0;
	la_int64_t at = 0;
	uint64_t end;
	int got = archive_read_data_block(r->archive, &data, &length, &at);
	if (got == ARCHIVE_EOF) {
		if (!r->now.sparse && r->given != r->size)
			return corrupt(r, "a member is shorter than its header says", e);
		r->data_ended = true;
		r->block_at = r->size;
		r->block_length = 0;
		return 0;
	}
	if (got != ARCHIVE_OK)
		return explain(r, e);
	if (at < 0 || (uint64_t)at < r->given || add_overflows((uint64_t)at, length, &end) ||
	    end > r->size)
		return corrupt(r, "data of a member lies outside it", e);
	r->block = data;
	r->block_at = (uint64_t)at;
	r->block_length = length;
	return 1;
}

ssize_t archive_reader_data(struct archive_reader *r, void *buf, size_t cap, struct error *e)
{
	if (r->position == FAILED)
		return fail(r, e);
	if (r->position != BEFORE_END || r->type != ENTRY_FILE)
		return 0;
	while (!r->block_length && !r->data_ended)
		if (next_block(r, e) < 0)
			return -1;
	size_t n = 0;
	if (r->given < r->block_at) {
		uint64_t hole = r->block_at - r->given;
		n = hole < cap ? (size_t)hole : cap;
		memset(buf, 0, n);
	} else if (r->block_length) {
		n = r->block_length < cap ? r->block_length : cap;
		memcpy(buf, r->block, n);
		r->block += n;
		r->block_at += n;
		r->block_length -= n;
	}
	r->given += n;
	return (ssize_t)n;
}

int archive_reader_skip_hole(struct archive_reader *r, uint64_t *bytes, struct error *e)
{
	*bytes = 0;
	if (r->position == FAILED)
		return fail(r, e);
	if (r->position != BEFORE_END || r->type != ENTRY_FILE)
		return 0;
	while (!r->block_length && !r->data_ended)
		if (next_block(r, e) < 0)
			return -1;
	if (r->given < r->block_at) {
		*bytes = r->block_at - r->given;
		r->given = r->block_at;
	}
	return 0;
}

int archive_reader_finish(struct archive_reader *r, struct error *e)
{
	const uint8_t *data = NULL;
	ssize_t n;
	if (r->position == FAILED)
		return fail(r, e);
	if (r->position == BEFORE_END)
		return error_set(e, ERROR_INTERNAL, ERROR_NO_OFFSET,
				 "%s: finished before its members were read",
				 stream_name(r->upstream));
	if (r->position == FINISHED)
		return 0;
	do {
		n = stream_lend(r->upstream, &data, &r->failure);
		if (n < 0)
			return fail(r, e);
		tar_frame_feed(r->frame, data, (size_t)n);
	} while (n > 0 && tar_frame_check(r->frame, NULL) == 0);
	if (tar_frame_finish(r->frame, NULL) < 0)
		return explain(r, e);
	if (stream_finish(r->upstream, &r->failure) < 0)
		return fail(r, e);
	r->position = FINISHED;
	return 0;
}
