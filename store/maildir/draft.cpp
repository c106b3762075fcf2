#include "store/maildir/draft.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include <vector>

#include "store/mailbox/body.h"
#include "store/mailbox/file.h"
#include "store/maildir/filename.h"

namespace pennypost::store {
namespace {

constexpr std::size_t write_bytes = 256 * 1024;
constexpr std::int64_t draft_age_seconds = 36 * 3600;
constexpr std::size_t drafts_looked_at_max = 10'000;

// Collects blocks, so that a small message costs one write.
class BlockWriter {
 public:
  BlockWriter(int descriptor, const std::string& path) : descriptor_(descriptor), path_(path) {}
  Result<void> add(std::string_view block) {
    counter_.count(block);
    buffer_ += block;
    return buffer_.size() < write_bytes ? Result<void>() : flush();
  }
  Result<void> flush() {
    auto written = write_all(descriptor_, buffer_, path_);
    buffer_.clear();
    return written;
  }
  const LineEndCounter& counter() const { return counter_; }

 private:
  int descriptor_;
  const std::string& path_;
  std::string buffer_;
  LineEndCounter counter_;
};

}  // namespace

Result<Draft> Draft::write(const MaildirLayout& layout, const std::string& directory,
                           std::string_view top, const Pieces& body,
                           std::optional<std::int64_t> mtime) {
  const auto& settings = layout.settings();
  auto path =
      directory + "/tmp/" + unique_filename(settings.clock->now().count(), settings.hostname);
  TRY(auto file, open_file(path, O_WRONLY | O_CREAT | O_EXCL));
  Draft draft(directory, path);
  BlockWriter writer(file.number(), path);
  TRY_DO(writer.add(top));
  TRY_DO(for_each_block(body, [&writer](std::string_view block) { return writer.add(block); }));
  TRY_DO(writer.flush());
  if (mtime) {
    const timespec times[2] = {{*mtime, 0}, {*mtime, 0}};
    if (::futimens(file.number(), times) != 0) return file_error("set the time of", path);
  }
  if (settings.fsync) {
    TRY_DO(sync_file(file.number(), path));
  }
  draft.stored_bytes_ = writer.counter().stored_bytes();
  draft.octets_ = writer.counter().octets();
  return draft;
}

Draft::Draft(Draft&& other) noexcept
    : directory_(std::move(other.directory_)),
      path_(std::move(other.path_)),
      stored_bytes_(other.stored_bytes_),
      octets_(other.octets_) {
  other.path_.clear();
}

Draft& Draft::operator=(Draft&& other) noexcept {
  std::swap(directory_, other.directory_);
  std::swap(path_, other.path_);
  std::swap(stored_bytes_, other.stored_bytes_);
  std::swap(octets_, other.octets_);
  return *this;
}

Draft::~Draft() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

std::string Draft::base_name(std::string_view unique) const {
  return std::string(unique) + ",S=" + std::to_string(stored_bytes_) +
         ",W=" + std::to_string(octets_);
}

Result<void> Draft::publish(std::string_view where, std::string_view name) {
  auto target = directory_ + "/" + std::string(where) + "/" + std::string(name);
  int failed = ::renameat2(AT_FDCWD, path_.c_str(), AT_FDCWD, target.c_str(), RENAME_NOREPLACE);
  if (failed != 0 && (errno == EINVAL || errno == ENOSYS)) {
    // On a file system without RENAME_NOREPLACE, link() does not replace a file either.
    failed = ::link(path_.c_str(), target.c_str());
    if (failed == 0) ::unlink(path_.c_str());
  }
  if (failed != 0) return file_error("create", target);
  path_.clear();
  return {};
}

void remove_old_drafts(const std::string& directory, const Clock& clock) {
  auto path = directory + "/tmp";
  auto oldest = clock.now_seconds() - draft_age_seconds;
  std::vector<std::string> old;
  // A failure here must not prevent serving the mailbox.
  auto listed =
      list_directory(path, drafts_looked_at_max, [&](std::string_view name, unsigned char) {
        auto file = path + "/" + std::string(name);
        struct stat status {};
        if (::lstat(file.c_str(), &status) != 0 || !S_ISREG(status.st_mode)) return;
        if (status.st_mtim.tv_sec < oldest && status.st_ctim.tv_sec < oldest) old.push_back(file);
      });
  if (!listed) return;
  for (const auto& file : old) ::unlink(file.c_str());
}

}  // namespace pennypost::store
