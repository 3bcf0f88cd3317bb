// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * The state of $LogFile. It is not replayed here. So the question is whether it owes the volume anything: a log
 * that was closed, or erased by another system, owes nothing. One that is open, as in every snapshot, is followed
 * from its last checkpoint (ntfs_records.c); only when each change in it is on the disk and no transaction is
 * unfinished does the volume count as what Windows would show. Else what is read may be older than that, and
 * stale_view says so.
 */
#ifdef HAVE_LIBNTFS_3G
#include "ntfs.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

/* Windows makes at most 64 MiB by itself. */
#define MAX_LOG (256 * MIB)
#define RESTART_CLEAN 0x0002u
#define NO_CLIENT 0xffffu

struct restart {
	bool whole, clean;
	uint64_t current, client_restart;
	uint64_t file_size;
	uint32_t system_page, page, header, data_at;
	unsigned sequence_bits, major, minor;
	const char *why;
};

static bool is_page_size(uint32_t v)
{
	return v >= 512 && v <= 64 * KIB && !(v & (v - 1));
}

/* A restart page with its area and first client, from up to len bytes. */
static void parse_restart(const uint8_t *p, size_t len, struct restart *r)
{
	memset(r, 0, sizeof *r);
	r->why = "no restart page";
	if (len < 512 || (memcmp(p, "RSTR", 4) && memcmp(p, "CHKD", 4)))
		return;
	r->system_page = get_le32(p + 16);
	r->page = get_le32(p + 20);
	r->why = "impossible page sizes";
	if (!is_page_size(r->system_page) || !is_page_size(r->page) || r->system_page > len)
		return;
	autofree uint8_t *page = malloc(r->system_page);
	r->why = "memory is out";
	if (!page)
		return;
	memcpy(page, p, r->system_page);
	if ((r->why = ntfs_fix(page, r->system_page, (const char *)page)))
		return;
	size_t area = get_le16(page + 24), size = r->system_page;
	r->major = get_le16(page + 28);
	r->minor = get_le16(page + 26);
	r->why = "a restart area outside its page";
	if (area % 8 || area < 30 || area + 48 > size)
		return;
	const uint8_t *a = page + area;
	size_t clients = get_le16(a + 22), in_use = get_le16(a + 12);
	r->current = get_le64(a);
	r->sequence_bits = get_le32(a + 16);
	r->file_size = get_le64(a + 24);
	r->header = get_le16(a + 36);
	r->data_at = get_le16(a + 38);
	r->clean = in_use == NO_CLIENT || get_le16(a + 14) & RESTART_CLEAN;
	r->why = "a client record outside its page";
	if (in_use != NO_CLIENT) {
		if (clients % 8 || area + clients + (in_use + 1) * 160 > size || in_use >= get_le16(a + 8))
			return;
		r->client_restart = get_le64(a + clients + in_use * 160 + 8);
	}
	r->why = "a restart area that contradicts itself";
	if (r->sequence_bits < 16 || r->sequence_bits > 60 || r->header < 48 || r->header > 256 || r->header % 8 ||
	    r->data_at < 40 || r->data_at + r->header > r->page || r->data_at % 8 || r->file_size > INT64_MAX)
		return;
	r->why = NULL;
	r->whole = true;
}

static void stale(const char *subject, struct findings *f, struct fs_info *info, const char *what)
{
	info->stale_view = true;
	ntfs_finding(f, "fs.log", subject, OUTCOME_UNPROVEN, -1,
		     "$LogFile %s: Windows would replay it, which is not done here, so that what is read may be "
		     "older than what Windows shows (use a backup by way of VSS, or shut down first)",
		     what);
}

/* Closes torn pages out: what has lost its magic is not read. */
static void fix_pages(struct ntfs_log *l)
{
	for (uint64_t at = 2ul * l->system_page; at + l->page <= l->size; at += l->page)
		if (ntfs_fix(l->data + at, l->page, "RCRD"))
			memset(l->data + at, 0, 4);
}

