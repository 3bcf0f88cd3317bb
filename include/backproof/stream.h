// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Stream: sequential bytes. OPEN -> DRAINED (read returned 0) -> FINISHED (finish held), or FAILED.
 * The end of data is not success: only stream_finish is, and it requires a clean boundary, verified
 * trailers and a finished upstream. A stream owns its upstream and destroys it.
 */
#ifndef BACKPROOF_STREAM_H
#define BACKPROOF_STREAM_H

#include "backproof/source.h"

enum stream_state { STREAM_OPEN, STREAM_DRAINED, STREAM_FINISHED, STREAM_FAILED };

struct stream;

struct stream_ops {
	const char *kind;
	/* 1..cap bytes, 0 at the end of data, -1 on error. Never 0 before the end. */
	ssize_t (*read)(void *self, void *buf, size_t cap, struct error *e);
	/* Called once, after read returned 0. Must call stream_finish on its upstream. */
	int (*finish)(void *self, struct error *e);
	void (*destroy)(void *self); /* destroys the upstream too */
	/* NULL, or what read would give without a copy: *data is valid until the next call. */
	ssize_t (*lend)(void *self, const uint8_t **data, struct error *e);
	/* NULL: no; or whether other threads are already making what read will give. */
	bool (*is_ahead)(const void *self);
};

/* Takes self on success only. */
struct stream *stream_new(const struct stream_ops *ops, void *self, const char *name,
			  struct error *e) must_check;
void stream_destroy(struct stream *s);
DEFINE_AUTO(struct stream, stream_destroy)
#define autostream autodestroy(stream_destroy_auto)

/* 1..cap bytes (cap > 0), 0 when drained, -1 when failed: then every later call fails the same way. */
ssize_t stream_read(struct stream *s, void *buf, size_t cap, struct error *e) must_check;
/*
 * The next bytes without a copy where the stage below can lend them: *data is valid until the next call
 * on the stream. Returns as stream_read does.
 */
ssize_t stream_lend(struct stream *s, const uint8_t **data, struct error *e) must_check;
/* Reads until cap bytes or the end: fewer than cap means drained. */
ssize_t stream_read_full(struct stream *s, void *buf, size_t cap, struct error *e) must_check;
/* The only thing that proves a stream. INTERNAL when it was not drained first. */
int stream_finish(struct stream *s, struct error *e) must_check;
/* Reads and drops the rest, then finishes. */
int stream_drain(struct stream *s, struct error *e) must_check;
/* Shows up to cap bytes (cap <= STREAM_PEEK) that the next reads will deliver. Fewer at the end. */
#define STREAM_PEEK (128 * 1024)
ssize_t stream_peek(struct stream *s, void *buf, size_t cap, struct error *e) must_check;

enum stream_state stream_state(const struct stream *s);
const char *stream_name(const struct stream *s);
/* Bytes delivered so far: the offset that messages name. */
uint64_t stream_offset(const struct stream *s);

/* What comes next is already being made in other threads: one more (stream_ahead) would only copy. */
bool stream_is_ahead(const struct stream *s);

/* Called with every byte delivered, in order, once; before the reader gets it. ctx is borrowed. */
typedef void stream_tap_fn(void *ctx, const void *data, size_t len);
int stream_tap(struct stream *s, stream_tap_fn *fn, void *ctx, struct error *e) must_check;

/* All of a source (borrowed) from its first byte. */
struct stream *stream_from_source(struct source *src, struct error *e) must_check;
/* Two sources or more one after the other (split files). Borrowed. */
struct stream *stream_from_sources(struct source *const *src, size_t count, const char *name,
				   struct error *e) must_check;
/*
 * All of upstream, which is taken on success, until it breaks the budget of what `stored` bytes may decode to: then
 * LIMIT. b is borrowed.
 */
struct budget;
struct stream *stream_metered(struct stream *upstream, const struct budget *b, uint64_t stored, uint64_t spare,
			      struct error *e) must_check;
/*
 * Runs upstream in a thread of its own, ahead of the reader by at most slots x slot_size bytes.
 * Takes upstream on success. Its taps then run in that thread; their results may be read once
 * finish has returned.
 */
struct stream *stream_ahead(struct stream *upstream, unsigned slots, size_t slot_size,
			    struct error *e) must_check;

#endif
