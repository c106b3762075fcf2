// Reads the mailto: URI that a notification is sent to.
//
//   mailto = "mailto:" [address *("," address)] ["?" name "=" value *("&" name "=" value)]
//
// STANDARDS  RFC 6068, RFC 5436 section 2
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "common/base/result.h"

namespace pennypost::store::sieve {

struct MailtoUri {
  std::vector<std::string> recipients;  // valid addresses with a domain; at least one
  std::string subject;                  // empty: none was given
  std::string body;
  std::vector<std::pair<std::string, std::string>> fields;  // others that may be set
};

/// Error: it is another method's URI, or what is wrong with it.
Result<MailtoUri> parse_mailto(std::string_view uri);

}  // namespace pennypost::store::sieve
