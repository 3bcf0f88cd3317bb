// SPDX-License-Identifier: GPL-3.0-or-later
/* Opens a restore point: its files, their disks and archives, and the machine that shows inside. */
#include <ctype.h>
#include <strings.h>

#include "archive_tree.h"
#include "backproof/composite.h"
#include "backproof/sealed.h"
#include "backproof/text.h"
#include "facts.h"
#include "parts.h"
#include "subvolumes.h"
#include "trial.h"
#include "windows.h"

static int64_t last_alive(const struct subject_volume *v)
{
	const struct fs_info *i = fs_info(v->fs);
	int64_t t = i->written > i->mounted ? i->written : i->mounted;
	return i->journal > t ? i->journal : t;
}

/*
 * The volume that holds the system's root: the one with an fstab, else the one with an os-release. Of several systems
 * (a rescue system, one that was replaced) the one that ran last is the machine's.
 */
static struct subject_volume *find_root(struct subject *s, struct findings *f)
{
	static const char *const marks[] = {"etc/fstab", "etc/os-release", "etc/hostname", "etc/passwd"};
	for (size_t m = 0; m < ARRAY_SIZE(marks); m++) {
		struct subject_volume *best = NULL;
		vec_each(&s->volumes, v)
		{
			struct fs_entry entry;
			struct error e = {0};
			int rc = v->fs ? fs_lookup(v->fs, marks[m], true, &entry, &e) : 0;
			/* Not being able to look is not the same as there being nothing. */
			if (rc < 0)
				finding_error(f, PROOF_STRUCTURE, "root.lookup", v->name, &e);
			/* Where one does not tell, the first is as good. */
			if (rc > 0 && (!best || (last_alive(best) && last_alive(v) > last_alive(best))))
				best = v;
		}
		if (best)
			return best;
	}
	return subvolumes_find_root(s, f);
}

/* The lines of the fstab, and of the mount units behind them. What can't be read for good is read again by
 * facts_harvest, which reports it. */
static int read_mounts(struct subject *s, struct subject_volume *root, struct facts *x, struct error *e)
{
	autofree char *fstab = NULL;
	struct tree_reader tree = subject_tree(s);
	size_t len;
	int rc = fs_read_file(root->fs, "etc/fstab", MIB, &fstab, &len, e);
	if (rc == 1 && fstab_parse(fstab, x) < 0)
		return error_nomem(e);
	if (rc >= 0)
		rc = mount_units_read(x, &tree, e);
	return rc < 0 && e->cls != ERROR_CORRUPT && e->cls != ERROR_LIMIT ? -1 : 0;
}

/* The root is mounted before its fstab can say where: then the others follow. */
static int mount_volumes(struct subject *s, struct subject_volume *root, struct error *e)
{
	struct facts first = {0};
	root->mount = strdup("/");
	if (!root->mount)
		return error_nomem(e);
	int rc = read_mounts(s, root, &first, e);
	if (rc == 0) {
		s->facts.fstab.items = first.fstab.items;
		s->facts.fstab.count = first.fstab.count;
		s->facts.fstab.capacity = first.fstab.capacity;
		rc = mounts_assign(s) < 0 || subvolumes_mount(s, e) < 0 ? error_nomem(e) : 0;
		memset(&s->facts.fstab, 0, sizeof s->facts.fstab);
	}
	facts_free(&first);
	return rc;
}

/* What is mounted there was seen with the tree. */
static bool is_boot_directory(const char *mount)
{
	return mount && (!strncmp(mount, "/boot", 5) || !strncmp(mount, "/efi", 4));
}

/* An EFI system partition, or what the Boot Loader Specification has beside a small one. */
static bool is_boot_partition(const struct volume *v)
{
	return v->role == ROLE_ESP || !strcmp(v->type, "bc13c2ff-59e6-4262-a352-b275fd6f7172");
}

