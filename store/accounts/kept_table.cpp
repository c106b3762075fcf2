#include "store/accounts/kept_table.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

#include "common/base/file.h"
#include "common/base/text.h"
#include "common/mail/idn.h"
#include "store/accounts/system_users.h"
#include "store/maps/build.h"

namespace pennypost::store {
namespace {

Error failed(const std::string& what) {
  return Error::temporary(what + ": " + std::strerror(errno));
}

}  // namespace

Result<SourceText> SourceText::read(const std::string& file) {
  SourceText source;
  if (::access(file.c_str(), F_OK) != 0 && errno == ENOENT) return source;
  TRY(source.text_, read_source(file));
  TRY_DO(parse_source(source.text_, SourceSyntax::Table, file));
  return source;
}

std::optional<std::string> SourceText::value(const std::string& key) const {
  auto line = find(key);
  if (!line) return {};
  auto entry = parse_source_line(*line, SourceSyntax::Table);
  return entry ? std::optional(entry->value) : std::nullopt;
}

void SourceText::put(const std::string& key, const std::string& value) {
  std::string line = key + "\t" + value + "\n";
  if (auto old = find(key)) {
    text_.replace(old->begin, old->end - old->begin, line);
  } else {
    if (!text_.empty() && !text_.ends_with('\n')) text_ += '\n';
    text_ += line;
  }
}

void SourceText::erase(const std::string& key) {
  while (auto line = find(key)) text_.erase(line->begin, line->end - line->begin);
}

std::optional<LogicalLine> SourceText::find(const std::string& key) const {
  LogicalLines lines(text_);
  while (auto line = lines.next()) {
    auto entry = parse_source_line(*line, SourceSyntax::Table);
    if (entry && folded_address(entry->key) == key) return line;
  }
  return {};
}

Result<BuildLock> lock_kept_table(const std::string& file) {
  TRY(auto lock, BuildLock::take(file));
  if (lock.is_acting()) {
    return Error::permanent(file +
                            " must be in a directory that only root can change, and so must the "
                            "directories above it; chown root, chmod go-w");
  }
  return lock;
}

Result<void> write_source(const std::string& file, const std::string& text,
                          const SourceReaders& readers) {
  std::string fresh = file + ".new";
  ::unlink(fresh.c_str());
  int fd = ::open(fresh.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return failed(fresh);
  auto give_up = [&](Error error) {
    ::close(fd);
    ::unlink(fresh.c_str());
    return error;
  };
  struct stat old;
  bool existed = ::stat(file.c_str(), &old) == 0;
  mode_t mode = readers.is_secret ? 0600 : existed ? old.st_mode & 0777u : 0644u;
  if (readers.is_secret && readers.owner &&
      ::fchown(fd, *readers.owner, readers.group.value_or(static_cast<gid_t>(-1))) != 0) {
    return give_up(failed("chown " + fresh));
  }
  if (!readers.is_secret && existed && is_root() && ::fchown(fd, old.st_uid, old.st_gid) != 0) {
    return give_up(failed("chown " + fresh));
  }
  if (::fchmod(fd, mode) != 0) return give_up(failed("chmod " + fresh));
  if (auto written = write_all(fd, text, fresh); !written) return give_up(written.error());
  if (::fsync(fd) != 0) return give_up(failed("sync " + fresh));
  if (::rename(fresh.c_str(), file.c_str()) != 0) return give_up(failed("rename to " + file));
  ::close(fd);
  return {};
}

Result<void> build_kept_table(const BuildLock& lock, const std::string& file) {
  TRY(auto text, read_source(file));
  Entries entries;
  TRY_DO(add_entries(text, file, {}, entries));
  TRY(auto access, TableAccess::of(file));
  return build_generation(lock, file, entries, access);
}

}  // namespace pennypost::store
