#include "common/process/title.h"

#include <sys/prctl.h>
#include <unistd.h>

#include <algorithm>
#include <cstring>

namespace pennypost {
namespace {

char* arguments = nullptr;
std::size_t arguments_size = 0;

}  // namespace

void remember_arguments(int argc, char** argv) {
  // Arguments and environment are in one block; the environment is moved to make room.
  arguments = argv[0];
  char* end = argv[argc - 1] + std::strlen(argv[argc - 1]) + 1;
  int count = 0;
  while (environ[count] != nullptr) {
    if (environ[count] == end) end = environ[count] + std::strlen(environ[count]) + 1;
    ++count;
  }
  for (int i = 0; i < count; ++i) environ[i] = strdup(environ[i]);
  arguments_size = static_cast<std::size_t>(end - arguments);
}

void set_process_title(const std::string& title) {
  prctl(PR_SET_NAME, title.substr(0, 15).c_str());
  if (arguments_size == 0) return;
  std::size_t count = std::min(title.size(), arguments_size - 1);
  std::memset(arguments, 0, arguments_size);
  std::memcpy(arguments, title.data(), count);
}

}  // namespace pennypost
