// SPDX-License-Identifier: GPL-3.0-or-later
#include "tar_frame.h"

#include "tar_dumpdir.h"
#include "tar_map.h"

/* libarchive refuses larger ones. */
#define SPECIAL_MAX MIB
static const char increment[] = "an increment of an earlier archive, without the files that had not changed";

enum state {
	STATE_HEADER,
	STATE_SPECIAL, /* the body of an extended header or a long name */
	STATE_EXTENTS, /* a block of old GNU sparse extents behind a header */
	STATE_DATA,
	STATE_END, /* behind the end mark */
};

struct tar_frame {
	struct error fault;
	enum state state;
	uint64_t offset; /* bytes fed */
	uint8_t block[TAR_BLOCK];
	size_t filled;
	uint64_t left; /* of data or a special body, padding included */

	uint64_t first_zero; /* offset + 1 of a zero block that waits for its twin */
	bool special;	     /* extended headers wait for their member */
	uint64_t special_at, body_at;
	uint8_t *body;
	size_t body_size, body_filled;
	char body_type;
	bool has_records, pax;
	struct tar_records records;

	struct tar_map map;
	bool map_runs; /* the data begins with a map whose end has not been seen */
	struct tar_dumpdir list; /* of a directory, instead of data */
	VEC(struct tar_member) members;
	size_t taken;
};

struct tar_frame *tar_frame_new(struct error *e)
{
	struct tar_frame *f = calloc(1, sizeof *f);
	if (!f)
		error_nomem(e);
	return f;
}

void tar_frame_destroy(struct tar_frame *f)
{
	if (!f)
		return;
	free(f->body);
	vec_free(&f->members);
	free(f);
}

static void fault_class(struct tar_frame *f, enum error_class cls, uint64_t at, const char *what)
{
	error_set(&f->fault, cls, (int64_t)at, "tar: %s, at byte %llu", what, (unsigned long long)at);
}

static void fault(struct tar_frame *f, uint64_t at, const char *what)
{
	fault_class(f, ERROR_CORRUPT, at, what);
}

/* The length with the zeros that fill its last block. */
static uint64_t padded(uint64_t n)
{
	return (n + TAR_BLOCK - 1) & ~(uint64_t)(TAR_BLOCK - 1);
}

static struct tar_member *newest(struct tar_frame *f)
{
	return &f->members.items[f->members.count - 1];
}

static void begin_data(struct tar_frame *f)
{
	const struct tar_member *m = newest(f);
	f->left = padded(m->stored);
	f->state = f->left ? STATE_DATA : STATE_HEADER;
	f->list = (struct tar_dumpdir){.runs = m->type == 'D'};
	f->map_runs = m->sparse && f->has_records && f->records.map_in_data;
	if (f->map_runs && !m->stored)
		fault(f, f->offset, "the map of a sparse member is missing");
	f->has_records = false;
}

static void begin_special(struct tar_frame *f, uint64_t at, uint64_t size, char type)
{
	if (size > SPECIAL_MAX) {
		fault_class(f, ERROR_LIMIT, at, "an extended header is larger than 1 MiB");
		return;
	}
	free(f->body);
	f->body = malloc(size ? (size_t)size : 1);
	if (!f->body) {
		error_nomem(&f->fault);
		return;
	}
	f->body_size = (size_t)size;
	f->body_filled = 0;
	f->body_type = type;
	f->body_at = f->offset;
	f->left = padded(size);
	f->state = STATE_SPECIAL;
}

static void end_special(struct tar_frame *f)
{
	struct tar_records r;
	size_t at = 0;
	f->state = STATE_HEADER;
	if (!strchr("xXg", f->body_type))
		return;
	const char *wrong = tar_records_parse(f->body, f->body_size, &r, &at);
	if (wrong) {
		fault(f, f->body_at + at, wrong);
		return;
	}
	if (r.unsupported || r.increment) {
		fault_class(f, ERROR_UNSUPPORTED, f->body_at,
			    r.increment ? increment : "holes in a form that has no reader here");
		return;
	}
	if (f->body_type == 'g') {
		/* Readers disagree whether these apply to members; libarchive ignores them. */
		if (r.has_size || r.sparse || r.names_members)
			fault_class(f, ERROR_UNSUPPORTED, f->body_at, "a global header gives names or sizes");
		return;
	}
	if (f->has_records) {
		fault(f, f->body_at, "two extended headers for one member");
		return;
	}
	f->records = r;
	f->has_records = true;
}

