// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * All records of the MFT in order: update sequences, bounds of attributes, runs inside the volume and clusters
 * claimed once, then $Bitmap. NTFS has no checksums over its metadata: this finds contradictions, no more.
 */
#ifdef HAVE_LIBNTFS_3G
#include <errno.h>

#include "ntfs_verify.h"

#include <ntfs-3g/attrib.h>
#include <ntfs-3g/inode.h>
#include <ntfs-3g/volume.h>

#define MAX_MAP (512 * MIB)
#define BAD_CLUSTERS 8u

static bool in_map(const struct ntfs_verify *v, uint64_t n)
{
	return v->record_map[n / 8] >> n % 8 & 1;
}

/* Sets `length` bits from lcn; the first that was set already goes to *twice. */
static bool claim(struct ntfs_verify *v, uint64_t lcn, uint64_t length, uint64_t *twice)
{
	bool free_before = true;
	for (uint64_t c = lcn; c < lcn + length; c++) {
		if (!(c & 7) && c + 8 <= lcn + length && !v->claimed[c / 8]) {
			v->claimed[c / 8] = 0xff;
			c += 7;
			continue;
		}
		if (v->claimed[c / 8] >> (c & 7) & 1 && free_before) {
			*twice = c;
			free_before = false;
		}
		v->claimed[c / 8] |= (uint8_t)(1u << (c & 7));
	}
	return free_before;
}

/* whole: no other record has more of it. */
static void judge_runs(struct ntfs_verify *v, uint64_t no, const struct ntfs_attribute *a, bool whole)
{
	const uint8_t *p = a->pairs;
	int64_t lcn = 0;
	uint64_t length, vcn = a->first_vcn, twice = 0;
	bool hole;
	int rc;
	while ((rc = ntfs_next_run(&p, a->pairs_end, &lcn, &length, &hole)) > 0) {
		vcn += length; /* each of them below 2^63 */
		if (vcn > INT64_MAX) {
			rc = -1;
			break;
		}
		/* What goes on in another record may lack the flag; bad clusters are a hole of the whole volume. */
		if (hole && !a->sparse && !a->compressed && !a->first_vcn && no != BAD_CLUSTERS) {
			broken_runs(v, "MFT record %llu: attribute %02x has a hole, but is not sparse",
				    (unsigned long long)no, a->type);
			return;
		}
		if (hole)
			continue;
		if (lcn < 0 || (uint64_t)lcn >= v->fs->g.clusters || length > v->fs->g.clusters - (uint64_t)lcn) {
			broken_runs(v,
				    "MFT record %llu: attribute %02x has clusters from %lld on, the volume has %llu",
				    (unsigned long long)no, a->type, (long long)lcn,
				    (unsigned long long)v->fs->g.clusters);
			return;
		}
		v->clusters += length;
		if (v->claimed && !claim(v, (uint64_t)lcn, length, &twice))
			broken_runs(v, "MFT record %llu: attribute %02x has cluster %llu, which is another's as well",
				    (unsigned long long)no, a->type, (unsigned long long)twice);
	}
	bool empty = vcn == a->first_vcn && (a->last_vcn == UINT64_MAX || (!a->first_vcn && !a->allocated));
	if (rc < 0 || (vcn != a->last_vcn + 1 && !empty))
		broken_runs(v, "MFT record %llu: the runs of attribute %02x are not those that it says it has",
			    (unsigned long long)no, a->type);
	else if (whole && !a->first_vcn && (a->size + v->fs->g.cluster - 1) / v->fs->g.cluster > vcn)
		broken_runs(v, "MFT record %llu: attribute %02x has more bytes than its runs have room for",
			    (unsigned long long)no, a->type);
}

