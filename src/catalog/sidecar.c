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
#include "sidecar_names.h"
#include "sidecar_target.h"

/* Lines of one file and kind that contradict each other are kept up to here: two tell all there is. */
#define MAX_CONFLICTS 16

/* What there may be in a directory for lists of any name to be looked for, and how many of these are read. */
#define NAMES_MOST 20000
#define LISTS_MOST 32

/* How a sidecar belongs to the restore point. */
enum level {
	BESIDE,	  /* NAME.sha256: it is there for one of our files */
	LIST,	  /* SHA256SUMS in the directory: it should list our files */
	OPTIONAL, /* of the parent directory, another machine's .mf, any name: counts when it lists one of ours */
};

struct seen {
	dev_t dev;
	ino_t ino;
	char *dir;
};

struct loader {
	struct sidecar_target *targets;
	size_t count;
	VEC(struct seen) seen;
	struct strings dirs; /* directories whose lists were looked for */
	struct sidecars *out;
	struct findings *f;
	char *strangers; /* a list beside the files that names none of them */
	bool nomem;
	/* The sidecar being read */
	const char *path, *dir;
	int64_t written;
	bool list, own; /* own: it is there for one of our files */
	size_t good, matched;
};

static void loader_free(struct loader *l)
{
	sidecar_targets_free(l->targets, l->count);
	vec_each(&l->seen, it) free(it->dir);
	free(l->seen.items);
	strings_free(&l->dirs);
	free(l->strangers);
}

static void conflict(struct loader *l, const struct sidecar_line *a, const struct sidecar_line *b)
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

static int add_line(struct loader *l, struct sidecar_line line, const uint8_t *digest)
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
static void miss(struct loader *l, unsigned number, const char *full)
{
	struct stat st;
	if (!l->list || !sidecar_is_sister(l->targets, l->count, full))
		return;
	if (door_stat(full, true, &st) == 0 || errno != ENOENT)
		return;
	finding_add(l->f, PROOF_PRESENCE, "sidecar.missing", full, OUTCOME_BROKEN,
		    &(struct finding_text){.blame = BLAME_INCOMPLETE}, "%s line %u has its digest, and it is not there",
		    l->path, number);
}

/* The files that a line of this name means; full: absolute. */
static int match(struct loader *l, struct sidecar_line line, const uint8_t *digest, const char *full)
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

static int on_line(void *ctx, unsigned number, enum digest_kind kind, const uint8_t *digest, const char *name)
{
	struct loader *l = ctx;
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

static int unreadable(struct loader *l, enum level level, const char *path, const struct error *e)
{
	/* One above the backup may well be none of our business, unless it is the disk that fails. */
	if (level == OPTIONAL && (!e->sys || door_absent(e->sys)))
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.read", path, OUTCOME_SKIPPED, NULL, "%s", e->text);
	else
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.read", path, OUTCOME_UNREADABLE,
			    &(struct finding_text){.error = e->cls}, "%s", e->text);
	return 0;
}

static bool seen_before(struct loader *l, const struct stat *st, const char *dir)
{
	vec_each(&l->seen, it) if (it->dev == st->st_dev && it->ino == st->st_ino &&
				   !strcmp(it->dir, dir)) return true;
	struct seen *s = vec_push(&l->seen);
	if (!s || !(s->dir = strdup(dir)))
		l->nomem = true;
	else {
		s->dev = st->st_dev;
		s->ino = st->st_ino;
	}
	return false;
}

static bool is_piece(const struct loader *l, const char *dir, const char *name)
{
	bool is = false;
	for (size_t i = 0; i < l->count && !is; i++)
		is = l->targets[i].first && !strcmp(name, l->targets[i].base) && !strcmp(l->targets[i].dir, dir);
	return is;
}

static int load(struct loader *l, enum level level, const char *dir, const char *name)
{
	autofree char *path = text_format("%s/%s", strcmp(dir, "/") ? dir : "", name);
	autofree char *data = NULL;
	autoclose int fd = -1;
	struct error e = {.cls = ERROR_NONE};
	struct stat st;
	size_t len = 0;
	if (!path)
		return -1;
	if (is_partial_name(name) || is_piece(l, dir, name))
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
	if (sidecar_read(fd, (size_t)st.st_size, &data, &len, &e) < 0)
		return e.cls == ERROR_INTERNAL ? -1 : unreadable(l, level, path, &e);
	struct error bad = {.cls = ERROR_NONE};
	l->path = path;
	l->dir = dir;
	l->written = st.st_ctim.tv_sec;
	l->list = sidecar_is_list(name);
	l->own = level == BESIDE;
	l->good = l->matched = 0;
	size_t count = sidecar_parse(data, len, name, on_line, l, &bad);
	if (l->nomem)
		return -1;
	if (level == OPTIONAL && !l->matched)
		return 0;
	if (strings_add(&l->out->paths, path) < 0)
		return -1;
	if (count)
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.format", path, OUTCOME_BROKEN,
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
static int load_others(struct loader *l, const char *dir, const char *base, bool machine)
{
	struct strings names = {0};
	struct error e;
	int r = 0;
	/* Searchable but not readable: files are still opened by name. */
	if (door_names(dir, machine ? SIZE_MAX : NAMES_MOST, &names) < 0 && !door_absent(errno) &&
	    error_sys(&e, "can't list it") < 0)
		r = unreadable(l, BESIDE, dir, &e);
	vec_each(&names, it) if (r == 0 && machine && text_ends_in(*it, (const char *const[]){".mf", NULL}))
		r = load(l, OPTIONAL, dir, *it);
	sidecar_keep_lists(&names, base, LISTS_MOST);
	vec_each(&names, it) r = r ? r : load(l, OPTIONAL, dir, *it);
	strings_free(&names);
	return r;
}

/* disk.sha256 for disk.img.zst: it may be another file's, and counts when it lists ours. */
static int load_bare(struct loader *l, const struct sidecar_target *t)
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
static int load_named(struct loader *l, const struct sidecar_target *t, size_t len)
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

static int load_beside(struct loader *l, const struct sidecar_target *t)
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

static int load_lists(struct loader *l, const struct sidecar_target *t)
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

static int load_above(struct loader *l, const struct sidecar_target *t)
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

static void judge_coverage(struct loader *l)
{
	if (!l->out->paths.count)
		return;
	const char *named = l->strangers ? l->strangers : l->out->paths.items[0];
	char more[40] = " was";
	if (l->out->paths.count > 1)
		snprintf(more, sizeof more, " and %zu more were", l->out->paths.count - 1);
	for (size_t i = 0; i < l->count; i++) {
		const struct sidecar_target *t = &l->targets[i];
		if (t->covered || t->note || (sidecar_is_one(t->base) && !t->first))
			continue;
		finding_add(l->f, PROOF_INTEGRITY, "sidecar.coverage", t->full, OUTCOME_BROKEN,
			    &(struct finding_text){.blame = BLAME_INCOMPLETE},
			    "no sidecar holds a digest of this file (%s%s read)", named, more);
	}
}

int sidecars_load(const struct restore_point *point, struct sidecars *out, struct findings *f,
		  struct error *e)
{
	struct loader l __attribute__((cleanup(loader_free))) = {.out = out, .f = f};
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
	return 0;
}

void sidecars_free(struct sidecars *s)
{
	vec_each(s, it) free(it->sidecar);
	free(s->items);
	strings_free(&s->paths);
	memset(s, 0, sizeof *s);
}
