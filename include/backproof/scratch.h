// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Scratch: a private directory (0700) that is gone on every way out, and spools: sparse, unlinked
 * files that hold decoded bytes so that they can be read at random.
 */
#ifndef BACKPROOF_SCRATCH_H
#define BACKPROOF_SCRATCH_H

#include "backproof/budget.h"
#include "backproof/source.h"
#include "backproof/stream.h"

#define SCRATCH_DEFAULT "/var/tmp/backproof"

struct scratch;
/*
 * Makes a private directory below parent (made when missing); removes what runs killed earlier left
 * there. The directory is removed by scratch_destroy and by a fatal signal's handler.
 */
struct scratch *scratch_open(const char *parent, uint64_t limit, struct error *e) must_check;
/*
 * The private directory that another process has made, which removes it too: fd, which is taken over, and which is the
 * working directory of this process.
 */
struct scratch *scratch_adopt(int fd, uint64_t limit, struct error *e) must_check;
/* It belongs to that user from now on; the directory above stays as it is. */
int scratch_give(struct scratch *s, unsigned uid, unsigned gid, struct error *e) must_check;
void scratch_destroy(struct scratch *s);
DEFINE_AUTO(struct scratch, scratch_destroy)
const char *scratch_path(const struct scratch *s);
int scratch_fd(const struct scratch *s);
/*
 * Accounts for bytes that are about to be written. LIMIT when they pass the limit or the free space,
 * naming what is needed.
 */
int scratch_charge(struct scratch *s, uint64_t bytes, struct error *e) must_check;
void scratch_refund(struct scratch *s, uint64_t bytes);

/*
 * Reads upstream (borrowed) to its end and finishes it, writing what is not zero; gives the bytes as a
 * source that owns the spool. NULL when it failed; when only scratch was too small (LIMIT), upstream
 * is drained and finished all the same. b may be NULL; what `stored` bytes may decode to is held against it.
 */
struct source *spool_stream(struct scratch *s, struct stream *upstream, uint64_t stored, struct budget *b,
			    struct error *e) must_check;

#endif
