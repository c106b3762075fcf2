// The classes of errors of which notify_classes has postmaster told by mail.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/words.h"

namespace pennypost {

enum class ErrorClass : unsigned {
  Bounce = 1,        // mail that can't be delivered
  DoubleBounce = 2,  // the same of a report, which can't be returned either
  Data = 4,          // a table that can't be read, a message that can't be read
  Delay = 8,         // mail that is late
  Policy = 16,       // a client that may not do that
  Protocol = 32,     // a peer that does not keep to the protocol
  Resource = 64,     // a full disk, a queue that can't be written
  Software = 128,    // a mistake in the configuration
};

class ErrorClasses {
 public:
  ErrorClasses() = default;
  /// Those that a list names, as notify_classes does.
  explicit ErrorClasses(const std::vector<std::string>& names) {
    constexpr std::array rows{
        std::pair{"bounce", ErrorClass::Bounce},     std::pair{"2bounce", ErrorClass::DoubleBounce},
        std::pair{"data", ErrorClass::Data},         std::pair{"delay", ErrorClass::Delay},
        std::pair{"policy", ErrorClass::Policy},     std::pair{"protocol", ErrorClass::Protocol},
        std::pair{"resource", ErrorClass::Resource}, std::pair{"software", ErrorClass::Software}};
    for (const auto& [name, which] : rows) {
      if (holds(names, name)) add(which);
    }
  }

  void add(ErrorClass which) { bits_ |= static_cast<unsigned>(which); }
  bool has(ErrorClass which) const { return (bits_ & static_cast<unsigned>(which)) != 0; }
  /// Whether they have a class in common.
  bool meet(const ErrorClasses& others) const { return (bits_ & others.bits_) != 0; }
  bool empty() const { return bits_ == 0; }

 private:
  unsigned bits_ = 0;
};

}  // namespace pennypost
