// Converts the line ends of local programs' messages to those of the queue: LF, without CR.
//
// CRLF becomes LF, as in Postfix's sendmail; a bare CR becomes a blank, as in its cleanup(8)
// (cleanup_replace_stray_cr_lf). A server that got such a CR might take it for a line end, and a
// dot after it for the end of the message. Mail by SMTP has passed DataScanner, which refuses or
// replaces bare CRs.
//
// Pure: pieces may end anywhere.
#pragma once

#include <string>
#include <string_view>

namespace pennypost::smtp {

class PostedLines {
 public:
  /// With `replaces_stray_cr` false nothing is changed.
  explicit PostedLines(bool replaces_stray_cr) : is_off_(!replaces_stray_cr) {}

  /// Returns the converted piece, valid until the next call; it is `piece` itself if that has no
  /// CR.
  std::string_view clean(std::string_view piece);
  /// Ends the input; returns what was held back.
  std::string_view finish();

 private:
  bool is_off_;
  bool holds_cr_ = false;  // of the last byte, until the next one shows whether it ends a line
  std::string cleaned_;
};

}  // namespace pennypost::smtp
