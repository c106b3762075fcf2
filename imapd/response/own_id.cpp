#include "imapd/response/own_id.h"

#include <optional>
#include <string>
#include <utility>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

constexpr std::pair<std::string_view, std::string_view> own_values[] = {
    {"name", "Pennypost"},
    {"version", PENNYPOST_VERSION},
};

}  // namespace

IdFields own_id(std::string_view setting) {
  IdFields fields;
  auto pieces = words(setting, " ");
  for (std::size_t i = 0; i + 1 < pieces.size(); i += 2) {
    std::optional<std::string> value = std::string(pieces[i + 1]);
    if (*value == "*") {
      value.reset();
      for (const auto& [key, own] : own_values) {
        if (equal_nocase(key, pieces[i])) value = std::string(own);
      }
    }
    fields.emplace_back(std::string(pieces[i]), std::move(value));
  }
  return fields;
}

}  // namespace pennypost::imap
