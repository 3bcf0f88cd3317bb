// SPDX-License-Identifier: GPL-3.0-or-later
/* What the lines of a sidecar mean for the files of a restore point. */
#include <errno.h>
#include <sys/stat.h>

#include "backproof/door.h"
#include "backproof/text.h"
#include "sidecar_loader.h"
#include "sidecar_names.h"

/* Lines of one file and kind that contradict each other are kept up to here: two tell all there is. */
#define MAX_CONFLICTS 16
/* Of one list: there is no end to what a line can name. */
#define ABSENT_MOST 100

static void conflict(struct sidecar_loader *l, const struct sidecar_line *a, const struct sidecar_line *b)
{
	char want[2 * DIGEST_MAX + 1], have[2 * DIGEST_MAX + 1];
	struct finding_text more = {
		.expected = hex_encode(a->digest, digest_size(a->kind), want),
		.measured = hex_encode(b->digest, digest_size(b->kind), have),
	};
	finding_add(l->f, PROOF_INTEGRITY, "sidecar.conflict", l->targets[a->file].full,
		    OUTCOME_BROKEN, &more, "two %s digests of one file: %s line %u and %s line %u",
		    digest_name(a->kind), a->sidecar, a->line, b->sidecar, b->line);
}

static int add_line(struct sidecar_loader *l, struct sidecar_line line, const uint8_t *digest)
{
	enum digest_kind kind = line.kind;
	size_t file = line.file;
	const struct sidecar_line *other = NULL;
	size_t alike = 0;
	l->matched++;
	l->targets[file].covered = true;
	if (line.joined || line.content)
		sidecar_cover_pieces(l->targets, l->count, &l->targets[file]);
	memcpy(line.digest, digest, digest_size(kind));
	vec_each(l->out, it)
	{
		if (it->file != file || it->kind != kind || it->content != line.content || it->joined != line.joined)
			continue;
		if (!memcmp(it->digest, digest, digest_size(kind)))
			return 0;
		alike++;
		if (!other)
			other = it;
	}
	if (alike >= MAX_CONFLICTS)
		return 0;
	line.sidecar = strdup(l->path);
	if (line.sidecar && other)
		conflict(l, other, &line);
	struct sidecar_line *to = line.sidecar ? vec_push(l->out) : NULL;
	if (!to) {
		free(line.sidecar);
		l->nomem = true;
		return -1;
	}
	*to = line;
	return 0;
}

/* What was there when the list was made, and belongs to what is still there. */
static void miss(struct sidecar_loader *l, unsigned number, const char *full)
{
	struct stat st;
	if (!l->list || l->absent.count >= ABSENT_MOST || !sidecar_is_sister(l->targets, l->count, full) ||
	    door_stat(full, true, &st) == 0 || errno != ENOENT)
		return;
	struct sidecar_absent *to = vec_push(&l->absent);
	if (!to || !(to->full = strdup(full)))
		l->nomem = true;
	else
		to->line = number;
}

/* The files that a line of this name means; full: absolute. */
static int match(struct sidecar_loader *l, struct sidecar_line line, const uint8_t *digest, const char *full)
{
	size_t len = strlen(full);
	bool exact = false;
	for (size_t i = 0; i < l->count; i++)
		if (!strcmp(full, l->targets[i].full)) {
			exact = true;
			line.file = i;
			if (add_line(l, line, digest) < 0)
				return -1;
		}
	for (size_t i = 0; i < l->count && !exact; i++) {
		const struct sidecar_target *t = &l->targets[i];
		struct stat st;
		if ((t->stem != len && t->joined != len) || memcmp(full, t->full, len))
			continue;
		/* A file of just this name is what the line means, not what our file decodes to, or its pieces are. */
		if (door_stat(full, false, &st) == 0)
			break;
		line.file = i;
		line.joined = t->joined == len;
		line.content = !line.joined;
		if (add_line(l, line, digest) < 0)
			return -1;
	}
	return 0;
}

int sidecar_on_line(void *ctx, unsigned number, enum digest_kind kind, const uint8_t *digest, const char *name)
{
	struct sidecar_loader *l = ctx;
	l->good++;
	struct sidecar_line line = {.kind = kind, .line = number, .written = l->written};
	size_t before = l->matched;
	autofree char *full = *name == '/' ? strdup(name) : text_format("%s/%s", l->dir, name);
	if (full)
		sidecar_normalise(full);
	autofree char *here = full ? sidecar_here(full, l->dir, l->own && *name == '/') : NULL;
	if (!here || match(l, line, digest, full) < 0 || (l->matched == before && match(l, line, digest, here) < 0)) {
		l->nomem = true;
		return -1;
	}
	if (l->matched == before)
		miss(l, number, full);
	return 0;
}

void sidecar_forget_absent(struct sidecar_loader *l)
{
	vec_each(&l->absent, it) free(it->full);
	vec_free(&l->absent);
}

/* A list under a name of its own may be an old one of other disks, unless it speaks of ours as well. */
void sidecar_tell_absent(struct sidecar_loader *l, const char *name)
{
	vec_each(&l->absent, it) if (l->matched || sidecar_is_list(name))
		finding_add(l->f, PROOF_PRESENCE, "sidecar.missing", it->full, OUTCOME_BROKEN,
			    &(struct finding_text){.blame = BLAME_INCOMPLETE},
			    "%s line %u has its digest, and it is not there", l->path, it->line);
	sidecar_forget_absent(l);
}
