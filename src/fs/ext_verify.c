// SPDX-License-Identifier: GPL-3.0-or-later
/* The walk of all metadata: what the passes share, their order, and what is said in the end. */
#ifdef HAVE_EXT2FS
#include "ext_verify.h"

#include <stdarg.h>

#define PAGE_BITS 32768u

static const char *const checks[CHECK_COUNT] = {
	[CHECK_GROUPS] = "ext.groups",	  [CHECK_BITMAPS] = "ext.bitmaps",
	[CHECK_INODES] = "ext.inodes",	  [CHECK_CLAIMS] = "ext.claims",
	[CHECK_DIRS] = "ext.directories", [CHECK_XATTRS] = "ext.xattrs",
	[CHECK_LINKS] = "ext.links",	  [CHECK_USE] = "ext.bitmap-use",
};

void ext_say(struct ext_verify *v, enum ext_check check, int64_t offset, const char *fmt, ...)
{
	char text[400];
	va_list ap;
	va_start(ap, fmt);
	vsnprintf(text, sizeof text, fmt, ap);
	va_end(ap);
	struct finding_text where = {
		.offset = offset, .has_offset = offset >= 0, .error = ERROR_CORRUPT};
	/* What an unreplayed log could mend, or an unknown feature explain, is not known to be damage. */
	bool known = !v->x->stale && !v->x->foreign;
	v->broken[check]++;
	finding_add(v->f, PROOF_STRUCTURE, checks[check], v->subject,
		    known ? OUTCOME_BROKEN : OUTCOME_UNPROVEN, &where, "%s", text);
}

int ext_relay(struct ext_verify *v, enum ext_check check, const struct error *e)
{
	if (e->cls != ERROR_CORRUPT)
		return -1;
	ext_say(v, check, e->offset, "%s", e->text);
	return 0;
}

int ext_claim(struct ext_verify *v, uint64_t cluster, uint64_t count, uint64_t *taken,
	      uint64_t *first, struct error *e)
{
	*taken = 0;
	for (uint64_t c = cluster; c < cluster + count;) {
		uint8_t **page = &v->claims[c / PAGE_BITS];
		if (!*page && !(*page = calloc(1, PAGE_BITS / 8)))
			return error_nomem(e);
		uint32_t bit = c % PAGE_BITS;
		uint8_t *byte = &(*page)[bit / 8];
		if (bit % 8 == 0 && cluster + count - c >= 8 && !*byte) {
			*byte = 0xff;
			c += 8;
			continue;
		}
		if (*byte & 1 << bit % 8 && !(*taken)++)
			*first = c;
		*byte |= (uint8_t)(1 << bit % 8);
		c++;
	}
	return 0;
}

uint8_t ext_claimed8(const struct ext_verify *v, uint64_t cluster)
{
	const uint8_t *page = v->claims[cluster / PAGE_BITS];
	return page ? page[cluster % PAGE_BITS / 8] : 0;
}

struct ext_node *ext_node(const struct ext_verify *v, uint32_t number)
{
	if (!number || number > v->x->inodes)
		return NULL;
	const struct ext_group *g = &v->groups[(number - 1) / v->x->inodes_per_group];
	uint32_t i = (number - 1) % v->x->inodes_per_group;
	return g->nodes && i < g->limit ? &g->nodes[i] : NULL;
}

