// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What Windows' own backup writes (wbadmin, Windows Server Backup, "system image"):
 *
 *     WindowsImageBackup/HOST/Backup YYYY-MM-DD HHMMSS/VOLUMEGUID.vhdx  Esp.vhdx  BackupSpecs.xml  ...
 *     WindowsImageBackup/HOST/Catalog  MediaId  SPPMetadataCache
 *
 * The time is UTC. Each volume has a VHD or VHDX of its own, called by the GUID in the volume's name; the XML files are
 * notes. BackupSpecs.xml names the volumes that the backup was asked for.
 */
#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "candidate.h"
#include "finder.h"
#include "name.h"
#include "peek_rows.h"
#include "scan.h"
#include "windows_run.h"

#define TOP "WindowsImageBackup"
#define SPECS "BackupSpecs.xml"
#define SPECS_MAX (4 * MIB)
#define NETBIOS 15 /* a computer's name is cut to so many letters */

/* One that we may not read is one. 1, 0, or -1: that can't be told. */
static int is_directory(const char *path, struct error *e)
{
	autoclose int fd = -1;
	return scan_enter(path, true, &fd, e) == 0 ? fd >= 0 : e->sys == EACCES ? 1 : -1;
}

/* A link whose target is not there: whatever it was, it is not that there is none. */
static bool leads_nowhere(const char *path)
{
	struct stat st;
	return lstat(path, &st) == 0 && S_ISLNK(st.st_mode) && stat(path, &st) < 0;
}

static int fail_nowhere(const char *path, struct error *e)
{
	return error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s is a link that leads nowhere", path);
}

/* "Backup 2026-11-21 190000" */
static bool backup_time(const char *name, int64_t *when)
{
	struct civil c = {0};
	struct span where;
	int64_t to;
	if (strncasecmp(name, "Backup ", 7) || !name_time_find(name, strlen(name), &c, &where) || where.from != 7 ||
	    name[where.to] || !c.has_clock)
		return false;
	c.has_zone = true;
	c.zone = 0;
	civil_range(&c, when, &to);
	return true;
}

static bool has_suffix(const char *name, const char *suffix)
{
	size_t n = strlen(name), m = strlen(suffix);
	return n > m && !strcasecmp(name + n - m, suffix);
}

static bool is_disk(const char *name)
{
	return has_suffix(name, ".vhdx") || has_suffix(name, ".vhd");
}

/* The GUIDs of the volumes that the specification names, lower case, each once. */
static int named_volumes(const char *text, struct strings *out)
{
	for (const char *s = text; (s = strcasestr(s, "Volume{")); s += 7) {
		char guid[PEEK_GUID + 1];
		if (!peek_guid(s + 7) || s[7 + PEEK_GUID] != '}')
			continue;
		for (size_t i = 0; i < PEEK_GUID; i++)
			guid[i] = (char)tolower((unsigned char)s[7 + i]);
		guid[PEEK_GUID] = 0;
		if (!strings_has(out, guid) && strings_add(out, guid) < 0)
			return -1;
	}
	return 0;
}

/* What is UTF-16 loses its zeros: the names that are looked for are ASCII. */
int peek_volumes(int fd, struct strings *out, struct error *e)
{
	size_t n, kept = 0;
	autofree char *text = peek_text(fd, SPECS_MAX, &n, e);
	if (!text)
		return -1;
	for (size_t i = 0; i < n; i++)
		if (text[i])
			text[kept++] = text[i];
	text[kept] = '\0';
	return named_volumes(text, out) < 0 ? error_nomem(e) : 0;
}

/*
 * A volume that was asked for has a file by its name. That of the EFI system partition is called Esp, and others
 * have been seen with names of their own: each of those may be one of the volumes that are not found.
 */
static int check_volumes(const char *directory, const struct strings *names, struct error *e)
{
	bool listed = false;
	autofree char *path = text_format("%s/" SPECS, directory);
	struct strings wanted = {0};
	size_t other = 0, missing = 0;
	const char *first = NULL;
	if (!path)
		return error_nomem(e);
	int rc = peek_file(PEEK_VOLUMES, AT_FDCWD, path, &wanted, e);
	for (size_t i = 0; i < names->count; i++) {
		other += is_disk(names->items[i]) && !peek_guid(names->items[i]);
		listed = listed || !strcmp(names->items[i], SPECS);
	}
	if (rc == 0 && listed)
		rc = error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s: not a file that can be read", path);
	rc = rc < 0 ? -1 : 0;
	for (size_t i = 0; i < wanted.count; i++) {
		bool there = false;
		for (size_t k = 0; k < names->count && !there; k++)
			there = is_disk(names->items[k]) && !strncasecmp(names->items[k], wanted.items[i], PEEK_GUID);
		missing += !there;
		first = !there && !first ? wanted.items[i] : first;
	}
	if (rc == 0 && missing > other) {
		error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: %zu of the %zu volumes that " SPECS
			  " names have no file, such as %s.vhdx", directory, missing - other, wanted.count, first);
		e->sys = ENOENT;
		rc = -1;
	}
	strings_free(&wanted);
	return rc;
}

