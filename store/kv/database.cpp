#include "store/kv/database.h"

#include <rocksdb/db.h>
#include <rocksdb/env.h>
#include <rocksdb/utilities/checkpoint.h>
#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <semaphore>
#include <system_error>
#include <thread>
#include <utility>

#include "common/base/text.h"
#include "store/kv/log_file.h"
#include "store/kv/log_reserve.h"
#include "store/kv/rocks.h"
#include "store/kv/write_pace.h"

namespace pennypost::store {
namespace {

constexpr std::chrono::milliseconds flush_wait_max{5000};
constexpr std::chrono::milliseconds flush_wait_step{1};
constexpr std::chrono::milliseconds resume_patience{500};

}  // namespace

StorageProblem storage_problem(const Error& error) {
  switch (error.code()) {
    case 450:
      return StorageProblem::Locked;
    case 452:
      return StorageProblem::Full;
    case 453:
      return StorageProblem::Damaged;
    case 454:
      return StorageProblem::Absent;
    case 455:
      return StorageProblem::Lost;
    default:
      return StorageProblem::Failed;
  }
}

Profile Profile::queue() {
  return {.memtable_bytes = 24u << 20,
          .memtable_bytes_tight = 6u << 20,
          .block_cache_bytes = 8u << 20,
          .fresh_files_max = 16,
          .open_files_max = 256,
          .log_reserve_bytes = 24u << 20,
          .strict_log = true,
          .compress = false,
          .map_files = false,
          .sync_files = true};
}

Profile Profile::small() {
  return {.memtable_bytes = 2u << 20,
          .memtable_bytes_tight = 2u << 20,
          .block_cache_bytes = 2u << 20,
          .fresh_files_max = 4,
          .open_files_max = 64,
          .log_reserve_bytes = 0,
          .strict_log = false,
          .compress = true,
          .map_files = false,
          .sync_files = false};
}

Profile Profile::table() {
  return {.memtable_bytes = 1u << 20,
          .memtable_bytes_tight = 1u << 20,
          .block_cache_bytes = 1u << 20,
          .fresh_files_max = 4,
          .open_files_max = -1,
          .log_reserve_bytes = 0,
          .strict_log = true,
          .compress = false,
          .map_files = true,
          .sync_files = true};
}

std::string prefix_end(std::string_view prefix) {
  std::string end(prefix);
  while (!end.empty() && static_cast<unsigned char>(end.back()) == 0xff) end.pop_back();
  if (!end.empty()) end.back() = static_cast<char>(static_cast<unsigned char>(end.back()) + 1);
  return end;
}

// Batch

struct Batch::Impl {
  rocksdb::WriteBatch changes;
};

Batch::Batch() : impl_(std::make_unique<Impl>()) {}
Batch::Batch(Batch&& other) noexcept = default;
Batch& Batch::operator=(Batch&& other) noexcept = default;
Batch::~Batch() = default;

void Batch::put(std::string_view key, std::string_view value) {
  auto status = impl_->changes.Put(slice(key), guard_value(key, value));
  ASSERT(status.ok());  // fails only beyond 4 GiB
}

void Batch::erase(std::string_view key) { ASSERT(impl_->changes.Delete(slice(key)).ok()); }

void Batch::single_erase(std::string_view key) {
  ASSERT(impl_->changes.SingleDelete(slice(key)).ok());
}

void Batch::erase_range(std::string_view begin, std::string_view end) {
  ASSERT(impl_->changes.DeleteRange(slice(begin), slice(end)).ok());
}

void Batch::erase_prefix(std::string_view prefix) {
  std::string end = prefix_end(prefix);
  ASSERT(!end.empty());
  erase_range(prefix, end);
}

bool Batch::empty() const { return impl_->changes.Count() == 0; }
std::size_t Batch::count() const { return impl_->changes.Count(); }
std::size_t Batch::bytes() const { return impl_->changes.GetDataSize(); }
void Batch::clear() { impl_->changes.Clear(); }

// Database

struct Database::Impl {
  std::filesystem::path directory;
  std::shared_ptr<WritePace> pace;      // of both, where logs have a reserve
  std::unique_ptr<LogReserve> reserve;  // of `rocks`
  std::unique_ptr<rocksdb::DB> rocks;
  std::size_t memtable_bytes = 0;
  std::size_t memtable_bytes_tight = 0;

