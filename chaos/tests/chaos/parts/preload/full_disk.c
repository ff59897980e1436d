/* Lets writes to the files below FULL_DISK_FOLDER fail with ENOSPC while the file FULL_DISK_FLAG
 * exists. Overwriting fails too, as on a file system that copies on write. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

static char *folder, *flag;

__attribute__((constructor)) static void start(void) {
    /* Copies, because Postgres overwrites its environment with the title of the process. */
    char *value = getenv("FULL_DISK_FOLDER");
    if (value) folder = strdup(value);
    value = getenv("FULL_DISK_FLAG");
    if (folder && value) flag = strdup(value);
}

/* The usual case, a disk with space, costs one call of access(). */
static int is_full(int fd) {
    int error = errno;
    char link[32], path[PATH_MAX];
    int full = 0;
    if (flag && access(flag, F_OK) == 0) {
        snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
        size_t length = strlen(folder);
        ssize_t found = readlink(link, path, sizeof path);
        full = found > (ssize_t)length && memcmp(path, folder, length) == 0 && path[length] == '/';
    }
    errno = error;
    return full;
}

static int extends(int fd, off_t size) {
    struct stat now;
    return fstat(fd, &now) == 0 && size > now.st_size;
}

/* The function NAME fails as FAILURE says while FULL holds. Otherwise it is the one of the libc. */
#define REPLACE(TYPE, NAME, PARAMETERS, ARGUMENTS, FULL, FAILURE) \
    TYPE NAME PARAMETERS {                                        \
        static TYPE(*next) PARAMETERS;                            \
        if (!next) next = dlsym(RTLD_NEXT, #NAME);                \
        if (FULL) FAILURE;                                        \
        return next ARGUMENTS;                                    \
    }
#define FAIL return errno = ENOSPC, -1

#define WRITE(NAME, PARAMETERS, ARGUMENTS) REPLACE(ssize_t, NAME, PARAMETERS, ARGUMENTS, is_full(fd), FAIL)
WRITE(write, (int fd, const void *from, size_t size), (fd, from, size))
WRITE(writev, (int fd, const struct iovec *from, int count), (fd, from, count))
WRITE(pwrite, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
WRITE(pwrite64, (int fd, const void *from, size_t size, off_t at), (fd, from, size, at))
WRITE(pwritev, (int fd, const struct iovec *from, int count, off_t at), (fd, from, count, at))
WRITE(pwritev64, (int fd, const struct iovec *from, int count, off_t at), (fd, from, count, at))

#define ALLOCATE(NAME) REPLACE(int, NAME, (int fd, int mode, off_t at, off_t size), (fd, mode, at, size), is_full(fd), FAIL)
ALLOCATE(fallocate)
ALLOCATE(fallocate64)

#define POSIX_ALLOCATE(NAME) REPLACE(int, NAME, (int fd, off_t at, off_t size), (fd, at, size), is_full(fd), return ENOSPC)
POSIX_ALLOCATE(posix_fallocate)
POSIX_ALLOCATE(posix_fallocate64)

#define RESIZE(NAME) REPLACE(int, NAME, (int fd, off_t size), (fd, size), is_full(fd) && extends(fd, size), FAIL)
RESIZE(ftruncate)
RESIZE(ftruncate64)

/* libfaketime shares a counter between processes, in files that a killed process would leave in
 * /dev/shm. It works without the counter, which no clock here uses. */
sem_t *sem_open(const char *name, int flags, ...) {
    (void)name, (void)flags;
    errno = ENOSYS;
    return SEM_FAILED;
}
