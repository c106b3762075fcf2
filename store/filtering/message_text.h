// Reads the text of a message that is being delivered: the header alone, or all of it.
//
// Most scripts look at the header only, so that a large message stays in its file. Whole messages
// of more than large_message_bytes are in memory one at a time.
#pragma once

#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/mailbox/message.h"

namespace pennypost::store {

/// Beyond this a header is cut.
inline constexpr std::size_t filtered_header_bytes_max = 1 << 20;
inline constexpr std::size_t large_message_bytes = 1 << 20;

class MessageText {
 public:
  /// `pieces`, and what they refer to, must outlive it. Used by one thread.
  explicit MessageText(const Pieces& pieces) : pieces_(pieces) {}

  /// The header with the empty line after it, or more. Error: the message's file can't be read.
  Result<std::string_view> header();
  /// All of it.
  Result<std::string_view> whole();

 private:
  const Pieces& pieces_;
  std::optional<std::string> header_;
  std::optional<std::string> whole_;
  std::unique_lock<std::mutex> large_;
};

}  // namespace pennypost::store
