// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * A trace outside of our own files: an entry in the system's journal, by its native protocol (systemd, "Native Journal
 * Protocol"), or a line for syslog where there is no journal. Nothing depends on it: what can't be sent is lost.
 */
#ifndef BACKPROOF_JOURNAL_H
#define BACKPROOF_JOURNAL_H

#include "backproof/base.h"

/* MESSAGE_ID of each kind of entry. They never change: people search for them (journalctl MESSAGE_ID=...). */
#define JOURNAL_VERDICT "b44f7b03d0f84b9f9ddad2ae12cd845f"
#define JOURNAL_WAIVER_RECORDED "f118112323304e6589a4dcb26c3bdb58"
#define JOURNAL_WAIVER_ENDED "20d59ff9a30d42e7a01a21f2b82aae46"
#define JOURNAL_PATCH_BEGUN "95844e05f75a4a29b01ef8255f0be023"
#define JOURNAL_PATCH_ENDED "72226e72901f466fba39691b0dfb654a"
#define JOURNAL_HOOK "929701b9446a487588f523ca85f45d44" /* what `hook` refused, or let pass for a waiver */

/* As of syslog(3). */
enum journal_priority { JOURNAL_ERR = 3, JOURNAL_WARNING = 4, JOURNAL_NOTICE = 5, JOURNAL_INFO = 6 };

/* name: capitals, digits and underscores, a capital first: "BACKPROOF_HOST". value NULL: left out. */
struct journal_field {
	const char *name, *value;
};
/*
 * Untrusted text may be in the message (one line whatever is in it) and in values (they may have several lines); all of
 * it is escaped, and cut where it is longer than an entry should be. MESSAGE_ID, PRIORITY and SYSLOG_IDENTIFIER are put
 * there by this function. It waits for nobody, but a moment for a journal that is behind. true: somebody took
 * it. Thread-safe.
 * BACKPROOF_JOURNAL=PATH in the environment is another socket of a journal, syslog:PATH one of syslog, none nowhere.
 */
bool journal_send(const char *message_id, enum journal_priority priority, const char *message,
		  const struct journal_field *fields, size_t count);

#endif
