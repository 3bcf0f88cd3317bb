// SPDX-License-Identifier: GPL-3.0-or-later
/* Every statement that is given values. */
#ifndef HISTORY_QUERIES_H
#define HISTORY_QUERIES_H

#include "sql.h"

extern const char *const queries[SQL_COUNT];
/* Columns of run, in the order of SQL_ADD_RUN and, behind id, of SQL_EACH. */
#define RUN_COLUMNS                                                                                                    \
	"host, label, policy, checked_at, taken_at, code, depth, seed, proofs, bytes, bytes_read, bytes_decoded, "     \
	"image_data, files_sampled, files_restored, files_witnessed, bytes_restored, restore_seconds, "                \
	"duration_seconds, hostname, machine_id, system, entries, opaque, confidence, damage, evidence, waiver"
#define FILE_COLUMNS "path, size, device, inode, mtime_ns, ctime_ns, sha256, fsverity, read_whole"
/* The same of patches and waivers, behind id. */
#define PATCH_COLUMNS                                                                                                  \
	"host, policy, code, waiver, label, suspect, checked_at, taken_at, formats, command, state, status, "          \
	"started_at, ended_at, post, post_state, post_status, post_ended_at, user"
#define WAIVER_COLUMNS                                                                                                 \
	"host, reason, ticket, user, login, terminal, origin, uid, recorded_at, ends_at, ended_at, ended_by, envelope"

#endif
