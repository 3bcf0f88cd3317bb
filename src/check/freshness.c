// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Every clock must agree that the backup is young: the files' times, the time in the name, the newest
 * write inside. The oldest one counts; one in the future is as bad, because it hides the real age.
 */
#include <time.h>

#include "backproof/sealed.h"
#include "backproof/text.h"
#include "rows.h"

struct clock {
	const char *check, *what;
	const char *subject;
	int64_t from, to; /* the same, unless only a day is known */
};

static void judge(struct subject *s, const struct check_parameters *p, struct findings *f,
		  const struct clock *c)
{
	char age[32], limit[32], over[32], when[32];
	int64_t to = c->to > p->now && c->from <= p->now ? p->now : c->to;
	struct finding_text more = {.measured = format_rfc3339(c->from, when)};
	if (c->from > p->now + p->policy->clock_skew) {
		finding_add(f, PROOF_FRESHNESS, c->check, c->subject, OUTCOME_BROKEN, &more,
			    "%s is %s in the future (%s)", c->what, format_duration(c->from - p->now, age), when);
		return;
	}
	if (!s->taken_at || to < s->taken_at)
		s->taken_at = to;
	int64_t most = p->policy->max_age;
	enum outcome o = p->now - to > most ? OUTCOME_BROKEN : OUTCOME_HELD;
	format_duration(p->now > to ? p->now - to : 0, age);
	/* Rounded, it may be as old as it is allowed to be. */
	bool by_little = !strcmp(age, format_duration(most, limit));
	finding_add(f, PROOF_FRESHNESS, c->check, c->subject, o, &more,
		    o == OUTCOME_BROKEN ? "%s is %s old (%s), %s%smore than %s" : "%s is %s old (%s)", c->what, age,
		    when, by_little ? format_duration(p->now - to - most, over) : "", by_little ? " " : "", limit);
}

/* Of what was opened and read, not of what the catalogue saw before. */
static int64_t file_time(const struct part *pt)
{
	return source_stat(pt->source)->st_mtime;
}

/* Read for another file's sake, and no parent of it in a chain, nor of a parent's. */
static bool belongs_to(const struct part *pt, const struct part *head)
{
	size_t steps = 0;
	while (pt && pt != head && pt->kind == PART_COMPANION && !pt->parent && steps++ < 1000)
		pt = pt->head;
	return pt == head;
}

/*
 * A disk is as young as what it is kept in, which are other files where it has some: the descriptor that names them is
 * written anew when the data is not, and by a copy that ended in the middle. Its parent in a chain lends it nothing:
 * that may have been touched by a copy.
 */
static int64_t chain_time(const struct subject *s, const struct part *head)
{
	int64_t t = INT64_MIN;
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		bool kept_in = pt != head && pt->source && belongs_to(pt, head);
		if (kept_in && file_time(pt) > t)
			t = file_time(pt);
	}
	return t == INT64_MIN ? file_time(head) : t;
}

/* The oldest part is the one that a restore depends on. Notes may be as old as they like. */
static void file_clock(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct part *oldest = NULL, *newest = NULL;
	int64_t when = 0;
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		if (!pt->source || !S_ISREG(source_stat(pt->source)->st_mode))
			continue;
		if (!newest || file_time(pt) > file_time(newest))
			newest = pt;
		if ((pt->kind == PART_COMPANION && pt->head) || pt->kind == PART_NOTE)
			continue;
		int64_t t = chain_time(s, pt);
		if (!oldest || t < when) {
			oldest = pt;
			when = t;
		}
	}
	if (!newest)
		return;
	/* Dated in the future is wrong for any of them. */
	if (!oldest || file_time(newest) > p->now + p->policy->clock_skew) {
		oldest = newest;
		when = file_time(newest);
	}
	judge(s, p, f, &(struct clock){"freshness.file", "the file", oldest->name, when, when});
}

