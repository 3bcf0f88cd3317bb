// SPDX-License-Identifier: GPL-3.0-or-later
/* What could not be looked into: whose may it be? One host's trouble is not to be another's, nor nobody's. */
#include <ctype.h>
#include <errno.h>
#include <strings.h>

#include "backproof/text.h"
#include "label.h"
#include "points.h"

int found_add_unread(struct found_points *l, const char *label, const struct error *why, bool certain)
{
	struct found_unread *u = vec_push(&l->unread);
	if (!u)
		return -1;
	u->label = strdup(label);
	u->why = strdup(why->text);
	u->certain = certain;
	u->empty = false;
	return u->label && u->why ? 0 : -1;
}

int found_add_forbidden(struct found_points *l, const char *label, const struct error *why, struct error *e)
{
	if (why->sys != EACCES && why->sys != EPERM) {
		*e = *why;
		return -1;
	}
	return found_add_unread(l, label, why, false) < 0 ? error_nomem(e) : 0;
}

/* It names another guest that is known here. */
static bool names_known(const struct found_points *l, const char *label, const char *host)
{
	vec_each (&l->points, p)
		if (p->guest && *p->guest && strcasecmp(p->guest, host) && label_rank(label, p->guest) == 3)
			return true;
	return false;
}

static size_t word(const char *s)
{
	size_t n = 0;
	while (s[n] && !name_is_separator(s[n]))
		n++;
	return n;
}

static bool has_word(const char *text, const char *s, size_t n)
{
	for (size_t m; *text; text += m ? m : 1) {
		m = word(text);
		if (m == n && !strncasecmp(text, s, n))
			return true;
	}
	return false;
}

/* "01", "T0300Z". */
static bool is_number(const char *s, size_t n)
{
	bool digit = false;
	for (size_t i = 0; i < n; i++) {
		digit = digit || isdigit((unsigned char)s[i]);
		if (!isdigit((unsigned char)s[i]) && !strchr("TtZz", s[i]))
			return false;
	}
	return digit;
}

bool label_names_another(const char *label, const char *own, const char *host)
{
	static const char usual[] = "xml libvirt domain dumpxml definition config vm vms guest machine backup "
				    "backups bak full daily weekly monthly hourly latest current newest last new "
				    "tmp img kvm qemu";
	for (size_t n; *label; label += n ? n : 1) {
		struct civil c;
		if ((n = name_date_at(label, strlen(label), &c)))
			continue;
		n = word(label);
		bool beside = has_word(own, label, n) && !has_word(host, label, n);
		if (n && !is_number(label, n) && !has_word(usual, label, n) && !beside)
			return true;
	}
	return false;
}

/*
 * May it be the host's newest? Where the host's own are called by its name, so are the others' by theirs. Where nothing
 * in the host's is its name, only another guest's name says whose it is.
 */
static bool may_be_newest(const struct found_points *l, const char *label, const char *host,
			  const struct restore_point *newest)
{
	if (label_is_older(label, newest->order))
		return false;
	if (label_rank(label, host))
		return true;
	bool named = label_rank(newest->label, host);
	return !names_known(l, label, host) && !(named && label_names_another(label, newest->label, host));
}

static int mind(const struct found_unread *u, const struct asked *a, bool newest, struct error *e)
{
	if (a->unread)
		return strings_add(a->unread, u->label) < 0 || strings_add(a->unread, u->why) < 0 ? error_nomem(e) : 0;
	return newest ? error_set(e, ERROR_IO, ERROR_NO_OFFSET, "%s", u->why)
		      : error_set(e, ERROR_IO, ERROR_NO_OFFSET, "what can't be looked into may be a backup of %s: %s",
				  a->host, u->why);
}

static int check(const struct found_points *l, const struct found_unread *u, const struct asked *a,
		 const struct catalog *out, struct error *e)
{
	/* Whoever looks through directories by names minds what he can't read. */
	bool minds = a->list	  ? !strcmp(u->label, a->list)
		     : out->count ? may_be_newest(l, u->label, a->host, &out->items[0])
		     : a->walked  ? u->certain || (a->here && !u->empty) || label_rank(u->label, a->host)
				  : true;
	return minds ? mind(u, a, false, e) : 0;
}

int found_check_unread(const struct found_points *l, const struct asked *a, const struct catalog *out, struct error *e)
{
	vec_each (&l->unread, u)
		if (check(l, u, a, out, e) < 0)
			return -1;
	return 0;
}

int found_check_named(const struct found_points *l, const struct asked *a, const struct catalog *out, struct error *e)
{
	vec_each (&l->unread, u) {
		bool newest = u->certain && out->count && !strcmp(u->label, out->items[0].label);
		if ((newest && mind(u, a, true, e) < 0) || (!u->certain && check(l, u, a, out, e) < 0))
			return -1;
	}
	return 0;
}

int found_check_links(const struct found_points *l, const struct asked *a, const struct catalog *out, struct error *e)
{
	bool named = out->count && label_rank(out->items[0].label, a->host);
	return a->walked || a->list ? 0 : links_check(&l->links, a->host, !named, out, e);
}

bool found_has_failed(const struct found_points *l, const struct asked *a)
{
	vec_each (&l->unread, u)
		if (u->certain || label_rank(path_base(u->label), a->host) == 3 ||
		    (!u->empty && (a->here || label_rank(u->label, a->host) == 3)))
			return true;
	return false;
}
