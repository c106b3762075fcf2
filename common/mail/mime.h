// Parses a message into the tree of its MIME parts, with the position, size and type of each.
//
// Offsets and `bytes` are those of the text as stored, with LF, CRLF or both; `octets` are IMAP's
// count, with each line end as CRLF. The text is read once, line by line, and not kept: only the
// values of fields are copied.
//
// Broken messages are read as by Dovecot:
// - a multipart without a boundary parameter is plain text, since nothing in it is a part;
// - a multipart or message beyond the limits below is application/octet-stream;
// - a part also ends at a boundary of any multipart around it, and at the end of the text;
// - a header ends at such a boundary too; a line in it that is not a field is skipped;
// - a boundary line need only begin with the boundary; the longest that fits wins, of equals the
//   inner one.
//
// Unlike in Dovecot, a Content-Type counts without a MIME-Version, as in all mail programs.
//
// STANDARDS  RFC 2045, RFC 2046 section 5, RFC 9051 section 7.5.2 (BODYSTRUCTURE),
//            RFC 6532 (message/global)
// SEE ALSO   mime_field.h, header.h, encoded.h (the content of a part)
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "common/mail/encoded.h"
#include "common/mail/mime_field.h"

namespace pennypost {

constexpr std::size_t mime_nesting_max = 100;           // deeper parts are not parsed
constexpr std::size_t mime_parts_max = 10'000;          // further ones are ignored
constexpr std::size_t mime_header_bytes_max = 1 << 20;  // per part, searched for fields
constexpr std::size_t mime_boundary_bytes_max = 998;

/// A contiguous part of a message.
struct MimeExtent {
  std::size_t offset = 0;
  std::size_t bytes = 0;   // as stored
  std::size_t octets = 0;  // with each line end as CRLF
  std::size_t lines = 0;   // the number of line ends

  friend bool operator==(const MimeExtent&, const MimeExtent&) = default;
};

struct MimePart {
  enum class Kind {
    Leaf,
    Multipart,  // `children` are its parts, at least one
    Message,    // message/rfc822 or message/global: one child, the message within
  };
  Kind kind = Kind::Leaf;
  MimeExtent header;  // with the empty line that ends it
  MimeExtent body;    // without the line end that belongs to the boundary after it

  std::string type = "text";  // as written; RFC 2045 section 5.2 gives the defaults
  std::string subtype = "plain";
  std::vector<MimeParameter> type_parameters;
  std::optional<std::string> encoding;  // Content-Transfer-Encoding; absent: 7bit
  std::optional<std::string> id;
  std::optional<std::string> description;
  std::optional<std::string> md5;
  std::optional<MimeValue> disposition;
  std::vector<std::string> languages;
  std::optional<std::string> location;

  std::vector<MimePart> children;

  bool is(std::string_view wanted_type, std::string_view wanted_subtype) const;
  bool is_text() const;
  /// How to decode the body; Identity if the encoding is unknown or there are children.
  TransferEncoding transfer_encoding() const;
  /// The charset parameter; empty if there is none.
  std::string charset() const;
  /// The parsed Content-Type's parameter in UTF-8.
  std::optional<std::string> type_parameter(std::string_view name) const;
  /// RFC822.SIZE of the message whose root this is.
  std::size_t octets() const { return header.octets + body.octets; }
};

/// The tree of a whole message; its root is the message itself.
MimePart parse_mime(std::string_view message);

/// The part that `path` names by RFC 9051 section 6.4.5.1: {1, 2} for BODY[1.2]; null if there is
/// none. {} is the root; {1} in a message without parts is its body, and so the root too.
const MimePart* find_part(const MimePart& root, std::span<const std::uint32_t> path);

/// The size of `text` with each line end as CRLF.
std::size_t crlf_octets(std::string_view text);

}  // namespace pennypost
