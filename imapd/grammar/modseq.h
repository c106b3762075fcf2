// Parses mod-sequences, and the QRESYNC parameter of SELECT.
//
//   a1 SELECT INBOX (QRESYNC (67890007 90060115194045000 41:211,214:541 (5,9 12,24)))
//
// STANDARDS  RFC 7162 section 7
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "common/base/result.h"
#include "imapd/grammar/limits.h"
#include "imapd/grammar/requests.h"
#include "imapd/grammar/sequence_set.h"

namespace pennypost::imap {

/// The mod-sequence that is a modifier's value, at least `least` (0 or 1). Error 501.
Result<std::uint64_t> parse_modseq(const Modifier& modifier, std::uint64_t least,
                                   const Limits& limits);

/// What a client remembers of a mailbox.
struct Resync {
  std::uint32_t uid_validity = 0;
  std::uint64_t modseq = 0;
  /// Nothing: all that the mailbox may have had.
  std::optional<SequenceSet> known;
  /// Some message numbers, and the UIDs that they had; both empty if the client sends none.
  SequenceSet numbers;
  SequenceSet uids;
};
/// `value` is that of the modifier QRESYNC, with its parentheses. Error 501.
Result<Resync> parse_resync(std::string_view value, const Limits& limits);

}  // namespace pennypost::imap
