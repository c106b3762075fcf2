// Reads the message of an Attempt in order, from memory or from the file that came with it.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>

#include "common/base/file.h"
#include "common/base/result.h"
#include "smtpd/delivery/messages.h"
#include "store/mailbox/message.h"

namespace pennypost::smtp {

/// The pieces of the message: added text and ranges of the body. They refer to `attempt` and to
/// `body` (the body's file, or -1 if it is inline). Error: a range beyond the end of the body.
Result<store::Pieces> message_pieces(const Attempt& attempt, int body);

/// The header of a message and the empty line after it, at most `bytes_max`.
Result<std::string> message_header(const store::Pieces& pieces, std::size_t bytes_max);

/// Passes every byte in order, in parts, to `take` until it returns false.
template <class Take>
Result<void> read_pieces(const store::Pieces& pieces, Take take);

template <class Take>
Result<void> read_pieces(const store::Pieces& pieces, Take take) {
  constexpr std::uint64_t part_bytes = 128 * 1024;
  for (const auto& piece : pieces) {
    if (const auto* text = std::get_if<std::string_view>(&piece)) {
      if (!take(*text)) return {};
      continue;
    }
    const auto& range = std::get<store::FileRange>(piece);
    for (std::uint64_t from = 0; from < range.length;) {
      auto wanted = std::min(part_bytes, range.length - from);
      TRY(auto part, read_exactly(range.descriptor, range.offset + from, wanted, "the message"));
      if (!take(std::string_view(part))) return {};
      from += part.size();
    }
  }
  return {};
}

}  // namespace pennypost::smtp
