// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Whose file is it? "web-01-2026-11-21.img" is not of the host "web", and "web01.example.com.img" not surely of
 * "web01": taking another machine's backup for this one's is what must not happen.
 */
#include <ctype.h>
#include <strings.h>

#include "backproof/catalog.h"
#include "name.h"

static const char *const generic[] = {
	"backup", "backups", "bak",    "image",	"images",  "full",    "disk",	"dump",	   "vzdump",
	"daily",  "weekly",  "monthly", "system", "snapshot", "snap",  "latest", "current", "qemu",
	"lxc",	  "os",	     "vm",
};

static size_t token_len(const char *s, size_t len)
{
	size_t n = 0;
	while (n < len && !name_is_separator(s[n]))
		n++;
	return n;
}

/* What else backups of one host are told apart by. */
static const char *const variants[] = {
	"inc",	"incr", "incremental", "diff", "differential", "delta", "overlay", "base", "level", "nightly",
	"hourly", "yearly", "auto", "manual", "new", "old", "copy", "clone", "live", "cold", "hot", "flat",
	"root", "boot",	"efi",	"esp",	"home",	"var",	"usr",	"opt",	"srv",	"swap",	"pre",	"post",
	"data",	"sys",	"log",	"logs", "storage", "mbr", "gpt", "prepatch", "preupdate", "preupgrade", "adhoc",
	"ondemand", "scheduled", "emergency",
};

static bool in_list(const char *const *list, size_t count, const char *s, size_t n)
{
	for (size_t i = 0; i < count; i++)
		if (strlen(list[i]) == n && !strncasecmp(list[i], s, n))
			return true;
	return false;
}

static bool is_generic(const char *s, size_t n)
{
	return in_list(generic, ARRAY_SIZE(generic), s, n);
}

/* name[at..] begins with something that is surely not the rest of a host name. */
static bool known_token(const char *name, size_t len, size_t at)
{
	struct civil c;
	struct name_info d;
	size_t n = token_len(name + at, len - at);
	return name_date_at(name + at, len - at, &c) || name_disk_at(name, len, at, &d) ||
	       is_generic(name + at, n);
}

/* name[at..] is all suffix: of an image, a sidecar, an unfinished file. */
static bool only_suffixes(const char *name, size_t len, size_t at)
{
	size_t stem;
	struct span segment;
	char copy[NAME_LIMIT + 2] = "x.", finished[NAME_LIMIT + 1];
	if (len - at > NAME_LIMIT - 2)
		return false;
	memcpy(copy + 2, name + at, len - at);
	copy[2 + len - at] = 0;
	if (partial_finished_name(copy, finished) && !strcmp(finished, "x"))
		return true;
	const char *look = is_partial_name(copy) ? finished : copy;
	enum name_kind k = name_kind(look, strlen(look), &stem, &segment);
	if (k == NAME_IMAGE || k == NAME_COMPRESSED)
		return stem == 1;
	/* "img.zst.sha256" */
	return k == NAME_BESIDE;
}

static bool all_digits(const char *s, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (!isdigit((unsigned char)s[i]))
			return false;
	return n > 0;
}

bool name_is_hosts(const char *name, const char *host)
{
	size_t n = strcspn(name, "."), h = strcspn(host, ".");
	if (!strcasecmp(name, host))
		return true;
	return n == h && !strncasecmp(name, host, n) && (!name[n] || !host[h]) &&
	       strspn(host, "0123456789.") < strlen(host);
}

bool name_host_begins(const char *name, size_t at)
{
	if (!at)
		return true;
	if (!name_is_separator(name[at - 1]))
		return false;
	if (name[at - 1] != '.')
		return true;
	/* "www.web01" is another machine, "backup.web01" and "20261121.web01" are not. */
	size_t from = at - 1;
	while (from && !name_is_separator(name[from - 1]))
		from--;
	return is_generic(name + from, at - 1 - from) || all_digits(name + from, at - 1 - from);
}

bool name_host_ends(const char *name, size_t len, size_t at, size_t hlen)
{
	size_t end = at + hlen;
	if (end == len)
		return true;
	if (!name_is_separator(name[end]))
		return false;
	size_t next = end + 1, n = token_len(name + next, len - next);
	if (known_token(name, len, next))
		return true;
	if (all_digits(name + next, n)) {
		/* web-01 is longer than web; web01-001 is a counter; 10.0.0.1 has no letters at all. */
		bool letter = false;
		for (size_t i = at; i < end; i++)
			letter = letter || isalpha((unsigned char)name[i]);
		return letter && isdigit((unsigned char)name[end - 1]);
	}
	return name[end] != '.' || only_suffixes(name, len, next);
}

bool name_host_alone(const char *name, size_t len, size_t at, size_t hlen)
{
	return name_host_begins(name, at) && name_host_ends(name, len, at, hlen);
}

static bool tells_nothing(const char *s, size_t n)
{
	return is_generic(s, n) || in_list(variants, ARRAY_SIZE(variants), s, n) || all_digits(s, n);
}

