#include "smtpd/delivery/forward_file.h"

#include "common/base/text.h"
#include "smtpd/routing/list_file.h"

namespace pennypost::smtp {
namespace {

Error waits(const std::string& path, const std::string& why) {
  return Error::temporary("4.3.5", path + ": " + why);
}

/// Nothing if there is no such file.
Result<std::optional<std::string>> read_own(const std::string& path,
                                            const store::AccountRef& account,
                                            std::size_t bytes_max) {
  auto list = read_list_of_user(path, account.name, account.uid, bytes_max);
  if (!list) return waits(path, list.error().text());
  if (!*list) return std::optional<std::string>();
  if ((*list)->owner != account.uid && (*list)->owner != 0) {
    return waits(path, "it is owned by another user");
  }
  return std::optional(std::move((*list)->text));
}

}  // namespace

std::vector<std::string> forward_paths(const Config& config, const UserNames& names) {
  std::vector<std::string> paths;
  for (auto entry : words(config.forward_path)) {
    auto path = expand_user_text(entry, names);
    if (path && path->starts_with('/')) paths.push_back(*std::move(path));
  }
  return paths;
}

Result<std::optional<ForwardFile>> read_forward_file(const Config& config,
                                                     const store::AccountRef& account,
                                                     const UserNames& names) {
  auto limit = config.dot_forward_bytes_max;
  for (const auto& path : forward_paths(config, names)) {
    TRY(auto text, read_own(path, account, limit));
    if (!text) continue;
    auto items = store::parse_alias_file(*text, path);
    if (!items) return Error::temporary("4.3.5", items.error().text());
    if (items->empty()) return std::optional<ForwardFile>();
    ForwardFile forward;
    forward.path = path;
    forward.items = *std::move(items);
    return std::optional(std::move(forward));
  }
  return std::optional<ForwardFile>();
}

}  // namespace pennypost::smtp
