// Builds an immutable database directory from entries in ascending order.
//
// This is ten times faster than filling a Database with a whole map, since no log is written. If
// the builder is destroyed before finish(), the directory is removed. Read it with
// Database::open_read_only(directory, Profile::table()).
#pragma once

#include <filesystem>
#include <memory>
#include <string_view>

#include "common/base/result.h"
#include "store/kv/database.h"

namespace pennypost::store {

class TableBuilder {
 public:
  /// Begins a database in `directory`, which must not exist yet. Errors: Full, Failed.
  static Result<TableBuilder> create(const std::filesystem::path& directory);
  TableBuilder(TableBuilder&&) noexcept;
  TableBuilder& operator=(TableBuilder&&) noexcept;
  ~TableBuilder();

  /// Keys must come in strictly ascending order of their bytes; anything else is Failed.
  Result<void> add(std::string_view key, std::string_view value);
  /// Writes everything to disk and syncs it; readers may open it from now on.
  Result<void> finish();

 private:
  struct Impl;
  explicit TableBuilder(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace pennypost::store
