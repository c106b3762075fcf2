#include "store/kv/table.h"

#include <rocksdb/db.h>
#include <rocksdb/sst_file_writer.h>

#include <system_error>

#include "store/kv/rocks.h"

namespace pennypost::store {

struct TableBuilder::Impl {
  std::filesystem::path directory;
  rocksdb::Options options = rocks_options(Profile::table());
  std::unique_ptr<rocksdb::SstFileWriter> writer;
  std::size_t entries = 0;
  bool finished = false;

  std::string what() const { return "build " + directory.string(); }
  std::string file() const { return (directory / "entries.building").string(); }

  ~Impl() {
    writer.reset();
    std::error_code ignored;  // leftovers do no harm
    if (!finished) std::filesystem::remove_all(directory, ignored);
  }
};

TableBuilder::TableBuilder(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
TableBuilder::TableBuilder(TableBuilder&& other) noexcept = default;
TableBuilder& TableBuilder::operator=(TableBuilder&& other) noexcept = default;
TableBuilder::~TableBuilder() = default;

Result<TableBuilder> TableBuilder::create(const std::filesystem::path& directory) {
  std::error_code problem;
  bool created = std::filesystem::create_directory(directory, problem);
  if (problem || !created) {
    auto kind =
        problem == std::errc::no_space_on_device ? StorageProblem::Full : StorageProblem::Failed;
    return storage_error(kind, "build " + directory.string() + ": " +
                                   (problem ? problem.message() : "exists already"));
  }
  auto impl = std::make_unique<Impl>();
  impl->directory = directory;
  impl->options.create_if_missing = true;
  impl->writer = std::make_unique<rocksdb::SstFileWriter>(rocksdb::EnvOptions(), impl->options);
  auto status = impl->writer->Open(impl->file());
  if (!status.ok()) return storage_error(status, impl->what());
  return TableBuilder(std::move(impl));
}

Result<void> TableBuilder::add(std::string_view key, std::string_view value) {
  auto status = impl_->writer->Put(slice(key), guard_value(key, value));
  if (!status.ok()) return storage_error(status, impl_->what());
  ++impl_->entries;
  return {};
}

Result<void> TableBuilder::finish() {
  rocksdb::Status status;
  if (impl_->entries > 0) status = impl_->writer->Finish();
  if (!status.ok()) return storage_error(status, impl_->what());
  impl_->writer.reset();

  rocksdb::DB* opened = nullptr;
  status = rocksdb::DB::Open(impl_->options, impl_->directory.string(), &opened);
  if (!status.ok()) return storage_error(status, impl_->what());
  std::unique_ptr<rocksdb::DB> rocks(opened);
  if (impl_->entries > 0) {
    rocksdb::IngestExternalFileOptions how;
    how.move_files = true;
    status = rocks->IngestExternalFile({impl_->file()}, how);
  }
  if (status.ok()) status = rocks->Close();
  if (!status.ok()) return storage_error(status, impl_->what());
  rocks.reset();
  std::error_code ignored;  // an empty table leaves the file unfinished
  std::filesystem::remove(impl_->file(), ignored);
  impl_->finished = true;
  return {};
}

}  // namespace pennypost::store
