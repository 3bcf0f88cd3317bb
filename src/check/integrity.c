// SPDX-License-Identifier: GPL-3.0-or-later
/* Every stored byte was read, and something vouches for it: the weakest part decides. */
#include "backproof/chances.h"
#include "backproof/text.h"
#include "rows.h"
#include "sealed.h"

#define PLAIN "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._+-"

/* got is that of the bytes as read (known NULL), or one that is known of them: it "was sealed". */
static bool compare(const struct sidecar_line *l, const uint8_t *got, const char *known, const char *name,
		    struct findings *f)
{
	char expected[2 * DIGEST_MAX + 1], measured[2 * DIGEST_MAX + 1];
	size_t n = digest_size(l->kind);
	struct finding_text more = {.expected = hex_encode(l->digest, n, expected),
				    .measured = hex_encode(got, n, measured)};
	bool same = !memcmp(l->digest, got, n);
	if (!same)
		more.error = ERROR_CORRUPT;
	finding_add(f, PROOF_INTEGRITY, "sidecar.digest", name, same ? OUTCOME_HELD : OUTCOME_BROKEN, &more,
		    "%s%s%s%s%s is %sthe one in %s", known ? "the " : "", digest_name(l->kind),
		    l->content ? " of the content" : "", known ? " that " : "", known ? known : "",
		    same ? "" : "not ", path_base(l->sidecar));
	return same;
}

/* What a sidecar says of this part, and nobody has taken the digest for. */
static void say_untaken(const struct sidecar_line *l, const struct part *pt, const struct part *of, struct findings *f)
{
	/* Of bytes that were not all read in their order, a seal or an earlier full check may know the digest. */
	const uint8_t *known = of != pt || l->content || l->joined ? NULL
			       : l->kind == DIGEST_SHA256	   ? pt->known_sha256
			       : l->kind == DIGEST_FSVERITY && pt->known_from ? pt->known_digest
									       : NULL;
	if (known) {
		compare(l, known, !strcmp(pt->known_from, "seal") ? "was sealed" : "an earlier full check found",
			pt->name, f);
		return;
	}
	/* The full check that a sample leans on has not seen it. */
	if (pt->proved_at && l->written >= pt->proved_at && pt->kind != PART_NOTE) {
		finding_add(f, PROOF_INTEGRITY, "sidecar.later", pt->name, OUTCOME_UNPROVEN, NULL,
			    "the %s in %s was not compared: it was written after the last full check",
			    digest_name(l->kind), path_base(l->sidecar));
		return;
	}
	/* That not all was read is said elsewhere, and so is what chunks were compared with, be they all of a small
	 * file: they are not read in the order of a digest. And nothing is restored from a note. */
	bool open = of->read_whole && !of->sampled && pt->kind != PART_NOTE;
	finding_add(f, PROOF_INTEGRITY, "sidecar.digest", pt->name, open ? OUTCOME_UNPROVEN : OUTCOME_SKIPPED, NULL,
		    "the %s%s in %s was not compared", digest_name(l->kind),
		    l->content  ? " of the content"
		    : l->joined ? " of all pieces"
				: "",
		    path_base(l->sidecar));
}

/* What the sidecars make of one part. */
static enum evidence by_sidecars(struct subject *s, size_t index, struct findings *f)
{
	const struct part *pt = &s->parts[index];
	/* What is said of a split file, is of its first piece: it vouches for all, and is told of once. */
	const struct part *whole = pt->kind == PART_PIECE && pt->head ? pt->head : pt;
	enum evidence best = EVIDENCE_NONE;
	vec_each(&s->sidecars, l)
	{
		bool joined = l->joined && whole->pieces.count;
		const struct part *of = joined || l->content ? whole : pt;
		unsigned mask = l->content ? of->content_mask : joined ? of->joined_mask : of->digest_mask;
		const uint8_t *got = l->content ? of->content_digests[l->kind]
				     : joined	? of->joined_digests[l->kind]
						: of->digests[l->kind];
		if (l->file == index && (of != pt || !(mask & 1u << l->kind)))
			say_untaken(l, pt, of, f);
		if (l->file != of->index || !(mask & 1u << l->kind))
			continue;
		if (of == pt ? !compare(l, got, NULL, pt->name, f) : memcmp(l->digest, got, digest_size(l->kind)) != 0)
			continue;
		enum evidence v = digest_is_weak(l->kind) ? EVIDENCE_CHECKSUM : EVIDENCE_DIGEST;
		best = v > best ? v : best;
	}
	return best;
}

