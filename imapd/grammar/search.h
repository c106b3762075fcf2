// Parses the arguments of SEARCH into a tree of keys.
//
// A list of keys is one And; NEW, OLD, UNSEEN and their like become plain keys with `negated`.
// Texts stay in the charset that the client named: they are converted when the keys are prepared.
//
// STANDARDS  RFC 9051 section 6.4.4, RFC 3501 section 6.4.4 (RECENT, NEW, OLD), RFC 4731 (RETURN),
//            RFC 5032 (YOUNGER, OLDER), RFC 5182 ($, SAVE), RFC 7162 (MODSEQ), RFC 8474 (EMAILID,
//            THREADID), RFC 8514 (SAVEDBEFORE and its like), RFC 5267 (UPDATE, CONTEXT),
//            RFC 9394 (PARTIAL), RFC 6203 (FUZZY, RELEVANCY)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/cursor.h"
#include "imapd/grammar/fetch.h"
#include "imapd/grammar/partial_result.h"

namespace pennypost::imap {

struct SearchKey {
  enum class Kind {
    All,
    /// Every one of `children`.
    And,
    /// One of `children`.
    Or,
    /// `set`, message sequence numbers.
    Sequence,
    /// `set`, UIDs.
    Uids,
    /// `text`: a system flag (`\Seen`, `\Recent`) or a keyword.
    Flag,
    /// `text` in the addresses of the fields named `field`, as ENVELOPE shows them.
    Address,
    /// `text` in the header fields named `field`; an empty text asks whether the field is there.
    Header,
    /// `text` in the body.
    Body,
    /// `text` in header or body.
    Text,
    /// INTERNALDATE's day is before, on, or on and after `day`.
    Before,
    On,
    Since,
    /// The same for the Date: field.
    SentBefore,
    SentOn,
    SentSince,
    /// Size in octets is greater or smaller than `number`.
    Larger,
    Smaller,
    /// INTERNALDATE is less, or at least, `number` seconds ago.
    Younger,
    Older,
    /// As Before, On and Since, of the day when the message came into the mailbox.
    SavedBefore,
    SavedOn,
    SavedSince,
    SaveDateSupported,
    /// The EMAILID, or THREADID, is `text`.
    EmailId,
    ThreadId,
    /// The mod-sequence is at least `number`.
    ModSeq,
  };
  Kind kind = Kind::All;
  bool negated = false;
  /// It need match only nearly.
  bool fuzzy = false;
  std::vector<SearchKey> children;
  SequenceSet set;
  std::string field;
  std::string text;
  /// Days since 1970-01-01.
  std::int64_t day = 0;
  std::uint64_t number = 0;
};

struct SearchRequest {
  /// RFC 4731: RETURN was given, even if empty (which stands for ALL).
  bool extended = false;
  bool return_min = false;
  bool return_max = false;
  bool return_all = false;
  bool return_count = false;
  bool return_save = false;
  std::optional<PartialResult> return_partial;
  /// RFC 5267: the client is told when other messages match. CONTEXT is a hint, and not kept.
  bool return_update = false;
  /// RFC 5465 section 7: what is told of a new message that matches.
  std::vector<FetchItem> update_items;
  bool return_relevancy = false;
  /// FUZZY is among the keys.
  bool has_fuzzy = false;
  /// MODSEQ is among the keys: the answer tells the greatest mod-sequence found.
  bool asks_modseq = false;
  /// Message numbers are among the keys.
  bool uses_numbers = false;
  /// CHARSET was given.
  bool names_charset = false;
  /// In upper case; US-ASCII where none was named.
  std::string charset = "US-ASCII";
  SearchKey key;
  /// With SAVE: why the keys are answered with NO. It stands here, and is no Error of the parser's,
  /// since whoever answers has to empty the result that was kept.
  std::optional<Error> refusal;
};
Result<SearchRequest> parse_search(std::string_view arguments, const Limits& limits);

// The parts of it that SORT and THREAD have as well.
//
/// `RETURN (…)` and the space behind it, if it stands here.
Result<void> take_return_options(Cursor& cursor, SearchRequest& request);
/// `CHARSET name`, if it stands here, and the keys, to the end of the command.
Result<void> take_charset_and_keys(Cursor& cursor, SearchRequest& request);
/// The keys, to the end of the command.
Result<void> take_keys(Cursor& cursor, SearchRequest& request);

}  // namespace pennypost::imap
