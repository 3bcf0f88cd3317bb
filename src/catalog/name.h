// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What a file's name alone says: times, disks, partitions, kinds, hosts. Names are bytes of at most NAME_LIMIT,
 * any value but NUL and '/'; nothing here allocates or opens anything.
 */
#ifndef CATALOG_NAME_H
#define CATALOG_NAME_H

#include "backproof/base.h"

#define NAME_LIMIT 255 /* NAME_MAX: longer ones can't come from a directory */

/* Bytes from .. to-1 of a name; to == 0: not there. */
struct span {
	size_t from, to;
};

/* A date and a time of day as written. */
struct civil {
	int year, month, day, hour, minute, second;
	bool has_date, has_clock, has_zone; /* without a zone: local time (TZ) */
	int zone;			    /* seconds east of UTC */
};

/* YYYY-MM-DD (also with _ or .) or YYYYMMDD at the front of s: bytes used, 0 when there is none or no such day. */
size_t name_date_at(const char *s, size_t len, struct civil *c);
/* HHMM HH:MM HH-MM HH_MM HH.MM, with seconds when asked; then Z or +HH:MM when zone is asked for. */
size_t name_clock_at(const char *s, size_t len, bool seconds, bool zone, struct civil *c);
/* The first date, with the clock that follows it, that stands between non-digits. */
bool name_time_find(const char *name, size_t len, struct civil *c, struct span *where);
/*
 * A date in the names of directories that lie in each other, at the front of a path: 2026/11/23, 2026-11/23,
 * 2026/11-23, with or without a clock behind the day. Bytes used, up to the end of a name; 0: there is none.
 */
size_t name_date_pieces(const char *path, struct civil *c);
/* The same where it ends the path. */
bool name_ends_in_pieces(const char *path, struct civil *c);
/* The last name of the path is such a date's last, or may be its first or second: 2026, 2026/11. */
bool name_is_piece(const char *path);
/* A directory that is called by a date and nothing else: the backups of that day, of any host. */
bool name_is_time(const char *path);
/* A whole component of a path below a dated one, or a token in it, that can only be a clock: 0300, 030000. */
bool name_bare_clock(const char *name, size_t len, const struct span *skip, struct span *where);
/* Seconds UTC: a date alone is a whole local day, with a clock from and to are equal. Both 0 without a date. The
 * caller has called civil_zone. */
void civil_range(const struct civil *c, int64_t *from, int64_t *to);
/* Takes note of TZ, from any thread. */
void civil_zone(void);

enum name_kind {
	NAME_OTHER,	 /* nothing known */
	NAME_IMAGE,	 /* an image, an archive or a container, compressed or not, or a piece of a split one */
	NAME_COMPRESSED, /* .zst and such with nothing known before it */
	NAME_BESIDE,	 /* digests, signatures, logs, notes: never a part of a restore point */
};

struct name_info {
	enum name_kind kind;
	size_t stem;	      /* bytes before the suffixes */
	struct span time;     /* in civil */
	struct span disk, part, segment; /* what is cut out of a name to tell which backup it belongs to */
	struct span disk_value, part_value; /* "0" of "disk-0", "3" of "part3" */
	struct civil civil;
};
void name_read(const char *name, size_t len, struct name_info *out);
enum name_kind name_kind(const char *name, size_t len, size_t *stem, struct span *segment);
/* A disk as Linux, Proxmox and people call it, with a partition behind it, standing alone at pos: bytes used. */
size_t name_disk_at(const char *name, size_t len, size_t pos, struct name_info *out);

/* Anything but ASCII letters, digits and bytes of UTF-8 sequences. */
bool name_is_separator(char c);

/* How well a name fits a host: 3 its exact name, 2 the short name of a full one, 1 a longer full name, 0 not. */
int name_host_rank(const char *name, size_t len, const char *host);
/* It is the host's name and nothing else: web01, WEB01, and web01.example.com of web01, or the other way round. */
bool name_is_hosts(const char *name, const char *host);
/* name[at .. at+hlen) is host: true when it stands alone and is not a piece of a longer host name. */
bool name_host_alone(const char *name, size_t len, size_t at, size_t hlen);
/* Wherever host (or its short name) stands alone, there is a word beside it that may belong to a longer name. */
bool name_host_has_neighbour(const char *name, size_t len, const char *host);
/* It is a full name: web01.example.com, web01.lan; not web01.old. */
bool name_has_domain(const char *name);
/* host is a full name, and what stands in name is its short name with another domain. */
bool name_host_elsewhere(const char *name, size_t len, const char *host);
/* The two halves of name_host_alone. */
bool name_host_begins(const char *name, size_t at);
bool name_host_ends(const char *name, size_t len, size_t at, size_t hlen);

/* The name that a partial name will have once finished. out: NAME_LIMIT + 1 bytes. false: not a partial name. */
bool partial_finished_name(const char *base, char *out);

/*
 * name without the spans into out, which has room for as much; returns its length. tidy: also without the separator
 * that stood before each, "*" where nothing is left.
 */
size_t name_cut(char *out, const char *name, size_t len, const struct span *cuts, size_t count, bool tidy);

#endif
