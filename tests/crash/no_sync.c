/* Every call that would put something on the disk in, success and nothing on the disk out.
 *
 * LD_PRELOAD of power_test.py, which must fail with it: a test that passes over this shows nothing. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <unistd.h>

int fsync(int file) { (void)file; return 0; }
int fdatasync(int file) { (void)file; return 0; }
int syncfs(int file) { (void)file; return 0; }
void sync(void) {}

int sync_file_range(int file, off64_t offset, off64_t bytes, unsigned int flags) {
  (void)file, (void)offset, (void)bytes, (void)flags;
  return 0;
}

/* Nor is the page cache left out. */
int fcntl64(int file, int command, ...) {
  va_list arguments;
  va_start(arguments, command);
  long argument = va_arg(arguments, long);
  va_end(arguments);
  if (command == F_SETFL) argument &= ~(O_DIRECT | O_DSYNC | O_SYNC);
  return (int)syscall(SYS_fcntl, file, command, argument);
}
int fcntl(int file, int command, ...) __attribute__((alias("fcntl64")));

int msync(void* address, size_t bytes, int flags) {
  (void)address, (void)bytes, (void)flags;
  return 0;
}
