// Makes OpenSSL's notation of the TLS 1.2 ciphers of a grade, as Postfix's settings name it.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "common/config/config.h"

namespace pennypost {

/// The ciphers of `grade` (high or medium) without the excluded ones. A server always shows a
/// certificate, so that the ciphers without (aNULL) are of no use.
inline std::string cipher_list(const Settings& settings, std::string_view grade,
                               const std::vector<std::string>& excluded,
                               const std::vector<std::string>& further = {}) {
  std::string list =
      grade == "high" ? settings.tls_high_cipherlist : settings.tls_medium_cipherlist;
  list += ":!aNULL";
  for (const auto* names : {&excluded, &further}) {
    for (const std::string& name : *names) list += ":!" + name;
  }
  return list;
}

}  // namespace pennypost
