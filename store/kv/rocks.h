// Adapts RocksDB for the files of store/kv: statuses as Errors, options of a Profile, values with
// checksums.
//
// Only for .cpp files of this folder, since it includes RocksDB's headers.
#pragma once

#include <rocksdb/io_status.h>
#include <rocksdb/options.h>
#include <rocksdb/status.h>

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "common/base/result.h"
#include "store/kv/database.h"

namespace pennypost::store {

/// `what` names the action and the path, as in "open /var/spool/pennypost/queue".
Error storage_error(const rocksdb::Status& status, const std::string& what);
Error storage_error(StorageProblem problem, const std::string& text);

/// `number` is errno's.
rocksdb::IOStatus io_error(const std::string& what, int number);

rocksdb::Options rocks_options(const Profile& profile);

/// The value followed by its checksum, and the way back; nothing if the checksum is wrong.
std::string guard_value(std::string_view key, std::string_view value);
std::optional<std::string_view> unguard_value(std::string_view key, std::string_view stored);

inline rocksdb::Slice slice(std::string_view text) { return {text.data(), text.size()}; }
inline std::string_view view(const rocksdb::Slice& text) { return {text.data(), text.size()}; }

}  // namespace pennypost::store
