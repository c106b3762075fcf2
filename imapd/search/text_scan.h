// Finds the texts of the keys BODY and TEXT in a message, part by part, some octets at a time.
//
// What is encoded is decoded first, text in any charset becomes UTF-8, and folded fields become one
// line. BODY looks into all text parts; TEXT also into the header, and into the headers of parts
// and attached messages. RFC 9051 section 6.4.4: BODY looks into no header field; otherwise
// "base64" would be found in the body of every attachment.
//
// SEE ALSO   header_scan.h (keys that name a header field)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/charset.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/key_search.h"
#include "common/mail/mime.h"

namespace pennypost::imap {

/// A run of blanks is one: where a field was folded, readers see no more.
std::string with_single_blanks(std::string text);

class TextScan {
 public:
  /// Which keys there are: BODY alone, TEXT alone, or both.
  enum class Asked { Body, Text, Both };

  /// `keys` outlive it.
  TextScan(const KeySet& keys, std::string message, Asked asked);
  TextScan(const TextScan&) = delete;
  TextScan& operator=(const TextScan&) = delete;

  /// Goes through about so many octets more; the cost of that in octets, more than 0 unless it is
  /// done.
  std::int64_t advance(std::int64_t octets);
  /// Whether everything was gone through, or every key found.
  bool is_done() const { return at_ == stretches_.size() || body_.has_all(); }
  /// Whether a key was seen so far in a text part, and in a text part or a header.
  bool in_body(std::size_t key) const { return body_.has(key); }
  bool in_text(std::size_t key) const { return body_.has(key) || headers_.has(key); }

 private:
  // A header, or the body of a text part.
  struct Stretch {
    bool is_header;
    std::string_view text;
    TransferEncoding encoding;
    std::string charset;
  };
  // The stretch under way: the fields to come, or the body's rest with its decoders.
  struct Fields {
    explicit Fields(std::string_view text) : fields(text), next(fields.begin()) {}
    HeaderFields fields;
    HeaderFields::Iterator next;
  };
  struct Body {
    Body(std::string_view text, TransferEncoding encoding, CharsetDecoder decoder)
        : rest(text), octets(encoding), characters(std::move(decoder)) {}
    std::string_view rest;
    BodyDecoder octets;
    CharsetDecoder characters;
  };

  void list(const MimePart& part, bool with_headers);
  void begin();
  void next_field();
  void next_piece();
  void finish();

  std::string message_;
  std::vector<Stretch> stretches_;
  std::size_t at_ = 0;
  std::optional<Fields> fields_;
  std::optional<Body> part_;
  std::int64_t cost_ = 0;
  // Where TEXT alone is asked for, headers are as good as the body.
  KeyScan body_;
  KeyScan headers_;
  Asked asked_;
};

}  // namespace pennypost::imap
