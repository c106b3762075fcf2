#include "imapd/admin/mail_archive.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <ctime>
#include <map>

#include "common/base/clock.h"
#include "common/base/descriptor.h"
#include "common/base/file.h"
#include "common/base/text.h"
#include "common/mail/header.h"
#include "imapd/admin/tar_writer.h"
#include "store/maildir/filename.h"
#include "store/mbox/format.h"

namespace pennypost::imap {
namespace {

struct OutputFile {
  Descriptor descriptor;
  std::string path;
};

Result<OutputFile> make_file(const std::string& path) {
  if (path == "-") return OutputFile{Descriptor(::dup(STDOUT_FILENO)), "standard output"};
  TRY(auto made, open_file(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC));
  return OutputFile{std::move(made), path};
}

/// A pipe has nothing to sync.
Result<void> sync_output(const OutputFile& file) {
  if (::fsync(file.descriptor.number()) == 0 || errno == EINVAL || errno == EROFS) return {};
  return file_error("sync", file.path);
}

// mbox

/// Whom the From_ line names.
std::string sender_of(std::string_view text) {
  auto path = HeaderFields(text).value("Return-Path");
  if (!path) return "";
  std::string_view sender = trim(*path);
  if (sender.starts_with('<') && sender.ends_with('>')) {
    sender = sender.substr(1, sender.size() - 2);
  }
  return std::string(sender);
}

class MboxArchive final : public MailArchive {
 public:
  explicit MboxArchive(OutputFile file) : file_(std::move(file)) {}

  Result<void> add(const ArchivedMessage& message) override {
    auto sink = [&](std::string_view block) {
      return write_all(file_.descriptor.number(), block, file_.path);
    };
    TRY_DO(sink(store::from_line(sender_of(message.text), message.date)));
    store::MboxQuoter quoter(sink, status_lines(message));
    TRY_DO(quoter.add(message.text));
    return quoter.finish();
  }

  Result<std::vector<std::string>> finish() override {
    TRY_DO(sync_output(file_));
    return std::vector<std::string>();
  }

 private:
  static std::string status_lines(const ArchivedMessage& message) {
    store::MboxMeta meta;
    meta.flags = message.flags;
    meta.old = true;
    meta.keywords = message.keywords;
    std::string lines = "Status: " + meta.value(store::MboxField::StatusLine) + "\n";
    auto marks = meta.value(store::MboxField::XStatusLine);
    if (!marks.empty()) lines += "X-Status: " + marks + "\n";
    auto keywords = meta.value(store::MboxField::KeywordsLine);
    if (!keywords.empty()) lines += "X-Keywords: " + keywords + "\n";
    return lines;
  }
  OutputFile file_;
};

// Maildir, in a directory or in an archive

/// Where the files of a Maildir go.
class FileSink {
 public:
  virtual ~FileSink() = default;
  virtual Result<void> directory(const std::string& name) = 0;
  virtual Result<void> file(const std::string& name, std::string_view content,
                            std::int64_t modified) = 0;
  virtual Result<void> finish() = 0;
};

class DirectorySink final : public FileSink {
 public:
  DirectorySink(Descriptor directory, std::string path)
      : directory_(std::move(directory)), path_(std::move(path)) {}

