// Goes through all text of a message as readers see it, some octets at a time: for SEARCH, and for
// the index of words.
//
// What is encoded is decoded first, text in any charset becomes UTF-8, and folded fields become one
// line. The text of a message is that of its text parts, its header, and the headers of its parts
// and attached messages.
//
// SEE ALSO   message_words.h (gathers words), header_scan.h (looks for keys in a header)
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/charset.h"
#include "common/mail/encoded.h"
#include "common/mail/header.h"
#include "common/mail/mime.h"

namespace pennypost::store {

/// A run of blanks is one: where a field was folded, readers see no more.
std::string with_single_blanks(std::string text);

/// Who is given the text.
class TextSink {
 public:
  /// A field, and the whole of it as `Name: value` in UTF-8.
  virtual void field(const HeaderField& field, std::string_view line) = 0;
  /// A piece of the body of a text part, in UTF-8; the last one is followed by end_body().
  virtual void body(std::string_view utf8) = 0;
  virtual void end_body() = 0;

 protected:
  ~TextSink() = default;
};

class TextWalk {
 public:
  enum class Headers { Without, With };

  TextWalk(std::string message, Headers headers);
  TextWalk(const TextWalk&) = delete;
  TextWalk& operator=(const TextWalk&) = delete;

  /// Gives the sink the next piece; the cost of that in octets, more than 0 unless it is_done().
  std::int64_t step(TextSink& sink);
  bool is_done() const { return at_ == stretches_.size(); }
  /// The names of attachments in UTF-8, decoded also where RFC 2231 encodes them.
  const std::vector<std::string>& file_names() const { return file_names_; }

  /// A part that is neither text nor made of parts.
  struct Attachment {
    std::string media_type;  // in lower case
    std::string_view body;   // as it is encoded
    TransferEncoding encoding;
  };
  /// At most attachments_max of them; those of a walk without headers are left out.
  const std::vector<Attachment>& attachments() const { return attachments_; }
  static constexpr std::size_t attachments_max = 50;

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

  void list(const MimePart& part, Headers headers);
  void begin();
  void next_field(TextSink& sink);
  void next_piece(TextSink& sink);
  void finish();

  std::string message_;
  std::vector<Stretch> stretches_;
  std::vector<std::string> file_names_;
  std::vector<Attachment> attachments_;
  std::size_t at_ = 0;
  std::optional<Fields> fields_;
  std::optional<Body> part_;
  std::int64_t cost_ = 0;
};

}  // namespace pennypost::store
