/* A user database that hangs, for tests: look-ups of names that begin with `slow` return only when the
 * file that HANGING names has gone. Loaded before libc by LD_PRELOAD. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <pwd.h>
#include <string.h>
#include <unistd.h>

typedef int look_up(const char *, struct passwd *, char *, size_t, struct passwd **);

int getpwnam_r(const char *name, struct passwd *entry, char *buffer, size_t size, struct passwd **found) {
  if (strncmp(name, "slow", 4) == 0) {
    while (access(HANGING, F_OK) == 0) usleep(20000);
  }
  look_up *real = (look_up *)dlsym(RTLD_NEXT, "getpwnam_r");
  return real(name, entry, buffer, size, found);
}
