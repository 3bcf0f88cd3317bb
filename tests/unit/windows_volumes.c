// SPDX-License-Identifier: GPL-3.0-or-later
/* Which volume is the system's, which has which letter, and what is said where one can't be looked at. */
#include "volumes_help.h"

#include "../../src/subject/windows.h"

static void tree(const char *name, const char *commands)
{
	sh("cd %s && rm -rf tree && mkdir tree && cd tree && %s && cd .. && rm -f %s && "
	   "mke2fs -q -F -t ext4 -O ^has_journal -d tree %s 2M 2>/dev/null",
	   dir, commands, name, name);
}

static void test_newest(void)
{
	tree("old", "mkdir -p WINNT/system32/config && cd WINNT/system32/config && echo x >system && echo x >software &&"
		    "touch -d @1500000000 system && cd ../../..");
	tree("new", "mkdir -p Windows/System32/config && cd Windows/System32/config && echo x >SYSTEM && echo x >SOFTWARE &&"
		    "touch -d @1600000000 SYSTEM && cd ../../..");
	tree("half", "mkdir -p Windows/System32/config && echo x >Windows/System32/config/SYSTEM");
	tree("odd", "mkdir -p Windows/System32/config/SYSTEM WINDOWS/System32/config &&"
		    "cd WINDOWS/System32/config && echo x >SYSTEM && echo x >SOFTWARE && touch -d @1700000000 SYSTEM &&"
		    "cd ../../..");
	static const struct {
		const char *files[4];
		size_t want;
		const char *system;
	} cases[] = {
		{{"old", "new"}, 1, "Windows/System32"},  {{"new", "old"}, 0, "Windows/System32"},
		{{"half", "old"}, 1, "WINNT/system32"},	  {{"old", "odd", "new"}, 1, "WINDOWS/System32"},
		{{"half"}, 9, NULL},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		subject_begin();
		for (size_t k = 0; k < 4 && cases[i].files[k]; k++)
			add_volume("ext4", cases[i].files[k]);
		add_volume(NULL, NULL);
		struct subject_volume *root = windows_root(&subject, &findings);
		CHECK_INT(findings_against(&findings, PROOF_STRUCTURE, "disk:1"), 0);
		CHECK(root == (cases[i].want < 4 ? &subject.volumes.items[cases[i].want] : NULL));
		if (cases[i].system && root)
			CHECK_STR(subject.facts.windows_system, cases[i].system);
		subject_end();
	}
}

/* A volume that can't be looked at is told of, and is not the root; the other is found all the same. */
static void test_damaged_volume(void)
{
	subject_begin();
	add_volume("ext4", "new");
	add_volume("ext4", "old");
	CHECK(spoil(0, "Windows") > 0);
	CHECK(windows_root(&subject, &findings) == &subject.volumes.items[1]);
	const struct finding *f = said("root.lookup", OUTCOME_BROKEN);
	NEED(f);
	CHECK_STR(f->subject, "disk:1");
	CHECK_INT(f->error, ERROR_CORRUPT);
	subject_end();
}

static void gather(struct subject_volume *root)
{
	NEED(root);
	CHECK_INT(windows_gather(&subject, root, &findings, &why), 0);
	CHECK(subject.facts.windows && subject.facts.root_found);
	CHECK_STR(root->mount, "/");
	CHECK_STR(subject.facts.root, root->name);
}

#define CONFIG "Windows/System32/config"

static void test_gather(void)
{
	static const struct {
		const char *kernel;
		bool found;
	} cases[] = {{"echo MZ >Windows/System32/ntoskrnl.exe", true},
		     {": >Windows/System32/ntoskrnl.exe", false},
		     {"mkdir Windows/System32/ntoskrnl.exe", false},
		     {"true", false}};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char commands[600];
		sh("python3 fixtures/windows/hive.py %s/hives --host ex01 --drive C:=0fc63daf-8483-4772-8e79-3d69d8477de4 "
		   "--drive D:=1234abcd@1048576", dir);
		snprintf(commands, sizeof commands, "mkdir -p " CONFIG " && cp ../hives/S* " CONFIG "/ && %s", cases[i].kernel);
		tree("c", commands);
		tree("esp", "mkdir -p EFI/Microsoft/Boot && echo MZ >EFI/Microsoft/Boot/bootmgfw.efi");
		subject_begin();
		struct subject_volume *c = add_volume("ext4", "c"), *d = add_volume("ext4", "old");
		struct subject_volume *esp = add_volume("ext4", "esp");
		snprintf(c->volume->partuuid, 40, "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
		d->disk->layout.table = TABLE_MBR;
		snprintf(d->disk->layout.disk_id, 40, "1234abcd");
		d->volume->offset = 1048576;
		esp->volume->role = ROLE_ESP;
		free(c->mount);
		gather(windows_root(&subject, &findings));
		CHECK_STR(subject.facts.hostname, "ex01");
		CHECK_STR(d->mount, "/D:");
		CHECK(cases[i].found ? subject.facts.kernel && strstr(subject.facts.kernel, "System32/ntoskrnl.exe")
				     : !subject.facts.kernel);
		CHECK(subject.facts.efi != NULL);
		CHECK_INT(findings_proof(&findings, PROOF_STRUCTURE), OUTCOME_HELD);
		subject_end();
	}
}

