// SPDX-License-Identifier: GPL-3.0-or-later
/* When the host is the machine we run on, its mounted file systems are asked as well. */
#include <blkid/blkid.h>
#include <dirent.h>
#include <strings.h>
#include <sys/stat.h>

#include "backproof/text.h"
#include "rows.h"

/* By udev's links, which anybody may read. */
static char *uuid_by_link(const char *device)
{
	struct stat want, got;
	DIR *d = stat(device, &want) == 0 ? opendir("/dev/disk/by-uuid") : NULL;
	char *uuid = NULL;
	struct dirent *de;
	while (d && !uuid && (de = readdir(d)))
		if (*de->d_name != '.' && fstatat(dirfd(d), de->d_name, &got, 0) == 0 &&
		    S_ISBLK(got.st_mode) && got.st_rdev == want.st_rdev)
			uuid = strdup(de->d_name);
	if (d)
		closedir(d);
	return uuid;
}

/* From the device itself, where we may read it. */
static char *uuid_of(const char *device)
{
	const char *found;
	char *uuid = NULL;
	blkid_probe probe = blkid_new_probe_from_filename(device);
	if (probe && blkid_probe_enable_superblocks(probe, 1) == 0 &&
	    blkid_probe_set_superblocks_flags(probe, BLKID_SUBLKS_UUID) == 0 && blkid_do_safeprobe(probe) == 0 &&
	    blkid_probe_lookup_value(probe, "UUID", &found, NULL) == 0)
		uuid = strdup(found);
	blkid_free_probe(probe);
	return uuid ? uuid : uuid_by_link(device);
}

/* Of a mountinfo line: a file system kept on a device of this machine, and mounted whole. */
static bool is_local(const char *root, const char *type, const char *device)
{
	return !strcmp(root, "/") && device[0] == '/' && device[1] != '/' && strncmp(device, "/dev/loop", 9) &&
	       strcmp(type, "iso9660") && strcmp(type, "squashfs") && strncmp(type, "fuse", 4);
}

static int add_mount(struct live_mounts *to, const char *mount, const char *device)
{
	struct live_mount *m = vec_push(to);
	if (!m || !(m->mount = strdup(mount)) || !(m->device = strdup(device)))
		return -1;
	m->uuid = uuid_of(device);
	return 0;
}

void live_mounts_read(const char *mountinfo, struct live_mounts *out)
{
	FILE *in = fopen(mountinfo, "re");
	autofree char *line = NULL;
	size_t cap = 0;
	struct strings seen = {0};
	out->unknown = !in;
	while (in && getline(&line, &cap, in) > 0) {
		char root[4096], mount[4096], type[64], device[4096];
		const char *rest = strstr(line, " - ");
		if (!rest || sscanf(line, "%*u %*u %*s %4095s %4095s", root, mount) != 2 ||
		    sscanf(rest, " - %63s %4095s", type, device) != 2 || !is_local(root, type, device) ||
		    strings_has(&seen, device))
			continue;
		if (strings_add(&seen, device) < 0 || add_mount(out, mount, device) < 0)
			out->unknown = true;
	}
	if (in)
		fclose(in);
	strings_free(&seen);
}

void live_mounts_free(struct live_mounts *x)
{
	vec_each(x, m)
	{
		free(m->mount);
		free(m->device);
		free(m->uuid);
	}
	vec_free(x);
}

static bool is_covered(const struct subject *s, const char *uuid)
{
	for (size_t i = 0; i < s->volumes.count; i++)
		if (!strcasecmp(s->volumes.items[i].volume->content.uuid, uuid))
			return true;
	return false;
}

static void check_mount(struct subject *s, const struct live_mount *m, struct findings *f)
{
	const char *mount = m->mount, *device = m->device, *uuid = m->uuid;
	const char *directory = mount + strspn(mount, "/");
	struct finding_text more = {.expected = device};
	if (s->volumes.count ? uuid && is_covered(s, uuid)
			     : !*directory || subject_archive_holds(s, directory)) {
		finding_add(f, PROOF_COVERAGE, "coverage.live", s->facts.root, OUTCOME_HELD, &more,
			    "%s (%s), mounted on this host, is in it", mount, device);
		return;
	}
	bool unknown = s->volumes.count && !uuid;
	finding_add(f, PROOF_COVERAGE, "coverage.live", s->facts.root,
		    unknown ? OUTCOME_UNPROVEN : OUTCOME_BROKEN, &more,
		    unknown ? "%s (%s) is mounted on this host, and its UUID can't be read"
			    : "%s (%s) is mounted on this host and is not in the restore point",
		    mount, device);
}

void coverage_live(struct subject *s, const struct live_mounts *live, struct findings *f)
{
	if (live->unknown)
		finding_add(f, PROOF_COVERAGE, "coverage.live", s->facts.root, OUTCOME_UNPROVEN, NULL,
			    "what is mounted on this host can't be read");
	vec_each(live, m) check_mount(s, m, f);
}
