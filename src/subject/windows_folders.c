// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Volumes that Windows shows in folders (mount points): their reparse points name \\?\Volume{GUID}, which
 * MountedDevices explains like a letter. Since Windows 8 that is also the GUID of a GPT partition, or made of an MBR's
 * signature and the place on its disk.
 */
#include <ctype.h>
#include <strings.h>

#include "backproof/text.h"
#include "windows.h"

#define GUID_LENGTH 36
/* More of them in one system are nobody's. */
#define FOLDERS_MAX 100000u

bool windows_volume_name(const char *name, char guid[40])
{
	name += strncmp(name, "\\??\\", 4) ? 0 : 4;
	if (strncasecmp(name, "Volume{", 7))
		return false;
	for (size_t i = 0; i < GUID_LENGTH; i++) {
		unsigned char c = (unsigned char)name[7 + i];
		if (i == 8 || i == 13 || i == 18 || i == 23 ? c != '-' : !isxdigit(c))
			return false;
		guid[i] = (char)tolower(c);
	}
	guid[GUID_LENGTH] = 0;
	return name[7 + GUID_LENGTH] == '}';
}

int windows_folder_note(struct facts *x, const struct subject_volume *v, struct fs *fs, const struct fs_entry *link,
			struct error *e)
{
	struct windows_folder w = {.path = NULL};
	if (!v->mount)
		return 0;
	autofree char *target = fs_read_link(fs, link, e);
	if (!target)
		return -1;
	if (!windows_volume_name(target, w.volume))
		return 0;
	if (x->folders.count >= FOLDERS_MAX)
		return error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "more than %u folders show volumes", FOLDERS_MAX);
	char letter = v->mount[1] ? v->mount[1] : x->windows_letter ? x->windows_letter : 'C';
	w.path = text_format("%c:/%s", letter, link->path);
	struct windows_folder *to = w.path ? vec_push(&x->folders) : NULL;
	if (!to) {
		free(w.path);
		return error_nomem(e);
	}
	*to = w;
	return 0;
}

/* The bytes of a GUID behind its second half's dash are the place on the disk, the lowest first. */
static uint64_t place_in(const char *guid)
{
	uint64_t place = 0;
	char digits[17];
	memcpy(digits, guid + 19, 4);
	memcpy(digits + 4, guid + 24, 12);
	for (int i = 14; i >= 0; i -= 2) {
		char byte[3] = {digits[i], digits[i + 1], 0};
		place = place << 8 | strtoul(byte, NULL, 16);
	}
	return place;
}

struct subject_volume *subject_volume_by_folder(struct subject *s, const struct windows_folder *w, bool *named)
{
	struct windows_drive self = {.offset = place_in(w->volume)};
	struct subject_volume *v = NULL;
	memcpy(self.volume, w->volume, sizeof self.volume);
	memcpy(self.partuuid, w->volume, sizeof self.partuuid);
	memcpy(self.disk_id, w->volume, 8);
	*named = false;
	vec_each(&s->facts.windows_volumes, d)
	{
		if (strcmp(d->volume, w->volume))
			continue;
		*named = true;
		if ((v = subject_volume_by_drive(s, d)))
			return v;
	}
	return subject_volume_by_drive(s, &self);
}