/* Directories that can't be read, once the root is known: of the system, and of the EFI system partition. */
static void test_damaged_later(void)
{
	subject_begin();
	struct subject_volume *root = add_volume("ext4", "new"), *esp = add_volume("ext4", "esp");
	esp->volume->role = ROLE_ESP;
	add_volume(NULL, NULL)->volume->role = ROLE_ESP;
	CHECK(windows_root(&subject, &findings) == root);
	CHECK(spoil(0, "config") > 0 && spoil(1, "Microsoft") > 0);
	fs_destroy(root->fs); /* which may know the directory by heart */
	root->fs = fs_open("ext4", root->volume->window, root->name, &findings, &why);
	NEED(root->fs);
	gather(root);
	CHECK_STR(subject.facts.system, "Windows"); /* no more is known of it */
	CHECK(!subject.facts.hostname && !subject.facts.kernel && !subject.facts.efi);
	const struct finding *f = said("root.lookup", OUTCOME_BROKEN);
	CHECK(f && !strcmp(f->subject, "disk:1"));
	f = said("esp.read", OUTCOME_BROKEN);
	CHECK(f && !strcmp(f->subject, "disk:2"));
	f = said("registry.hive", OUTCOME_BROKEN);
	CHECK(f && strstr(f->subject, "disk:1:/Windows/System32/config/"));
	subject_end();
}

static void test_names(void)
{
	static const struct {
		const char *name;
		bool good;
	} cases[] = {
		{"Volume{11111111-AAAA-4bbb-8ccc-0123456789ab}/", true},
		{"\\??\\Volume{11111111-aaaa-4bbb-8ccc-0123456789ab}", true},
		{"volume{11111111-aaaa-4bbb-8ccc-0123456789ab}/in/it", true},
		{"Volume{11111111-aaaa-4bbb-8ccc-0123456789ab", false},
		{"Volume{11111111-aaaa-4bbb-8ccc-0123456789abc}", false},
		{"Volume{11111111-aaaa-4bbb-8ccc-0123456789a}", false},
		{"Volume{11111111-aaaa-4bbb-8ccc0-123456789ab}", false},
		{"Volume{g1111111-aaaa-4bbb-8ccc-0123456789ab}", false},
		{"Volume{", false},
		{"\\??\\C:", false},
		{"/Windows", false},
		{"", false},
	};
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		char guid[40] = "";
		CHECK(windows_volume_name(cases[i].name, guid) == cases[i].good);
		CHECK(!cases[i].good || !strcmp(guid, "11111111-aaaa-4bbb-8ccc-0123456789ab"));
	}
}

static int note(void *ctx, const struct fs_entry *entry, struct error *e)
{
	struct subject_volume *v = ctx;
	return entry->type == ENTRY_LINK ? windows_folder_note(&subject.facts, v, v->fs, entry, e) : 0;
}

