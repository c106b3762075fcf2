// A LIST pattern and mailbox names in, which of them match out.
//
// `*` stands for any text, `%` for any text without the separator. INBOX as the first level matches
// in any case, all else as it is written.
//
// STANDARDS  RFC 9051 section 6.3.9
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace pennypost::imap {

class ListPattern {
 public:
  /// `reference` is put before `pattern` as it is (RFC 9051 section 6.3.9.2: the interpretation is
  /// ours).
  ListPattern(std::string_view reference, std::string_view pattern, char separator);

  bool matches(std::string_view name) const;

 private:
  std::string text_;
  char separator_;
};

/// The names above `name`: `a`, `a.b` for `a.b.c`.
std::vector<std::string> parents(std::string_view name, char separator);

}  // namespace pennypost::imap