/* What the container itself says of when it was made. A base image of a chain may be old. */
static void container_clock(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	for (size_t i = 0; i < s->part_count; i++) {
		const struct part *pt = &s->parts[i];
		if (pt->kind == PART_DISK && pt->image.made && !pt->image.in_use)
			judge(s, p, f, &(struct clock){"freshness.container", "the time in the container", pt->name,
						       pt->image.made, pt->image.made});
	}
	if (s->composed.made)
		judge(s, p, f, &(struct clock){"freshness.container", "the time in the container", s->point->label,
					       s->composed.made, s->composed.made});
}

/*
 * The newest write that a file system knows of. On one that was unmounted or frozen cleanly the
 * superblock was written last, so nothing in it can be newer: times of inodes may have been copied in.
 */
static int64_t volume_clock(const struct subject_volume *v)
{
	const struct fs_info *i = fs_info(v->fs);
	if (i->clean && i->written)
		return i->written;
	int64_t t = i->written;
	t = i->mounted > t ? i->mounted : t;
	t = i->journal > t ? i->journal : t;
	/* Where its metadata was not verified as a whole, only the trial restore has looked at these. */
	int64_t newest = v->newest ? v->newest : v->newest_named;
	return newest > t ? newest : t;
}

/*
 * Whose writes tell when the system was last alive: the volumes on the root's own disk, and those below
 * /var. A fresh data disk beside an old system disk must not make that young. FAT keeps local times of
 * no known zone and is asked only where there is nothing better.
 */
static bool is_telling(const struct subject *s, const struct subject_volume *v, bool fat)
{
	const struct subject_disk *root = NULL;
	if (!v->fs || fat != (!strncmp(fs_info(v->fs)->type, "fat", 3) || !strcmp(fs_info(v->fs)->type, "vfat") ||
			      !strcmp(fs_info(v->fs)->type, "exfat")))
		return false;
	for (size_t i = 0; i < s->volumes.count; i++)
		if (s->volumes.items[i].mount && !strcmp(s->volumes.items[i].mount, "/"))
			root = s->volumes.items[i].disk;
	if (!root)
		return true;
	/* Partitions that were saved one by one need not be of the same night. */
	bool together = root->part || root->assembled;
	return (together && v->disk == root) ||
	       (v->mount && (!strcmp(v->mount, "/") || !strcmp(v->mount, "/var") || !strncmp(v->mount, "/var/", 5)));
}

/*
 * At depth SAMPLE no one has looked at the times of all files. The registry is written as long as Windows
 * runs, and so are its event logs.
 */
static void windows_clock(const struct subject *s, struct clock *c, bool *ahead, int64_t latest)
{
	const struct facts *x = &s->facts;
	if (!x->windows)
		return;
	*ahead |= x->registry_written > latest;
	if (x->registry_written > c->to) {
		c->from = c->to = x->registry_written;
		c->subject = x->root;
		c->what = "the newest write of its registry";
	}
	if (x->newest_log > c->to) {
		c->from = c->to = x->newest_log;
		c->subject = x->root;
		c->what = "the newest entry of its logs";
	}
}

/* The system's own file system once more, on another disk: nobody knows which of them a restore will take. */
static void copies_clock(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	const struct subject_volume *root = NULL;
	vec_each(&s->volumes, v) root = v->fs && v->mount && !strcmp(v->mount, "/") ? v : root;
	vec_each(&s->volumes, v)
	{
		int64_t t = root && v->fs && !v->alias && v->disk != root->disk ? volume_clock(v) : 0;
		if (t && *v->volume->content.uuid && !strcmp(v->volume->content.uuid, root->volume->content.uuid) &&
		    p->now - t > p->policy->max_age)
			judge(s, p, f, &(struct clock){"freshness.copy", "the newest write in a copy of the system",
						       v->name, t, t});
	}
}

