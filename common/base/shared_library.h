// Loads a library when it is first needed, as a table's client library of a database or directory:
// a host that does not need it neither links nor loads it.
//
//   struct Sqlite {
//     explicit Sqlite(SharedLibrary& from) { from.find("sqlite3_close_v2", close); }
//     decltype(&::sqlite3_close_v2) close = nullptr;
//   };
//   TRY(const Sqlite* sqlite, loaded<Sqlite>({"libsqlite3.so.0"}, "libsqlite3-0"));
#pragma once

#include <initializer_list>
#include <memory>
#include <mutex>
#include <string>

#include "common/base/result.h"

namespace pennypost {

/// Stays loaded until the process ends.
class SharedLibrary {
 public:
  /// The first of `names` that can be loaded. Error: why not, and the Debian package to install.
  static Result<SharedLibrary> open(std::initializer_list<const char*> names,
                                    const std::string& package);

  /// Sets `function` to the library's function of that name, whose type its header declares.
  template <class Function>
  void find(const char* name, Function*& function) {
    function = reinterpret_cast<Function*>(address_of(name));
  }
  /// Error: a function that was not found.
  Result<void> complete() const;

 private:
  explicit SharedLibrary(void* handle, std::string name)
      : handle_(handle), name_(std::move(name)) {}
  void* address_of(const char* name);
  void* handle_;
  std::string name_;
  std::string missing_;
};

/// The functions of a library, loaded at the first call that succeeds.
template <class Functions>
Result<const Functions*> loaded(std::initializer_list<const char*> names,
                                const std::string& package) {
  static std::mutex mutex;
  static std::unique_ptr<const Functions> functions;
  std::lock_guard lock(mutex);
  if (functions == nullptr) {
    TRY(auto library, SharedLibrary::open(names, package));
    auto found = std::make_unique<const Functions>(library);
    TRY_DO(library.complete());
    functions = std::move(found);
  }
  return functions.get();
}

}  // namespace pennypost
