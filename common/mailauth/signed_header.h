// Selects the header fields that a signature names, and hashes them.
//
// LIMITS     signed_fields_max
// STANDARDS  RFC 6376 sections 3.7 and 5.4.2
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "common/crypto/digest.h"
#include "common/mail/header.h"
#include "common/mailauth/canonical.h"

namespace pennypost {

inline constexpr std::size_t signed_fields_max = 10'000;

/// The fields of a header by name. The header's text must outlive it.
class SignedHeader {
 public:
  explicit SignedHeader(std::string_view header);

  /// Whether the header has more than signed_fields_max fields; the rest was not read.
  bool is_too_long() const { return is_too_long_; }
  const std::vector<HeaderField>& fields() const { return fields_; }
  /// How many fields have the name, in lower case.
  std::size_t count(std::string_view name) const;

  /// Adds the fields that `names`, in lower case, select: the last field of a name first, then the
  /// one above it; a name without a field left adds nothing. The field at `own` is never selected,
  /// since a signature can't sign itself.
  void add_to(Sha256& sha, Canonical form, const std::vector<std::string>& names,
              std::size_t own) const;

 private:
  std::vector<HeaderField> fields_;
  std::map<std::string, std::vector<std::size_t>, std::less<>> by_name_;  // from top to bottom
  bool is_too_long_ = false;
};

}  // namespace pennypost
