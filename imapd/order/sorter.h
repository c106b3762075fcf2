// Puts messages into the order of a SORT.
//
// It reads of each message what the criteria compare, then sorts; both in steps, on the account's
// threads. A message takes 12 octets and 8 for each criterion, and its texts, which are compared by
// their first `sort_text_octets_max` octets.
//
// STANDARDS  RFC 5256 section 3 (SORT), RFC 5957 (DISPLAYFROM, DISPLAYTO), RFC 6203 (RELEVANCY)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "imapd/grammar/sort.h"
#include "imapd/session/selected.h"

namespace pennypost::imap {

inline constexpr std::size_t sort_text_octets_max = 255;

class Sorter {
 public:
  /// `numbers` are the message numbers to be sorted, ascending. `scores` are those for RELEVANCY,
  /// by message number. `selected` outlives it.
  Sorter(Selected& selected, std::vector<SortCriterion> criteria,
         std::vector<std::uint32_t> numbers, std::vector<std::uint8_t> scores = {});

  /// Goes on with about so many messages, or as many as about `octets` of reading allow; false when
  /// all are in order. A message that is gone or can't be read is left out; before one that another
  /// program has locked it stops, and is_held_up().
  bool run(std::size_t messages, std::uint64_t octets);
  /// The message numbers in their order.
  std::vector<std::uint32_t> take();
  /// Instead of take(): the messages that were sorted are put into `ordered`, message numbers that
  /// are in order already. Of those it reads as many as a binary search compares; one that can't be
  /// read is left out. Nothing if it is_held_up(); call it again after a while.
  std::optional<std::vector<std::uint32_t>> put_into(std::vector<std::uint32_t> ordered);
  /// The error of a locked message at which the last call has stopped.
  const std::optional<Error>& held_up_by() const { return held_up_by_; }
  bool is_held_up() const { return held_up_by_.has_value(); }
  /// Why the first was left out that could not be read, though it is there.
  const std::optional<Error>& failure() const { return failure_; }

 private:
  using Key = SortCriterion::Key;
  struct Subject;
  void note(const Error& error);
  bool read(std::uint32_t number, std::uint64_t& octets);
  std::optional<std::uint32_t> place_of(std::uint32_t number);
  Result<std::int64_t> value_of(Key key, Subject& subject);
  std::int64_t keep_text(std::string_view utf8);
  std::string_view text_at(std::int64_t value) const;
  bool comes_before(std::uint32_t a, std::uint32_t b) const;
  bool sort_some(std::size_t messages);

  Selected& selected_;
  std::vector<SortCriterion> criteria_;
  std::vector<std::uint32_t> numbers_;  // by place, of what was read
  std::vector<std::uint8_t> scores_;
  std::size_t read_ = 0;              // of numbers_
  std::size_t kept_ = 0;              // of those, how many could be read: they come first
  std::vector<std::int64_t> values_;  // of each message that was read, one for each criterion
  std::string texts_;                 // an octet for the length before each
  // Places in values_, and what a pass of the merge sort writes to.
  std::vector<std::uint32_t> order_;
  std::vector<std::uint32_t> merged_;
  std::size_t run_length_ = 0;  // of what is sorted in order_; 0: nothing yet
  std::size_t at_ = 0;          // how far this pass has got
  // Places in values_ and numbers_ of what put_into() has compared, by message number.
  std::unordered_map<std::uint32_t, std::uint32_t> compared_;
  std::optional<Error> held_up_by_;
  std::optional<Error> failure_;
};

}  // namespace pennypost::imap
