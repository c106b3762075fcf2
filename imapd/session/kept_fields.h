// Reads the header fields by which messages are searched, sorted and threaded, from the index if
// they are kept there, so that most such commands open no file the second time.
//
// SEE ALSO   ../search/searcher.h, ../order/sorter.h, ../order/thread_collector.h (who asks)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// More of a header is not looked at; more than any real one has.
inline constexpr std::uint64_t header_octets_max = 1 << 20;

/// Whether the index keeps fields of that name: those that ENVELOPE tells, and References.
bool is_kept_field(std::string_view name);

/// The fields that the index keeps of a message; nothing if it keeps none yet.
std::optional<std::string> find_kept_fields(store::Mailbox& mailbox, store::Uid uid);

/// Keeps of `header` what is_kept_field().
void keep_fields(store::Mailbox& mailbox, store::Uid uid, std::string_view header);

/// A header with those fields at least. Errors are the store's.
Result<std::string> kept_fields(store::Mailbox& mailbox, store::Uid uid);

}  // namespace pennypost::imap
