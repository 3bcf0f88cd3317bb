// SPDX-License-Identifier: GPL-3.0-or-later
/*
 * Partition tables of a Clonezilla directory: DISK-pt.sf (the dump of sfdisk) says where the partitions are,
 * DISK-mbr, DISK-gpt-1st, DISK-gpt-2nd and DISK-hidden-data-after-mbr are the sectors themselves.
 */
#include <ctype.h>
#include <inttypes.h>

#include "backproof/text.h"
#include "clonezilla.h"

#define TEXT_MAX (4 * MIB)
#define HEAD_MAX (64 * MIB)
#define PARTS_MAX 512u
#define SECTOR 512u
#define TYPE_SWAP 0x82
#define GUID_SWAP "type=0657FD6D-A4AB-43C4-84E5-0933C84B4F4F"

char *cz_text(const struct strings *names, const struct image_context *c, const char *name, size_t *len,
	      struct error *e)
{
	*e = (struct error){.cls = ERROR_NONE, .offset = ERROR_NO_OFFSET};
	if (!strings_has(names, name))
		return NULL;
	struct source *s = companion_bytes(c, name, e);
	if (!s)
		return NULL;
	uint64_t size = source_size(s);
	if (size > (len ? HEAD_MAX : TEXT_MAX)) {
		error_set(e, ERROR_LIMIT, ERROR_NO_OFFSET, "%s: too large for what it is", name);
		return NULL;
	}
	autofree char *text = malloc((size_t)size + 1);
	if (!text) {
		error_nomem(e);
		return NULL;
	}
	if (source_read_at(s, 0, text, (size_t)size, e) < 0)
		return NULL;
	text[size] = '\0';
	if (len)
		*len = (size_t)size;
	return take(text);
}

/* key followed by blanks and a number, somewhere in the line. */
static bool number_of(const char *line, size_t len, const char *key, int base, uint64_t *out)
{
	const char *s = memmem(line, len, key, strlen(key)), *end = line + len;
	uint64_t n = 0;
	if (!s)
		return false;
	for (s += strlen(key); s < end && *s == ' '; s++)
		;
	const char *from = s;
	for (; s < end && isxdigit((unsigned char)*s); s++) {
		int digit = isdigit((unsigned char)*s) ? *s - '0' : tolower((unsigned char)*s) - 'a' + 10;
		if (digit >= base)
			break;
		if (mul_overflows(n, (uint64_t)base, &n) || add_overflows(n, (uint64_t)digit, &n))
			return false;
	}
	*out = n;
	return s > from;
}

static int bad(const struct cz_disk *d, struct error *e, const char *what)
{
	return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s-pt.sf: %s", d->name, what);
}

/* "/dev/sda1 : start=     2048, size=   997376, type=83, bootable" */
static int read_line(struct cz_disk *d, const char *line, size_t len, struct error *e)
{
	const char *colon = memchr(line, ':', len);
	struct cz_part p = {.type = 0};
	uint64_t start, size, type = 0;
	if (!colon || strncmp(line, "/dev/", 5))
		return 0;
	size_t from = 5, n = (size_t)(colon - line);
	while (n && line[n - 1] == ' ')
		n--;
	if (n <= from || n - from >= sizeof p.name)
		return bad(d, e, "a partition without a name");
	memcpy(p.name, line + from, n - from);
	if (!number_of(line, len, "start=", 10, &start) || !number_of(line, len, "size=", 10, &size))
		return bad(d, e, "a partition without a place");
	if (!size)
		return 0;
	if (!d->gpt && (number_of(line, len, "type=", 16, &type) || number_of(line, len, "Id=", 16, &type)))
		p.type = (uint8_t)type;
	p.extended = p.type == 5 || p.type == 0xf || p.type == 0x85;
	p.swap = d->gpt ? memmem(line, len, GUID_SWAP, strlen(GUID_SWAP)) != NULL : p.type == TYPE_SWAP;
	size_t digits = strlen(p.name);
	while (digits && isdigit((unsigned char)p.name[digits - 1]))
		digits--;
	p.logical = !d->gpt && atoi(p.name + digits) > 4;
	if (mul_overflows(start, (uint64_t)d->sector, &p.start) ||
	    mul_overflows(size, (uint64_t)d->sector, &p.length) || p.start > INT64_MAX - p.length)
		return bad(d, e, "a partition at an impossible place");
	if (d->parts.count >= PARTS_MAX)
		return bad(d, e, "too many partitions");
	struct cz_part *to = vec_push(&d->parts);
	if (!to)
		return error_nomem(e);
	*to = p;
	return 0;
}

