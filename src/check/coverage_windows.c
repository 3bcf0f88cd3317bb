// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a Windows machine needs to come back: its kernel, what starts it (an EFI system partition, or the active
 * partition of an MBR disk), and every fixed volume that has a letter.
 *
 * Letters come from MountedDevices, which names partitions by GPT GUID, or by MBR signature and offset. Those only
 * speak where the image still carries them: a tool that writes each volume into a fresh table gives it new ones. The
 * system's own letter tells: when it is found by its identifiers, so would the others be, and one that is not found is
 * missing (BROKEN). When even that one is not found, the absence of the others says nothing either way: they
 * are UNPROVEN, never passed over, because a forgotten data disk is just what this check is for. A stale letter, of
 * a disk that is no longer there, looks the same as a forgotten one: policy can leave it out by name.
 */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "rows.h"

static bool has_closed_volume(const struct subject *s)
{
	vec_each(&s->volumes, v) if (v->needed && !v->fs && !v->member) return true;
	vec_each(&s->disks, d) if ((*d)->unread) return true;
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].kind == PART_UNKNOWN)
			return true;
	return false;
}

static struct subject_volume *root_of(struct subject *s)
{
	vec_each(&s->volumes, v) if (v->mount && !strcmp(v->mount, "/")) return v;
	return NULL;
}

static void say(struct findings *f, const char *check, const char *subject, enum outcome o, const char *expected,
		const char *text)
{
	struct finding_text more = {.expected = expected};
	finding_add(f, PROOF_COVERAGE, check, subject, o, &more, "%s", text);
}

/* 1 a file with content, 0 not, -1 it can't be told (said). */
static int has_file(struct subject_volume *v, const char *path, struct findings *f)
{
	struct fs_entry entry;
	struct error e = {0};
	int rc = v->fs ? fs_lookup(v->fs, path, true, &entry, &e) : 0;
	if (rc < 0)
		finding_error(f, PROOF_COVERAGE, "coverage.lookup", v->name, &e);
	return rc > 0 ? entry.type == ENTRY_FILE && entry.size : rc;
}

/* The first volume of a kind that holds both files; *half: one that holds one; *unsure: one that was not read. */
static struct subject_volume *find_loader(struct subject *s, bool efi, struct subject_volume **half, bool *unsure,
					  struct findings *f)
{
	const char *program = efi ? "EFI/Microsoft/Boot/bootmgfw.efi" : "bootmgr";
	const char *data = efi ? "EFI/Microsoft/Boot/BCD" : "Boot/BCD";
	*half = NULL;
	vec_each(&s->volumes, v)
	{
		bool fits = efi ? v->volume->role == ROLE_ESP : v->disk->layout.table == TABLE_MBR && v->volume->active;
		int a = fits ? has_file(v, program, f) : 0, b = fits ? has_file(v, data, f) : 0;
		if (a > 0 && b > 0)
			return v;
		if (a > 0 || b > 0)
			*half = v;
		*unsure |= a < 0 || b < 0;
	}
	return NULL;
}

/* How the machine starts: 'e' EFI, 'm' MBR, 0 not known. By the partition's identifier, else by the table around it. */
static char boots_by(struct subject *s, const struct subject_volume *root)
{
	const struct facts *x = &s->facts;
	vec_each(&x->drives, d)
		if (d->letter == x->windows_letter)
			return *d->partuuid ? 'e' : 'm';
	if (root && root->disk->layout.table == TABLE_GPT)
		return 'e';
	return root && root->disk->layout.table == TABLE_MBR ? 'm' : 0;
}

static void missing(struct subject *s, const char *check, const char *text, struct findings *f)
{
	if (has_closed_volume(s))
		say(f, check, s->facts.root, OUTCOME_UNPROVEN, NULL,
		    "what starts it was not seen; it may be on a volume that can't be looked into");
	else
		say(f, check, s->facts.root, OUTCOME_BROKEN, NULL, text);
}

static void check_loader(struct subject *s, struct findings *f)
{
	struct subject_volume *root = root_of(s), *half = NULL, *loader = NULL;
	char how = boots_by(s, root);
	char text[256];
	bool efi = how != 'm', unsure = false;
	if (how)
		loader = find_loader(s, efi, &half, &unsure, f);
	else if (!(loader = find_loader(s, true, &half, &unsure, f)))
		loader = find_loader(s, efi = false, &half, &unsure, f);
	/* What can't be read is not what is missing. */
	if (!loader && unsure)
		return;
	if (!loader && half) {
		snprintf(text, sizeof text,
			 "of %s, one is missing or empty (policy: boot = no, if it starts from elsewhere)",
			 efi ? "EFI/Microsoft/Boot/bootmgfw.efi and BCD" : "bootmgr and Boot/BCD");
		missing(s, "coverage.loader", text, f);
		return;
	}
	if (!loader && coverage_in_wim(s)) {
		say(f, "coverage.loader", s->facts.root, OUTCOME_SKIPPED, NULL,
		    "a WIM file holds no partitions: the boot loader is installed anew after a restore (bcdboot)");
		return;
	}
	if (!loader) {
		missing(s, "coverage.loader",
			efi ? "no EFI system partition with Windows' boot loader in the restore point "
			      "(policy: boot = no, if it starts from elsewhere)"
			    : "no active partition with Windows' boot manager in the restore point "
			      "(policy: boot = no, if it starts from elsewhere)", f);
		return;
	}
	/* Where each volume is saved for itself the restore writes the disk's first sector anew. */
	if (!efi && root && loader->disk == root->disk && !loader->disk->layout.boot_code) {
		missing(s, "coverage.loader", "the disk's first sector has no boot code", f);
		return;
	}
	snprintf(text, sizeof text, "boot loader and its store (BCD) are on %s",
		 efi ? "the EFI system partition" : "the active partition");
	say(f, "coverage.loader", loader->name, OUTCOME_HELD, NULL, text);
}

