#include "store/maps/generation.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <system_error>
#include <utility>
#include <vector>

#include "common/base/text.h"
#include "store/kv/table.h"

namespace pennypost::store {
namespace fs = std::filesystem;
namespace {

constexpr int open_tries_max = 10;

fs::path beside(const fs::path& base, const std::string& suffix) {
  fs::path path = base;
  path += suffix;
  return path;
}

Error failed(const std::string& what, int problem) {
  auto kind = problem == ENOSPC || problem == EDQUOT ? StorageProblem::Full
              : problem == ENOENT                    ? StorageProblem::Absent
                                                     : StorageProblem::Failed;
  return Error(static_cast<int>(kind), what + ": " + std::strerror(problem));
}

Result<void> sync_directory(const fs::path& directory) {
  int fd = ::open(directory.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (fd < 0) return failed(directory.string(), errno);
  int result = ::fsync(fd);
  int problem = errno;
  ::close(fd);
  if (result != 0) return failed("sync " + directory.string(), problem);
  return {};
}

Result<void> grant(const fs::path& path, mode_t mode, const TableAccess& access) {
  bool chowns = ::geteuid() == 0 && (access.owner || access.group);
  if (chowns && ::lchown(path.c_str(), access.owner.value_or(static_cast<uid_t>(-1)),
                         access.group.value_or(static_cast<gid_t>(-1))) != 0) {
    return failed("chown " + path.string(), errno);
  }
  if (::chmod(path.c_str(), mode) != 0) return failed("chmod " + path.string(), errno);
  return {};
}

// The files first: nobody can reach them until the directory is opened to others.
Result<void> grant_all(const fs::path& directory, const TableAccess& access) {
  mode_t readable = access.mode & 0444;
  std::error_code problem;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    // Readers don't need RocksDB's info log and lock.
    auto name = entry->path().filename().string();
    if (name.starts_with("LOG") || name == "LOCK") {
      ::unlink(entry->path().c_str());
      continue;
    }
    TRY_DO(grant(entry->path(), readable | 0200, access));
  }
  if (problem) return failed(directory.string(), problem.value());
  return grant(directory, readable | readable >> 2 | 0300, access);
}

struct Generation {
  std::uint64_t begun;
  fs::path path;
};

std::vector<Generation> generations_of(const fs::path& base) {
  std::vector<Generation> found;
  std::string prefix = base.filename().string() + ".rdb.";
  std::error_code problem;
  for (fs::directory_iterator entry(base.parent_path(), problem), end; !problem && entry != end;
       entry.increment(problem)) {
    std::string name = entry->path().filename().string();
    if (!name.starts_with(prefix)) continue;
    if (auto number = parse_number(std::string_view(name).substr(prefix.size()))) {
      found.push_back({*number, entry->path()});
    }
  }
  std::ranges::sort(found, {}, &Generation::begun);
  return found;
}

// Removes generations that were replaced long enough ago, and what a builder that died left over:
// nobody else builds while we hold the lock.
void remove_old(const fs::path& base, const Clock& clock, Microseconds keep_old) {
  auto current = current_generation(base);
  if (!current && storage_problem(current.error()) != StorageProblem::Absent) return;
  auto all = generations_of(base);
  auto now = static_cast<std::uint64_t>(clock.now().count());
  auto keep = static_cast<std::uint64_t>(keep_old.count());
  bool is_newer_than_current = false;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (current && all[i].path.filename() == current->filename()) {
      is_newer_than_current = true;
      continue;
    }
    bool was_replaced_long_ago = keep == 0 || (i + 1 < all.size() && all[i + 1].begun + keep < now);
    std::error_code ignored;
    if (is_newer_than_current || was_replaced_long_ago) fs::remove_all(all[i].path, ignored);
  }
}

Result<void> build_table(const fs::path& directory,
                         const std::map<std::string, std::string>& entries,
                         const TableAccess& access) {
  mode_t before = ::umask(0077);
  auto built = [&]() -> Result<void> {
    TRY(auto builder, TableBuilder::create(directory));
    for (const auto& [key, value] : entries) {
      TRY_DO(builder.add(key, value));
    }
    return builder.finish();
  }();
  ::umask(before);
  if (!built) return built;
  TRY_DO(grant_all(directory, access));
  return sync_directory(directory);
}

Result<void> replace_link(const fs::path& base, const fs::path& generation) {
  auto link = beside(base, ".rdb");
  auto fresh = beside(base, ".rdb.new");
  ::unlink(fresh.c_str());
  if (::symlink(generation.filename().c_str(), fresh.c_str()) != 0) {
    return failed("symlink " + fresh.string(), errno);
  }
  if (::rename(fresh.c_str(), link.c_str()) != 0)
    return failed("rename to " + link.string(), errno);
  return sync_directory(base.parent_path());
}

}  // namespace