  Result<void> directory(const std::string& name) override {
    if (::mkdirat(directory_.number(), name.c_str(), 0700) == 0) return {};
    return file_error("make", path_ + "/" + name);
  }
  Result<void> file(const std::string& name, std::string_view content,
                    std::int64_t modified) override {
    const std::string path = path_ + "/" + name;
    Descriptor made(
        ::openat(directory_.number(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
    if (!made) return file_error("make", path);
    TRY_DO(write_all(made.number(), content, path));
    const timespec times[2] = {{modified, 0}, {modified, 0}};
    if (::futimens(made.number(), times) != 0) return file_error("set the time of", path);
    return {};
  }
  /// All files at once: they are many and small.
  Result<void> finish() override {
    if (::syncfs(directory_.number()) == 0) return {};
    return file_error("sync", path_);
  }

 private:
  Descriptor directory_;
  std::string path_;
};

class TarSink final : public FileSink {
 public:
  explicit TarSink(OutputFile file)
      : file_(std::move(file)), tar_(file_.descriptor.number(), file_.path) {}

  Result<void> directory(const std::string& name) override {
    return tar_.directory(name, Clock::system().now_seconds());
  }
  Result<void> file(const std::string& name, std::string_view content,
                    std::int64_t modified) override {
    return tar_.file(name, content, modified);
  }
  Result<void> finish() override {
    TRY_DO(tar_.finish());
    return sync_output(file_);
  }

 private:
  OutputFile file_;
  TarWriter tar_;
};

class MaildirArchive final : public MailArchive {
 public:
  MaildirArchive(std::unique_ptr<FileSink> sink, std::string hostname)
      : sink_(std::move(sink)), hostname_(std::move(hostname)) {}

  Result<void> add(const ArchivedMessage& message) override {
    TRY_DO(need_folder(""));
    TRY_DO(need_folder(message.folder));
    auto& folder = folders_[message.folder];
    std::string name =
        folder.prefix + "cur/" + store::unique_filename(Clock::system().now().count(), hostname_) +
        ",S=" + std::to_string(message.text.size()) + ",W=" + std::to_string(message.octets);
    store::append_info(name, message.flags, folder.set_of(message.keywords));
    return sink_->file(name, message.text, message.date);
  }

  Result<std::vector<std::string>> finish() override {
    TRY_DO(need_folder(""));
    std::vector<std::string> losses;
    for (const auto& [name, folder] : folders_) {
      std::string lines;
      for (std::size_t i = 0; i < folder.keywords.size(); ++i) {
        add_text(lines, std::to_string(i), folder.keywords[i]);
      }
      if (!lines.empty()) {
        auto now = Clock::system().now_seconds();
        TRY_DO(sink_->file(folder.prefix + "dovecot-keywords", lines, now));
      }
      if (folder.left_out > 0) {
        losses.push_back((name.empty() ? "INBOX" : name) + ": " + std::to_string(folder.left_out) +
                         " keywords were left out: a Maildir holds 26 different ones a folder");
      }
    }
    TRY_DO(sink_->finish());
    return losses;
  }

 private:
  struct Folder {
    std::string prefix;  // of its files
    std::vector<std::string> keywords;
    std::uint64_t left_out = 0;

    store::KeywordSet set_of(const std::vector<std::string>& names) {
      store::KeywordSet set = 0;
      for (const auto& name : names) {
        auto known = std::ranges::find(keywords, name);
        if (known == keywords.end()) {
          if (keywords.size() == store::keywords_per_mailbox_max) {
            ++left_out;
            continue;
          }
          known = keywords.insert(keywords.end(), name);
        }
        set |= store::KeywordSet{1} << (known - keywords.begin());
      }
      return set;
    }
  };

  static void add_text(std::string& lines, const std::string& number, const std::string& keyword) {
    pennypost::add(lines, number, " ", keyword, "\n");
  }

  Result<void> need_folder(const std::string& name) {
    if (folders_.contains(name)) return {};
    Folder folder;
    if (!name.empty()) {
      folder.prefix = "." + name + "/";
      TRY_DO(sink_->directory("." + name));
      // By this file a delivery program knows that it is no Maildir of its own (Maildir++).
      TRY_DO(sink_->file(folder.prefix + "maildirfolder", "", Clock::system().now_seconds()));
    }
    for (const char* part : {"cur", "new", "tmp"}) {
      TRY_DO(sink_->directory(folder.prefix + part));
    }
    folders_.emplace(name, std::move(folder));
    return {};
  }

  std::unique_ptr<FileSink> sink_;
  std::string hostname_;
  std::map<std::string, Folder> folders_;
};

Result<std::unique_ptr<FileSink>> make_directory_sink(const std::string& path,
                                                      const store::AccountRef& account) {
  if (::mkdir(path.c_str(), 0700) != 0) return file_error("make", path);
  TRY(auto directory, open_file(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
  if (::geteuid() == 0 && ::fchown(directory.number(), account.uid, account.gid) != 0) {
    return file_error("give away", path);
  }
  return std::unique_ptr<FileSink>(std::make_unique<DirectorySink>(std::move(directory), path));
}

std::string path_for(std::string_view target, const std::string& account) {
  std::string path(target);
  constexpr std::string_view variable = "%u";
  for (auto at = path.find(variable); at != path.npos;
       at = path.find(variable, at + account.size())) {
    path.replace(at, variable.size(), account);
  }
  return path;
}

}  // namespace

Result<std::unique_ptr<MailArchive>> open_archive(std::string_view target,
                                                  const store::AccountRef& account,
                                                  const std::string& hostname) {
  auto colon = target.find(':');
  auto form = target.substr(0, colon);
  auto path = colon == target.npos ? "" : path_for(target.substr(colon + 1), account.name);
  bool is_known = form == "mbox" || form == "maildir" || form == "tar";
  if (!is_known || path.empty()) {
    return Error(501, "the target is mbox:FILE, maildir:DIR or tar:FILE");
  }
  if (form == "mbox") {
    TRY(auto file, make_file(path));
    return std::unique_ptr<MailArchive>(std::make_unique<MboxArchive>(std::move(file)));
  }
  std::unique_ptr<FileSink> sink;
  if (form == "tar") {
    TRY(auto file, make_file(path));
    sink = std::make_unique<TarSink>(std::move(file));
  } else {
    TRY(sink, make_directory_sink(path, account));
  }
  return std::unique_ptr<MailArchive>(std::make_unique<MaildirArchive>(std::move(sink), hostname));
}

}  // namespace pennypost::imap
