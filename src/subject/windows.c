// SPDX-License-Identifier: GPL-3.0-or-later
#include "windows.h"

#include <fnmatch.h>
#include <strings.h>

#include "backproof/text.h"
#include "facts.h"

/* Names are kept as they were written; the file system's own lookup may tell their cases apart. */
static const char *const spellings[][2] = {
	{"Windows/System32", "config/SYSTEM"}, {"WINDOWS/system32", "config/system"},
	{"Windows/system32", "config/SYSTEM"}, {"WINDOWS/System32", "config/SYSTEM"},
	{"WINDOWS/system32", "config/SYSTEM"}, {"Windows/System32", "config/system"},
	{"WINNT/system32", "config/system"},   {"windows/system32", "config/SYSTEM"},
};

/* 1: a Windows system volume; *system is a literal. */
static int probe(struct subject_volume *v, const char **system, int64_t *mtime, struct error *e)
{
	for (size_t i = 0; i < ARRAY_SIZE(spellings); i++) {
		char path[64];
		struct fs_entry entry;
		snprintf(path, sizeof path, "%s/%s", spellings[i][0], spellings[i][1]);
		int rc = fs_lookup(v->fs, path, true, &entry, e);
		if (rc < 0)
			return -1;
		if (rc == 0 || entry.type != ENTRY_FILE)
			continue;
		*system = spellings[i][0];
		*mtime = entry.mtime;
		snprintf(path, sizeof path, "%s/config/%s", spellings[i][0],
			 strstr(spellings[i][1], "SYSTEM") ? "SOFTWARE" : "software");
		return fs_lookup(v->fs, path, true, &entry, e);
	}
	return 0;
}

/* What Windows does not start without, and the registry. Programs and drivers carry a checksum (see pe.c). */
bool windows_is_critical(const char *path)
{
	static const char *const patterns[] = {
		"win*/System32/config/SYSTEM",	 "win*/System32/config/SOFTWARE", "win*/System32/config/SAM",
		"win*/System32/config/SECURITY", "win*/System32/ntoskrnl.exe",	  "win*/System32/hal.dll",
		"win*/System32/winload.e*",	 "win*/System32/smss.exe",	  "win*/System32/csrss.exe",
		"win*/System32/wininit.exe",	 "win*/System32/winlogon.exe",	  "win*/System32/services.exe",
		"win*/System32/lsass.exe",	 "win*/System32/svchost.exe",	  "win*/System32/ntdll.dll",
		"win*/System32/kernel32.dll",	 "win*/System32/drivers/ntfs.sys", "win*/System32/drivers/disk.sys",
		"win*/System32/drivers/acpi.sys", "win*/System32/drivers/volmgr.sys",
		"win*/System32/drivers/partmgr.sys", "win*/System32/drivers/storport.sys",
		"win*/System32/drivers/tcpip.sys", "EFI/Microsoft/Boot/bootmgfw.efi", "EFI/Microsoft/Boot/BCD",
		"Boot/BCD", "bootmgr",
	};
	for (size_t i = 0; i < ARRAY_SIZE(patterns); i++)
		if (fnmatch(patterns[i], path, FNM_PATHNAME | FNM_CASEFOLD) == 0)
			return true;
	return false;
}

bool windows_is_log(const char *path)
{
	return fnmatch("win*/System32/winevt/Logs/*.evtx", path, FNM_PATHNAME | FNM_CASEFOLD) == 0;
}

struct subject_volume *windows_root(struct subject *s, struct findings *f)
{
	struct subject_volume *best = NULL;
	const char *system = NULL, *best_system = NULL;
	int64_t mtime = 0, best_mtime = 0;
	vec_each(&s->volumes, v)
	{
		struct error e = {0};
		int rc = v->fs ? probe(v, &system, &mtime, &e) : 0;
		if (rc < 0)
			finding_error(f, PROOF_STRUCTURE, "root.lookup", v->name, &e);
		if (rc <= 0 || (best && mtime <= best_mtime))
			continue;
		best = v;
		best_mtime = mtime;
		best_system = system;
	}
	if (!best)
		return NULL;
	free(s->facts.windows_system);
	s->facts.windows_system = strdup(best_system);
	return s->facts.windows_system ? best : NULL;
}

/*
 * By the identifiers of the partition; else by the file that Windows' own backup has put the volume into, which it
 * calls by the volume's GUID, whatever the table inside says.
 */
struct subject_volume *subject_volume_by_drive(struct subject *s, const struct windows_drive *d)
{
	vec_each(&s->volumes, v)
	{
		const struct disk_layout *l = &v->disk->layout;
		if (*d->partuuid && !strcasecmp(d->partuuid, v->volume->partuuid))
			return v;
		if (*d->disk_id && l->table == TABLE_MBR && !strcmp(d->disk_id, l->disk_id) &&
		    d->offset == v->volume->offset)
			return v;
	}
	struct subject_volume *found = NULL;
	vec_each(&s->volumes, v)
	{
		const char *file = v->disk->part ? v->disk->part->name : "";
		if (!*d->volume || strncasecmp(file, d->volume, strlen(d->volume)) || !v->needed)
			continue;
		if (found)
			return NULL; /* a disk of several volumes that happens to be called so */
		found = v;
	}
	return found;
}

static int mount_drives(struct subject *s)
{
	vec_each(&s->facts.drives, d)
	{
		struct subject_volume *v = subject_volume_by_drive(s, d);
		if (v && !v->mount && !(v->mount = text_format("/%c:", d->letter)))
			return -1;
	}
	return 0;
}

int windows_gather(struct subject *s, struct subject_volume *root, struct findings *f, struct error *e)
{
	struct facts *x = &s->facts;
	struct fs_entry entry;
	struct error why = {0};
	x->windows = x->root_found = true;
	x->root = strdup(root->name);
	root->mount = strdup("/");
	if (!x->root || !root->mount)
		return error_nomem(e);
	struct tree_reader tree = subject_tree(s);
	if (windows_harvest(x, &tree, root->name, f, e) < 0)
		return -1;
	if (!x->system && !(x->system = strdup("Windows")))
		return error_nomem(e);
	autofree char *kernel = text_format("%s/ntoskrnl.exe", x->windows_system);
	if (!kernel || mount_drives(s) < 0)
		return error_nomem(e);
	int rc = fs_lookup(root->fs, kernel, true, &entry, &why);
	if (rc < 0)
		finding_error(f, PROOF_STRUCTURE, "root.lookup", root->name, &why);
	if (rc > 0 && entry.type == ENTRY_FILE && entry.size)
		x->kernel = take(kernel);
	vec_each(&s->volumes, v)
		if (v->fs && v->volume->role == ROLE_ESP && facts_scan_esp(x, v->fs, &why) < 0)
			finding_error(f, PROOF_STRUCTURE, "esp.read", v->name, &why);
	return 0;
}
