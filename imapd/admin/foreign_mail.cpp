#include "imapd/admin/foreign_mail.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <functional>

#include "common/base/file.h"
#include "store/maildir/filename.h"
#include "store/maildir/folder_list.h"
#include "store/maildir/keywords.h"
#include "store/mbox/scan.h"

namespace pennypost::imap {
namespace {

namespace fs = std::filesystem;
using store::Uid;

constexpr char level_separator = '.';
constexpr std::uint64_t keywords_file_bytes_max = 64 << 10;

Error read_only() { return Error(550, ResponseCode::Cannot, "this mail can only be read"); }

Error too_many(std::string_view what, std::size_t most, const std::string& path) {
  return Error(451, ResponseCode::Limit,
               path + ": more than " + std::to_string(most) + " " + std::string(what));
}

/// Where one message lies, and what is known of it without reading it.
struct ForeignMessage {
  std::string path;        // of a Maildir
  store::MboxEntry entry;  // of an mbox
  std::int64_t date = 0;
};

class ForeignFolder final : public store::Mailbox {
 public:
  ForeignFolder(store::MailboxName name, std::string path, int file)
      : name_(std::move(name)), path_(std::move(path)), file_(file) {}

  Result<void> read() { return file_ >= 0 ? read_mbox() : read_maildir(); }

  const store::MailboxName& name() const override { return name_; }
  store::Access access() const override { return store::Access::ReadOnly; }
  std::uint32_t uid_validity() const override { return 1; }
  Uid uid_next() const override { return Uid(static_cast<std::uint32_t>(places_.size()) + 1); }
  store::ModSeq highest_modseq() const override { return store::ModSeq(1); }
  std::span<const store::Message> messages() const override { return messages_; }
  const std::vector<std::string>& keywords() const override { return keywords_; }
  bool is_recent(Uid) const override { return false; }
  Result<store::Changes> sync() override { return store::Changes(); }

