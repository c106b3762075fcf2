// Keeps scripts compiled, for as long as their files do not change.
//
// A script of ten rules, one with a regular expression, is parsed and checked in some 30 µs of
// processor time (and run in 8 µs), about what opening and reading a compiled form beside it would
// cost; so none is written, and a process compiles each script once.
//
// A file is known by inode, size and modification time. May be used by several threads. Blocks: use
// offload.
//
// LIMITS   scripts_kept_max, script_bytes_max
// SEE ALSO ../sieve/checker.h
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "common/base/result.h"
#include "store/mailbox/file.h"
#include "store/sieve/checker.h"

namespace pennypost::store {

class ScriptCache {
 public:
  static constexpr std::size_t scripts_kept_max = 2000;

  /// That of the process.
  static ScriptCache& own();

  /// The script at a path, for a use that offers these extensions; nothing if there is none. Its
  /// `script` is null if it has mistakes.
  /// Error: it can't be read, is no regular file, or has more than `bytes_max`.
  Result<std::optional<sieve::CompiledScript>> at(const std::string& path, std::uint64_t bytes_max,
                                                  const sieve::Extensions& offered);

 private:
  struct Kept {
    FileStamp stamp;
    sieve::CompiledScript compiled;
  };
  std::mutex mutex_;
  std::map<std::pair<std::string, std::uint64_t>, Kept> kept_;  // by path and extensions
};

}  // namespace pennypost::store
