// SPDX-License-Identifier: GPL-3.0-or-later
/* Appliances: every disk inside is the one that went in; no damage to an appliance with a manifest passes. */
#include "backproof/digest.h"
#include "vmdk_help.h"

extern const struct format image_ova;

static uint8_t *disk;
static size_t disk_size;

static struct file *load(struct files *x, const char *name)
{
	files_init(x, &image_ova);
	return files_load(x, "fixtures/ova", name);
}

enum went { REFUSED, NOTICED, SAME, WRONG };

static enum went try(struct files *x, struct file *file, bool *covered, struct error *e)
{
	struct error why = {0};
	enum went went = REFUSED;
	*covered = false;
	const struct image *im = file_image(x, file->name, false, &why);
	if (im) {
		went = SAME;
		vec_each(&im->disks, d)
		{
			bool huge = source_size(d->source) > 64 * MIB; /* then something must have been said of it */
			uint8_t *p = huge ? NULL : disk_bytes(d->source, 100000, &why);
			if (huge)
				went = WRONG;
			else if (!p)
				went = REFUSED;
			else if (went == SAME && (source_size(d->source) != disk_size || memcmp(p, disk, disk_size)))
				went = WRONG;
			free(p);
		}
		if (im->ops->verify(&file->image, file->name, &x->f, &x->b, covered, &why) < 0)
			went = REFUSED;
		if (went != REFUSED && !all_held(&x->f))
			went = NOTICED;
	}
	if (e)
		*e = why;
	return went;
}

static void test_dialects(void)
{
	static const struct {
		const char *name, *disks[2];
		bool covered, manifest;
	} cases[] = {
	    {"box.ova", {"disk1.vmdk", "disk2.vmdk"}, true, true},
	    {"gnu.ova", {"aaaa"}, true, true},
	    {"pax.ova", {"aaaa", "disk3.img"}, false, false}, /* nothing vouches for the raw disk */
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct files x;
		struct error e = {0};
		bool covered;
		struct file *file = load(&x, cases[i].name);
		CHECK_INT(try(&x, file, &covered, &e), SAME);
		CHECK_STR(e.text, "");
		CHECK_INT(covered, cases[i].covered);
		CHECK_INT(found(&x.f, "ova.manifest", OUTCOME_HELD), cases[i].manifest);
		const struct image *im = &file->image;
		CHECK_INT(im->disks.count, cases[i].disks[1] ? 2 : 1);
		for (size_t k = 0; k < im->disks.count; k++)
			CHECK(!strncmp(im->disks.items[k].name, cases[i].disks[k], strlen(cases[i].disks[k])));
		CHECK_STR(im->host, "web01 & its \xe2\x80\x9c"
				    "data\xe2\x80\x9d");
		CHECK_INT(im->made, 1700000000);
		CHECK(im->notes.count == 1 && strstr(im->notes.items[0].data, "Envelope"));
		files_free(&x);
	}
}

/* With a manifest no bit of header, descriptor, manifest or disk can change unseen. */
static void test_flips(void)
{
	struct files x;
	bool covered;
	struct file *file = load(&x, "gnu.ova");
	size_t end = file->len;
	while (end && !file->p[end - 1])
		end--;
	for (size_t at = 0; at < end; at += at < 6000 ? 1 : 401) {
		uint8_t bit = (uint8_t)(1 << (at * 3 + at / 8) % 8);
		file->p[at] ^= bit;
		enum went went = try(&x, file, &covered, NULL);
		if (went == WRONG || (went == SAME && at > 6000 && covered && file->p[at] != bit))
			fprintf(stderr, "byte %zu: %d\n", at, went);
		CHECK(went != WRONG);
		/* What may change: padding behind members, and letters' case in a digest. */
		if (went == SAME && at > 6000)
			CHECK(file->p[at] == bit);
		file->p[at] ^= bit;
		files_close(&x);
	}
	files_free(&x);
}

