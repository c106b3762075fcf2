#include "common/base/shared_library.h"

#include <dlfcn.h>

namespace pennypost {

Result<SharedLibrary> SharedLibrary::open(std::initializer_list<const char*> names,
                                          const std::string& package) {
  std::string reason;
  for (const char* name : names) {
    void* handle = ::dlopen(name, RTLD_NOW | RTLD_LOCAL);
    if (handle != nullptr) return SharedLibrary(handle, name);
    if (reason.empty()) reason = ::dlerror();
  }
  return Error::temporary("4.3.5", "the client library can't be loaded: " + reason +
                                       "; install it: apt-get install " + package);
}

void* SharedLibrary::address_of(const char* name) {
  void* address = ::dlsym(handle_, name);
  if (address == nullptr && missing_.empty()) missing_ = name;
  return address;
}

Result<void> SharedLibrary::complete() const {
  if (missing_.empty()) return {};
  return Error::temporary("4.3.5", name_ + " has no " + missing_ + "(): another version is needed");
}

}  // namespace pennypost
