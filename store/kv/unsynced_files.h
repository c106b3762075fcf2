// Gives RocksDB file access that never waits for the disk, for caches that can be rebuilt.
//
// Opening a database syncs some eight times, and a flush or compaction in the background three
// times, while sessions wait for their own syncs. After a power cut an unsynced database may be
// damaged, or older than it was; RocksDB's checksums and ours detect the damage.
//
// Only for .cpp files of this folder.
#pragma once

#include <rocksdb/env.h>

namespace pennypost::store {

/// Lives as long as the process.
rocksdb::Env* unsynced_files();

}  // namespace pennypost::store