static void map_fault(struct tar_frame *f, enum tar_map_state s)
{
	uint64_t at = newest(f)->offset;
	if (s == TAR_MAP_DAMAGED)
		fault(f, at, "the map of a sparse member is damaged");
	else if (s == TAR_MAP_TOO_LONG)
		fault_class(f, ERROR_LIMIT, at, "a sparse member has too many extents");
}

/* Pairs of offset and length in old GNU sparse form, up to the first empty one. */
static void take_extents(struct tar_frame *f, const uint8_t *pair, size_t count)
{
	for (; count && pair[0] && !f->fault.cls; count--, pair += 24) {
		uint64_t off, len;
		bool numbers = tar_number(pair, 12, &off) == 0 && tar_number(pair + 12, 12, &len) == 0;
		map_fault(f, numbers ? tar_map_extent(&f->map, off, len) : TAR_MAP_DAMAGED);
	}
}

static void end_extents(struct tar_frame *f)
{
	if (f->map.bytes != newest(f)->stored)
		fault(f, newest(f)->offset, "the map of a sparse member does not fit its size");
	else
		begin_data(f);
}

static void take_member(struct tar_frame *f, uint64_t at, const uint8_t *h)
{
	enum tar_dialect dialect = tar_dialect(h);
	struct tar_member m = {.offset = f->special ? f->special_at : at, .type = (char)h[TAR_TYPE]};
	bool gnu_sparse = dialect == TAR_GNU && h[TAR_GNU_SPARSE];
	f->pax = dialect == TAR_USTAR && f->pax;
	if (tar_size_counts(h, f->pax) && tar_number(h + TAR_SIZE, 12, &m.stored) < 0) {
		fault(f, at, "the size of a member is not a number");
		return;
	}
	if (f->has_records && f->records.has_size)
		m.stored = f->records.size;
	if (m.stored > INT64_MAX - TAR_BLOCK) {
		fault(f, at, "the size of a member is impossible");
		return;
	}
	if (strchr("MNS", m.type) && m.type && !(m.type == 'S' && dialect == TAR_GNU)) {
		fault_class(f, ERROR_UNSUPPORTED, at,
			    m.type == 'S' ? "a sparse member in a form that has no reader here"
					  : "part of a multi-volume archive, or a renaming script");
		return;
	}
	if (gnu_sparse && m.type != 'S') {
		fault(f, at, "a sparse map in a member that is not sparse");
		return;
	}
	struct tar_member *kept = vec_push(&f->members);
	if (!kept) {
		error_nomem(&f->fault);
		return;
	}
	m.sparse = m.type == 'S' || (f->has_records && f->records.sparse);
	*kept = m;
	f->special = false;
	memset(&f->map, 0, sizeof f->map);
	if (m.type == 'S') {
		take_extents(f, h + TAR_GNU_SPARSE, 4);
		if (gnu_sparse && h[TAR_GNU_EXTENDED])
			f->state = STATE_EXTENTS;
		else if (!f->fault.cls)
			end_extents(f);
		return;
	}
	if (m.sparse && !f->records.map_in_data && f->records.sparse_bytes != m.stored)
		fault(f, at, "the map of a sparse member does not fit its size");
	else
		begin_data(f);
}

static void take_header(struct tar_frame *f)
{
	const uint8_t *h = f->block;
	uint64_t at = f->offset - TAR_BLOCK, size;
	if (is_zero(h, TAR_BLOCK)) {
		if (f->special)
			fault(f, at, "an extended header without a member");
		else if (f->first_zero)
			f->state = STATE_END;
		else
			f->first_zero = at + 1;
		return;
	}
	if (f->first_zero) {
		fault(f, f->first_zero - 1, "a lone block of zeros between members");
		return;
	}
	if (!tar_checksum_fits(h, true)) {
		fault(f, at, "the checksum of a header is wrong");
		return;
	}
	if (!h[TAR_TYPE] || !strchr("AgKLVXx", h[TAR_TYPE])) {
		take_member(f, at, h);
		return;
	}
	if (!f->special) {
		f->special = true;
		f->special_at = at;
	}
	if (strchr("AgXx", h[TAR_TYPE]))
		f->pax = true;
	/* A volume label has no body, whatever its size field says. */
	if (h[TAR_TYPE] == 'V')
		return;
	if (tar_number(h + TAR_SIZE, 12, &size) < 0)
		fault(f, at, "the size of an extended header is not a number");
	else
		begin_special(f, at, size, (char)h[TAR_TYPE]);
}

