// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Which sidecars speak for a restore point. They are opened by name, since a directory may hold the
 * backups of a whole fleet; it is listed for a virtual machine's *.mf, and for lists that have a name of their own.
 */
#include "backproof/door.h"
#include "backproof/sidecar.h"

#include <errno.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "sidecar_loader.h"
#include "sidecar_names.h"

/* Of all sidecars together that need not be ours. */
#define LISTS_BYTES (64 * MIB)

/* How a sidecar belongs to the restore point. */
enum level {
	BESIDE,	  /* NAME.sha256: it is there for one of our files */
	LIST,	  /* SHA256SUMS in the directory: it should list our files */
	OPTIONAL, /* of the parent directory, another machine's .mf, any name: counts when it lists one of ours */
};

static void loader_free(struct sidecar_loader *l)
{
	sidecar_forget_absent(l);
	free(l->left_in);
	sidecar_targets_free(l->targets, l->count);
	vec_each(&l->seen, it) free(it->dir);
	free(l->seen.items);
	strings_free(&l->dirs);
	free(l->strangers);
}

static int leave_out(struct sidecar_loader *l, const char *dir, size_t count)
{
	l->left += count;
	return l->left_in || (l->left_in = strdup(dir)) ? 0 : -1;
}

static int unreadable(struct sidecar_loader *l, enum level level, const char *path, const struct error *e)
{
	/* One above the backup may well be none of our business, unless it is the disk that fails. */
	if (level == OPTIONAL && (!e->sys || door_absent(e->sys)))
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.read", path, OUTCOME_SKIPPED, NULL, "%s", e->text);
	else
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.read", path, OUTCOME_UNREADABLE,
			    &(struct finding_text){.error = e->cls}, "%s", e->text);
	return 0;
}

static bool seen_before(struct sidecar_loader *l, const struct stat *st, const char *dir)
{
	vec_each(&l->seen, it) if (it->dev == st->st_dev && it->ino == st->st_ino &&
				   !strcmp(it->dir, dir)) return true;
	struct sidecar_seen *s = vec_push(&l->seen);
	if (!s || !(s->dir = strdup(dir)))
		l->nomem = true;
	else {
		s->dev = st->st_dev;
		s->ino = st->st_ino;
	}
	return false;
}

static bool fits(struct sidecar_loader *l, uint64_t size)
{
	if (size > SIDECAR_MAX || l->bytes + size > LISTS_BYTES)
		return false;
	l->bytes += size;
	return true;
}

static int load(struct sidecar_loader *l, enum level level, const char *dir, const char *name)
{
	autofree char *path = text_format("%s/%s", strcmp(dir, "/") ? dir : "", name);
	autofree char *data = NULL;
	autoclose int fd = -1;
	struct error e = {.cls = ERROR_NONE};
	struct stat st;
	size_t len = 0;
	if (!path)
		return -1;
	if (is_partial_name(name) || sidecar_is_piece(l->targets, l->count, dir, name))
		return 0;
	int got = sidecar_open(path, &fd, &st, &e);
	if (got == 0)
		return 0;
	if (got < 0)
		return unreadable(l, level, path, &e);
	if (seen_before(l, &st, dir))
		return 0;
	if (l->nomem)
		return -1;
	/* Too large to be read as a list at all, or with all others together. */
	if (level == OPTIONAL && !fits(l, (uint64_t)st.st_size))
		return leave_out(l, dir, 1);
	if (sidecar_read(fd, (size_t)st.st_size, &data, &len, &e) < 0)
		return e.cls == ERROR_INTERNAL ? -1 : unreadable(l, level, path, &e);
	struct error bad = {.cls = ERROR_NONE};
	l->path = path;
	l->dir = dir;
	l->written = st.st_ctim.tv_sec;
	l->list = sidecar_may_list(name);
	l->own = level == BESIDE;
	l->good = l->matched = 0;
	size_t count = sidecar_parse(data, len, name, sidecar_on_line, l, &bad);
	if (l->nomem || bad.cls == ERROR_INTERNAL)
		return -1;
	sidecar_tell_absent(l, name);
	if (level == OPTIONAL && !l->matched)
		return 0;
	if (strings_add(&l->out->paths, path) < 0)
		return -1;
	bool unclear = count && bad.cls == ERROR_UNSUPPORTED;
	l->unclear = l->unclear || unclear;
	if (count)
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.format", path,
			    unclear ? OUTCOME_UNSUPPORTED : OUTCOME_BROKEN,
			    &(struct finding_text){
				.error = bad.cls, .offset = bad.offset, .has_offset = bad.offset >= 0},
			    "%zu bad line%s, %zu good; %s", count, count > 1 ? "s" : "", l->good,
			    bad.text);
	else if (!l->good)
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.format", path, OUTCOME_BROKEN,
			    &(struct finding_text){.error = ERROR_CORRUPT},
			    "the sidecar is empty: it holds no digest");
	if (level == LIST && !l->matched && !l->strangers)
		l->strangers = take(path);
	return 0;
}

