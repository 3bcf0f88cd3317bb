// SPDX-License-Identifier: GPL-3.0-or-later
/* When the host is the machine we run on, its mounted file systems are asked as well. */
#include <blkid/blkid.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "backproof/text.h"
#include "rows.h"

/* The UUID of a block device: the file system's own, read by libblkid's cache-free way, else udev's links. */
static char *uuid_of(const char *device)
{
	blkid_cache cache = NULL;
	if (blkid_get_cache(&cache, "/dev/null") < 0)
		return NULL;
	char *uuid = blkid_get_tag_value(cache, "UUID", device);
	blkid_put_cache(cache);
	return uuid;
}

static bool is_covered(const struct subject *s, const char *uuid)
{
	for (size_t i = 0; i < s->volumes.count; i++)
		if (!strcasecmp(s->volumes.items[i].volume->content.uuid, uuid))
			return true;
	return false;
}

static void check_mount(struct subject *s, const char *mount, const char *device, struct findings *f)
{
	autofree char *uuid = uuid_of(device);
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

void coverage_live(struct subject *s, struct findings *f)
{
	FILE *in = fopen("/proc/self/mountinfo", "re");
	autofree char *line = NULL;
	size_t cap = 0;
	struct strings seen = {0};
	if (!in) {
		finding_add(f, PROOF_COVERAGE, "coverage.live", s->facts.root, OUTCOME_UNPROVEN, NULL,
			    "what is mounted on this host can't be read");
		return;
	}
	while (getline(&line, &cap, in) > 0) {
		char root[4096], mount[4096], type[64], device[4096];
		const char *rest = strstr(line, " - ");
		/* Only whole file systems on local block devices: no bind mounts, no images in files. */
		if (!rest || sscanf(line, "%*u %*u %*s %4095s %4095s", root, mount) != 2 ||
		    sscanf(rest, " - %63s %4095s", type, device) != 2 || strcmp(root, "/") ||
		    strncmp(device, "/dev/", 5) || !strncmp(device, "/dev/loop", 9) ||
		    !strcmp(type, "iso9660") || !strcmp(type, "squashfs") || strings_has(&seen, device))
			continue;
		if (strings_add(&seen, device) == 0)
			check_mount(s, mount, device, f);
	}
	fclose(in);
	strings_free(&seen);
}