static int gather_facts(struct subject *s, struct findings *f, struct error *e)
{
	struct subject_volume *root = find_root(s, f), *windows = root ? NULL : windows_root(s, f);
	struct error why = {0};
	if (windows)
		return windows_gather(s, windows, f, e);
	size_t index = root ? (size_t)(root - s->volumes.items) : 0;
	if (root && mount_volumes(s, root, e) < 0)
		return -1;
	if (!root && !s->tree)
		return 0;
	root = root ? &s->volumes.items[index] : NULL; /* the list may have grown */
	const char *name = root ? root->name : s->parts[0].name;
	for (size_t i = 0; !root && i < s->part_count; i++)
		if (s->parts[i].kind == PART_ARCHIVE) {
			name = s->parts[i].name;
			break;
		}
	s->facts.root = strdup(name);
	if (!s->facts.root)
		return error_nomem(e);
	struct tree_reader tree = subject_tree(s);
	if (facts_harvest(&s->facts, &tree, &why) < 0) {
		/* What was not come to is not absent: neither proof can rest on it. */
		s->facts.incomplete = true;
		finding_error(f, PROOF_STRUCTURE, "root.read", name, &why);
		finding_add(f, PROOF_COVERAGE, "root.read", name, OUTCOME_UNPROVEN, NULL,
			    "not all that tells what belongs to it could be read");
	}
	s->facts.incomplete |= s->tree && (s->tree->incomplete || s->tree->cut);
	if (s->tree && s->tree->incomplete)
		finding_add(f, PROOF_COVERAGE, "archive.kept", name, OUTCOME_UNPROVEN,
			    &(struct finding_text){.error = ERROR_LIMIT},
			    "more system files in the archive than can be kept: what belongs to it is not known");
	for (size_t i = 0; s->tree && i < s->tree->hosts.count; i++) {
		const char *host = s->tree->hosts.items[i];
		if ((!s->facts.hostname || strcasecmp(host, s->facts.hostname)) &&
		    strings_add(&s->facts.other_hosts, host) < 0)
			return error_nomem(e);
	}
	vec_each(&s->volumes, v)
	{
		/* What the fstab leaves to automounting, or mounts elsewhere, is looked into all the same. */
		if (v->fs && is_boot_partition(v->volume) && !is_boot_directory(v->mount) &&
		    facts_scan_esp(&s->facts, v->fs, &why) < 0) {
			s->facts.incomplete = true;
			finding_error(f, PROOF_STRUCTURE, "esp.read", v->name, &why);
		}
	}
	return 0;
}

static int name_parts(struct subject *s, struct strings *names, struct error *e)
{
	for (size_t i = 0; i < s->part_count; i++) {
		struct part *pt = &s->parts[i];
		const char *path = s->point->items[i].path, *slash = strrchr(path, '/');
		pt->index = i;
		pt->file = &s->point->items[i];
		pt->note = pt->file->note;
		pt->name = strdup(slash ? slash + 1 : path);
		if (!pt->name || strings_add(names, pt->name) < 0)
			return error_nomem(e);
	}
	return 0;
}

#define NOTE_MAX (64 * MIB)

/* Partitions that were saved one by one become the disks they were. */
static int compose(struct opener *o, const struct strings *names, struct error *e)
{
	struct subject *s = o->s;
	struct companion_desk desk;
	struct error why = {0};
	companion_desk_init(&desk, o, NULL);
	struct image_context c = {.subject = s->point->label, .f = o->f, .companions = &desk.companions,
				  .budget = o->p->budget};
	if (clonezilla_compose(names, &c, &s->composed, &why) == 0)
		return 0;
	image_close(&s->composed);
	if (why.cls == ERROR_INTERNAL) {
		*e = why;
		return -1;
	}
	finding_error(o->f, why.cls == ERROR_MISSING ? PROOF_PRESENCE : PROOF_STRUCTURE, "point.compose",
		      s->point->label, &why);
	return 0;
}

#define TABLE_MAX MIB /* where the first partition begins as a rule */

/* mbr.bin, sda-gpt.img: a disk's first sectors by dd, which are kept beside the images of its partitions. */
static bool is_table_copy(const struct part *pt)
{
	static const char *const words[] = {"mbr", "gpt", "bootsector"}, *const raw[] = {".bin", ".img", ".raw", ".dd"};
	const char *dot = strrchr(pt->name, '.');
	bool plain = !dot || !strcasecmp(dot, ".mbr") || !strcasecmp(dot, ".gpt");
	for (size_t i = 0; i < ARRAY_SIZE(raw) && !plain; i++)
		plain = !strcasecmp(dot, raw[i]);
	for (const char *s = pt->name; *s && plain && pt->file->size <= TABLE_MAX; s++)
		for (size_t w = 0; w < ARRAY_SIZE(words); w++) {
			size_t n = strlen(words[w]);
			if ((s == pt->name || !isalnum((unsigned char)s[-1])) && !strncasecmp(s, words[w], n) &&
			    !isalnum((unsigned char)s[n]))
				return true;
		}
	return false;
}

