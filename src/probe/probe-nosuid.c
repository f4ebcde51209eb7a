/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Whether an overlay keeps nosuid of its lower mount.  Ubuntu's kernels do, by a flag of
 * the superblock that no list of mounts shows, so a program is run to see: the smallest
 * one that exits with the low bits of its effective user id.
 */
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>

#include "base/cleanup.h"
#include "base/fdio.h"
#include "probe/prober.h"

/* exit(geteuid()) */
#if defined(__x86_64__)
#define MACHINE EM_X86_64
static const unsigned char code[] = { 0xb8, 107,  0,  0, 0, 0x0f, 0x05, 0x89,
				      0xc7, 0xb8, 60, 0, 0, 0,	  0x0f, 0x05 };
#elif defined(__aarch64__)
#define MACHINE EM_AARCH64
static const unsigned char code[] = { 0xe8, 0x15, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4,
				      0xa8, 0x0b, 0x80, 0xd2, 0x01, 0x00, 0x00, 0xd4 };
#endif

#ifdef MACHINE
#define LOAD_ADDRESS 0x400000
#define SOMEBODY 65534

struct program {
	Elf64_Ehdr header;
	Elf64_Phdr segment;
	unsigned char code[sizeof(code)];
};

static int write_program(const struct om_sys *sys, int dir, const char *name)
{
	const struct program program = {
		.header = { .e_ident = { ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64,
					 ELFDATA2LSB, EV_CURRENT },
			    .e_type = ET_EXEC,
			    .e_machine = MACHINE,
			    .e_version = EV_CURRENT,
			    .e_entry = LOAD_ADDRESS + offsetof(struct program, code),
			    .e_phoff = offsetof(struct program, segment),
			    .e_ehsize = sizeof(Elf64_Ehdr),
			    .e_phentsize = sizeof(Elf64_Phdr),
			    .e_phnum = 1 },
		.segment = { .p_type = PT_LOAD,
			     .p_flags = PF_R | PF_X,
			     .p_vaddr = LOAD_ADDRESS,
			     .p_paddr = LOAD_ADDRESS,
			     .p_filesz = sizeof(struct program),
			     .p_memsz = sizeof(struct program),
			     .p_align = 0x1000 },
	};
	struct program copy = program;
	_cleanup_close_ int fd = -1;
	int r = sys->mkfile(sys, dir, name, 0755);

	if (r < 0)
		return r;
	memcpy(copy.code, code, sizeof(code));
	fd = sys->open(sys, dir, name, O_WRONLY, 0);
	if (fd < 0)
		return fd;
	r = om_write_all(fd, &copy, sizeof(copy));
	return r < 0 ? r : sys->chmod(sys, fd, 04755);
}

/*
 * Does set-user-id work at all here?  Not under no_new_privs, nor where nobody else's id
 * can be taken.
 */
static int try_plain(struct om_prober *p)
{
	const struct om_sys *sys = p->sys;
	_cleanup_close_ int place = -1;
	_cleanup_close_ int plain = -1;
	int r = sys->mkdir(sys, p->dir, "plain", 0755);

	if (r == 0)
		r = place = sys->open(sys, p->dir, "plain", O_PATH | O_DIRECTORY, 0);
	if (r >= 0)
		r = sys->mount(sys, "overmount-probe", OM_FD_PATH(place), "tmpfs", 0,
			       "mode=0755,size=64k");
	if (r >= 0)
		r = plain = sys->open(sys, p->dir, "plain", O_RDONLY | O_DIRECTORY, 0);
	if (r >= 0)
		r = write_program(sys, plain, "geteuid");
	return r < 0 ? r : sys->exec(sys, plain, "geteuid", SOMEBODY);
}

static void set_by_exit(struct om_fact *fact, int through)
{
	int somebody = SOMEBODY & 0xff;

	if (through < 0)
		om_prober_set(fact, through, "running the program through the overlay",
			      NULL);
	else
		om_fact_set_to(
			fact, through == somebody ? OM_YES : OM_NO, NULL,
			"a set-user-id program of a nosuid lower mount ran with %s id",
			through == somebody ? "its caller's" : "its owner's");
}

void om_probe_nosuid(struct om_prober *p, struct om_fact *fact)
{
	struct om_overlay_try how = { .upper = "s", .lower = "l", .at = "suid" };
	_cleanup_close_ int merged = -1;
	int r, plain;

	if (!om_overlay_ready(p, fact))
		return;
	r = write_program(p->sys, p->dir, "l/geteuid");
	if (r == 0)
		r = p->sys->mkdir(p->sys, p->dir, "suid", 0755);
	if (r < 0) {
		om_prober_set_untried(fact, r, "writing a program");
		return;
	}
	plain = try_plain(p);
	if (plain != 0) {
		om_fact_set_to(fact, OM_UNKNOWN, NULL,
			       "not tried: set-user-id has no effect here (%s)",
			       plain < 0 ? strerrorname_np(-plain) : "no_new_privs");
		/* It depends on this process, not on the kernel. */
		fact->fleeting = true;
		return;
	}
	how.top = how.at_dir = p->dir;
	/* Attached: in a mount of no namespace set-user-id is never honoured. */
	merged = om_overlay_mount(p, &how);
	if (merged < 0)
		om_overlay_set(fact, merged, "overlay over a nosuid tmpfs", &how);
	else
		set_by_exit(fact, p->sys->exec(p->sys, merged, "geteuid", SOMEBODY));
}
#else
void om_probe_nosuid(struct om_prober *p _unused_, struct om_fact *fact)
{
	om_fact_set_to(fact, OM_UNKNOWN, NULL,
		       "not tried: no program is known for this machine");
}
#endif