static void check_boot(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	if (p->policy->boot == BOOT_NO) {
		say(f, "coverage.boot", s->facts.root, OUTCOME_SKIPPED, NULL, "boot parts are not asked for by policy");
		return;
	}
	if (s->facts.kernel)
		say(f, "coverage.kernel", s->facts.root, OUTCOME_HELD, NULL, s->facts.kernel);
	else
		say(f, "coverage.kernel", s->facts.root, OUTCOME_BROKEN, NULL, "no ntoskrnl.exe on the system volume");
	check_loader(s, f);
}

/* "D:", "C:/Databases/DB1"; policy may have the slashes the other way. */
static bool is_left_out(const struct policy *policy, const char *name)
{
	for (size_t i = 0; i < policy->exclude.count; i++) {
		const char *a = policy->exclude.items[i], *b = name;
		while (*a && (tolower((unsigned char)*a) == tolower((unsigned char)*b) || (*a == '\\' && *b == '/')))
			a++, b++;
		if (!*a && !*b)
			return true;
	}
	return false;
}

/* The image carries the identifiers that the registry knows its volumes by. */
static bool names_speak(struct subject *s)
{
	struct subject_volume *root = root_of(s);
	vec_each(&s->facts.drives, d) if (root && subject_volume_by_drive(s, d) == root) return true;
	return false;
}

static void check_drive(struct subject *s, const struct windows_drive *d, bool speak, const struct policy *policy,
			struct findings *f)
{
	struct subject_volume *v = subject_volume_by_drive(s, d);
	const char letter[] = {d->letter, ':', 0};
	char text[256], name[96];
	if (*d->partuuid)
		snprintf(name, sizeof name, "partition %s", d->partuuid);
	else
		snprintf(name, sizeof name, "disk %s, byte %llu", d->disk_id, (unsigned long long)d->offset);
	if (v && !*v->volume->content.type) {
		snprintf(text, sizeof text, "%c: is there, but no file system is on it", d->letter);
		say(f, "coverage.drive", v->name, OUTCOME_BROKEN, name, text);
	} else if (v) {
		snprintf(text, sizeof text, "%c: is %s", d->letter, v->name);
		say(f, "coverage.drive", v->name, OUTCOME_HELD, name, text);
	} else if (d->letter == s->facts.windows_letter) {
		snprintf(text, sizeof text, "%c: is the system volume; its partition has another name here", d->letter);
		say(f, "coverage.drive", s->facts.root, OUTCOME_SKIPPED, name, text);
	} else if (is_left_out(policy, letter)) {
		snprintf(text, sizeof text, "%c: is not in the restore point; policy leaves it out", d->letter);
		say(f, "coverage.drive", s->facts.root, OUTCOME_SKIPPED, name, text);
	} else {
		bool unclear = !speak || has_closed_volume(s);
		snprintf(text, sizeof text, unclear ? "whether %c: (%s) is in the restore point can't be told "
						      "(policy: exclude = %c:, if it need not be)"
						    : "%c: (%s) is not in the restore point "
						      "(policy: exclude = %c:, if it need not be)",
			 d->letter, name, d->letter);
		say(f, "coverage.drive", s->facts.root, unclear ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, name, text);
	}
}

/* Databases are often on volumes without a letter, each shown in a folder. */
static void check_folder(struct subject *s, const struct windows_folder *w, bool speak, const struct policy *policy,
			 struct findings *f)
{
	bool named;
	struct subject_volume *v = subject_volume_by_folder(s, w, &named);
	const char *subject = v ? v->name : s->facts.root, *check = "coverage.folder";
	struct finding_text more = {.expected = w->volume};
	if (v && *v->volume->content.type)
		finding_add(f, PROOF_COVERAGE, check, subject, OUTCOME_HELD, &more, "%s is this volume", w->path);
	else if (v)
		finding_add(f, PROOF_COVERAGE, check, subject, OUTCOME_BROKEN, &more,
			    "%s is this volume, but no file system is on it", w->path);
	else if (is_left_out(policy, w->path))
		finding_add(f, PROOF_COVERAGE, check, subject, OUTCOME_SKIPPED, &more,
			    "the volume in the folder %s is not in the restore point; policy leaves it out", w->path);
	else if (!speak || !named || has_closed_volume(s))
		finding_add(f, PROOF_COVERAGE, check, subject, OUTCOME_UNPROVEN, &more,
			    "whether the volume in the folder %s is in the restore point can't be told "
			    "(policy: exclude, if it need not be)", w->path);
	else
		finding_add(f, PROOF_COVERAGE, check, subject, OUTCOME_BROKEN, &more,
			    "the volume in the folder %s is not in the restore point "
			    "(policy: exclude, if it need not be)", w->path);
}

void coverage_windows(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct facts *x = &s->facts;
	bool speak = names_speak(s);
	if (!x->drives.count)
		say(f, "coverage.drive", x->root, OUTCOME_UNPROVEN, NULL,
		    "its registry names no drive letters: which volumes belong to it is not known");
	vec_each(&x->drives, d) check_drive(s, d, speak, p->policy, f);
	vec_each(&x->folders, w) check_folder(s, w, speak, p->policy, f);
	check_boot(s, p, f);
	finding_add(f, PROOF_COVERAGE, "coverage.summary", x->root, OUTCOME_SKIPPED, NULL,
		    "%zu fixed %s with a letter%s%s", x->drives.count, x->drives.count == 1 ? "volume" : "volumes",
		    x->kernel ? ", kernel" : "", x->efi ? ", EFI programs" : "");
}
