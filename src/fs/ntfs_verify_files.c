// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Each file as the library sees it: its record with all that belongs to it in other records, its data's runs from
 * the first cluster to the last, its reparse point. What is HELD can be opened.
 */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>

#include "ntfs_verify.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>

static int check_runs(struct ntfs_verify *v, ntfs_attr *na, struct error *e)
{
	uint64_t no = na->ni->mft_no, vcn = 0;
	errno = EIO;
	if (ntfs_attr_map_whole_runlist(na))
		return ntfs_lib_error(v->fs, e, "MFT record %llu: its runs", (unsigned long long)no);
	for (const runlist_element *r = na->rl; r && r->length; r++) {
		if ((uint64_t)r->vcn != vcn || r->length < 0 || (r->lcn < 0 && r->lcn != LCN_HOLE) ||
		    (r->lcn >= 0 && (uint64_t)r->lcn + (uint64_t)r->length > v->fs->g.clusters))
			break;
		vcn += (uint64_t)r->length;
	}
	if (na->data_size < 0 || na->initialized_size < 0 || na->initialized_size > na->data_size ||
	    vcn < ((uint64_t)na->data_size + v->fs->g.cluster - 1) / v->fs->g.cluster)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "NTFS: MFT record %llu: the runs of its data end before it does",
				 (unsigned long long)no);
	return 0;
}

/* What can't be read here is nobody's damage. */
static int check_packed(struct ntfs_verify *v, ntfs_attr *na, struct error *e)
{
	struct error why = {0};
	uint64_t size = (uint64_t)na->data_size; /* no negative one comes this far */
	autodestroy(ntfs_wof_free_auto) struct ntfs_wof *w = ntfs_wof_open(v->fs, na->ni, size, &why);
	if (w && ntfs_wof_check(w, &why) == 0)
		return 0;
	if (why.cls == ERROR_UNSUPPORTED || why.cls == ERROR_ENCRYPTED)
		return 0;
	*e = why;
	return -1;
}

static int check_file(struct ntfs_verify *v, uint64_t no, struct error *e)
{
	autodestroy(ntfs_lib_put) ntfs_inode *ni = ntfs_lib_inode(v->fs, no, e);
	autodestroy(ntfs_lib_put_attr) ntfs_attr *na = NULL;
	uint32_t tag = 0;
	if (!ni || (ni->flags & FILE_ATTR_REPARSE_POINT && ntfs_reparse_tag(v->fs, ni, &tag, e) < 0))
		return -1;
	if (v->known[no].flags & REC_DIR)
		return 0;
	int rc = ntfs_lib_attr(v->fs, ni, ATTR_DATA, NULL, 0, &na, e);
	if (rc <= 0)
		return rc;
	if (NAttrNonResident(na) && check_runs(v, na, e) < 0)
		return -1;
	return tag == NTFS_TAG_WOF && !ntfs_lib_is_encrypted(na) ? check_packed(v, na, e) : 0;
}

int ntfs_verify_files(struct ntfs_verify *v, struct error *e)
{
	/* From the first on: the root is among those that the volume is opened with, too. */
	for (uint64_t no = 0; no < v->fs->records; no++) {
		if ((v->known[no].flags & (REC_USED | REC_EXTENT)) != REC_USED)
			continue;
		if (v->b && !(no & 255) && budget_check(v->b, e) < 0)
			return -1;
		if (!check_file(v, no, e))
			continue;
		if (e->cls != ERROR_CORRUPT)
			return -1;
		v->bad_records++;
		finding_error(v->f, PROOF_STRUCTURE, "ntfs.records", v->subject, e);
	}
	return 0;
}
#endif
