// Defines strong types: numbers and texts that can't be mistaken for one another.
#pragma once

#include <compare>
#include <functional>
#include <utility>

namespace pennypost {

template <class Tag, class Rep>
class Strong {
 public:
  using Representation = Rep;
  constexpr explicit Strong(Rep value) : value_(std::move(value)) {}
  constexpr const Rep& value() const { return value_; }
  friend constexpr auto operator<=>(const Strong&, const Strong&) = default;

 private:
  Rep value_;
};

}  // namespace pennypost

template <class Tag, class Rep>
struct std::hash<pennypost::Strong<Tag, Rep>> {
  std::size_t operator()(const pennypost::Strong<Tag, Rep>& strong) const noexcept {
    return std::hash<Rep>{}(strong.value());
  }
};
