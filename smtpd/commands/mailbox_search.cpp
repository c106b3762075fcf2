#include "smtpd/commands/mailbox_search.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <vector>

#include "common/base/file.h"
#include "common/mail/header.h"
#include "store/accounts/accounts.h"
#include "store/mailbox/mailbox.h"
#include "store/maildir/folder_list.h"
#include "store/mbox/scan.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::uint64_t header_bytes_max = 64 * 1024;
constexpr std::uint64_t mbox_tail_bytes = 16 << 20;

/// The directories of INBOX and of the other folders. What can't be read has none.
std::vector<std::string> folders_of(const store::MailLocation& location) {
  std::vector<std::string> folders{location.inbox};
  auto listed =
      store::list_folders(location, {searched_folders_max, store::MailboxName::levels_max});
  if (!listed) return folders;
  for (auto& folder : *listed) {
    if (folder.has_messages) folders.push_back(std::move(folder.directory));
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

/// Reads a file's header, and all of it if that is wanted.
void use_file(const std::string& path, const MessageReading& reading) {
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return;
  auto text = read_up_to(file->number(), header_bytes_max, path);
  if (!text || !reading.wants(std::string_view(*text).substr(0, header_bytes(*text)))) return;
  auto rest = read_up_to(file->number(), read_message_bytes_max + 1, path);
  if (rest && rest->size() <= read_message_bytes_max) reading.use(path, *text + *rest);
}

Result<void> read_mbox(const std::string& path, std::int64_t since, const MessageReading& reading) {
  auto file = open_file(path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  if (!file) return errno == ENOENT ? Result<void>() : std::move(file).error();
  TRY(auto entries, store::scan_mbox(file->number(), path, read_messages_max));
  for (const auto& entry : entries) {
    bool is_small = entry.end_offset - entry.header_offset <= read_message_bytes_max;
    if (entry.date < since || !is_small) continue;
    TRY(auto header, store::shown_header(file->number(), entry, path));
    if (!reading.wants(header)) continue;
    TRY(auto message, store::shown_message(file->number(), entry, path));
    reading.use(path, message);
  }
  return {};
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
  for (const auto& folder : folders_of(location)) {
    auto path = find_in_folder(folder, message_id, since);
    if (!path.empty()) return path;
  }
  return "";
}

Result<void> read_mailbox(const store::MailLocation& location, std::int64_t since,
                          const MessageReading& reading) {
  if (location.format == store::MailLocation::Format::Mbox) {
    return read_mbox(location.inbox, since, reading);
  }
  for (const auto& folder : folders_of(location)) {
    for (const char* part : {"/new", "/cur"}) {
      std::error_code problem;
      for (const auto& entry : fs::directory_iterator(folder + part, problem)) {
        if (delivered_at(entry.path().filename()) >= since) use_file(entry.path(), reading);
      }
      bool is_there = problem != std::errc::no_such_file_or_directory;
      if (problem && is_there) return file_error("read", folder + part, problem.value());
    }
  }
  return {};
}

}  // namespace pennypost::smtp