struct ext_folder *ext_folder(const struct ext_verify *v, uint32_t number)
{
	size_t low = 0, high = v->folders.count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (v->folders.items[mid].inode == number)
			return &v->folders.items[mid];
		if (v->folders.items[mid].inode < number)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

bool ext_is_special(const struct ext_verify *v, uint32_t number)
{
	const struct ext2_super_block *s = v->x->fs->super;
	if (number < EXT2_FIRST_INO(s))
		return number != EXT2_ROOT_INO;
	return number == s->s_journal_inum || number == s->s_usr_quota_inum ||
	       number == s->s_grp_quota_inum || number == s->s_prj_quota_inum ||
	       number == s->s_orphan_file_inum || number == s->s_snapshot_inum;
}

static int verify_init(struct ext_verify *v, struct error *e)
{
	struct ext *x = v->x;
	v->clusters = ext_cluster_of(x, x->blocks - 1) + 1;
	v->pages = v->clusters / PAGE_BITS + 1;
	v->claims = calloc((size_t)v->pages, sizeof *v->claims);
	v->groups = calloc(x->groups, sizeof *v->groups);
	v->block = malloc(x->block_size);
	return v->claims && v->groups && v->block ? 0 : error_nomem(e);
}

static void verify_free(struct ext_verify *v)
{
	for (uint64_t i = 0; v->claims && i < v->pages; i++)
		free(v->claims[i]);
	for (uint32_t g = 0; v->groups && g < v->x->groups; g++)
		free(v->groups[g].nodes);
	free(v->claims);
	free(v->groups);
	free(v->block);
	vec_free(&v->orphans);
	vec_free(&v->folders);
	vec_free(&v->acls);
}

#define N(field) ((unsigned long long)v->field)

static void held(struct ext_verify *v, enum ext_check check, const char *text)
{
	if (!v->broken[check])
		finding_add(v->f, PROOF_STRUCTURE, checks[check], v->subject, OUTCOME_HELD, NULL,
			    "%s", text);
}

static void conclude(struct ext_verify *v)
{
	char text[300];
	bool sums = v->x->csum;
	snprintf(text, sizeof text, "%u groups, their descriptors and tables%s", v->x->groups,
		 v->x->group_csum ? ", checksums too" : " (no checksums)");
	held(v, CHECK_GROUPS, text);
	snprintf(text, sizeof text,
		 "block and inode bitmaps%s agree with the counts of their groups",
		 sums ? " and their checksums" : "");
	held(v, CHECK_BITMAPS, text);
	snprintf(text, sizeof text, "%llu inodes, %llu directories, %llu map blocks, %zu orphans%s",
		 N(inodes), N(dirs), N(maps), v->orphans.count,
		 sums ? ", checksums too" : " (no checksums)");
	held(v, CHECK_INODES, text);
	snprintf(text, sizeof text, "%llu extents: no block belongs to two", N(extents));
	held(v, CHECK_CLAIMS, text);
	snprintf(text, sizeof text, "%llu entries in %llu directories, %llu hash trees", N(entries),
		 N(dirs), N(indexed));
	if (v->odd_names)
		finding_add(v->f, PROOF_STRUCTURE, checks[CHECK_DIRS], v->subject, OUTCOME_UNPROVEN, NULL,
			    "%llu names in case-insensitive directories are not where their hash belongs as Unicode is "
			    "known here: some kernels may not find them",
			    N(odd_names));
	else
		held(v, CHECK_DIRS, text);
	snprintf(text, sizeof text, "%llu attributes, %zu attribute blocks", N(attributes),
		 v->acls.count);
	held(v, CHECK_XATTRS, text);
	if (v->loose[CHECK_LINKS])
		finding_add(v->f, PROOF_STRUCTURE, "ext.links", v->subject, OUTCOME_SKIPPED, NULL,
			    "%llu link counts not compared, or not right for want of a log",
			    N(loose[CHECK_LINKS]));
	else
		held(v, CHECK_LINKS,
		     "every inode in use is in a directory, with the right link count");
	if (v->loose[CHECK_BITMAPS])
		finding_add(v->f, PROOF_STRUCTURE, "ext.bitmaps", v->subject, OUTCOME_SKIPPED, NULL,
			    "%llu bitmaps have an unset padding, which nothing reads",
			    N(loose[CHECK_BITMAPS]));
	if (v->leaked)
		finding_add(v->f, PROOF_STRUCTURE, "ext.bitmap-use", v->subject, OUTCOME_SKIPPED,
			    NULL,
			    "%llu blocks are marked used but belong to nothing: space lost, no data",
			    N(leaked) << v->x->cluster_bits);
	if (v->sealed)
		finding_add(v->f, PROOF_STRUCTURE, "ext.verity", v->subject, OUTCOME_SKIPPED, NULL,
			    "%llu files have trees of fs-verity: what those say of them is not compared", N(sealed));
	held(v, CHECK_USE, "every block and inode in use is marked so");
}

int ext_verify(void *self, const char *subject, struct findings *f, const struct budget *b,
	       int64_t now, int64_t *newest, struct error *e)
{
	struct ext_verify v autodestroy(verify_free) = {
		.x = self, .subject = subject, .f = f, .b = b, .now = now};
	static int (*const passes[])(struct ext_verify *, struct error *) = {
		ext_check_groups, ext_check_orphans, ext_check_inodes, ext_check_xattrs,
		ext_check_dirs,	  ext_check_links,   ext_check_use,
	};
	if (verify_init(&v, e) < 0)
		return -1;
	for (size_t i = 0; i < ARRAY_SIZE(passes); i++)
		if (budget_check(b, e) < 0 || passes[i](&v, e) < 0)
			return -1;
	conclude(&v);
	*newest = v.newest;
	return 0;
}
#endif