  Result<std::uint64_t> octets(Uid uid) override {
    if (file_ >= 0) return place(uid).entry.octets;
    TRY(auto reader, open(uid));
    return reader.octets();
  }
  Result<std::int64_t> internal_date(Uid uid) override { return place(uid).date; }
  Result<store::MessageReader> open(Uid uid) override {
    const auto& at = place(uid);
    if (file_ >= 0) {
      TRY(auto text, store::shown_message(file_, at.entry, path_));
      return store::MessageReader(std::move(text));
    }
    TRY(auto file, open_file(at.path, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
    struct stat status {};
    if (::fstat(file.number(), &status) != 0) return file_error("read", at.path);
    return store::MessageReader(std::move(file), 0, static_cast<std::uint64_t>(status.st_size));
  }

  Result<store::Stored> store(std::span<const Uid>, const store::FlagChange&) override {
    return read_only();
  }
  Result<std::vector<Uid>> expunge(std::span<const Uid>) override { return read_only(); }
  Result<store::Copied> copy(std::span<const Uid>, const store::MailboxName&,
                             store::Missing) override {
    return read_only();
  }
  Result<store::Copied> move(std::span<const Uid>, const store::MailboxName&,
                             store::Missing) override {
    return read_only();
  }
  std::vector<std::string> watch_paths() const override { return {}; }
  std::optional<std::string> cached(Uid, store::CacheItem) override { return std::nullopt; }
  void cache(Uid, store::CacheItem, std::string_view) override {}

 private:
  const ForeignMessage& place(Uid uid) const { return places_[uid.value() - 1]; }

  void add(ForeignMessage place, store::Flags flags, store::KeywordSet keywords) {
    places_.push_back(std::move(place));
    store::Message message{Uid(static_cast<std::uint32_t>(places_.size())), flags, keywords,
                           store::ModSeq(1)};
    messages_.push_back(message);
  }

  Result<void> read_mbox() {
    TRY(auto entries, store::scan_mbox(file_, path_, foreign_messages_max));
    for (auto& entry : entries) {
      auto flags = entry.meta.flags;
      auto set = keyword_set(entry.meta.keywords);
      ForeignMessage place;
      place.date = entry.date;
      place.entry = std::move(entry);
      add(std::move(place), flags, set);
    }
    return {};
  }

  /// Keywords beyond those for which a set has room are left out.
  store::KeywordSet keyword_set(const std::vector<std::string>& names) {
    store::KeywordSet set = 0;
    for (const auto& name : names) {
      auto known = std::ranges::find(keywords_, name);
      if (known == keywords_.end()) {
        if (keywords_.size() == store::keywords_per_mailbox_max) continue;
        known = keywords_.insert(keywords_.end(), name);
      }
      set |= store::KeywordSet{1} << (known - keywords_.begin());
    }
    return set;
  }

  Result<void> read_maildir() {
    TRY(auto keywords, read_file(path_ + "/dovecot-keywords", keywords_file_bytes_max));
    if (keywords) keywords_ = store::parse_keywords(*keywords);
    std::vector<std::pair<std::string, std::string>> names;  // and their directories
    for (const char* part : {"/cur", "/new"}) {
      std::error_code problem;
      fs::directory_iterator entries(path_ + part, problem);
      if (problem) return file_error("read", path_ + part, problem.value());
      for (const auto& entry : entries) {
        auto name = entry.path().filename().string();
        if (!store::is_message_name(name)) continue;
        if (names.size() == foreign_messages_max) {
          return too_many("messages", foreign_messages_max, path_);
        }
        names.emplace_back(std::move(name), path_ + part);
      }
    }
    // In the order of their arrival, which their names tell.
    std::ranges::stable_sort(names, {}, [](const auto& one) {
      return std::pair(store::seconds_in_name(one.first), one.first);
    });
    for (auto& [name, directory] : names) {
      ForeignMessage place;
      place.path = directory + "/" + name;
      struct stat status {};
      if (::stat(place.path.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
      place.date = status.st_mtime;
      auto flags = store::FilenameFlags::parse(name);
      add(std::move(place), flags.flags, flags.keywords);
    }
    return {};
  }

  store::MailboxName name_;
  std::string path_;
  int file_;  // of an mbox; -1: a Maildir
  std::vector<ForeignMessage> places_;
  std::vector<store::Message> messages_;
  std::vector<std::string> keywords_;
};

}  // namespace

Result<ForeignMail> ForeignMail::open(std::string_view location) {
  constexpr std::string_view mbox = "mbox:";
  constexpr std::string_view maildir = "maildir:";
  constexpr std::string_view fs_suffix = ":LAYOUT=fs";
  ForeignMail mail;
  bool is_mbox = location.starts_with(mbox);
  bool is_maildir = location.starts_with(maildir);
  if (is_mbox) location.remove_prefix(mbox.size());
  if (is_maildir) location.remove_prefix(maildir.size());
  mail.is_fs_ = is_maildir && location.ends_with(fs_suffix);
  if (mail.is_fs_) location.remove_suffix(fs_suffix.size());
  if (location.empty() || is_mbox == is_maildir) {
    return Error(501, "the source is mbox:FILE, maildir:DIR or maildir:DIR:LAYOUT=fs");
  }
  std::error_code problem;
  mail.path_ = fs::absolute(location, problem).lexically_normal().string();
  while (mail.path_.size() > 1 && mail.path_.ends_with('/')) mail.path_.pop_back();
  if (!is_mbox) return mail;
  TRY(mail.file_, open_file(mail.path_, O_RDONLY | O_CLOEXEC | O_NONBLOCK));
  if (!fs::is_regular_file(mail.path_, problem)) {
    return Error::permanent(mail.path_ + " is no file; of a directory of mboxes name each file");
  }
  return mail;
}

Result<std::vector<store::MailboxName>> ForeignMail::folders() const {
  std::vector<store::MailboxName> names{store::MailboxName::inbox()};
  if (is_one_folder()) return names;
  if (is_fs_) return nested_folders();
  std::error_code problem;
  fs::directory_iterator entries(path_, problem);
  if (problem) return file_error("read", path_, problem.value());
  for (const auto& entry : entries) {
    auto name = entry.path().filename().string();
    if (name.size() < 2 || name.front() != '.' || !fs::is_directory(entry.path() / "cur", problem))
      continue;
    auto utf8 = store::modified_utf7_decode(name.substr(1));
    auto parsed = store::MailboxName::parse(utf8 ? *utf8 : name.substr(1), level_separator);
    if (!parsed) {
      return Error::permanent(entry.path().string() + ": " + parsed.error().text());
    }
    if (names.size() == foreign_folders_max) return too_many("folders", foreign_folders_max, path_);
    names.push_back(*std::move(parsed));
  }
  std::sort(names.begin() + 1, names.end());
  return names;
}

Result<std::vector<store::MailboxName>> ForeignMail::nested_folders() const {
  store::MailLocation location;
  location.layout = store::MailLocation::Layout::Fs;
  location.root = location.inbox = path_;
  std::error_code problem;
  if (!fs::is_directory(path_, problem)) return file_error("read", path_, ENOTDIR);
  TRY(auto folders,
      store::list_folders(location, {foreign_folders_max, store::MailboxName::levels_max}));
  if (folders.size() == foreign_folders_max) return too_many("folders", foreign_folders_max, path_);
  // INBOX may be elsewhere (INBOX= of the location).
  std::vector<store::MailboxName> names;
  if (store::has_messages(path_)) names.push_back(store::MailboxName::inbox());
  const auto inboxes = static_cast<std::ptrdiff_t>(names.size());
  for (const auto& folder : folders) {
    if (!folder.has_messages) continue;
    auto parsed = store::MailboxName::parse(folder.name, separator());
    if (!parsed) return Error::permanent(folder.directory + ": " + parsed.error().text());
    names.push_back(*std::move(parsed));
  }
  std::sort(names.begin() + inboxes, names.end());
  return names;
}

Result<std::unique_ptr<store::Mailbox>> ForeignMail::folder(const store::MailboxName& name) const {
  auto path = path_;
  if (!name.is_inbox()) {
    auto encoded = store::modified_utf7_encode(name.text());
    path += (is_fs_ ? "/" : "/.") + encoded.value_or(name.text());
  }
  auto folder = std::make_unique<ForeignFolder>(name, std::move(path), file_.number());
  TRY_DO(folder->read());
  return Result<std::unique_ptr<store::Mailbox>>(std::move(folder));
}

}  // namespace pennypost::imap
