// SPDX-License-Identifier: GPL-3.0-or-later
/* Inodes, version 3: where they lie, what is in them. */
#include "xfs.h"

#include <sys/stat.h>

uint64_t xfs_inode_place(const struct xfs *x, uint64_t number)
{
	uint64_t fsb = number >> x->chunk_log;
	if (!number || number >> 56 || !xfs_fsb_ok(x, fsb, 1))
		return 0;
	return xfs_fsb_place(x, fsb) + ((number & ((1u << x->chunk_log) - 1)) << x->inode_log);
}

static int64_t time_of(const struct xfs_inode *in, size_t at)
{
	const uint8_t *p = in->raw + at;
	if (in->flags2 & XFS_BIGTIME)
		return (int64_t)(get_be64(p) / 1000000000u) - INT64_C(0x80000000);
	return (int32_t)get_be32(p);
}

uint8_t xfs_inode_type(uint16_t mode)
{
	switch (mode & S_IFMT) {
	case S_IFREG:
		return XFS_FT_FILE;
	case S_IFDIR:
		return XFS_FT_DIR;
	case S_IFCHR:
		return XFS_FT_CHR;
	case S_IFBLK:
		return XFS_FT_BLK;
	case S_IFIFO:
		return XFS_FT_FIFO;
	case S_IFSOCK:
		return XFS_FT_SOCK;
	case S_IFLNK:
		return XFS_FT_LINK;
	default:
		return XFS_FT_UNKNOWN;
	}
}

/* What can't be, or NULL. */
static const char *nonsense(const struct xfs *x, const struct xfs_inode *in)
{
	uint8_t type = xfs_inode_type(in->mode);
	if (!in->mode)
		return NULL; /* free: nothing else means anything */
	if (type == XFS_FT_UNKNOWN)
		return "type";
	if (in->size >> 63)
		return "size";
	switch (type) {
	case XFS_FT_FILE:
		if (in->format != XFS_FMT_EXTENTS && in->format != XFS_FMT_BTREE)
			return "data fork";
		break;
	case XFS_FT_DIR:
	case XFS_FT_LINK:
		if (in->format < XFS_FMT_LOCAL || in->format > XFS_FMT_BTREE)
			return "data fork";
		if (in->format == XFS_FMT_LOCAL && in->size > in->fork_len[XFS_DATA_FORK])
			return "size";
		break;
	default:
		if (in->format != XFS_FMT_DEV)
			return "data fork";
	}
	if (in->format == XFS_FMT_EXTENTS && in->extents > in->fork_len[XFS_DATA_FORK] / 16)
		return "number of extents";
	if (in->format == XFS_FMT_LOCAL && in->extents)
		return "number of extents";
	if (in->extents > x->blocks || in->attr_extents > x->blocks)
		return "number of extents";
	if (in->fork_len[XFS_ATTR_FORK]) {
		if (in->attr_format < XFS_FMT_LOCAL || in->attr_format > XFS_FMT_BTREE)
			return "attribute fork";
		if (in->attr_format == XFS_FMT_LOCAL && in->attr_extents)
			return "number of attribute extents";
		if (in->attr_format == XFS_FMT_EXTENTS &&
		    in->attr_extents > in->fork_len[XFS_ATTR_FORK] / 16)
			return "number of attribute extents";
	} else if (in->attr_extents) {
		return "number of attribute extents";
	}
	if (in->flags2 & XFS_NREXT64 && !(x->incompat & XFS_IN_NREXT64))
		return "extent counters";
	if (in->flags2 & XFS_BIGTIME && !(x->incompat & XFS_IN_BIGTIME))
		return "times";
	if (in->flags2 & XFS_REFLINKED && !(x->ro_compat & XFS_RO_REFLINK))
		return "flag of shared blocks";
	return NULL;
}

