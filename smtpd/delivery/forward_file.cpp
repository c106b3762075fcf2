#include "smtpd/delivery/forward_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/descriptor.h"
#include "common/base/text.h"

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
Result<std::optional<std::string>> read_safely(const std::string& path, std::uint32_t uid,
                                               std::size_t bytes_max) {
  Descriptor file(open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY));
  if (!file) {
    if (errno == ENOENT || errno == ENOTDIR) return std::optional<std::string>();
    return waits(path, std::strerror(errno));
  }
  struct stat status {};
  if (fstat(file.number(), &status) != 0) return waits(path, std::strerror(errno));
  if (!S_ISREG(status.st_mode)) return waits(path, "not a regular file");
  if (status.st_uid != uid && status.st_uid != 0) return waits(path, "owned by somebody else");
  // Where each user has a group of his own, files are often his group's to write.
  if ((status.st_mode & S_IWOTH) != 0) {
    return waits(path, "everybody can write to it; chmod o-w " + path);
  }
  if (status.st_size > static_cast<off_t>(bytes_max)) {
    return waits(path, "longer than dot_forward_bytes_max");
  }
  std::string text(bytes_max, '\0');
  auto count = read(file.number(), text.data(), text.size());
  if (count < 0) return waits(path, std::strerror(errno));
  text.resize(static_cast<std::size_t>(count));
  return std::optional(std::move(text));
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
    TRY(auto text, read_safely(path, account.uid, limit));
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
