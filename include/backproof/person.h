// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Who is at the keyboard, as far as the kernel and the environment tell. What the environment tells is what that person
 * likes: it is for people to read, and nobody is let in by it.
 */
#ifndef BACKPROOF_PERSON_H
#define BACKPROOF_PERSON_H

#include "backproof/base.h"

#define PERSON_TEXT_MAX 253 /* bytes of each of them */

struct person {
	char *user;	/* "root (sudo: alice)": name of the real user, the effective one if another, SUDO_USER */
	char *login;	/* who that was at log-in, as the kernel keeps it; NULL: not known */
	char *terminal; /* of standard input or error, or NULL */
	char *origin;	/* address that SSH_CONNECTION names, or NULL */
	uint32_t uid;	/* the real one */
};
/* Of this process. All text is UTF-8. To be freed with person_free, whatever is returned. */
int person_now(struct person *out, struct error *e) must_check;
void person_free(struct person *p);
/* "root (sudo: alice), logged in as alice, at /dev/pts/3, from 192.0.2.7" */
struct text;
void person_put(struct text *out, const char *user, const char *login, const char *terminal, const char *origin);
/*
 * Whether two people may be one: who was at log-in tells, and where that is not known of both, the real user does.
 */
bool person_may_be(const struct person *a, const struct person *b);

#endif
