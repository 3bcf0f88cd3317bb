// SPDX-License-Identifier: GPL-3.0-or-later
#ifndef SUBJECT_FACTS_H
#define SUBJECT_FACTS_H

#include "backproof/subject.h"

/* No machine and no system has a longer name. What is cut is no name that anybody asks for. */
#define FACTS_NAME_MOST 255

/*
 * Reads host name, machine id, system, ssh host keys, fstab and what boots from a tree. What is
 * missing stays NULL; -1 only when something that is there can't be read.
 */
int facts_harvest(struct facts *x, const struct tree_reader *t, struct error *e) must_check;
/* The first line of data that says something, trimmed: 1, 0 when there is none, -1 memory. */
int facts_first_line(const char *data, char **out, struct error *e) must_check;
/* The same for what boots alone, below /boot and /efi; facts_harvest has asked it. */
int facts_scan_boot(struct facts *x, const struct tree_reader *t, struct error *e) must_check;
/* Does a file of this name in this directory tell a boot loader what to start? */
bool facts_is_boot_config(const char *dir, const char *name);
/* A file with something in it: 1 it is, 0 it is not, or a link to nowhere, -1 error. */
int facts_has_content(const struct tree_reader *t, const char *dir, const char *name, struct error *e) must_check;
/* Looks for EFI programs and kernels on an EFI system partition. */
int facts_scan_esp(struct facts *x, struct fs *esp, struct error *e) must_check;
void facts_free(struct facts *x);

/* Lines of an fstab, with octal escapes undone. Garbage lines are passed over as mount(8) does. -1: memory. */
int fstab_parse(const char *data, struct facts *x) must_check;

/* Mount units that something wants, as further lines. facts_harvest has asked for them. */
int mount_units_read(struct facts *x, const struct tree_reader *t, struct error *e) must_check;

/* What facts_harvest asks for, for trees that are seen once: exact paths and directory prefixes. */
extern const char *const facts_wants[];

#endif