static void disk_size(const struct strings *names, const struct image_context *c, struct cz_disk *d)
{
	struct error why;
	char name[96];
	uint64_t n;
	snprintf(name, sizeof name, "%s-pt.parted", d->name);
	autofree char *parted = cz_text(names, c, name, NULL, &why);
	if (!parted)
		return;
	/* "Sector size (logical/physical): 512B/4096B" */
	if (number_of(parted, strlen(parted), "physical):", 10, &n) && (n == 512 || n == 4096))
		d->sector = (uint32_t)n;
	/* "Disk /dev/sda: 976773168s" */
	const char *line = strstr(parted, "\nDisk /dev/");
	const char *at = line ? strchr(line, ':') : !strncmp(parted, "Disk /dev/", 10) ? strchr(parted, ':') : NULL;
	if (at && number_of(at, strcspn(at, "\n"), ":", 10, &n) && at[strcspn(at, "s\n")] == 's' &&
	    n < INT64_MAX / d->sector)
		d->size = n * d->sector;
}

int cz_read_table(const struct strings *names, const struct image_context *c, struct cz_disk *d, struct error *e)
{
	char name[96];
	uint64_t n;
	snprintf(name, sizeof name, "%s-pt.sf", d->name);
	d->sector = SECTOR;
	disk_size(names, c, d);
	autofree char *sf = cz_text(names, c, name, NULL, e);
	if (!sf)
		return e->cls ? -1 : 0;
	d->gpt = strstr(sf, "label: gpt");
	if (number_of(sf, strlen(sf), "sector-size:", 10, &n) && (n == 512 || n == 4096))
		d->sector = (uint32_t)n;
	for (const char *s = sf; *s; s += strcspn(s, "\n"), s += *s == '\n')
		if (read_line(d, s, strcspn(s, "\n"), e) < 0)
			return -1;
	return 1;
}

/* What can stand before the first partition. */
static int add_head(const struct strings *names, const struct image_context *c, struct cz_disk *d,
		    struct composite *to, uint8_t **gpt_head, size_t *gpt_len, struct error *e)
{
	char name[96];
	size_t hidden_len = 0, mbr_len = 0;
	uint64_t first = d->size ? d->size : HEAD_MAX;
	vec_each (&d->parts, p)
		first = p->start < first ? p->start : first;
	snprintf(name, sizeof name, "%s-hidden-data-after-mbr", d->name);
	autofree char *hidden = cz_text(names, c, name, &hidden_len, e);
	if (!hidden && e->cls)
		return -1;
	snprintf(name, sizeof name, "%s-mbr", d->name);
	autofree char *mbr = cz_text(names, c, name, &mbr_len, e);
	if (!mbr && e->cls)
		return -1;
	snprintf(name, sizeof name, "%s-gpt-1st", d->name);
	autofree char *gpt = cz_text(names, c, name, gpt_len, e);
	if (!gpt && e->cls)
		return -1;
	if (d->gpt ? !gpt : !mbr)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
				 "the partition table of %s is not in the image: there is no %s-%s", d->name, d->name,
				 d->gpt ? "gpt-1st" : "mbr");
	if (d->gpt ? *gpt_len < 2 * d->sector + 128 : mbr_len < SECTOR)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s-%s is cut", d->name,
				 d->gpt ? "gpt-1st" : "mbr");
	size_t len = d->sector + hidden_len;
	len = d->gpt && *gpt_len > len ? *gpt_len : len;
	uint8_t *head = calloc(1, len > SECTOR ? len : SECTOR);
	if (!head)
		return error_nomem(e);
	if (hidden)
		memcpy(head + d->sector, hidden, hidden_len);
	if (mbr)
		memcpy(head, mbr, mbr_len < SECTOR ? mbr_len : SECTOR);
	if (d->gpt)
		memcpy(head, gpt, *gpt_len);
	*gpt_head = d->gpt ? (uint8_t *)take(gpt) : NULL;
	return composite_add(to, 0, len < first ? len : first, head, NULL, NULL, e);
}

/*
 * Clonezilla keeps the last 32 sectors of a GPT disk; the 33rd from the end, the first of the second array of
 * entries, is not among them. It is the same as the first of the first array, which is what a restore writes there.
 */
