#include "smtpd/delivery/forward_file.h"

#include "common/base/text.h"
#include "smtpd/routing/list_file.h"

namespace pennypost::smtp {
namespace {

/// `$name` and `${name}` in one entry; nothing where it names an empty extension.
std::optional<std::string> expanded(std::string_view entry, const Config& config,
                                    const AccountRef& account, const std::string& extension) {
  std::string out;
  while (!entry.empty()) {
    if (entry.front() != '$') {
      out += entry.front();
      entry.remove_prefix(1);
      continue;
    }
    entry.remove_prefix(1);
    bool has_braces = entry.starts_with('{');
    if (has_braces) entry.remove_prefix(1);
    std::size_t length = 0;
    while (length < entry.size() && (is_alnum(entry[length]) || entry[length] == '_')) ++length;
    auto name = entry.substr(0, length);
    entry.remove_prefix(length);
    if (has_braces && entry.starts_with('}')) entry.remove_prefix(1);
    if (name == "home") out += account.home;
    if (name == "user") out += account.name;
    if (name == "recipient_delimiter") out += config.recipient_delimiter.substr(0, 1);
    if (name == "extension") {
      if (extension.empty()) return {};
      out += extension;
    }
  }
  return out;
}

Error waits(const std::string& path, const std::string& why) {
  return Error::temporary("4.3.5 " + path + ": " + why);
}

/// Nothing where there is no such file.
Result<std::optional<std::string>> read_own(const std::string& path, const AccountRef& account,
                                            std::size_t bytes_max) {
  auto list = read_list_of_user(path, account.name, account.uid, bytes_max);
  if (!list) return waits(path, list.error().text());
  if (!*list) return std::optional<std::string>();
  if ((*list)->owner != account.uid && (*list)->owner != 0) {
    return waits(path, "owned by somebody else");
  }
  return std::optional(std::move((*list)->text));
}

}  // namespace

std::vector<std::string> forward_paths(const Config& config, const AccountRef& account,
                                       const std::string& extension) {
  std::vector<std::string> paths;
  for (auto entry : words(config.forward_path)) {
    auto path = expanded(entry, config, account, extension);
    if (path && path->starts_with('/')) paths.push_back(*std::move(path));
  }
  return paths;
}

Result<std::optional<ForwardFile>> read_forward_file(const Config& config,
                                                     const AccountRef& account,
                                                     const std::string& extension) {
  auto limit = static_cast<std::size_t>(config.dot_forward_bytes_max);
  for (const auto& path : forward_paths(config, account, extension)) {
    TRY(auto text, read_own(path, account, limit));
    if (!text) continue;
    auto items = store::parse_alias_file(*text, path);
    if (!items) return Error::temporary("4.3.5 " + items.error().text());
    if (items->empty()) return std::optional<ForwardFile>();
    ForwardFile forward;
    forward.path = path;
    forward.items = *std::move(items);
    return std::optional(std::move(forward));
  }
  return std::optional<ForwardFile>();
}

}  // namespace pennypost::smtp