static void test_cuts(void)
{
	static const char *const names[] = {"gnu.ova", "pax.ova", "box.ova"};
	for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
		struct files x;
		struct error e;
		bool covered;
		struct file *file = load(&x, names[i]);
		size_t full = file->len, end = full;
		while (end && !file->p[end - 1])
			end--;
		for (size_t len = 0; len < end + 512; len += 4096 - 512 * (i + 1)) {
			file->len = len;
			CHECK_INT(try(&x, file, &covered, &e), REFUSED);
			CHECK_INT(e.cls, ERROR_CORRUPT);
			files_close(&x);
		}
		file->len = full;
		file->p[full - 1] = 1; /* something behind the end mark */
		CHECK_INT(try(&x, file, &covered, &e), NOTICED);
		files_free(&x);
	}
}

/* A tar of texts; sums are right. */
struct tar {
	uint8_t *p;
	size_t len;
};
static void tar_put(struct tar *t, const char *name, char type, const void *data, size_t len)
{
	t->p = realloc(t->p, t->len + 512 + len + 512);
	NEED(t->p);
	uint8_t *h = t->p + t->len;
	memset(h, 0, 512 + (len + 511) / 512 * 512);
	snprintf((char *)h, 100, "%s", name);
	snprintf((char *)h + 124, 12, "%011o", (unsigned)len);
	h[156] = (uint8_t)type;
	memcpy(h + 257, "ustar\00000", 8);
	memset(h + 148, ' ', 8);
	unsigned sum = 0;
	for (size_t i = 0; i < 512; i++)
		sum += h[i];
	snprintf((char *)h + 148, 8, "%06o", sum);
	memcpy(h + 512, data, len);
	t->len += 512 + (len + 511) / 512 * 512;
}
static void tar_text(struct tar *t, const char *name, const char *text)
{
	tar_put(t, name, '0', text, strlen(text));
}
static void tar_end(struct tar *t)
{
	t->p = realloc(t->p, t->len + 1024);
	NEED(t->p);
	memset(t->p + t->len, 0, 1024);
	t->len += 1024;
}

#define OVF(refs, disks)                                                                                               \
	"<Envelope><References>" refs "</References><DiskSection>" disks "</DiskSection>"                              \
	"<VirtualSystem id='a'/></Envelope>"
#define FILE1 "<File id='f' href='d.img'/>"
#define DISK1 "<Disk capacity='512' diskId='x' fileRef='f'/>"

struct extra {
	const char *name, *text;
};

/* An appliance of a descriptor, a raw disk of 512 bytes and something more. */
static enum went made_of(const char *ovf, const struct extra *extra, size_t count, bool *covered, struct findings *f,
			 struct error *e)
{
	struct files x;
	struct tar t = {0};
	uint8_t sector[512] = "a disk";
	tar_text(&t, "a.ovf", ovf);
	tar_put(&t, "d.img", '0', sector, sizeof sector);
	for (size_t i = 0; i < count; i++)
		tar_text(&t, extra[i].name, extra[i].text);
	tar_end(&t);
	files_init(&x, &image_ova);
	struct file *file = files_add(&x, "a.ova", t.p, t.len);
	enum went went = try(&x, file, covered, e);
	if (f) {
		NEED(findings_init(f) == 0);
		findings_append(f, &x.f);
	}
	files_free(&x);
	return went;
}

static void refused(const char *ovf, enum error_class cls, const char *why)
{
	struct error e = {0};
	bool covered;
	CHECK_INT(made_of(ovf, NULL, 0, &covered, NULL, &e), REFUSED);
	if (e.cls != cls || !strstr(e.text, why))
		fprintf(stderr, "%s: %s, not %s\n", ovf, e.text, why);
	CHECK(e.cls == cls && strstr(e.text, why));
}

