/*
 * The system calls that a command may not make.
 *
 * A list of what is forbidden, not of what is allowed: research code uses whatever its runtimes
 * use, and the namespaces do the isolating. What is here either opens large parts of the kernel to
 * attack or reaches beyond the sandbox.
 */
#include <errno.h>
#include <sched.h>
#include <seccomp.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/fail.h"
#include "base/str.h"
#include "sandbox/engine.h"

static const int forbidden[] = {
    /* other processes' memory, and the inner half's descriptors */
    SCMP_SYS(ptrace),
    SCMP_SYS(process_vm_readv),
    SCMP_SYS(process_vm_writev),
    SCMP_SYS(pidfd_getfd),
    SCMP_SYS(kcmp),
    /* mounts and namespaces: with a user namespace of its own a process could make them again */
    SCMP_SYS(mount),
    SCMP_SYS(umount2),
    SCMP_SYS(pivot_root),
    SCMP_SYS(chroot),
    SCMP_SYS(unshare),
    SCMP_SYS(setns),
    SCMP_SYS(open_tree),
    SCMP_SYS(move_mount),
    SCMP_SYS(fsopen),
    SCMP_SYS(fsconfig),
    SCMP_SYS(fsmount),
    SCMP_SYS(fspick),
    SCMP_SYS(mount_setattr),
    /* files by handle go around the mounts */
    SCMP_SYS(open_by_handle_at),
    SCMP_SYS(name_to_handle_at),
    /* large, often attacked parts of the kernel */
    SCMP_SYS(bpf),
    SCMP_SYS(userfaultfd),
    SCMP_SYS(perf_event_open),
    SCMP_SYS(io_uring_setup),
    SCMP_SYS(io_uring_enter),
    SCMP_SYS(io_uring_register),
    /* keys are not in a namespace */
    SCMP_SYS(add_key),
    SCMP_SYS(request_key),
    SCMP_SYS(keyctl),
    /* the machine itself */
    SCMP_SYS(kexec_load),
    SCMP_SYS(kexec_file_load),
    SCMP_SYS(init_module),
    SCMP_SYS(finit_module),
    SCMP_SYS(delete_module),
    SCMP_SYS(reboot),
    SCMP_SYS(swapon),
    SCMP_SYS(swapoff),
    SCMP_SYS(acct),
    SCMP_SYS(quotactl),
    SCMP_SYS(syslog),
    SCMP_SYS(settimeofday),
    SCMP_SYS(clock_settime),
    SCMP_SYS(clock_adjtime),
    SCMP_SYS(adjtimex),
    SCMP_SYS(iopl),
    SCMP_SYS(ioperm),
    SCMP_SYS(vhangup),
    SCMP_SYS(fanotify_init),
};

static int add_rules(scmp_filter_ctx filter)
{
    static const unsigned long long spaces[] = {CLONE_NEWNS,    CLONE_NEWUSER, CLONE_NEWPID,
                                                CLONE_NEWNET,   CLONE_NEWIPC,  CLONE_NEWUTS,
                                                CLONE_NEWCGROUP};
    int failed = 0;
    for (size_t i = 0; i < sizeof forbidden / sizeof *forbidden && !failed; i++) {
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), forbidden[i], 0);
        if (failed == -EDOM) /* not a call of this architecture */
            failed = 0;
    }
    for (size_t i = 0; i < sizeof spaces / sizeof *spaces && !failed; i++)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
                                  SCMP_A0(SCMP_CMP_MASKED_EQ, spaces[i], spaces[i]));
    /* Its flags lie in memory, where a filter cannot look; programs go on with clone when it is
     * missing. */
    if (!failed)
        failed = seccomp_rule_add(filter, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0);
    return failed;
}

/* The library writes it to a descriptor only. */
static int export_to(scmp_filter_ctx filter, int fd, aire_ctx *ctx, char **out, size_t *length)
{
    int failed = seccomp_export_bpf(filter, fd);
    off_t size = failed ? 0 : lseek(fd, 0, SEEK_END);
    char *program = size > 0 ? aire__calloc(ctx, (size_t)size, 1) : NULL;
    if (failed)
        return failed;
    if (!program)
        return -ENOMEM;
    if (pread(fd, program, (size_t)size, 0) != size) {
        aire_free(ctx, program);
        return -EIO;
    }
    *out = program;
    *length = (size_t)size;
    return 0;
}

aire_status aire__seccomp_program(aire_ctx *ctx, char **out, size_t *length)
{
    scmp_filter_ctx filter = seccomp_init(SCMP_ACT_ALLOW);
    if (!filter)
        return aire__fail_nomem();
    int fd = memfd_create("aire-seccomp", MFD_CLOEXEC);
    int failed = fd < 0 ? -errno : add_rules(filter);
    if (!failed) /* as a tree: the kernel tries each call when it takes the filter */
        failed = seccomp_attr_set(filter, SCMP_FLTATR_CTL_OPTIMIZE, 2);
    if (!failed)
        failed = export_to(filter, fd, ctx, out, length);
    seccomp_release(filter);
    if (fd >= 0)
        close(fd);
    if (failed == -ENOMEM)
        return aire__fail_nomem();
    return failed
               ? aire__fail_errno(AIRE_SANDBOX, -failed, "cannot make the filter of system calls")
               : AIRE_OK;
}