static int judge_open(struct ntfs *fs, uint8_t *data, uint64_t size, const struct restart *r,
		      const char *subject, struct findings *f, struct fs_info *info, struct error *e)
{
	char text[200];
	struct ntfs_owed o = {0};
	struct ntfs_log l = {
		.data = data,
		.size = (r->file_size < size ? r->file_size : size) / r->page * r->page,
		.page = r->page,
		.system_page = r->system_page,
		.data_at = r->data_at,
		.header = r->header,
		.sequence_bits = r->sequence_bits,
		.major = r->major,
		.restart = r->client_restart,
	};
	if (r->major > 2) {
		stale(subject, f, info, "is of a newer version");
		return 0;
	}
	fix_pages(&l);
	if (ntfs_follow_log(fs, &l, &o, e) < 0)
		return -1;
	if (o.why) {
		snprintf(text, sizeof text, "is in use, and %s", o.why);
		stale(subject, f, info, text);
	} else if (o.owed || o.open) {
		snprintf(text, sizeof text, "holds %llu changes that are not on the disk yet, and %llu unfinished "
			 "transactions", (unsigned long long)o.owed, (unsigned long long)o.open);
		stale(subject, f, info, text);
	} else {
		ntfs_finding(f, "fs.log", subject, OUTCOME_HELD, -1,
			     "taken while mounted; all %llu changes since the last checkpoint are on the disk, and no "
			     "transaction is unfinished",
			     (unsigned long long)o.changes);
	}
	return 0;
}

static int judge_pages(struct ntfs *fs, uint8_t *data, uint64_t size, const char *subject,
		       struct findings *f, struct fs_info *info, struct error *e)
{
	struct restart first, second;
	char text[200];
	parse_restart(data, (size_t)size, &first);
	uint64_t at = first.system_page && first.system_page < size ? first.system_page : 4096;
	/* The second page says itself where it lies. */
	for (uint64_t try = 512; !first.whole && try <= 64 * KIB && try + 512 < size; try *= 2)
		if (!memcmp(data + try, "RSTR", 4))
			at = try;
	parse_restart(data + at, at < size ? (size_t)(size - at) : 0, &second);
	if (!first.whole && !second.whole) {
		snprintf(text, sizeof text, "has no restart page that is whole (%s)", first.why);
		ntfs_finding(f, "ntfs.log", subject, OUTCOME_BROKEN, -1, "$LogFile %s", text);
		stale(subject, f, info, text);
		return 0;
	}
	const struct restart *r = !second.whole || (first.whole && first.current >= second.current) ? &first : &second;
	if (first.whole != second.whole)
		ntfs_finding(f, "ntfs.log", subject, OUTCOME_SKIPPED, -1,
			     "one of two restart pages of $LogFile is not whole (%s): the other is used",
			     first.whole ? second.why : first.why);
	if (!r->clean)
		return judge_open(fs, data, size, r, subject, f, info, e);
	ntfs_finding(f, "fs.log", subject, OUTCOME_HELD, -1, "$LogFile was closed: the volume was unmounted");
	return 0;
}

int ntfs_judge_log(struct ntfs *fs, const char *subject, struct findings *f, struct fs_info *info,
		   struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(fs, FILE_LogFile, e);
	autodestroy(ntfs_lib_put_attr) ntfs_attr *na = NULL;
	int rc = ni ? ntfs_lib_attr(fs, ni, ATTR_DATA, NULL, 0, &na, e) : -1;
	if (rc < 0)
		return -1;
	if (!rc || !NAttrNonResident(na) || NAttrCompressed(na) || na->data_size < (s64)(64 * KIB)) {
		ntfs_finding(f, "ntfs.log", subject, OUTCOME_BROKEN, -1, "$LogFile is missing, or no log");
		stale(subject, f, info, "can't be read");
		return 0;
	}
	uint64_t size = (uint64_t)na->data_size;
	if (size > MAX_LOG) {
		stale(subject, f, info, "is larger than 256 MiB and was not read");
		return 0;
	}
	autofree uint8_t *data = malloc((size_t)size);
	if (!data)
		return error_nomem(e);
	if (ntfs_lib_read(fs, na, 0, data, (size_t)size, e) < 0)
		return -1;
	if (data[0] != 0xff || memcmp(data, data + 1, (size_t)size - 1))
		return judge_pages(fs, data, size, subject, f, info, e);
	ntfs_finding(f, "fs.log", subject, OUTCOME_SKIPPED, -1,
		     "$LogFile is empty: the volume was written last by a system that keeps no log");
	return 0;
}
#endif
