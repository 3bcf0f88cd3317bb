// SPDX-License-Identifier: GPL-3.0-or-later
/* The parts of confining a process: each is final, and changes nothing that the others need before them. */
#ifndef BASE_CONFINE_H
#define BASE_CONFINE_H

#include "backproof/confine.h"

/* Sanitizers need memory beyond every limit, and calls that a reader does not. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define CONFINE_SANITIZED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define CONFINE_SANITIZED 1
#endif
#endif
#ifndef CONFINE_SANITIZED
#define CONFINE_SANITIZED 0
#endif

/* confine_warm.c: what libraries would look for in the file system once they are used. */
void confine_warm(void);

/* confine_user.c: becomes another user where there is one, and gives up every capability but the one to restore. */
int confine_user(const struct confine_request *r, struct confinement *out, struct error *e) must_check;

/* confine_landlock.c: nothing of the file system but what is below its directories, nothing of the network. */
int confine_landlock(const struct confine_request *r, struct confinement *out, struct error *e) must_check;

/* confine_seccomp.c: put together while everything may still be done, put in force as the last thing. */
struct confine_filter;
struct confine_filter *confine_filter_new(struct error *e) must_check;
void confine_filter_free(struct confine_filter *f);
int confine_filter_load(struct confine_filter *f, struct confinement *out, struct error *e) must_check;
DEFINE_AUTO(struct confine_filter, confine_filter_free)

#endif
