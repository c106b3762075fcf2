// Collects why the code decides as it does, for a command that explains a decision.
//
// Where something is decided the code says so by Explanation::add(), which costs one comparison
// while nobody listens. What is said on the thread that made an Explanation, while it lives, is
// kept.
//
//   Explanation explanation;
//   router.resolve(recipient, sender);
//   for (const auto& reason : explanation.take()) std::cout << reason << "\n";
//
// LIMITS  explanation_reasons_max; what is said after them is not kept
#pragma once

#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace pennypost {

inline constexpr std::size_t explanation_reasons_max = 1000;

class Explanation {
 public:
  Explanation() : outer_(std::exchange(current_, this)) {}
  Explanation(const Explanation&) = delete;
  Explanation& operator=(const Explanation&) = delete;
  ~Explanation() { current_ = outer_; }

  /// `make` returns the sentence, and is called only if somebody listens.
  template <class Make>
  static void add(Make make) {
    if (current_ == nullptr) [[likely]]
      return;
    if (current_->reasons_.size() < explanation_reasons_max) current_->reasons_.push_back(make());
  }

  /// What has been said since the last call.
  std::vector<std::string> take() { return std::exchange(reasons_, {}); }

 private:
  static inline thread_local Explanation* current_ = nullptr;
  Explanation* outer_;
  std::vector<std::string> reasons_;
};

}  // namespace pennypost
