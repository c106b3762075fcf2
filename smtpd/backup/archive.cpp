#include "smtpd/backup/archive.h"

#include <archive.h>
#include <archive_entry.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <string_view>

#include "common/base/assert.h"
#include "common/base/file.h"

namespace pennypost::smtp {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t bytes_at_once = 256 * 1024;

struct Form {
  std::string_view suffix;
  int (*add_filter)(archive*);
};
constexpr std::array forms{
    Form{".tar", ::archive_write_add_filter_none}, Form{".tar.gz", ::archive_write_add_filter_gzip},
    Form{".tgz", ::archive_write_add_filter_gzip}, Form{".tar.xz", ::archive_write_add_filter_xz},
    Form{".tar.zst", ::archive_write_add_filter_zstd}};

const Form* form_of(std::string_view file) {
  auto found =
      std::ranges::find_if(forms, [&](const Form& form) { return file.ends_with(form.suffix); });
  return found == forms.end() ? nullptr : &*found;
}

struct ArchiveFree {
  void operator()(archive* out) const { ::archive_write_free(out); }
};
struct EntryFree {
  void operator()(archive_entry* entry) const { ::archive_entry_free(entry); }
};

class Tar {
 public:
  explicit Tar(std::string file) : file_(std::move(file)), out_(::archive_write_new()) {}

  Result<void> open(const Form& form, const Descriptor& descriptor) {
    bool is_open = out_ && form.add_filter(out_.get()) == ARCHIVE_OK &&
                   ::archive_write_set_format_pax_restricted(out_.get()) == ARCHIVE_OK &&
                   ::archive_write_open_fd(out_.get(), descriptor.number()) == ARCHIVE_OK;
    return is_open ? Result<void>() : failed();
  }

  /// `name` is the path in the archive.
  Result<void> add(const std::string& path, const std::string& name) {
    struct stat status {};
    if (::lstat(path.c_str(), &status) != 0) return file_error("read", path);
    if (!S_ISREG(status.st_mode) && !S_ISDIR(status.st_mode) && !S_ISLNK(status.st_mode)) return {};
    std::unique_ptr<archive_entry, EntryFree> entry(::archive_entry_new());
    ::archive_entry_copy_stat(entry.get(), &status);
    ::archive_entry_copy_pathname(entry.get(), name.c_str());
    std::error_code problem;
    if (S_ISLNK(status.st_mode)) {
      ::archive_entry_copy_symlink(entry.get(), fs::read_symlink(path, problem).c_str());
    }
    Descriptor file;
    if (S_ISREG(status.st_mode)) {
      TRY(file, open_file(path, O_RDONLY | O_NOFOLLOW));
    }
    if (::archive_write_header(out_.get(), entry.get()) != ARCHIVE_OK) return failed();
    if (S_ISREG(status.st_mode)) return add_bytes(file, path);
    return {};
  }

  Result<void> close() {
    return ::archive_write_close(out_.get()) == ARCHIVE_OK ? Result<void>() : failed();
  }

 private:
  Result<void> add_bytes(const Descriptor& file, const std::string& path) {
    for (;;) {
      TRY(auto bytes, read_up_to(file.number(), bytes_at_once, path));
      if (bytes.empty()) return {};
      auto taken = ::archive_write_data(out_.get(), bytes.data(), bytes.size());
      if (taken < 0) return failed();
      // The archive holds as much as the file had when it was added.
      if (static_cast<std::size_t>(taken) < bytes.size()) return {};
    }
  }
  Error failed() const {
    const char* why = out_ ? ::archive_error_string(out_.get()) : nullptr;
    return Error::temporary("can't write " + file_ + (why ? std::string(": ") + why : ""));
  }

  std::string file_;
  std::unique_ptr<archive, ArchiveFree> out_;
};

Result<void> add_tree(Tar& tar, const std::string& path) {
  fs::path top(path);
  std::string name = top.filename();
  TRY_DO(tar.add(path, name));
  std::error_code problem;
  if (!fs::is_directory(fs::symlink_status(top, problem))) return {};
  fs::recursive_directory_iterator entry(top, problem);
  for (; !problem && entry != fs::recursive_directory_iterator(); entry.increment(problem)) {
    TRY_DO(tar.add(entry->path(), name + "/" + entry->path().lexically_relative(top).string()));
  }
  if (problem) return Error::temporary("can't read " + path + ": " + problem.message());
  return {};
}

}  // namespace

std::string archive_suffixes() {
  std::string text;
  for (const Form& form : forms) text += (text.empty() ? "" : ", ") + std::string(form.suffix);
  return text;
}

bool is_archive_name(const std::string& file) { return form_of(file) != nullptr; }

Result<void> write_archive(const std::string& file, const std::vector<std::string>& paths) {
  const Form* form = form_of(file);
  ASSERT(form != nullptr);
  std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  TRY(auto descriptor, open_file(fresh, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW));
  Tar tar(file);
  TRY_DO(tar.open(*form, descriptor));
  for (const auto& path : paths) {
    TRY_DO(add_tree(tar, path));
  }
  TRY_DO(tar.close());
  TRY_DO(sync_file(descriptor.number(), fresh));
  // link() and not rename(): what has the name meanwhile stays.
  if (::link(fresh.c_str(), file.c_str()) != 0) return file_error("make", file);
  ::unlink(fresh.c_str());
  return sync_directory(fs::path(file).parent_path());
}

}  // namespace pennypost::smtp
