// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Lists of attributes: where a file has more than fits into one record, its list names each of them, and the record
 * that has it. What a list does not name nobody finds; what it names and is not there, or is another file's, is lost.
 */
#ifdef HAVE_LIBNTFS_3G
#include "ntfs_verify.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

#define MAX_LIST (256 * KIB)
#define ENTRY 26u

/* The sum that the records should have; -1 and *why when the list is malformed. */
static int sum_of_list(const struct ntfs_verify *v, uint64_t no, const uint8_t *p, size_t len, uint32_t *sum,
		       const char **why)
{
	unsigned sequence = v->known[no].sequence;
	for (size_t at = 0, length; at < len; at += length) {
		*why = "its list of attributes makes no sense";
		if (len - at < ENTRY)
			return -1;
		length = get_le16(p + at + 4);
		size_t units = p[at + 6], name = p[at + 7];
		if (length < ENTRY || length % 8 || length > len - at || (units && name + 2 * units > length))
			return -1;
		uint64_t ref = get_le64(p + at + 16), in = MREF(ref);
		*why = "its list of attributes leads to a record that is not in use, or used anew since";
		if (in >= v->fs->records || !(v->known[in].flags & REC_USED) ||
		    v->known[in].sequence != MSEQNO(ref))
			return -1;
		*sum += ntfs_part_sum(get_le32(p + at), p + at + name, units, get_le64(p + at + 8), in, sequence);
	}
	return 0;
}

static int judge_list(struct ntfs_verify *v, uint64_t no, const char **why, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(v->fs, no, e);
	autofree uint8_t *list = NULL;
	size_t len = 0;
	uint32_t sum = 0;
	int rc = ni ? ntfs_lib_whole(v->fs, ni, ATTR_LIST, NULL, 0, MAX_LIST, &list, &len, e) : -1;
	if (rc < 0)
		return -1;
	if (sum_of_list(v, no, list, len, &sum, why) < 0)
		return 0;
	*why = sum == v->known[no].parts ? NULL : "its list of attributes does not name those that it has";
	return 0;
}

int ntfs_verify_lists(struct ntfs_verify *v, struct error *e)
{
	for (uint64_t no = 0; no < v->fs->records; no++) {
		const struct ntfs_known *k = &v->known[no];
		const char *why = NULL;
		bool own = (k->flags & (REC_USED | REC_EXTENT)) == REC_USED;
		if (v->b && !(no & 255) && budget_check(v->b, e) < 0)
			return -1;
		if (own && k->flags & REC_LIST) {
			struct error bad;
			/* What the library can't open is told with the files. */
			if (judge_list(v, no, &why, &bad) < 0 && bad.cls != ERROR_CORRUPT) {
				*e = bad;
				return -1;
			}
		} else if (k->parts) {
			why = own ? "other records have attributes of it, and it has no list of them"
				  : "other records have attributes of it, and it is no file";
		}
		if (!why)
			continue;
		v->bad_records++;
		ntfs_finding(v->f, "ntfs.records", v->subject, ntfs_blame(v), -1, "MFT record %llu: %s",
			     (unsigned long long)no, why);
	}
	return 0;
}
#endif