/* One record in use, after its update sequence. */
static void judge_record(struct ntfs_verify *v, uint64_t no, const uint8_t *r)
{
	struct ntfs_known *k = &v->known[no];
	struct ntfs_attribute a = {0};
	const char *why = ntfs_check_record(r, v->fs->g.record);
	uint64_t base = MREF(get_le64(r + 32));
	/* Of the MFT itself there are such too: record 0 of a sequence number. */
	bool extent = get_le64(r + 32);
	struct ntfs_known *owner = extent && base < v->fs->records ? &v->known[base] : k;
	bool has_times = false, has_list = false;
	uint32_t parts = 0;
	unsigned meant = extent ? MSEQNO(get_le64(r + 32)) : get_le16(r + 16);
	k->sequence = get_le16(r + 16);
	k->flags = REC_USED;
	if (get_le16(r + 22) & 2)
		k->flags |= REC_DIR;
	if (extent)
		k->flags |= REC_EXTENT;
	if (!why && extent && (base >= v->fs->records || base == no))
		why = "it belongs to a record that does not exist";
	if (!why && get_le16(r + 4) >= 48 && get_le32(r + 44) != (uint32_t)no)
		why = "it names another number as its own";
	if (why) {
		broken_record(v, -1, "MFT record %llu: %s", (unsigned long long)no, why);
		return;
	}
	while (ntfs_next_attribute(r, v->fs->g.record, &a, &why) > 0) {
		has_list |= a.type == ATTR_LIST; /* before any that has runs */
		if (!a.resident)
			judge_runs(v, no, &a, !has_list && !extent);
		if (a.type != ATTR_LIST)
			parts += ntfs_part_sum(a.type, a.name, a.name_units, a.first_vcn, no, meant);
		has_times |= a.type == ATTR_STANDARD;
		if (a.type == ATTR_NAME) {
			owner->names += owner->names < UINT16_MAX;
			owner->told += ntfs_name_sum(a.value);
		}
		if (a.type == ATTR_STANDARD) {
			int64_t t = ntfs_seconds(get_le64(a.value + 16));
			if (t > v->newest && t <= v->now)
				v->newest = t;
		}
	}
	if (has_list)
		k->flags |= REC_LIST;
	if (has_list || extent)
		owner->parts += parts;
	if (extent)
		return;
	if (!has_times && !has_list)
		broken_record(v, -1, "MFT record %llu: it has no standard information", (unsigned long long)no);
	v->files += !(k->flags & REC_DIR);
	v->dirs += !!(k->flags & REC_DIR);
}

static void see_record(struct ntfs_verify *v, uint64_t no, uint8_t *r)
{
	bool mapped = in_map(v, no), file = !memcmp(r, "FILE", 4);
	bool used = file && get_le16(r + 22) & 1;
	if (!mapped && !used)
		return;
	if (!mapped) {
		/* The bit is set last and cleared first. */
		v->bad_records++;
		ntfs_finding(v->f, "ntfs.records", v->subject, ntfs_blame(v), -1,
			     "MFT record %llu is in use, but free in the bitmap of the MFT", (unsigned long long)no);
	} else if (!used && no < NTFS_FIRST_USER && no > 11) {
		return; /* kept for later versions */
	} else if (!used) {
		v->bad_records++;
		ntfs_finding(v->f, "ntfs.records", v->subject, file ? ntfs_blame(v) : OUTCOME_BROKEN, -1,
			     "MFT record %llu is in use in the bitmap of the MFT, but %s", (unsigned long long)no,
			     file ? "not by itself" : "holds no record");
		return;
	}
	const char *why = ntfs_fix(r, v->fs->g.record, "FILE");
	if (why)
		broken_record(v, -1, "MFT record %llu: %s", (unsigned long long)no, why);
	else
		judge_record(v, no, r);
}

static int judge_records(struct ntfs_verify *v, struct error *e)
{
	struct ntfs *fs = v->fs;
	uint32_t size = fs->g.record;
	uint64_t at_once = MIB / size;
	autofree uint8_t *buf = malloc(MIB);
	if (!buf)
		return error_nomem(e);
	for (uint64_t no = 0; no < fs->records; no += at_once) {
		uint64_t left = fs->records - no, n = left < at_once ? left : at_once;
		if (v->b && budget_check(v->b, e) < 0)
			return -1;
		if (ntfs_lib_read(fs, fs->vol->mft_na, no * size, buf, (size_t)(n * size), e) < 0)
			return -1;
		for (uint64_t i = 0; i < n; i++)
			see_record(v, no + i, buf + i * size);
	}
	return 0;
}

