#include "common/base/percent_text.h"

#include <algorithm>

namespace pennypost {

std::string percent_text(std::string_view format, std::span<const PercentVariable> variables) {
  std::string out;
  while (!format.empty()) {
    auto found = std::ranges::find_if(variables, [&](const PercentVariable& variable) {
      return format.starts_with(variable.first);
    });
    bool is_percent = format.starts_with("%%");
    if (found != variables.end()) {
      out += found->second;
      format.remove_prefix(found->first.size());
    } else {
      out += format.front();
      format.remove_prefix(is_percent ? 2 : 1);
    }
  }
  return out;
}

}  // namespace pennypost
