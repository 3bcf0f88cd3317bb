// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A restore point is held against its seals: bytes by their digests, and what was seen inside by what was seen then.
 * Where something could not be opened that is said elsewhere, and proves nothing against the seal.
 */
#include "sealed.h"

#include <strings.h>

#include "backproof/text.h"
#include "rows.h"

/* Which chunks are not what they were: how many, and where the first begins. */
static uint64_t damaged_chunks(const struct chunks *now, const struct chunks *then, uint64_t *first)
{
	uint64_t count = chunks_count(then), bad = 0, step;
	*first = 0;
	if (count != chunks_count(now))
		return 0;
	for (uint64_t i = 0; i < count; i += step) {
		uint8_t a[MERKLE_HASH], b[MERKLE_HASH];
		uint64_t x, y;
		chunks_get(now, i, a, &x);
		chunks_get(then, i, b, &y);
		step = x < y ? x : y;
		if (!memcmp(a, b, sizeof a))
			continue;
		if (!bad)
			*first = i;
		bad += step;
	}
	return bad;
}

/* When it was written, where that was after it was sealed: then nobody has to look for a bad disk. */
static char *written_later(const struct part *pt, const struct seal *s)
{
	char a[32], b[32];
	int64_t written = source_stat(pt->source) ? source_stat(pt->source)->st_mtime : 0;
	if (written <= s->sealed_at)
		return strdup("");
	return text_format("; it was written at %s, after it was sealed (%s): a new backup is sealed anew",
			   format_rfc3339(written, a), format_rfc3339(s->sealed_at, b));
}

static void say_broken(const struct part *pt, const struct sealed_one *x, size_t i, const char *expected,
		       const char *measured, struct findings *f)
{
	uint64_t first = 0, bad = 0;
	const struct chunks *then = x->tree ? x->tree[i] : NULL;
	struct finding_text more = {.expected = expected, .measured = measured, .error = ERROR_CORRUPT};
	autofree char *later = written_later(pt, &x->seal);
	if (pt->chunks && then)
		bad = damaged_chunks(pt->chunks, then, &first);
	if (!bad) {
		finding_add(f, PROOF_INTEGRITY, "seal.digest", pt->name, OUTCOME_BROKEN, &more,
			    "it is not what was sealed (%s)%s", x->name, later ? later : "");
		return;
	}
	more.has_offset = true;
	more.offset = (int64_t)(first * MERKLE_CHUNK);
	finding_add(f, PROOF_INTEGRITY, "seal.digest", pt->name, OUTCOME_BROKEN, &more,
		    "it is not what was sealed (%s): %llu of its %llu chunks of 512 KiB %s, the first at byte %lld%s",
		    x->name, (unsigned long long)bad, (unsigned long long)chunks_count(then),
		    bad == 1 ? "differs" : "differ", (long long)more.offset, later ? later : "");
}

/* 1 held, 0 not compared, -1 broken. */
static int compare(const struct part *pt, const struct sealed_one *x, size_t i, struct findings *f)
{
	const struct seal_file *file = &x->seal.files.items[i];
	int done = 0;
	for (int tree = 1; tree >= 0; tree--) {
		enum digest_kind kind = tree ? DIGEST_FSVERITY : DIGEST_SHA256;
		const uint8_t *want = tree ? file->fsverity : file->sha256;
		char expected[65], measured[65];
		if (!pt->read_whole || !(pt->digest_mask & 1u << kind))
			continue;
		hex_encode(want, 32, expected);
		hex_encode(pt->digests[kind], 32, measured);
		if (memcmp(want, pt->digests[kind], 32)) {
			say_broken(pt, x, i, expected, measured, f);
			return -1;
		}
		done = 1;
	}
	return done;
}

/* It was as long as the seal says when it was found, and is not any more. */
static bool grew(const struct part *pt, const struct sealed_one *x, size_t i, struct findings *f)
{
	char want[24], have[24];
	struct finding_text more = {.error = ERROR_CORRUPT, .expected = want, .measured = have};
	uint64_t size = source_size(pt->source), sealed = x->seal.files.items[i].size;
	if (size == sealed)
		return false;
	snprintf(want, sizeof want, "%llu", (unsigned long long)sealed);
	snprintf(have, sizeof have, "%llu", (unsigned long long)size);
	finding_add(f, PROOF_INTEGRITY, "seal.size", pt->name, OUTCOME_BROKEN, &more,
		    "it had the %s bytes that were sealed (%s) when it was found, and %s when it was opened", want,
		    x->name, have);
	return true;
}

enum evidence sealed_evidence(const struct subject *s, size_t index, struct findings *f)
{
	const struct part *pt = &s->parts[index];
	enum evidence best = EVIDENCE_NONE;
	char when[32];
	/* What is not held against a seal: it has another size, which was said, or nothing is restored from it. */
	if (!s->sealed || !pt->source || !pt->known_from || strcmp(pt->known_from, "seal"))
		return best;
	for (size_t n = 0; n < s->sealed->items.count; n++) {
		const struct sealed_one *x = &s->sealed->items.items[n];
		for (size_t i = 0; i < x->seal.files.count; i++) {
			if (x->parts[i] != index || s->point->items[index].size != x->seal.files.items[i].size)
				continue;
			if (grew(pt, x, i, f))
				continue;
			int rc = compare(pt, x, i, f);
			if (rc > 0)
				finding_add(f, PROOF_INTEGRITY, "seal.digest", pt->name,
					    x->vouches ? OUTCOME_HELD : OUTCOME_SKIPPED, NULL,
					    "it is what was sealed %s%s", format_rfc3339(x->seal.sealed_at, when),
					    x->vouches ? "" : ", as far as this seal can be believed");
			if (rc > 0 && x->vouches)
				best = EVIDENCE_DIGEST;
		}
	}
	return best;
}