static void take_map(struct tar_frame *f, const uint8_t *p, size_t len)
{
	enum tar_map_state s = tar_map_feed(&f->map, p, len);
	uint64_t total;
	map_fault(f, s);
	if (s != TAR_MAP_WHOLE)
		return;
	f->map_runs = false;
	/* The map fills whole blocks; the extents follow. */
	if (add_overflows(padded(f->map.read), f->map.bytes, &total) || total != newest(f)->stored)
		fault(f, newest(f)->offset, "the map of a sparse member does not fit its size");
}

static size_t take_data(struct tar_frame *f, const uint8_t *p, size_t len)
{
	size_t n = f->left < len ? (size_t)f->left : len;
	if (f->map_runs)
		take_map(f, p, n);
	if (f->list.runs && tar_dumpdir_feed(&f->list, p, n))
		fault_class(f, ERROR_UNSUPPORTED, newest(f)->offset, increment);
	f->left -= n;
	if (!f->left) {
		if (f->map_runs)
			fault(f, newest(f)->offset, "the map of a sparse member is cut");
		f->state = STATE_HEADER;
	}
	return n;
}

static size_t take_special(struct tar_frame *f, const uint8_t *p, size_t len)
{
	size_t n = f->left < len ? (size_t)f->left : len;
	size_t want = f->body_size - f->body_filled, copied = n < want ? n : want;
	memcpy(f->body + f->body_filled, p, copied);
	f->body_filled += copied;
	f->left -= n;
	return n;
}

static size_t take_block(struct tar_frame *f, const uint8_t *p, size_t len)
{
	size_t n = TAR_BLOCK - f->filled < len ? TAR_BLOCK - f->filled : len;
	memcpy(f->block + f->filled, p, n);
	f->filled += n;
	return n;
}

static size_t take_zeros(struct tar_frame *f, const uint8_t *p, size_t len)
{
	if (!is_zero(p, len)) {
		size_t i = 0;
		for (; !p[i]; i++)
			;
		fault(f, f->offset + i, "data behind the end mark");
	}
	return len;
}

static size_t step(struct tar_frame *f, const uint8_t *p, size_t len)
{
	if (f->state == STATE_SPECIAL)
		return take_special(f, p, len);
	if (f->state == STATE_DATA)
		return take_data(f, p, len);
	return f->state == STATE_END ? take_zeros(f, p, len) : take_block(f, p, len);
}

/* What is due once the bytes of a step have been counted. */
static void settle(struct tar_frame *f)
{
	if (f->filled == TAR_BLOCK) {
		f->filled = 0;
		if (f->state == STATE_HEADER) {
			take_header(f);
		} else {
			take_extents(f, f->block, 21);
			if (!f->block[TAR_EXTENSION_EXTENDED] && !f->fault.cls)
				end_extents(f);
		}
	}
	if (f->state == STATE_SPECIAL && !f->left && !f->fault.cls)
		end_special(f);
}

void tar_frame_feed(struct tar_frame *f, const void *data, size_t len)
{
	const uint8_t *p = data;
	while (len && !f->fault.cls) {
		size_t n = step(f, p, len);
		f->offset += n;
		p += n;
		len -= n;
		if (!f->fault.cls)
			settle(f);
	}
}

int tar_frame_check(const struct tar_frame *f, struct error *e)
{
	if (!f->fault.cls)
		return 0;
	if (e)
		*e = f->fault;
	return -1;
}

bool tar_frame_take(struct tar_frame *f, struct tar_member *out)
{
	if (f->taken == f->members.count)
		return false;
	*out = f->members.items[f->taken++];
	/* The newest stays: its data may still be running. */
	size_t gone = f->taken == f->members.count ? f->taken - 1 : f->taken;
	if (gone > 256 && gone > f->members.count / 2) {
		f->members.count -= gone;
		f->taken -= gone;
		memmove(f->members.items, f->members.items + gone, f->members.count * sizeof f->members.items[0]);
	}
	return true;
}

bool tar_frame_ended(const struct tar_frame *f)
{
	return f->state == STATE_END;
}

int tar_frame_finish(struct tar_frame *f, struct error *e)
{
	if (!f->fault.cls) {
		if (f->state == STATE_DATA || f->state == STATE_EXTENTS)
			fault(f, f->offset, "the archive is cut inside a member");
		else if (f->filled || f->state == STATE_SPECIAL || f->special)
			fault(f, f->offset, "the archive is cut inside a header");
		else if (f->state == STATE_HEADER)
			fault(f, f->offset, f->first_zero ? "only half of the end mark is there"
							  : "the archive ends without an end mark");
		else if (f->offset % TAR_BLOCK)
			fault(f, f->offset, "the archive is cut behind the end mark");
	}
	return tar_frame_check(f, e);
}
