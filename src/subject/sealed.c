// SPDX-License-Identifier: GPL-3.0-or-later
/* The seals of a restore point are opened, and it is told apart which of them speak for it. */
#include "backproof/door.h"
#include "backproof/sealed.h"

#include <errno.h>

#include "sealed_judge.h"

static void one_free(struct sealed_one *x)
{
	seal_tree_free(x->tree, x->seal.files.count);
	free(x->parts);
	free(x->lists);
	seal_free(&x->seal);
}

void sealed_free(struct sealed *x)
{
	if (!x)
		return;
	vec_each(&x->items, it) one_free(it);
	free(x->items.items);
	trusted_keys_free(&x->keys);
	free(x->rejected);
	free(x);
}

/* What a name in a seal means: openable. */
static char *path_in(const struct seal *s, const char *name)
{
	return text_format("%.*s%s", (int)(path_base(s->path) - s->path), s->path, name);
}

bool sealed_file_exists(const struct seal *s, const char *name)
{
	struct stat st;
	autofree char *path = path_in(s, name);
	return path && door_stat(path, false, &st) == 0 && !S_ISDIR(st.st_mode);
}

/* The file of the restore point that a name in a seal means, or SEALED_NONE. */
static int find_part(const struct subject *s, const struct seal *seal, const char *name, size_t *out, struct error *e)
{
	struct stat a, b;
	autofree char *path = path_in(seal, name);
	*out = SEALED_NONE;
	if (!path)
		return error_nomem(e);
	for (size_t i = 0; i < s->part_count; i++)
		if (!strcmp(s->point->items[i].path, path)) {
			*out = i;
			return 0;
		}
	/* The same file by another path: through a link, or with "./" before it. */
	for (size_t i = 0; i < s->part_count; i++)
		if (!strcmp(s->parts[i].name, path_base(name)) && door_stat(path, true, &a) == 0 &&
		    door_stat(s->point->items[i].path, true, &b) == 0 && a.st_dev == b.st_dev && a.st_ino == b.st_ino)
			*out = i;
	/* A parent of a chain may lie in another directory; a seal has its name alone. */
	size_t same = 0, index = SEALED_NONE;
	for (size_t i = 0; *out == SEALED_NONE && i < s->part_count; i++)
		if (!strcmp(s->parts[i].name, name) && door_stat(path, true, &a) < 0) {
			index = i;
			same++;
		}
	*out = same == 1 ? index : *out;
	return 0;
}

/*
 * A backup that was renamed together with its seal, as rotations do: the one file of a seal that is called after the
 * one file there is. Its bytes will tell whether it is that.
 */
static void find_renamed(const struct subject *s, struct sealed_one *x)
{
	const struct seal_file *file = x->seal.files.items;
	size_t only = SEALED_NONE, count = 0, stem = strlen(x->name) - strlen(SEAL_SUFFIX);
	for (size_t i = 0; i < s->part_count; i++)
		if (!s->point->items[i].note) {
			only = i;
			count++;
		}
	if (x->seal.files.count != 1 || count != 1 || x->parts[0] != SEALED_NONE ||
	    strlen(s->parts[only].name) != stem || strncmp(s->parts[only].name, x->name, stem) ||
	    file->size != s->point->items[only].size || sealed_file_exists(&x->seal, file->name))
		return;
	x->parts[0] = only;
	x->lists[only] = true;
}

static int assign_parts(const struct subject *s, struct sealed_one *x, struct error *e)
{
	size_t n = x->seal.files.count;
	x->parts = calloc(n + 1, sizeof *x->parts);
	x->lists = calloc(s->part_count + 1, sizeof *x->lists);
	if (!x->parts || !x->lists)
		return error_nomem(e);
	for (size_t i = 0; i < n; i++) {
		if (find_part(s, &x->seal, x->seal.files.items[i].name, &x->parts[i], e) < 0)
			return -1;
		if (x->parts[i] != SEALED_NONE)
			x->lists[x->parts[i]] = true;
	}
	find_renamed(s, x);
	return 0;
}

