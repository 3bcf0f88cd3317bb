// SPDX-License-Identifier: GPL-3.0-or-later
/* What a run found out about the files of a restore point and the machine inside: for passes and for the history. */
#include "run.h"

static void add_file(const struct part *part, struct host_result *out)
{
	struct proved_file *to = vec_push(&out->files);
	if (!to || !(to->path = strdup(part->file->path))) {
		out->files.count -= to != NULL;
		out->findings.lost = true;
		return;
	}
	to->size = part->file->size;
	const struct stat *st = part->source ? source_stat(part->source) : NULL;
	if (st) {
		to->is_opened = true;
		to->opened = *st;
	}
	/* A digest of half a file is none of it. */
	if (part->read_whole && part->digest_mask & 1u << DIGEST_SHA256) {
		to->has_sha256 = true;
		memcpy(to->sha256, part->digests[DIGEST_SHA256], sizeof to->sha256);
	}
	if (part->read_whole && part->digest_mask & 1u << DIGEST_FSVERITY) {
		to->has_fsverity = true;
		memcpy(to->fsverity, part->digests[DIGEST_FSVERITY], sizeof to->fsverity);
	}
	if (part->known_from) {
		to->has_known = true;
		memcpy(to->known, part->known_digest, sizeof to->known);
	}
}

static char *copy_of(const char *text, struct host_result *out)
{
	char *copy = text ? strdup(text) : NULL;
	if (text && !copy)
		out->findings.lost = true;
	return copy;
}

void proved_collect(const struct subject *s, struct host_result *out)
{
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].file)
			add_file(&s->parts[i], out);
	out->hostname = copy_of(s->facts.hostname, out);
	out->machine_id = copy_of(s->facts.machine_id, out);
	out->system = copy_of(s->facts.system, out);
}
