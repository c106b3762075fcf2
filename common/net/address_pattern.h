// Matches IPv4 addresses against a pattern: the replies of a DNS block list that count.
//
// `127.0.0.2` is itself; a part in brackets is a list of numbers and ranges: `127.0.0.[2;4..6]`.
//
// STANDARDS  Postfix's reject_rbl_client (rbl_domain=d.d.d.d)
#pragma once

#include <array>
#include <cstdint>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost {

class AddressPattern {
 public:
  /// Error: not four parts, a number above 255, a range that ends before it begins, or a bracket
  /// without its other.
  static Result<AddressPattern> parse(std::string_view text);
  /// Whether it holds the address, which is four numbers: `127.0.0.4`.
  bool matches(std::string_view address) const;

 private:
  struct Span {
    std::uint8_t first;
    std::uint8_t last;
  };
  std::array<std::vector<Span>, 4> parts_;
};

}  // namespace pennypost
