// Takes "Re:", "[list]", "(fwd)" and their like off a subject, so that all messages of a
// conversation have the same.
//
// STANDARDS  RFC 5256 section 2.1 (the procedure), section 5 (subj-leader, subj-trailer)
#pragma once

#include <string>
#include <string_view>

namespace pennypost::imap {

struct BaseSubject {
  /// In UTF-8, as it stands in the subject.
  std::string text;
  /// Something was taken off that says so: RFC 5256 section 3, "reply or forward".
  bool is_reply = false;
};

/// `field` is the unfolded body of a Subject field, with its encoded words.
BaseSubject base_subject(std::string_view field);

/// The form by which SORT and THREAD compare texts: i;unicode-casemap (RFC 5051), which orders
/// letters as capitals.
std::string collation_key(std::string_view utf8);

}  // namespace pennypost::imap
