// SPDX-License-Identifier: GPL-3.0-or-later
/* Who signed the seals, and whether the files that they list are the files that are there. */
#include "sealed_judge.h"

#include <strings.h>

#define KEY_SHOWN 16 /* digits of a key's name that people are shown */

static const char *path_of_key(const struct sealed *all, const char *id)
{
	vec_each(&all->keys.items, k) if (!strcmp(k->id, id)) return k->path;
	return "";
}

static void judge_signature(const struct sealed *all, struct sealed_one *x, const struct policy *p, struct findings *f)
{
	const struct seal *s = &x->seal;
	bool wanted = p->require_signature || p->trusted_keys.count;
	struct finding_text missing = {.blame = BLAME_INCOMPLETE, .measured = *s->key_id ? s->key_id : NULL};
	if (s->is_signed && s->trusted) {
		finding_add(f, PROOF_INTEGRITY, "seal.signature", x->name, OUTCOME_HELD, &missing,
			    "signed by key %.*s (%s), which is trusted", KEY_SHOWN, s->key_id,
			    path_of_key(all, s->key_id));
		return;
	}
	/* Where a key is trusted, to leave the signature out must not be worth more than to make one by another. */
	x->vouches = !wanted;
	/* It may be one of those that can't be read. */
	if (all->keys.items.count < p->trusted_keys.count)
		missing.blame = BLAME_CANNOT_TELL;
	if (s->is_signed && wanted)
		finding_add(f, PROOF_INTEGRITY, "seal.signature", x->name, OUTCOME_BROKEN, &missing,
			    "signed by key %.*s, which is none of those that policy trusts", KEY_SHOWN, s->key_id);
	else if (s->is_signed)
		finding_add(f, PROOF_INTEGRITY, "seal.signature", x->name, OUTCOME_SKIPPED, &missing,
			    "signed by key %.*s, which this machine does not know", KEY_SHOWN, s->key_id);
	else if (p->require_signature)
		finding_add(f, PROOF_INTEGRITY, "seal.signature", x->name, OUTCOME_BROKEN, &missing,
			    "the seal is not signed, and policy asks for a signature (require_signature)");
	else
		finding_add(f, PROOF_INTEGRITY, "seal.signature", x->name, OUTCOME_SKIPPED, NULL,
			    wanted ? "the seal is not signed, and policy trusts some keys: what it says is no proof"
				   : "the seal is not signed: it tells accidents, not attackers");
}

/* What people may take away or write anew as they like: nothing is restored from it. */
static bool is_loose(const char *name)
{
	static const char *const suffixes[] = {".log", ".notes", ".protected"};
	size_t n = strlen(name);
	for (size_t i = 0; i < ARRAY_SIZE(suffixes); i++) {
		size_t m = strlen(suffixes[i]);
		if (n > m && !strcasecmp(name + n - m, suffixes[i]))
			return true;
	}
	return false;
}

static void judge_absent(const struct sealed_one *x, const struct seal_file *file, struct findings *f)
{
	struct finding_text missing = {.blame = BLAME_INCOMPLETE, .expected = file->name};
	bool there = sealed_file_exists(&x->seal, file->name);
	if (is_loose(file->name))
		finding_add(f, PROOF_PRESENCE, "seal.files", x->name, OUTCOME_SKIPPED, &missing,
			    "%s, which the seal lists, is not looked at: nothing is restored from it", file->name);
	else
		finding_add(f, PROOF_PRESENCE, "seal.files", x->name, OUTCOME_BROKEN, &missing,
			    there ? "the seal lists %s, which is not among the files of this restore point"
				  : "the seal lists %s, which is not there",
			    file->name);
}

static void judge_size(const struct subject *s, const struct seal_file *file, size_t part, const struct sealed_one *x,
		       struct findings *f)
{
	char want[24], have[24], written[32];
	const struct point_file *there = &s->point->items[part];
	bool later = there->mtime > x->seal.sealed_at;
	struct finding_text more = {.error = ERROR_CORRUPT, .expected = want, .measured = have};
	snprintf(want, sizeof want, "%llu", (unsigned long long)file->size);
	snprintf(have, sizeof have, "%llu", (unsigned long long)there->size);
	finding_add(f, PROOF_INTEGRITY, "seal.size", s->parts[part].name, OUTCOME_BROKEN, &more,
		    "it has %s bytes, and had %s when it was sealed (%s)%s%s%s", have, want, x->name,
		    later ? "; it was written at " : "", later ? format_rfc3339(there->mtime, written) : "",
		    later ? ", later: a new backup is sealed anew" : "");
}

