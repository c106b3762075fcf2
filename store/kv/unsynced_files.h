// Nothing in, RocksDB's access to files out, without waiting for the disk.
//
// For a cache that is made anew when it is lost: opening a database syncs some eight times, and a
// flush or compaction in the background three times, while sessions wait for their own syncs. After
// a power cut such a database may be damaged, or older than it was; RocksDB's checksums and ours
// tell the former.
//
// Only for .cpp files of this folder.
#pragma once

#include <rocksdb/env.h>

namespace pennypost::store {

/// Lives as long as the process.
rocksdb::Env* unsynced_files();

}  // namespace pennypost::store