/* Beside nothing larger such a file is all that there is of a disk. */
static void note_table_copies(struct subject *s)
{
	bool larger = false;
	for (size_t i = 0; i < s->part_count; i++)
		larger = larger || s->parts[i].file->size > TABLE_MAX;
	for (size_t i = 0; i < s->part_count && larger; i++)
		s->parts[i].note = s->parts[i].note || is_table_copy(&s->parts[i]);
}

static int open_parts(struct opener *o, const struct strings *names, struct error *e)
{
	struct subject *s = o->s;
	bool clonezilla = clonezilla_is(names);
	for (size_t i = 0; i < s->part_count && clonezilla; i++) {
		struct part *pt = &s->parts[i];
		/* Nobody looks into a note: what is too large for one may be a disk. */
		pt->note = (pt->note || clonezilla_is_note(pt->name)) && pt->file->size <= NOTE_MAX;
	}
	if (!clonezilla)
		note_table_copies(s);
	if (pieces_assign(s, o->f, e) < 0 || (clonezilla && compose(o, names, e) < 0))
		return -1;
	for (size_t i = 0; i < s->part_count && !s->chain_cut; i++) {
		struct part *pt = &s->parts[i];
		/* Companions are opened when they are asked for; what can't be whole is not opened. */
		if (pt->state == PART_NEW && pt->kind != PART_PIECE && pt->failure.cls == ERROR_NONE &&
		    part_open(o, pt, PART_CONTENT, e) < 0)
			return -1;
	}
	return disks_open(o, e);
}

int subject_open(struct subject *s, const struct restore_point *point, const struct check_parameters *p,
		 struct findings *f, struct error *e)
{
	memset(s, 0, sizeof *s);
	s->point = point;
	s->parts = calloc(point->count ? point->count : 1, sizeof *s->parts);
	if (!s->parts)
		return error_nomem(e);
	s->part_count = point->count;
	for (size_t i = 0; i < point->count; i++)
		p->budget->bytes_total += point->items[i].size;
	struct opener o = {s, p, f};
	struct strings names = {0};
	int rc = sidecars_load(point, &s->sidecars, f, e);
	if (rc == 0)
		rc = name_parts(s, &names, e);
	if (rc == 0)
		rc = p->sealing ? 0 : sealed_load(s, p, f, e);
	if (rc == 0)
		rc = open_parts(&o, &names, e);
	strings_free(&names);
	return rc < 0 ? -1 : gather_facts(s, f, e);
}

/* Holes are known without being read, and count: of a file that was read to its end, that is its size. */
static uint64_t part_bytes_read(const struct part *pt)
{
	uint64_t size = pt->source ? source_size(pt->source) : 0, n = pt->source ? source_bytes_read(pt->source) : 0;
	return pt->read_whole || n > size ? size : n;
}

void subject_measure(struct subject *s)
{
	s->measures.bytes_read = s->measures.bytes_decoded = 0;
	for (size_t i = 0; i < s->part_count; i++) {
		s->measures.bytes_read += part_bytes_read(&s->parts[i]);
		s->measures.bytes_decoded += s->parts[i].content_size;
	}
}

void subject_join(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	for (size_t i = 0; i < s->part_count; i++)
		part_join(&s->parts[i], p, f);
	subject_measure(s);
}

void subject_close(struct subject *s)
{
	subject_given_up(s);
	vec_each(&s->volumes, v)
	{
		fs_destroy(v->fs);
		free(v->name);
		free(v->mount);
		free(v->subvolume);
		free(v->apart);
	}
	free(s->volumes.items);
	disks_close(s);
	groups_close(s);
	image_close(&s->composed);
	for (size_t i = 0; i < s->part_count && s->parts; i++)
		part_close(&s->parts[i]);
	free(s->parts);
	archive_tree_free(s->tree);
	free(s->traits.sketch);
	facts_free(&s->facts);
	free(s->newest_member_path);
	manifest_free(&s->manifest);
	sidecars_free(&s->sidecars);
	sealed_free(s->sealed);
	memset(s, 0, sizeof *s);
}
