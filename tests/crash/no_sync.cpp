// A program's calls to sync in, nothing out: preloaded to see that the power-cut test notices.
#include <unistd.h>

extern "C" {
int fsync(int) { return 0; }
int fdatasync(int) { return 0; }
int syncfs(int) noexcept { return 0; }
int sync_file_range(int, long, long, unsigned) { return 0; }
void sync() noexcept {}
int msync(void*, unsigned long, int) { return 0; }
}