static void test_descriptors(void)
{
	char deep[2000] = "<Envelope>";
	for (int i = 0; i < 100; i++)
		strcat(deep, "<a>");
	refused("", ERROR_CORRUPT, "cut");
	refused("<Envelope>", ERROR_CORRUPT, "cut");
	refused("<Envelope><a></Envelope>", ERROR_CORRUPT, "nest");
	refused("<Envelope/><Envelope/>", ERROR_CORRUPT, "root");
	refused("<other/>", ERROR_CORRUPT, "envelope");
	refused("<!DOCTYPE x [<!ENTITY a 'b'>]><Envelope/>", ERROR_UNSUPPORTED, "document type");
	refused("<Envelope a=b/>", ERROR_CORRUPT, "quotes");
	refused("<Envelope a='b/>", ERROR_CORRUPT, "quote");
	refused("<Envelope><!-- </Envelope>", ERROR_CORRUPT, "comment");
	refused(deep, ERROR_LIMIT, "deeper");
	refused(OVF("", ""), ERROR_CORRUPT, "no disk");
	refused(OVF("", DISK1), ERROR_CORRUPT, "does not have");
	refused(OVF("<File id='f'/>", DISK1), ERROR_CORRUPT, "without id or name");
	refused(OVF("<File id='f' href='gone.vmdk'/>", DISK1), ERROR_MISSING, "gone.vmdk");
	refused(OVF("<File id='f' href='file:///etc/passwd'/>", DISK1), ERROR_MISSING, "passwd");
	refused(OVF("<File id='f' href='d.img' compression='gzip'/>", DISK1), ERROR_UNSUPPORTED, "compressed");
	refused(OVF("<File id='f' href='d.img' chunkSize='7'/>", DISK1), ERROR_UNSUPPORTED, "chunks");
	refused(OVF(FILE1, "<Disk diskId='x' fileRef='f' parentRef='y'/>"), ERROR_UNSUPPORTED, "difference");
	refused(OVF(FILE1, DISK1 DISK1), ERROR_CORRUPT, "two disks");
	refused(OVF("<File id='f' href='a.ovf'/>", DISK1), ERROR_CORRUPT, "recognised");
	refused(OVF("<File id='f' href='d.img' size='x'/>", DISK1), ERROR_CORRUPT, "no number");
	refused(OVF("<File id='f' href='d.img' size='99999999999999999999999'/>", DISK1), ERROR_CORRUPT, "no number");
	struct findings f;
	bool covered;
	CHECK_INT(made_of(OVF("<File id='f' href='d.img' size='511'/>", DISK1), NULL, 0, &covered, &f, NULL), NOTICED);
	CHECK_INT(found(&f, "ova.file", OUTCOME_BROKEN), 1);
	findings_free(&f);
	CHECK_INT(made_of(OVF(FILE1 "<File id='g' href='gone.iso'/>", DISK1), NULL, 0, &covered, &f, NULL), NOTICED);
	CHECK_INT(found(&f, "ova.file", OUTCOME_BROKEN), 1);
	findings_free(&f);
	CHECK_INT(made_of(OVF(FILE1, "<Disk capacity='2' capacityAllocationUnits='byte * 2^10' diskId='x' fileRef='f'/>"), NULL,
			  0, &covered, &f, NULL),
		  NOTICED);
	CHECK_INT(found(&f, "ova.capacity", OUTCOME_BROKEN), 1);
	findings_free(&f);
}

#define GOOD OVF(FILE1, DISK1)

static void manifest(const char *text, enum outcome outcome, bool want)
{
	struct findings f;
	bool covered;
	struct extra mf = {"a.mf", text};
	struct error e = {0};
	made_of(GOOD, &mf, 1, &covered, &f, &e);
	CHECK_STR(e.text, "");
	if (covered != want || !found(&f, "ova.manifest", outcome))
		fprintf(stderr, "%s", text);
	CHECK_INT(covered, want);
	CHECK(found(&f, "ova.manifest", outcome));
	findings_free(&f);
}