/* An OVF package's manifest has the package's name, not the disk's; and people call their lists as they like. */
static int load_others(struct sidecar_loader *l, const char *dir, const char *base, bool machine)
{
	struct strings names = {0};
	struct error e;
	int r = 0;
	size_t left;
	if (sidecar_find_lists(dir, base, machine, &names, &left, &e) < 0)
		r = unreadable(l, BESIDE, dir, &e);
	if (left && leave_out(l, dir, left) < 0)
		r = -1;
	vec_each(&names, it) r = r ? r : load(l, OPTIONAL, dir, *it);
	strings_free(&names);
	return r;
}

/* disk.sha256 for disk.img.zst: it may be another file's, and counts when it lists ours. */
static int load_bare(struct sidecar_loader *l, const struct sidecar_target *t)
{
	size_t from = (size_t)(t->base - t->full), end = t->stem ? t->stem : strlen(t->full);
	const char *dot = memrchr(t->base, '.', end - from);
	if (!dot || dot == t->base)
		return 0;
	for (const char *const *s = sidecar_suffixes; *s; s++) {
		autofree char *name = text_format("%.*s%s", (int)(dot - t->base), t->base, *s);
		if (!name || load(l, OPTIONAL, t->dir, name) < 0)
			return -1;
	}
	return 0;
}

/*
 * NAME.sha256, where NAME is so many bytes of our file's: disk.img.sha256 is for disk.img where there is one, else for
 * what disk.img.zst decodes to, or the pieces of disk.img are.
 */
static int load_named(struct sidecar_loader *l, const struct sidecar_target *t, size_t len)
{
	autofree char *name = strndup(t->full, len);
	struct stat st;
	if (!name)
		return -1;
	enum level level = t->full[len] && door_stat(name, false, &st) == 0 ? OPTIONAL : BESIDE;
	for (const char *const *s = sidecar_suffixes; *s; s++) {
		autofree char *beside = text_format("%s%s", name + (t->base - t->full), *s);
		if (!beside || load(l, level, t->dir, beside) < 0)
			return -1;
	}
	return 0;
}

static int load_beside(struct sidecar_loader *l, const struct sidecar_target *t)
{
	if (load_named(l, t, strlen(t->full)) < 0 || (t->joined && load_named(l, t, t->joined) < 0) ||
	    (t->stem && load_named(l, t, t->stem) < 0))
		return -1;
	const char *dot = strchr(t->base, '.') ? strrchr(t->base, '.') : NULL;
	autofree char *mf = dot && dot > t->base ? text_format("%.*s.mf", (int)(dot - t->base), t->base) : NULL;
	if (mf && load(l, BESIDE, t->dir, mf) < 0)
		return -1;
	return load_bare(l, t);
}

