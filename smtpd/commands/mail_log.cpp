#include "smtpd/commands/mail_log.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <zlib.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <memory>

#include "common/base/descriptor.h"
#include "common/base/text.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr const char* usual_file = "/var/log/mail.log";
constexpr std::size_t line_bytes_max = 64 * 1024;  // a longer line is cut there

/// Gives whole lines on, and keeps what has no end yet.
class LineCutter {
 public:
  explicit LineCutter(const std::function<void(std::string_view)>& use) : use_(use) {}

  void take(std::string_view bytes) {
    auto end = bytes.rfind('\n');
    if (end == bytes.npos) {
      rest_ += bytes;
      if (rest_.size() > line_bytes_max) finish();
      return;
    }
    if (!rest_.empty()) {
      auto first = bytes.find('\n');
      rest_ += bytes.substr(0, first + 1);
      use_(rest_);
      rest_.clear();
      bytes.remove_prefix(first + 1);
      end = bytes.rfind('\n');
    }
    if (end != bytes.npos) {
      use_(bytes.substr(0, end + 1));
      bytes.remove_prefix(end + 1);
    }
    rest_ = bytes;
  }
  void finish() {
    if (!rest_.empty()) use_(rest_ + "\n");
    rest_.clear();
  }

 private:
  const std::function<void(std::string_view)>& use_;
  std::string rest_;
};

struct CloseGzip {
  void operator()(gzFile_s* file) const { gzclose(file); }
};

/// zlib reads plain files as they are.
Result<void> read_file_into(const std::string& path, LineCutter& cutter) {
  std::unique_ptr<gzFile_s, CloseGzip> file(gzopen(path.c_str(), "rbe"));
  if (!file) return Error::temporary(path + ": " + std::strerror(errno));
  gzbuffer(file.get(), 1 << 17);
  std::string chunk(log_chunk_bytes, '\0');
  for (;;) {
    const int count = gzread(file.get(), chunk.data(), static_cast<unsigned>(chunk.size()));
    if (count == 0) break;
    if (count < 0) {
      int code = 0;
      return Error::temporary(path + ": " + gzerror(file.get(), &code));
    }
    cutter.take({chunk.data(), static_cast<std::size_t>(count)});
  }
  cutter.finish();
  return {};
}

Result<void> read_journal_into(std::int64_t since, LineCutter& cutter) {
  std::array<int, 2> ends{};
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) return Error::temporary(std::strerror(errno));
  Descriptor reading(ends[0]);
  Descriptor writing(ends[1]);
  const std::string from = "@" + std::to_string(since);
  const pid_t child = ::fork();
  if (child == 0) {
    ::dup2(writing.number(), STDOUT_FILENO);
    ::execlp("journalctl", "journalctl", "--quiet", "--no-pager", "--output=short",
             "--facility=mail", "--since", from.c_str(), nullptr);
    ::_exit(127);
  }
  writing.close();
  if (child < 0) return Error::temporary(std::string("fork: ") + std::strerror(errno));
  std::string chunk(log_chunk_bytes, '\0');
  for (;;) {
    const auto count = ::read(reading.number(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    cutter.take({chunk.data(), static_cast<std::size_t>(count)});
  }
  cutter.finish();
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (WIFEXITED(status) && WEXITSTATUS(status) == 0) return {};
  return Error::temporary("there is no " + std::string(usual_file) +
                          ", and journalctl shows no log of this host's mail; set maillog_file");
}

/// Whether a name is that of the file after rotation.
bool is_elder(const std::string& name, const std::string& base) {
  if (!name.starts_with(base) || name.size() == base.size()) return false;
  std::string_view rest = std::string_view(name).substr(base.size());
  if (rest.ends_with(".gz")) rest.remove_suffix(3);
  if (rest.empty() || (rest.front() != '.' && rest.front() != '-')) return false;
  rest.remove_prefix(1);
  return !rest.empty() && std::ranges::all_of(rest, [](char c) {
    return (c >= '0' && c <= '9') || c == '-' || c == '.';
  });
}

}  // namespace

std::vector<std::string> log_files(const std::string& path, std::int64_t since) {
  struct File {
    std::string path;
    std::int64_t changed = 0;
  };
  std::vector<File> files;
  const fs::path whole(path);
  const std::string base = whole.filename();
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(whole.parent_path(), problem)) {
    const std::string name = entry.path().filename();
    struct stat status {};
    if (name != base && !is_elder(name, base)) continue;
    if (::stat(entry.path().c_str(), &status) != 0 || !S_ISREG(status.st_mode)) continue;
    if (status.st_mtim.tv_sec < since || files.size() == log_files_max) continue;
    files.push_back({entry.path().string(), status.st_mtim.tv_sec});
  }
  std::ranges::sort(files, [&](const File& a, const File& b) {
    // The file itself is the youngest, whatever the clock says.
    if ((a.path == path) != (b.path == path)) return b.path == path;
    return std::pair(a.changed, b.path) < std::pair(b.changed, a.path);
  });
  std::vector<std::string> paths;
  for (auto& file : files) paths.push_back(std::move(file.path));
  return paths;
}

Result<MailLog> MailLog::find(const Config& config, std::int64_t since) {
  const auto& file = config.maillog_file;
  if (!file.empty() && !file.starts_with("/dev/")) {
    auto files = log_files(file, since);
    if (files.empty()) return Error::temporary(file + ": there is no log file");
    return MailLog(std::move(files), since);
  }
  // Without files: the journal, which says itself if there is none.
  return MailLog(log_files(usual_file, since), since);
}

Result<void> MailLog::read(const std::function<void(std::string_view lines)>& use) const {
  LineCutter cutter(use);
  if (files_.empty()) return read_journal_into(since_, cutter);
  for (const auto& file : files_) {
    TRY_DO(read_file_into(file, cutter));
  }
  return {};
}

}  // namespace pennypost::smtp
