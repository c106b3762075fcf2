#include "common/base/assert.h"

#include <cstdio>
#include <cstdlib>

namespace pennypost {
namespace {

void (*panic_hook)(const char* text) = nullptr;

}  // namespace

void on_panic(void (*hook)(const char* text)) { panic_hook = hook; }

void panic(const char* expression, const char* file, int line) {
  char text[512];
  std::snprintf(text, sizeof text, "panic: %s at %s:%d", expression, file, line);
  if (panic_hook != nullptr) {
    panic_hook(text);
  } else {
    std::fprintf(stderr, "%s\n", text);
  }
  std::abort();
}

}  // namespace pennypost
