// SPDX-License-Identifier: GPL-3.0-or-later
/* One function a kind of file: what it says, see enum peek_kind. -1: *e. */
#ifndef CATALOG_PEEK_ROWS_H
#define CATALOG_PEEK_ROWS_H

#include "backproof/peek.h"

int peek_backing(int fd, struct strings *out, struct error *e) must_check;
int peek_domain(int fd, struct strings *out, struct error *e) must_check;
int peek_volumes(int fd, struct strings *out, struct error *e) must_check;
int peek_export(int fd, struct strings *out, struct error *e) must_check;
int peek_log(int fd, struct strings *out, struct error *e) must_check;
int peek_notes(int fd, struct strings *out, struct error *e) must_check;

/* The beginning of a file, so many bytes of it at most, and a NUL. */
/* *length: without the NUL. NULL: *e. */
char *peek_text(int fd, size_t most, size_t *length, struct error *e) must_check;

/* A GUID begins there, of so many letters; s may be shorter. */
#define PEEK_GUID 36
bool peek_guid(const char *s);
/* A name that stays in the directory where it is looked for. */
bool peek_plain(const char *s);

#endif
