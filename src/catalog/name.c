// SPDX-License-Identifier: GPL-3.0-or-later
/* Disks and partitions in names, and names without them. */
#include "name.h"

#include <ctype.h>
#include <strings.h>

bool name_is_separator(char c)
{
	unsigned char u = (unsigned char)c;
	return u < 0x80 && !isalnum(u);
}

static bool ends_at(const char *name, size_t len, size_t i)
{
	return i == len || name_is_separator(name[i]);
}

static size_t digits_at(const char *name, size_t len, size_t i)
{
	size_t n = 0;
	while (i + n < len && name[i + n] >= '0' && name[i + n] <= '9')
		n++;
	/* Longer numbers are dates, sizes, serial numbers. */
	return n <= 3 ? n : 0;
}

static bool word_at(const char *name, size_t len, size_t i, const char *word)
{
	size_t n = strlen(word);
	return len - i >= n && !strncasecmp(name + i, word, n);
}

/* sda vdb xvda hdc, then the number of a partition. */
static size_t letter_disk(const char *name, size_t len, size_t pos, struct name_info *out)
{
	static const char *const kinds[] = {"xvd", "sd", "vd", "hd"};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		size_t i = pos + strlen(kinds[k]), letters = 0;
		if (!word_at(name, len, pos, kinds[k]))
			continue;
		while (i + letters < len && islower((unsigned char)name[i + letters]))
			letters++;
		if (!letters || letters > 3)
			return 0;
		i += letters;
		out->disk = out->disk_value = (struct span){pos, i};
		size_t n = digits_at(name, len, i);
		if (n)
			out->part = out->part_value = (struct span){i, i + n};
		return i + n - pos;
	}
	return 0;
}

/* nvme0n1 and mmcblk0, then p1. */
static size_t numbered_disk(const char *name, size_t len, size_t pos, struct name_info *out)
{
	size_t i = pos, n;
	if (word_at(name, len, pos, "nvme")) {
		i += 4;
		if (!(n = digits_at(name, len, i)))
			return 0;
		i += n;
		if (i >= len || name[i] != 'n' || !(n = digits_at(name, len, i + 1)))
			return 0;
		i += 1 + n;
	} else if (word_at(name, len, pos, "mmcblk")) {
		i += 6;
		if (!(n = digits_at(name, len, i)))
			return 0;
		i += n;
	} else {
		return 0;
	}
	out->disk = out->disk_value = (struct span){pos, i};
	if (i < len && name[i] == 'p' && (n = digits_at(name, len, i + 1))) {
		out->part = (struct span){i, i + 1 + n};
		out->part_value = (struct span){i + 1, i + 1 + n};
		i += 1 + n;
	}
	return i - pos;
}

/* disk0 disk-0 disk_0, drive-scsi0. */
static size_t machine_disk(const char *name, size_t len, size_t pos, struct name_info *out)
{
	static const char *const buses[] = {"scsi", "virtio", "sata", "ide", "efidisk", "tpmstate"};
	size_t n;
	if (word_at(name, len, pos, "drive-"))
		for (size_t b = 0; b < ARRAY_SIZE(buses); b++) {
			size_t i = pos + 6 + strlen(buses[b]);
			if (!word_at(name, len, pos + 6, buses[b]) || !(n = digits_at(name, len, i)))
				continue;
			out->disk = out->disk_value = (struct span){pos, i + n};
			return i + n - pos;
		}
	if (!word_at(name, len, pos, "disk"))
		return 0;
	size_t i = pos + 4;
	if (i < len && strchr("-_", name[i]))
		i++;
	if (!(n = digits_at(name, len, i)))
		return 0;
	out->disk = (struct span){pos, i + n};
	out->disk_value = (struct span){i, i + n};
	return i + n - pos;
}

size_t name_disk_at(const char *name, size_t len, size_t pos, struct name_info *out)
{
	static size_t (*const kinds[])(const char *, size_t, size_t, struct name_info *) = {
		letter_disk, numbered_disk, machine_disk};
	for (size_t k = 0; k < ARRAY_SIZE(kinds); k++) {
		struct name_info t = {0};
		size_t n = kinds[k](name, len, pos, &t), end = pos + n, d;
		if (!n || !ends_at(name, len, end))
			continue;
		/* "-part3" behind the disk, as in /dev/disk/by-id. */
		if (!t.part.to && end < len && word_at(name, len, end + 1, "part") &&
		    (d = digits_at(name, len, end + 5)) && ends_at(name, len, end + 5 + d)) {
			t.part = (struct span){end + 1, end + 5 + d};
			t.part_value = (struct span){end + 5, end + 5 + d};
			n = t.part.to - pos;
		}
		out->disk = t.disk;
		out->disk_value = t.disk_value;
		out->part = t.part;
		out->part_value = t.part_value;
		return n;
	}
	return 0;
}

