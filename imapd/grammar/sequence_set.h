// Parses sets of message sequence numbers or UIDs, such as `2,4:7,12:*`, and finds what they name.
//
// STANDARDS  RFC 9051 section 9 (sequence-set), RFC 5182 section 2.1 ($)
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"

namespace pennypost::imap {

/// An inclusive range of numbers, `first` <= `last`; what `resolve` gives.
struct NumberRange {
  std::uint32_t first = 0;
  std::uint32_t last = 0;
  friend bool operator==(const NumberRange&, const NumberRange&) = default;
};

class SequenceSet {
 public:
  SequenceSet() = default;

  /// `text` is the whole set; at most `ranges_max` ranges. Errors are 501.
  static Result<SequenceSet> parse(std::string_view text, std::size_t ranges_max);
  /// `$`: the saved result of the last SEARCH (RFC 5182).
  bool is_saved_result() const { return saved_; }
  /// One number, or `*`.
  bool names_one() const { return ranges_.size() == 1 && ranges_[0].from == ranges_[0].to; }
  bool empty() const { return ranges_.empty() && !saved_; }
  /// `*` alone or as an end of a range.
  bool has_star() const;
  /// The largest number written in digits; 0 if there is none.
  std::uint32_t largest_number() const;
  /// The ranges in ascending order, merged, with `*` standing for `largest`. With `largest` 0 (an
  /// empty mailbox) a `*` names nothing.
  std::vector<NumberRange> resolve(std::uint32_t largest) const;

 private:
  static constexpr std::uint32_t star = 0;
  struct Range {
    std::uint32_t from;
    std::uint32_t to;
  };
  std::vector<Range> ranges_;
  bool saved_ = false;
};

/// Sorts `ranges` and joins those that touch.
std::vector<NumberRange> merged(std::vector<NumberRange> ranges);
/// Whether `number` lies in one of `ranges`, which are as `merged` gives them.
bool contains(const std::vector<NumberRange>& ranges, std::uint32_t number);
/// How many numbers the ranges hold.
std::uint64_t count(const std::vector<NumberRange>& ranges);

/// Numbers one by one, in ascending order, into the shortest ranges: `1:3,7`.
class RangeBuilder {
 public:
  void add(std::uint32_t number);
  const std::vector<NumberRange>& ranges() const { return ranges_; }

 private:
  std::vector<NumberRange> ranges_;
};

/// The notation of a set: `1:3,7`.
std::string to_text(const std::vector<NumberRange>& ranges);

}  // namespace pennypost::imap
