// Reads what a THREAD needs of each message, in steps, and has them put into threads.
//
// STANDARDS  RFC 5256 section 3 (THREAD)
// SEE ALSO   threader.h (the algorithms)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "imapd/grammar/sort.h"
#include "imapd/order/threader.h"
#include "imapd/session/selected.h"

namespace pennypost::imap {

class ThreadCollector {
 public:
  /// `numbers` are message numbers, ascending. `selected` outlives it.
  ThreadCollector(Selected& selected, ThreadRequest::Algorithm algorithm,
                  std::vector<std::uint32_t> numbers)
      : selected_(selected),
        algorithm_(algorithm),
        numbers_(std::move(numbers)),
        threader_(algorithm) {}

  /// Reads about so many more messages, or as many as about `octets` allow; false when none is
  /// left. One that is gone or can't be read is left out; before one that another program has
  /// locked it stops, and held_up_by() has the error.
  bool run(std::size_t messages, std::uint64_t octets);
  const std::optional<Error>& held_up_by() const { return held_up_by_; }
  /// Why the first was left out that could not be read, though it is there.
  const std::optional<Error>& failure() const { return failure_; }
  /// The threads, with UIDs.
  std::string finish() { return threader_.finish(&selected_.view()); }
  /// Whether all messages could be read.
  bool is_whole() const { return is_whole_; }

 private:
  Result<void> read(std::uint32_t number, std::uint64_t& octets);

  Selected& selected_;
  ThreadRequest::Algorithm algorithm_;
  std::vector<std::uint32_t> numbers_;
  std::size_t next_ = 0;
  bool is_whole_ = true;
  std::optional<Error> held_up_by_;
  std::optional<Error> failure_;
  Threader threader_;
};

}  // namespace pennypost::imap
