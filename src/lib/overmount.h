/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libovermount: starts a program in an AppArmor profile that is named by its label.
 *
 * AppArmor makes the path of a file up from the mount by which it was opened, and in a new
 * mount namespace that is not always the path that was used.  So here the program is opened
 * first, as long as the caller's own label decides, the label is named, and the descriptor is
 * executed.  What comes of entering the profile is tried beforehand, and what is missing is
 * said in words.
 *
 * The library prints nothing, ends no process, reads no environment and keeps nothing between
 * calls.  A function returns 0, or a descriptor, when it is done, and a negative errno when it
 * is not.  A NULL where none is allowed, an empty name or label, and a flag that is not known
 * are -EINVAL.
 *
 * Threads: AppArmor changes the label of one thread.  overmount_enter_profile() speaks of the
 * next exec of the thread that calls it, and of no other's; what that thread forks before it
 * executes anything inherits it.  execve(2) ends all other threads.  All functions can be
 * called from any thread, but two threads must not enter profiles at the same time, nor one
 * while another reads a table of mounts by getmntent(3): libapparmor calls that.
 *
 * Children: entering a profile is tried in a child that fork(2) makes, and so all that is to
 * be done in a child is (pthread_atfork(3)).  It runs no handler of a signal, cannot be traced
 * without CAP_SYS_PTRACE, dies with the calling thread, and has ended before the function
 * returns.  Until then signals to the calling thread wait.  SIGCHLD is one of them: where
 * there are no other threads a handler finds no child to wait for any more.  Where there are,
 * one that waits for any child may be told of this one; what the function returns does not
 * depend on who does, nor on SIGCHLD being ignored.
 */
#ifndef OVERMOUNT_H
#define OVERMOUNT_H

#ifdef __GNUC__
#define OVERMOUNT_CHECKED_ __attribute__((warn_unused_result))
#else
#define OVERMOUNT_CHECKED_
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* --- errors ------------------------------------------------------------------------------- */

/*
 * What went wrong.  Where a function takes an `error`, that may be NULL; otherwise *error is
 * set in any case, without a look at what it was: to NULL when the function is done, and
 * else to an error that the caller frees.  When there is no memory for one it stays NULL, and
 * the number that the function returns is all that is told.
 */
struct overmount_error;

/* The exit codes of the program overmount. */
enum overmount_error_kind {
	OVERMOUNT_ERROR_NONE = 0,
	OVERMOUNT_ERROR_INPUT = 1,    /* the arguments are wrong */
	OVERMOUNT_ERROR_SYSTEM = 2,   /* the system said no */
	OVERMOUNT_ERROR_INTERNAL = 4, /* a bug of the library */
	OVERMOUNT_ERROR_REFUSED = 16, /* cannot be done here */
	OVERMOUNT_ERROR_UNDONE = 32,  /* failed on the way, everything is back */
	OVERMOUNT_ERROR_BROKEN = 64   /* failed, and not everything could be undone */
};

/* One line without its end: `cannot VERB "X": REASON`, printable ASCII but for what the C
 * library says of an errno.  "" for NULL.  Lives as long as the error. */
const char *overmount_error_message(const struct overmount_error *error);

/* The way out, one line; "" when none is known, and for NULL.  Lives as long as the error. */
const char *overmount_error_fix(const struct overmount_error *error);

/* The errno, a positive number; 0 for NULL. */
int overmount_error_errno(const struct overmount_error *error);

/* One of enum overmount_error_kind; OVERMOUNT_ERROR_NONE for NULL. */
int overmount_error_kind(const struct overmount_error *error);

/* Frees the error, or does nothing with NULL.  Returns NULL. */
struct overmount_error *overmount_error_free(struct overmount_error *error);

/* The same for a variable that goes away: __attribute__((cleanup(overmount_error_freep))). */
static inline void overmount_error_freep(struct overmount_error **error)
{
	*error = overmount_error_free(*error);
}

/* --- programs in profiles ----------------------------------------------------------------- */

/* Enter the profile beside the label that there is (a stack), not in its place. */
#define OVERMOUNT_STACK (1U << 0)

/*
 * Opens a program for overmount_execute().  A name without slash is searched for, as by
 * execvp(3), in the directories of `search`, which are separated by colons (an empty one is
 * the working directory); with a slash it is a path, and search may be NULL.
 *
 * Returns a descriptor (O_PATH, close-on-exec), which the caller closes, or -errno with an
 * error of kind SYSTEM: -ENOENT when there is no such program, -EACCES when what there is
 * cannot be executed, and what else open(2) returns.
 */
int overmount_open_program(const char *name, const char *search,
			   struct overmount_error **error) OVERMOUNT_CHECKED_;

/*
 * Has the next exec of this thread enter the AppArmor profile with that label.  A child tries
 * beforehand to enter it and looks, if it may, at the label that it then has; whether the next
 * exec of this thread will enter it is read back.  Flags: OVERMOUNT_STACK, or 0.
 *
 * A caller that is confined itself needs rules of its own profile (docs/apparmor.md).
 *
 * Returns 0, or -errno with an error of kind REFUSED, and then nothing is changed:
 *   -ENOSYS, -ECANCELED   AppArmor is not in this kernel, or was disabled at boot
 *   -ENOENT               it cannot be asked (securityfs), or the profile is not loaded
 *   -EACCES, -EPERM       the profile of the caller does not permit it, or no_new_privs does not
 *   -EPROTO               the kernel says that it is done, and it is not: whether the next exec
 *                         enters the profile is not known
 *   -EINVAL               this kernel has no stacks, or that is no label
 *   -ECHILD, -EAGAIN, -ENOMEM and the like: there is no child, or it was killed
 *
 * AppArmor has no call that takes it back.  What is not to go on confined has to call this in
 * a child of its own.
 */
int overmount_enter_profile(const char *label, unsigned flags,
			    struct overmount_error **error) OVERMOUNT_CHECKED_;

/*
 * Executes what overmount_open_program() has opened, by execveat(2), which a filter of system
 * calls has to permit.  A script too: its interpreter finds it in /proc/self/fd, and the
 * descriptor stays open for it.  argv has at least one string, and envp is the whole
 * environment; both end with NULL.
 *
 * Returns only when it fails: -errno, as of execve(2), with an error of kind SYSTEM.  -EACCES
 * also when a profile does not permit it.  The descriptor is the caller's still.
 */
int overmount_execute(int fd, char *const argv[], char *const envp[],
		      struct overmount_error **error);

/*
 * All three in their order: opens the program (name and search, as overmount_open_program()
 * has them), has the exec enter the profile (label and flags), and executes.
 *
 * Returns only when one of them fails, as that one does.  After an error of kind SYSTEM the
 * next exec may enter the profile: who wants to know calls the three.
 */
int overmount_execute_in_profile(const char *label, unsigned flags, const char *name,
				 const char *search, char *const argv[],
				 char *const envp[], struct overmount_error **error);

#ifdef __cplusplus
}
#endif

#endif