static int add_tail(const struct strings *names, const struct image_context *c, struct cz_disk *d,
		    struct composite *to, const uint8_t *first, size_t first_len, struct error *e)
{
	char name[96];
	size_t len = 0;
	const uint8_t *h = first + d->sector;
	if (memcmp(h, "EFI PART", 8))
		return error_set(e, ERROR_CORRUPT, d->sector, "%s-gpt-1st holds no GPT header", d->name);
	uint64_t last = get_le64(h + 32);
	if (last < 2 || last >= INT64_MAX / d->sector)
		return error_set(e, ERROR_CORRUPT, d->sector + 32,
				 "%s-gpt-1st: the place of the second table is impossible", d->name);
	d->size = (last + 1) * d->sector;
	snprintf(name, sizeof name, "%s-gpt-2nd", d->name);
	autofree char *second = cz_text(names, c, name, &len, e);
	if (!second && e->cls)
		return -1;
	if (!second)
		return error_set(e, ERROR_MISSING, ERROR_NO_OFFSET,
				 "the second partition table of %s is not in the image: there is no %s", d->name,
				 name);
	if (len < d->sector || len % d->sector || len > d->size / 2)
		return error_set(e, ERROR_CORRUPT, ERROR_NO_OFFSET, "%s has an impossible length", name);
	const uint8_t *back = (const uint8_t *)second + len - d->sector;
	uint64_t entries = d->size - len; /* where the array begins, if it is cut */
	size_t fill = 0;
	if (!memcmp(back, "EFI PART", 8) && get_le64(back + 72) < last) {
		entries = get_le64(back + 72) * d->sector;
		fill = entries < d->size - len ? (size_t)(d->size - len - entries) : 0;
	}
	if (fill != d->sector || first_len < 3 * d->sector)
		fill = 0;
	uint8_t *tail = malloc(fill + len);
	if (!tail)
		return error_nomem(e);
	if (fill) {
		memcpy(tail, first + 2 * d->sector, fill);
		finding_add(c->f, PROOF_STRUCTURE, "clonezilla.gpt", c->subject, OUTCOME_SKIPPED, NULL,
			    "%s: the first sector of the second table's entries is never saved; the first table's is "
			    "used",
			    d->name);
	}
	memcpy(tail + fill, second, len);
	return composite_add(to, d->size - len - fill, fill + len, tail, NULL, NULL, e);
}

static void put_le32(uint8_t *p, uint64_t v)
{
	for (size_t i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> i * 8);
}

/* The table before each logical partition. Only where the first one was is known: sfdisk makes the others anew. */
static int add_logical(struct cz_disk *d, struct composite *to, struct error *e)
{
	const struct cz_part *outer = NULL;
	vec_each (&d->parts, p)
		outer = p->extended && !outer ? p : outer;
	if (!outer)
		return 0;
	uint64_t at = outer->start;
	for (size_t i = 0; i < d->parts.count; i++) {
		const struct cz_part *p = &d->parts.items[i], *next = NULL;
		if (!p->logical)
			continue;
		for (size_t k = i + 1; k < d->parts.count && !next; k++)
			next = d->parts.items[k].logical ? &d->parts.items[k] : NULL;
		uint8_t *s = calloc(1, SECTOR);
		if (!s)
			return error_nomem(e);
		s[446 + 4] = p->type;
		put_le32(s + 446 + 8, (p->start - at) / d->sector);
		put_le32(s + 446 + 12, p->length / d->sector);
		uint64_t here = at;
		if (next) {
			/* Right behind this partition, where there is always room for it. */
			at = p->start + p->length;
			s[462 + 4] = 5;
			put_le32(s + 462 + 8, (at - outer->start) / d->sector);
			put_le32(s + 462 + 12, (next->start + next->length - at) / d->sector);
		}
		s[510] = 0x55;
		s[511] = 0xaa;
		if (p->start <= here || d->sector != SECTOR) {
			free(s);
			return bad(d, e, "logical partitions in an impossible order");
		}
		if (composite_add(to, here, SECTOR, s, NULL, NULL, e) < 0)
			return -1;
	}
	return 0;
}

int cz_add_table(const struct strings *names, const struct image_context *c, struct cz_disk *d, struct composite *to,
		 struct error *e)
{
	uint8_t *first = NULL;
	size_t len = 0;
	int rc = add_head(names, c, d, to, &first, &len, e);
	if (!rc && d->gpt)
		rc = add_tail(names, c, d, to, first, len, e);
	free(first);
	if (rc || d->gpt)
		return rc;
	uint64_t end = 0;
	vec_each (&d->parts, p)
		end = p->start + p->length > end ? p->start + p->length : end;
	if (d->size < end)
		d->size = end; /* no word of the disk's own size */
	return add_logical(d, to, e);
}