/* $Bitmap against what the records claim. */
static int judge_bitmap(struct ntfs_verify *v, struct error *e)
{
	struct ntfs *fs = v->fs;
	uint64_t bytes = (fs->g.clusters + 7) / 8, lost = 0, unmarked = 0, first = 0;
	autofree uint8_t *buf = malloc(MIB);
	if (!buf)
		return error_nomem(e);
	for (uint64_t at = 0; at < bytes; at += MIB) {
		size_t n = bytes - at < MIB ? (size_t)(bytes - at) : MIB;
		if (v->b && budget_check(v->b, e) < 0)
			return -1;
		if (ntfs_lib_read(fs, fs->vol->lcnbmp_na, at, buf, n, e) < 0)
			return -1;
		for (size_t i = 0; i < n; i++) {
			uint8_t have = v->claimed[at + i], wrong = have & (uint8_t)~buf[i];
			uint8_t known = at + i + 1 == bytes && fs->g.clusters % 8
						? (uint8_t)((1u << fs->g.clusters % 8) - 1) : 0xff;
			lost += (unsigned)__builtin_popcount(buf[i] & (uint8_t)~have & known);
			if (wrong && !unmarked)
				first = (at + i) * 8 + (unsigned)__builtin_ctz(wrong);
			unmarked += (unsigned)__builtin_popcount(wrong);
		}
	}
	if (unmarked) {
		v->bad_runs++;
		ntfs_finding(v->f, "ntfs.clusters", v->subject, ntfs_blame(v), -1,
			     "%llu clusters belong to files, but are free in $Bitmap, the first is %llu",
			     (unsigned long long)unmarked, (unsigned long long)first);
	}
	if (lost)
		ntfs_finding(v->f, "ntfs.lost", v->subject, OUTCOME_SKIPPED, -1,
			     "%llu clusters are in use but belong to no file", (unsigned long long)lost);
	return 0;
}

static int judge_all(struct ntfs_verify *v, struct error *e)
{
	struct ntfs *fs = v->fs;
	ntfs_attr *map = fs->vol->mftbmp_na;
	uint64_t bytes = fs->records / 8 + 1, have = (uint64_t)map->data_size;
	uint64_t n = have < bytes ? have : bytes;
	errno = EIO;
	if (ntfs_attr_pread(map, 0, (s64)n, v->record_map) != (s64)n)
		return ntfs_lib_error(fs, e, "the bitmap of the MFT");
	if (have * 8 < fs->records)
		broken_record(v, -1, "the bitmap of the MFT has %llu bytes for %llu records",
			      (unsigned long long)have, (unsigned long long)fs->records);
	if (judge_records(v, e) < 0 || (v->claimed && judge_bitmap(v, e) < 0) || ntfs_verify_lists(v, e) < 0 ||
	    ntfs_verify_files(v, e) < 0 ||
	    ntfs_verify_indexes(v, e) < 0 || ntfs_verify_upcase(v, e) < 0)
		return -1;
	if (!v->bad_records)
		ntfs_finding(v->f, "ntfs.records", v->subject, OUTCOME_HELD, -1,
			     "%llu files and %llu directories in %llu MFT records are well formed",
			     (unsigned long long)v->files, (unsigned long long)v->dirs,
			     (unsigned long long)fs->records);
	if (!v->claimed)
		ntfs_finding(v->f, "ntfs.clusters", v->subject, OUTCOME_UNPROVEN, -1,
			     "the volume has too many clusters to look for such as are used twice");
	else if (!v->bad_runs)
		ntfs_finding(v->f, "ntfs.clusters", v->subject, OUTCOME_HELD, -1,
			     "%llu clusters are used once each and marked so", (unsigned long long)v->clusters);
	if (!v->bad_indexes && !v->bad_links)
		ntfs_finding(v->f, "ntfs.directories", v->subject, OUTCOME_HELD, -1,
			     "%llu entries in %llu directories and %llu index blocks are in order and lead to the "
			     "right records",
			     (unsigned long long)v->entries, (unsigned long long)v->dirs,
			     (unsigned long long)v->blocks);
	return 0;
}

int ntfs_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
		int64_t now, int64_t *newest, struct error *e)
{
	struct ntfs *fs = self;
	uint64_t bytes = fs->g.clusters / 8 + 1;
	autofree struct ntfs_known *known = calloc(fs->records + 1, sizeof *known);
	autofree uint8_t *claimed = bytes <= MAX_MAP ? calloc(bytes, 1) : NULL;
	autofree uint8_t *map = calloc(fs->records / 8 + 1, 1);
	if (!known || !map || (!claimed && bytes <= MAX_MAP))
		return error_nomem(e);
	struct ntfs_verify v = {.fs = fs, .subject = subject, .f = f, .b = b, .now = now,
				.known = known, .claimed = claimed, .record_map = map};
	int rc = judge_all(&v, e);
	*newest = v.newest;
	return rc;
}
#endif