/*
 * A seal that is not called after a file of ours may be that of another restore point which shares a file with this one
 * (the parent of a chain), or of an older version that was renamed.
 */
static bool is_anothers(const struct subject *s, const struct sealed_one *x)
{
	size_t shared = 0, own = 0, stem = strlen(x->name) - strlen(SEAL_SUFFIX);
	bool listed = false, among = false;
	for (size_t i = 0; i < s->part_count; i++) {
		bool is = x->lists[i];
		shared += is;
		own += is || s->point->items[i].note;
	}
	for (size_t i = 0; i < x->seal.files.count; i++) {
		const char *name = x->seal.files.items[i].name;
		if (strlen(name) == stem && !strncmp(name, x->name, stem)) {
			listed = true;
			among = x->parts[i] != SEALED_NONE;
		}
	}
	if (!shared)
		return true;
	autofree char *called = strndup(x->name, stem);
	bool there = called && sealed_file_exists(&x->seal, called);
	return (there && !listed) || (!among && own < s->part_count);
}

/* It may still be that only its signature is wrong, or that it is no business of ours. 1: it is ours. */
static int rejected(struct subject *s, const char *path, bool beside, const struct error *why, struct findings *f,
		    struct error *e)
{
	struct sealed_one x = {.name = path_base(path)};
	struct error ignored;
	const char *check = "seal.format";
	int ours = beside;
	if (why->cls == ERROR_CORRUPT && s->sealed->keys.items.count && seal_load(path, NULL, &x.seal, &ignored) == 0) {
		check = "seal.signature";
		if (assign_parts(s, &x, e) < 0) {
			one_free(&x);
			return -1;
		}
		ours = beside || !is_anothers(s, &x);
	}
	if (ours)
		finding_error(f, PROOF_INTEGRITY, check, path_base(path), why);
	else
		finding_add(f, PROOF_INTEGRITY, check, path_base(path), OUTCOME_SKIPPED, NULL,
			    "it can't be told whose seal this is: %s", why->text);
	one_free(&x);
	if (ours && !s->sealed->rejected && !(s->sealed->rejected = strdup(path)))
		return error_nomem(e);
	return 0;
}

static int load_one(struct subject *s, const char *path, bool beside, struct findings *f, struct error *e)
{
	struct error why = {0};
	struct sealed_one x = {.name = path_base(path), .vouches = true};
	if (seal_load(path, &s->sealed->keys, &x.seal, &why) < 0) {
		if (why.cls == ERROR_INTERNAL) {
			*e = why;
			return -1;
		}
		return rejected(s, path, beside, &why, f, e);
	}
	if (!x.seal.path && !(x.seal.path = strdup(path))) {
		one_free(&x);
		return error_nomem(e);
	}
	x.name = path_base(x.seal.path);
	if (assign_parts(s, &x, e) < 0) {
		one_free(&x);
		return -1;
	}
	if (!beside && is_anothers(s, &x)) {
		one_free(&x);
		return 0;
	}
	struct sealed_one *to = vec_push(&s->sealed->items);
	if (!to) {
		one_free(&x);
		return error_nomem(e);
	}
	*to = x;
	return 0;
}

struct seen {
	dev_t dev;
	ino_t ino;
};

/* Each once, whatever its path. */
static int load_all(struct subject *s, const struct strings *paths, bool beside, struct findings *f, struct error *e)
{
	VEC(struct seen) seen = {0};
	int rc = 0;
	for (size_t i = 0; i < paths->count && rc == 0; i++) {
		struct stat st;
		bool again = false;
		if (door_stat(paths->items[i], true, &st) == 0) {
			vec_each(&seen, it) again |= it->dev == st.st_dev && it->ino == st.st_ino;
			vec_each(&s->sealed->items, it)
			{
				struct stat own;
				again |= door_stat(it->seal.path, true, &own) == 0 && own.st_dev == st.st_dev &&
					 own.st_ino == st.st_ino;
			}
			struct seen *to = vec_push(&seen);
			if (!to)
				rc = error_nomem(e);
			else
				*to = (struct seen){st.st_dev, st.st_ino};
		}
		if (rc == 0 && !again)
			rc = load_one(s, paths->items[i], beside, f, e);
	}
	vec_free(&seen);
	return rc;
}

