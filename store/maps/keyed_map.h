// A table that has keys of its own, as those of files do. A domain may be asked for in Unicode or
// as an A-label and be written in the table in either way, so both spellings are looked up.
#pragma once

#include "common/mail/idn.h"
#include "store/maps/map.h"

namespace pennypost::store {

class KeyedMap : public Map {
 public:
  using Map::Map;
  Result<std::optional<std::string>> lookup(std::string_view key) const final {
    auto value = find(key);
    if (!value || *value) return value;
    auto other = other_spelling(key);
    return other ? find(*other) : value;
  }

 private:
  /// The value of `key` as it is spelt here; Error: it can't be said now.
  virtual Result<std::optional<std::string>> find(std::string_view key) const = 0;
};

}  // namespace pennypost::store
