// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * What was decoded to scratch is given up as soon as nobody will look at it any more: that takes time, and meanwhile
 * the disk is waited for, where copies are still being proved. Should somebody look all the same, he is told so.
 */
#include <pthread.h>

#include "parts.h"

/* The metadata walk, the packages' files and the trial restore: no other check looks into plain disks. */
#define LOOKS 3

void subject_look(struct subject *s, const struct check_parameters *p)
{
	/* What is sealed is compared with its source later; where a Windows boots from is looked up later. */
	if (!p->sealing && !s->facts.windows)
		s->holds = LOOKS;
}

void subject_hold(struct subject *s)
{
	if (s->holds)
		s->holds++;
}

/* What has a format of its own, or is a part of such, is read once more when all of it is verified. */
static bool is_plain_disk(const struct part *pt)
{
	return pt->kind == PART_DISK && !pt->image.format;
}

static void *give_up(void *arg)
{
	struct subject *s = arg;
	for (size_t i = 0; i < s->part_count; i++)
		if (s->parts[i].spooled && is_plain_disk(&s->parts[i]))
			source_give_up(s->parts[i].bytes);
	return NULL;
}

void subject_done(struct subject *s)
{
	if (!s->holds || --s->holds)
		return;
	s->giving_up = pthread_create(&s->giver, NULL, give_up, s) == 0;
}

void subject_given_up(struct subject *s)
{
	if (s->giving_up)
		pthread_join(s->giver, NULL);
	s->giving_up = false;
}
