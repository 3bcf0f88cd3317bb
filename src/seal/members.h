// SPDX-License-Identifier: GPL-3.0-or-later
/* Members of statements that somebody has signed, as strict as they are written: one text for one value. */
#ifndef SEAL_MEMBERS_H
#define SEAL_MEMBERS_H

#include <jansson.h>

#include "backproof/text.h"

/* A string of 1 to most bytes, without NULs in it. NULL: it is none. */
const char *member_text_of(json_t *v, size_t most);
const char *member_text(json_t *object, const char *key, size_t most);
/* Exactly these members; lax: these and others. */
bool members_are(json_t *object, const char *const *names, size_t count, bool lax);
/* Allocated. null gives NULL, where it may be. -1 with *e, that begins with kind: "no pass that is understood". */
int member_copy(json_t *object, const char *key, size_t most, bool may_be_null, char **out, const char *kind,
		struct error *e) must_check;
/* null, where it may be, gives 0. */
int member_time(json_t *object, const char *key, bool may_be_null, int64_t *out, const char *kind,
		struct error *e) must_check;
/* Of 32 bytes, in small letters: -1 it is not. */
int member_digest(json_t *object, const char *key, uint8_t out[32]) must_check;
/* So many digits of hexadecimal, in small letters. */
bool member_is_hex(const char *s, size_t length);

#endif
