// Reads the message of an Attempt in order, in memory or from the file beside it.
#pragma once

#include <string>
#include <string_view>

#include "common/base/result.h"
#include "smtpd/delivery/messages.h"
#include "store/mailbox/message.h"

namespace pennypost::smtp {

/// The pieces of the message, text of ours and ranges of the body; they refer to `attempt` and to
/// `body` (the body's file, -1 where it is inline). Error: a range that lies beyond the body.
Result<store::Pieces> message_pieces(const Attempt& attempt, int body);

/// The first bytes of a message, up to and with the empty line behind its header, at most
/// `bytes_max`.
Result<std::string> message_header(const store::Pieces& pieces, std::size_t bytes_max);

/// Reads every byte in order, in parts, until `take` says false.
template <class Take>
Result<void> read_pieces(const store::Pieces& pieces, Take take);

/// A part of a range, for read_pieces.
Result<std::string> read_range(const store::FileRange& range, std::uint64_t from, std::size_t most);

template <class Take>
Result<void> read_pieces(const store::Pieces& pieces, Take take) {
  constexpr std::size_t part_bytes = 128 * 1024;
  for (const auto& piece : pieces) {
    if (const auto* text = std::get_if<std::string_view>(&piece)) {
      if (!take(*text)) return {};
      continue;
    }
    const auto& range = std::get<store::FileRange>(piece);
    for (std::uint64_t from = 0; from < range.length;) {
      TRY(auto part, read_range(range, from, part_bytes));
      if (!take(std::string_view(part))) return {};
      from += part.size();
    }
  }
  return {};
}

}  // namespace pennypost::smtp