/*
 * Without checksums, but told several times, and compared: FAT keeps its table twice. NTFS protects each sector of a
 * record by a fixup, and has every name in the record and in an index, every cluster in a run and in the bitmap, and
 * the first records twice. exFAT sums its boot region, its table of cases and each set of entries, and has a bitmap.
 */
static bool is_redundant(const char *type)
{
	static const char *const types[] = {"fat", "fat12", "fat16", "fat32", "vfat", "ntfs", "exfat"};
	for (size_t i = 0; i < ARRAY_SIZE(types); i++)
		if (!strcmp(type, types[i]))
			return true;
	return false;
}

static bool is_witnessed(const struct subject_volume *v)
{
	return v->fs && v->verified && (v->checksums || is_redundant(fs_info(v->fs)->type));
}

/* All metadata of all file systems on a disk was verified by checksums, or as well. One with swap alone holds nothing
 * that a restore would need. */
static bool metadata_witnessed(const struct subject *s, const struct part *pt)
{
	size_t volumes = 0;
	for (size_t i = 0; i < s->volumes.count; i++) {
		const struct subject_volume *v = &s->volumes.items[i];
		/* What was put together from several files may have its bytes in any of them. */
		if (v->disk->part && v->disk->part != pt)
			continue;
		if (v->needed && !v->member && !is_witnessed(v))
			return false;
		volumes += *v->volume->content.type != 0;
	}
	return volumes > 0;
}

/* The part that is looked into when this one is read: itself, or what it is a piece or companion of. */
static const struct part *looked_into(const struct part *pt)
{
	size_t steps = 0;
	while (pt->head && steps++ < 1000)
		pt = pt->head;
	return pt;
}

/* Checksums of all data in all file systems with data were verified: as good as the digests of packages. */
static bool data_witnessed(const struct subject *s, const struct part *pt)
{
	size_t scrubbed = 0;
	for (size_t i = 0; i < s->volumes.count; i++) {
		const struct subject_volume *v = &s->volumes.items[i];
		if ((v->disk->part && v->disk->part != pt) || !v->needed || v->member || v->volume->role == ROLE_ESP)
			continue;
		if (!v->scrubbed)
			return false;
		scrubbed++;
	}
	return scrubbed > 0;
}

static enum evidence by_witnesses(const struct subject *s, const struct part *pt)
{
	const struct vouch_result *r = &s->vouched;
	bool content = r->held && !r->broken && !r->unreadable && !r->unclear;
	const struct part *head = looked_into(pt);
	content = content || data_witnessed(s, head);
	bool metadata = head->kind == PART_ARCHIVE ? head->clean_end : metadata_witnessed(s, head);
	return content && metadata ? EVIDENCE_WITNESS : EVIDENCE_READ;
}

/* " (NAME keeps no metadata checksums)", or "". */
static char *why_no_witness(const struct subject *s, const struct part *pt)
{
	for (size_t i = 0; i < s->volumes.count; i++) {
		const struct subject_volume *v = &s->volumes.items[i];
		if (v->disk->part == looked_into(pt) && v->needed && v->fs && v->verified && !is_witnessed(v))
			return text_format(" (%s, %s, keeps no metadata checksums)", v->name, fs_info(v->fs)->type);
	}
	return strdup("");
}

/* What was measured of a file that was read to its end. */
static void say_read(const struct part *pt, const char *name, struct findings *f)
{
	char hex[2 * DIGEST_MAX + 1], digest[sizeof hex + 32], holes[64] = "";
	bool flat = pt->digest_mask & 1u << DIGEST_SHA256;
	struct finding_text more = {.measured = digest};
	hex_encode(pt->digests[flat ? DIGEST_SHA256 : DIGEST_FSVERITY], 32, hex);
	snprintf(digest, sizeof digest, "%s%s", flat ? "" : "fs-verity sha256:", hex);
	if (pt->hole_bytes)
		snprintf(holes, sizeof holes, " (%llu of them are holes)", (unsigned long long)pt->hole_bytes);
	finding_add(f, PROOF_INTEGRITY, "integrity.read", pt->name, OUTCOME_HELD, &more,
		    flat ? "all %llu bytes were read%s"
			 : "all %llu bytes were read%s; their digest is what `fsverity digest %s` prints",
		    (unsigned long long)source_size(pt->source), holes, name);
}

