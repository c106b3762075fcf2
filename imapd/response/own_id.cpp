#include "imapd/response/own_id.h"

#include <sys/utsname.h>

#include <optional>
#include <string>
#include <utility>

#include "common/base/text.h"

namespace pennypost::imap {
namespace {

/// Nothing for a key that we have no value of.
std::optional<std::string> own_value(std::string_view key) {
  if (equal_nocase(key, "name")) return "Pennypost";
  if (equal_nocase(key, "version")) return PENNYPOST_VERSION;
  utsname system{};
  if (uname(&system) != 0) return {};
  if (equal_nocase(key, "os")) return system.sysname;
  if (equal_nocase(key, "os-version")) return system.release;
  return {};
}

}  // namespace

IdFields own_id(std::string_view setting) {
  IdFields fields;
  auto pieces = words(setting, " ");
  for (std::size_t i = 0; i + 1 < pieces.size(); i += 2) {
    std::optional<std::string> value = std::string(pieces[i + 1]);
    if (*value == "*") value = own_value(pieces[i]);
    fields.emplace_back(std::string(pieces[i]), std::move(value));
  }
  return fields;
}

}  // namespace pennypost::imap