static int load_lists(struct sidecar_loader *l, const struct sidecar_target *t)
{
	static const char *const machine[] = {".ovf", ".vmdk", ".vhd",	 ".vhdx", ".vdi",
					      ".iso", ".nvram", ".qcow2", NULL};
	bool of_machine = text_ends_in(t->base, machine), known = strings_has(&l->dirs, t->dir);
	autofree char *key = text_format("%s:%s", of_machine ? "mf" : "any", t->dir);
	if (!key || (!known && strings_add(&l->dirs, t->dir) < 0))
		return -1;
	for (const char *const *s = sidecar_lists; *s && !known; s++)
		if (load(l, LIST, t->dir, *s) < 0)
			return -1;
	if (strings_has(&l->dirs, key))
		return 0;
	return strings_add(&l->dirs, key) < 0 ? -1 : load_others(l, t->dir, t->base, of_machine);
}

static int load_above(struct sidecar_loader *l, const struct sidecar_target *t)
{
	const char *slash = strrchr(t->dir, '/');
	autofree char *parent = slash > t->dir ? strndup(t->dir, (size_t)(slash - t->dir))
					       : strdup("/");
	if (!parent)
		return -1;
	if (strings_has(&l->dirs, parent))
		return 0;
	if (strings_add(&l->dirs, parent) < 0)
		return -1;
	for (const char *const *s = sidecar_lists; *s; s++)
		if (load(l, OPTIONAL, parent, *s) < 0)
			return -1;
	return 0;
}

static void judge_coverage(struct sidecar_loader *l)
{
	if (!l->out->paths.count)
		return;
	const char *named = l->strangers ? l->strangers : l->out->paths.items[0];
	char more[40] = " was";
	if (l->out->paths.count > 1)
		snprintf(more, sizeof more, " and %zu more were", l->out->paths.count - 1);
	for (size_t i = 0; i < l->count; i++) {
		if (!sidecar_is_uncovered(&l->targets[i]))
			continue;
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.coverage", l->targets[i].full,
			    l->unclear ? OUTCOME_UNPROVEN : OUTCOME_BROKEN,
			    &(struct finding_text){.blame = l->unclear ? BLAME_DEFAULT : BLAME_INCOMPLETE},
			    "no sidecar holds a digest of this file (%s%s read)", named, more);
	}
}

/* What was not read may hold another digest of our files, or the only one. */
static void judge_left(struct sidecar_loader *l)
{
	bool uncovered = false;
	for (size_t i = 0; i < l->count; i++)
		uncovered = uncovered || sidecar_is_uncovered(&l->targets[i]);
	if (l->left)
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.read", l->left_in,
			    uncovered ? OUTCOME_UNPROVEN : OUTCOME_SKIPPED, NULL,
			    "%zu or more lists of digests were not read: there are too many, or they are too large",
			    l->left);
}

int sidecars_load(const struct restore_point *point, struct sidecars *out, struct findings *f,
		  struct error *e)
{
	struct sidecar_loader l __attribute__((cleanup(loader_free))) = {.out = out, .f = f};
	memset(out, 0, sizeof *out);
	int r = sidecar_targets(point, &l.targets, &l.count);
	for (size_t i = 0; i < l.count && r == 0; i++)
		r = load_beside(&l, &l.targets[i]);
	for (size_t i = 0; i < l.count && r == 0; i++)
		r = load_lists(&l, &l.targets[i]);
	for (size_t i = 0; i < l.count && r == 0; i++)
		r = load_above(&l, &l.targets[i]);
	if (r < 0) {
		sidecars_free(out);
		return error_nomem(e);
	}
	judge_coverage(&l);
	judge_left(&l);
	return 0;
}

void sidecars_free(struct sidecars *s)
{
	vec_each(s, it) free(it->sidecar);
	free(s->items);
	strings_free(&s->paths);
	memset(s, 0, sizeof *s);
}
