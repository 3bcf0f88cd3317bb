// SPDX-License-Identifier: GPL-3.0-or-later
#include "queries.h"

#include "backproof/history.h"

#define STRING_(x) #x
#define STRING(x) STRING_(x)

/*
 * WEB01 is web01, to who types it as to the configuration: every statement that asks for a host says so by this. The
 * indexes of schema.c have the same order; another comparison would not use them.
 */
#define OF_HOST "host = ?1 COLLATE NOCASE"
/* A file of this host that was read whole and of which the run was sure that it did not change meanwhile. */
#define FILE_OF_HOST                                                                                                   \
	"FROM file JOIN run ON run.id = file.run WHERE run." OF_HOST " AND file.size = ?2 AND file.read_whole = 1 "    \
	"AND substr(run.proofs, 1, 1) = x'01' AND "
_Static_assert(PROOF_PRESENCE == 0 && PROOF_INTEGRITY == 2 && OUTCOME_HELD == 1, "the queries count on it");
_Static_assert(PROOF_COUNT == 7, "a new proof needs a migration: proofs are kept by their place");

/* run, not file, is asked for the order, so that each query goes through its index once. */
const char *const queries[SQL_COUNT] = {
	[SQL_BEGIN] = "BEGIN IMMEDIATE",
	[SQL_COMMIT] = "COMMIT",
	[SQL_ROLLBACK] = "ROLLBACK",
	[SQL_ADD_RUN] = "INSERT INTO run(" RUN_COLUMNS ") VALUES "
			"(?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_ADD_REASON] = "INSERT INTO reason(run, line, text) VALUES (?,?,?)",
	[SQL_ADD_FILE] = "INSERT INTO file(run, position, " FILE_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_ADD_SKETCH] = "INSERT INTO sketch(run, host, data) VALUES (?,?,?)",
	[SQL_TOUCH_CHUNKS] = "UPDATE chunks SET run = ?2 WHERE " OF_HOST " AND fsverity = ?3 AND size = ?4",
	[SQL_ADD_CHUNKS] = "INSERT OR IGNORE INTO chunks(run, host, fsverity, size, data) VALUES (?,?,?,?,?)",
	[SQL_PRUNE_RUNS] = "DELETE FROM run WHERE " OF_HOST " AND checked_at < ?2 AND id < "
			   "(SELECT id FROM run WHERE " OF_HOST " ORDER BY id DESC LIMIT 1 OFFSET " STRING(
				   HISTORY_KEEP_RUNS) " - 1)",
	[SQL_PRUNE_SKETCHES] = "DELETE FROM sketch WHERE " OF_HOST " AND run NOT IN "
			       "(SELECT run FROM sketch WHERE " OF_HOST " ORDER BY run DESC LIMIT " STRING(
				       HISTORY_KEEP_SKETCHES) ")",
	[SQL_PRUNE_CHUNKS] = "DELETE FROM chunks WHERE " OF_HOST " AND run NOT IN "
			     "(SELECT DISTINCT run FROM chunks WHERE " OF_HOST " ORDER BY run DESC LIMIT " STRING(
				     HISTORY_KEEP_CHUNKS) ")",
	[SQL_EACH] = "SELECT id, (SELECT data FROM sketch WHERE sketch.run = id), " RUN_COLUMNS
		     " FROM run ORDER BY id DESC",
	[SQL_EACH_OF_HOST] = "SELECT id, (SELECT data FROM sketch WHERE sketch.run = id), " RUN_COLUMNS
			     " FROM run WHERE " OF_HOST " ORDER BY id DESC",
	[SQL_REASONS] = "SELECT text FROM reason WHERE run = ?1 ORDER BY line",
	[SQL_FILES] = "SELECT " FILE_COLUMNS " FROM file WHERE run = ?1 ORDER BY position",
	[SQL_NEXT_HOST] = "SELECT host FROM run WHERE host > ?1 COLLATE NOCASE "
			  "ORDER BY host COLLATE NOCASE, id LIMIT 1",
	[SQL_FULL_PROOF] = "SELECT " FILE_COLUMNS ", run.checked_at " FILE_OF_HOST
			   "file.path = ?3 AND file.mtime_ns = ?4 AND file.ctime_ns = ?5 AND file.device = ?6 AND "
			   "file.inode = ?7 AND run.code = 0 AND run.depth = ?8 AND substr(run.proofs, 3, 1) = x'01' "
			   "ORDER BY file.run DESC LIMIT 1",
	[SQL_CHUNKS] = "SELECT data FROM chunks WHERE " OF_HOST " AND fsverity = ?2 AND size = ?3 LIMIT 1",
	[SQL_FIRST_SEEN] = "SELECT " FILE_COLUMNS ", run.checked_at " FILE_OF_HOST
			   "file.path = ?3 AND file.mtime_ns = ?4 AND (sha256 IS NOT NULL OR fsverity IS NOT NULL) "
			   "ORDER BY file.run LIMIT 1",
	[SQL_SAME_SHA256] = "SELECT run.label, run.checked_at " FILE_OF_HOST
			    "(file.mtime_ns <> ?3 OR file.path <> ?5) AND file.sha256 = ?4 "
			    "ORDER BY file.run DESC LIMIT 1",
	[SQL_SAME_FSVERITY] = "SELECT run.label, run.checked_at " FILE_OF_HOST
			      "(file.mtime_ns <> ?3 OR file.path <> ?5) AND file.fsverity = ?4 "
			      "ORDER BY file.run DESC LIMIT 1",
	[SQL_ADD_PATCH] = "INSERT INTO patch(" PATCH_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_ADD_PATCH_FILE] = "INSERT INTO patch_file(patch, position, " FILE_COLUMNS
			       ") VALUES (?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_UPDATE_PATCH] = "UPDATE patch SET state = ?3, status = ?4, started_at = ?5, ended_at = ?6, "
			     "post_state = ?7, post_status = ?8, post_ended_at = ?9 WHERE id = ?2 AND " OF_HOST,
	[SQL_PRUNE_PATCHES] = "DELETE FROM patch WHERE " OF_HOST " AND started_at < ?2 AND id < "
			      "(SELECT id FROM patch WHERE " OF_HOST " ORDER BY id DESC LIMIT 1 OFFSET " STRING(
				      HISTORY_KEEP_RUNS) " - 1)",
	[SQL_PATCHES] = "SELECT id, " PATCH_COLUMNS " FROM patch ORDER BY id DESC",
	/* Two steps: an index gives ids only, and what it claims the host to be is never taken for the row's. */
	[SQL_PATCHES_OF_HOST] = "SELECT id, " PATCH_COLUMNS
				" FROM patch WHERE id IN (SELECT id FROM patch WHERE " OF_HOST ") ORDER BY id DESC",
	[SQL_PATCH] = "SELECT id, " PATCH_COLUMNS " FROM patch WHERE id = ?1",
	[SQL_PATCH_FILES] = "SELECT " FILE_COLUMNS " FROM patch_file WHERE patch = ?1 ORDER BY position",
	[SQL_ADD_WAIVER] = "INSERT INTO waiver(" WAIVER_COLUMNS ") VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?)",
	[SQL_SIGN_WAIVER] = "UPDATE waiver SET envelope = ? WHERE id = ?",
	[SQL_END_WAIVERS] = "UPDATE waiver SET ended_at = ?2, ended_by = ?3 WHERE " OF_HOST " AND "
			    "ends_at > ?2 AND ended_at = 0",
	/* One that a verdict or a patch names is kept as long as those are. */
	[SQL_PRUNE_WAIVERS] = "DELETE FROM waiver WHERE " OF_HOST " AND recorded_at < ?2 AND ends_at < ?2 AND id < "
			      "(SELECT id FROM waiver WHERE " OF_HOST " ORDER BY id DESC LIMIT 1 OFFSET " STRING(
				      HISTORY_KEEP_RUNS) " - 1) AND "
			      "NOT EXISTS (SELECT 1 FROM run WHERE run." OF_HOST " AND run.waiver = waiver.id) AND "
			      "NOT EXISTS (SELECT 1 FROM patch WHERE patch." OF_HOST " AND patch.waiver = waiver.id)",
	[SQL_WAIVERS] = "SELECT id, " WAIVER_COLUMNS " FROM waiver ORDER BY id DESC",
	[SQL_WAIVERS_OF_HOST] = "SELECT id, " WAIVER_COLUMNS
				" FROM waiver WHERE id IN (SELECT id FROM waiver WHERE " OF_HOST ") ORDER BY id DESC",
	[SQL_EXPIRE_LEASES] = "DELETE FROM lease WHERE expires_at <= ?1 OR expires_at > ?2",
	[SQL_COUNT_LEASES] = "SELECT count(*) FROM (SELECT 1 FROM lease WHERE name = ?1 LIMIT ?2)",
	[SQL_ADD_LEASE] = "INSERT INTO lease(name, holder, taken_at, expires_at) VALUES (?,?,?,?)",
	[SQL_FIRST_LEASE] = "SELECT id, name, holder, taken_at, expires_at FROM lease WHERE name = ?1 "
			    "ORDER BY expires_at, id LIMIT 1",
	[SQL_RENEW_LEASE] = "UPDATE lease SET expires_at = ?1 WHERE id = ?2 AND name = ?3 AND holder = ?4",
	[SQL_DROP_LEASE] = "DELETE FROM lease WHERE id = ?1 AND name = ?2 AND holder = ?3",
	[SQL_ADD_SUSPECT] = "INSERT INTO suspect(host, label, reason, user, recorded_at) VALUES (?,?,?,?,?) "
			    "ON CONFLICT(host, label) DO UPDATE SET reason = excluded.reason, user = excluded.user, "
			    "recorded_at = excluded.recorded_at",
	/* Two marks of one host, written otherwise: the one that holds for longer. */
	[SQL_SUSPECT] = "SELECT host, label, reason, recorded_at FROM suspect WHERE " OF_HOST " AND "
			"label = ?2 ORDER BY recorded_at = 0 DESC, recorded_at DESC LIMIT 1",
};