  ~Impl() {
    if (pace) pace->hurry();
  }
  rocksdb::Status begin_memtable(const rocksdb::WriteOptions& options);
  void end_memtable();
  void wait_for_flush();
  void ask_for_flush();
  rocksdb::Status resume();
  Result<std::optional<std::string>> find(std::string_view key,
                                          const rocksdb::ReadOptions& options) const;
};

struct Snapshot::Impl {
  std::shared_ptr<Database::Impl> database;
  const rocksdb::Snapshot* moment;
  ~Impl() { database->rocks->ReleaseSnapshot(moment); }
};

struct Cursor::Impl {
  std::shared_ptr<Database::Impl> database;
  std::string begin;
  std::string end;
  rocksdb::Slice end_bound;  // RocksDB keeps a pointer to it
  std::unique_ptr<rocksdb::Iterator> iterator;
  std::optional<std::string_view> value;  // of the entry that the iterator stands at

  Impl(std::shared_ptr<Database::Impl> owner, std::string from, std::string to,
       const rocksdb::Snapshot* at)
      : database(std::move(owner)), begin(std::move(from)), end(std::move(to)), end_bound(end) {
    rocksdb::ReadOptions options;
    options.snapshot = at;
    if (!end.empty()) options.iterate_upper_bound = &end_bound;
    iterator.reset(database->rocks->NewIterator(options));
    iterator->Seek(begin);
    look();
  }
  void look() {
    value.reset();
    if (iterator->Valid()) value = unguard_value(view(iterator->key()), view(iterator->value()));
  }
};

Database::Database(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) {}
Database::Database(Database&& other) noexcept = default;
Database& Database::operator=(Database&& other) noexcept = default;
Database::~Database() = default;

// Tables or logs without the file that names them must not be taken for an empty database.
static bool has_remains(const std::filesystem::path& directory) {
  std::error_code problem;
  for (std::filesystem::directory_iterator entry(directory, problem), end; !problem && entry != end;
       entry.increment(problem)) {
    auto extension = entry->path().extension();
    if (extension == ".sst" || extension == ".log") return true;
  }
  return false;
}

Result<Database> Database::open(const std::filesystem::path& directory, const Profile& profile) {
  return open_as(directory, profile, false);
}

Result<Database> Database::open_read_only(const std::filesystem::path& directory,
                                          const Profile& profile) {
  return open_as(directory, profile, true);
}

Result<Database> Database::open_as(const std::filesystem::path& directory, const Profile& profile,
                                   bool read_only) {
  std::string what = "open " + directory.string();
  auto options = rocks_options(profile);
  std::error_code problem;
  bool has_current = std::filesystem::exists(directory / "CURRENT", problem);
  rocksdb::DB* rocks = nullptr;
  rocksdb::Status status;
  std::shared_ptr<WritePace> pace;
  std::unique_ptr<LogReserve> reserve;
  if (read_only) {
    if (!has_current) {
      return storage_error(problem ? StorageProblem::Failed : StorageProblem::Absent,
                           what + ": " + (problem ? problem.message() : "no database there"));
    }
    status = rocksdb::DB::OpenForReadOnly(options, directory.string(), &rocks);
  } else {
    std::filesystem::create_directories(directory, problem);
    if (problem) {
      return storage_error(
          problem == std::errc::no_space_on_device ? StorageProblem::Full : StorageProblem::Failed,
          what + ": " + problem.message());
    }
    if (!has_current && has_remains(directory)) {
      return storage_error(StorageProblem::Damaged, what + ": no CURRENT file beside the others");
    }
    options.create_if_missing = true;
    if (profile.log_reserve_bytes > 0) {
      pace = std::make_shared<WritePace>();
      reserve = std::make_unique<LogReserve>(directory, profile.log_reserve_bytes, pace);
      options.env = reserve->env();
      options.rate_limiter = pace->limiter();
      options.write_buffer_size += options.write_buffer_size / 4;  // end_memtable() comes first
    }
    status = rocksdb::DB::Open(options, directory.string(), &rocks);
  }
  if (!status.ok()) return storage_error(status, what);
  auto impl = std::make_shared<Impl>();
  impl->directory = directory;
  impl->pace = std::move(pace);
  impl->reserve = std::move(reserve);
  impl->rocks.reset(rocks);
  impl->memtable_bytes = profile.memtable_bytes;
  impl->memtable_bytes_tight = profile.memtable_bytes_tight;
  return Database(std::move(impl));
}

Result<std::optional<std::string>> Database::Impl::find(std::string_view key,
                                                        const rocksdb::ReadOptions& options) const {
  rocksdb::PinnableSlice stored;
  auto status = rocks->Get(options, rocks->DefaultColumnFamily(), slice(key), &stored);
  if (status.IsNotFound()) return std::optional<std::string>();
  if (!status.ok()) return storage_error(status, "read " + directory.string());
  auto value = unguard_value(key, view(stored));
  if (!value) {
    return storage_error(StorageProblem::Damaged,
                         "read " + directory.string() + ": wrong checksum of a value");
  }
  return std::optional<std::string>(*value);
}

Result<std::optional<std::string>> Database::find(std::string_view key) const {
  return impl_->find(key, {});
}

Result<std::optional<std::string>> Database::find(std::string_view key, const Snapshot& at) const {
  rocksdb::ReadOptions options;
  options.snapshot = at.impl_->moment;
  return impl_->find(key, options);
}

Cursor Database::scan(std::string_view prefix) const {
  return Cursor(
      std::make_unique<Cursor::Impl>(impl_, std::string(prefix), prefix_end(prefix), nullptr));
}

Cursor Database::scan(std::string_view prefix, const Snapshot& at) const {
  return Cursor(std::make_unique<Cursor::Impl>(impl_, std::string(prefix), prefix_end(prefix),
                                               at.impl_->moment));
}

Cursor Database::scan_range(std::string_view begin, std::string_view end) const {
  return Cursor(
      std::make_unique<Cursor::Impl>(impl_, std::string(begin), std::string(end), nullptr));
}

Snapshot Database::snapshot() const {
  auto impl = std::make_unique<Snapshot::Impl>();
  impl->database = impl_;
  impl->moment = impl_->rocks->GetSnapshot();
  return Snapshot(std::move(impl));
}

// Where a log can't be written while its memtable is empty, Resume() goes on with that very log,
// and RocksDB 7.8 aborts at the next write to it. So a memtable begins with an erasure of nothing,
// which fits into the room that each log begins with (log_reserve.cpp), in a write of its own; and
// memtables are changed by us between two commits, never by RocksDB within one.
//
// Where the next memtable's log can't be made, RocksDB 7.8 takes that for fatal and Resume()
// refuses for ever. So neither a commit nor heal() begins before that log is sure
// (LogReserve::ensure_next).
rocksdb::Status Database::Impl::begin_memtable(const rocksdb::WriteOptions& options) {
  std::uint64_t entries = 0;
  bool is_known =
      rocks->GetIntProperty(rocksdb::DB::Properties::kNumEntriesActiveMemTable, &entries);
  if (is_known && entries > 0) return rocksdb::Status::OK();
  return rocks->Delete(options, slice(log_filler_key));
}

// RocksDB 7.8 forgets a flush that is asked for while another runs that then fails: Resume() would
// wait for it for ever. So there is one at a time.
void Database::Impl::wait_for_flush() {
  using Properties = rocksdb::DB::Properties;
  for (std::chrono::milliseconds waited{0}; waited < flush_wait_max; waited += flush_wait_step) {
    std::uint64_t running = 0;
    std::uint64_t pending = 0;
    bool is_known = rocks->GetIntProperty(Properties::kNumRunningFlushes, &running) &&
                    rocks->GetIntProperty(Properties::kMemTableFlushPending, &pending);
    if (!is_known || running + pending == 0) return;
    std::this_thread::sleep_for(flush_wait_step);
  }
}

// What goes wrong here shows at the next commit.
void Database::Impl::end_memtable() {
  std::uint64_t bytes = 0;
  bool is_known = rocks->GetIntProperty(rocksdb::DB::Properties::kCurSizeActiveMemTable, &bytes);
  if (!is_known) return;
  // Not more than the log has room for, so that the next one, which has more, comes soon.
  std::uint64_t in_advance = reserve->log_bytes();
  std::size_t full = in_advance > 0 ? std::min(memtable_bytes, in_advance) : memtable_bytes;
  bool is_small = bytes < std::min(memtable_bytes_tight, full);
  if (is_small && bytes < full / 2) return;
  bool has_room = bytes < full && reserve->has_room();
  if (has_room && bytes >= full / 2) reserve->prepare();
  if (bytes >= full - full / 4) pace->hurry();
  if (is_small || has_room) return;
  wait_for_flush();
  pace->begin_memtable(bytes, std::chrono::steady_clock::now());
  ask_for_flush();
}

void Database::Impl::ask_for_flush() {
  rocksdb::FlushOptions flush;
  flush.wait = false;
  flush.allow_write_stall = true;
  rocks->Flush(flush).PermitUncheckedError();
}

// One flush that is pending may still fail while Resume() asks for its own, which RocksDB then
// forgets, and Resume() waits. It is asked for again, by another thread, until Resume() returns.
rocksdb::Status Database::Impl::resume() {
  std::binary_semaphore is_over{0};
  std::thread watch([&] {
    while (!is_over.try_acquire_for(resume_patience)) ask_for_flush();
  });
  auto status = rocks->Resume();
  is_over.release();
  watch.join();
  return status;
}

Result<void> Database::commit(Batch& batch, Sync sync) {
  rocksdb::WriteOptions options;
  options.sync = sync == Sync::Yes;
  bool has_reserve = impl_->reserve != nullptr;
  if (has_reserve) {
    TRY_DO(impl_->reserve->ensure_next());
  }
  auto status = has_reserve ? impl_->begin_memtable(options) : rocksdb::Status::OK();
  if (status.ok()) status = impl_->rocks->Write(options, &batch.impl_->changes);
  if (!status.ok()) return storage_error(status, "write " + impl_->directory.string());
  if (has_reserve) impl_->end_memtable();
  batch.clear();
  return {};
}

Result<void> Database::heal() {
  if (impl_->reserve != nullptr) {
    TRY_DO(impl_->reserve->ensure_next());
  }
  // A flush that still runs, and fails while Resume() does, would make RocksDB forget the one that
  // Resume() asks for: see wait_for_flush().
  impl_->rocks->PauseBackgroundWork().PermitUncheckedError();
  impl_->rocks->ContinueBackgroundWork().PermitUncheckedError();
  auto status = impl_->resume();
  if (status.severity() >= rocksdb::Status::Severity::kFatalError) {
    return storage_error(StorageProblem::Lost, "heal " + impl_->directory.string() + ": " +
                                                   printable(status.ToString(), 500));
  }
  if (!status.ok()) return storage_error(status, "heal " + impl_->directory.string());
  return {};
}

Result<void> Database::flush() {
  if (impl_->pace) impl_->pace->hurry();
  auto status = impl_->rocks->Flush({});
  if (!status.ok()) return storage_error(status, "flush " + impl_->directory.string());
  return {};
}

Result<void> Database::compact() {
  auto status = impl_->rocks->CompactRange({}, nullptr, nullptr);
  if (!status.ok()) return storage_error(status, "compact " + impl_->directory.string());
  return {};
}

Result<void> Database::checkpoint(const std::filesystem::path& directory) {
  std::string what = "copy " + impl_->directory.string() + " to " + directory.string();
  // What is in memory goes to table files first: a log has room in reserve that is no part of it.
  if (impl_->reserve) impl_->wait_for_flush();
  TRY_DO(flush());
  rocksdb::Checkpoint* maker = nullptr;
  auto status = rocksdb::Checkpoint::Create(impl_->rocks.get(), &maker);
  std::unique_ptr<rocksdb::Checkpoint> owned(maker);
  if (status.ok()) status = owned->CreateCheckpoint(directory.string(), 0);
  if (!status.ok()) return storage_error(status, what);
  return {};
}

const std::filesystem::path& Database::directory() const { return impl_->directory; }

// Snapshot and Cursor

Snapshot::Snapshot(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Snapshot::Snapshot(Snapshot&& other) noexcept = default;
Snapshot& Snapshot::operator=(Snapshot&& other) noexcept = default;
Snapshot::~Snapshot() = default;

Cursor::Cursor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Cursor::Cursor(Cursor&& other) noexcept = default;
Cursor& Cursor::operator=(Cursor&& other) noexcept = default;
Cursor::~Cursor() = default;

bool Cursor::valid() const { return impl_->value.has_value(); }

void Cursor::next() {
  ASSERT(valid());
  impl_->iterator->Next();
  impl_->look();
}

void Cursor::seek(std::string_view key) {
  impl_->iterator->Seek(slice(std::max(key, std::string_view(impl_->begin))));
  impl_->look();
}

std::string_view Cursor::key() const {
  ASSERT(valid());
  return view(impl_->iterator->key());
}

std::string_view Cursor::value() const {
  ASSERT(valid());
  return *impl_->value;
}

Result<void> Cursor::status() const {
  std::string what = "read " + impl_->database->directory.string();
  if (!impl_->iterator->status().ok()) return storage_error(impl_->iterator->status(), what);
  if (impl_->iterator->Valid() && !impl_->value) {
    return storage_error(StorageProblem::Damaged, what + ": wrong checksum of a value");
  }
  return {};
}

}  // namespace pennypost::store