static void test_manifests(void)
{
	char ovf[100], img[100], text[1000];
	uint8_t sector[512] = "a disk", sum[DIGEST_MAX];
	char hex[2 * DIGEST_MAX + 1];
	struct error e;
	for (int i = 0; i < 2; i++) {
		struct digest *d = digest_new(DIGEST_SHA1, &e);
		NEED(d);
		digest_update(d, i ? (const void *)sector : GOOD, i ? sizeof sector : strlen(GOOD));
		NEED(digest_final(d, sum, &e) == 0);
		digest_destroy(d);
		snprintf(i ? img : ovf, 100, "SHA1(%s)= %s", i ? "d.img" : "a.ovf", hex_encode(sum, 20, hex));
	}
	snprintf(text, sizeof text, "%s\r\n%s\r\n\r\n", ovf, img);
	manifest(text, OUTCOME_HELD, true);
	snprintf(text, sizeof text, "%s\n%s", ovf, img);
	manifest(text, OUTCOME_HELD, true);
	manifest("", OUTCOME_BROKEN, false);
	manifest(ovf, OUTCOME_BROKEN, false); /* the disk is not in it */
	snprintf(text, sizeof text, "%s\n%s\ngarbage\n", ovf, img);
	manifest(text, OUTCOME_BROKEN, false);
	snprintf(text, sizeof text, "%s\n%s\n%s\n", ovf, img, img);
	manifest(text, OUTCOME_BROKEN, false);
	snprintf(text, sizeof text, "%s\n%s0\n", ovf, img);
	manifest(text, OUTCOME_BROKEN, false);
	snprintf(text, sizeof text, "%s\n%s\nSHA1(gone)= %040d\n", ovf, img, 7);
	manifest(text, OUTCOME_BROKEN, false);
	snprintf(text, sizeof text, "%s\nSHA1(d.img)= %040d\n", ovf, 7);
	manifest(text, OUTCOME_BROKEN, false);
	snprintf(text, sizeof text, "%s\nCRC99(d.img)= 12\n", ovf);
	manifest(text, OUTCOME_UNSUPPORTED, false);
	/* Blanks as writers put them; and lines that are none. */
	snprintf(text, sizeof text, "SHA1 (a.ovf) \t= \t%s \t\n%s\t", strchr(ovf, '=') + 2, img);
	manifest(text, OUTCOME_HELD, true);
	static const char *const none[] = {"(d.img)= 12", "SHA1 d.img= 12", "SHA1(d.img = 12", "SHA1)d.img(= 12", "SHA1()= 12",
					   "SHA1(d.img) 12", "SHA1(d.img)=", "SHA1(d.img)= xyz", "  (d.img)= 12"};
	for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
		snprintf(text, sizeof text, "%s\n%s\n%s\n", ovf, img, none[i]);
		manifest(text, OUTCOME_BROKEN, false);
	}
	/* A signature is named, and counts for nothing. */
	struct findings f;
	bool covered;
	snprintf(text, sizeof text, "%s\n%s\n", ovf, img);
	CHECK_INT(made_of(GOOD, (struct extra[]){{"a.mf", text}, {"a.cert", "x"}}, 2, &covered, &f, NULL), WRONG);
	CHECK(covered && found(&f, "ova.certificate", OUTCOME_SKIPPED) == 1);
	findings_free(&f);
	CHECK_INT(made_of(GOOD, (struct extra[]){{"a.cert", "x"}}, 1, &covered, &f, NULL), NOTICED);
	CHECK(!covered);
	findings_free(&f);
	/* Twice the same name, two descriptors. */
	CHECK_INT(made_of(GOOD, (struct extra[]){{"x/d.img", "x"}}, 1, &covered, NULL, &e), REFUSED);
	CHECK(strstr(e.text, "twice"));
	CHECK_INT(made_of(GOOD, (struct extra[]){{"b.ovf", "x"}}, 1, &covered, NULL, &e), REFUSED);
	CHECK_INT(e.cls, ERROR_AMBIGUOUS);
	for (int i = 0; i < 2; i++) {
		struct extra two[] = {{i ? "a.cert" : "a.mf", "x"}, {i ? "b.cert" : "b.mf", "x"}};
		CHECK_INT(made_of(GOOD, two, 2, &covered, NULL, &e), REFUSED);
		CHECK_INT(e.cls, ERROR_AMBIGUOUS);
	}
}

/* No time is left for digests: that is said, and nothing is covered. */
static void test_late(void)
{
	struct files x;
	struct error e = {0};
	bool covered;
	struct file *file = load(&x, "gnu.ova");
	const struct image *im = file_image(&x, file->name, false, &e);
	NEED(im);
	x.b.deadline_ns = monotonic_ns() - 1;
	CHECK_INT(im->ops->verify(&file->image, file->name, &x.f, &x.b, &covered, &e), -1);
	CHECK_INT(e.cls, ERROR_LIMIT);
	CHECK_INT(found(&x.f, "ova.manifest", OUTCOME_HELD), 0);
	files_free(&x);
}

int main(void)
{
	struct files x;
	files_init(&x, &image_ova);
	struct file *raw = files_load(&x, "fixtures/vmdk", "flat-flat.vmdk");
	disk = raw->p;
	disk_size = raw->len;
	RUN(test_dialects);
	RUN(test_flips);
	RUN(test_cuts);
	RUN(test_descriptors);
	RUN(test_manifests);
	RUN(test_late);
	files_free(&x);
	return test_done();
}
