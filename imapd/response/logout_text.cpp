#include "imapd/response/logout_text.h"

#include <array>

#include "common/base/percent_text.h"

namespace pennypost::imap {

std::string logout_text(std::string_view format, std::uint64_t received, std::uint64_t sent) {
  const std::array variables{PercentVariable{"%i", std::to_string(received)},
                             PercentVariable{"%{input}", std::to_string(received)},
                             PercentVariable{"%o", std::to_string(sent)},
                             PercentVariable{"%{output}", std::to_string(sent)}};
  return percent_text(format, variables);
}

}  // namespace pennypost::imap