/* Partitions that people name by what is on them; only where nothing but a time follows. */
static bool part_word(const char *name, size_t len)
{
	static const char *const words[] = {"root", "boot", "efi", "esp", "home", "var",
					    "usr",  "opt",  "srv", "swap"};
	for (size_t i = 0; i < ARRAY_SIZE(words); i++)
		if (strlen(words[i]) == len && !strncasecmp(words[i], name, len))
			return true;
	return false;
}

static void find_part_word(const char *name, size_t len, struct name_info *out)
{
	size_t end = len;
	if (out->time.to == end)
		end = out->time.from;
	while (end && name_is_separator(name[end - 1]))
		end--;
	size_t from = end;
	while (from && !name_is_separator(name[from - 1]))
		from--;
	if (end > from && from >= out->time.to && part_word(name + from, end - from))
		out->part = out->part_value = (struct span){from, end};
	else if (end > from && out->time.to == len && part_word(name + from, end - from))
		out->part = out->part_value = (struct span){from, end};
}

/* VMware calls a machine's further disks web01_1.vmdk, web01_2.vmdk; the first has no number. */
static void find_vmware_disk(const char *name, size_t len, struct name_info *out)
{
	size_t end = out->segment.to && out->segment.to <= out->stem ? out->segment.from : out->stem, from = end;
	if (out->stem + 5 != len || strncasecmp(name + out->stem, ".vmdk", 5))
		return;
	while (from && isdigit((unsigned char)name[from - 1]))
		from--;
	if (from < 2 || end == from || end - from > 2 || name[from] == '0' || name[from - 1] != '_' ||
	    (from - 1 < out->time.to && end > out->time.from))
		return;
	out->disk = (struct span){from - 1, end};
	out->disk_value = (struct span){from, end};
}

void name_read(const char *name, size_t len, struct name_info *out)
{
	memset(out, 0, sizeof *out);
	out->kind = name_kind(name, len, &out->stem, &out->segment);
	struct span *t = &out->time;
	if (!name_time_find(name, out->stem, &out->civil, t))
		memset(&out->civil, 0, sizeof out->civil);
	/* The last one counts: what stands before it may be a host's name. */
	for (size_t i = 0; i < out->stem; i++)
		if ((!i || name_is_separator(name[i - 1])) && (i < t->from || i >= t->to)) {
			struct name_info d = {0};
			size_t n = name_disk_at(name, out->stem, i, &d);
			if (!n || (i < t->from && i + n > t->from))
				continue;
			out->disk = d.disk;
			out->disk_value = d.disk_value;
			out->part = d.part;
			out->part_value = d.part_value;
			i += n - 1;
		}
	if (!out->disk.to)
		find_vmware_disk(name, len, out);
	if (!out->disk.to)
		find_part_word(name, out->stem, out);
}

size_t name_cut(char *out, const char *name, size_t len, const struct span *cuts, size_t count, bool tidy)
{
	bool gone[NAME_LIMIT + 1], left = false, cut = false;
	size_t stem = 0, n = 0;
	if (len > NAME_LIMIT)
		len = NAME_LIMIT;
	for (size_t c = 0; c < count; c++)
		cut = cut || cuts[c].to;
	/* Most names have nothing to be cut out of them. */
	if (!cut && len && (!tidy || !name_is_separator(name[0]))) {
		memcpy(out, name, len);
		return len;
	}
	memset(gone, 0, len + 1);
	for (size_t c = 0; c < count; c++)
		for (size_t i = cuts[c].from; i < cuts[c].to && i < len; i++)
			gone[i] = true;
	for (size_t i = 0; i < len && name[i] != '.'; i++, stem++)
		left = left || (!gone[i] && !name_is_separator(name[i]));
	bool starved = tidy && stem && !left;
	if (starved)
		out[n++] = '*';
	for (size_t i = 0; i < len; i++) {
		bool before = tidy && i + 1 < len && gone[i + 1] && name_is_separator(name[i]);
		if (!gone[i] && !before && !(starved && i < stem))
			out[n++] = name[i];
	}
	return n;
}