static bool all_listed(const struct subject *s)
{
	for (size_t i = 0; i < s->part_count; i++) {
		bool any = s->point->items[i].note;
		vec_each(&s->sealed->items, it) any |= it->lists[i];
		if (!any)
			return false;
	}
	return true;
}

static int find_all(struct subject *s, struct findings *f, struct error *e)
{
	struct strings beside = {0}, around = {0};
	int rc = sealed_find_beside(s->point, &beside, e);
	if (rc == 0)
		rc = load_all(s, &beside, true, f, e);
	if (rc == 0 && !all_listed(s)) {
		for (size_t i = 0; i < beside.count && rc == 0; i++)
			rc = strings_add(&around, beside.items[i]) < 0 ? error_nomem(e) : 0;
		if (rc == 0)
			rc = sealed_find_around(s->point, &around, e);
		struct strings others = {0};
		if (rc == 0 && around.count > beside.count)
			others = (struct strings){around.items + beside.count, around.count - beside.count, 0};
		if (rc == 0)
			rc = load_all(s, &others, false, f, e);
	}
	strings_free(&beside);
	strings_free(&around);
	return rc;
}

/* A key that was asked for and can't be had must not make an unknown one good enough. */
static int load_keys(struct sealed *x, const struct policy *p, struct findings *f, struct error *e)
{
	for (size_t i = 0; i < p->trusted_keys.count; i++) {
		struct error why = {0};
		if (trusted_keys_add(&x->keys, p->trusted_keys.items[i], &why) == 0)
			continue;
		if (why.cls == ERROR_INTERNAL) {
			*e = why;
			return -1;
		}
		finding_add(f, PROOF_INTEGRITY, "seal.keys", p->trusted_keys.items[i],
			    p->require_signature ? OUTCOME_BROKEN : OUTCOME_UNPROVEN,
			    &(struct finding_text){.error = why.cls, .blame = BLAME_CANNOT_TELL},
			    "a key that policy trusts can't be used: %s", why.text);
	}
	return 0;
}

/* One file of several may be looked into by itself, and a damaged one most of all. */
static int only_look(struct subject *s, struct error *e)
{
	struct findings unsaid;
	if (findings_init(&unsaid) < 0)
		return error_nomem(e);
	int rc = find_all(s, &unsaid, e);
	findings_free(&unsaid);
	return rc;
}

int sealed_load(struct subject *s, const struct check_parameters *p, struct findings *f, struct error *e)
{
	s->sealed = calloc(1, sizeof *s->sealed);
	if (!s->sealed)
		return error_nomem(e);
	if (p->looking ? only_look(s, e) < 0
		       : load_keys(s->sealed, p->policy, f, e) < 0 || find_all(s, f, e) < 0 ||
				 sealed_judge(s, p, f, e) < 0)
		return -1;
	if (!s->sealed->items.count && !s->sealed->rejected) {
		sealed_free(s->sealed);
		s->sealed = NULL;
	}
	return 0;
}

static bool is_main(const struct part *pt)
{
	return pt->kind != PART_NOTE && !pt->note && !pt->parent;
}

bool sealed_is_own(const struct subject *s, const struct sealed_one *x)
{
	for (size_t i = 0; i < s->part_count; i++)
		if (is_main(&s->parts[i]) && x->lists[i])
			return true;
	return false;
}

bool sealed_is_whole(const struct subject *s, const struct sealed_one *x)
{
	for (size_t i = 0; i < s->part_count; i++)
		if (!s->parts[i].note && s->parts[i].kind != PART_NOTE && !x->lists[i])
			return false;
	return sealed_is_own(s, x);
}

const struct seal_entry *sealed_entry(const struct subject *s, const char *path)
{
	for (size_t i = 0; s->sealed && i < s->sealed->items.count; i++) {
		const struct sealed_one *x = &s->sealed->items.items[i];
		if (!sealed_is_whole(s, x))
			continue;
		vec_each(&x->seal.entries, it) if (!strcmp(it->path, path)) return it;
	}
	return NULL;
}
