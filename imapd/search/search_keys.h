// Prepares the keys of a SEARCH, so that they can be asked of many messages.
//
// Numbers, flags and keywords are resolved, children sorted so that the cheapest is asked first,
// and the texts converted, folded and gathered: one pass over a message looks for all of them.
//
// STANDARDS  RFC 9051 section 6.4.4
// SEE ALSO   searcher.h (who asks), ../grammar/search.h (the keys as the client gave them)
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/key_search.h"
#include "imapd/grammar/search.h"
#include "imapd/grammar/sequence_set.h"
#include "imapd/search/narrowing.h"
#include "imapd/search/text_scan.h"
#include "imapd/session/selected.h"
#include "store/indexing/header_scan.h"

namespace pennypost::imap {

/// A key ready to be asked.
struct PreparedKey {
  SearchKey::Kind kind = SearchKey::Kind::All;
  bool negated = false;
  /// What must be read of a message to answer, from nothing (0) to all of it (3).
  int cost = 0;
  std::vector<PreparedKey> children;  // the cheapest first
  std::vector<NumberRange> numbers;   // message sequence numbers
  std::int64_t value = 0;             // a day, seconds or octets
  store::Flags flags;
  store::KeywordSet keywords = 0;
  bool is_recent = false;
  std::string id;  // of EMAILID
  store::HeaderKeys::Number header;
  std::size_t text = 0;               // of PreparedKeys::texts
  std::optional<std::size_t> needle;  // of PreparedKeys::needles
  bool fuzzy = false;
};

/// All keys of one SEARCH.
struct PreparedKeys {
  PreparedKey root;
  std::uint64_t count = 0;
  std::unique_ptr<KeySet> texts = std::make_unique<KeySet>();  // of BODY and TEXT
  store::HeaderKeys headers;
  /// What the index of words is asked for.
  std::vector<WordNeedle> needles;
  /// Whether BODY, TEXT or both are among the keys; nothing: neither.
  std::optional<TextScan::Asked> asked;
  /// Some key is FUZZY.
  bool has_fuzzy = false;
  /// The fields that keys name.
  std::vector<std::string> fields;
};

/// Errors: 501 for a text that is not valid in its charset, and
/// for more than key_octets_max of texts; 550 with [BADCHARSET] for an unknown charset.
Result<PreparedKeys> prepare_keys(const SearchRequest& request, const Selected& selected,
                                  const store::Mailbox& mailbox);

}  // namespace pennypost::imap
