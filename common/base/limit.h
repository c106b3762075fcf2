// Limit: an upper bound that may be absent. 0 is no limit, as Postfix and Dovecot write it.
#pragma once

#include <cstdint>

namespace pennypost {

class Limit {
 public:
  /// No limit.
  constexpr Limit() = default;
  /// At most `most`; 0: no limit.
  constexpr explicit Limit(std::uint64_t most) : most_(most) {}

  constexpr bool is_none() const { return most_ == 0; }
  constexpr bool allows(std::uint64_t count) const { return is_none() || count <= most_; }
  /// Whether one more may join `count`.
  constexpr bool has_room_beside(std::uint64_t count) const { return is_none() || count < most_; }
  /// As it is written; 0: no limit.
  constexpr std::uint64_t value() const { return most_; }

  friend constexpr bool operator==(Limit, Limit) = default;

 private:
  std::uint64_t most_ = 0;
};

}  // namespace pennypost
