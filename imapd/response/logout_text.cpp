#include "imapd/response/logout_text.h"

#include <algorithm>
#include <array>

namespace pennypost::imap {

std::string logout_text(std::string_view format, std::uint64_t received, std::uint64_t sent) {
  struct Row {
    std::string_view name;
    std::string text;
  };
  const std::array rows{Row{"%i", std::to_string(received)},
                        Row{"%{input}", std::to_string(received)}, Row{"%o", std::to_string(sent)},
                        Row{"%{output}", std::to_string(sent)}, Row{"%%", "%"}};
  std::string out;
  while (!format.empty()) {
    auto row =
        std::ranges::find_if(rows, [&](const Row& it) { return format.starts_with(it.name); });
    bool is_known = row != rows.end();
    out += is_known ? std::string_view(row->text) : format.substr(0, 1);
    format.remove_prefix(is_known ? row->name.size() : 1);
  }
  return out;
}

}  // namespace pennypost::imap