/* That of which there is only the name: nobody is to take what is left for all that there was. */
static int add_lost(struct restore_point *p, char *path, struct error *e)
{
	struct point_file *f = path ? vec_push(p) : NULL;
	if (!f)
		free(path);
	else
		f->path = path;
	return f ? 0 : error_nomem(e);
}

/* One "Backup ..." directory. What has no disk in it is not finished. */
static int add_point(const char *directory, const char *label, int64_t when, struct catalog *out, struct error *e)
{
	struct strings names = {0};
	struct restore_point p = {.named_from = when, .named_to = when, .named_zone = true, .order = when};
	size_t disks = leads_nowhere(directory);
	int rc = disks ? add_lost(&p, strdup(directory), e) : finder_list(directory, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		bool disk = is_disk(names.items[i]);
		if (is_partial_name(names.items[i]) || (!disk && !has_suffix(names.items[i], ".xml")))
			continue;
		size_t before = p.count;
		rc = finder_add_file(&p, directory, names.items[i], !disk, e);
		if (rc == 0 && disk && p.count == before)
			rc = add_lost(&p, text_format("%s/%s", directory, names.items[i]), e);
		disks += disk;
	}
	strings_free(&names);
	autofree char *specs = text_format("%s/" SPECS, directory);
	if (rc == 0)
		rc = specs ? windows_run_since(&p, specs, when, e) : error_nomem(e);
	struct catalog one = {&p, 1, 1, {0}};
	if (rc == 0 && !disks)
		rc = strings_add(&out->partial, directory) < 0 ? error_nomem(e) : 0;
	else if (rc == 0 && (p.label = strdup(label))) {
		struct restore_point *to = vec_push(out);
		if (to) {
			*to = p;
			return 0;
		}
		rc = error_nomem(e);
	} else if (rc == 0)
		rc = error_nomem(e);
	vec_each(&one, q)
	{
		vec_each(q, f) free(f->path);
		free(q->items);
		free(q->label);
	}
	return rc;
}

/* All backups of one host's directory. */
static int add_host(const char *directory, const char *host, struct catalog *out, struct error *e)
{
	struct strings names = {0};
	int64_t when;
	int rc = finder_list(directory, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		if (!backup_time(names.items[i], &when))
			continue;
		autofree char *path = text_format("%s/%s", directory, names.items[i]);
		autofree char *label = text_format("%s/%s", host, names.items[i]);
		if (!path || !label)
			rc = error_nomem(e);
		else if ((rc = leads_nowhere(path) ? 1 : is_directory(path, e)) > 0)
			rc = add_point(path, label, when, out, e);
	}
	strings_free(&names);
	return rc;
}

/* 2: called as the host is; 1: as its short name is, or the first 15 letters of that. */
static int fits(const char *directory, const char *host)
{
	size_t n = strcspn(host, "."), m = strlen(directory);
	if (!strcasecmp(directory, host))
		return 2;
	return !strncasecmp(directory, host, m) && (m == n || (m == NETBIOS && n > NETBIOS));
}

/* The host's directory in WindowsImageBackup. */
static int find_host(const char *top, const struct asked *a, struct catalog *out, struct error *e)
{
	const char *host = a->host;
	struct strings names = {0};
	const char *best = NULL, *only = NULL;
	size_t hosts = 0;
	int rank = 0, rc = finder_list(top, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++) {
		autofree char *path = text_format("%s/%s", top, names.items[i]);
		if (!path) {
			rc = error_nomem(e);
			break;
		}
		int there = is_directory(path, e);
		rc = there < 0 ? -1 : 0;
		if (!there && fits(names.items[i], host) && leads_nowhere(path))
			rc = fail_nowhere(path, e);
		if (there <= 0 || scan_is_system_dir(names.items[i]))
			continue;
		hosts++;
		only = names.items[i];
		int r = fits(names.items[i], host);
		best = r > rank ? names.items[i] : best;
		rank = r > rank ? r : rank;
	}
	if (a->rank)
		*a->rank = best ? rank + 1 : 0;
	if (!best && a->own && hosts == 1)
		best = only;
	autofree char *path = best ? text_format("%s/%s", top, best) : NULL;
	if (rc == 0 && best)
		rc = path ? add_host(path, best, out, e) : error_nomem(e);
	strings_free(&names);
	return rc;
}