static void content_clock(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct clock c = {"freshness.content", "the newest write inside", "", 0, 0};
	bool ahead = false, rooted = false;
	vec_each(&s->volumes, v) rooted |= v->mount && !strcmp(v->mount, "/");
	/* Where an archive holds the system, a disk beside it says nothing of the system's age; nor the reverse. */
	bool disks = rooted || !s->newest_is_system, members = !rooted || s->newest_is_system;
	windows_clock(s, &c, &ahead, p->now + p->policy->clock_skew);
	for (int fat = 0; disks && fat < 2 && !(fat && c.to); fat++)
		vec_each(&s->volumes, v)
		{
			int64_t t = is_telling(s, v, fat) ? volume_clock(v) : 0;
			if (t > c.to) {
				c = (struct clock){c.check, "the newest write inside", v->name, t, t};
			}
			ahead |= t > p->now + p->policy->clock_skew;
		}
	if (members && s->newest_member > c.to && !ahead) {
		c.from = c.to = s->newest_member;
		c.subject = s->facts.root ? s->facts.root : "archive";
		c.what = "the newest member";
	}
	if (c.to)
		judge(s, p, f, &c);
	else
		finding_add(f, PROOF_FRESHNESS, c.check, s->point->label, OUTCOME_UNPROVEN, NULL,
			    "nothing inside says when it was last written");
	if (s->facts.newest_log) {
		char when[32];
		finding_add(f, PROOF_FRESHNESS, "freshness.log", s->facts.root, OUTCOME_SKIPPED, NULL,
			    "the newest log is /%s (%s)", s->facts.newest_log_path,
			    format_rfc3339(s->facts.newest_log, when));
	}
}

/*
 * A time in a name seldom says its zone. It is taken as local; west of Greenwich a name in UTC would then
 * lie in the future, and is taken as what it is.
 */
static void name_clock(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	struct clock c = {"freshness.name", "the time in its name", s->point->label, s->point->named_from,
			  s->point->named_to};
	time_t t = (time_t)c.from;
	struct tm tm;
	if (!c.from)
		return;
	const int64_t latest = p->now + p->policy->clock_skew;
	if (c.from > latest && !s->point->named_zone && localtime_r(&t, &tm)) {
		c.from += tm.tm_gmtoff < 0 ? tm.tm_gmtoff : 0;
		c.to += tm.tm_gmtoff < 0 ? tm.tm_gmtoff : 0;
		/* Whose names are of a place further east has to say so. */
		c.what = "the time in its name, taken for local time (TZ),";
	}
	judge(s, p, f, &c);
}

/*
 * What the clocks said when it was sealed: a copy may have lost the times of files since. When it was sealed tells no
 * age, but nothing is sealed in the future.
 */
static void seal_clock(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	for (size_t i = 0; s->sealed && i < s->sealed->items.count; i++) {
		const struct sealed_one *x = &s->sealed->items.items[i];
		int64_t sealed = x->seal.sealed_at, taken = x->seal.taken_at;
		if (!sealed_is_own(s, x))
			continue;
		if (sealed > p->now + p->policy->clock_skew)
			judge(s, p, f,
			      &(struct clock){"freshness.seal", "when it was sealed", x->name, sealed, sealed});
		if (taken)
			judge(s, p, f, &(struct clock){"freshness.seal", "the time that the seal tells", x->name, taken,
						       taken});
	}
}

static void run(struct subject *s, const struct check_parameters *p, struct findings *f)
{
	file_clock(s, p, f);
	name_clock(s, p, f);
	container_clock(s, p, f);
	content_clock(s, p, f);
	copies_clock(s, p, f);
	seal_clock(s, p, f);
	char age[32], limit[32];
	if (s->taken_at)
		finding_add(f, PROOF_FRESHNESS, "freshness.summary", s->point->label, OUTCOME_SKIPPED, NULL,
			    "the oldest of its clocks says %s; %s is allowed",
			    format_duration(p->now > s->taken_at ? seconds_since(s->taken_at, p->now) : 0, age),
			    format_duration(p->policy->max_age, limit));
}

const struct check check_freshness = {
	"freshness", PROOF_FRESHNESS,
	"Every clock agrees that it is young enough: file times, the time in the name, the newest write inside.",
	run};