static bool is_machine_id(const char *id)
{
	return id && strlen(id) == 32 && strspn(id, "0123456789abcdefABCDEF") == 32 && strspn(id, "0") != 32;
}

static void foreign(struct findings *f, const struct sealed_one *x, const char *expected, const char *measured,
		    const char *what)
{
	struct finding_text more = {.expected = expected, .measured = measured};
	finding_add(f, PROOF_IDENTITY, "seal.host", x->name, OUTCOME_BROKEN, &more, "%s \"%s\", expected \"%s\"", what,
		    measured, expected);
}

static void one_identity(const struct subject *s, const struct sealed_one *x, const struct check_parameters *p,
			 struct findings *f)
{
	const struct seal *seal = &x->seal;
	const struct facts *inside = &s->facts;
	const char *expected = p->hostname ? p->hostname : p->host;
	bool id = is_machine_id(seal->machine_id);
	if (seal->host && (same_host(seal->host, p->host) || same_host(seal->host, expected)))
		finding_add(f, PROOF_IDENTITY, "seal.host", x->name, OUTCOME_HELD, NULL, "it was sealed for %s",
			    seal->host);
	else if (seal->host)
		foreign(f, x, p->host, seal->host, "it was sealed for");
	/* What is found inside is held against what is expected by itself. */
	if (seal->hostname && inside->hostname && !same_host(seal->hostname, inside->hostname))
		foreign(f, x, inside->hostname, seal->hostname, "the host name that was found when it was sealed is");
	if (id && is_machine_id(inside->machine_id) && strcasecmp(seal->machine_id, inside->machine_id))
		foreign(f, x, inside->machine_id, seal->machine_id,
			"the machine id that was found when it was sealed is");
	if (id && !inside->machine_id && p->machine_id && strcasecmp(seal->machine_id, p->machine_id))
		foreign(f, x, p->machine_id, seal->machine_id, "the machine id that was found when it was sealed is");
	if (seal->hostname && !inside->hostname && !same_host(seal->hostname, expected) &&
	    !(id && p->machine_id && !p->hostname_given && !strcasecmp(seal->machine_id, p->machine_id)))
		foreign(f, x, expected, seal->hostname, "the host name that was found when it was sealed is");
}

void sealed_identity(const struct subject *s, const struct check_parameters *p, struct findings *f)
{
	for (size_t i = 0; s->sealed && i < s->sealed->items.count; i++)
		if (sealed_is_own(s, &s->sealed->items.items[i]))
			one_identity(s, &s->sealed->items.items[i], p, f);
}

static bool is_there(const struct subject *s, const struct seal_volume *v)
{
	vec_each(&s->volumes, it)
	{
		const struct volume *d = it->volume;
		if (v->uuid && *v->uuid ? !strcasecmp(v->uuid, d->content.uuid)
		    : v->partuuid && *v->partuuid
			    ? !strcasecmp(v->partuuid, d->partuuid)
			    : v->offset == d->offset && v->size == d->size)
			return true;
	}
	return false;
}

static bool all_opened(const struct subject *s)
{
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].failure.cls != ERROR_NONE || s->parts[i].kind == PART_UNKNOWN)
			return false;
	return true;
}

/* A disk that was not looked through, for damage or want of time, shows none of its volumes. */
static bool all_looked_through(const struct subject *s, const struct findings *f)
{
	for (size_t i = 0; i < s->disks.count; i++)
		if (findings_against(f, PROOF_STRUCTURE, s->disks.items[i]->name))
			return false;
	return true;
}

void sealed_coverage(const struct subject *s, struct findings *f)
{
	bool whole = all_looked_through(s, f);
	for (size_t i = 0; s->sealed && i < s->sealed->items.count; i++) {
		const struct sealed_one *x = &s->sealed->items.items[i];
		size_t missing = 0;
		if (!x->seal.volumes.count || !sealed_is_own(s, x) || !all_opened(s))
			continue;
		vec_each(&x->seal.volumes, v)
		{
			if (is_there(s, v))
				continue;
			missing++;
			finding_add(f, PROOF_COVERAGE, "seal.volumes", x->name,
				    whole ? OUTCOME_BROKEN : OUTCOME_UNPROVEN,
				    &(struct finding_text){.expected = v->uuid},
				    "the volume %s%s%s, which the seal names, is not %s it", v->name ? v->name : "",
				    v->type ? ", " : "", v->type ? v->type : "", whole ? "in" : "seen in");
		}
		if (!missing)
			finding_add(f, PROOF_COVERAGE, "seal.volumes", x->name, OUTCOME_HELD, NULL,
				    "%zu %s that the seal names %s in it", x->seal.volumes.count,
				    x->seal.volumes.count == 1 ? "volume" : "volumes",
				    x->seal.volumes.count == 1 ? "is" : "are");
	}
}