/* Each of its disks is a file. */
static int check_disks(const struct restore_point *p, struct error *e)
{
	vec_each(p, f) {
		struct candidate c = {.partial = false};
		int found = f->note ? 1 : candidate_look(AT_FDCWD, f->path, f->path, &c, e);
		if (found == 0) {
			found = error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s: there is no such file", f->path);
			e->sys = ENOENT;
		}
		if (found < 0)
			return -1;
	}
	return 0;
}

int windows_image_check(const struct restore_point *p, struct error *e)
{
	struct strings names = {0};
	if (!p->count)
		return 0;
	autofree char *directory = strdup(p->items[0].path);
	if (!directory)
		return error_nomem(e);
	directory[path_base(directory) - directory - 1] = 0;
	int rc = check_disks(p, e);
	if (rc == 0)
		rc = finder_list(directory, &names, e);
	if (rc == 0)
		rc = check_volumes(directory, &names, e);
	strings_free(&names);
	return rc;
}

/* -1: it can't be read. */
static int holds_backups(const char *path, struct error *e)
{
	struct strings names = {0};
	int64_t when;
	int rc = finder_list(path, &names, e);
	for (size_t i = 0; i < names.count && rc == 0; i++)
		rc = backup_time(names.items[i], &when);
	strings_free(&names);
	return rc;
}

/* What is called WindowsImageBackup in it, in whatever letters. NULL: it can't be read. */
static char *top_in(const char *path, struct error *e)
{
	autodestroy(strings_free) struct strings names = {0};
	struct stat st;
	autofree char *top = text_format("%s/" TOP, path);
	if (!top)
		error_nomem(e);
	else if (lstat(top, &st) == 0 || errno == ENOTDIR)
		return take(top);
	if (!top || finder_list(path, &names, e) < 0)
		return NULL;
	for (size_t i = 0; i < names.count; i++)
		if (!strcasecmp(names.items[i], TOP))
			memcpy(top + strlen(top) - strlen(TOP), names.items[i], strlen(TOP));
	return take(top);
}

/* path may be what holds WindowsImageBackup, that itself, a host's directory in it, or one backup. */
static int find(const char *given, const struct asked *a, struct catalog *out, struct error *e)
{
	autofree char *path = realpath(given, NULL);
	int64_t when;
	int rc, holds;
	memset(out, 0, sizeof *out);
	if (!path)
		return error_sys(e, "%s", given);
	autofree char *inside = top_in(path, e);
	if (!inside)
		return -1;
	int there = is_directory(inside, e);
	if (there < 0)
		rc = -1;
	else if (leads_nowhere(inside))
		rc = fail_nowhere(inside, e);
	else if (there)
		rc = find_host(inside, a, out, e);
	else if (backup_time(path_base(path), &when))
		rc = add_point(path, path_base(path), when, out, e);
	else if ((holds = holds_backups(path, e)) < 0)
		rc = -1;
	else if (holds && !(a->walked ? a->here : a->own) && !fits(path_base(path), a->host))
		rc = 0;
	else if (holds)
		rc = add_host(path, path_base(path), out, e);
	else
		rc = find_host(path, a, out, e);
	finder_sort(out);
	vec_each (out, p)
		p->todo |= POINT_VOLUMES;
	if (rc < 0)
		catalog_free(out);
	return rc;
}

static int recognise(const char *given, const struct asked *a, struct error *e)
{
	(void)a;
	autofree char *path = realpath(given, NULL);
	if (!path)
		return error_sys(e, "%s", given);
	autofree char *inside = top_in(path, e);
	if (!inside)
		return -1;
	autofree char *specs = text_format("%s/" SPECS, path);
	autofree char *media = text_format("%s/MediaId", path);
	int64_t when;
	if (!specs || !media)
		return error_nomem(e);
	int there = strcasecmp(path_base(path), TOP) ? is_directory(inside, e) : 1;
	if (there || leads_nowhere(inside))
		return there ? there : 1;
	if (backup_time(path_base(path), &when))
		return access(specs, F_OK) == 0;
	return access(media, F_OK) == 0 ? holds_backups(path, e) : 0;
}

static bool hints(const char *name, bool directory)
{
	/* The second is in a computer's directory that was copied without what holds it. */
	return directory ? !strcasecmp(name, TOP) : !strcmp(name, "MediaId");
}

const struct finder finder_windows_image = {"windows-image", find, recognise, hints, .levels = -1};