int xfs_inode_parse(const struct xfs *x, uint64_t number, const uint8_t *raw, struct xfs_inode *in,
		    struct error *e)
{
	uint64_t place = xfs_inode_place(x, number);
	unsigned long long n = number;
	size_t room = x->inode_size - XFS_CORE, split = raw[82] * 8u;
	const char *what = NULL;
	if (raw[0] != 'I' || raw[1] != 'N')
		what = "no magic";
	else if (!xfs_sum_ok(raw, x->inode_size, 100))
		what = "wrong checksum";
	else if (raw[4] != 3)
		what = "not of version 3";
	else if (get_be64(raw + 152) != number)
		what = "has the number of another";
	else if (memcmp(raw + 160, x->meta_uuid, 16))
		what = "is of another file system";
	else if (split > room)
		what = "its forks make no sense";
	if (what)
		return error_set(e, ERROR_CORRUPT, (int64_t)place, "inode %llu: %s", n, what);
	memcpy(in->raw, raw, x->inode_size);
	in->number = number;
	in->place = place;
	in->mode = get_be16(raw + 2);
	in->format = raw[5];
	in->uid = get_be32(raw + 8);
	in->gid = get_be32(raw + 12);
	in->links = get_be32(raw + 16);
	in->size = get_be64(raw + 56);
	in->blocks = get_be64(raw + 64);
	in->attr_format = raw[83];
	in->flags = get_be16(raw + 90);
	in->generation = get_be32(raw + 92);
	in->next_unlinked = get_be32(raw + 96);
	in->flags2 = get_be64(raw + 120);
	if (in->flags2 & XFS_NREXT64) {
		in->extents = get_be64(raw + 24);
		in->attr_extents = get_be32(raw + 76);
	} else {
		in->extents = get_be32(raw + 76);
		in->attr_extents = get_be16(raw + 80);
	}
	in->mtime = time_of(in, 40);
	in->ctime = time_of(in, 48);
	in->fork[XFS_DATA_FORK] = in->raw + XFS_CORE;
	in->fork_len[XFS_DATA_FORK] = split ? split : room;
	in->fork[XFS_ATTR_FORK] = in->raw + XFS_CORE + split;
	in->fork_len[XFS_ATTR_FORK] = split ? room - split : 0;
	what = nonsense(x, in);
	if (what)
		return error_set(e, ERROR_CORRUPT, (int64_t)place,
				 "inode %llu: its %s makes no sense", n, what);
	return 0;
}

int xfs_inode_read(const struct xfs *x, uint64_t number, struct xfs_inode *in, struct error *e)
{
	uint8_t raw[XFS_INODE_MAX];
	uint64_t place = xfs_inode_place(x, number);
	if (!place)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET,
				 "inode %llu: there can be none of this number",
				 (unsigned long long)number);
	if (source_read_at(x->src, place, raw, x->inode_size, e) < 0)
		return -1;
	return xfs_inode_parse(x, number, raw, in, e);
}

void xfs_inode_entry(const struct xfs *x, const struct xfs_inode *in, struct fs_entry *out)
{
	uint8_t type = xfs_inode_type(in->mode);
	*out = (struct fs_entry){
	    .path = "",
	    .id = in->number,
	    .type = type == XFS_FT_FILE	  ? ENTRY_FILE
		    : type == XFS_FT_DIR  ? ENTRY_DIR
		    : type == XFS_FT_LINK ? ENTRY_LINK
					  : ENTRY_OTHER,
	    .mode = in->mode,
	    .uid = in->uid,
	    .gid = in->gid,
	    .links = in->links,
	    .size = in->size,
	    .mtime = in->mtime,
	    .ctime = in->ctime,
	    .place = in->place,
	};
	if (in->format == XFS_FMT_EXTENTS && in->extents) {
		const uint8_t *p = in->fork[XFS_DATA_FORK];
		uint64_t fsb = (get_be64(p) & 0x1ff) << 43 | get_be64(p + 8) >> 21;
		if (xfs_fsb_ok(x, fsb, 1))
			out->place = xfs_fsb_place(x, fsb);
	}
}
