#include "store/kv/salvage.h"

#include <fcntl.h>
#include <rocksdb/db.h>
#include <stdio.h>
#include <sys/file.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <system_error>

#include "common/base/file.h"
#include "store/kv/log_file.h"
#include "store/kv/rocks.h"

namespace pennypost::store {
namespace fs = std::filesystem;
namespace {

constexpr std::size_t places_told_max = 10;

Error failed(const std::string& what, const std::error_code& problem) {
  return storage_error(
      problem == std::errc::no_space_on_device ? StorageProblem::Full : StorageProblem::Failed,
      what + ": " + problem.message());
}

std::error_code last_error() { return {errno, std::generic_category()}; }

Result<void> sync_path(const fs::path& path) {
  TRY(auto file, open_file(path.string(), O_RDONLY));
  return sync_file(file.number(), path.string());
}

Result<std::string> read_whole(const fs::path& path) {
  TRY(auto file, open_file(path.string(), O_RDONLY));
  return read_up_to(file.number(), SIZE_MAX, path.string());
}

Result<void> write_file(const fs::path& path, const std::string& bytes) {
  TRY(auto file, open_file(path.string(), O_WRONLY | O_CREAT | O_TRUNC, 0644));
  TRY_DO(write_all(file.number(), bytes, path.string()));
  return sync_file(file.number(), path.string());
}

Result<std::vector<fs::path>> files_of(const fs::path& directory) {
  std::error_code problem;
  std::vector<fs::path> files;
  for (fs::directory_iterator entry(directory, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    if (entry->is_regular_file(problem)) files.push_back(entry->path());
  }
  if (problem) return failed("read " + directory.string(), problem);
  std::ranges::sort(files);
  return files;
}

// True if the only damage in the logs is an unfinished write at the end of the newest one, which is
// then cut off.
Result<bool> cut_unfinished_tail(const fs::path& directory) {
  TRY(auto files, files_of(directory));
  std::erase_if(files, [](const fs::path& file) { return file.extension() != ".log"; });
  std::optional<std::size_t> keep;
  for (const auto& file : files) {
    TRY(auto bytes, read_whole(file));
    auto content = read_log(bytes);
    if (!content.is_sound()) return false;
    if (content.unfinished_tail && file != files.back()) return false;
    if (content.unfinished_tail) keep = content.sound_bytes;
  }
  if (!keep) return false;
  if (::truncate(files.back().c_str(), static_cast<off_t>(*keep)) != 0) {
    return failed("truncate " + files.back().string(), last_error());
  }
  TRY_DO(sync_path(files.back()));
  return true;
}

// Fills `work` with the logs' readable entries and links to the table files.
Result<void> bring_over(const fs::path& from, const fs::path& work, Loss& loss) {
  std::error_code problem;
  fs::create_directory(work, problem);
  if (problem) return failed("create " + work.string(), problem);
  TRY(auto files, files_of(from));
  for (const auto& file : files) {
    auto target = work / file.filename();
    std::string name = file.filename().string();
    if (file.extension() == ".log") {
      TRY(auto bytes, read_whole(file));
      auto content = read_log(bytes);
      loss.keys.insert(loss.keys.end(), content.lost_keys.begin(), content.lost_keys.end());
      loss.unnamed += content.lost_unnamed;
      loss.repaired += content.repaired;
      for (auto place : content.places) {
        loss.places.push_back(name + " at octet " + std::to_string(place));
      }
      TRY_DO(write_file(target, write_log(content.batches)));
    } else if (file.extension() == ".sst") {
      fs::create_hard_link(file, target, problem);
      if (problem) fs::copy_file(file, target, problem);
    } else if (name == "CURRENT" || name.starts_with("MANIFEST") || name == "IDENTITY") {
      fs::copy_file(file, target, problem);
    }
    if (problem) return failed("copy " + file.string(), problem);
  }
  return {};
}

rocksdb::Status open_work(const rocksdb::Options& options, const fs::path& work,
                          std::unique_ptr<rocksdb::DB>& rocks) {
  rocksdb::DB* opened = nullptr;
  std::error_code ignored;
  auto status = fs::exists(work / "CURRENT", ignored)
                    ? rocksdb::DB::Open(options, work.string(), &opened)
                    : rocksdb::Status::Corruption("no CURRENT file");
  rocks.reset(opened);
  return status;
}

// Names the entries whose values are damaged, and erases them.
Result<void> check_values(rocksdb::DB& rocks, const fs::path& work, Loss& loss) {
  rocksdb::ReadOptions options;
  options.verify_checksums = false;  // a block with a wrong checksum may still hold sound values
  options.fill_cache = false;
  rocksdb::WriteBatch erasures;
  std::unique_ptr<rocksdb::Iterator> iterator(rocks.NewIterator(options));
  for (iterator->SeekToFirst(); iterator->Valid(); iterator->Next()) {
    if (unguard_value(view(iterator->key()), view(iterator->value()))) continue;
    loss.keys.push_back(iterator->key().ToString());
    erasures.Delete(iterator->key());
  }
  if (!iterator->status().ok()) loss.table_files_damaged = true;
  rocksdb::WriteOptions synced;
  synced.sync = true;
  auto status = rocks.Write(synced, &erasures);
  if (!status.ok()) return storage_error(status, "write " + work.string());
  return {};
}

Result<void> mend(const fs::path& work, const Profile& profile, Loss& loss) {
  auto options = rocks_options(profile);
  options.create_if_missing = false;
  std::unique_ptr<rocksdb::DB> rocks;
  auto status = open_work(options, work, rocks);
  if (!status.ok()) {
    loss.table_files_damaged = true;
    status = rocksdb::RepairDB(work.string(), options);
    if (status.ok()) status = open_work(options, work, rocks);
  }
  if (!status.ok()) return storage_error(status, "salvage " + work.string());
  TRY_DO(check_values(*rocks, work, loss));
  status = rocks->Close();
  if (!status.ok()) return storage_error(status, "close " + work.string());
  return sync_path(work);
}

// Swaps the names of `work` and `directory`.
Result<void> exchange(const fs::path& work, const fs::path& directory) {
  if (::renameat2(AT_FDCWD, work.c_str(), AT_FDCWD, directory.c_str(), RENAME_EXCHANGE) != 0) {
    return failed("exchange " + work.string() + " and " + directory.string(), last_error());
  }
  return sync_path(directory.parent_path());
}

Result<Loss> salvage(const fs::path& directory, const Profile& profile, const Clock& clock,
                     std::string cause) {
  Loss loss;
  loss.cause = std::move(cause);
  fs::path work = directory;
  work += ".salvaging";
  loss.copy = directory;
  loss.copy += ".damaged-" + std::to_string(clock.now_seconds());
  std::error_code ignored;
  fs::remove_all(work, ignored);
  auto done = bring_over(directory, work, loss);
  if (done) done = mend(work, profile, loss);
  if (!done) {
    fs::remove_all(work, ignored);
    return done.error();
  }
  std::error_code problem;
  fs::rename(work, loss.copy, problem);
  if (problem) return failed("rename " + work.string(), problem);
  TRY_DO(exchange(loss.copy, directory));
  std::ranges::sort(loss.keys);
  loss.keys.erase(std::unique(loss.keys.begin(), loss.keys.end()), loss.keys.end());
  return loss;
}

// Held while a database is opened. RocksDB's own lock is held by a database that is open, but not
// from one attempt to the next: two processes could salvage at once, and each remove the other's
// work. The directory above is what stays in its place meanwhile.
Result<Descriptor> lock_opening(const fs::path& directory) {
  std::error_code problem;
  fs::create_directories(directory.parent_path(), problem);
  if (problem) return failed("create " + directory.parent_path().string(), problem);
  TRY(auto above, open_file(directory.parent_path().string(), O_RDONLY | O_DIRECTORY));
  if (::flock(above.number(), LOCK_EX | LOCK_NB) != 0) {
    auto kind = errno == EWOULDBLOCK ? StorageProblem::Locked : StorageProblem::Failed;
    return storage_error(kind, "open " + directory.string() + ": " + std::strerror(errno));
  }
  return above;
}

}  // namespace

std::string Loss::text() const {
  std::string line = cause + "; " + std::to_string(repaired) + " places repaired, " +
                     std::to_string(keys.size() + unnamed) + " entries lost";
  for (std::size_t i = 0; i < std::min(places.size(), places_told_max); ++i) {
    line += (i == 0 ? " in " : ", ") + places[i];
  }
  if (places.size() > places_told_max) {
    line += " and " + std::to_string(places.size() - places_told_max) + " more places";
  }
  if (table_files_damaged) line += ", more may be missing from table files";
  return line + "; the damaged files are kept in " + copy.string();
}

Result<Salvaged> open_or_salvage(const fs::path& directory, const Profile& profile,
                                 const Clock& clock) {
  TRY(auto lock, lock_opening(directory));
  auto opened = Database::open(directory, profile);
  if (opened) return Salvaged{std::move(*opened), {}};
  if (storage_problem(opened.error()) != StorageProblem::Damaged) return opened.error();

  TRY(bool was_cut, cut_unfinished_tail(directory));
  if (was_cut) {
    opened = Database::open(directory, profile);
    if (opened) return Salvaged{std::move(*opened), {}};
  }
  TRY(auto loss, salvage(directory, profile, clock, opened.error().text()));
  TRY(auto database, Database::open(directory, profile));
  return Salvaged{std::move(database), std::move(loss)};
}

}  // namespace pennypost::store