/* "63.2%": rounded down, and finer only near certainty. */
static const char *say_share(uint32_t share, char buf[16])
{
	return format_share(share < 999000 ? share - share % 1000 : share, buf);
}

static bool sample_holds(const struct chunk_sample *c)
{
	return c->total && !c->bad && c->confidence >= c->wanted;
}

static bool sample_is_all(const struct chunk_sample *c)
{
	return c->drawn + c->known == c->total;
}

/* What the sample of chunks means. Reports show it as it is. */
static char *sample_in_words(const struct chunk_sample *c)
{
	char read[32], all[32], damage[16], odds[16], wanted[16];
	format_size(c->bytes_read, read);
	format_size(c->bytes_total, all);
	format_share(c->damage, damage);
	if (!sample_holds(c))
		return text_format("read %s of %s%s: if %s or more were damaged, this would have shown it with %s "
				   "probability, and policy asks for %s",
				   read, all, c->stopped ? " before the deadline" : "", damage,
				   say_share(c->confidence, odds), format_share(c->wanted, wanted));
	if (sample_is_all(c))
		return text_format("all %llu chunks were compared with those of the %s",
				   (unsigned long long)c->total, c->from);
	say_share(c->confidence < SHARE_ONE ? c->wanted : c->confidence, odds);
	return text_format("read %s of %s: if %s or more were damaged, this would have shown it with %s probability. "
			   "A few flipped bits may be missed by any sample.",
			   read, all, damage, odds);
}

/* Of the restore point as a whole. */
static void say_sample(const struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct chunk_sample *c = &s->chunk_sample;
	if (!c->total)
		return;
	autofree char *words = sample_in_words(c);
	bool held = sample_holds(c);
	finding_add(f, PROOF_INTEGRITY, "integrity.chunks", s->point->label, OUTCOME_SKIPPED, NULL,
		    "%llu of %llu chunks of 512 KiB drawn at random with seed %llu, %llu needed; %llu known besides: "
		    "holes, both ends, and what the other proofs have read",
		    (unsigned long long)c->drawn, (unsigned long long)c->total, (unsigned long long)p->seed,
		    (unsigned long long)c->needed, (unsigned long long)c->known);
	if (!c->bad)
		finding_add(f, PROOF_INTEGRITY, "integrity.sample", s->point->label,
			    held ? OUTCOME_HELD : OUTCOME_UNPROVEN,
			    &(struct finding_text){.error = !held && c->stopped ? ERROR_LIMIT : ERROR_NONE}, "%s",
			    words ? words : "a sample of chunks");
}

static enum evidence judge(struct subject *s, size_t index, const struct check_parameters *p, struct findings *f)
{
	struct part *pt = &s->parts[index];
	/* A name that a shell might read otherwise is not put into a line that people paste. */
	const char *name = strspn(pt->name, PLAIN) == strlen(pt->name) && *pt->name != '-' ? pt->name : "FILE";
	enum evidence need = p->policy->integrity_evidence, best = by_sidecars(s, index, f);
	if (pt->sampled && !pt->read_whole && sample_holds(&s->chunk_sample)) {
		struct finding_text strength = {.expected = evidence_name(need),
						.measured = evidence_name(EVIDENCE_DIGEST)};
		finding_add(f, PROOF_INTEGRITY, "integrity.evidence", pt->name, OUTCOME_HELD, &strength,
			    "evidence: digests of chunks, of a sample (%s)", pt->known_from);
		return EVIDENCE_DIGEST;
	}
	/* Too small a sample, or damage in it, has been said. */
	if (pt->sampled && !pt->read_whole)
		return EVIDENCE_NONE;
	if (!pt->read_whole) {
		finding_add(f, PROOF_INTEGRITY, "integrity.read", pt->name, OUTCOME_UNPROVEN, NULL,
			    p->depth == DEPTH_FULL
				    ? "not all of its bytes could be read"
			    : pt->known_from && !pt->known_chunks
				    ? "not all of its bytes were read: the side file of its seal can't be used"
				    : "not all of its bytes were read: only a full check does that");
		return EVIDENCE_NONE;
	}
	say_read(pt, name, f);
	enum evidence sealed = sealed_evidence(s, index, f);
	best = sealed > best ? sealed : best;
	/* A piece is covered by the checksums of the whole. */
	const struct part *whole = pt->kind == PART_PIECE ? pt->head : pt;
	if (best < EVIDENCE_CHECKSUM && whole->content_checked && pt->clean_end)
		best = EVIDENCE_CHECKSUM;
	if (pt->sampled || known_evidence(pt, f) == EVIDENCE_DIGEST)
		best = EVIDENCE_DIGEST;
	/* Nothing is restored from a note. */
	if (pt->kind == PART_NOTE)
		return best < need ? need : best;
	if (best < EVIDENCE_WITNESS)
		best = by_witnesses(s, pt);
	struct finding_text strength = {.expected = evidence_name(need), .measured = evidence_name(best)};
	if (best >= need)
		finding_add(f, PROOF_INTEGRITY, "integrity.evidence", pt->name, OUTCOME_HELD, &strength,
			    "evidence: %s", evidence_name(best));
	else {
		autofree char *why = need == EVIDENCE_WITNESS ? why_no_witness(s, pt) : NULL;
		finding_add(f, PROOF_INTEGRITY, "integrity.evidence", pt->name, OUTCOME_UNPROVEN, &strength,
			    "nothing vouches for its bytes as well as policy asks (%s, needed: %s)%s; seal it when "
			    "it is written: backproof seal %s",
			    evidence_name(best), evidence_name(need), why ? why : "", name);
	}
	return best;
}

