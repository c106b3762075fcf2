// Sets room aside on the queue's disk and gives it back when the disk is full, so that outcomes of
// deliveries can still be recorded.
//
// A file of `queue_ballast` bytes, truly allocated. All functions block: use offload.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/base/result.h"

namespace pennypost::smtp {

class Ballast {
 public:
  Ballast(std::filesystem::path file, std::uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes) {}

  /// Makes it where it is missing or short, but only if as much again stays free besides.
  /// Error 452 while there is no room, 451 for other reasons.
  Result<void> make() const;
  /// Frees it; true if there was one.
  bool release() const;
  bool is_there() const;

 private:
  std::filesystem::path file_;
  std::uint64_t bytes_;
};

}  // namespace pennypost::smtp
