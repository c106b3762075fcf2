// Keeps header fields in the index: those by which messages are searched, sorted and threaded, and
// those that clients list by FETCH. So most such commands open no file the second time.
//
// A value names the fields that it was made for, so that each message has what its clients ask for,
// and nothing else need be remembered:
//
//   value = ("+" / "-") [name *(SP name)] LF fields [CRLF]
//   "+"   = the header ends in an empty line, which follows the fields
//   name  = in lower case, of a field that is_kept_field() does not name
//
// LIMITS     octets_max a message, further_names_max
// SEE ALSO   ../search/searcher.h, ../order/sorter.h, ../order/thread_collector.h,
//            ../fetch/fetch_message.h (who asks)
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "store/mailbox/mailbox.h"

namespace pennypost::imap {

/// More of a header is not looked at; more than any real one has.
inline constexpr std::uint64_t header_octets_max = 1 << 20;

/// Whether a header ends in an empty line.
bool has_empty_line(std::string_view header);

/// Whether the index keeps fields of that name of each message: those that ENVELOPE tells, and
/// References.
bool is_kept_field(std::string_view name);

/// What the index keeps of one message's header.
class KeptFields {
 public:
  static constexpr std::size_t octets_max = 16 << 10;
  static constexpr std::size_t further_names_max = 40;

  /// Nothing if it keeps none yet.
  static std::optional<KeptFields> find(store::Mailbox& mailbox, store::Uid uid);
  /// Keeps of `header` what is_kept_field(), what is in `names`, and what was kept before. If that
  /// is too much, what was kept before gives way, for nobody may ask for it any more; if it is too
  /// much even so, all stays as it was.
  static void keep(store::Mailbox& mailbox, store::Uid uid, std::string_view header,
                   std::span<const std::string> names = {}, const KeptFields* before = nullptr);

  /// Whether all fields of these names that the message has are here.
  bool has(std::span<const std::string> names) const;
  /// The fields in the message's order, with the empty line that ends its header, if one does.
  const std::string& header() const { return header_; }

 private:
  using Names = std::vector<std::string>;
  static std::optional<std::string> value_of(std::string_view header,
                                             std::span<const std::string> names, Names further);

  Names further_names_;
  std::string header_;
};

/// A header with the fields that the index keeps of each message at least. Errors are the store's.
Result<std::string> kept_fields(store::Mailbox& mailbox, store::Uid uid);

}  // namespace pennypost::imap
