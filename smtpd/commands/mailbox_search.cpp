#include "smtpd/commands/mailbox_search.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

#include "common/base/file.h"
#include "store/accounts/accounts.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t header_bytes_max = 64 * 1024;
constexpr std::uint64_t mbox_tail_bytes = 16 << 20;

/// INBOX and the folders beside it, whose names begin with a dot (Maildir++).
std::vector<std::string> folders_of(const std::string& root) {
  std::vector<std::string> folders{root};
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(root, problem)) {
    const std::string name = entry.path().filename();
    if (name.size() > 1 && name.front() == '.' && folders.size() < searched_folders_max) {
      folders.push_back(entry.path().string());
    }
  }
  return folders;
}

/// The time in the name of a Maildir's file, which is that of its delivery.
std::int64_t delivered_at(const std::string& name) {
  std::int64_t seconds = 0;
  std::from_chars(name.data(), name.data() + name.size(), seconds);
  return seconds;
}

bool begins_with_id(const std::string& path, const std::string& message_id) {
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return false;
  auto text = read_up_to(file->number(), header_bytes_max, path);
  return text && text->find(message_id) != std::string::npos;
}

std::string find_in_folder(const std::string& folder, const std::string& message_id,
                           std::int64_t since) {
  for (const char* part : {"/new", "/cur"}) {
    std::error_code problem;
    for (const auto& entry : fs::directory_iterator(folder + part, problem)) {
      if (delivered_at(entry.path().filename()) < since) continue;
      if (begins_with_id(entry.path().string(), message_id)) return entry.path().string();
    }
  }
  return "";
}

}  // namespace

std::string tail_of(const std::string& path, std::uint64_t bytes) {
  std::error_code problem;
  const auto size = fs::file_size(path, problem);
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (problem || !file) return "";
  const auto length = std::min<std::uint64_t>(size, bytes);
  auto text = read_range(file->number(), size - length, length, path);
  return text ? *text : "";
}

std::optional<store::MailLocation> mailbox_of(const std::shared_ptr<const Config>& config,
                                              const std::string& login) {
  auto accounts = store::Accounts::open(config, store::system_users_of(*config));
  if (!accounts) return {};
  auto account = accounts->by_login(login);
  if (!account || !*account) return {};
  auto location =
      store::MailLocation::parse((*account)->mail_location, {(*account)->name, (*account)->home});
  return location ? std::optional(*location) : std::nullopt;
}

std::string find_in_mailbox(const store::MailLocation& location, const std::string& message_id,
                            std::int64_t since) {
  if (location.format == store::MailLocation::Format::Mbox) {
    const bool is_there =
        tail_of(location.inbox, mbox_tail_bytes).find(message_id) != std::string::npos;
    return is_there ? location.inbox : "";
  }
  for (const auto& folder : folders_of(location.root)) {
    auto path = find_in_folder(folder, message_id, since);
    if (!path.empty()) return path;
  }
  return "";
}

}  // namespace pennypost::smtp
