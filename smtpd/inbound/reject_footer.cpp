#include "smtpd/inbound/reject_footer.h"

#include "common/base/text.h"

namespace pennypost::smtp {

std::string with_footer(std::string text, std::string_view footer, const TemplateValue& value) {
  bool continues = footer.starts_with("\\c");
  if (continues) footer.remove_prefix(2);
  auto shown = [&](std::string_view name) { return printable(value(name)); };
  bool is_first = true;
  for (std::string filled = fill_in(footer, shown); is_first || !filled.empty(); is_first = false) {
    auto end = filled.find("\\n");
    if (!is_first || !continues) text += '\n';
    text += filled.substr(0, end);
    filled = end == std::string::npos ? "" : filled.substr(end + 2);
  }
  return text;
}

}  // namespace pennypost::smtp