Result<TableAccess> TableAccess::of(const fs::path& file) {
  struct stat status;
  if (::stat(file.c_str(), &status) != 0) return failed(file.string(), errno);
  return TableAccess{status.st_mode & 0777u, status.st_uid, status.st_gid};
}

Result<BuildLock> BuildLock::take(const fs::path& base, Rights rights) {
  TRY(auto owner, rights == Rights::Own ? ActingOwner::none() : ActingOwner::take(base));
  auto path = beside(base, ".rdb.lock");
  Descriptor file(::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!file) return failed(path.string(), errno);
  while (::flock(file.number(), LOCK_EX) != 0) {
    if (errno != EINTR) return failed("lock " + path.string(), errno);
  }
  return BuildLock(std::move(owner), std::move(file));
}

Result<void> build_generation(const BuildLock&, const fs::path& base,
                              const std::map<std::string, std::string>& entries,
                              const TableAccess& access, const Clock& clock,
                              Microseconds keep_old) {
  if ((access.mode & 0004) == 0) keep_old = Microseconds{0};
  remove_old(base, clock, keep_old);
  auto begun = static_cast<std::uint64_t>(clock.now().count());
  for (const auto& generation : generations_of(base)) begun = std::max(begun, generation.begun + 1);
  auto directory = beside(base, ".rdb." + std::to_string(begun));
  auto built = build_table(directory, entries, access);
  if (built) built = replace_link(base, directory);
  if (!built) {
    std::error_code ignored;
    fs::remove_all(directory, ignored);
  } else if (keep_old.count() == 0) {
    remove_old(base, clock, keep_old);
  }
  return built;
}

Result<fs::path> current_generation(const fs::path& base) {
  auto link = beside(base, ".rdb");
  std::error_code problem;
  auto target = fs::read_symlink(link, problem);
  if (problem) return failed(link.string(), problem.value());
  return base.parent_path() / target.filename();
}

bool is_table_absent(const std::filesystem::path& base) {
  auto is_absent = [](const std::filesystem::path& path) {
    struct stat status;
    return ::lstat(path.c_str(), &status) != 0 && errno == ENOENT;
  };
  struct stat directory;
  return ::stat(base.parent_path().c_str(), &directory) == 0 && is_absent(base) &&
         is_absent(base.string() + ".rdb");
}

bool is_table_stale(const std::filesystem::path& base) {
  struct stat source;
  struct stat link;
  if (::stat(base.c_str(), &source) != 0) return false;
  std::string path = base.string() + ".rdb";
  if (::lstat(path.c_str(), &link) != 0) return errno == ENOENT;
  auto time_of = [](const struct stat& status) {
    return std::pair(status.st_mtim.tv_sec, status.st_mtim.tv_nsec);
  };
  return time_of(source) > time_of(link);
}

Result<OpenGeneration> open_generation(const fs::path& base) {
  for (int tries = 1;; ++tries) {
    TRY(auto path, current_generation(base));
    auto database = Database::open_read_only(path, Profile::table());
    if (database) return OpenGeneration{std::move(path), std::move(*database)};
    auto again = current_generation(base);
    bool was_replaced = again && *again != path;
    if (!was_replaced || tries == open_tries_max) return database.error();
  }
}

}  // namespace pennypost::store
