// Finds the texts of the keys BODY and TEXT in a message, part by part, some octets at a time.
//
// BODY looks into all text parts; TEXT also into the header, and into the headers of parts and
// attached messages. RFC 9051 section 6.4.4: BODY looks into no header field; otherwise "base64"
// would be found in the body of every attachment.
//
// SEE ALSO   store/indexing/text_walk.h (what the text of a message is),
//            store/indexing/header_scan.h (keys that name a field)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "common/mail/key_search.h"
#include "store/indexing/text_walk.h"

namespace pennypost::imap {

class TextScan final : private store::TextSink {
 public:
  /// Which keys there are: BODY alone, TEXT alone, or both.
  enum class Asked { Body, Text, Both };

  /// `keys` outlive it.
  TextScan(const KeySet& keys, std::string message, Asked asked);

  /// Goes through about so many octets more; the cost of that in octets, more than 0 unless it is
  /// done.
  std::int64_t advance(std::int64_t octets);
  /// Whether everything was gone through, or every key found.
  bool is_done() const { return !walk_; }
  /// Whether a key was seen so far in a text part, and in a text part or a header.
  bool in_body(std::size_t key) const { return body_.has(key); }
  bool in_text(std::size_t key) const { return body_.has(key) || headers_.has(key); }

 private:
  void end_if_done();
  void field(const HeaderField& field, std::string_view line) override;
  void body(std::string_view utf8) override { body_.feed(utf8); }
  void end_body() override { body_.end_text(); }

  // With the message; gone once it is done.
  std::optional<store::TextWalk> walk_;
  // Where TEXT alone is asked for, headers are as good as the body.
  KeyScan body_;
  KeyScan headers_;
  Asked asked_;
};

}  // namespace pennypost::imap