/* The first seal of a file is what it is held against while it is read; the others must say the same. */
static void note_known(struct subject *s, const struct sealed_one *x, size_t i, struct findings *f)
{
	const struct seal_file *file = &x->seal.files.items[i];
	struct part *pt = &s->parts[x->parts[i]];
	if (!pt->known_from) {
		pt->known_from = "seal";
		pt->known_sha256 = file->sha256;
		memcpy(pt->known_digest, file->fsverity, sizeof pt->known_digest);
	} else if (memcmp(pt->known_digest, file->fsverity, sizeof pt->known_digest)) {
		finding_add(f, PROOF_INTEGRITY, "seal.conflict", pt->name, OUTCOME_BROKEN,
			    &(struct finding_text){.error = ERROR_CORRUPT},
			    "%s and another seal have different digests of it", x->name);
		return;
	}
	if (!pt->known_chunks && x->tree)
		pt->known_chunks = x->tree[i];
}

static void judge_files(struct subject *s, const struct sealed_one *x, enum depth depth, struct findings *f)
{
	for (size_t i = 0; i < x->seal.files.count; i++) {
		const struct seal_file *file = &x->seal.files.items[i];
		const struct point_file *there = x->parts[i] == SEALED_NONE ? NULL : &s->point->items[x->parts[i]];
		if (!there)
			judge_absent(x, file, f);
		else if (there->note && is_loose(file->name))
			continue;
		else if (file->size != there->size)
			judge_size(s, file, x->parts[i], x, f);
		else if (x->vouches || depth == DEPTH_FULL) /* a sample of what can't be believed proves nothing */
			note_known(s, x, i, f);
	}
}

/* Without its side file a seal still says what the files have to be, but not of any part of them by itself. */
static int load_tree(struct sealed_one *x, struct findings *f, struct error *e)
{
	if (!x->seal.tree_name || seal_tree_load(&x->seal, &x->tree, &x->no_tree) == 0)
		return 0;
	x->tree = NULL;
	if (x->no_tree.cls == ERROR_INTERNAL) {
		*e = x->no_tree;
		return -1;
	}
	finding_add(f, PROOF_INTEGRITY, "seal.tree", x->name, OUTCOME_SKIPPED,
		    &(struct finding_text){.error = x->no_tree.cls},
		    "the hashes of its chunks can't be used: only a full check can be held against it (%s)",
		    x->no_tree.text);
	return 0;
}

static void judge_unlisted(const struct subject *s, struct findings *f)
{
	for (size_t i = 0; i < s->part_count; i++) {
		bool listed = s->point->items[i].note || s->parts[i].note;
		vec_each(&s->sealed->items, x) listed |= x->lists[i];
		if (!listed)
			finding_add(f, PROOF_INTEGRITY, "seal.coverage", s->parts[i].name, OUTCOME_BROKEN,
				    &(struct finding_text){.blame = BLAME_INCOMPLETE},
				    "the seal does not list this file (%s)", s->sealed->items.items[0].name);
	}
}

int sealed_judge(struct subject *s, const struct check_parameters *p, struct findings *f, struct error *e)
{
	struct sealed *all = s->sealed;
	vec_each(&all->items, x)
	{
		judge_signature(all, x, p->policy, f);
		if (load_tree(x, f, e) < 0)
			return -1;
	}
	/* Who is trusted is asked first. */
	for (int trusted = 1; trusted >= 0; trusted--)
		vec_each(&all->items, x) if (x->seal.trusted == trusted) judge_files(s, x, p->depth, f);
	if (all->items.count)
		judge_unlisted(s, f);
	/* What policy asks for counts whether or not it requires integrity as well. */
	if (all->rejected && p->policy->require_signature)
		finding_add(f, PROOF_INTEGRITY, "seal.signature", s->point->label, OUTCOME_BROKEN,
			    &(struct finding_text){.blame = BLAME_CANNOT_TELL},
			    "policy asks for a signed seal (require_signature), and there is one that can't be used");
	else if (!all->items.count && p->policy->require_signature)
		finding_add(f, PROOF_INTEGRITY, "seal.signature", s->point->label, OUTCOME_BROKEN,
			    &(struct finding_text){.blame = BLAME_INCOMPLETE},
			    "there is no seal, and policy asks for a signed one (require_signature)");
	return 0;
}
