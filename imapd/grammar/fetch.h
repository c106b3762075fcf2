// Parses the arguments of FETCH: which messages, and which items of each.
//
// The macros ALL, FAST and FULL are replaced by their items; the RFC822 items become sections with
// a name of their own.
//
// STANDARDS  RFC 9051 section 6.4.5, RFC 3501 section 6.4.5 (RFC822, macros), RFC 4466 (modifiers),
//            RFC 3516 (BINARY), RFC 7162 (MODSEQ, CHANGEDSINCE, VANISHED), RFC 8474 (EMAILID,
//            THREADID), RFC 8514 (SAVEDATE), RFC 8970 (PREVIEW)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/base/result.h"
#include "imapd/grammar/cursor.h"
#include "imapd/grammar/partial_result.h"
#include "imapd/grammar/requests.h"

namespace pennypost::imap {

/// What of a message `BODY[…]` names.
struct Section {
  enum class Text { Whole, Header, HeaderFields, HeaderFieldsNot, Text, Mime };
  /// `1.2` as {1, 2}; empty for the message itself.
  std::vector<std::uint32_t> part;
  Text text = Text::Whole;
  /// For HeaderFields and HeaderFieldsNot, as the client wrote them.
  std::vector<std::string> fields;
};

/// Reads a section-spec, up to and with the `]` behind it.
Result<Section> parse_section(Cursor& cursor);

/// `<offset.count>`: RFC 9051 section 6.4.5.
struct Partial {
  std::uint64_t offset = 0;
  std::uint64_t count = 0;
};

struct FetchItem {
  enum class Kind {
    Uid,
    Flags,
    InternalDate,
    Rfc822Size,
    Envelope,
    /// BODY without a section: BODYSTRUCTURE without its extension data.
    Body,
    BodyStructure,
    /// BODY[section], RFC822, RFC822.HEADER, RFC822.TEXT.
    Section,
    /// BINARY[part] and BINARY.SIZE[part]: the part without its transfer encoding.
    Binary,
    BinarySize,
    ModSeq,
    SaveDate,
    EmailId,
    ThreadId,
    Preview,
  };
  Kind kind = Kind::Flags;
  /// The name in the answer, for the kinds whose name is not `BODY[…]`; `RFC822.TEXT`.
  std::string_view name;
  Section section;
  std::optional<Partial> partial;
  /// Sets \Seen.
  bool marks_seen = false;
  /// PREVIEW (LAZY): only if it costs nothing.
  bool is_lazy = false;
};

struct FetchRequest {
  SequenceSet messages;
  std::vector<FetchItem> items;
  /// CHANGEDSINCE: only messages with a greater mod-sequence.
  std::optional<std::uint64_t> changed_since;
  /// VANISHED, which goes with CHANGEDSINCE: the expunged ones are told as well.
  bool tells_vanished = false;
  /// PARTIAL: some of the messages named, before CHANGEDSINCE is looked at (RFC 9394 section 3.4).
  std::optional<PartialResult> partial;
};
/// `(ITEM ITEM)`, at least one.
Result<std::vector<FetchItem>> parse_fetch_items(Cursor& cursor);
Result<FetchRequest> parse_fetch(std::string_view arguments, const Limits& limits);

}  // namespace pennypost::imap
