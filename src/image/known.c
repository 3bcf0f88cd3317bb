// SPDX-License-Identifier: GPL-3.0-or-later
/* The table of images. */
#include "ewf.h"
#include "known.h"
#include "ova.h"
#include "rows.h"
#include "vmdk.h"

const struct format *const image_rows[] = {
    &image_qcow2,	  &known_qed,	    &image_vhd,		&image_vhdx,	 &image_vmdk,
    &known_vmdk_flat,	  &image_vdi,	    &known_parallels,	&known_dmg,	 &image_vma,
    &image_partclone,	  &known_partimage, &known_ntfsclone,	&image_ewf,	 &image_wim,
    &known_fsarchiver,	  &known_pbs,	    &known_borg,	&known_bacula,	 &known_acronis,
    &known_tibx,	  &known_macrium,   &known_macrium_old, &known_veeam,	 &known_ghost,
    &known_shadowprotect, &known_bkf,	    &known_btrfs_send,	&known_zfs_send, &known_xva,
    &image_ova,		  &known_zip,	    &known_7z,		&known_rar,	 &known_squashfs,
    &known_iso9660,	  &image_ova_tar,
};
const size_t image_row_count = ARRAY_SIZE(image_rows);