/* By the registry; by a partition's GUID; by signature and place, here 1 MiB. */
static void test_folders(void)
{
	static const char guid[] = "11111111-aaaa-4bbb-8ccc-000000000001";
	tree("links", "mkdir DBs && ln -s 'Volume{11111111-AAAA-4bbb-8ccc-000000000001}' DBs/one && "
		      "ln -s 'Volume{cafe1234-0000-0000-0000-100000000000}' two && ln -s /DBs three");
	subject_begin();
	struct subject_volume *root = add_volume("ext4", "links"), *d = add_volume(NULL, NULL);
	CHECK_INT(fs_walk(root->fs, "", NULL, note, root, &why), 0);
	CHECK_INT(subject.facts.folders.count, 0); /* another system's, or nobody's */
	root->mount = strdup("/");
	subject.facts.windows_letter = 'E';
	CHECK_INT(fs_walk(root->fs, "", NULL, note, root, &why), 0);
	NEED(subject.facts.folders.count == 2);
	struct windows_folder *one = subject.facts.folders.items, *two = one + 1;
	if (strcmp(one->path, "E:/DBs/one"))
		two = one++;
	CHECK_STR(one->path, "E:/DBs/one");
	CHECK_STR(one->volume, guid);
	CHECK_STR(two->path, "E:/two");
	bool named = true;
	CHECK(!subject_volume_by_folder(&subject, one, &named) && !named);
	snprintf(d->volume->partuuid, sizeof d->volume->partuuid, "%s", guid);
	CHECK(subject_volume_by_folder(&subject, one, &named) == d && !named);
	struct windows_drive *known = vec_push(&subject.facts.windows_volumes);
	NEED(known);
	*known = (struct windows_drive){.offset = 4096};
	memcpy(known->volume, guid, sizeof guid);
	snprintf(known->disk_id, sizeof known->disk_id, "1234abcd");
	*d->volume->partuuid = 0;
	CHECK(!subject_volume_by_folder(&subject, one, &named) && named);
	d->disk->layout.table = TABLE_MBR;
	snprintf(d->disk->layout.disk_id, 40, "1234abcd");
	d->volume->offset = 4096;
	CHECK(subject_volume_by_folder(&subject, one, &named) == d && named);
	CHECK(!subject_volume_by_folder(&subject, two, &named) && !named);
	snprintf(d->disk->layout.disk_id, 40, "cafe1234");
	CHECK(!subject_volume_by_folder(&subject, two, &named));
	d->volume->offset = 1 << 20;
	CHECK(subject_volume_by_folder(&subject, two, &named) == d && !named);
	subject_end();
}

static void test_letters(void)
{
	static const char guid[] = "0fc63daf-8483-4772-8e79-3d69d8477de4";
	struct windows_drive d = {.letter = 'D'};
	subject_begin();
	for (int i = 0; i < 3; i++)
		add_volume(NULL, NULL);
	struct subject_volume *v = subject.volumes.items;
	CHECK(!subject_volume_by_drive(&subject, &d)); /* nothing is known of it */
	snprintf(d.partuuid, sizeof d.partuuid, "%s", guid);
	CHECK(!subject_volume_by_drive(&subject, &d));
	snprintf(v[1].volume->partuuid, sizeof v[1].volume->partuuid, "0FC63DAF-8483-4772-8E79-3D69D8477DE4");
	CHECK(subject_volume_by_drive(&subject, &d) == &v[1]);
	*d.partuuid = 0;
	/* By a disk's signature: of an MBR, the same, and the place. */
	snprintf(d.disk_id, sizeof d.disk_id, "1234abcd");
	snprintf(disks[2].layout.disk_id, sizeof disks[2].layout.disk_id, "1234abcd");
	d.offset = v[2].volume->offset = 4096;
	disks[2].layout.table = TABLE_GPT;
	CHECK(!subject_volume_by_drive(&subject, &d));
	disks[2].layout.table = TABLE_MBR;
	CHECK(subject_volume_by_drive(&subject, &d) == &v[2]);
	d.offset = 512;
	CHECK(!subject_volume_by_drive(&subject, &d));
	snprintf(disks[2].layout.disk_id, sizeof disks[2].layout.disk_id, "1234abce");
	d.offset = 4096;
	CHECK(!subject_volume_by_drive(&subject, &d));
	/* By the name of the file that the volume was put into: of one only, and of one that is needed. */
	snprintf(d.volume, sizeof d.volume, "%s", guid);
	CHECK(!subject_volume_by_drive(&subject, &d));
	char name[] = "0FC63DAF-8483-4772-8e79-3d69d8477de4.vhdx";
	struct part part = {.name = name};
	disks[0].part = &part;
	CHECK(subject_volume_by_drive(&subject, &d) == &v[0]);
	v[0].needed = false;
	CHECK(!subject_volume_by_drive(&subject, &d));
	v[0].needed = true;
	disks[1].part = &part;
	CHECK(!subject_volume_by_drive(&subject, &d));
	*d.volume = 0;
	CHECK(!subject_volume_by_drive(&subject, &d));
	subject_end();
}

int main(void)
{
	NEED(mkdtemp(dir));
	RUN(test_newest);
	RUN(test_damaged_volume);
	RUN(test_gather);
	RUN(test_damaged_later);
	RUN(test_names);
	RUN(test_folders);
	RUN(test_letters);
	sh("rm -rf %s", dir);
	return test_done();
}
