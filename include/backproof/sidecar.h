// SPDX-License-Identifier: GPL-3.0-or-later
/* Sidecars: files beside a backup that hold its digests, in the forms met in the wild. */
#ifndef BACKPROOF_SIDECAR_H
#define BACKPROOF_SIDECAR_H

#include "backproof/catalog.h"
#include "backproof/digest.h"
#include "backproof/finding.h"

/* One line of a sidecar that speaks for a file of the restore point. */
struct sidecar_line {
	size_t file;	/* index into the restore point's files */
	enum digest_kind kind;
	uint8_t digest[DIGEST_MAX];
	bool content;	/* of the decoded bytes: it names the file without its compression suffix */
	bool joined;	/* of all pieces of a split file, of which file is the first */
	char *sidecar;	/* path of the sidecar */
	unsigned line;	/* from 1 */
	int64_t written; /* when the sidecar was changed last (ctime), in seconds */
};

struct sidecars {
	struct sidecar_line *items;
	size_t count, capacity;
	struct strings paths; /* sidecars that were read */
};

/*
 * Finds and reads the sidecars of a restore point. Adds PROOF_INTEGRITY findings: "sidecar.format" BROKEN for
 * lines that are garbage, a name with "..", or an empty file, UNSUPPORTED where nothing is worse than a line that
 * is not understood (another kind of digest, a path of Windows); "sidecar.read" for one that can't be read, and
 * UNPROVEN where lists were left out, being too many or too large, and a file is in no other (SKIPPED if it is);
 * "sidecar.coverage" BROKEN (blamed INCOMPLETE) when there is a sidecar and a file of the restore point is in
 * none, UNPROVEN where one was not understood; "sidecar.conflict" BROKEN when two lines of one kind disagree;
 * PROOF_PRESENCE "sidecar.missing" BROKEN (INCOMPLETE) when a list names a further disk, partition or piece of the
 * restore point that is not there. Lines for other files are fine. No sidecar at all adds nothing.
 * -1: memory.
 */
int sidecars_load(const struct restore_point *point, struct sidecars *out, struct findings *f,
		  struct error *e) must_check;
void sidecars_free(struct sidecars *s);

/* The parser alone, for fuzzing: calls line() for each good line. name is unescaped. Returns the
 * number of bad lines; the first is described in *bad. */
typedef int sidecar_line_fn(void *ctx, unsigned line, enum digest_kind kind, const uint8_t *digest,
			    const char *name);
size_t sidecar_parse(const char *data, size_t len, const char *sidecar_name, sidecar_line_fn *line,
		     void *ctx, struct error *bad);

/* Could a file of this base name be a sidecar, a list of sums, or a seal? What it is for its content tells. */
bool sidecar_may_be(const char *base);

#endif
