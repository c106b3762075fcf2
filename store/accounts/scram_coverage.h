// Tells whether every own user can log in by SCRAM, that is, has SCRAM keys or a clear-text
// password from which they can be derived.
//
// A client picks the best mechanism that a server announces and gives up when that one fails, so
// SCRAM may be announced only where no right password fails with it. The whole credentials map is
// read once for each new generation of it; otherwise a call only compares the map's stamp.
//
// May be used by several threads. Blocks: use offload.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "store/maps/map.h"

namespace pennypost::store {

class ScramCoverage {
 public:
  /// Null if there are no own users.
  explicit ScramCoverage(std::shared_ptr<const Map> credentials)
      : credentials_(std::move(credentials)) {}

  /// False also if the map can't be read or listed now. True for a map without entries.
  bool is_complete() const;

 private:
  std::shared_ptr<const Map> credentials_;
  mutable std::mutex mutex_;
  mutable std::string stamp_;  // of the entries that `is_complete_` was computed from
  mutable std::optional<bool> is_complete_;
};

}  // namespace pennypost::store
