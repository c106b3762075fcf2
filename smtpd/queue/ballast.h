// Reserves space on the queue's disk and frees it when the disk is full, so that the outcomes of
// deliveries can still be recorded.
//
// The space is a file of `queue_ballast` bytes, allocated in full. All functions block: use
// offload.
#pragma once

#include <cstdint>
#include <filesystem>

#include "common/base/result.h"

namespace pennypost::smtp {

class Ballast {
 public:
  Ballast(std::filesystem::path file, std::uint64_t bytes)
      : file_(std::move(file)), bytes_(bytes) {}

  /// Creates the file if it is missing or too short, but only if the same amount again remains
  /// free. Errors: 452 (no space), 451.
  Result<void> make() const;
  /// Removes the file; true if there was one.
  bool release() const;
  bool is_there() const;

 private:
  std::filesystem::path file_;
  std::uint64_t bytes_;
};

}  // namespace pennypost::smtp
