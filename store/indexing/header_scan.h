// Finds the texts of those keys of a SEARCH that name a header field, all of them in one pass.
//
// SUBJECT and HEADER look into a field as readers see it; FROM and its like into the addresses, as
// ENVELOPE shows them.
//
// STANDARDS  RFC 9051 section 6.4.4
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/header.h"
#include "common/mail/key_search.h"

namespace pennypost::store {

class HeaderKeys {
 public:
  /// Where a key is looked for.
  enum class In { Text, Addresses };
  /// The texts of a field that such keys look into.
  static std::vector<std::string> texts_of(const HeaderField& field, In where);
  /// A key of those that are asked for the fields of one name.
  struct Number {
    std::size_t group = 0;
    std::size_t key = 0;
  };

  /// `text` in UTF-8; an empty one asks whether there is such a field.
  Number add(In where, std::string_view field, std::string_view text);
  void compile();
  bool empty() const { return groups_.empty(); }
  /// Of all keys, folded.
  std::size_t octets() const;

 private:
  friend class HeaderScan;
  struct Group {
    std::string field;  // in lower case
    In where;
    // Its address is kept by scans.
    std::unique_ptr<KeySet> keys;
  };
  std::size_t group_of(In where, std::string_view field);
  std::vector<Group> groups_;
  // Their numbers, by the field's name.
  std::vector<std::size_t> sorted_;
};

/// What of the keys one header holds.
class HeaderScan {
 public:
  HeaderScan(const HeaderKeys& keys, std::string_view header);
  bool has(HeaderKeys::Number number) const {
    const auto& scan = scans_[number.group];
    return scan && scan->has(number.key);
  }

 private:
  void look_at(const HeaderKeys& keys, const HeaderField& field);
  // Of each group; nothing where no field has that name.
  std::vector<std::optional<KeyScan>> scans_;
};

}  // namespace pennypost::store
