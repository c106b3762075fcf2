// Makes the line ends of what local programs hand in those of the queue: LF, and no CR.
//
// CRLF becomes LF, as sendmail makes it; a CR that stands alone becomes a blank, as Postfix's
// cleanup(8) has it (cleanup_replace_stray_cr_lf). A server to which such a CR went on might take
// it for a line's end, and a dot behind it for the message's. What comes by SMTP has passed
// DataScanner, which refuses or replaces the same.
//
// Pure: pieces may end anywhere.
#pragma once

#include <string>
#include <string_view>

namespace pennypost::smtp {

class PostedLines {
 public:
  /// `replaces_stray_cr` false: nothing is changed.
  explicit PostedLines(bool replaces_stray_cr) : is_off_(!replaces_stray_cr) {}

  /// What the piece becomes: the piece itself where it holds no CR; valid until the next call.
  std::string_view clean(std::string_view piece);
  /// Nothing follows: what was held back.
  std::string_view finish();

 private:
  bool is_off_;
  bool holds_cr_ = false;  // the last byte: what follows tells whether it ends a line
  std::string cleaned_;
};

}  // namespace pennypost::smtp