/* Beside name[at .. at+hlen), which stands alone, there is nothing that may be the rest of a longer name. */
static bool stands_clear(const char *name, size_t len, size_t at, size_t hlen)
{
	size_t end = at + hlen, from = at ? at - 1 : 0;
	while (from && !name_is_separator(name[from - 1]))
		from--;
	if (at && !tells_nothing(name + from, at - 1 - from))
		return false;
	if (end == len || known_token(name, len, end + 1))
		return true;
	/* "web01-db.ovf": whatever a descriptor's name has before its suffix. */
	size_t stem;
	struct span segment;
	if (only_suffixes(name, len, end + 1) &&
	    (name[end] == '.' || name_kind(name, len, &stem, &segment) != NAME_BESIDE))
		return true;
	return tells_nothing(name + end + 1, token_len(name + end + 1, len - end - 1));
}

bool name_host_has_neighbour(const char *name, size_t len, const char *host)
{
	const size_t lens[] = {strlen(host), strcspn(host, ".")};
	bool found = false;
	for (size_t i = 0; i < ARRAY_SIZE(lens); i++)
		for (size_t at = 0; lens[i] && at + lens[i] <= len; at++) {
			if (strncasecmp(name + at, host, lens[i]) || !name_host_alone(name, len, at, lens[i]))
				continue;
			if (stands_clear(name, len, at, lens[i]))
				return false;
			found = true;
		}
	return found;
}

static bool has_host(const char *name, size_t len, const char *host, size_t hlen, bool longer)
{
	for (size_t at = 0; hlen && at + hlen <= len; at++) {
		if (strncasecmp(name + at, host, hlen))
			continue;
		if (longer ? name_host_begins(name, at) && at + hlen + 1 < len && name[at + hlen] == '.' &&
				     isalpha((unsigned char)name[at + hlen + 1])
			   : name_host_alone(name, len, at, hlen))
			return true;
	}
	return false;
}

/* Where a domain ends: the usual ones, those of a network of one's own, and any of two letters. */
static const char *const tops[] = {
	"com",	 "org",	   "net",  "edu",     "gov",	 "mil",	     "int",    "info", "biz",	"dev",
	"cloud", "online", "tech", "systems", "network", "internal", "intern", "lan",  "local", "corp",
	"localdomain", "example", "test", "invalid",
};
static const char *const no_tops[] = {"lv", "vg", "pv", "os", "db", "fs", "hd", "vm", "dd", "ea", "sr", "sd"};

static bool is_top(const char *s, size_t n, const char *host)
{
	const char *last = strrchr(host, '.');
	bool two = n == 2 && isalpha((unsigned char)s[0]) && isalpha((unsigned char)s[1]);
	return (last && strlen(last + 1) == n && !strncasecmp(last + 1, s, n)) ||
	       in_list(tops, ARRAY_SIZE(tops), s, n) || (two && !in_list(no_tops, ARRAY_SIZE(no_tops), s, n));
}

/* name[at..] is what stands behind "web01.": a domain of two words or more, with a hyphen in them perhaps. */
static bool has_domain(const char *name, size_t len, size_t at, const char *host)
{
	bool own = false; /* a word came that is more than what a backup is of */
	for (size_t n; (n = token_len(name + at, len - at)); at += n + 1) {
		bool ends = at + n == len, dot = !ends && name[at + n] == '.';
		if (only_suffixes(name, len, at) || known_token(name, len, at))
			return false;
		/* "other-co.org": only what a dot, a date or the like follows may be the end of it. */
		if (own && name[at - 1] == '.' && is_top(name + at, n, host))
			return true;
		if (ends || (!dot && name[at + n] != '-'))
			return false;
		own = own || !tells_nothing(name + at, n);
	}
	return false;
}

bool name_has_domain(const char *name)
{
	/* Those of one word that networks have; any other word may tell a machine from its copy. */
	static const char *const words[] = {"lan", "local", "localdomain", "home", "internal", "intern", "corp"};
	size_t len = strlen(name), first = strcspn(name, ".");
	return first && first < len && !all_digits(name, first) &&
	       (in_list(words, ARRAY_SIZE(words), name + first + 1, len - first - 1) ||
		has_domain(name, len, first + 1, ""));
}

bool name_host_elsewhere(const char *name, size_t len, const char *host)
{
	size_t hlen = strlen(host), first = strcspn(host, ".");
	if (first == hlen || all_digits(host, first) || has_host(name, len, host, hlen, false))
		return false;
	for (size_t at = 0; first && at + first < len; at++)
		if (!strncasecmp(name + at, host, first) && name_host_begins(name, at) && name[at + first] == '.' &&
		    has_domain(name, len, at + first + 1, host))
			return true;
	return false;
}

int name_host_rank(const char *name, size_t len, const char *host)
{
	size_t hlen = strlen(host), first = strcspn(host, ".");
	if (has_host(name, len, host, hlen, false))
		return 3;
	/* The first part of an address is no short name. */
	if (first < hlen && !all_digits(host, first) && has_host(name, len, host, first, false))
		return 2;
	if (first == hlen && has_host(name, len, host, hlen, true))
		return 1;
	return 0;
}
