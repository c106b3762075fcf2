// Makes the headers of a message's parts, and those of attached messages, readable to a client that
// has not said UTF8, as ascii_header.h does with the message's own.
//
// STANDARDS  RFC 6856 section 2.1
// LIMITS     those of common/mail/mime_scan.h
#pragma once

#include <string>
#include <string_view>

#include "common/mail/mime_scan.h"

namespace pennypost::pop {

class AsciiParts {
 public:
  /// Whether a message with this header has parts, so that its body must be looked through.
  static bool has_parts(std::string_view header);

  explicit AsciiParts(std::string_view header) : scanner_(header, 0, UINT64_MAX) {}

  /// What is known of the body by now; `piece` continues it and may end anywhere. Bodies of parts
  /// stay byte for byte.
  std::string converted(std::string_view piece, bool is_last);

 private:
  MimeScanner scanner_;
};

}  // namespace pennypost::pop
