// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * ESE databases (Exchange, Active Directory, Windows' own): header and pages. Facts by libesedb's "Extensible
 * Storage Engine (ESE) Database File (EDB) format" and the sources of the engine that Microsoft has published.
 */
#ifndef WITNESS_ESE_H
#define WITNESS_ESE_H

#include "backproof/base.h"

#define ESE_MAGIC UINT32_C(0x89abcdef) /* at byte 4 */
#define ESE_HEADER 4096u	       /* bytes of a header that say something */
#define ESE_PAGE_MAX (32 * KIB)

enum ese_state { ESE_JUST_CREATED = 1, ESE_DIRTY, ESE_CLEAN, ESE_CONVERTED, ESE_FORCED };

struct ese_header {
	uint32_t version, revision, page_size, state;
	uint32_t log_low, log_high; /* generations that recovery needs; both 0: none */
	bool stream;		    /* a streaming file: its pages are bare data */
	bool unshadowed;	    /* the second page is no copy of the first */
};

bool ese_is_header(const uint8_t *head, size_t len);
/* p: ESE_HEADER bytes. CORRUPT when a page size or state is none. The checksum is ese_header_held's. */
int ese_header_read(const uint8_t *p, struct ese_header *out, struct error *e) must_check;
/* p: the header's page, page_size bytes and ESE_HEADER at the least. */
bool ese_header_held(const uint8_t *p, uint32_t page_size);

/* Page `number` counts from 1; its first byte is at (number + 1) * page_size. */
enum ese_page { ESE_PAGE_HELD, ESE_PAGE_EMPTY, ESE_PAGE_BROKEN };
/*
 * size: of a page. BROKEN fills e with what is wrong and the place in the file. links: its neighbours in their tree,
 * or 0.
 */
enum ese_page ese_page_check(const uint8_t *page, uint32_t size, uint32_t number, uint32_t links[2], struct error *e);
/* The new form of checksum over one block: ECC in the high half, XOR in the low. first: the block that holds it. */
uint64_t ese_checksum(const uint8_t *block, size_t size, uint32_t number, bool first);

/*
 * All pages of a database in order, in blocks of any size. What links to a page that was never written is damage
 * where the database was shut down cleanly.
 */
struct ese_scan;
struct ese_scan *ese_scan_new(uint64_t size, struct error *e) must_check;
void ese_scan_free(struct ese_scan *s);
DEFINE_AUTO(struct ese_scan, ese_scan_free)
/* CORRUPT with the offset for the first thing that is wrong; ends there. */
int ese_scan_add(struct ese_scan *s, const void *data, size_t len, struct error *e) must_check;
/* whole: all of the file has been added. */
int ese_scan_end(struct ese_scan *s, bool whole, struct error *e) must_check;
const struct ese_header *ese_scan_header(const struct ese_scan *s); /* NULL: not come to */
uint64_t ese_scan_pages(const struct ese_scan *s);		    /* that held */

#endif