/* What it rests on, in words: the weakest part's evidence is the whole's. */
static const char *explain(const struct subject *s, enum evidence weakest)
{
	if (weakest == EVIDENCE_WITNESS && s->facts.windows)
		return "sound metadata and the checksums of programs inside vouch for it";
	for (size_t i = 0; weakest == EVIDENCE_DIGEST && i < s->part_count; i++)
		if (s->parts[i].known_from && !strcmp(s->parts[i].known_from, "history"))
			return "it is what an earlier full check found";
	if (weakest == EVIDENCE_DIGEST && s->sealed && s->sealed->items.count)
		return "it is what was sealed";
	static const char *const words[] = {
		[EVIDENCE_NONE] = "nothing vouches for it",
		[EVIDENCE_READ] = "nothing vouches for it",
		[EVIDENCE_WITNESS] = "metadata checksums and package digests inside vouch for it",
		[EVIDENCE_CHECKSUM] = "checksums cover all of it",
		[EVIDENCE_DIGEST] = "it matches the digests kept beside it",
	};
	return words[weakest];
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	enum evidence weakest = EVIDENCE_DIGEST;
	uint64_t bytes = 0, holes = 0;
	bool any = false;
	char size[32], rest[32];
	p->budget->stage = "digest";
	if (p->depth == DEPTH_FULL)
		subject_images_verify(s, p, f);
	subject_join(s, p, f);
	if (p->depth == DEPTH_SAMPLE)
		subject_draw_chunks(s, p, f);
	say_sample(s, p, f);
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		enum evidence v = pt->source ? judge(s, i, p, f) : EVIDENCE_NONE;
		weakest = v < weakest ? v : weakest;
		if (!pt->read_whole)
			continue;
		any = true;
		bytes += source_size(pt->source) - pt->hole_bytes;
		holes += pt->hole_bytes;
	}
	if (sample_holds(&s->chunk_sample) && !sample_is_all(&s->chunk_sample))
		finding_add(f, PROOF_INTEGRITY, "integrity.summary", s->point->label, OUTCOME_SKIPPED, NULL,
			    "%s of chunks drawn at random match the %s (%s, of a sample)",
			    format_size(s->chunk_sample.bytes_read, size), s->chunk_sample.from,
			    evidence_name(weakest));
	else if (any)
		finding_add(f, PROOF_INTEGRITY, "integrity.summary", s->point->label, OUTCOME_SKIPPED, NULL,
			    "%s read%s%s; %s (%s)", format_size(bytes, size), holes ? ", holes of " : "",
			    holes ? format_size(holes, rest) : "", explain(s, weakest), evidence_name(weakest));
}

const struct check check_integrity = {
	"integrity", PROOF_INTEGRITY,
	"Every stored byte was read, and a digest, the format's checksums or witnesses inside vouch for them.",
	run};
